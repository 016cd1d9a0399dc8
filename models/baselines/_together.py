"""Which items people liked together, the count that neighbourhood rules rest on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..data import FloatArray, History, IntArray, InteractionLog


def baskets(log: InteractionLog, users: npt.ArrayLike) -> list[IntArray]:
    """What each of these users likes, every item once; all that they met where the data has no likes."""
    rows = log.only(users)
    if rows.liked is not None:
        rows = rows.take(np.flatnonzero(rows.liked))
    pairs = np.unique(rows.user * len(log.catalog) + rows.item)
    user, item = np.divmod(pairs, len(log.catalog))
    return np.split(item, np.flatnonzero(np.diff(user)) + 1)


def liked_items(history: History) -> list[int]:
    """The items of a history that its user likes, or all of them where it has no likes and dislikes."""
    if not history.liked:
        return list(dict.fromkeys(history.items))
    likes = zip(history.items, history.liked, strict=True)
    return list(dict.fromkeys(item for item, liked in likes if liked))


def liked_together(found: Sequence[IntArray], items: range, n_items: int) -> FloatArray:
    """How many users like both of two items, shape ``(len(items), n_items)``.

    Parameters
    ----------
    found : the baskets, each ascending and without repeats.
    items : the consecutive items whose rows are wanted.
    """
    counts = np.zeros((len(items), n_items))
    for basket in found:
        first, last = np.searchsorted(basket, (items.start, items.stop))
        if first < last:
            counts[np.ix_(basket[first:last] - items.start, basket)] += 1
    return counts
