"""How far a list moves when its history is changed, over items that were part of no version of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...models.base import Slate


def moved(before: Slate, after: Slate, *, beside: Sequence[Slate], k: int) -> float:
    """The share of the first ``k`` items of a list that another list of ``k`` does not hold, in [0, 1].

    Items in the history of any of these slates are passed over, for they can stand in some of the lists
    only. ``beside`` are further slates whose histories count for that. NaN if either list has no item left.
    """
    histories = {item for slate in (before, after, *beside) for item in slate.request.history.items}
    first, second = (_new(slate, histories, k) for slate in (before, after))
    if not first or not second:
        return float(np.nan)
    return 1 - len(first & second) / max(len(first), len(second))


def _new(slate: Slate, passed_over: set[int], k: int) -> set[int]:
    items = dict.fromkeys(entry.item for entry in slate.entries if entry.item is not None)
    return set([item for item in items if item not in passed_over][:k])
