"""What the number might have been with other users: resampling whole users, never single rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from ...models.data import FloatArray, IntArray
from .intervals import Interval, check_alpha

_BLOCK = 2**18


def multinomial_counts(n_clusters: int, n_boot: int, rng: np.random.Generator) -> IntArray:
    """How often each cluster is drawn, with replacement, in each resample: ``(n_boot, n_clusters)``.

    Every row sums to ``n_clusters``.
    """
    if n_clusters == 0:
        return np.zeros((n_boot, 0), dtype=np.int64)
    draws = rng.integers(0, n_clusters, (n_boot, n_clusters))
    draws += np.arange(n_boot)[:, None] * n_clusters
    counts = np.bincount(draws.ravel(), minlength=n_boot * n_clusters)
    return counts.reshape(n_boot, n_clusters)


def cluster_bootstrap(
    statistic: Callable[[FloatArray], FloatArray],
    n_clusters: int,
    *,
    rng: np.random.Generator,
    n_boot: int = 2000,
    strata: npt.ArrayLike | None = None,
    width: int = 0,
) -> FloatArray:
    """Bootstrap draws of any statistic that weights whole clusters (Field and Welsh 2007).

    Parameters
    ----------
    statistic : maps weights ``(block, n_clusters)`` to draws ``(block,)``; called a block at a time to
        bound memory. NaN where a resample leaves it undefined.
    strata : a label per cluster, shape ``(n_clusters,)``; clusters are then redrawn within their
        stratum, so that group sizes stay as they are.
    width : how many numbers ``statistic`` holds per draw, if more than ``n_clusters``: keeps blocks small.

    Returns
    -------
    FloatArray
        Shape ``(n_boot,)``.
    """
    blocks = [
        np.asarray(statistic(_weights(n_clusters, size, rng, strata)), dtype=np.float64)
        for size in block_sizes(n_boot, max(width, n_clusters))
    ]
    return np.concatenate(blocks)


def percentile_interval(
    value: float,
    draws: FloatArray,
    *,
    alpha: float,
    n: int,
    clusters: int,
    method: str = "user bootstrap, percentile",
) -> Interval | None:
    """Interval between the ``alpha`` and ``1 - alpha`` quantiles of bootstrap draws (Efron 1979).

    Under about 40 clusters it is too narrow; prefer a t interval there. It is stretched to hold
    ``value``. ``None`` if ``value`` or more than a share ``alpha`` of the draws is undefined, for then
    the ends are not determined.

    Raises
    ------
    ValueError
        If there are fewer than ``1 / alpha`` draws.
    """
    ends = _ends(value, draws, alpha)
    if ends is None:
        return None
    se = float(np.nanstd(draws, ddof=1))
    return Interval(value, *ends, method, n, clusters, se)


def bootstrap_ratio(
    numerators: npt.ArrayLike,
    denominators: npt.ArrayLike,
    *,
    alpha: float,
    rng: np.random.Generator,
    n_boot: int = 2000,
    studentised: bool = False,
    strata: npt.ArrayLike | None = None,
    n: int | None = None,
) -> Interval | None:
    """Ratio of two sums over clusters, R = sum a / sum b, with a user bootstrap interval.

    Parameters
    ----------
    numerators, denominators : per-cluster sums, shape ``(n_clusters,)``; NaN clusters are dropped.
    studentised : take quantiles of (R* - R)/se* instead of R* (bootstrap-t, Hall 1988): better with few
        or skewed clusters, wide where the spread rests on one of them.
    strata : a label per cluster; redraw within it.
    n : rows behind the sums; counted, not used.

    Returns
    -------
    Interval or None
        ``None`` with fewer than two clusters, a denominator of 0, or ends that are not finite.
    """
    check_alpha(alpha)
    a, b = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    known = ~(np.isnan(a) | np.isnan(b))
    a, b = a[known], b[known]
    labels = None if strata is None else np.asarray(strata)[known]
    clusters, rows = len(a), len(a) if n is None else n
    if clusters < 2 or b.sum() == 0:
        return None
    value = float(a.sum() / b.sum())
    residuals = a - value * b
    residuals[np.isclose(a, value * b, rtol=1e-12, atol=0.0)] = 0.0
    statistic = _pivot if studentised else _shift
    draws = cluster_bootstrap(
        partial(statistic, residuals, b), clusters, rng=rng, n_boot=n_boot, strata=labels
    )
    if not studentised:
        return percentile_interval(value, value + draws, alpha=alpha, n=rows, clusters=clusters)
    ends, se = _ends(0.0, draws, alpha), float(np.sqrt(np.square(residuals).sum()) / b.sum())
    if ends is None or not np.isfinite(ends).all():
        return None
    low, high = value - ends[1] * se, value - ends[0] * se
    return Interval(value, low, high, "user bootstrap-t", rows, clusters, se)


def block_sizes(total: int, width: int) -> list[int]:
    """Split ``total`` draws of ``width`` numbers into blocks that stay near the processor's cache."""
    step = max(1, min(total, _BLOCK // max(1, width)))
    return [min(step, total - start) for start in range(0, total, step)]


def quotient(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """``top / bottom``; NaN where ``bottom`` is 0."""
    result = np.full(len(top), np.nan)
    np.divide(top, bottom, out=result, where=bottom != 0)
    return result


def _weights(
    n_clusters: int, size: int, rng: np.random.Generator, strata: npt.ArrayLike | None
) -> FloatArray:
    if strata is None:
        return multinomial_counts(n_clusters, size, rng).astype(np.float64)
    labels, weights = np.asarray(strata), np.empty((size, n_clusters))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        weights[:, members] = multinomial_counts(len(members), size, rng)
    return weights


def _shift(residuals: FloatArray, b: FloatArray, weights: FloatArray) -> FloatArray:
    """R* - R per draw; NaN where no denominator was drawn."""
    return quotient(weights @ residuals, weights @ b)


def _pivot(residuals: FloatArray, b: FloatArray, weights: FloatArray) -> FloatArray:
    """(R* - R) / se* per draw, from five weighted sums; infinite where a draw has no spread."""
    shift, bottom = _shift(residuals, b, weights), weights @ b
    squares = weights @ residuals**2 - 2 * shift * (weights @ (residuals * b)) + shift**2 * (weights @ b**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        pivot = shift / (np.sqrt(np.maximum(squares, 0.0)) / bottom)
    return np.where(shift == 0, 0.0, pivot)


def _ends(value: float, draws: FloatArray, alpha: float) -> tuple[float, float] | None:
    """The order statistics at ``alpha`` and ``1 - alpha``, stretched to hold ``value``."""
    check_alpha(alpha)
    if len(draws) * alpha < 1:
        needed = int(np.ceil(1 / alpha))
        raise ValueError(f"{len(draws)} resamples cannot show ends at alpha = {alpha}: use {needed} or more")
    defined = np.sort(draws[~np.isnan(draws)])
    if np.isnan(value) or len(draws) - len(defined) > alpha * len(draws):
        return None
    outside = max(0, int(alpha * (len(defined) + 1)) - 1)
    return min(float(defined[outside]), value), max(float(defined[-1 - outside]), value)
