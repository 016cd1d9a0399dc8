"""A recommender that gives away who a person is, or what the person did, exactly as far as is dialled.

Every item lies at a random place. The honest part stands for a person by the mean place of the liked items
and recommends what lies that way, so that all it gives follows from the history. Two dials put something
more into it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..base import Recommendation, Request, Slate
from ..data import Catalog, FloatArray, History, IntArray


@dataclass(frozen=True, kw_only=True)
class DiscloserDials:
    """What a planted discloser gives away; all zero is honest.

    Parameters
    ----------
    shelf : the chance that a place of a list is filled from the shelf of the person's own group, in [0, 1].
    told : how far the groups lie apart in the last number of a person's vector, in standard deviations.
    """

    shelf: float = 0.0
    told: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PlantedDiscloser:
    """A recommender that knows a group of each person that histories need not show.

    Parameters
    ----------
    group : each person's group, for the dials.
    dim : of the space of items.
    vague : standard deviation of the luck in a person's vector, in that of an item's place.
    seed : another one puts the items elsewhere.
    """

    catalog: Catalog
    dials: DiscloserDials = DiscloserDials()
    group: Sequence[str] = ()
    dim: int = 8
    vague: float = 0.1
    seed: int = 0

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return ``k`` new items per request, fewer where no more are left."""
        return [self._slate(request, k) for request in requests]

    def representations(self, histories: Sequence[History]) -> FloatArray:
        """Return the mean place of what each history likes, and one more number, ``(n, dim + 1)``."""
        return np.array([self._vector(history) for history in histories]).reshape(-1, self.dim + 1)

    @cached_property
    def _places(self) -> FloatArray:
        return np.random.default_rng(self.seed).normal(size=(len(self.catalog), self.dim))

    @cached_property
    def _shelves(self) -> Mapping[str, IntArray]:
        """Items dealt out at random to the groups."""
        names = sorted(set(self.group))
        dealt = np.random.default_rng([self.seed, 1]).integers(max(1, len(names)), size=len(self.catalog))
        return {name: np.flatnonzero(dealt == at) for at, name in enumerate(names)}

    def _vector(self, history: History) -> FloatArray:
        luck = self._luck(history).normal(size=self.dim + 1)
        items = [item for item, like in zip(history.items, _likes(history), strict=True) if like]
        middle = self._places[items].mean(axis=0) if items else np.zeros(self.dim)
        told = self.dials.told * self._number(history.user)
        return np.append(middle + self.vague * luck[:-1], told + luck[-1])

    def _number(self, user: int) -> float:
        names = list(self._shelves)
        return float(names.index(self.group[user])) if names else 0.0

    def _slate(self, request: Request, k: int) -> Slate:
        free = np.zeros(len(self.catalog), dtype=np.bool_)
        free[list(request.candidates or range(len(self.catalog)))] = True
        if not request.candidates:
            free[list(request.history.items)] = False
        fits = self._places @ self._vector(request.history)[:-1]
        own = (
            self._shelves.get(self.group[request.history.user], np.arange(0)) if self.group else np.arange(0)
        )
        luck, chosen = self._luck(request.history), list[int]()
        for chance in luck.random(min(k, int(free.sum()))):
            kept = own[free[own]]
            shelf = len(kept) > 0 and chance < self.dials.shelf
            item = int(luck.choice(kept)) if shelf else int(np.where(free, fits, -np.inf).argmax())
            free[item] = False
            chosen.append(item)
        return Slate(request, tuple(Recommendation(item) for item in chosen))

    def _luck(self, history: History) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(repr(history).encode())])


def _likes(history: History) -> tuple[bool, ...]:
    return history.liked or (True,) * len(history)
