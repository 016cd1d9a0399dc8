"""Users dealt by two attributes at once: who is in which cell, and what the two alone do not explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...models.data import BoolArray, FloatArray, IntArray
from .._rows import row
from ..base import Measurement
from ..stats.bootstrap import cluster_bootstrap, percentile_interval
from ..stats.shrinkage import shrunken_rates
from ._user_table import ACTIVITY, UserTable

RANGE_METHOD = "smoothed log-ratio less its mean over random deals; user bootstrap around it"


@dataclass(frozen=True)
class Cells:
    """The users of two attributes that are known in both, in cells large enough to show.

    Parameters
    ----------
    groups : the two values of each cell, in alphabetical order.
    insides : who is in each cell, shape ``(n_users,)`` each.
    small, hidden : cells with some users and too few to show, and the users in them.
    """

    attributes: tuple[str, str]
    groups: tuple[tuple[str, str], ...]
    insides: tuple[BoolArray, ...]
    small: int
    hidden: int

    @classmethod
    def of(cls, users: UserTable, attributes: tuple[str, str], *, min_cell: int) -> Cells:
        """Deal the users of a table by two of its attributes."""
        first, second = (users.groups[name] for name in attributes)
        known = users.known(attributes[0]) & users.known(attributes[1])
        groups, insides = list[tuple[str, str]](), list[BoolArray]()
        small = hidden = 0
        for one in np.unique(first[known]).tolist():
            for other in np.unique(second[known]).tolist():
                inside = known & (first == one) & (second == other)
                size = int(inside.sum())
                if size >= min_cell:
                    groups.append((one, other))
                    insides.append(inside)
                elif size:
                    small, hidden = small + 1, hidden + size
        return cls(attributes, tuple(groups), tuple(insides), small, hidden)

    @property
    def title(self) -> str:
        """The two attributes."""
        return f"{self.attributes[0]} and {self.attributes[1]}"

    def label(self, place: int) -> str:
        """The cell in words."""
        pairs = zip(self.attributes, self.groups[place], strict=True)
        return " and ".join(f"{name}: {group}" for name, group in pairs)

    def beyond_additive(self) -> FloatArray:
        """How far each cell's mean lies from what its two groups explain, as weights of cell means.

        Row c, applied to the means m, gives m_c less the additive fit mu + a_i + b_j by least squares over
        users: I - X (X'NX)^+ X'N, with N the users per cell. Zero rows: a cell that alone decides a term.
        """
        columns: list[Sequence[bool]] = [[True] * len(self.groups)]
        for side in (0, 1):
            columns += [[own[side] == group for own in self.groups] for group in sorted(self._values(side))]
        design = np.array(columns, dtype=np.float64).T
        sizes = np.array([inside.sum() for inside in self.insides], dtype=np.float64)
        fit = design @ np.linalg.pinv(design.T * sizes @ design) @ (design.T * sizes)
        left: FloatArray = np.eye(len(self.groups)) - fit
        return np.where(np.abs(left) < 1e-9, 0.0, left)

    def _values(self, side: int) -> set[str]:
        return {own[side] for own in self.groups}


def tables_of(users: UserTable, *, min_cell: int) -> list[Cells]:
    """Every pair of attributes, activity aside."""
    names = [name for name in users.groups if name != ACTIVITY]
    return [Cells.of(users, pair, min_cell=min_cell) for pair in combinations(names, 2)]


def interaction_weights(tables: Sequence[Cells]) -> tuple[list[tuple[Cells, int]], FloatArray]:
    """What lies beyond additive in several tables, as weights over the cells of all of them.

    Returns
    -------
    tuple
        The cells that have such a figure, and their weights, shape ``(n_such_cells, n_cells_of_all)``.
    """
    places, weights = list[tuple[Cells, int]](), list[FloatArray]()
    width, start = sum(len(cells.groups) for cells in tables), 0
    for cells in tables:
        stop = start + len(cells.groups)
        for place, own in enumerate(cells.beyond_additive()):
            if own.any():
                places.append((cells, place))
                weights.append(np.zeros(width))
                weights[-1][start:stop] = own
        start = stop
    return places, np.array(weights)


def epsilon(rates: FloatArray, trials: FloatArray) -> FloatArray:
    """Differential fairness: the largest |log(p_c / p_d)| over cells and both outcomes, after shrinkage.

    Parameters
    ----------
    rates : the share of the outcome in each cell, shape ``(..., n_cells)``.
    trials : independent trials behind each, shape ``(n_cells,)``.

    Returns
    -------
    FloatArray
        Nats, shape ``rates.shape[:-1]``. One more trial at the common rate is added to each cell, so that
        no rate is 0 unless all are.
    """
    common = (rates @ trials / trials.sum())[..., None]
    smoothed = (trials * shrunken_rates(rates, trials) + common) / (trials + 1)
    found = np.zeros(rates.shape[:-1])
    for p in (smoothed, 1 - smoothed):
        least, most = p.min(axis=-1), p.max(axis=-1)
        ratio = np.divide(most, least, out=np.ones(found.shape), where=least > 0)
        found = np.maximum(found, np.log(ratio))
    return found


def epsilon_row(
    users: UserTable, cells: Cells, column: str, *, alpha: float, resamples: int, rng: np.random.Generator
) -> Measurement:
    """Epsilon of one table less what dealing its users at random gives, with the spread over users."""
    inside = np.stack(cells.insides, axis=1)
    there = inside.any(axis=1)
    values, place = users.values[column][there], inside[there].argmax(axis=1)
    hot = np.eye(inside.shape[1])[place]
    sizes = hot.sum(axis=0)
    trials = sizes * _trials_a_user(values, place, float(users.rows[there].mean()))

    def drawn(weights: FloatArray) -> FloatArray:
        found: FloatArray = epsilon((weights * values) @ hot / (weights @ hot), trials)
        return found

    raw = float(drawn(np.ones((1, len(values))))[0])
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(sizes)))
    dealt = rng.permuted(np.tile(values, (resamples, 1)), axis=1)
    by_chance = epsilon(np.add.reduceat(dealt, starts, axis=1) / sizes, trials)
    chance = float(by_chance.mean())
    p = (1 + int((by_chance >= raw * (1 - 1e-12)).sum())) / (resamples + 1)
    draws = cluster_bootstrap(drawn, len(values), rng=rng, strata=place, n_boot=resamples)
    around = draws - draws.mean() + raw - chance
    n = int(users.rows[there].sum())
    interval = percentile_interval(
        raw - chance, around, alpha=alpha, n=n, clusters=len(values), method=RANGE_METHOD
    )
    note = f"epsilon {raw:.3f}, by chance {chance:.3f}; permutation p = {p:.2g}"
    return row(
        "differential_fairness_over_chance",
        interval,
        alpha=alpha,
        unit="nats",
        better="lower",
        n=n,
        group=cells.title,
        note=note,
    )


def _trials_a_user(values: FloatArray, place: IntArray, most: float) -> float:
    """How many coins a user's answers are worth: p (1 - p) over the users' variance inside cells."""
    sizes = np.bincount(place)
    means = np.bincount(place, values) / np.maximum(sizes, 1)
    freedom = max(1, len(values) - len(sizes))
    spread, mean = float(np.square(values - means[place]).sum()) / freedom, float(values.mean())
    return float(np.clip(mean * (1 - mean) / spread, 1.0, most)) if spread > 0 else most
