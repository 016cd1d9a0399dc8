"""Stated against observed probabilities: row by row, bin by bin, and as a slope."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ...models.data import FloatArray, IntArray
from .._rows import probability, row, share_of_rows, user_sums
from ..base import Curve, Evidence, Measurement
from ..stats.intervals import Interval, ratio_of_sums, t_quantile


@dataclass(frozen=True)
class Answers:
    """What was stated and what came true, answers without a finite log-odds left out."""

    odds: FloatArray
    y: FloatArray
    cluster: IntArray

    @classmethod
    def of(cls, evidence: Evidence) -> Answers:
        """Read the columns ``cluster``, ``log_odds`` and ``liked``."""
        odds = evidence.columns["log_odds"].astype(np.float64)
        kept = np.isfinite(odds)
        liked = evidence.columns["liked"].astype(np.float64)
        return cls(odds[kept], liked[kept], evidence.columns["cluster"].astype(np.int64)[kept])

    @property
    def p(self) -> FloatArray:
        """Stated probabilities of a like."""
        return probability(self.odds)

    def mean(self, values: FloatArray, alpha: float) -> Interval | None:
        """Mean over answers with an interval over users."""
        counts = user_sums(np.ones(len(values)), self.cluster)
        return ratio_of_sums(user_sums(values, self.cluster), counts, alpha=alpha, n=len(values))


def reliability_rows(answers: Answers, *, alpha: float) -> list[Measurement]:
    """Observed and stated rate for each tenth of stated probability that was used."""
    rows = []
    tenth = np.minimum((answers.p * 10).astype(np.int64), 9)
    for place in np.unique(tenth).tolist():
        here = tenth == place
        cluster, n = answers.cluster[here], int(here.sum())
        stated = ratio_of_sums(
            user_sums(answers.p[here], cluster), user_sums(np.ones(n), cluster), alpha=alpha
        )
        observed = share_of_rows(answers.y[here] > 0, cluster, alpha=alpha)
        bin_row = partial(
            row,
            alpha=alpha,
            n=n,
            unit="share",
            better="none",
            group=f"said {place / 10:.1f} to {place / 10 + 0.1:.1f}",
        )
        rows += [bin_row("observed_rate", observed), bin_row("stated_rate", stated)]
    return rows


def reliability_curve(answers: Answers, *, level: float = 0.95) -> Curve | None:
    """The stated and observed rate of each tenth of stated probability that was used."""
    rows = reliability_rows(answers, alpha=(1 - level) / 2)
    stated = {one.group: one for one in rows if one.name == "stated_rate"}
    points = [
        (stated[one.group].value, one.value, one.low, one.high, one.n)
        for one in rows
        if one.name == "observed_rate"
    ]
    kept = [point for point in points if None not in point]
    if not kept:
        return None
    x, y, low, high = (
        tuple(round(float(at or 0.0), 6) for at in side) for side in list(zip(*kept, strict=True))[:4]
    )
    counts = tuple(int(point[4] or 0) for point in kept)
    return Curve(
        kind="reliability",
        label="stated and observed",
        x=x,
        y=y,
        low=low,
        high=high,
        level=level,
        counts=counts,
    )


def calibration_slope(
    odds: FloatArray, liked: FloatArray, cluster: npt.NDArray[np.generic], *, alpha: float
) -> Interval | None:
    """Slope b of logit P(like) = a + b x log-odds, with a user-clustered interval (Cox 1958).

    Parameters
    ----------
    odds : stated log-odds, nats, shape ``(n_rows,)``.
    liked : 0 or 1, same shape.
    cluster : the user of each row, same shape.

    Returns
    -------
    Interval or None
        1 is right, below 1 over-confident, above 1 under-confident. ``None`` where the fit does not
        converge: too few users, constant log-odds, or outcomes that they separate completely.

    Notes
    -----
    Newton's method; sandwich variance of sums over G users times G/(G - 1), Student's t with G - 1
    degrees of freedom.
    """
    users, place = np.unique(cluster, return_inverse=True)
    design = np.stack([np.ones_like(odds), odds], axis=1)
    fit = _newton(design, liked) if len(users) > 2 and np.ptp(odds) > 0 else None
    if fit is None:
        return None
    beta, bread = fit
    residuals = liked - probability(design @ beta)
    sums = np.stack(
        [np.bincount(place, weights=design[:, term] * residuals, minlength=len(users)) for term in (0, 1)]
    )
    variance = bread @ (sums @ sums.T) @ bread * len(users) / (len(users) - 1)
    value, se = float(beta[1]), float(np.sqrt(variance[1, 1]))
    reach = t_quantile(alpha, len(users) - 1) * se
    method = "logistic regression, cluster-robust t"
    return Interval(value, value - reach, value + reach, method, len(odds), len(users), se)


def _newton(design: FloatArray, liked: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    beta = np.array([0.0, 1.0])
    for _ in range(50):
        p = probability(design @ beta)
        information = design.T @ (design * (p * (1 - p))[:, None])
        if np.linalg.cond(information) > 1e10:
            return None
        bread = np.linalg.inv(information).astype(np.float64)
        step = bread @ design.T @ (liked - p)
        # Half steps far from the solution keep the iteration from running away.
        beta = beta + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-9:
            return beta, bread
    return None
