"""A recommender of random lists that can leave a trace: one of the person, or a watermark, as dialled.

The honest lister shuffles the catalogue anew for every history and lists the first new items. Two dials put
something into its lists that the history does not call for.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..base import Recommendation, Request, Slate
from ..data import BoolArray, Catalog, IntArray


@dataclass(frozen=True, kw_only=True)
class ListerDials:
    """What a planted lister leaves in its lists; all zero is honest.

    Parameters
    ----------
    personal : the chance that a person always gets the same shuffle, whatever the history, in [0, 1].
    marked : the chance that a place takes the first item that is green after the one before it.
    alike : everybody gets the same shuffle.
    """

    personal: float = 0.0
    marked: float = 0.0
    alike: bool = False


@dataclass(frozen=True, kw_only=True)
class PlantedLister:
    """A recommender whose lists hang on nothing but luck and its dials.

    Parameters
    ----------
    green : whether an item (column) is green after another (row), shape ``(n_items, n_items)``; ``None``:
        nothing is marked.
    seed : another one draws other lists with the same chances.
    """

    catalog: Catalog
    dials: ListerDials = ListerDials()
    green: BoolArray | None = None
    seed: int = 0

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return ``k`` new items per request, fewer where no more are left."""
        return [self._slate(request, k) for request in requests]

    def _slate(self, request: Request, k: int) -> Slate:
        own = np.random.default_rng([self.seed, zlib.crc32(repr(request.history).encode())])
        shuffled = self._shuffled(request, own)
        allowed = request.candidates or np.setdiff1d(shuffled, request.history.items)
        left = shuffled[np.isin(shuffled, allowed)].tolist()
        chosen: list[int] = []
        for chance in own.random(min(k, len(left))):
            chosen.append(left.pop(self._next(chosen, left) if chance < self.dials.marked else 0))
        return Slate(request, tuple(Recommendation(item) for item in chosen))

    def _shuffled(self, request: Request, own: np.random.Generator) -> IntArray:
        """The catalogue in the order in which this request is filled."""
        person = np.random.default_rng([self.seed, request.history.user, 1])
        if self.dials.alike:
            return np.random.default_rng(self.seed).permutation(len(self.catalog))
        kept = person.random() < self.dials.personal
        return (person if kept else own).permutation(len(self.catalog))

    def _next(self, chosen: Sequence[int], left: Sequence[int]) -> int:
        """Where the first item stands that is green after the last one chosen; 0 if there is none."""
        if self.green is None or not chosen:
            return 0
        return int(np.argmax(self.green[chosen[-1], list(left)]))
