"""The mean of answers that hang together two ways, such as by the person asked and by the words used."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...models.data import FloatArray
from .intervals import Interval, check_alpha, t_quantile
from .two_way import two_way_error


def crossed_mean(
    values: FloatArray,
    first: npt.NDArray[np.generic],
    second: npt.NDArray[np.generic],
    *,
    alpha: float,
    called: str = "user and word",
) -> Interval | None:
    """Mean of rows, each row counting alike, with an interval that holds for other users and other words.

    Parameters
    ----------
    values : shape ``(n_rows,)``; NaN rows are dropped.
    first, second : the row's cluster either way, same shape; ``first`` is counted as ``clusters``.
    called : the two ways, for the method's name.

    Returns
    -------
    Interval or None
        ``None`` with fewer than two clusters either way, or infinite values.

    Notes
    -----
    Standard error by two-way clusters (Cameron, Gelbach and Miller 2011), Student's t with one less than
    the fewer clusters of the two ways: a claim about all words needs many words, however many the users.
    """
    check_alpha(alpha)
    known = ~np.isnan(np.asarray(values, dtype=np.float64))
    own, one, other = np.asarray(values, dtype=np.float64)[known], first[known], second[known]
    units, words = len(np.unique(one)), len(np.unique(other))
    if min(units, words) < 2 or not np.isfinite(own).all():
        return None
    mean = float(own.mean())
    se = two_way_error((own - mean) / len(own), one, other)
    reach = t_quantile(alpha, min(units, words) - 1) * se
    method = f"mean, clustered by {called}, t"
    return Interval(mean, mean - reach, mean + reach, method, len(own), units, se)
