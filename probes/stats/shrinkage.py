"""Figures of many small groups: each is drawn towards all of them, the more so the less is known of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...models.data import FloatArray
from .intervals import Interval, z_quantile

_ROUNDS = 200


@dataclass(frozen=True)
class Shrunken:
    """Estimates after shrinkage.

    Parameters
    ----------
    values, errors : the estimate of each group and its standard error, shape ``(n_groups,)``.
    centre : what they are drawn towards.
    spread : estimated standard deviation of the groups' true means; 0 where chance explains them.
    """

    values: FloatArray
    errors: FloatArray
    centre: float
    spread: float

    def interval(self, place: int, *, alpha: float, n: int, clusters: int) -> Interval:
        """The interval of one group; its level holds on average over the groups, not for each."""
        value, se = float(self.values[place]), float(self.errors[place])
        reach = z_quantile(alpha) * se
        method = "empirical Bayes, normal (Morris)"
        return Interval(value, value - reach, value + reach, method, n, clusters, se)


def shrunken_means(means: npt.ArrayLike, errors: npt.ArrayLike) -> Shrunken:
    """Group means drawn towards their common mean by empirical Bayes (Morris 1983).

    Parameters
    ----------
    means, errors : a mean and its standard error per group, shape ``(n_groups,)``; errors above 0.

    Notes
    -----
    m_g ~ N(theta_g, V_g), theta_g ~ N(mu, A). A solves sum_g (m_g - mu)^2 / (V_g + A) = k - 1 (Paule and
    Mandel 1982), mu is the mean weighted by 1 / (V_g + A), B_g = (k - 3)/(k - 1) V_g / (V_g + A), and
    theta_g is estimated by m_g - B_g (m_g - mu): James and Stein's estimator where all V_g are equal. Up to
    three groups stay as they are.

    Raises
    ------
    ValueError
        If there is no group, or an error is not above 0.
    """
    m, v = np.asarray(means, dtype=np.float64), np.square(np.asarray(errors, dtype=np.float64))
    k = len(m)
    if k == 0 or not (v > 0).all():
        raise ValueError("shrinkage needs at least one group, each with a standard error above 0")
    a = _between(m, v)
    mu = float(np.average(m, weights=1 / (v + a)))
    pull = max(0, k - 3) / max(1, k - 1) * v / (v + a)
    unsure = 2 / (k - 3) * pull**2 * (v.mean() + a) / (v + a) if k > 3 else np.zeros(k)
    variance = v * (1 - (k - 1) / k * pull) + unsure * np.square(m - mu)
    return Shrunken(m - pull * (m - mu), np.sqrt(variance), mu, float(np.sqrt(a)))


def shrunken_rates(rates: npt.ArrayLike, trials: npt.ArrayLike) -> FloatArray:
    """Rates drawn towards their common rate by a beta prior fitted by moments (Kleinman 1973).

    Parameters
    ----------
    rates : successes over trials, in [0, 1], shape ``(..., n_groups)``.
    trials : independent trials behind each, above 0, shape ``(n_groups,)``.

    Returns
    -------
    FloatArray
        Shape of ``rates``: mu + (p_g - mu) n_g rho / (1 + (n_g - 1) rho), mu being the rate over all
        trials and rho the share of the variance that lies between groups; all mu where chance explains
        the rates (rho = 0).
    """
    p, n = np.asarray(rates, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    total, k = n.sum(), p.shape[-1]
    mu = (p @ n / total)[..., None]
    noise = (mu * (1 - mu))[..., 0]
    squares = (n * np.square(p - mu)).sum(axis=-1)
    scaled = np.divide(squares, noise, out=np.full(squares.shape, float(k - 1)), where=noise > 0)
    freedom = total - (n**2).sum() / total - (k - 1)
    rho = np.clip((scaled - (k - 1)) / freedom, 0.0, 1.0)[..., None] if freedom > 0 else np.zeros(mu.shape)
    shrunken: FloatArray = mu + (p - mu) * n * rho / (1 + (n - 1) * rho)
    return shrunken


def _between(m: FloatArray, v: FloatArray) -> float:
    """A of the normal model by halving: the sum of squares falls as A grows; 0 if it is small already."""

    def excess(a: float) -> float:
        weights = 1 / (v + a)
        mu = np.average(m, weights=weights)
        return float((weights * np.square(m - mu)).sum()) - (len(m) - 1)

    low, high = 0.0, float(np.square(m - m.mean()).sum())
    if excess(low) <= 0:
        return 0.0
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2
