"""Several effects at once: intervals so wide that all of them hold together, and no wider than needed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...models.data import FloatArray
from ._flips import bounded_critical, flip_sums, joint_critical, studentised
from .intervals import Interval, check_alpha, rule_of_three


def simultaneous_means(
    effects: FloatArray,
    *,
    alpha: float,
    rng: np.random.Generator,
    n_flips: int = 4999,
    bounds: tuple[float, float] | None = None,
) -> list[Interval | None]:
    """Mean of each row over clusters, with intervals that hold jointly.

    Parameters
    ----------
    effects : shape ``(n_clusters, n_rows)``: one value per cluster (user) and row (attribute, contrast,
        condition); NaN where a cluster has none.
    alpha : the probability that any row's lower end lies above its truth, and likewise that any upper
        end lies below, in (0, 0.5).
    n_flips : random sign flips behind the critical value.
    bounds : the range that a value cannot leave. With it, a row in which all clusters gave the same
        value gets a rule-of-three interval instead of one without width.

    Returns
    -------
    list of Interval or None
        One per row; ``None`` for a row with fewer than two clusters, or with infinite values.

    Notes
    -----
    Row r: mean_r +- c_r se_r. c is the 1 - alpha quantile of max_r t*_r, with t* the t statistic of
    the centred effects under joint random signs of the clusters, so that it takes the dependence between
    rows into account (Westfall and Young 1993; signs as a wild bootstrap, Liu 1988). c_r is c, kept
    between Student's t at alpha, which a row alone would get exactly, and Bonferroni's t at alpha/rows.
    """
    check_alpha(alpha)
    effects = np.asarray(effects, dtype=np.float64)
    known = ~np.isnan(effects)
    counts = known.sum(axis=0)
    usable = np.flatnonzero((counts >= 2) & ~np.isinf(effects).any(axis=0))
    results: list[Interval | None] = [None] * effects.shape[1]
    if not len(usable):
        return results
    means, centred = _centre(effects[:, usable], known[:, usable])
    squares, counts = np.square(centred).sum(axis=0), counts[usable]
    critical = 0.0
    if len(usable) > 1:
        draws = studentised(flip_sums(centred, n_flips, rng), squares, counts)
        critical = joint_critical(draws, signs=np.where(means < 0, -1.0, 1.0), alpha=alpha)
    for row, value, square, count in zip(usable, means.tolist(), squares, counts.tolist(), strict=True):
        se = float(np.sqrt(square / (count * (count - 1))))
        reach = bounded_critical(critical, df=count - 1, alpha=alpha, family=len(usable)) * se
        ends = value - reach, value + reach
        if bounds is not None and square == 0:
            ends = rule_of_three(value, bounds=bounds, units=count, alpha=alpha / len(usable))
        results[row] = Interval(value, *ends, "mean over users, max-T sign flips", count, count, se)
    return results


def _centre(effects: FloatArray, known: npt.NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Row means, and effects less their row's mean: 0 where unknown, and exactly 0 in a constant row."""
    filled = np.where(known, effects, 0.0)
    least = np.nanmin(effects, axis=0)
    constant = least == np.nanmax(effects, axis=0)
    means = np.where(constant, least, filled.sum(axis=0) / known.sum(axis=0))
    return means, np.where(known, effects - means, 0.0)
