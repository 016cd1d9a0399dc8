"""Sets what a user's answers are under one statement against another, and counts users, not answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...models.data import BoolArray, FloatArray, IntArray
from ..base import Better, Evidence, Measurement
from ..stats.intervals import Interval, z_quantile
from ..stats.simultaneous import simultaneous_means

Scale = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Contrast:
    """One condition's mean answer minus the mean over some others; "x vs y" is always x minus y."""

    label: str
    plus: str
    minus: tuple[str, ...]


def value_contrasts(name: str, values: Sequence[str], *, prefix: str = "") -> list[Contrast]:
    """Second against first of two values, each against the rest of more, nothing for fewer.

    Conditions are called ``prefix + "name=value"``.
    """
    cells = {value: f"{prefix}{name}={value}" for value in values}
    if len(values) == 2:
        first, second = values
        return [Contrast(f"{name}: {second} vs {first}", cells[second], (cells[first],))]
    if len(values) < 2:
        return []
    return [
        Contrast(f"{name}: {value} vs the rest", cells[value], tuple(cells[v] for v in values if v != value))
        for value in values
    ]


@dataclass(frozen=True)
class Answers:
    """Evidence as a grid: one row a (user, candidate) pair, one column a condition, NaN where not asked.

    Parameters
    ----------
    cells : log-odds, shape ``(n_pairs, n_conditions)``; nats.
    own : whether a cell's request is the person's own, same shape.
    user : each pair's position in the sorted users, shape ``(n_pairs,)``.
    candidate : each pair's item, same shape.
    """

    cells: FloatArray
    own: BoolArray
    user: IntArray
    candidate: IntArray
    conditions: tuple[str, ...]

    @classmethod
    def of(cls, evidence: Evidence) -> Answers:
        """Read the columns ``cluster``, ``candidate``, ``condition``, ``own`` and ``score``."""
        column = evidence.columns
        conditions, place = np.unique(column["condition"].astype(str), return_inverse=True)
        pairs = np.stack([column["cluster"], column["candidate"]], axis=1).astype(np.int64)
        unique, pair = np.unique(pairs, axis=0, return_inverse=True)
        cells = np.full((len(unique), len(conditions)), np.nan)
        own = np.zeros(cells.shape, dtype=np.bool_)
        cells[pair.ravel(), place] = column["score"]
        own[pair.ravel(), place] = column["own"]
        cells[~np.isfinite(cells)] = np.nan
        user = np.unique(unique[:, 0], return_inverse=True)[1].ravel().astype(np.int64)
        return cls(cells, own, user, unique[:, 1], tuple(conditions.tolist()))

    @cached_property
    def n_users(self) -> int:
        """Users with at least one row."""
        return int(self.user.max(initial=-1)) + 1

    def at(self, condition: str) -> FloatArray:
        """The answers under one condition, shape ``(n_pairs,)``."""
        if condition not in self.conditions:
            return np.full(len(self.user), np.nan)
        return self.cells[:, self.conditions.index(condition)]

    def is_own(self, condition: str) -> BoolArray:
        """Whether a condition changed nothing of the person's own request, shape ``(n_pairs,)``."""
        if condition not in self.conditions:
            return np.zeros(len(self.user), dtype=np.bool_)
        return self.own[:, self.conditions.index(condition)]

    def differences(self, contrasts: Sequence[Contrast], scale: Scale | None = None) -> FloatArray:
        """Contrasts per pair on a scale, shape ``(n_pairs, n_contrasts)``."""
        scaled = scale or (lambda odds: odds)
        columns = [
            scaled(self.at(contrast.plus))
            - np.mean([scaled(self.at(name)) for name in contrast.minus], axis=0)
            for contrast in contrasts
        ]
        return np.stack(columns, axis=1) if columns else np.empty((len(self.user), 0))

    def per_user(self, values: FloatArray) -> FloatArray:
        """Mean over each user's pairs, shape ``(n_users, n_columns)``; NaN where a user has none."""
        known = ~np.isnan(values)
        sums, counts = np.zeros((2, self.n_users, values.shape[1]))
        np.add.at(sums, self.user, np.where(known, values, 0.0))
        np.add.at(counts, self.user, known)
        means: FloatArray = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
        return means


def joint_rows(
    name: str,
    answers: Answers,
    values: FloatArray,
    groups: Sequence[str],
    *,
    unit: str,
    alpha: float,
    rng: np.random.Generator,
) -> list[Measurement]:
    """One measurement a column of ``values`` (per pair), with intervals that hold together."""
    intervals = simultaneous_means(answers.per_user(values), alpha=alpha, rng=rng)
    counts = (~np.isnan(values)).sum(axis=0).tolist()
    return [
        measured(name, interval, group=group, n=n, unit=unit, better="zero", alpha=alpha)
        for group, interval, n in zip(groups, intervals, counts, strict=True)
    ]


def measured(
    name: str,
    interval: Interval | None,
    *,
    group: str,
    n: int,
    unit: str,
    better: Better,
    alpha: float,
    note: str = "",
) -> Measurement:
    """An interval as a measurement; without one, a row that says why there is none.

    ``detectable`` is the effect whose interval would exclude 0 with 80 % power.
    """
    return Measurement(
        name=name,
        value=interval.value if interval else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        level=1 - 2 * alpha,
        method=interval.method if interval else "not estimable",
        n=n,
        clusters=interval.clusters if interval else 0,
        unit=unit,
        better=better,
        group=group,
        detectable=detectable_effect(interval) if better == "zero" else None,
        note=note if interval else note or "fewer than two users answered, so nothing can be estimated",
    )


def detectable_effect(interval: Interval | None) -> float | None:
    """The true effect that an interval as wide as this one excludes 0 for with 80 % power."""
    if interval is None or interval.se is None:
        return None
    return interval.high - interval.value + z_quantile(0.2) * interval.se


def probability(odds: FloatArray) -> FloatArray:
    """P(yes) from log-odds; NaN stays NaN."""
    from scipy.special import expit

    shares: FloatArray = expit(odds)
    return shares
