"""Writes the exposure of groups of items down: each group against its due, and summaries over groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ...models.data import FloatArray
from .._rows import joint_rows, row
from ..base import Better, Measurement
from ..stats.bootstrap import cluster_bootstrap, percentile_interval
from ..stats.intervals import Interval
from ..stats.two_way import effective_number, ratio_interval, two_way_error
from ._exposure import STOPPING, attention, coverage, gini
from ._exposure_table import HISTORY, LIST, SIDE_OF, ExposureTable, mean_share
from ._item_groups import POPULARITY, Parts

BY_USERS = "ratio of mean shares, over users, log scale, t"
BOTH_WAYS = "ratio of mean shares, two-way over users and items, log scale, t"


def ratio_rows(table: ExposureTable, parts: Sequence[Parts], target: str, alpha: float) -> list[Measurement]:
    """Each group's share of attention over its due, with intervals that hold jointly over all groups."""
    family = sum(len(one.names) for one in parts)
    rows = []
    for one in parts:
        for place, label in enumerate(one.labels):
            interval = _ratio(table, one, place, target, alpha / family)
            found = row(
                "exposure_ratio",
                interval,
                alpha=alpha,
                unit="times its due",
                better="higher",
                n=int(table.on(LIST).sum()),
                group=label,
                note=_ratio_note(table, one, place, target) if interval else "",
            )
            rows.append(replace(found, method=f"{found.method}; Bonferroni over {family} groups"))
    return rows


def _ratio(table: ExposureTable, parts: Parts, place: int, target: str, alpha: float) -> Interval | None:
    """E_g / T_g, from what each place and each later like moves it by."""
    listed = table.on(LIST)
    owed = table.on(SIDE_OF[target]) if target in SIDE_OF else np.zeros(len(listed), dtype=np.bool_)
    inside = parts.shares[table.codes[parts.attribute], place]
    if table.n_users < 2 or (target in SIDE_OF and not owed.any()):
        return None
    users_owed = len(np.unique(table.user[owed])) or table.n_users
    exposed = table.look[listed] @ inside[listed] / table.n_users
    due = parts.of_catalogue[place]
    if target in SIDE_OF:
        due = table.look[owed] @ inside[owed] / users_owed
    if due <= 0:
        return None
    value = exposed / due
    moved = np.zeros(len(listed))
    moved[listed] = table.look[listed] * (inside[listed] - exposed) / table.n_users / due
    moved[owed] = -value * table.look[owed] * (inside[owed] - due) / users_owed / due
    rows, items = listed | owed, np.bincount(table.item[listed], table.look[listed])
    both = parts.attribute != POPULARITY
    units = min(table.n_users, effective_number(items)) if both else float(table.n_users)
    second = table.item[rows] if both else np.zeros(int(rows.sum()), dtype=np.int64)
    unseen = 1 - alpha ** (1 / max(units, 1.0))
    return ratio_interval(
        float(value),
        two_way_error(moved[rows], table.user[rows], second),
        units=units,
        least_high=float(unseen / due),
        alpha=alpha,
        n=int(listed.sum()),
        clusters=table.n_users,
        method=BOTH_WAYS if both else BY_USERS,
    )


def _ratio_note(table: ExposureTable, parts: Parts, place: int, target: str) -> str:
    """The two shares behind a ratio, and how many items hold the attention."""
    exposed = mean_share(table.shares(parts, LIST))[place]
    due = mean_share(table.due(parts, target))[place]
    listed, inside = table.on(LIST), parts.shares[:, place] > 0
    own = listed & inside[table.codes[parts.attribute]]
    note = (
        f"{exposed:.1%} of attention, {due:.1%} due by {target};"
        f" {len(np.unique(table.item[own])):,} of its {int(parts.items[inside].sum()):,} items shown"
    )
    if parts.attribute == POPULARITY:
        return note
    items = effective_number(np.bincount(table.item[listed], table.look[listed]))
    return f"{note}; about {items:.0f} items hold all attention"


def group_rows(
    table: ExposureTable, parts: Parts, alpha: float, rng: np.random.Generator
) -> list[Measurement]:
    """Each group's share of attention, and of places over histories."""
    shares, user = table.shares(parts, LIST), np.arange(table.n_users)
    others = [kind for kind in ("log", *STOPPING) if kind != table.kind]
    under = {kind: mean_share(_under(table, kind).shares(parts, LIST)) for kind in others}
    notes = {
        label: "; ".join(f"{under[kind][place]:.3f} under {kind} attention" for kind in others)
        for place, label in enumerate(parts.labels)
        if table.n_users
    }
    rows = joint_rows(
        "exposure_share",
        dict(zip(parts.labels, shares.T, strict=True)),
        user,
        alpha=alpha,
        rng=rng,
        unit="share",
        better="none",
        notes=notes,
    )
    gaps = table.shares(parts, LIST, even=True) - table.shares(parts, HISTORY)
    return rows + joint_rows(
        "group_unfairness",
        dict(zip(parts.labels, gaps.T, strict=True)),
        user,
        alpha=alpha,
        rng=rng,
        unit="share of places",
        better="zero",
    )


