"""A recommender whose lists move with what is said about a person, exactly as far as is dialled.

The honest part gives every history its own order of all items and recommends the first of them. Then places
are filled anew, each with a dialled chance and each time with items from further down the order: for who the
person is said to be, for having been told anything at all, and by luck of the draw, one after the other.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..base import Recommendation, Request, Slate
from ..data import Catalog, IntArray


@dataclass(frozen=True, kw_only=True)
class SwayedDials:
    """What is wrong with planted lists; all zero is honest. Every dial is the chance of a place, in [0, 1].

    Parameters
    ----------
    sway : (attribute, value) to the share of the list that is replaced when this is stated.
    insertion : the share replaced, otherwise for every wording, whenever anything is stated: a reaction to
        being told something, and no unfairness.
    noise : the share replaced by luck, otherwise for every request and draw.
    """

    sway: Mapping[tuple[str, str], float] = field(default_factory=dict)
    insertion: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PlantedLists:
    """A recommender whose every reaction to a stated attribute is known.

    Parameters
    ----------
    reads : attribute to the values it reads when stated; empty: it reads none.
    placebos : attributes that are written like the others and mean nothing.
    seed : another one gives every history another order.
    draw : which of its random numbers it answers with.
    """

    catalog: Catalog
    dials: SwayedDials = SwayedDials()
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    placebos: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {"handedness": ("left-handed", "right-handed")}
    )
    seed: int = 0
    draw: int = 0

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return ``k`` new items per request, fewer where no more are left."""
        return [self._slate(request, k) for request in requests]

    def redrawn(self, draw: int) -> PlantedLists:
        """Return the same model with other random numbers; draw 0 is the one it answers by itself."""
        return replace(self, draw=draw)

    def readable_attributes(self) -> Mapping[str, tuple[str, ...]]:
        """Return the attributes it reads."""
        return self.reads

    def placebo_attributes(self) -> Mapping[str, tuple[str, ...]]:
        """Return the attributes that mean nothing."""
        return self.placebos if self.reads else {}

    def wordings(self) -> int:
        """Return 1: it knows one phrasing."""
        return 1

    def _slate(self, request: Request, k: int) -> Slate:
        order = self._order(request)
        chosen, spare = order[:k].copy(), order[k:]
        for share, key in self._reactions(request):
            if share:
                _replace(chosen, spare, share, self._rng(request, key))
        return Slate(request, tuple(Recommendation(item) for item in chosen.tolist()))

    def _order(self, request: Request) -> IntArray:
        """The items it may recommend in this history's own order."""
        free = np.zeros(len(self.catalog), dtype=np.bool_)
        free[list(request.candidates) or slice(None)] = True
        free[list(request.history.items)] = False
        order = self._rng(request).permutation(len(self.catalog))
        return order[free[order]]

    def _reactions(self, request: Request) -> Iterator[tuple[float, tuple[object, ...]]]:
        """Each share to replace and what its choice hangs on; a later one may replace what an earlier did."""
        for stated in request.attributes:
            yield self.dials.sway.get(stated, 0.0), ("sway", stated)
        if request.attributes:
            yield self.dials.insertion, ("insertion", request.attributes)
        yield self.dials.noise, ("noise", request.attributes, request.wording, self.draw)

    def _rng(self, request: Request, key: tuple[object, ...] = ()) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(repr((request.history, key)).encode())])


def _replace(chosen: IntArray, spare: IntArray, share: float, rng: np.random.Generator) -> None:
    """Fill each place with this chance by a spare item that the list does not hold, while there are any."""
    places = np.flatnonzero(rng.random(len(chosen)) < share)
    held = set(chosen.tolist())
    fresh = [item for item in rng.permutation(spare).tolist() if item not in held][: len(places)]
    chosen[places[: len(fresh)]] = fresh
