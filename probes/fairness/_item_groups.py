"""Sorts items into groups by who offers them, what they are about, and how often they are met.

An item of several groups, such as a film of two genres, belongs to each in equal parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from ...models.data import Catalog, FloatArray, IntArray
from ._exposure import popularity_classes

NO_GROUP = "none stated"
POPULARITY = "popularity"
CLASSES = ("head", "middle", "tail")
GROUPS, ITEMS = "groups", "items"


def item_groups(catalog: Catalog, counts: IntArray) -> dict[str, list[tuple[str, ...]]]:
    """Each item's groups, by attribute; an attribute that does not tell items apart is left out.

    Parameters
    ----------
    counts : interactions per item, shape ``(n_items,)``: popularity is head, middle or tail.
    """
    found: dict[str, list[tuple[str, ...]]] = {
        "provider": [(provider or NO_GROUP,) for provider in catalog.providers],
        "genre": [tuple(dict.fromkeys(genres)) or (NO_GROUP,) for genres in catalog.genres],
        POPULARITY: [(CLASSES[place],) for place in popularity_classes(counts)],
    }
    return {name: groups for name, groups in found.items() if len(set(groups)) > 1}


def coded(groups: Sequence[tuple[str, ...]]) -> tuple[IntArray, dict[str, list[object]]]:
    """Each item's set of groups as a number, and what the numbers mean: the sets, and the items of each."""
    sets = sorted(set(groups))
    number = {one: code for code, one in enumerate(sets)}
    codes = np.array([number[one] for one in groups], dtype=np.int64)
    items = np.bincount(codes, minlength=len(sets)).tolist()
    return codes, {GROUPS: [list(one) for one in sets], ITEMS: items}


@dataclass(frozen=True)
class Parts:
    """What part of an item belongs to each group of an attribute.

    Parameters
    ----------
    names : the groups.
    shares : by an item's code, shape ``(n_codes, n_groups)``; rows sum to 1.
    items : how many items of the catalogue have each code, shape ``(n_codes,)``.
    """

    attribute: str
    names: tuple[str, ...]
    shares: FloatArray
    items: IntArray

    @classmethod
    def of(cls, attribute: str, meaning: Mapping[str, object], due: FloatArray, min_share: float) -> Parts:
        """Read what ``coded`` wrote; labels due less than ``min_share`` become one group.

        Parameters
        ----------
        due : what is due to the items of each code, shape ``(n_codes,)``.
        """
        sets = [tuple(str(name) for name in one) for one in cast(Sequence[Sequence[str]], meaning[GROUPS])]
        dues: dict[str, float] = {}
        for one, share in zip(sets, due.tolist(), strict=True):
            for name in one:
                dues[name] = dues.get(name, 0.0) + share / len(one)
        small = {name for name, share in dues.items() if share < min_share}
        if attribute == POPULARITY or len(small) < 2:
            small = set()
        names = [name for name in (CLASSES if attribute == POPULARITY else sorted(dues)) if name in dues]
        kept = [name for name in names if name not in small]
        shares = np.array([[(name in one) / len(one) for name in kept] for one in sets], dtype=np.float64)
        if small:
            kept.append(f"{len(small)} small ones together")
            shares = np.hstack([shares.reshape(len(sets), -1), 1 - shares.sum(axis=1, keepdims=True)])
        return cls(attribute, tuple(kept), shares, np.array(meaning[ITEMS], dtype=np.int64))

    @property
    def labels(self) -> list[str]:
        """The groups as a report names them."""
        return [f"{self.attribute}: {name}" for name in self.names]

    @property
    def of_catalogue(self) -> FloatArray:
        """The part of the catalogue in each group, shape ``(n_groups,)``; sums to 1."""
        shares: FloatArray = self.items @ self.shares / self.items.sum()
        return shares
