"""One person in several guises: attributes changed alone and together, asked of items the person rated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ...models.base import Request
from ...models.data import BoolArray, FloatArray, IntArray, InteractionLog
from .._people import own_profile
from ..base import Auditee, NotApplicable
from ..stats.intervals import Interval, t_quantile
from ._attributes import Values, common_values, placebos, readable
from ._contrasts import Contrast

OWN = "own"


@dataclass(frozen=True)
class Guise:
    """One version of a person's request: these attributes changed to these values, the others as they are."""

    changes: tuple[tuple[str, str], ...]

    @property
    def condition(self) -> str:
        """Its name in the evidence."""
        return " and ".join(f"{name}={value}" for name, value in self.changes) or OWN

    def of(self, request: Request) -> Request:
        """The request in this guise."""
        for name, value in self.changes:
            request = replace(request, attributes=request.stating(name, value))
        return request


@dataclass(frozen=True)
class Wardrobe:
    """Which two values of each attribute are tried, and which attributes together.

    Parameters
    ----------
    values, placebos : attribute to its two values, of what is audited and of what means nothing.
    pairs : attributes that are changed together.
    idle_pairs : an attribute and a placebo, changed together: what nothing adds.
    """

    values: Values
    placebos: Values
    pairs: tuple[tuple[str, str], ...]
    idle_pairs: tuple[tuple[str, str], ...]

    @property
    def guises(self) -> list[Guise]:
        """The own request, every value alone, and all four values of each pair."""
        both = {**self.values, **self.placebos}
        found = [
            Guise(()),
            *(Guise(((name, value),)) for name, values in both.items() for value in values),
        ]
        for one, other in (*self.pairs, *self.idle_pairs):
            found += [Guise(((one, a), (other, b))) for a in both[one] for b in both[other]]
        return found


def wardrobe(auditee: Auditee, *, max_pairs: int) -> Wardrobe:
    """The two most common values of each attribute that the model reads, and at most ``max_pairs`` pairs.

    Raises
    ------
    NotApplicable
        If the model reads fewer than two attributes with two values.
    """
    known = readable(auditee)
    values = {
        name: common_values(own, auditee.log.attributes.get(name, ()), at_most=2)
        for name, own in known.items()
        if len(own) > 1
    }
    if len(values) < 2:
        raise NotApplicable(
            f"the model reads {', '.join(values) or 'no attribute'} with two or more values; two"
            " attributes are needed to change them together"
        )
    nothing = {name: own[:2] for name, own in placebos(auditee).items() if len(own) > 1}
    idle = tuple((name, other) for other in nothing for name in values)[:max_pairs]
    return Wardrobe(values, nothing, tuple(combinations(values, 2))[:max_pairs], idle)


def people_and_rated_items(
    auditee: Auditee, *, n_users: int, n_items: int, length: int, rng: np.random.Generator
) -> list[Request]:
    """One request a held-out person: ``length`` items, own profile, and up to ``n_items`` rated after them.

    Raises
    ------
    NotApplicable
        If the data has no likes, or nobody liked one and disliked another item after so many.
    """
    log, held_out = auditee.log, auditee.population.held_out
    if log.liked is None:
        raise NotApplicable(f"data {log.name!r} holds no likes and dislikes to compare answers with")
    able = {int(user): later for user in held_out if (later := _rated_later(log, int(user), length, n_items))}
    if not able:
        raise NotApplicable(
            f"none of {len(held_out)} held-out users liked one item and disliked another after {length}"
            " others; set a smaller length for this probe"
        )
    chosen = np.sort(rng.choice(list(able), min(n_users, len(able)), replace=False)).tolist()
    people = []
    for user in chosen:
        start, items = able[user]
        window = slice(start, start + length)
        history = replace(
            log.history(user), items=tuple(log.item[window].tolist()), liked=tuple(log.liked[window].tolist())
        )
        people.append(Request(history=history, candidates=items, attributes=own_profile(auditee, user, rng)))
    return people


