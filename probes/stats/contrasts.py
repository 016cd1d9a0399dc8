"""Several comparisons of group means at once, whatever is set against what: intervals that hold together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...models.data import BoolArray, FloatArray
from ._flips import bounded_critical, flip_sums, joint_critical
from .intervals import Interval, check_alpha

METHOD = "contrast of means over users, Welch, max-T sign flips"


def simultaneous_contrasts(
    values: FloatArray,
    inside: BoolArray,
    weights: npt.ArrayLike,
    *,
    alpha: float,
    rng: np.random.Generator,
    offsets: npt.ArrayLike = 0.0,
    least_spread: float = 0.0,
    n_draws: int = 4999,
) -> list[Interval | None]:
    """Weighted sums of group means, with intervals that hold jointly.

    Parameters
    ----------
    values : one value per cluster (user), shape ``(n_clusters,)``; NaN clusters are dropped.
    inside : who is in which group, shape ``(n_clusters, n_groups)``. A cluster may be in several groups,
        but in no two that one contrast weighs.
    weights : shape ``(n_contrasts, n_groups)``, taken as fixed.
    alpha : error probability of each end over the whole family, in (0, 0.5).
    offsets : known numbers that are added, shape ``(n_contrasts,)`` or one for all.
    least_spread : standard deviation that every group is taken to have at least. That of all clusters keeps
        a small group whose few values happen to be alike, all zeros say, from passing for a sure thing.
    n_draws : random sign flips behind the critical value.

    Returns
    -------
    list of Interval or None
        One per contrast; ``None`` where it weighs a group of fewer than two clusters.

    Notes
    -----
    sum_g w_g mean(g) +- c se, se^2 = sum_g w_g^2 s_g^2 / n_g with each group's own spread, degrees of
    freedom by Welch (1947) and Satterthwaite (1946). c is the 1 - alpha quantile of the largest studentised
    contrast, each in the direction that was observed, under random signs of each cluster's distance from
    its group mean, one sign for all groups that the cluster is in; kept between Welch's t at alpha and
    Bonferroni's at alpha/contrasts (Westfall and Young 1993).
    """
    check_alpha(alpha)
    known = ~np.isnan(np.asarray(values, dtype=np.float64))
    own, inside = np.asarray(values, dtype=np.float64)[known], np.asarray(inside, dtype=np.bool_)[known]
    asked = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    counts = inside.sum(axis=0)
    usable = np.flatnonzero(~((asked != 0) & (counts < 2)).any(axis=1))
    results: list[Interval | None] = [None] * len(asked)
    means = np.divide(own @ inside, counts, out=np.zeros(len(counts)), where=counts > 0)
    centred, kept = np.where(inside, own[:, None] - means, 0.0), asked[usable]
    squares, least = np.square(centred).sum(axis=0), least_spread**2 / np.maximum(counts, 1)
    found = kept @ means + np.broadcast_to(np.asarray(offsets, dtype=np.float64), len(asked))[usable]
    errors, freedom = _welch(np.maximum(_variances(squares, counts), least), counts, kept)
    critical = 0.0
    if len(usable) > 1:
        draws = _draws(flip_sums(centred, n_draws, rng), squares, counts, least, kept)
        critical = joint_critical(draws, signs=np.where(found < 0, -1.0, 1.0), alpha=alpha)
    for place, value, se, df in zip(usable.tolist(), found.tolist(), errors, freedom, strict=True):
        reach = bounded_critical(critical, df=float(df), alpha=alpha, family=len(usable)) * float(se)
        n = int(counts[asked[place] != 0].sum())
        results[place] = Interval(value, value - reach, value + reach, METHOD, n, n, float(se))
    return results


def _variances(squares: FloatArray, counts: npt.NDArray[np.int64]) -> FloatArray:
    """Of group means; 0 for a group of fewer than two, which no usable contrast weighs."""
    found: FloatArray = squares / (np.maximum(counts, 1) * np.maximum(counts - 1, 1))
    return found


def _welch(
    variances: FloatArray, counts: npt.NDArray[np.int64], weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Standard error and Welch-Satterthwaite degrees of freedom per contrast."""
    freedom = np.maximum(counts - 1, 1)
    parts = np.square(weights) * variances
    total, shares = parts.sum(axis=1), (parts**2 / freedom).sum(axis=1)
    fewest = np.where(weights != 0, freedom, np.inf).min(axis=1)
    return np.sqrt(total), np.divide(total**2, shares, out=fewest, where=shares > 0)


def _draws(
    sums: FloatArray,
    squares: FloatArray,
    counts: npt.NDArray[np.int64],
    least: FloatArray,
    weights: FloatArray,
) -> FloatArray:
    """Studentised contrasts under random signs, each draw with its own spread: ``(n_draws, n_contrasts)``."""
    means = sums / np.maximum(counts, 1)
    spread = np.maximum(_variances(np.maximum(squares - counts * means**2, 0.0), counts), least)
    top, bottom = means @ weights.T, np.sqrt(spread @ np.square(weights).T)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(top == 0, 0.0, top / bottom)