def _under(table: ExposureTable, kind: str) -> ExposureTable:
    """The same table under another kind of attention."""
    listed = table.on(LIST)
    weight = attention(kind, table.place[listed])
    look = table.look.copy()
    look[listed] = weight / np.bincount(table.user[listed], weight)[table.user[listed]]
    return replace(table, look=look, kind=kind)


def summary_rows(
    table: ExposureTable, parts: Parts, target: str, alpha: float, rng: np.random.Generator
) -> list[Measurement]:
    """One figure over all groups of an attribute each, with user bootstrap intervals."""
    exposed, due = table.shares(parts, LIST), table.due(parts, target)
    gaps = table.shares(parts, LIST, even=True) - table.shares(parts, HISTORY)
    groups = len(parts.names)
    columns = np.hstack([exposed, due, gaps])
    columns = columns[~np.isnan(columns).any(axis=1)]
    figures: tuple[tuple[str, str, Better, Callable[[FloatArray], FloatArray]], ...] = (
        ("awrf@total_variation", "share of attention", "lower", lambda m: _moved(m, groups)),
        ("eur@lowest_over_highest", "ratio", "higher", lambda m: _lowest_over_highest(m, groups)),
        ("eel", "squared share", "lower", lambda m: np.square(m[:, :groups] - m[:, groups:-groups]).sum(1)),
        ("eed", "squared share", "none", lambda m: np.square(m[:, :groups]).sum(axis=1)),
        ("eer", "squared share", "none", lambda m: 2 * (m[:, :groups] * m[:, groups:-groups]).sum(axis=1)),
        ("mgu", "share of places", "lower", lambda m: np.abs(m[:, -groups:]).mean(axis=1)),
        ("dgu", "share of places", "lower", lambda m: np.ptp(m[:, -groups:], axis=1)),
    )
    users = len(columns)
    means = _means_of_draws(columns, rng) if users > 1 else np.full((2000, columns.shape[1]), np.nan)
    rows = []
    for name, unit, better, figure in figures:
        interval, note = None, ""
        if users > 1:
            value, draws = float(figure(columns.mean(axis=0)[None])[0]), figure(means)
            interval = percentile_interval(value, draws, alpha=alpha, n=users, clusters=users)
            luck = float(draws.mean()) - value
            if better == "lower" and luck >= 0.0005:
                note = f"who was asked adds about {luck:.3f} to it by chance"
        rows.append(
            row(name, interval, alpha=alpha, unit=unit, better=better, n=users, group=parts.attribute,
                note=note if interval else "")
        )  # fmt: skip
    return rows


def _means_of_draws(columns: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Means over resampled users, one row a draw."""
    drawn: list[FloatArray] = []

    def keep(weights: FloatArray) -> FloatArray:
        drawn.append(weights @ columns / len(columns))
        return np.zeros(len(weights))

    cluster_bootstrap(keep, len(columns), rng=rng)
    return np.concatenate(drawn)


def _moved(means: FloatArray, groups: int) -> FloatArray:
    """Half the sum of absolute distances of shares from their due."""
    moved: FloatArray = np.abs(means[:, :groups] - means[:, groups:-groups]).sum(axis=1) / 2
    return moved


def _lowest_over_highest(means: FloatArray, groups: int) -> FloatArray:
    """The least ratio of attention to due over the largest; NaN where a group is due nothing."""
    exposed, due = means[:, :groups], means[:, groups:-groups]
    ratios = np.divide(exposed, due, out=np.full(exposed.shape, np.nan), where=due > 0)
    found: FloatArray = ratios.min(axis=1) / ratios.max(axis=1)
    return found


def spread_rows(table: ExposureTable, n_items: int, alpha: float) -> list[Measurement]:
    """What share of all items is in any list, and how unevenly attention falls on them, over users."""
    listed = table.on(LIST)
    user, item, n = table.user[listed], table.item[listed], int(listed.sum())
    reached = coverage(user, item, n_items, alpha=alpha)
    uneven = gini(user, item, n_items, alpha=alpha, weight=table.look[listed])
    return [
        row("coverage@10", reached, alpha=alpha, unit="share of the catalogue", better="higher", n=n),
        row("exposure_gini@all_items_over_n", uneven, alpha=alpha, unit="Gini", better="lower", n=n),
    ]
