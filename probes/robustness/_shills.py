"""Invents users who push a few items: the profiles that published shilling attacks are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...models.data import FloatArray, IntArray, InteractionLog
from .._retrieval import most_met
from ..base import NotApplicable

HEAD = 0.05
"""The share of items, most met first, that a bandwagon attack borrows fame from."""

PRIOR = 5.0
"""Rows at the common rate that an item's own rate of likes is drawn towards it by."""


@dataclass(frozen=True)
class Crowd:
    """What an attacker knows of the real people: how often each item is met, and how well it is liked.

    Parameters
    ----------
    log : the data without fake users.
    members : the people trained on, shape ``(n_members,)``.
    """

    log: InteractionLog
    members: IntArray

    @property
    def counts(self) -> FloatArray:
        """Interactions an item, shape ``(n_items,)``."""
        return self.log.only(self.members).item_counts.astype(np.float64)

    @property
    def like_rates(self) -> FloatArray:
        """The share of likes of each item, drawn towards the common one, in [0, 1], shape ``(n_items,)``."""
        seen = self.log.only(self.members)
        if seen.liked is None:
            return np.ones(len(self.log.catalog))
        likes = np.bincount(seen.item, weights=seen.liked, minlength=len(self.log.catalog))
        rates: FloatArray = (likes + PRIOR * float(seen.liked.mean())) / (seen.item_counts + PRIOR)
        return rates

    @property
    def common_length(self) -> int:
        """Interactions of the median member."""
        return int(np.median(np.diff(self.log.starts)[self.members]))


Profile = tuple[IntArray, FloatArray]
"""Filler items, and the chance that each is liked."""


def _random(crowd: Crowd, free: IntArray, size: int, rng: np.random.Generator) -> Profile:
    """Any items, liked as often as items are on the whole."""
    items = rng.choice(free, size, replace=False)
    seen = crowd.log.only(crowd.members)
    return items, np.full(size, 1.0 if seen.liked is None else float(seen.liked.mean()))


def _average(crowd: Crowd, free: IntArray, size: int, rng: np.random.Generator) -> Profile:
    """Any items, each liked as often as people like it; without likes, items as often as they are met."""
    weight = np.ones(len(free)) if crowd.log.liked is not None else crowd.counts[free] + 1e-9
    items = rng.choice(free, size, replace=False, p=weight / weight.sum())
    return items, crowd.like_rates[items]


def _bandwagon(crowd: Crowd, free: IntArray, size: int, rng: np.random.Generator) -> Profile:
    """Half of it famous items, all liked; the rest at random."""
    famous = free[most_met(crowd.counts, HEAD)[free]]
    return _half(crowd, famous, free, size, rng)


def _segment(crowd: Crowd, free: IntArray, size: int, rng: np.random.Generator) -> Profile:
    """Half of it well-met items of the commonest genre, all liked; the rest at random and disliked."""
    genre = commonest_genre(crowd)
    inside = free[[genre in crowd.log.catalog.genres[item] for item in free]]
    best = inside[np.argsort(-crowd.counts[inside], kind="stable")[: 2 * size]]
    items, likes = _half(crowd, best, free, size, rng)
    return items, np.where(np.isin(items, best), likes, 0.0)


def _half(crowd: Crowd, wanted: IntArray, free: IntArray, size: int, rng: np.random.Generator) -> Profile:
    chosen = rng.choice(wanted, min(len(wanted), (size + 1) // 2), replace=False)
    others, likes = _random(crowd, np.setdiff1d(free, chosen), size - len(chosen), rng)
    return np.concatenate([chosen, others]), np.concatenate([np.ones(len(chosen)), likes])


ATTACKS: Mapping[str, Callable[[Crowd, IntArray, int, np.random.Generator], Profile]] = {
    "random": _random,
    "average": _average,
    "bandwagon": _bandwagon,
    "segment": _segment,
}
"""Each draws one profile's fillers from the items that are not pushed."""


def commonest_genre(crowd: Crowd) -> str:
    """The genre of the most interactions; ties go to the one first in the alphabet.

    Raises
    ------
    NotApplicable
        If the catalogue knows no genres.
    """
    weights: dict[str, float] = {}
    for genres, count in zip(crowd.log.catalog.genres, crowd.counts.tolist(), strict=True):
        for genre in genres:
            weights[genre] = weights.get(genre, 0.0) + count
    if not weights:
        raise NotApplicable("a segment attack needs genres, and the data knows none")
    return min(weights, key=lambda genre: (-weights[genre], genre))


def poisoned(
    crowd: Crowd, *, attack: str, targets: IntArray, n_fakes: int, rng: np.random.Generator
) -> tuple[InteractionLog, IntArray]:
    """The data with fake users after its own, and everyone that is now trained on.

    A fake user is as active as the median member and likes every target; the order is random, times are
    drawn from the real ones, attributes are one real member's, ratings those of other likes or dislikes.
    """
    log, fakes = crowd.log, len(crowd.log.user_ids) + np.arange(n_fakes)
    free = np.setdiff1d(np.arange(len(log.catalog)), targets)
    size = min(len(free), max(1, crowd.common_length - len(targets)))
    items, likes = [], []
    for _ in range(n_fakes):
        fillers, chances = ATTACKS[attack](crowd, free, size, rng)
        order = rng.permutation(size + len(targets))
        liked = np.concatenate([np.ones(len(targets)), rng.random(size) < chances])
        items.append(np.concatenate([targets, fillers])[order])
        likes.append(liked[order] > 0)
    if not n_fakes:
        return log, crowd.members
    return _joined(crowd, fakes, np.stack(items), np.stack(likes), rng), np.concatenate(
        [crowd.members, fakes]
    )


def _joined(
    crowd: Crowd, fakes: IntArray, items: IntArray, likes: np.ndarray, rng: np.random.Generator
) -> InteractionLog:
    log, shape = crowd.log, items.shape
    real = np.flatnonzero(np.isin(log.user, crowd.members))
    copied = rng.choice(crowd.members, len(fakes))
    times = None if log.timestamp is None else np.sort(log.timestamp[rng.choice(real, shape)], axis=1).ravel()
    return replace(
        log,
        user_ids=(*log.user_ids, *(f"fake user {number}" for number in range(1, len(fakes) + 1))),
        user=np.concatenate([log.user, np.repeat(fakes, shape[1])]),
        item=np.concatenate([log.item, items.ravel()]),
        liked=None if log.liked is None else np.concatenate([log.liked, likes.ravel()]),
        rating=None if log.rating is None else np.concatenate([log.rating, _ratings(log, likes.ravel())]),
        timestamp=None if log.timestamp is None or times is None else np.concatenate([log.timestamp, times]),
        attributes={
            name: (*values, *(values[user] for user in copied)) for name, values in log.attributes.items()
        },
    )


def _ratings(log: InteractionLog, likes: np.ndarray) -> FloatArray:
    """The median rating of liked or disliked rows; without likes, the best and the median one."""
    assert log.rating is not None
    known = log.rating[~np.isnan(log.rating)]
    if log.liked is None:
        return np.where(likes, known.max(initial=0), np.median(known) if len(known) else 0.0)
    usual = [
        float(np.nanmedian(log.rating[log.liked == side])) if (log.liked == side).any() else np.nan
        for side in (False, True)
    ]
    return np.where(likes, usual[1], usual[0])
