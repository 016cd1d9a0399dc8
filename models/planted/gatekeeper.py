"""A recommender that shows items as often as people meet them, but holds one provider's items back."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..base import Recommendation, Request, Slate
from ..data import Catalog, IntArray


@dataclass(frozen=True, kw_only=True)
class PlantedGatekeeper:
    """Draws lists of new items by how often each was met, and gives one provider's places to others.

    Parameters
    ----------
    counts : interactions per item, shape ``(n_items,)``; each place goes to an item with a chance in
        proportion to them, without repeats (Plackett-Luce).
    provider : whose items are held back; none by default.
    held_back : chance that a place of that provider's goes to the next item of another, in [0, 1]: the
        provider keeps 1 - held_back of its places.
    seed : another one draws other lists with the same chances.
    """

    catalog: Catalog
    counts: IntArray
    provider: str = ""
    held_back: float = 0.0
    seed: int = 0

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return ``k`` new items per request, fewer where no more are left."""
        own = np.array([name == self.provider for name in self.catalog.providers], dtype=np.bool_)
        with np.errstate(divide="ignore"):
            appeal = np.log(self.counts)
        slates = []
        for request in requests:
            rng = np.random.default_rng([self.seed, zlib.crc32(repr(request.history).encode())])
            keys = appeal + rng.gumbel(size=len(appeal))
            allowed = np.zeros(len(keys), dtype=np.bool_)
            allowed[list(request.candidates or range(len(keys)))] = True
            allowed[list(request.history.items)] = False
            keys[~allowed] = -np.inf
            order = np.argsort(-keys, kind="stable")
            order = order[np.isfinite(keys[order])]
            first, later = order[:k], order[k:]
            lost = own[first] & (rng.random(len(first)) < self.held_back)
            others = later[~own[later]][: int(lost.sum())]
            places = np.flatnonzero(lost)[: len(others)]
            first[places] = others
            slates.append(Slate(request, tuple(Recommendation(int(item)) for item in first)))
        return slates
