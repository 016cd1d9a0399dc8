"""Sets what a user's answers are under one statement against another, and counts users, not answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...models.data import BoolArray, FloatArray, IntArray
from .._rows import joint_rows
from ..base import Evidence, Measurement

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


def contrast_rows(
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
    columns = dict(zip(groups, values.T, strict=True))
    return joint_rows(name, columns, answers.user, alpha=alpha, rng=rng, unit=unit, better="zero")
