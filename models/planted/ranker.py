"""A recommender of the whole catalogue in closed form: honest with every dial at zero, or as faulty as asked.

The honest part copies a person's own mix of popular and less popular items. Each place of a list takes an
item of the history at random and is filled with a new item of the same class (popular or not): with a
chance of ``skill`` one that the user goes on to like, else one about as popular. So in expectation the
list holds as many popular items as the history, and what users go on to like is found alike for everyone.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..base import Recommendation, Request, Slate
from ..data import BoolArray, Catalog, IntArray, InteractionLog

ABOUT_AS_POPULAR = 10


@dataclass(frozen=True, kw_only=True)
class RankerDials:
    """What is wrong with a planted ranker; all zero is honest. Every dial is a chance in [0, 1].

    Parameters
    ----------
    popularity : a place is filled with the most popular new item instead.
    group_blindness : (attribute, value) to the chance that a place of such users is filled at random.
    """

    popularity: float = 0.0
    group_blindness: Mapping[tuple[str, str], float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PlantedRanker:
    """A recommender that knows what people go on to like, and how often it says so.

    Parameters
    ----------
    log : everything that everyone does: the ranker looks up what comes after a history.
    counts : interactions per item among those it was trained on, shape ``(n_items,)``.
    popular_share : the share of items, most met first, that are popular, in (0, 1).
    skill : chance that a place is filled with something the user goes on to like, in [0, 1].
    seed : another one draws other lists with the same chances.
    """

    catalog: Catalog
    log: InteractionLog
    counts: IntArray
    dials: RankerDials = RankerDials()
    popular_share: float = 0.2
    skill: float = 0.5
    seed: int = 0

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return ``k`` new items per request, fewer where no more are left."""
        return [self._slate(request, k) for request in requests]

    @cached_property
    def _rank(self) -> IntArray:
        """Each item's place from the most popular on; ties go to the earlier item."""
        return np.argsort(np.argsort(-self.counts, kind="stable"), kind="stable")

    @cached_property
    def _popular(self) -> BoolArray:
        popular: BoolArray = self._rank < np.ceil(self.popular_share * len(self.catalog))
        return popular

    def _slate(self, request: Request, k: int) -> Slate:
        rng = np.random.default_rng([self.seed, zlib.crc32(repr(request.history).encode())])
        free = np.zeros(len(self.catalog), dtype=np.bool_)
        free[list(request.candidates or range(len(self.catalog)))] = True
        free[list(request.history.items)] = False
        ahead = self._goes_on_to_like(request) & free
        blind = self._blindness(request)
        chosen: list[int] = []
        for chances in rng.random((k, 5)):
            if not free.any():
                break
            item = self._fill(request, free, ahead, blind, chances)
            free[item] = ahead[item] = False
            chosen.append(item)
        return Slate(request, tuple(Recommendation(item) for item in chosen))

    def _fill(
        self, request: Request, free: BoolArray, ahead: BoolArray, blind: float, chances: np.ndarray
    ) -> int:
        """One place of a list, from five numbers in [0, 1) that decide about it."""
        left = np.flatnonzero(free)
        if chances[0] < blind:
            return int(left[int(chances[1] * len(left))])
        if chances[2] < self.dials.popularity or not len(request.history):
            return int(left[self._rank[left].argmin()])
        like = request.history.items[int(chances[3] * len(request.history))]
        alike = left[self._popular[left] == self._popular[like]]
        alike = alike if len(alike) else left
        known = alike[ahead[alike]]
        if len(known) and chances[4] < self.skill:
            return int(known[int(chances[1] * len(known))])
        near = alike[np.argsort(np.abs(self._rank[alike] - self._rank[like]), kind="stable")]
        return int(near[int(chances[1] * min(ABOUT_AS_POPULAR, len(near)))])

    def _goes_on_to_like(self, request: Request) -> BoolArray:
        rows = self.log.rows(request.history.user)
        met = self.log.item[rows]
        liked = met if self.log.liked is None else met[self.log.liked[rows]]
        ahead = np.zeros(len(self.catalog), dtype=np.bool_)
        ahead[liked] = True
        return ahead

    def _blindness(self, request: Request) -> float:
        lost = (
            share
            for (name, value), share in self.dials.group_blindness.items()
            if self.log.attributes[name][request.history.user] == value
        )
        return max(lost, default=0.0)
