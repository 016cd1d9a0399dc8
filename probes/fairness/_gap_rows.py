"""Writes a table of users down as figures by group, gaps between pairs of groups, and their range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...models.data import FloatArray, IntArray
from .._rows import row
from ..base import Better, Measurement
from ..stats.bootstrap import cluster_bootstrap, percentile_interval
from ..stats.differences import bias_corrected_range, simultaneous_differences
from ..stats.intervals import mean_of_clusters
from ._user_table import UserTable

RANGE_METHOD = "range of group means less its mean over random deals; user bootstrap around it"
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
        rows.append(row(name, interval, group="overall", n=n, unit=unit, better=better, alpha=alpha))
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
            found = row(name, interval, group=label, n=n, unit=unit, better=better, alpha=alpha)
            rows.append(replace(found, value=means[column][group]))
    small = users.small_groups(attribute, min_group)
    return [*rows, _hidden_row(users, attribute, small, min_group, alpha)] if small else rows


def _hidden_row(
    users: UserTable, attribute: str, small: Sequence[str], min_group: int, alpha: float
) -> Measurement:
    inside = users.inside(attribute, small)
    label = f"{attribute}: groups under {min_group} users"
    note = f"not shown: {some_of(small)}"
    n = int(users.rows[inside].sum())
    hidden = row("accuracy", None, group=label, n=n, unit="share", better="higher", alpha=alpha, note=note)
    return replace(hidden, clusters=int(inside.sum()))


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
        gap = row(name, interval, group=label, n=n, unit="share", better="zero", alpha=alpha)
        rows.append(replace(gap, method=f"{gap.method}, Bonferroni over {tested} attributes"))
    return rows


def range_row(
    users: UserTable, attribute: str, groups: Sequence[str], *, alpha: float, rng: np.random.Generator
) -> Measurement:
    """Best minus worst group's accuracy, less what chance alone gives; below 0 if chance gives more.

    Its interval is the spread of the range over resampled users of each group, set around the value.
    """
    index, values = _dealt(users, attribute, groups, "correct")
    index, values = index[~np.isnan(values)], values[~np.isnan(values)]
    found, interval, note = bias_corrected_range(values, index, rng=rng, n_permutations=1999), None, ""
    if found is not None:
        inside = np.eye(len(groups))[index]

        def ranges(weights: FloatArray) -> FloatArray:
            means: FloatArray = (weights * values) @ inside / (weights @ inside)
            spans: FloatArray = means.max(axis=1) - means.min(axis=1)
            return spans

        draws = cluster_bootstrap(ranges, len(values), rng=rng, strata=index)
        around = draws - draws.mean() + found.value
        interval = percentile_interval(
            found.value, around, alpha=alpha, n=len(values), clusters=len(values), method=RANGE_METHOD
        )
        note = (
            f"best minus worst group {found.raw:.3f}, by chance {found.chance:.3f};"
            f" permutation p = {found.p_value:.2g}"
        )
    n = int(users.rows[users.inside(attribute, groups)].sum())
    name = "accuracy_range_over_chance"
    return row(name, interval, alpha=alpha, unit="share", better="lower", n=n, group=attribute, note=note)


def _dealt(
    users: UserTable, attribute: str, groups: Sequence[str], column: str
) -> tuple[IntArray, FloatArray]:
    """Users of these groups: each one's place in the sorted ``groups``, and value."""
    inside = users.inside(attribute, groups)
    index = np.searchsorted(np.array(groups), users.groups[attribute][inside])
    return index.astype(np.int64), users.values[column][inside]
