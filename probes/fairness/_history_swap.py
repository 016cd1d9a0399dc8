"""Swaps a few items of a history for equally popular ones that another group of users meets more often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...models.data import FloatArray, History, IntArray, InteractionLog


@dataclass(frozen=True)
class GroupTaste:
    """Which items one group of users meets more often than all others, as seen in a public sample.

    Parameters
    ----------
    typicality : log of the item's share among the group's users over its share among the rest, both
        drawn towards the item's share among all; shape ``(n_items,)``, nats; above 0 is the group's.
    popularity : log(1 + users who met the item), same shape.
    """

    attribute: str
    value: str
    label: str
    typicality: FloatArray
    popularity: FloatArray

    def swapped(
        self, history: History, *, k: int, towards: bool, avoid: Sequence[int], neutral: bool = False
    ) -> History:
        """Exchange the ``k`` items least like the target group for its typical ones of like popularity.

        ``towards`` the group, or towards the rest. ``neutral`` exchanges the ``k`` items that tell
        least about the group for others that tell as little. Likes and dislikes stay where they are.
        """
        typical = np.abs(self.typicality) if neutral else self.typicality * (1 if towards else -1)
        order = 1 if neutral else -1
        quarter = np.argsort(order * typical, kind="stable")[: max(1, len(typical) // 4)]
        free = np.setdiff1d(quarter, [*history.items, *avoid])
        places = np.argsort(typical[list(history.items)], kind="stable")[:k]
        items = list(history.items)
        for place in places.tolist()[: len(free)]:
            distance = np.abs(self.popularity[free] - self.popularity[items[place]])
            nearest = int(distance.argmin())
            items[place] = int(free[nearest])
            free = np.delete(free, nearest)
        return replace(history, items=tuple(items))


def group_tastes(
    log: InteractionLog, users: IntArray, *, max_values: int, min_group: int, shrink: float = 10.0
) -> list[GroupTaste]:
    """What each group of these users meets more often than the others; one entry a contrast.

    A two-valued attribute gives one contrast, second value against first in alphabetical order; an
    attribute with more gives one a value, for the ``max_values`` most common. Groups of fewer than
    ``min_group`` users give none, nor does what remains if that is as small.
    """
    sample = log.only(users)
    met = np.unique(np.stack([sample.user, sample.item], axis=1), axis=0)
    popularity = np.log1p(np.bincount(met[:, 1], minlength=len(log.catalog)))
    tastes = []
    for name, column in log.attributes.items():
        own = np.array(column)
        known = users[own[users] != ""]
        values, counts = np.unique(own[known], return_counts=True)
        common = np.sort(values[np.argsort(-counts, kind="stable")[:max_values]]).tolist()
        asked = common[1:] if len(values) == 2 else common
        for value in asked:
            inside = own[known] == value
            if min(inside.sum(), (~inside).sum()) < min_group:
                continue
            against = common[0] if len(values) == 2 else "the rest"
            typicality = _log_ratio(met, known[inside], known[~inside], len(log.catalog), shrink)
            label = f"{name}: {value} vs {against}"
            tastes.append(GroupTaste(name, value, label, typicality, popularity))
    return tastes


def _log_ratio(met: IntArray, group: IntArray, rest: IntArray, n_items: int, shrink: float) -> FloatArray:
    counts = [np.bincount(met[np.isin(met[:, 0], users), 1], minlength=n_items) for users in (group, rest)]
    overall = (counts[0] + counts[1] + 0.5) / (len(group) + len(rest) + 1)
    shares = [
        (count + shrink * overall) / (len(users) + shrink)
        for count, users in zip(counts, (group, rest), strict=True)
    ]
    ratio: FloatArray = np.log(shares[0] / shares[1])
    return ratio
