"""Reads exposure evidence: who was shown what at which place, and how much of it belongs to which group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...models.data import BoolArray, FloatArray, IntArray
from ..base import Evidence
from ._exposure import attention
from ._item_groups import ITEMS, Parts

LIST, HISTORY, TARGETS = "recommended", "histories", "liked later"
SIDE_OF = {"relevance": TARGETS, "history": HISTORY}


@dataclass(frozen=True)
class ExposureTable:
    """One row an item of a list, a history, or what was liked later.

    Parameters
    ----------
    user : whose row it is, numbered from 0 on, shape ``(n_rows,)``; users without a list are left out.
    item, place : the item, and its place from 1 on; 0 off the lists.
    look : the attention to it as a share of its list, or an even share of its history or later likes.
    even : an even share of its list, history or later likes.
    codes : the number of its set of groups, by attribute.
    """

    user: IntArray
    item: IntArray
    place: IntArray
    side: np.ndarray
    look: FloatArray
    even: FloatArray
    codes: Mapping[str, IntArray]
    n_users: int
    kind: str

    @classmethod
    def of(cls, evidence: Evidence, kind: str) -> ExposureTable:
        """Read evidence with this kind of attention."""
        column = evidence.columns
        side = column["side"].astype(np.str_)
        listed = np.unique(column["cluster"][side == LIST])
        kept = np.isin(column["cluster"], listed)
        user = np.searchsorted(listed, column["cluster"][kept]).astype(np.int64)
        side, place = side[kept], column["place"][kept].astype(np.int64)
        attributes = evidence.facts["attributes"]
        assert isinstance(attributes, Mapping)
        on_list = side == LIST
        weight = np.where(on_list, attention(kind, np.maximum(place, 1)), 1.0)
        return cls(
            user,
            column["item"][kept].astype(np.int64),
            place,
            side,
            _within(weight, user, side),
            _within(np.ones(len(user)), user, side),
            {name: column[name][kept].astype(np.int64) for name in attributes},
            len(listed),
            kind,
        )

    def on(self, side: str) -> BoolArray:
        """Which rows are of a side."""
        found: BoolArray = self.side == side
        return found

    def shares(self, parts: Parts, side: str, *, even: bool = False) -> FloatArray:
        """Each user's share of a side by group, shape ``(n_users, n_groups)``; NaN for users without rows."""
        rows = self.on(side)
        weight, user = (self.even if even else self.look)[rows], self.user[rows]
        inside = parts.shares[self.codes[parts.attribute][rows]]
        sums = [np.bincount(user, weight * part, minlength=self.n_users) for part in inside.T]
        found = np.stack(sums, axis=1).astype(np.float64)
        found[np.bincount(user, minlength=self.n_users) == 0] = np.nan
        return found

    def due(self, parts: Parts, target: str) -> FloatArray:
        """Each user's share of what is due by group, shape ``(n_users, n_groups)``."""
        if target == "catalogue":
            return np.tile(parts.of_catalogue, (self.n_users, 1))
        return self.shares(parts, SIDE_OF[target])

    def parts(self, attribute: str, meaning: Mapping[str, object], target: str, min_share: float) -> Parts:
        """The groups of an attribute, those due too little taken together."""
        items = np.array(meaning[ITEMS], dtype=np.float64)
        due = items / items.sum()
        if target != "catalogue":
            rows = self.on(SIDE_OF[target])
            due = np.bincount(self.codes[attribute][rows], self.look[rows], minlength=len(items))
            due = due / max(1, len(np.unique(self.user[rows])))
        return Parts.of(attribute, meaning, due, min_share)


def mean_share(shares: FloatArray) -> FloatArray:
    """The mean over users with rows, shape ``(n_groups,)``; NaN without any."""
    known = ~np.isnan(shares[:, 0])
    mean: FloatArray = shares[known].mean(axis=0) if known.any() else np.full(shares.shape[1], np.nan)
    return mean


def _within(weight: FloatArray, user: IntArray, side: np.ndarray) -> FloatArray:
    """Each row's share of its user's weight on its side."""
    _, place = np.unique(side, return_inverse=True)
    key = user * 4 + place.ravel()
    share: FloatArray = weight / np.bincount(key, weight)[key]
    return share
