"""Turns answers into rows of a report: per-user means, and intervals with all they need to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..models.data import FloatArray
from .base import Better, Measurement
from .stats.intervals import Interval, mean_of_clusters, ratio_of_sums, z_quantile
from .stats.simultaneous import simultaneous_means

BOUNDED = ("share", "NDCG")
"""Units whose values lie in [0, 1]."""

NOT_ESTIMABLE = "too few users could be asked this, so nothing can be estimated"


def row(
    name: str,
    interval: Interval | None,
    *,
    alpha: float,
    unit: str,
    better: Better,
    n: int,
    group: str = "overall",
    note: str = "",
) -> Measurement:
    """An interval as a measurement; without one, a row that says that nothing can be estimated.

    ``detectable`` is how far beyond a bound an effect must lie for 80 % power to show it so; none for
    rows that no one would judge (``better`` "none").
    """
    return Measurement(
        name=name,
        value=interval.value if interval else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        level=1 - 2 * alpha,
        method=interval.method if interval else "not estimable",
        n=n,
        clusters=interval.clusters if interval else 0,
        unit=unit,
        better=better,
        group=group,
        detectable=None if better == "none" else _detectable(interval),
        note=note or ("" if interval else NOT_ESTIMABLE),
    )


def probability(odds: FloatArray) -> FloatArray:
    """The probability of "yes" behind log-odds in nats."""
    p: FloatArray = 1 / (1 + np.exp(-np.clip(odds, -500, 500)))
    return p


def mean_row(
    name: str,
    values: FloatArray,
    cluster: npt.NDArray[np.generic],
    *,
    alpha: float,
    unit: str,
    better: Better,
    group: str = "overall",
    note: str = "",
) -> Measurement:
    """The mean over users of each user's mean value, NaN rows left out, with Student's t interval."""
    interval = mean_of_clusters(user_means(values, cluster), alpha=alpha)
    return row(name, interval, alpha=alpha, unit=unit, better=better, n=known(values), group=group, note=note)


def joint_rows(
    name: str,
    values: Mapping[str, FloatArray],
    cluster: npt.NDArray[np.generic],
    *,
    alpha: float,
    rng: np.random.Generator,
    unit: str,
    better: Better,
    notes: Mapping[str, str] | None = None,
) -> list[Measurement]:
    """Means over users for several groups, with intervals that hold together.

    Parameters
    ----------
    values : group to one value per row, shape ``(n_rows,)``, NaN where it has none. With a bounded
        ``unit`` they lie in [0, 1], and so do the intervals.
    """
    if not values:
        return []
    shares = unit in BOUNDED
    effects = np.stack([user_means(column, cluster) for column in values.values()], axis=1)
    found = simultaneous_means(effects, alpha=alpha, rng=rng, bounds=(0.0, 1.0) if shares else None)
    kept = [
        as_share(interval, alpha=alpha / len(values)) if interval and shares else interval
        for interval in found
    ]
    return [
        row(
            name,
            interval,
            alpha=alpha,
            unit=unit,
            better=better,
            n=known(column),
            group=group,
            note=(notes or {}).get(group, ""),
        )
        for (group, column), interval in zip(values.items(), kept, strict=True)
    ]


def known(values: FloatArray) -> int:
    """How many values are not NaN."""
    return int((~np.isnan(values)).sum())


def user_means(values: FloatArray, cluster: npt.NDArray[np.generic]) -> FloatArray:
    """Mean of each user's rows, in the order of the sorted users; NaN rows are left out.

    Parameters
    ----------
    values : shape ``(n_rows,)``.
    cluster : the user of each row, shape ``(n_rows,)``.

    Returns
    -------
    FloatArray
        Shape ``(n_users,)``; NaN for a user with no row that is known.
    """
    sums, counts = user_sums(values, cluster), user_sums((~np.isnan(values)).astype(np.float64), cluster)
    means: FloatArray = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
    return means


def user_sums(values: FloatArray, cluster: npt.NDArray[np.generic]) -> FloatArray:
    """Sum of each user's rows, in the order of the sorted users; NaN counts as 0. Shape ``(n_users,)``."""
    users, place = np.unique(cluster, return_inverse=True)
    sums: FloatArray = np.bincount(place, weights=np.nan_to_num(values), minlength=len(users)).astype(float)
    return sums


def share_of_rows(
    events: npt.NDArray[np.bool_], cluster: npt.NDArray[np.generic], *, alpha: float
) -> Interval | None:
    """Share of rows in which something happened, each row counting alike, with an interval over users.

    ``None`` with rows of fewer than two users.
    """
    counts = user_sums(np.ones(len(events)), cluster)
    share = ratio_of_sums(user_sums(events.astype(np.float64), cluster), counts, alpha=alpha, n=len(events))
    return None if share is None else as_share(share, alpha=alpha)


def as_share(interval: Interval, *, alpha: float) -> Interval:
    """Keep the ends in [0, 1] and never closer to 0 or 1 than if nobody, or everybody, had been seen.

    The rule of three over users gives that distance. Without it a single rare event would narrow the
    interval that none at all leaves wide.
    """
    unseen = 1 - alpha ** (1 / interval.clusters)
    low, high = min(interval.low, 1 - unseen), max(interval.high, unseen)
    return replace(interval, low=max(0.0, low), high=min(1.0, high))


def _detectable(interval: Interval | None) -> float | None:
    if interval is None or not interval.se:
        return None
    return interval.value - interval.low + z_quantile(0.2) * interval.se
