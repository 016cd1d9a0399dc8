"""Do groups of users fare differently: all pairs of groups at once, and the widest gap freed of its luck."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ...models.data import FloatArray, IntArray
from ._flips import bounded_critical, flip_sums, joint_critical
from .bootstrap import block_sizes
from .intervals import Interval, check_alpha


@dataclass(frozen=True)
class Range:
    """The distance between the best and the worst group.

    Parameters
    ----------
    value : ``raw - chance``, about 0 where groups do not differ; may be negative.
    raw : largest minus smallest group mean.
    chance : the mean of ``raw`` if groups were dealt at random.
    p_value : share of random deals with a range at least as large.
    n, groups : values and groups behind it.
    """

    value: float
    raw: float
    chance: float
    p_value: float
    n: int
    groups: int


def simultaneous_differences(
    values: FloatArray,
    groups: npt.ArrayLike,
    *,
    alpha: float,
    rng: np.random.Generator,
    n_draws: int = 4999,
) -> dict[tuple[int, int], Interval]:
    """All pairwise differences of group means, with intervals that hold jointly.

    Parameters
    ----------
    values : one value per cluster (user), shape ``(n_clusters,)``; NaN clusters are dropped.
    groups : integer label per cluster, shape ``(n_clusters,)``.
    alpha : error probability of each end over the whole family, in (0, 0.5): intervals all hold
        together with probability ``1 - 2 * alpha``.
    n_draws : random sign flips behind the critical value.

    Returns
    -------
    dict
        ``(a, b)`` with a < b to the interval of mean(a) - mean(b). Groups with fewer than two clusters
        are left out.

    Notes
    -----
    Standard errors are Welch's: spreads may differ between groups. Two groups: Welch's t quantile at
    ``alpha``. More: the 1 - alpha quantile of the largest studentised difference over pairs, each pair in
    the direction that was observed, under random signs of each cluster's distance from its group mean,
    kept between Welch's t at alpha and Bonferroni's at alpha/pairs. A pair can only be beyond a margin
    in one direction, so this direction is what joint validity needs; a two-sided maximum at
    1 - alpha would be needlessly wide and disagree with the two-group case.
    """
    check_alpha(alpha)
    labels, index, values = _known(values, groups)
    counts = np.bincount(index, minlength=len(labels))
    kept = np.flatnonzero(counts >= 2)
    pairs = np.array(list(combinations(kept, 2)), dtype=np.int64).reshape(-1, 2)
    if not len(pairs):
        return {}
    means = np.bincount(index, values, minlength=len(labels)) / counts
    centred = np.where(index[:, None] == np.arange(len(labels)), (values - means[index])[:, None], 0.0)
    squares = np.square(centred).sum(axis=0)
    differences = means[pairs[:, 0]] - means[pairs[:, 1]]
    errors, freedom = _welch(squares, counts, pairs)
    critical = 0.0
    if len(pairs) > 1:
        draws = _pair_draws(flip_sums(centred, n_draws, rng), squares, counts, pairs)
        critical = joint_critical(draws, signs=np.where(differences < 0, -1.0, 1.0), alpha=alpha)
    result = {}
    for (a, b), value, se, df in zip(pairs, differences, errors, freedom, strict=True):
        reach = bounded_critical(critical, df=df, alpha=alpha, family=len(pairs)) * se
        n, ends = int(counts[a] + counts[b]), (float(value - reach), float(value + reach))
        key = int(labels[a]), int(labels[b])
        result[key] = Interval(float(value), *ends, "difference of means over users, Welch", n, n, float(se))
    return result


def bias_corrected_range(
    values: FloatArray, groups: npt.ArrayLike, *, rng: np.random.Generator, n_permutations: int = 4999
) -> Range | None:
    """Largest minus smallest group mean, less what chance alone would give.

    The range of several means is positive even where groups do not differ, and the more so the smaller
    they are; its mean over random deals of the same values to the same group sizes is subtracted.

    Parameters
    ----------
    values : one value per cluster (user), shape ``(n_clusters,)``; NaN clusters are dropped.
    groups : integer label per cluster, shape ``(n_clusters,)``.

    Returns
    -------
    Range or None
        ``None`` with fewer than two groups. The p-value, (1 + #)/(n_permutations + 1), is exact for the
        hypothesis that group and value are independent (Phipson and Smyth 2010).
    """
    labels, index, values = _known(values, groups)
    if len(labels) < 2:
        return None
    counts = np.bincount(index)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])

    def ranges(dealt: FloatArray) -> FloatArray:
        means: FloatArray = np.add.reduceat(dealt, starts, axis=1) / counts
        spans: FloatArray = means.max(axis=1) - means.min(axis=1)
        return spans

    raw = float(ranges(values[np.argsort(index, kind="stable")][None])[0])
    chance = np.concatenate(
        [
            ranges(rng.permuted(np.tile(values, (size, 1)), axis=1))
            for size in block_sizes(n_permutations, len(values))
        ]
    )
    as_large = int(np.count_nonzero(chance >= raw * (1 - 1e-12)))
    mean = float(chance.mean())
    return Range(raw - mean, raw, mean, (1 + as_large) / (n_permutations + 1), len(values), len(labels))


def _known(values: FloatArray, groups: npt.ArrayLike) -> tuple[IntArray, IntArray, FloatArray]:
    """Sorted labels, each cluster's position among them, and values, without NaN clusters."""
    values = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(values)
    labels, index = np.unique(np.asarray(groups)[known], return_inverse=True)
    return labels, index.astype(np.int64), values[known]


def _welch(squares: FloatArray, counts: IntArray, pairs: IntArray) -> tuple[FloatArray, FloatArray]:
    """Standard error and Welch-Satterthwaite degrees of freedom per pair."""
    freedom = np.maximum(counts - 1, 1)
    variances = squares / (counts * freedom)
    a, b = pairs.T
    total = variances[a] + variances[b]
    shares = variances[a] ** 2 / freedom[a] + variances[b] ** 2 / freedom[b]
    least = np.minimum(freedom[a], freedom[b])
    return np.sqrt(total), np.divide(total**2, shares, out=least.astype(np.float64), where=shares > 0)


def _pair_draws(sums: FloatArray, squares: FloatArray, counts: IntArray, pairs: IntArray) -> FloatArray:
    """Studentised differences under random signs, each draw with its own spread: ``(n_draws, n_pairs)``."""
    means = sums / counts
    variances = np.maximum(squares - counts * means**2, 0.0) / (counts * np.maximum(counts - 1, 1))
    a, b = pairs.T
    difference, spread = means[:, a] - means[:, b], np.sqrt(variances[:, a] + variances[:, b])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0, 0.0, difference / spread)
