"""Turns answers into one row a user, deals users into groups, and sets small groups aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...models.data import BoolArray, FloatArray, IntArray, InteractionLog
from ..base import Evidence

GROUP, ACTIVITY, INTERACTIONS = "group ", "activity", "interactions"


def group_columns(log: InteractionLog, user: IntArray) -> dict[str, npt.NDArray[np.str_]]:
    """Who is in which group, one column an attribute, for rows of these users.

    Activity is a group too: users with fewer interactions than the median of those asked, and the others;
    left out where all have as many.
    """
    counts = np.diff(log.starts)
    active = counts[user] >= np.median(counts[np.unique(user)])
    groups = {GROUP + name: np.array(values, dtype=np.str_)[user] for name, values in log.attributes.items()}
    if not active.all():
        groups[GROUP + ACTIVITY] = np.where(active, "median or above", "below median")
    return groups


@dataclass(frozen=True)
class UserTable:
    """One row a user.

    Parameters
    ----------
    values : the user's mean answer by name, NaN where no answer is usable; shape ``(n_users,)`` each.
    groups : the user's group by attribute, ``""`` where unknown; same shape each.
    rows : answers per user, same shape.
    """

    values: dict[str, FloatArray]
    groups: dict[str, npt.NDArray[np.str_]]
    rows: IntArray

    @classmethod
    def of(cls, evidence: Evidence, names: Sequence[str]) -> UserTable:
        """Average the columns ``names`` over each user; columns called "group ..." say who the user is."""
        columns = evidence.columns
        _, first, user = np.unique(columns["cluster"], return_index=True, return_inverse=True)
        values = {}
        for name in names:
            column = columns[name].astype(np.float64)
            known = ~np.isnan(column)
            counts = np.bincount(user[known], minlength=len(first))
            sums = np.bincount(user[known], column[known], minlength=len(first))
            values[name] = np.divide(sums, counts, out=np.full(len(first), np.nan), where=counts > 0)
        groups = {
            name.removeprefix(GROUP): column[first].astype(np.str_)
            for name, column in columns.items()
            if name.startswith(GROUP)
        }
        return cls(values, groups, np.bincount(user, minlength=len(first)))

    def known(self, attribute: str) -> BoolArray:
        """The users whose group is known and who gave a usable answer."""
        known: BoolArray = self.groups[attribute] != ""
        for column in self.values.values():
            known &= ~np.isnan(column)
        return known

    def inside(self, attribute: str, groups: Sequence[str]) -> BoolArray:
        """The known users of these groups."""
        return self.known(attribute) & np.isin(self.groups[attribute], list(groups))

    def sizes(self, attribute: str) -> dict[str, int]:
        """Users per group, in alphabetical order."""
        names, counts = np.unique(self.groups[attribute][self.known(attribute)], return_counts=True)
        return dict(zip(names.tolist(), counts.tolist(), strict=True))

    def small_groups(self, attribute: str, min_group: int) -> list[str]:
        """Groups with fewer users than may be shown."""
        return [group for group, size in self.sizes(attribute).items() if size < min_group]

    def means(self, attribute: str) -> dict[str, dict[str, float]]:
        """Fairlearn's table of every value by group, on one row a user: value's name to group to mean."""
        from fairlearn.metrics import MetricFrame

        known = self.known(attribute)
        if not known.any():
            return {name: {} for name in self.values}
        each = {name: {"values": column[known]} for name, column in self.values.items()}
        unused = np.zeros(int(known.sum()))
        table = MetricFrame(
            metrics=dict.fromkeys(self.values, _mean),
            y_true=unused,
            y_pred=unused,
            sensitive_features=self.groups[attribute][known].tolist(),
            sample_params=each,
        ).by_group
        return {name: {str(group): float(mean) for group, mean in table[name].items()} for name in each}


def _mean(y_true: FloatArray, y_pred: FloatArray, values: FloatArray) -> float:
    """A metric of fairlearn's shape for values that are already worked out per user."""
    return float(np.mean(values))
