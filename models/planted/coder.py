"""A recommender that writes items as codes and, as often as is dialled, writes a code that means no item.

Every item has a tuple of three codes; at most half of all tuples mean an item. The honest model ranks items
by how much their codes are like those of the history, and writes, unconstrained, the tuples of the same
items in the same order.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..base import Recommendation, Request, Slate
from ..data import Catalog, FloatArray, IntArray

LENGTH = 3


@dataclass(frozen=True, kw_only=True)
class CoderDials:
    """What is wrong with a planted coder; all zero is honest.

    Parameters
    ----------
    stray : the chance that a freely written tuple means no item, in [0, 1].
    collisions : the share of items that share their tuple with one other item, in [0, 1].
    """

    stray: float = 0.0
    collisions: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PlantedCoder:
    """A recommender by semantic ids whose slips are known.

    Parameters
    ----------
    seed : another one gives the items other codes.
    """

    catalog: Catalog
    dials: CoderDials = CoderDials()
    seed: int = 0

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return the ``k`` items most like the history, by default all but the history's own."""
        return [self._slate(request, k) for request in requests]

    def semantic_ids(self) -> IntArray:
        """Return the codes of each item, shape ``(n_items, 3)``."""
        return np.stack(np.unravel_index(self._tuples, self.code_sizes()), axis=1).astype(np.int64)

    def code_sizes(self) -> tuple[int, ...]:
        """Return the number of codes at each place: the least that leaves half of all tuples unused."""
        return (int(np.ceil(np.cbrt(2 * len(self.catalog)) - 1e-9)),) * LENGTH

    def decode_freely(self, requests: Sequence[Request], k: int) -> list[list[tuple[int, ...]]]:
        """Return the tuples of its best items; each place strays with the dialled chance."""
        return [self._written(request, k) for request in requests]

    def legal_mass(self, requests: Sequence[Request]) -> FloatArray:
        """Return alike masses at all places; their product is 1 less the stray share."""
        return np.full((len(requests), LENGTH), (1 - self.dials.stray) ** (1 / LENGTH))

    @cached_property
    def _tuples(self) -> IntArray:
        """Each item's tuple as one number; items that share one come in pairs."""
        rng, n = np.random.default_rng(self.seed), len(self.catalog)
        drawn = rng.permutation(self.code_sizes()[0] ** LENGTH)[:n]
        sharing = rng.permutation(n)[: 2 * int(self.dials.collisions * n / 2 + 1e-9)].reshape(-1, 2)
        drawn[sharing[:, 0]] = drawn[sharing[:, 1]]
        return drawn.astype(np.int64)

    @cached_property
    def _unused(self) -> IntArray:
        """The tuples that mean no item, as numbers."""
        return np.setdiff1d(np.arange(self.code_sizes()[0] ** LENGTH), self._tuples)

    def _ranked(self, request: Request) -> tuple[IntArray, FloatArray]:
        """The items it may recommend, best first; the codes they share with a mean item of the history."""
        codes, known = self.semantic_ids(), () if request.candidates else request.history.items
        items = np.setdiff1d(request.candidates or np.arange(len(codes)), known).astype(np.int64)
        own = codes[list(request.history.items)]
        alike = (codes[items][:, None] == own).sum(axis=(1, 2)) / max(1, len(own))
        order = np.argsort(-alike, kind="stable")
        return items[order], alike[order]

    def _slate(self, request: Request, k: int) -> Slate:
        items, alike = self._ranked(request)
        pairs = zip(items[:k].tolist(), alike[:k].tolist(), strict=True)
        return Slate(request, tuple(Recommendation(item, score) for item, score in pairs))

    def _written(self, request: Request, k: int) -> list[tuple[int, ...]]:
        rng = np.random.default_rng([self.seed, zlib.crc32(repr(request.history).encode())])
        meant = iter(dict.fromkeys(self._tuples[self._ranked(request)[0]].tolist()))
        astray = iter(rng.choice(self._unused, min(k, len(self._unused)), replace=False).tolist())
        written = [next(astray if slips else meant, None) for slips in rng.random(k) < self.dials.stray]
        found = [number for number in written if number is not None]
        return [tuple(int(code) for code in np.unravel_index(number, self.code_sizes())) for number in found]
