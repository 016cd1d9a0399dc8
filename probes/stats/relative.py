"""Do groups of users fare differently, measured in shares of what users get on average?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ...models.data import FloatArray, IntArray
from ._flips import bounded_critical, flip_sums, joint_critical
from .intervals import Interval, check_alpha

METHOD = "difference of means over overall mean, over users, Fieller with Welch's t"


def relative_differences(
    values: FloatArray,
    groups: npt.ArrayLike,
    *,
    compared: int,
    alpha: float,
    rng: np.random.Generator,
    n_draws: int = 4999,
) -> dict[tuple[int, int], Interval | None]:
    """All pairwise differences of group means over the mean of everyone, with intervals that hold jointly.

    Parameters
    ----------
    values : one value per cluster (user), shape ``(n_clusters,)``; NaN clusters are dropped.
    groups : integer label per cluster, same shape; labels from ``compared`` on count towards the overall
        mean alone.
    alpha : error probability of each end over the whole family, in (0, 0.5).
    n_draws : random sign flips behind the critical value of a family.

    Returns
    -------
    dict
        ``(a, b)`` with a < b < compared to the interval of (mean(a) - mean(b)) / mean; ``None`` where the
        overall mean cannot be told from 0, so that no ratio to it is determined. Groups with fewer than
        two clusters are left out.

    Notes
    -----
    A ratio R0 belongs to the interval if d - R0 m, d = mean(a) - mean(b) and m = sum n_g mean(g) / N, is
    within c standard errors of 0 (Fieller 1954): the error of m and its dependence on d count fully, so the
    interval holds its level at any bound, however large, where that of a difference divided by m as if m
    were known would not. Spreads are each group's own (Welch), group sizes fixed. c is Welch's t for one
    pair; for more the 1 - alpha quantile of the largest studentised statistic at the observed ratios under
    random signs of each cluster's distance from its group mean, kept between Welch's t at alpha and
    Bonferroni's at alpha/pairs, as for ``simultaneous_differences``.
    """
    check_alpha(alpha)
    table = _Groups.of(values, groups)
    able = [g for g, label in enumerate(table.labels.tolist()) if label < compared and table.counts[g] > 1]
    pairs = np.array(list(combinations(able, 2)), dtype=np.int64).reshape(-1, 2)
    if not len(pairs):
        return {}
    mean = float(table.shares @ table.means)
    gaps = table.means[pairs[:, 0]] - table.means[pairs[:, 1]]
    critical = 0.0
    if len(pairs) > 1 and mean != 0:
        draws = table.draws(pairs, gaps / mean, n_draws, rng)
        critical = joint_critical(draws, signs=np.where(gaps / mean < 0, -1.0, 1.0), alpha=alpha)
    result: dict[tuple[int, int], Interval | None] = {}
    for (a, b), gap in zip(pairs.tolist(), gaps.tolist(), strict=True):
        reach = bounded_critical(critical, df=table.freedom(a, b), alpha=alpha, family=len(pairs))
        result[int(table.labels[a]), int(table.labels[b])] = table.ratio(a, b, gap, mean, reach)
    return result


@dataclass(frozen=True)
class _Groups:
    """Sums per group: labels, sizes, shares of all clusters, means, variances of means, distances."""

    labels: IntArray
    counts: IntArray
    shares: FloatArray
    means: FloatArray
    variances: FloatArray
    centred: FloatArray

    @classmethod
    def of(cls, values: FloatArray, groups: npt.ArrayLike) -> _Groups:
        values = np.asarray(values, dtype=np.float64)
        known = ~np.isnan(values)
        labels, index = np.unique(np.asarray(groups)[known], return_inverse=True)
        values, counts = values[known], np.bincount(index, minlength=len(labels))
        means = np.bincount(index, values, minlength=len(labels)) / counts
        inside = index[:, None] == np.arange(len(labels))
        centred = np.where(inside, (values - means[index])[:, None], 0.0)
        variances = np.square(centred).sum(axis=0) / (counts * np.maximum(counts - 1, 1))
        return cls(labels, counts, counts / max(1, len(values)), means, variances, centred)

    def freedom(self, a: int, b: int) -> float:
        """Welch and Satterthwaite's degrees of freedom of a pair."""
        freedom = self.counts[[a, b]] - 1
        parts = self.variances[[a, b]]
        if not parts.any():
            return float(freedom.min())
        return float(parts.sum() ** 2 / (parts**2 / freedom).sum())

    def ratio(self, a: int, b: int, gap: float, mean: float, reach: float) -> Interval | None:
        """The R0 with (gap - R0 mean)^2 <= reach^2 (v_gap - 2 R0 v_both + R0^2 v_mean)."""
        v_gap = float(self.variances[a] + self.variances[b])
        v_both = float(self.shares[a] * self.variances[a] - self.shares[b] * self.variances[b])
        v_mean = float(self.shares**2 @ self.variances)
        bottom = mean**2 - reach**2 * v_mean
        if bottom <= 0:
            return None
        middle = gap * mean - reach**2 * v_both
        root = np.sqrt(max(0.0, middle**2 - bottom * (gap**2 - reach**2 * v_gap)))
        value, n = gap / mean, int(self.counts[a] + self.counts[b])
        low, high = float((middle - root) / bottom), float((middle + root) / bottom)
        spread = v_gap - 2 * value * v_both + value**2 * v_mean
        se = float(np.sqrt(max(0.0, spread))) / abs(mean)
        return Interval(value, min(low, value), max(high, value), METHOD, n, n, se)

    def draws(
        self, pairs: IntArray, ratios: FloatArray, n_draws: int, rng: np.random.Generator
    ) -> FloatArray:
        """Studentised d - R m of each pair under random signs, each draw with its own spread."""
        weights = -ratios[:, None] * self.shares
        weights[np.arange(len(pairs)), pairs[:, 0]] += 1
        weights[np.arange(len(pairs)), pairs[:, 1]] -= 1
        means = flip_sums(self.centred, n_draws, rng) / self.counts
        squares = np.square(self.centred).sum(axis=0)
        spread = np.maximum(squares - self.counts * means**2, 0.0)
        variances = spread / (self.counts * np.maximum(self.counts - 1, 1))
        top, bottom = means @ weights.T, np.sqrt(variances @ np.square(weights).T)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(top == 0, 0.0, top / bottom)
