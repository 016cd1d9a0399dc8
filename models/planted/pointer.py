"""A recommender that points at an item and misses, or changes its mind, exactly as far as is dialled.

Every item lies at a random place. The honest model points at the item nearest to the mean of the history's
places and recommends what lies around the point. Distances are dialled in spacings: the median distance
from an item to its nearest neighbour.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..base import Recommendation, Request, Slate
from ..data import Catalog, Example, FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class PointerDials:
    """What is wrong with a planted pointer; all zero is honest.

    Parameters
    ----------
    miss : how far its points lie from the item it means, root mean square, in spacings.
    restless : the chance that it means another, random item, drawn anew for each draw, in [0, 1].
    """

    miss: float = 0.0
    restless: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PlantedPointer:
    """A recommender whose aim is known.

    Parameters
    ----------
    dim : dimensions of the space of items.
    softness : how far a restored item comes out from where it lies, root mean square, in spacings.
    seed : another one puts the items elsewhere.
    draw : which of its random numbers it answers with.
    """

    catalog: Catalog
    dials: PointerDials = PointerDials()
    dim: int = 16
    softness: float = 0.1
    seed: int = 0
    draw: int = 0

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return the ``k`` items nearest to its point, by default all but the history's own."""
        points = self.generate(requests)
        return [self._slate(request, point, k) for request, point in zip(requests, points, strict=True)]

    def redrawn(self, draw: int) -> PlantedPointer:
        """Return the same model with other random numbers; draw 0 is the one it answers by itself."""
        return replace(self, draw=draw)

    def item_vectors(self) -> FloatArray:
        """Return where each item lies, shape ``(n_items, dim)``."""
        return self._places

    def generate(self, requests: Sequence[Request]) -> FloatArray:
        """Return the point made for each request, shape ``(n_requests, dim)``."""
        return np.array([self._point(request) for request in requests]).reshape(-1, self.dim)

    def restored(self, examples: Sequence[Example], *, rng: np.random.Generator) -> FloatArray:
        """Return each true next item, off by ``softness``, shape ``(n_examples, dim)``."""
        items = np.array([example.target for example in examples], dtype=np.int64)
        return self._places[items] + self._off(self.softness, rng.normal(size=(len(items), self.dim)))

    @cached_property
    def _places(self) -> FloatArray:
        return np.random.default_rng(self.seed).normal(size=(len(self.catalog), self.dim))

    @cached_property
    def _spacing(self) -> float:
        apart = np.linalg.norm(self._places[:, None] - self._places, axis=2)
        np.fill_diagonal(apart, np.inf)
        return float(np.median(apart.min(axis=1)))

    def _off(self, spacings: float, normal: FloatArray) -> FloatArray:
        off: FloatArray = spacings * self._spacing / self.dim**0.5 * normal
        return off

    def _point(self, request: Request) -> FloatArray:
        words = zlib.crc32(repr(request.history).encode())
        mind, hand = np.random.default_rng([words, self.draw]), np.random.default_rng([words])
        items = self._allowed(request)
        if mind.random() < self.dials.restless:
            meant = int(mind.choice(items))
        else:
            own = list(request.history.items)
            meant = int(self._by_distance(items, self._places[own].mean(axis=0) if own else np.zeros(1))[0])
        point: FloatArray = self._places[meant] + self._off(self.dials.miss, hand.normal(size=self.dim))
        return point

    def _allowed(self, request: Request) -> IntArray:
        known = () if request.candidates else request.history.items
        return np.setdiff1d(request.candidates or np.arange(len(self.catalog)), known).astype(np.int64)

    def _by_distance(self, items: IntArray, point: FloatArray) -> IntArray:
        far = np.linalg.norm(self._places[items] - point, axis=1)
        ordered: IntArray = items[np.argsort(far, kind="stable")]
        return ordered

    def _slate(self, request: Request, point: FloatArray, k: int) -> Slate:
        nearest = self._by_distance(self._allowed(request), point)[:k]
        far = np.linalg.norm(self._places[nearest] - point, axis=1)
        entries = (
            Recommendation(item, -gap) for item, gap in zip(nearest.tolist(), far.tolist(), strict=True)
        )
        return Slate(request, tuple(entries))
