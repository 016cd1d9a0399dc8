"""Compares people on two sides of a coin: trained on or left out, erased or never there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...models.data import BoolArray, FloatArray
from .._rows import as_share, row
from ..base import Better, Measurement
from ..stats.differences import simultaneous_differences
from ..stats.intervals import Interval, mean_of_clusters

SIDES = ("trained on", "left out")


def gap_row(
    name: str,
    values: FloatArray,
    member: BoolArray,
    *,
    alpha: float,
    unit: str = "probability points",
    better: Better = "lower",
    bounded: bool = True,
    group: str = "overall",
    jointly: int = 1,
    note: str = "",
) -> Measurement:
    """Mean over people of the first side less that of the second, with Welch's interval.

    Parameters
    ----------
    values : one a person, shape ``(n_people,)``; NaN where there is none.
    jointly : so many such rows hold together at ``alpha``.
    bounded : values lie in [0, 1]. The interval then reaches as far as if one side had given nothing but
        one value (rule of three), so that a rare event seen once, or never, does not make it narrow.
    """
    alone, groups = alpha / jointly, np.where(member, 0, 1)
    # Two groups need no joint critical value, so nothing is drawn.
    found = simultaneous_differences(values, groups, alpha=alone, rng=np.random.default_rng(0))
    interval = found.get((0, 1))
    if interval is not None and jointly > 1:
        interval = replace(interval, method=f"{interval.method}, Bonferroni over {jointly}")
    if interval is not None and bounded:
        interval = _reaching(interval, min(int(member.sum()), int((~member).sum())), alone)
    n = int((~np.isnan(values)).sum())
    return row(name, interval, alpha=alpha, unit=unit, better=better, n=n, group=group, note=note)


def side_rows(
    name: str, values: FloatArray, member: BoolArray, *, alpha: float, group: str
) -> list[Measurement]:
    """The mean of shares on each side."""
    rows = []
    for side, own in zip(SIDES, (values[member], values[~member]), strict=True):
        found = mean_of_clusters(own, alpha=alpha, bounds=(0.0, 1.0))
        interval = found and as_share(found, alpha=alpha)
        rows.append(
            row(
                name, interval, alpha=alpha, unit="share", better="none", n=len(own), group=f"{side}, {group}"
            )
        )
    return rows


def _reaching(interval: Interval, smaller: int, alpha: float) -> Interval:
    unseen = 1 - alpha ** (1 / smaller)
    low = max(-1.0, min(interval.low, interval.value - unseen))
    return replace(interval, low=low, high=min(1.0, max(interval.high, interval.value + unseen)))
