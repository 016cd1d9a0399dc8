"""How sure a mean is when its rows hang together in many ways at once: by user, by item, by training."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ...models.data import FloatArray
from .intervals import Interval, check_alpha, t_quantile


def multiway_mean(
    values: FloatArray, factors: Sequence[npt.NDArray[np.generic]], *, alpha: float
) -> Interval | None:
    """Mean of rows that share users, items, trainings ...: each of them a sample of what might have been.

    Parameters
    ----------
    values : one a row, shape ``(n_rows,)``; NaN rows are left out.
    factors : the row's cluster in each way, such as its user and its item, shape ``(n_rows,)`` each; the
        first counts as the clusters of the result. One with a single cluster says nothing of its own
        spread and is left out.
    alpha : error probability of each end, in (0, 0.5).

    Returns
    -------
    Interval or None
        ``None`` where no factor has two clusters, or a value is infinite.

    Notes
    -----
    var = sum over sets of factors S, not empty, of (-1)^(|S| + 1) V_S, with V_S = G/(G - 1) sum over
    clusters of (sum of (x - mean)/n)^2, a cluster of a set being a combination of its factors' (Cameron,
    Gelbach and Miller 2011); at least the largest V of a single factor, for the sum may come out too small.
    Student's t with (sum V_f)^2 / sum V_f^2/(G_f - 1) degrees of freedom over single factors f
    (Satterthwaite 1946), so that five trainings count as five wherever trainings are what differs.
    """
    check_alpha(alpha)
    known = ~np.isnan(values)
    rows = np.asarray(values, dtype=np.float64)[known]
    places = [np.unique(factor[known], return_inverse=True)[1].reshape(-1) for factor in factors]
    used = [place for place in places if len(place) and place.max() > 0]
    if not used or not np.isfinite(rows).all():
        return None
    mean = float(rows[0] if np.ptp(rows) == 0 else rows.mean())
    influence = (rows - mean) / len(rows)
    single = np.array([_spread(influence, [place]) for place in used])
    total = single.sum() + sum(
        (-1) ** (size + 1) * _spread(influence, chosen)
        for size in range(2, len(used) + 1)
        for chosen in combinations(used, size)
    )
    se = float(np.sqrt(max(total, single.max())))
    freedom = np.array([place.max() for place in used], dtype=np.float64)
    squares = float((single**2 / freedom).sum())
    df = float(single.sum()) ** 2 / squares if squares > 0 else float(freedom.max())
    reach = t_quantile(alpha, df) * se
    method = "mean of rows, clustered by every factor, t"
    return Interval(mean, mean - reach, mean + reach, method, len(rows), int(places[0].max()) + 1, se)


def _spread(influence: FloatArray, places: Sequence[npt.NDArray[np.int64]]) -> float:
    """The variance of the mean if only combinations of these clusters were drawn anew."""
    together = places[0].astype(np.int64)
    for place in places[1:]:
        together = together * (int(place.max()) + 1) + place
    _, cluster = np.unique(together, return_inverse=True)
    sums = np.bincount(cluster.reshape(-1), influence)
    return float(np.square(sums).sum()) * len(sums) / max(1, len(sums) - 1)
