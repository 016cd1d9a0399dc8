"""How sure a number is: intervals around rates, means and ratios, counted over users and not over rows."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Interval:
    """An estimate and how far off it may be.

    Parameters
    ----------
    value : the estimate; lies in [low, high].
    low, high : the ends; the truth lies beyond each with probability at most ``alpha``, so that the
        level is ``1 - 2 * alpha``.
    method : how value and ends were made, in the field's words.
    n, clusters : rows behind the number, and independent units (users) among them.
    se : standard error of the value; ``None`` where the interval does not rest on one.
    """

    value: float
    low: float
    high: float
    method: str
    n: int
    clusters: int
    se: float | None = None


def wilson(successes: int, n: int, *, alpha: float) -> Interval | None:
    """Score interval of a proportion of independent rows, for plots (Wilson 1927).

    Closer to its level on average than ``clopper_pearson``, but not guaranteed to hold it.
    ``None`` if ``n`` is 0.

    Raises
    ------
    ValueError
        If ``successes`` lies outside [0, n] or ``alpha`` outside (0, 0.5).
    """
    _check_count(successes, n)
    z = z_quantile(alpha)
    if n == 0:
        return None
    share, shrink = successes / n, 1 + z * z / n
    centre = (share + z * z / (2 * n)) / shrink
    half = z / shrink * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Interval(share, low, high, "Wilson score", n, n)


def clopper_pearson(successes: int, n: int, *, alpha: float) -> Interval | None:
    """Exact interval of a proportion of independent rows, for gates (Clopper and Pearson 1934).

    Each end holds at ``alpha`` whatever the true proportion. ``None`` if ``n`` is 0.

    Raises
    ------
    ValueError
        If ``successes`` lies outside [0, n] or ``alpha`` outside (0, 0.5).
    """
    from scipy.special import betaincinv

    _check_count(successes, n)
    check_alpha(alpha)
    if n == 0:
        return None
    low = 0.0 if successes == 0 else float(betaincinv(successes, n - successes + 1, alpha))
    high = 1.0 if successes == n else float(betaincinv(successes + 1, n - successes, 1 - alpha))
    return Interval(successes / n, low, high, "Clopper-Pearson", n, n)


def mean_of_clusters(
    values: npt.ArrayLike, *, alpha: float, n: int | None = None, bounds: tuple[float, float] | None = None
) -> Interval | None:
    """Mean over users with Student's t interval.

    Parameters
    ----------
    values : one value per cluster, shape ``(n_clusters,)``; NaN where a cluster has none.
    alpha : error probability of each end, in (0, 0.5).
    n : rows behind the values, where a cluster has more than one; counted, not used.
    bounds : the range that a cluster's value cannot leave, such as (0, 1) for a share. With it, users
        who all gave the same value get a rule-of-three interval instead of one without width.

    Returns
    -------
    Interval or None
        ``None`` with fewer than two clusters, or infinite values: not estimable.
    """
    check_alpha(alpha)
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    clusters = len(known)
    if clusters < 2 or not np.isfinite(known).all():
        return None
    constant = np.ptp(known) == 0
    value = float(known[0] if constant else known.mean())
    se = 0.0 if constant else float(known.std(ddof=1)) / clusters**0.5
    reach = t_quantile(alpha, clusters - 1) * se
    ends = value - reach, value + reach
    if bounds is not None and constant:
        ends = rule_of_three(value, bounds=bounds, units=clusters, alpha=alpha)
    return Interval(value, *ends, "mean over users, t", clusters if n is None else n, clusters, se)


def ratio_of_sums(
    numerators: npt.ArrayLike, denominators: npt.ArrayLike, *, alpha: float, n: int | None = None
) -> Interval | None:
    """Ratio of two sums over users, R = sum a / sum b, with a cluster-robust t interval.

    Any share over rows is such a ratio: a = a user's events, b = the user's rows.

    Parameters
    ----------
    numerators, denominators : per-cluster sums a and b >= 0, shape ``(n_clusters,)``. Clusters with NaN
        or with a = b = 0 hold no information and are dropped.
    alpha : error probability of each end, in (0, 0.5).
    n : rows behind the sums; counted, not used.

    Returns
    -------
    Interval or None
        ``None`` if fewer than two clusters, or a single one, carry the denominator.

    Notes
    -----
    var R = (G - 1)/G sum_g (e_g / (B - b_g))^2 with e_g = a_g - R b_g and B = sum b: the linearised
    variance with each cluster's leverage b_g/B taken out (CR3, Bell and McCaffrey 2002). For clusters of
    one size it is the usual G/(G - 1) sum e_g^2 / B^2; for unequal ones it is wider and closer to its
    level. Student's t with G - 1 degrees of freedom. All ratios equal give an interval without width.
    """
    check_alpha(alpha)
    a, b = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    informed = ~(np.isnan(a) | np.isnan(b) | ((a == 0) & (b == 0)))
    a, b = a[informed], b[informed]
    clusters = len(a)
    if np.any(b < 0):
        raise ValueError(f"denominators must not be negative, got {b.min():g}: turn signs into numerators")
    if np.count_nonzero(b) < 2:
        return None
    value = float(a.sum() / b.sum())
    residuals = (a - value * b) / (b.sum() - b)
    se = float(np.sqrt((clusters - 1) / clusters * np.square(residuals).sum()))
    reach = t_quantile(alpha, clusters - 1) * se
    method = "ratio of sums over users, cluster-robust t"
    return Interval(value, value - reach, value + reach, method, clusters if n is None else n, clusters, se)


def rule_of_three(
    value: float, *, bounds: tuple[float, float], units: float, alpha: float
) -> tuple[float, float]:
    """Ends for a mean of ``units`` independent values in ``bounds`` that all came out as ``value``.

    The share of units that would differ is at most u = 1 - alpha^(1/units), about 3/units at 5 %, and
    each can differ no further than to a bound (Hanley and Lippman-Hand 1983). Exact at each end.

    Raises
    ------
    ValueError
        If ``value`` lies outside ``bounds``.
    """
    check_alpha(alpha)
    if not bounds[0] <= value <= bounds[1]:
        raise ValueError(f"the value {value} lies outside the bounds {bounds} that it was said to have")
    unseen = 1 - alpha ** (1 / units)
    return value - (value - bounds[0]) * unseen, value + (bounds[1] - value) * unseen


def t_quantile(alpha: float, df: float) -> float:
    """The point that Student's t with ``df`` degrees of freedom exceeds with probability ``alpha``."""
    from scipy.special import stdtrit

    check_alpha(alpha)
    return -float(stdtrit(df, alpha))


def z_quantile(alpha: float) -> float:
    """The point that a standard normal exceeds with probability ``alpha``."""
    check_alpha(alpha)
    return -NormalDist().inv_cdf(alpha)


def check_alpha(alpha: float) -> None:
    """Refuse an error probability that no interval end can have.

    Raises
    ------
    ValueError
        If ``alpha`` lies outside (0, 0.5).
    """
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha is the error probability of one end and lies in (0, 0.5), got {alpha}")


def _check_count(successes: int, n: int) -> None:
    if not 0 <= successes <= n:
        raise ValueError(f"successes must lie between 0 and n = {n}, got {successes}")
