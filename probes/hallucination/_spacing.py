"""How near points in the space of items come to the items themselves, in units of how far items lie apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...models.data import FloatArray, IntArray

NEIGHBOURS = 3
_BLOCK = 2**22


@dataclass(frozen=True)
class Nearest:
    """Each point's nearest items, nearest first.

    Parameters
    ----------
    items, distances : shape ``(n_points, 3)``; ties go to the earlier item or not, as it falls.
    """

    items: IntArray
    distances: FloatArray

    @property
    def margins(self) -> FloatArray:
        """(d2 - d1) / d2: 1 on an item, 0 halfway between two; NaN on two at once. Shape ``(n_points,)``."""
        first, second = self.distances[:, 0], self.distances[:, 1]
        margins: FloatArray = np.full(len(first), np.nan)
        return np.divide(second - first, second, out=margins, where=second > 0)


def nearest(points: FloatArray, items: FloatArray, *, own: IntArray | None = None) -> Nearest:
    """Find each point's three nearest items by straight-line distance.

    Candidates come from |p|^2 + |v|^2 - 2 p.v, a block of points at a time; their distances are then taken
    from p - v itself, so that a point that is an item lies at exactly 0.

    Parameters
    ----------
    points, items : shapes ``(n_points, dim)`` and ``(n_items, dim)``, at least four items.
    own : the item that each point is, which is then no neighbour of itself; shape ``(n_points,)``.
    """
    found = np.empty((len(points), NEIGHBOURS), dtype=np.int64)
    apart = np.empty((len(points), NEIGHBOURS))
    squares = (items**2).sum(axis=1)
    step = max(1, _BLOCK // len(items))
    for start in range(0, len(points), step):
        block = points[start : start + step]
        far = squares - 2 * block @ items.T
        if own is not None:
            far[np.arange(len(block)), own[start : start + step]] = np.inf
        close = np.argpartition(far, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
        exact = np.linalg.norm(block[:, None] - items[close], axis=2)
        order = np.argsort(exact, axis=1, kind="stable")
        found[start : start + step] = np.take_along_axis(close, order, axis=1)
        apart[start : start + step] = np.take_along_axis(exact, order, axis=1)
    return Nearest(found, apart)


def spacing(items: FloatArray, *, n_items: int, rng: np.random.Generator) -> float:
    """Median distance from an item to its nearest neighbour, over at most ``n_items`` random items."""
    drawn = np.sort(rng.choice(len(items), min(n_items, len(items)), replace=False))
    return float(np.median(nearest(items[drawn], items, own=drawn).distances[:, 0]))
