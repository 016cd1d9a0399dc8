"""How far the figures of two audits differ, person by person where both asked the same people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..models.data import BoolArray, FloatArray
from .base import Criterion, Evidence, Measurement, Probe
from .stats.intervals import Interval, t_quantile, z_quantile
from .stats.jackknife import jackknife_interval

PARTS = 20
"""Groups of people that are left out in turn."""
FEWEST = 40
"""People that both audits must have asked for a comparison person by person."""

Row = tuple[str, str]
"""A measurement's name and group."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One audit's answers to one probe.

    Parameters
    ----------
    users : whose each row of the evidence is, by a name that both audits share, shape ``(n_rows,)``.
    measurements : what the audit made of all its rows.
    """

    probe: Probe
    evidence: Evidence
    users: npt.NDArray[np.str_]
    measurements: Sequence[Measurement]

    def only(self, users: npt.NDArray[np.str_]) -> Side:
        """The rows of these people."""
        kept = np.isin(self.users, users)
        return Side(
            probe=self.probe,
            evidence=self.evidence.where(kept),
            users=self.users[kept],
            measurements=self.measurements,
        )


@dataclass(frozen=True, kw_only=True)
class Change:
    """One row in both audits.

    Parameters
    ----------
    before, after : the rows as each audit has them.
    interval : of after minus before, or of the change in size where only the size counts; ``None`` where
        it is not estimable.
    paired : whether the same people stand on both sides of the interval.
    """

    before: Measurement
    after: Measurement
    interval: Interval | None
    paired: bool


def changes(
    before: Side,
    after: Side,
    *,
    alpha: float,
    new_rng: Callable[[], np.random.Generator],
    by_size: frozenset[str] = frozenset(),
) -> tuple[Change, ...]:
    """The change of every row that both sides have, each interval end holding at ``alpha``.

    Where at least ``FEWEST`` people stand in both, and are most of them, both audits are cut to these
    people, and ``PARTS`` groups of them are left out in turn, the same on both sides: the spread of the
    differences is the jackknife's, grouped (Quenouille 1956; Shao and Tu 1995), so what is common to a
    person cancels. Otherwise the two audits count as independent samples, and the interval comes from
    their standard errors.

    Parameters
    ----------
    new_rng : gives the stream of an estimate, the same each time, so that chance in it cancels too.
    by_size : measurements of which only the size counts, whatever the sign.
    """
    shared = np.intersect1d(before.users, after.users)
    most = max(len(np.unique(before.users)), len(np.unique(after.users)))
    if len(shared) >= FEWEST and 2 * len(shared) > most:
        intervals = _paired(before.only(shared), after.only(shared), shared, alpha, new_rng, by_size)
        paired = True
    else:
        intervals, paired = _unpaired(before, after, alpha, by_size), False
    rows = {(row.name, row.group): row for row in before.measurements}
    return tuple(
        Change(
            before=rows[row.name, row.group],
            after=row,
            interval=intervals.get((row.name, row.group)),
            paired=paired,
        )
        for row in after.measurements
        if (row.name, row.group) in rows
    )


def by_size(criteria: Sequence[Criterion]) -> frozenset[str]:
    """The measurements that are bounded on both sides, so that their size is what is good or bad."""
    return frozenset(own.measurement for own in criteria if own.direction == "within")


def _paired(
    before: Side,
    after: Side,
    shared: npt.NDArray[np.str_],
    alpha: float,
    new_rng: Callable[[], np.random.Generator],
    by_size: frozenset[str],
) -> dict[Row, Interval | None]:
    parts = new_rng().permutation(len(shared)) % min(PARTS, len(shared))
    masks: list[BoolArray] = [np.ones(len(shared), dtype=np.bool_)]
    masks += [parts != part for part in range(int(parts.max()) + 1)]
    tables = [
        [_values(side.only(shared[mask]), new_rng(), by_size) for side in (before, after)] for mask in masks
    ]
    both = tables[0][0].keys() & tables[0][1].keys()
    found: dict[Row, Interval | None] = {}
    for row in both:
        gaps: FloatArray = np.array(
            [late.get(row, np.nan) - early.get(row, np.nan) for early, late in tables]
        )
        found[row] = jackknife_interval(float(gaps[0]), gaps[1:], alpha=alpha, n=len(shared))
    return found


def _values(side: Side, rng: np.random.Generator, by_size: frozenset[str]) -> Mapping[Row, float]:
    rows = side.probe.estimate(side.evidence, rng, 0.05)
    return {
        (row.name, row.group): abs(row.value) if row.name in by_size else float(row.value)
        for row in rows
        if row.value is not None
    }


def _unpaired(before: Side, after: Side, alpha: float, by_size: frozenset[str]) -> dict[Row, Interval | None]:
    early = {(row.name, row.group): row for row in before.measurements}
    return {
        (row.name, row.group): _apart(early[row.name, row.group], row, alpha, row.name in by_size)
        for row in after.measurements
        if (row.name, row.group) in early
    }


def _apart(before: Measurement, after: Measurement, alpha: float, size: bool) -> Interval | None:
    """The difference of two independent rows."""
    first, second = _error(before), _error(after)
    if before.value is None or after.value is None or first is None or second is None:
        return None
    se = float(np.hypot(first, second))
    gap = abs(after.value) - abs(before.value) if size else after.value - before.value
    reach = z_quantile(alpha) * se
    return Interval(
        gap,
        gap - reach,
        gap + reach,
        "difference of independent samples",
        before.n + after.n,
        before.clusters + after.clusters,
        se,
    )


def _error(row: Measurement) -> float | None:
    """The standard error that a row's interval stands for."""
    if row.low is None or row.high is None:
        return None
    quantile = t_quantile((1 - row.level) / 2, row.clusters - 1) if row.clusters > 1 else np.inf
    return float((row.high - row.low) / 2 / quantile)
