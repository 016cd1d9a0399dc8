"""Writes a table of users down as figures by group, gaps between pairs of groups, and their range.

A table shows the figures whose columns it holds.
"""

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
from ..stats.relative import relative_differences
from ._user_table import ACTIVITY, UserTable

RANGE_METHOD = "range of group means less its mean over random deals; user bootstrap around it"
SHOWN: dict[str, tuple[str, str, Better, tuple[float, float] | None]] = {
    "accuracy": ("correct", "share", "higher", (0, 1)),
    "selection_rate": ("said_yes", "share", "none", (0, 1)),
    "log_loss": ("loss", "nats", "lower", None),
    "ndcg@10": ("ndcg@10", "NDCG", "higher", (0, 1)),
    "recall@10": ("recall@10", "share", "higher", (0, 1)),
    "targets": ("targets", "items", "none", None),
    "true_positive_rate": ("true_positive_rate", "share", "none", (0, 1)),
    "false_positive_rate": ("false_positive_rate", "share", "none", (0, 1)),
    "miscalibration": ("miscalibration", "nats", "lower", None),
}
"""Figure to its column, unit, good direction, and range."""


def shown(users: UserTable) -> dict[str, tuple[str, str, Better, tuple[float, float] | None]]:
    """The figures that a table holds."""
    return {name: figure for name, figure in SHOWN.items() if figure[0] in users.values}


def kept_groups(users: UserTable, min_group: int) -> dict[str, list[str]]:
    """The groups that are large enough to show, for each attribute with two of them."""
    kept = {
        name: [group for group, size in users.sizes(name).items() if size >= min_group]
        for name in users.groups
    }
    return {name: groups for name, groups in kept.items() if len(groups) > 1}


def group_caveats(users: UserTable, min_group: int) -> list[str]:
    """Sentences on the users who are in no group that is shown."""
    caveats = []
    for name in users.groups:
        small = users.small_groups(name, min_group)
        unknown = int((users.groups[name] == "").sum())
        if small:
            caveats.append(f"Of {name}, groups under {min_group} users are not shown: {some_of(small)}.")
        if unknown:
            caveats.append(f"The {name} of {unknown} of {len(users.rows)} users is unknown.")
    if ACTIVITY not in users.groups:
        caveats.append("All users have as many interactions, so activity is not compared.")
    return caveats


def overall_rows(users: UserTable, alpha: float) -> list[Measurement]:
    """Each figure over all users."""
    rows = []
    for name, (column, unit, better, bounds) in shown(users).items():
        values = users.values[column]
        interval = mean_of_clusters(values, alpha=alpha, bounds=bounds)
        n = int(users.rows[~np.isnan(values)].sum())
        rows.append(row(name, interval, group="overall", n=n, unit=unit, better=better, alpha=alpha))
    return rows


def group_rows(users: UserTable, attribute: str, *, min_group: int, alpha: float) -> list[Measurement]:
    """Each figure by group, and one row without figures for the groups that are too small to show."""
    rows = []
    sizes, means = users.sizes(attribute), users.means(attribute)
    for name, (column, unit, better, bounds) in shown(users).items():
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
    name, (_, unit, better, _) = next(iter(shown(users).items()))
    hidden = row(name, None, group=label, n=n, unit=unit, better=better, alpha=alpha, note=note)
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
    column, unit, _, _ = SHOWN[name.removesuffix("_gap")]
    index, values = _dealt(users, attribute, groups, column)
    gaps = simultaneous_differences(values, index, alpha=alpha / tested, rng=rng)
    rows = []
    for (a, b), interval in gaps.items():
        n = int(users.rows[users.inside(attribute, [groups[a], groups[b]])].sum())
        label = f"{attribute}: {groups[a]} vs {groups[b]}"
        gap = row(name, interval, group=label, n=n, unit=unit, better="zero", alpha=alpha)
        rows.append(replace(gap, method=f"{gap.method}, Bonferroni over {tested} attributes"))
    return rows


def relative_gap_rows(
    name: str,
    users: UserTable,
    attribute: str,
    groups: Sequence[str],
    *,
    column: str,
    alpha: float,
    tested: int,
    rng: np.random.Generator,
) -> list[Measurement]:
    """First minus second for each pair of groups, over the mean of all users, in a group or not."""
    index = np.full(len(users.rows), len(groups))
    inside = users.inside(attribute, groups)
    index[inside] = np.searchsorted(np.array(groups), users.groups[attribute][inside])
    gaps = relative_differences(
        users.values[column], index, compared=len(groups), alpha=alpha / tested, rng=rng
    )
    rows = []
    for (a, b), interval in gaps.items():
        n = int(users.rows[users.inside(attribute, [groups[a], groups[b]])].sum())
        label = f"{attribute}: {groups[a]} vs {groups[b]}"
        note = "" if interval else "the mean over all users cannot be told from 0, so there is no share of it"
        gap = row(
            name, interval, group=label, n=n, unit="share of mean", better="zero", alpha=alpha, note=note
        )
        rows.append(replace(gap, method=f"{gap.method}, Bonferroni over {tested} attributes"))
    return rows


def no_gap_row(name: str, *, unit: str, min_group: int, alpha: float) -> Measurement:
    """The row that says that no two groups could be compared."""
    note = f"no attribute has two groups of at least {min_group} users"
    return row(name, None, group="overall", n=0, unit=unit, better="zero", alpha=alpha, note=note)


def range_row(
    figure: str,
    users: UserTable,
    attribute: str,
    groups: Sequence[str],
    *,
    alpha: float,
    rng: np.random.Generator,
) -> Measurement:
    """Best minus worst group's figure, less what chance alone gives; below 0 if chance gives more.

    Its interval is the spread of the range over resampled users of each group, set around the value.
    """
    column, unit, _, _ = SHOWN[figure]
    index, values = _dealt(users, attribute, groups, column)
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
    name = f"{figure}_range_over_chance"
    return row(name, interval, alpha=alpha, unit=unit, better="lower", n=n, group=attribute, note=note)


def _dealt(
    users: UserTable, attribute: str, groups: Sequence[str], column: str
) -> tuple[IntArray, FloatArray]:
    """Users of these groups: each one's place in the sorted ``groups``, and value."""
    inside = users.inside(attribute, groups)
    index = np.searchsorted(np.array(groups), users.groups[attribute][inside])
    return index.astype(np.int64), users.values[column][inside]
