"""Does 80 % sure mean right 80 times in 100: distances between stated and observed probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...models.data import FloatArray, IntArray
from .bootstrap import block_sizes, cluster_bootstrap, percentile_interval
from .intervals import Interval, check_alpha, ratio_of_sums, t_quantile

Binning = Literal["mass", "width"]

_GRID = 256


@dataclass(frozen=True)
class BinnedGaps:
    """Stated and observed probabilities in bins of the stated ones; empty bins are left out.

    Parameters
    ----------
    counts : rows per bin, shape ``(n_bins,)``.
    stated, observed : mean probability and share of positives per bin, in [0, 1].
    """

    counts: IntArray
    stated: FloatArray
    observed: FloatArray

    @property
    def gaps(self) -> FloatArray:
        """Observed less stated: negative where the model is too sure."""
        return self.observed - self.stated


def binned_gaps(
    p: FloatArray, y: npt.ArrayLike, *, bins: int = 15, binning: Binning = "mass"
) -> BinnedGaps | None:
    """Compare stated and observed probabilities bin by bin, for a reliability diagram.

    Parameters
    ----------
    p : stated probabilities of a positive, shape ``(n,)``, in [0, 1].
    y : what came true, 0 or 1, shape ``(n,)``.
    binning : "mass" has about as many rows in each bin, equal p staying together; "width" cuts [0, 1]
        into equal lengths.

    Returns
    -------
    BinnedGaps or None
        ``None`` without rows or with NaN.

    Raises
    ------
    ValueError
        If ``p`` or ``y`` is out of range, or their lengths differ.
    """
    pairs = _pairs(p, y)
    if pairs is None:
        return None
    stated, came = pairs
    index = _bin(stated, _edges(stated, bins, binning))
    counts = np.bincount(index, minlength=bins)
    used = counts > 0
    means = [np.bincount(index, x, minlength=bins)[used] / counts[used] for x in (stated, came)]
    return BinnedGaps(counts[used], means[0], means[1])


def expected_calibration_error(
    p: FloatArray, y: npt.ArrayLike, *, bins: int = 15, binning: Binning = "mass"
) -> float | None:
    """ECE = sum_b n_b/n |observed_b - stated_b| (Naeini et al. 2015), in probability points.

    Biased upwards: a calibrated model shows about the mean of ``consistency_null``; for an estimate that
    does not, see ``cross_fitted_ece``. Parameters and ``None`` as for ``binned_gaps``.
    """
    table = binned_gaps(p, y, bins=bins, binning=binning)
    return None if table is None else float(table.counts @ np.abs(table.gaps) / table.counts.sum())


def user_bootstrap_ece(
    p: FloatArray,
    y: npt.ArrayLike,
    users: npt.ArrayLike,
    *,
    alpha: float,
    rng: np.random.Generator,
    bins: int = 15,
    n_boot: int = 1000,
) -> Interval | None:
    """The plain ECE in equal-mass bins, with the spread it has over resampled users set around it.

    The interval tells how far the figure would move with other users, not where the ECE without its
    upward bias lies; for that see ``cross_fitted_ece``. Bins stay as they are on the whole sample.
    ``None`` as for ``binned_gaps``, or if the ends are not determined.
    """
    value, pairs = expected_calibration_error(p, y, bins=bins), _pairs(p, y)
    if value is None or pairs is None:
        return None
    stated, came = pairs
    names, user = np.unique(np.asarray(users), return_inverse=True)
    gaps, index = np.zeros((len(names), bins)), _bin(stated, _edges(stated, bins, "mass"))
    np.add.at(gaps, (user, index), came - stated)
    rows = np.bincount(user).astype(np.float64)
    draws = cluster_bootstrap(
        lambda weights: np.abs(weights @ gaps).sum(axis=1) / (weights @ rows),
        len(names),
        rng=rng,
        n_boot=n_boot,
    )
    around = np.maximum(0.0, draws - draws.mean() + value)
    method = "plain binned ECE, biased upwards; user bootstrap around it"
    return percentile_interval(value, around, alpha=alpha, n=len(stated), clusters=len(names), method=method)


def brier_score(p: FloatArray, y: npt.ArrayLike) -> float | None:
    """Mean squared distance between p and what came true, in [0, 1] (Brier 1950); ``None`` as above."""
    pairs = _pairs(p, y)
    return None if pairs is None else float(np.square(pairs[0] - pairs[1]).mean())


def cross_fitted_ece(
    p: FloatArray,
    y: npt.ArrayLike,
    users: npt.ArrayLike,
    *,
    alpha: float,
    rng: np.random.Generator,
    bins: int = 10,
) -> Interval | None:
    """ECE without the upward bias, with an interval over users that holds at both ends.

    Parameters
    ----------
    p, y : as for ``binned_gaps``.
    users : the user of each row, any labels, shape ``(n,)``.
    alpha : error probability of each end, in (0, 0.5).

    Returns
    -------
    Interval or None
        In probability points. ``None`` with fewer than four users, or NaN.

    Notes
    -----
    Bins of equal mass. Users are dealt into halves; each half gives the signs s_b of the gaps by which the
    other half's sum_b s_b sum_i in b (y_i - p_i) / n is taken. It is linear in sums over users.
    Value and low end: its mean is 0 for a calibrated model and the ECE where every sign is clear; gaps of
    unsure sign are counted too little, never too much, so a low end above a margin is evidence. Where
    signs are unsure (|t| < 2) both halves err alike; their covariance is added to the variance.
    High end: from the plug-in sum_b |sum_i in b (y_i - p_i)| / n, which is never below the sum with the
    true signs, so a high end below a margin is evidence too; on small samples it is wide.
    """
    check_alpha(alpha)
    pairs = _pairs(p, y)
    labels, user = np.unique(np.asarray(users), return_inverse=True)
    if pairs is None or len(labels) < 4:
        return None
    stated, gap = pairs[0], pairs[1] - pairs[0]
    if len(user) != len(gap):
        raise ValueError(f"users must be given for the same rows as p, got {len(user)} and {len(gap)}")
    cell = user * bins + _bin(stated, _edges(stated, bins, "mass"))
    shape = len(labels), bins
    rows = np.bincount(cell, minlength=shape[0] * bins).reshape(shape)
    sums = np.bincount(cell, gap, minlength=shape[0] * bins).astype(np.float64).reshape(shape)
    first = rng.permutation(len(labels)) % 2 == 0
    signs = np.where(first[:, None], np.sign(sums[~first].sum(axis=0)), np.sign(sums[first].sum(axis=0)))
    fitted = ratio_of_sums((sums * signs).sum(axis=1), rows.sum(axis=1), alpha=alpha)
    plug_in = ratio_of_sums(sums @ np.sign(sums.sum(axis=0)), rows.sum(axis=1), alpha=alpha)
    if fitted is None or fitted.se is None or plug_in is None:
        return None
    se = float(np.sqrt(fitted.se**2 + _covariance_of_halves(sums, rows) / len(gap) ** 2))
    reach = t_quantile(alpha, len(labels) - 1) * se
    ends = fitted.value - reach, max(fitted.value + reach, plug_in.high)
    method = "cross-fitted ECE over users, t; high end from the plug-in"
    return Interval(fitted.value, *ends, method, len(gap), len(labels), se)


def _covariance_of_halves(sums: FloatArray, rows: IntArray) -> float:
    """What unsure signs add to the variance of the cross-fitted sum.

    Twice the covariance of the halves' sums where gaps are 0: with E[sign(X_b) X_c] = sqrt(2/pi) V_bc/sd_b
    of a normal X, (2/pi) sum_bc V_bc^2 / (sd_b sd_c) over the unsure bins, V = covariance over users.
    """
    totals, users = sums.sum(axis=0), len(sums)
    residuals = sums - rows * (totals / np.maximum(rows.sum(axis=0), 1))
    covariance = residuals.T @ residuals * users / (users - 1)
    sd = np.sqrt(np.diag(covariance))
    unsure = (sd > 0) & (np.abs(totals) < 2 * sd)
    scaled = covariance[np.ix_(unsure, unsure)] ** 2 / np.outer(sd[unsure], sd[unsure])
    return float(2 / np.pi * scaled.sum())


def consistency_null(
    p: FloatArray, *, bins: int, rng: np.random.Generator, n_draws: int = 1000
) -> FloatArray:
    """Draws of the equal-mass ECE that a calibrated model with these p would show, shape ``(n_draws,)``.

    Outcomes are drawn as independent Bernoulli(p) (consistency resampling, Broecker and Smith 2007);
    outcomes that hang together within users spread wider than this.

    Raises
    ------
    ValueError
        If ``p`` is empty, NaN or out of [0, 1].
    """
    pairs = _pairs(p, np.zeros(len(p)))
    if pairs is None:
        raise ValueError("p needs at least one probability and no NaN")
    stated = np.sort(pairs[0])
    index = _bin(stated, _edges(stated, bins, "mass"))
    starts = np.flatnonzero(np.diff(index, prepend=-1))
    draws = np.concatenate(
        [
            np.abs(np.add.reduceat((rng.random((size, len(stated))) < stated) - stated, starts, axis=1)).sum(
                1
            )
            for size in block_sizes(n_draws, len(stated))
        ]
    )
    null: FloatArray = draws / len(stated)
    return null


def smooth_ece(
    p: FloatArray,
    y: npt.ArrayLike,
    users: npt.ArrayLike,
    *,
    alpha: float,
    rng: np.random.Generator,
    n_boot: int = 500,
) -> Interval | None:
    """Calibration error without bins, with the spread it has over resampled users set around it.

    smECE_s = integral over t in [0, 1] of |sum_i K_s(t, p_i) (y_i - p_i)| / n, K_s the Gaussian of
    bandwidth s reflected at 0 and 1, taken at the s where smECE_s = s (Blasiok and Nakkiran 2024). It moves
    little with the sample where a binned figure jumps, and never leaves [0, 1]. On small samples it is
    biased upwards too. ``None`` as for ``binned_gaps``, or if the ends are not determined.

    Notes
    -----
    On a grid of 256 cells the reflected Gaussian is a product with exp(-(k pi s)^2 / 2) of the k-th cosine
    coefficient. The bandwidth stays as it is on the whole sample.
    """
    pairs = _pairs(p, y)
    if pairs is None:
        return None
    names, user = np.unique(np.asarray(users), return_inverse=True)
    cell = np.minimum((pairs[0] * _GRID).astype(np.int64), _GRID - 1)
    gaps = np.zeros((len(names), _GRID))
    np.add.at(gaps, (user, cell), pairs[1] - pairs[0])
    low, high = 1e-4, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        wide = float(np.abs(_smoothed(gaps.sum(axis=0), middle)).sum()) / len(cell) > middle
        low, high = (middle, high) if wide else (low, middle)
    smooth, rows = _smoothed(gaps, high), np.bincount(user).astype(np.float64)
    value = float(np.abs(smooth.sum(axis=0)).sum() / len(cell))
    draws = cluster_bootstrap(
        lambda weights: np.abs(weights @ smooth).sum(axis=1) / (weights @ rows),
        len(names),
        rng=rng,
        n_boot=n_boot,
    )
    around = np.maximum(0.0, draws - draws.mean() + value)
    method = "SmoothECE, biased upwards; user bootstrap around it"
    return percentile_interval(value, around, alpha=alpha, n=len(cell), clusters=len(names), method=method)


def _smoothed(sums: FloatArray, bandwidth: float) -> FloatArray:
    """Sums on a grid over [0, 1] spread by a Gaussian that the ends reflect; the total is kept."""
    from scipy.fft import dct, idct

    fade = np.exp(-((np.arange(_GRID) * np.pi * bandwidth) ** 2) / 2)
    spread: FloatArray = idct(dct(sums, axis=-1) * fade, axis=-1)
    return spread


def _pairs(p: FloatArray, y: npt.ArrayLike) -> tuple[FloatArray, FloatArray] | None:
    """``p`` and ``y`` as floats; ``None`` if empty or with NaN."""
    stated, came = np.asarray(p, dtype=np.float64), np.asarray(y).astype(np.float64)
    if stated.shape != came.shape:
        raise ValueError(f"p and y must be given for the same rows, got {stated.shape} and {came.shape}")
    if not len(stated) or np.isnan(stated).any() or np.isnan(came).any():
        return None
    if stated.min() < 0 or stated.max() > 1 or not np.isin(came, (0.0, 1.0)).all():
        raise ValueError(f"p must lie in [0, 1] and y be 0 or 1, got p from {stated.min()} to {stated.max()}")
    return stated, came


def _edges(p: FloatArray, bins: int, binning: Binning) -> FloatArray:
    cuts = np.arange(1, bins) / bins
    return np.unique(np.quantile(p, cuts)) if binning == "mass" else cuts


def _bin(p: FloatArray, edges: FloatArray) -> IntArray:
    return np.searchsorted(edges, p, side="right").astype(np.int64)
