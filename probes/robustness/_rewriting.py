"""Rewrites titles a word at a time, to please a model or at random, always close to what they were."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...models.base import Request
from ...models.data import Catalog, FloatArray
from .._rows import probability
from ..base import Auditee

_WORD = re.compile(r"[^\W\d_]{3,}")
"""Words of three letters or more; years, numbers and small words stay."""

ORIGINAL, REWRITTEN, CONTROL = "original", "rewritten", "control"
TUNED, SCORED = "tuned", "scored"

Scorer = Callable[[Sequence[tuple[int, str]]], FloatArray]
"""Takes (target, title) pairs to the mean probability of "yes" for each."""


@dataclass(frozen=True)
class Target:
    """An item whose title is rewritten.

    Parameters
    ----------
    tuned, scored : people who never met it: those whose answers choose the words, and others.
    pool : words that may come in.
    """

    item: int
    title: str
    tuned: tuple[Request, ...]
    scored: tuple[Request, ...]
    pool: tuple[str, ...]


@dataclass(frozen=True)
class Draft:
    """A title on its way: its text, and the places of the words that were changed."""

    text: str
    changed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Titles:
    """A target with the title that was rewritten to please, and with those changed at random."""

    target: Target
    draft: Draft
    controls: tuple[str, ...]


def words_of(title: str) -> list[str]:
    """The words of a title that may be changed."""
    return _WORD.findall(title)


def vocabulary(catalog: Catalog) -> list[str]:
    """Every such word of the catalogue's titles once, sorted."""
    return sorted({word for title in catalog.titles for word in words_of(title)})


def similarity(title: str, other: str) -> float:
    """1 - (letters put in and taken out) / (letters of both), in [0, 1]: normalised Indel similarity."""
    from rapidfuzz.distance import Indel

    return float(Indel.normalized_similarity(title, other))


def edits(original: str, draft: Draft, pool: Sequence[str], *, least: float) -> Iterator[Draft]:
    """Every title that changes one more word and stays at least so similar to the original."""
    for place, found in enumerate(_WORD.finditer(draft.text)):
        if place in draft.changed:
            continue
        for word in pool:
            text = draft.text[: found.start()] + word + draft.text[found.end() :]
            if word.lower() != found[0].lower() and similarity(original, text) >= least:
                yield Draft(text, (*draft.changed, place))


def without_words(title: str, *, at_most: int) -> list[str]:
    """The title without its first word, without its second, and so on."""
    found = list(_WORD.finditer(title))[:at_most]
    return [" ".join((title[: one.start()] + title[one.end() :]).split()) for one in found]


def pleasing(
    targets: Sequence[Target], score: Scorer, *, budget: int, max_words: int, least: float
) -> list[Draft]:
    """Greedy rewriting by word importance: first the word whose loss helps most, for the best of the pool.

    All targets take each step together, so that a model is asked in few large batches. A word is left as
    it is where no change raises the score.
    """
    drafts = [Draft(target.title) for target in targets]
    best = score([(at, target.title) for at, target in enumerate(targets)])
    shorter = [
        (at, text)
        for at, target in enumerate(targets)
        for text in without_words(target.title, at_most=max_words)
    ]
    helped = score(shorter)
    owner = np.array([at for at, _ in shorter], dtype=np.int64)
    orders = [np.argsort(-helped[owner == at], kind="stable").tolist() for at in range(len(targets))]
    for step in range(budget):
        tried = [
            (at, one)
            for at, (target, draft, order) in enumerate(zip(targets, drafts, orders, strict=True))
            if step < len(order)
            for one in edits(target.title, draft, target.pool, least=least)
            if one.changed[-1] == order[step]
        ]
        scores = score([(at, one.text) for at, one in tried])
        for (at, one), reached in zip(tried, scores.tolist(), strict=True):
            if reached > best[at]:
                drafts[at], best[at] = one, reached
    return drafts


def at_random(target: Target, *, n_edits: int, least: float, rng: np.random.Generator) -> str:
    """As many words changed at random, from the same pool and no less similar; fewer if no more can be."""
    draft = Draft(target.title)
    for _ in range(n_edits):
        options = list(edits(target.title, draft, target.pool, least=least))
        if options:
            draft = options[int(rng.integers(len(options)))]
    return draft.text


def titled(request: Request, target: Target, text: str) -> Request:
    """The request about the target alone, under this title."""
    titles = () if text == target.title else ((target.item, text),)
    return replace(request, candidates=(target.item,), titles=titles)


def scorer(auditee: Auditee, targets: Sequence[Target]) -> Scorer:
    """Mean probability of "yes" among the people whose answers choose the words."""

    def score(pairs: Sequence[tuple[int, str]]) -> FloatArray:
        requests = [titled(one, targets[at], text) for at, text in pairs for one in targets[at].tuned]
        said = probability(np.array([odds[0] for odds in auditee.log_odds(requests)]))
        ends = np.cumsum([len(targets[at].tuned) for at, _ in pairs])[:-1]
        return np.array([part.mean() for part in np.split(said, ends)] if pairs else [])

    return score


def ask_titles(auditee: Auditee, titles: Sequence[Titles]) -> dict[str, npt.NDArray[np.generic]]:
    """Ask both halves about the original and the rewritten title, and those who score about the controls.

    As evidence columns: one row an answer, its version "half/title".
    """
    asked = list[tuple[str, int, Request]]()
    for one in titles:
        target, texts = one.target, {ORIGINAL: one.target.title, REWRITTEN: one.draft.text}
        controls = {f"{CONTROL} {number}": text for number, text in enumerate(one.controls, 1)}
        halves = {SCORED: (target.scored, texts | controls), TUNED: (target.tuned, texts)}
        asked += [
            (f"{half}/{name}", target.item, titled(person, target, text))
            for half, (people, shown) in halves.items()
            for name, text in shown.items()
            for person in people
        ]
    odds = auditee.log_odds([request for _, _, request in asked])
    return {
        "cluster": np.array([request.history.user for _, _, request in asked], dtype=np.int64),
        "item": np.array([item for _, item, _ in asked], dtype=np.int64),
        "version": np.array([version for version, _, _ in asked], dtype=np.str_),
        "log_odds": np.array([own[0] for own in odds], dtype=np.float64),
    }
