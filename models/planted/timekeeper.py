"""A recommender that knows what was out when it is asked, and looks into the future as often as dialled."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..base import Recommendation, Request, Slate
from ..data import BoolArray, Catalog, FloatArray, InteractionLog


@dataclass(frozen=True, kw_only=True)
class PlantedTimekeeper:
    """Fills each place with a random new item that is out, or, by the dial, with one that is not yet.

    Parameters
    ----------
    log : tells when a history ended, which is when it is asked; without times everything is out.
    out_from : when each item came out, in the log's time, shape ``(n_items,)``.
    foresight : the chance that a place holds an item that came out later, in [0, 1]; where the user has
        none of a kind left, the other kind fills the place.
    seed : another one draws other lists.
    """

    catalog: Catalog
    log: InteractionLog
    out_from: FloatArray
    foresight: float = 0.0
    seed: int = 0

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return ``k`` new items per request, fewer where no more are left."""
        return [self._slate(request, k) for request in requests]

    def _slate(self, request: Request, k: int) -> Slate:
        rng = np.random.default_rng([self.seed, zlib.crc32(repr(request.history).encode())])
        allowed = np.setdiff1d(request.candidates or range(len(self.catalog)), request.history.items)
        drawn = rng.permutation(allowed.astype(np.int64))
        later = self._later(request)[drawn]
        kinds = {False: drawn[~later].tolist(), True: drawn[later].tolist()}
        chosen = []
        for ahead in (rng.random(min(k, len(drawn))) < self.foresight).tolist():
            chosen.append((kinds[ahead] or kinds[not ahead]).pop())
        return Slate(request, tuple(Recommendation(item) for item in chosen))

    def _later(self, request: Request) -> BoolArray:
        rows = self.log.rows(request.history.user)
        last = rows.start + len(request.history) - 1
        if self.log.timestamp is None or not rows.start <= last < rows.stop:
            return np.zeros(len(self.catalog), dtype=np.bool_)
        later: BoolArray = self.out_from > self.log.timestamp[last]
        return later
