"""Whether groups get a yes alike often for what they like, and alike often for what they do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...models.data import BoolArray, FloatArray, IntArray
from .._rows import row
from ..base import Evidence, Measurement
from ..stats.bootstrap import block_sizes, cluster_bootstrap, percentile_interval
from ._gap_rows import RANGE_METHOD, gap_rows
from ._user_table import ACTIVITY, UserTable

RATES = {"true_positive_rate": True, "false_positive_rate": False}
"""Rate to the true answer that it is counted among."""

DEALS = 999


def rate_table(evidence: Evidence, rate: str) -> UserTable:
    """Each user's share of yes among what the user liked, or did not; users without such answers unknown."""
    liked = evidence.columns["liked"].astype(np.bool_)
    said = np.where(liked == RATES[rate], evidence.columns["said_yes"].astype(np.float64), np.nan)
    return UserTable.of(replace(evidence, columns={**evidence.columns, rate: said}), (rate,))


def odds_rows(
    evidence: Evidence, kept: Mapping[str, list[str]], *, alpha: float, rng: np.random.Generator
) -> list[Measurement]:
    """Gaps in both rates, and the larger range of the two over groups, less what chance alone gives."""
    if "liked" not in evidence.columns:
        return []
    tables = {rate: rate_table(evidence, rate) for rate in RATES}
    rows = [
        gap
        for rate, users in tables.items()
        for name, groups in kept.items()
        for gap in gap_rows(f"{rate}_gap", users, name, groups, alpha=alpha, tested=len(kept), rng=rng)
    ]
    judged = {name: groups for name, groups in kept.items() if name != ACTIVITY}
    return rows + [
        _equalised_odds_row(tables, name, groups, alpha=alpha, rng=rng) for name, groups in judged.items()
    ]


def equalised_odds(yes: FloatArray, asked: FloatArray) -> FloatArray:
    """The larger of the two rates' ranges over groups, one a draw; NaN where a group has no rate.

    Parameters
    ----------
    yes : sum of users' rates, shape ``(2, n_draws, n_groups)``.
    asked : users that have one, same shape.
    """
    means = np.full(asked.shape, np.nan)
    np.divide(yes, asked, out=means, where=asked > 0)
    found: FloatArray = (means.max(axis=2) - means.min(axis=2)).max(axis=0)
    return found


def _dealt(rates: FloatArray, known: FloatArray, index: IntArray, *, rng: np.random.Generator) -> FloatArray:
    """The same figure with users dealt into groups of the same sizes at random, shape ``(DEALS,)``."""
    both = np.concatenate([rates, known])
    starts = np.searchsorted(np.sort(index), np.arange(index.max() + 1))
    found = []
    for size in block_sizes(DEALS, both.size):
        order = rng.permuted(np.tile(np.arange(len(index)), (size, 1)), axis=1)
        sums = np.add.reduceat(both[:, order], starts, axis=2)
        found.append(equalised_odds(sums[:2], sums[2:]))
    return np.concatenate(found)


def _equalised_odds_row(
    tables: Mapping[str, UserTable], name: str, groups: list[str], *, alpha: float, rng: np.random.Generator
) -> Measurement:
    users = next(iter(tables.values()))
    there: BoolArray = np.isin(users.groups[name], groups)
    rates = np.stack([table.values[rate][there] for rate, table in tables.items()])
    index = np.searchsorted(np.array(groups), users.groups[name][there])
    inside, known = np.eye(len(groups))[index], (~np.isnan(rates)).astype(np.float64)
    rates = np.nan_to_num(rates)

    def drawn(weights: FloatArray) -> FloatArray:
        return equalised_odds(
            *(np.stack([(weights * own) @ inside for own in two]) for two in (rates, known))
        )

    raw = float(drawn(np.ones((1, len(index))))[0])
    dealt = _dealt(rates, known, index, rng=rng)
    chance = float(np.mean(dealt))
    p = (1 + int((dealt >= raw * (1 - 1e-12)).sum())) / (DEALS + 1)
    draws = cluster_bootstrap(drawn, len(index), rng=rng, strata=index, n_boot=DEALS)
    value, n = raw - chance, int(users.rows[there].sum())
    around = draws - np.nanmean(draws) + value if np.isfinite(draws).any() else draws
    interval = percentile_interval(value, around, alpha=alpha, n=n, clusters=len(index), method=RANGE_METHOD)
    note = f"equalised odds difference {raw:.3f}, by chance {chance:.3f}; permutation p = {p:.2g}"
    return row(
        "equalised_odds_over_chance",
        interval,
        alpha=alpha,
        unit="share",
        better="lower",
        n=n,
        group=name,
        note=note if interval else "a group has no rate to compare",
    )
