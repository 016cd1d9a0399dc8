"""How sure a number is when its rows hang together two ways: by the user asked and by the item shown."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...models.data import FloatArray
from .intervals import Interval, check_alpha, t_quantile


def two_way_error(
    influence: FloatArray, first: npt.NDArray[np.generic], second: npt.NDArray[np.generic]
) -> float:
    """Standard error of a statistic from what each row adds to it, rows being clustered two ways.

    Parameters
    ----------
    influence : what each row moves the statistic by, summing to 0 up to rounding, shape ``(n_rows,)``.
    first, second : the row's cluster either way, such as its user and its item, same shape.

    Notes
    -----
    var = V_first + V_second - V_cell, V = G/(G - 1) sum over clusters of (sum of influences)^2, a cell
    being a pair of clusters (Cameron, Gelbach and Miller 2011). At least the larger of the first two, for
    the difference may be too small by chance. 0 with fewer than two clusters of either kind.
    """
    ways = [_grouped(first), _grouped(second)]
    cells, _ = _grouped(ways[0][0] * (ways[1][1] + 1) + ways[1][0])
    squares = [float(np.square(np.bincount(place, influence)).sum()) for place in (ways[0][0], ways[1][0])]
    one, other = (v * g / (g - 1) if g > 1 else 0.0 for v, (_, g) in zip(squares, ways, strict=True))
    shared = float(np.square(np.bincount(cells, influence)).sum())
    return float(np.sqrt(max(one, other, one + other - shared)))


def effective_number(weights: npt.ArrayLike) -> float:
    """How many equal parts are as uneven as these: (sum w)^2 / sum w^2 (Kish 1965); 0 without weight."""
    found = np.asarray(weights, dtype=np.float64)
    squares = float(np.square(found).sum())
    return float(found.sum()) ** 2 / squares if squares > 0 else 0.0


def ratio_interval(
    value: float,
    se: float,
    *,
    units: float,
    least_high: float,
    alpha: float,
    n: int,
    clusters: int,
    method: str,
) -> Interval | None:
    """Interval of a ratio that cannot be negative, even on the scale of logarithms.

    Parameters
    ----------
    value, se : the ratio and its standard error.
    units : independent units behind the error, for Student's t with ``units - 1`` degrees of freedom.
    least_high : where the upper end must reach at least: what a part that came up in no unit could still
        be, so that a rare thing is not taken for an impossible one.

    Returns
    -------
    Interval or None
        value exp(-+ t se / value); ``None`` with ``units`` under 2 or a value that is not finite.
    """
    check_alpha(alpha)
    if units < 2 or not np.isfinite(value) or not np.isfinite(se):
        return None
    reach = t_quantile(alpha, units - 1) * se / value if value > 0 else 0.0
    low, high = value * np.exp(-reach), value * np.exp(min(reach, 50.0))
    return Interval(value, float(low), max(float(high), least_high), method, n, clusters, se)


def _grouped(labels: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.int64], int]:
    """Each row's cluster as a position, and how many clusters there are."""
    names, place = np.unique(labels, return_inverse=True)
    return place.ravel().astype(np.int64), len(names)
