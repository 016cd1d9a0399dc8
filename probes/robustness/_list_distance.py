"""How far apart two lists are: items they share, and items they share near the top."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ...models.base import Slate
from ...models.data import BoolArray, FloatArray, IntArray

NOTHING = -1


def list_table(slates: Sequence[Slate], *, k: int, passed_over: Sequence[Collection[int]]) -> IntArray:
    """The first ``k`` items of each slate, best first, shape ``(n_slates, k)``; -1 where a list has ended.

    What is no item, comes twice, or is to be ``passed_over`` in this slate takes no place.
    """
    table = np.full((len(slates), k), NOTHING, dtype=np.int64)
    for own, slate, out in zip(table, slates, passed_over, strict=True):
        items = dict.fromkeys(entry.item for entry in slate.entries if entry.item is not None)
        kept = [item for item in items if item not in out][:k]
        own[: len(kept)] = kept
    return table


def turned(left: IntArray, right: IntArray) -> FloatArray:
    """Share of the longer list's items that the other does not hold, in [0, 1], shape ``(n_lists,)``.

    NaN where either list is empty; the lists are as ``list_table`` makes them.
    """
    sizes, ends = (left >= 0).sum(axis=1), (right >= 0).sum(axis=1)
    return _known(
        1 - _matches(left, right).sum(axis=(1, 2)) / np.maximum(1, np.maximum(sizes, ends)), left, right
    )


def jaccard(left: IntArray, right: IntArray) -> FloatArray:
    """Items in both lists over items in either, in [0, 1], shape ``(n_lists,)`` (Jaccard 1912)."""
    shared = _matches(left, right).sum(axis=(1, 2))
    either = (left >= 0).sum(axis=1) + (right >= 0).sum(axis=1) - shared
    return _known(shared / np.maximum(1, either), left, right)


def rbo(left: IntArray, right: IntArray, *, p: float = 0.9) -> FloatArray:
    """Rank-biased overlap of two lists of k places, in [0, 1], shape ``(n_lists,)``.

    RBO_ext = A_k p^k + (1 - p) / p sum_{d=1}^k A_d p^d (Webber, Moffat and Zobel 2010, equation 23), with A_d
    the share of the first d places that both lists fill with the same items; where both end before d, the
    share of the longer one's. ``p``, in (0, 1), is the chance that a reader goes on to the next place.
    """
    k = left.shape[1]
    matches, depth = _matches(left, right), np.maximum.outer(np.arange(k), np.arange(k))
    met = np.stack([(matches & (depth == d)).sum(axis=(1, 2)) for d in range(k)], axis=1).cumsum(axis=1)
    longer = np.maximum((left >= 0).sum(axis=1), (right >= 0).sum(axis=1))[:, None]
    agreement = met / np.maximum(1, np.minimum(np.arange(1, k + 1), longer))
    weights = (1 - p) / p * p ** np.arange(1, k + 1)
    return _known(agreement @ weights + agreement[:, -1] * p**k, left, right)


def first_changed(left: IntArray, right: IntArray) -> FloatArray:
    """1 where the first items differ, 0 where they do not, shape ``(n_lists,)``."""
    return _known((left[:, 0] != right[:, 0]).astype(np.float64), left, right)


def side_by_side(
    left: IntArray, right: IntArray, titles: Sequence[str]
) -> tuple[tuple[str, float | None, float | None], ...]:
    """Two lists for a reader: each item with 1 / its place in either, ``None`` where it is not in it."""
    one, two = ({int(item): 1 / at for at, item in enumerate(own, 1) if item >= 0} for own in (left, right))
    return tuple((titles[item], one.get(item), two.get(item)) for item in one | two)


def _matches(left: IntArray, right: IntArray) -> BoolArray:
    """Which places hold the same item, shape ``(n_lists, k, k)``."""
    matches: BoolArray = (left[:, :, None] == right[:, None, :]) & (left >= 0)[:, :, None]
    return matches


def _known(values: FloatArray, left: IntArray, right: IntArray) -> FloatArray:
    known: FloatArray = np.where((left >= 0).any(axis=1) & (right >= 0).any(axis=1), values, np.nan)
    return known
