"""How widely lists spread over a catalogue: what share of it they reach, and how unevenly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...models.data import FloatArray, IntArray
from ..stats.bootstrap import block_sizes
from ..stats.intervals import Interval
from ..stats.jackknife import jackknife_interval


def coverage(user: IntArray, item: IntArray, n_items: int, *, alpha: float) -> Interval | None:
    """Share of all items that are in any list, with an interval over users.

    Parameters
    ----------
    user, item : one entry per place of a list, shape ``(n_places,)``; users numbered from 0 on.

    Notes
    -----
    The interval is for the coverage of lists of as many users. It is never narrower than if one item rested
    on a single user: a sample in which each item came up twice would else look free of chance.
    """
    value, left_out = _leaving_out(lambda counts: (counts > 0).mean(axis=1), user, item, n_items)
    if len(left_out) and (left_out == value).all():
        left_out[0] -= 1 / n_items
    return jackknife_interval(value, left_out, alpha=alpha, n=len(item), bounds=(0.0, 1.0))


def gini(user: IntArray, item: IntArray, n_items: int, *, alpha: float) -> Interval | None:
    """Gini coefficient of the exposure of all items, with an interval over users; parameters as above.

    G = sum_r (2 r - n - 1) x_r / (n sum x) with x ascending: 0 if all items come up alike, and
    (n - 1) / n if one item takes every place.
    """
    value, left_out = _leaving_out(gini_of, user, item, n_items)
    return jackknife_interval(value, left_out, alpha=alpha, n=len(item), bounds=(0.0, 1.0))


def gini_of(counts: IntArray) -> FloatArray:
    """The Gini coefficient of each row of counts, shape ``(n_rows, n_items)``; NaN for a row of zeros."""
    n, total = counts.shape[1], counts.sum(axis=1)
    weighted = np.sort(counts, axis=1) @ (2.0 * np.arange(1, n + 1) - n - 1)
    found: FloatArray = np.divide(weighted, n * total, out=np.full(len(counts), np.nan), where=total > 0)
    return found


def popularity_fifths(counts: IntArray) -> IntArray:
    """Each item's fifth by popularity, 0 the most popular; ties go to the earlier item."""
    ranks = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
    return ranks * 5 // len(counts)


def _leaving_out(
    statistic: Callable[[IntArray], FloatArray], user: IntArray, item: IntArray, n_items: int
) -> tuple[float, FloatArray]:
    """A statistic of counts per item over all users, and without each user in turn."""
    users, place = np.unique(user, return_inverse=True)
    total = np.bincount(item, minlength=n_items)
    start, parts = 0, [np.empty(0)]
    for size in block_sizes(len(users), n_items):
        rows = (place >= start) & (place < start + size)
        without = np.tile(total, (size, 1))
        np.subtract.at(without, (place[rows] - start, item[rows]), 1)
        parts.append(statistic(without))
        start += size
    return float(statistic(total[None])[0]), np.concatenate(parts)
