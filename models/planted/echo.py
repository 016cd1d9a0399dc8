"""A recommender whose list hangs on the history exactly as far as is dialled.

Every place of its list echoes one liked item of the history, picked by a fixed lottery among them, so that
an honest list changes in the share of places that lost their item, and no further: without k of n items,
k/n of the places.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..base import Recommendation, Request, Slate
from ..data import Catalog


@dataclass(frozen=True, kw_only=True)
class EchoDials:
    """What is wrong with a planted echo; all zero is honest. Every dial is a chance in [0, 1].

    Parameters
    ----------
    brittle : a place hangs on the whole history as it is written, so that any change to it tells.
    heedless : a place takes what was disliked for liked.
    """

    brittle: float = 0.0
    heedless: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PlantedEcho:
    """A recommender whose every place has one known reason."""

    catalog: Catalog
    dials: EchoDials = EchoDials()

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return ``k`` new items per request, fewer where no more are left."""
        return [self._slate(request, k) for request in requests]

    def _slate(self, request: Request, k: int) -> Slate:
        free = np.zeros(len(self.catalog), dtype=np.bool_)
        free[list(request.candidates or range(len(self.catalog)))] = True
        if not request.candidates:
            free[list(request.history.items)] = False
        chosen: list[int] = []
        for place in range(min(k, int(free.sum()))):
            lots = np.random.default_rng([self._reason(request, place), place]).random(len(free))
            chosen.append(int(np.where(free, lots, 1.0).argmin()))
            free[chosen[-1]] = False
        return Slate(request, tuple(Recommendation(item) for item in chosen))

    def _reason(self, request: Request, place: int) -> int:
        """A number for the liked item that a place echoes, or for the whole history; 0 for none."""
        history, user = request.history, request.history.user
        if _chance("brittle", user, place) < self.dials.brittle:
            return zlib.crc32(repr(history).encode())
        likes = history.liked or (True,) * len(history)
        heedless = _chance("heedless", user, place) < self.dials.heedless
        liked = [item for item, like in zip(history.items, likes, strict=True) if like or heedless]
        return 1 + min(liked, key=lambda item: zlib.crc32(f"{place}:{item}".encode()), default=-1)


def _chance(salt: str, user: int, place: int) -> float:
    return (zlib.crc32(f"{salt}:{user}:{place}".encode()) + 0.5) / 2**32
