"""Writes a table of users down as figures by group, gaps between pairs of groups, and their range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...models.data import FloatArray, IntArray
from ..base import Better, Measurement
from ..stats.differences import bias_corrected_range, simultaneous_differences
from ..stats.intervals import mean_of_clusters
from ._contrasts import measured
from ._user_table import UserTable

SHOWN: dict[str, tuple[str, str, Better, tuple[float, float] | None]] = {
    "accuracy": ("correct", "share", "higher", (0, 1)),
    "selection_rate": ("said_yes", "share", "none", (0, 1)),
    "log_loss": ("loss", "nats", "lower", None),
}


def overall_rows(users: UserTable, alpha: float) -> list[Measurement]:
    """Each figure over all users."""
    rows = []
    for name, (column, unit, better, bounds) in SHOWN.items():
        values = users.values[column]
        interval = mean_of_clusters(values, alpha=alpha, bounds=bounds)
        n = int(users.rows[~np.isnan(values)].sum())
        rows.append(measured(name, interval, group="overall", n=n, unit=unit, better=better, alpha=alpha))
    return rows


def group_rows(users: UserTable, attribute: str, *, min_group: int, alpha: float) -> list[Measurement]:
    """Each figure by group, and one row without figures for the groups that are too small to show."""
    rows = []
    sizes, means = users.sizes(attribute), users.means(attribute)
    for name, (column, unit, better, bounds) in SHOWN.items():
        for group in [group for group, size in sizes.items() if size >= min_group]:
            inside = users.inside(attribute, [group])
            interval = mean_of_clusters(users.values[column][inside], alpha=alpha, bounds=bounds)
            n, label = int(users.rows[inside].sum()), f"{attribute}: {group}"
            row = measured(name, interval, group=label, n=n, unit=unit, better=better, alpha=alpha)
            rows.append(replace(row, value=means[column][group]))
    small = users.small_groups(attribute, min_group)
    return [*rows, _hidden_row(users, attribute, small, min_group, alpha)] if small else rows


def _hidden_row(
    users: UserTable, attribute: str, small: Sequence[str], min_group: int, alpha: float
) -> Measurement:
    inside = users.inside(attribute, small)
    label = f"{attribute}: groups under {min_group} users"
    note = f"not shown: {some_of(small)}"
    n = int(users.rows[inside].sum())
    row = measured("accuracy", None, group=label, n=n, unit="share", better="higher", alpha=alpha, note=note)
    return replace(row, clusters=int(inside.sum()))


def some_of(names: Sequence[str]) -> str:
    """The first ten names and how many more there are."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more


def gap_rows(
    name: str,
    users: UserTable,
    attribute: str,
    groups: Sequence[str],
    *,
    alpha: float,
    tested: int,
    rng: np.random.Generator,
) -> list[Measurement]:
    """First minus second for each pair of groups, the error budget shared by ``tested`` attributes."""
    column = {"accuracy_gap": "correct", "selection_rate_gap": "said_yes"}[name]
    index, values = _dealt(users, attribute, groups, column)
    gaps = simultaneous_differences(values, index, alpha=alpha / tested, rng=rng)
    rows = []
    for (a, b), interval in gaps.items():
        n = int(users.rows[users.inside(attribute, [groups[a], groups[b]])].sum())
        label = f"{attribute}: {groups[a]} vs {groups[b]}"
        row = measured(name, interval, group=label, n=n, unit="share", better="zero", alpha=alpha)
        rows.append(replace(row, method=f"{row.method}, Bonferroni over {tested} attributes"))
    return rows


def range_row(
    users: UserTable, attribute: str, groups: Sequence[str], *, alpha: float, rng: np.random.Generator
) -> Measurement:
    """Best minus worst group's accuracy, less what chance alone gives."""
    index, values = _dealt(users, attribute, groups, "correct")
    found = bias_corrected_range(values, index, rng=rng, n_permutations=1999)
    row = measured(
        "accuracy_range", None, group=attribute, n=len(values), unit="share", better="lower", alpha=alpha
    )
    if found is None:
        return row
    note = (
        f"best minus worst group {found.raw:.3f}, by chance {found.chance:.3f};"
        f" permutation p = {found.p_value:.2g}"
    )
    method = "largest minus smallest group mean, less its mean over random deals"
    return replace(row, value=found.value, clusters=found.n, method=method, note=note)


def _dealt(
    users: UserTable, attribute: str, groups: Sequence[str], column: str
) -> tuple[IntArray, FloatArray]:
    """Users of these groups: each one's place in the sorted ``groups``, and value."""
    inside = users.inside(attribute, groups)
    index = np.searchsorted(np.array(groups), users.groups[attribute][inside])
    return index.astype(np.int64), users.values[column][inside]
