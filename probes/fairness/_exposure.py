"""How widely lists spread over a catalogue: what share of it they reach, and how unevenly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...models.data import FloatArray, IntArray
from ..stats.bootstrap import block_sizes
from ..stats.intervals import Interval
from ..stats.jackknife import jackknife_interval

STOPPING = {"geometric": 0.5, "rbp": 0.15}
"""The chance of stopping at a place."""

HEAD, MIDDLE, TAIL = range(3)
"""Classes of items by popularity."""


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


def gini(
    user: IntArray, item: IntArray, n_items: int, *, alpha: float, weight: FloatArray | None = None
) -> Interval | None:
    """Gini coefficient of the exposure of all items, with an interval over users; parameters as above.

    G = sum_r (2 r - n - 1) x_r / (n sum x) with x ascending: 0 if all items come up alike, and
    (n - 1) / n if one item takes every place. LensKit and RecBole count so; Elliot gives 1 - G n / (n - 1).

    Parameters
    ----------
    weight : the attention to each place, same shape; without it every place counts alike.
    """
    value, left_out = _leaving_out(gini_of, user, item, n_items, weight)
    return jackknife_interval(value, left_out, alpha=alpha, n=len(item), bounds=(0.0, 1.0))


def gini_of(counts: IntArray | FloatArray) -> FloatArray:
    """The Gini coefficient of each row of counts, shape ``(n_rows, n_items)``; NaN for a row of zeros."""
    n, total = counts.shape[1], counts.sum(axis=1)
    weighted = np.sort(counts, axis=1) @ (2.0 * np.arange(1, n + 1) - n - 1)
    found: FloatArray = np.divide(weighted, n * total, out=np.full(len(counts), np.nan), where=total > 0)
    return found


def lorenz(item: IntArray, n_items: int, *, points: int = 40) -> tuple[FloatArray, FloatArray]:
    """The share of all places that the least recommended share of the items has (Lorenz 1905).

    Returns
    -------
    items, places : FloatArray
        From (0, 0) to (1, 1), rising; shape ``(points + 1,)``, or one point an item where there are fewer.
    """
    counts = np.sort(np.bincount(item, minlength=n_items))
    held = np.concatenate([[0.0], np.cumsum(counts)]) / max(1, counts.sum())
    at = np.unique(np.round(np.linspace(0, n_items, points + 1)).astype(np.int64))
    return at / n_items, held[at]


def popularity_fifths(counts: IntArray) -> IntArray:
    """Each item's fifth by popularity, 0 the most popular; ties go to the earlier item."""
    ranks = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
    return ranks * 5 // len(counts)


def popularity_classes(counts: IntArray) -> IntArray:
    """Each item's class: HEAD with the first fifth of all interactions, MIDDLE, or TAIL with the last.

    Items are lined up from the most met on, ties by the earlier item, and an item belongs where the middle
    of its interactions lies (head, middle and distant tail: Abdollahpouri et al. 2019).
    """
    order = np.argsort(-counts, kind="stable")
    middles = (np.cumsum(counts[order]) - counts[order] / 2) / max(1, counts.sum())
    classes = np.empty(len(counts), dtype=np.int64)
    classes[order] = (middles >= 0.2).astype(np.int64) + (middles >= 0.8)
    return classes


def attention(kind: str, places: IntArray) -> FloatArray:
    """How much a place is looked at, by its number from 1 on; shape of ``places``.

    "log" is 1 / log2(1 + r), as in NDCG; "geometric" p (1 - p)^(r - 1) with p = 1/2, the chance of stopping
    at a place (Sapiezynski et al. 2019); "rbp" (1 - g) g^(r - 1) with patience g = 0.85 (Moffat and Zobel
    2008), the same family with another chance.

    Raises
    ------
    ValueError
        If ``kind`` is none of these.
    """
    if kind == "log":
        return np.asarray(1 / np.log2(1.0 + places), dtype=np.float64)
    if kind not in STOPPING:
        raise ValueError(f"attention is log, geometric or rbp, got {kind!r}; set one of them")
    stop = STOPPING[kind]
    return np.asarray(stop * (1 - stop) ** (places - 1.0), dtype=np.float64)


def _leaving_out(
    statistic: Callable[[FloatArray], FloatArray],
    user: IntArray,
    item: IntArray,
    n_items: int,
    weight: FloatArray | None = None,
) -> tuple[float, FloatArray]:
    """A statistic of counts or weights per item over all users, and without each user in turn."""
    users, place = np.unique(user, return_inverse=True)
    each = np.ones(len(item)) if weight is None else weight
    total: FloatArray = np.bincount(item, each, minlength=n_items).astype(np.float64)
    start, parts = 0, [np.empty(0)]
    for size in block_sizes(len(users), n_items):
        rows = (place >= start) & (place < start + size)
        without = np.tile(total, (size, 1))
        np.subtract.at(without, (place[rows] - start, item[rows]), each[rows])
        parts.append(statistic(without))
        start += size
    return float(statistic(total[None])[0]), np.concatenate(parts)