def _rated_later(
    log: InteractionLog, user: int, length: int, n_items: int
) -> tuple[int, tuple[int, ...]] | None:
    """Where the history starts, and the new items after it; ``None`` unless some are liked and some not."""
    rows, liked = log.rows(user), log.liked
    start = max(rows.start, rows.stop - n_items - length)
    if liked is None or rows.stop - start <= length:
        return None
    later = np.arange(start + length, rows.stop)
    _, first = np.unique(log.item[later], return_index=True)
    later = later[np.sort(first)]
    later = later[~np.isin(log.item[later], log.item[start : start + length])]
    if not liked[later].any() or liked[later].all():
        return None
    return start, tuple(log.item[later].tolist())


def likes_of(log: InteractionLog, people: Sequence[Request]) -> list[BoolArray]:
    """Whether each person liked each candidate, by the last rating."""
    found = []
    for person in people:
        rows = log.rows(person.history.user)
        last = dict(zip(log.item[rows].tolist(), np.asarray(log.liked)[rows].tolist(), strict=True))
        found.append(np.array([last[item] for item in person.candidates], dtype=np.bool_))
    return found


def interaction_contrasts(pairs: Sequence[Sequence[str]], values: Values) -> list[tuple[str, list[Contrast]]]:
    """Both changed minus the sum of single changes: (l11 - l01) - (l10 - l00), as two contrasts a pair."""
    found = []
    for one, other in pairs:
        (a, b), (c, d) = values[one], values[other]
        cell = {(x, y): Guise(((one, x), (other, y))).condition for x in (a, b) for y in (c, d)}
        label = f"{one}: {b} vs {a}, with {other}: {d} vs {c}"
        found.append(
            (
                label,
                [
                    Contrast("changed", cell[b, d], (cell[a, d],)),
                    Contrast("alone", cell[b, c], (cell[a, c],)),
                ],
            )
        )
    return found


def like_gaps(
    log: InteractionLog, users: IntArray, values: Values, *, alpha: float
) -> dict[str, list[float]]:
    """How much more the second value's people like than the first's, in the data: interval in log-odds.

    The gap of mean like rates, each user counting once, on the logit scale by the delta method.
    """
    found = {}
    for name, (first, second) in values.items():
        if name not in log.attributes or log.liked is None:
            continue
        own = np.array(log.attributes[name])[users]
        rates = np.array([_rate(log, int(user)) for user in users])
        sides = [rates[(own == value) & ~np.isnan(rates)] for value in (first, second)]
        if interval := _logit_gap(*sides, alpha=alpha):
            found[name] = [interval.value, interval.low, interval.high]
    return found


def _rate(log: InteractionLog, user: int) -> float:
    liked = np.asarray(log.liked)[log.rows(user)]
    return float(liked.mean()) if len(liked) else float("nan")


def _logit_gap(first: FloatArray, second: FloatArray, *, alpha: float) -> Interval | None:
    means = [float(side.mean()) if len(side) > 1 else 0.0 for side in (first, second)]
    if not all(0 < mean < 1 for mean in means):
        return None
    slopes = [1 / (mean * (1 - mean)) for mean in means]
    spread = [
        slope**2 * float(side.var(ddof=1)) / len(side)
        for slope, side in zip(slopes, (first, second), strict=True)
    ]
    odds = [float(np.log(mean / (1 - mean))) for mean in means]
    value, se = odds[1] - odds[0], float(np.sqrt(sum(spread)))
    reach = t_quantile(alpha, min(len(first), len(second)) - 1) * se
    n = len(first) + len(second)
    return Interval(value, value - reach, value + reach, "gap of like rates, logit scale", n, n, se)


def ask_guises(
    auditee: Auditee, people: Sequence[Request], guises: Sequence[Guise]
) -> dict[str, npt.NDArray[np.generic]]:
    """Every guise of every person, as evidence columns: one row a rated item."""
    requests = [guise.of(person) for person in people for guise in guises]
    odds = auditee.log_odds(requests)
    counts = [len(row) for row in odds]
    own = [guise.of(person) == person for person in people for guise in guises]
    liked = [likes for likes in likes_of(auditee.log, people) for _ in guises]
    return {
        "cluster": np.repeat([request.history.user for request in requests], counts).astype(np.int64),
        "candidate": np.array([item for request in requests for item in request.candidates], dtype=np.int64),
        "condition": np.repeat([guise.condition for _ in people for guise in guises], counts),
        "own": np.repeat(own, counts),
        "liked": np.concatenate(liked),
        "score": np.concatenate(odds),
    }
