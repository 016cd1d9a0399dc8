"""How much a figure over all users together rests on each of them: leave every user out once."""

from __future__ import annotations

import numpy as np

from ...models.data import FloatArray
from .intervals import Interval, check_alpha, t_quantile


def jackknife_interval(
    value: float, left_out: FloatArray, *, alpha: float, n: int, bounds: tuple[float, float] | None = None
) -> Interval | None:
    """Interval of a statistic that is no mean, from its values without each user (Tukey 1958).

    Parameters
    ----------
    value : the statistic over all users.
    left_out : the statistic without each user in turn, shape ``(n_users,)``.
    alpha : error probability of each end, in (0, 0.5).
    n : rows behind the value; counted, not used.
    bounds : the range that the statistic cannot leave; the ends are kept inside.

    Returns
    -------
    Interval or None
        ``None`` with fewer than two users, or values that are not finite: not estimable.

    Notes
    -----
    var = (G - 1)/G sum (t_g - mean t)^2, which overstates the variance of a statistic over G - 1 users on
    average, whatever the statistic (Efron and Stein 1981). Ends by Student's t with G - 1 degrees of
    freedom. It says where the figure of as many other users would lie on average: a bias that depends on
    how many users there are, such as that of a count of distinct things, stays in. A bootstrap would add
    to it, since a resample holds only some 63 % of the users.
    """
    check_alpha(alpha)
    clusters = len(left_out)
    if clusters < 2 or not (np.isfinite(left_out).all() and np.isfinite(value)):
        return None
    se = float(np.sqrt((clusters - 1) / clusters * np.square(left_out - left_out.mean()).sum()))
    reach = t_quantile(alpha, clusters - 1) * se
    low, high = value - reach, value + reach
    if bounds is not None:
        low, high = max(bounds[0], low), min(bounds[1], high)
    return Interval(value, low, high, "jackknife over users, t", n, clusters, se)
