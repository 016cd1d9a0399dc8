"""The same history with a few entries that do not belong, or without a few that do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...models.base import Request
from ...models.data import BoolArray, History, IntArray

DROPPED, SWAPPED, INSERTED = "dropped", "swapped", "inserted"
DISLIKED = "inserted as disliked"
SHUFFLED, STRANGER, RANDOM = "order shuffled", "another person's history", "random list"


@dataclass(frozen=True)
class Noised:
    """One person's request under one kind of noise, ``k`` entries of it; ``fresh`` are items that come in."""

    kind: str
    k: int
    request: Request
    fresh: tuple[int, ...] = ()

    @property
    def user(self) -> int:
        """Whose request it is."""
        return self.request.history.user


@dataclass(frozen=True)
class Accidents:
    """What chance does to one history, one accident after another, so that more noise adds to less.

    Parameters
    ----------
    order : the places of the history in the order in which they are hit.
    fresh : items that come in, most ``k`` of them.
    places : how far from the start each comes in, as a share of the history, in [0, 1).
    """

    history: History
    order: IntArray
    fresh: IntArray
    places: Sequence[float]

    @classmethod
    def of(
        cls,
        history: History,
        *,
        k: int,
        counts: IntArray,
        avoid: Collection[int],
        rng: np.random.Generator,
    ) -> Accidents:
        """Draw them; items come in by how often they are met, none of the history's own nor of ``avoid``."""
        free: BoolArray = np.ones(len(counts), dtype=np.bool_)
        free[[*history.items, *avoid]] = False
        chances = np.where(free, counts + 1.0, 0.0)
        n = min(k, int(free.sum()))
        fresh = (
            rng.choice(len(counts), n, replace=False, p=chances / chances.sum()) if n else np.array([], int)
        )
        return cls(history, rng.permutation(len(history)), fresh, rng.random(n).tolist())

    def history_under(self, kind: str, k: int) -> History:
        """The history with the first ``k`` accidents of this kind."""
        if kind == DROPPED:
            return self.history.reordered(np.sort(self.order[k:]).tolist())
        if kind == SHUFFLED:
            return self.history.reordered(self.order.tolist())
        return self._swapped(k) if kind == SWAPPED else self._inserted(k, liked=kind == INSERTED)

    def _swapped(self, k: int) -> History:
        items = list(self.history.items)
        for place, item in zip(self.order[:k].tolist(), self.fresh[:k].tolist(), strict=False):
            items[place] = item
        return replace(self.history, items=tuple(items))

    def _inserted(self, k: int, *, liked: bool) -> History:
        items, likes = list(self.history.items), list(self.history.liked)
        for item, share in zip(self.fresh[:k].tolist(), self.places[:k], strict=True):
            place = int(share * (len(items) + 1))
            items.insert(place, item)
            if self.history.liked:
                likes.insert(place, liked)
        return replace(self.history, items=tuple(items), liked=tuple(likes))


def noised(
    people: Sequence[Request],
    *,
    sizes: Sequence[int],
    avoid: Sequence[Collection[int]],
    counts: IntArray,
    rng: np.random.Generator,
) -> list[Noised]:
    """Every noised version of every person's request, the last being one with the next person's history."""
    found = []
    for person, other, kept in zip(people, [*people[1:], *people[:1]], avoid, strict=True):
        chance = Accidents.of(person.history, k=max(sizes), counts=counts, avoid=kept, rng=rng)
        fresh = tuple(chance.fresh.tolist())
        kinds = [DROPPED, INSERTED, SWAPPED, *([DISLIKED] if person.history.liked else [])]
        histories = [(kind, k, chance.history_under(kind, k)) for kind in kinds for k in sizes]
        histories += [(SHUFFLED, 0, chance.history_under(SHUFFLED, 0))]
        histories += [(STRANGER, 0, replace(other.history, user=person.history.user))]
        found += [Noised(kind, k, replace(person, history=own), fresh) for kind, k, own in histories]
    return found
