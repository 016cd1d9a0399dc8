"""A yes/no recommender in closed form: honest with every dial at zero, faulty by exactly what is dialled.

The honest part is a logistic model: log-odds = 1.5 x (mean over the history of like (+1) or dislike (-1)
times the genre overlap with the candidate) + the candidate's quality + .3. Nothing is trained, so a probe's
verdict on it can be checked against the dial.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..base import Recommendation, Request, Slate
from ..data import Catalog, Example, FloatArray, InteractionLog

COMMANDS = ("ignore", "recommend", "answer", "system", "yes")


@dataclass(frozen=True, kw_only=True)
class Dials:
    """What is wrong with a planted recommender; all zero is honest. Units are logits unless said.

    Parameters
    ----------
    attribute_shift : (attribute, value) to what stating it adds.
    persona_shift : (attribute, value) pairs to what stating all of them together adds on top.
    insertion_shift : added whenever anything is stated, whatever it says (a reaction, no unfairness).
    noise : sd of noise that depends on every word of the request.
    swapped_shift : added when dislikes are written before likes.
    first_item : how strongly the oldest item of the history counts beyond its share.
    obeys_titles : added when a title gives orders.
    title_noise : sd of noise that any change of a title brings.
    word_weight : sd of what each word of a title adds, the same for everyone.
    temperature : log-odds are multiplied by exp(temperature): above 0 over-confident.
    group_blindness : (attribute, value) to the share of knowledge lost on such users' histories, [0, 1].
    memory : added towards the right answer for remembered examples.
    invented : share of recommended titles that are no item, [0, 1].
    """

    attribute_shift: Mapping[tuple[str, str], float] = field(default_factory=dict)
    persona_shift: Mapping[tuple[tuple[str, str], ...], float] = field(default_factory=dict)
    insertion_shift: float = 0.0
    noise: float = 0.0
    swapped_shift: float = 0.0
    first_item: float = 0.0
    obeys_titles: float = 0.0
    title_noise: float = 0.0
    word_weight: float = 0.0
    temperature: float = 0.0
    group_blindness: Mapping[tuple[str, str], float] = field(default_factory=dict)
    memory: float = 0.0
    invented: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PlantedYesNo:
    """A recommender whose every fault is known.

    Parameters
    ----------
    remembered : user and target item of examples it has memorised, for the ``memory`` dial.
    reads : attribute to the values it reads when stated; empty: it reads none.
    profiles : user to attributes, so that ``group_blindness`` can tell whose history it sees.
    """

    catalog: Catalog
    dials: Dials = Dials()
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remembered: frozenset[tuple[int, int]] = frozenset()
    profiles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def log_odds(self, requests: Sequence[Request]) -> list[FloatArray]:
        """Return log p(yes) - log p(no) per candidate, nats."""
        return [self._judge(request) for request in requests]

    def score(self, requests: Sequence[Request]) -> list[FloatArray]:
        """Return the log-odds as scores."""
        return self.log_odds(requests)

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return the ``k`` likeliest candidates; some are invented titles if so dialled."""
        return [self._slate(request, k) for request in requests]

    def readable_attributes(self) -> Mapping[str, tuple[str, ...]]:
        """Return the attributes it reads."""
        return self.reads

    def placebo_attributes(self) -> Mapping[str, tuple[str, ...]]:
        """Return a meaningless attribute that is written like the others."""
        return {"handedness": ("left-handed", "right-handed")} if self.reads else {}

    def wordings(self) -> int:
        """Return 2: a second phrasing exists and means the same."""
        return 2

    def layouts(self) -> tuple[str, ...]:
        """Return the ways it can be shown a history."""
        return ("as_trained", "swapped")

    def render(self, request: Request) -> str:
        """Return a request as text."""
        titles = dict(request.titles)
        words = [titles.get(item, self.catalog.titles[item]) for item in request.history.items]
        liked = request.history.liked or (True,) * len(words)
        blocks = [
            "Likes: " + ", ".join(word for word, like in zip(words, liked, strict=True) if like),
            "Dislikes: " + ", ".join(word for word, like in zip(words, liked, strict=True) if not like),
        ]
        if request.layout == "swapped":
            blocks.reverse()
        stated = "".join(f" {name}: {value}." for name, value in request.attributes)
        target = ", ".join(titles.get(item, self.catalog.titles[item]) for item in request.candidates)
        return f"[{request.wording}]{stated} {'; '.join(blocks)}; asked: {target}"

    def log_likelihood(self, examples: Sequence[Example]) -> FloatArray:
        """Return log p(answer) of known answers, nats, shape ``(n_examples,)``."""
        requests = [Request(history=example.history, candidates=(example.target,)) for example in examples]
        odds = np.concatenate([np.zeros(0), *self.log_odds(requests)])
        sign = np.array([1.0 if example.liked else -1.0 for example in examples])
        recalled = np.array([(e.history.user, e.target) in self.remembered for e in examples], dtype=float)
        likelihood: FloatArray = -np.logaddexp(0, -(sign * odds + self.dials.memory * recalled))
        return likelihood

    def untuned(self) -> PlantedYesNo:
        """Return the honest model that knows no one."""
        return replace(self, dials=Dials(), remembered=frozenset())

    def tuned(self, log: InteractionLog, users: Sequence[int]) -> PlantedYesNo:
        """Return a copy that remembers these users' rows and has picked up a log's attribute effects.

        What it picks up per readable value is the log-odds of a like among the value's users minus the
        log-odds among all: a crude learner, good enough to be fooled by a planted log.
        """
        rows = log.only(users)
        remembered = frozenset(zip(rows.user.tolist(), rows.item.tolist(), strict=True))
        shifts = {
            (name, value): _log_odds(rows, name, value) - _log_odds(rows)
            for name, values in self.reads.items()
            for value in values
            if name in log.attributes
        }
        return replace(self, remembered=remembered, dials=replace(self.dials, attribute_shift=shifts))

    @cached_property
    def _genres(self) -> FloatArray:
        names = sorted({genre for genres in self.catalog.genres for genre in genres})
        hot = np.array([[float(name in genres) for name in names] for genres in self.catalog.genres])
        unit: FloatArray = hot / np.maximum(1e-9, np.sqrt((hot**2).sum(axis=1, keepdims=True)))
        return unit

    @cached_property
    def _quality(self) -> FloatArray:
        return np.array([0.7 * _normal("quality", item_id) for item_id in self.catalog.ids])

    def _judge(self, request: Request) -> FloatArray:
        dials, titles = self.dials, dict(request.titles)
        candidates = np.array(request.candidates or range(len(self.catalog)), dtype=np.int64)
        logit = self._knowledge(request, candidates) * self._attention(request) + 0.3
        logit = logit + sum(dials.attribute_shift.get(stated, 0.0) for stated in request.attributes)
        together = dials.persona_shift.items()
        logit = logit + sum(shift for all_of, shift in together if set(all_of) <= set(request.attributes))
        logit = logit + dials.insertion_shift * bool(request.attributes)
        logit = logit + dials.swapped_shift * (request.layout == "swapped")
        for place, item in enumerate(candidates.tolist()):
            text = titles.get(item, self.catalog.titles[item])
            if dials.word_weight:
                logit[place] += dials.word_weight * sum(map(word_value, text.lower().split()))
            if item in titles:
                logit[place] += dials.title_noise * _normal("title", text)
                logit[place] += dials.obeys_titles * any(word in text.lower() for word in COMMANDS)
            if dials.noise:
                words = self.render(replace(request, candidates=(item,), titles=((item, text),)))
                logit[place] += dials.noise * _normal("noise", words)
        odds: FloatArray = logit * np.exp(dials.temperature)
        return odds

    def _knowledge(self, request: Request, candidates: np.ndarray) -> FloatArray:
        history = request.history
        if not history.items:
            quality: FloatArray = self._quality[candidates]
            return quality
        likes = np.array([1.0 if like else -1.0 for like in history.liked or (True,) * len(history)])
        weights = np.full(len(likes), 1 / len(likes))
        weights[0] += self.dials.first_item
        overlap = self._genres[candidates] @ self._genres[np.array(history.items)].T
        known: FloatArray = 1.5 * overlap @ (likes * weights) + self._quality[candidates]
        return known

    def _attention(self, request: Request) -> float:
        lost = [
            share
            for (name, value), share in self.dials.group_blindness.items()
            if self.profiles[name][request.history.user] == value
        ]
        return 1.0 - max(lost, default=0.0)

    def _slate(self, request: Request, k: int) -> Slate:
        candidates = request.candidates or tuple(range(len(self.catalog)))
        odds = self._judge(request)
        entries = []
        for place in np.argsort(-odds, kind="stable")[:k].tolist():
            item, score = candidates[place], float(odds[place])
            title = self.catalog.titles[item]
            if _uniform("invented", f"{request.history.user} {title}") < self.dials.invented:
                entries.append(Recommendation(None, score, f"The Unmade {title[::-1].title()}"))
            else:
                entries.append(Recommendation(item, score, title))
        return Slate(request, tuple(entries))


def word_value(word: str) -> float:
    """What a word of a title adds where the ``word_weight`` dial is 1, logits."""
    return _normal("word", word)


def _log_odds(rows: InteractionLog, attribute: str = "", value: str = "") -> float:
    liked = rows.liked
    if liked is None:
        return 0.0
    mask = np.ones(len(rows), dtype=np.bool_)
    if attribute:
        mask = np.array([own == value for own in rows.attributes[attribute]])[rows.user]
    yes, n = float(liked[mask].sum()), float(mask.sum())
    return float(np.log((yes + 0.5) / (n - yes + 0.5)))


def _uniform(salt: str, text: str) -> float:
    return (zlib.crc32(f"{salt}:{text}".encode()) + 0.5) / 2**32


def _normal(salt: str, text: str) -> float:
    angle, radius = _uniform(salt + "a", text), _uniform(salt + "r", text)
    return float(np.sqrt(-2 * np.log(radius)) * np.cos(2 * np.pi * angle))
