"""Gaps that hold together over all attributes: the worst group, and gaps between users who are as active."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from ...models.data import BoolArray, FloatArray, IntArray
from .._rows import row
from ..base import Evidence, Measurement
from ..stats.contrasts import simultaneous_contrasts
from ..stats.intervals import Interval
from ._gap_rows import SHOWN
from ._user_table import ACTIVITY, INTERACTIONS, UserTable

STRATA, IN_A_STRATUM = 4, 5


def against_everyone(
    values: FloatArray,
    insides: Sequence[BoolArray],
    *,
    alpha: float,
    rng: np.random.Generator,
    relative: bool = False,
    n_draws: int = 4999,
) -> list[Interval | None]:
    """Each group's mean minus everyone's, with intervals that hold together.

    Parameters
    ----------
    values : one a user, NaN left out, shape ``(n_users,)``.
    insides : who is in each group, shape ``(n_users,)`` each; groups may overlap.
    relative : divide by everyone's mean; its own error then counts too, linearised (delta method).

    Notes
    -----
    mean(g) - mean = (1 - f) (mean(g) - mean(not g)), f being the group's share of all users. Relative:
    R = mean(g) / mean - 1, which moves by [(1 - (1 + R) f) dmean(g) - (1 + R) (1 - f) dmean(not g)] / mean.
    Every group is taken to vary at least as much as all users do, so that thirty users who happen to have
    found nothing are not taken for a group that never finds anything.
    """
    known = ~np.isnan(values)
    mean = float(values[known].mean()) if known.any() else 0.0
    if not insides or (relative and mean == 0):
        return [None] * len(insides)
    shares = np.array([inside[known].mean() for inside in insides])
    gap = np.array([values[known & inside].mean() if (known & inside).any() else mean for inside in insides])
    ratio = gap / mean if relative else np.ones(len(insides))
    own, other = 1 - ratio * shares, -ratio * (1 - shares)
    weights = np.kron(np.eye(len(insides)), np.ones(2)) * np.stack([own, other], axis=1).ravel()
    groups = np.stack([side for inside in insides for side in (inside, ~inside)], axis=1)
    return simultaneous_contrasts(
        values,
        groups,
        weights / mean if relative else weights,
        alpha=alpha,
        rng=rng,
        offsets=ratio - 1,
        least_spread=spread_of(values),
        n_draws=n_draws,
    )


def spread_of(values: FloatArray) -> float:
    """Standard deviation over all users; 0 for fewer than two."""
    known = values[~np.isnan(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else 0.0


def worst_row(
    figure: str,
    users: UserTable,
    kept: Mapping[str, list[str]],
    *,
    alpha: float,
    rng: np.random.Generator,
) -> list[Measurement]:
    """The group furthest below everyone's mean; all groups are looked at, so its interval holds for all."""
    column, unit, _, _ = SHOWN[figure]
    groups = [(name, group) for name, own in kept.items() if name != ACTIVITY for group in own]
    insides = [users.inside(name, [group]) for name, group in groups]
    found = against_everyone(users.values[column], insides, alpha=alpha, rng=rng)
    gaps = [(one.value, place) for place, one in enumerate(found) if one is not None]
    if not gaps:
        return []
    _, place = min(gaps)
    (name, group), n = groups[place], int(users.rows[insides[place]].sum())
    label, note = f"{name}: {group}", f"the lowest of {len(gaps)} groups, against the mean of all users"
    return [
        row(
            f"worst_{figure}_gap",
            found[place],
            group=label,
            n=n,
            unit=unit,
            better="higher",
            alpha=alpha,
            note=note,
        )
    ]


def strata(evidence: Evidence) -> IntArray | None:
    """Each user's quarter by interactions, in the order of the sorted users; ``None`` where all have as many.

    Users with as many interactions are in one quarter, so that there may be fewer than four.
    """
    if INTERACTIONS not in evidence.columns:
        return None
    _, first = np.unique(evidence.columns["cluster"], return_index=True)
    counts = evidence.columns[INTERACTIONS][first].astype(np.float64)
    if not len(counts) or np.ptp(counts) == 0:
        return None
    edges = np.unique(np.quantile(counts, np.arange(1, STRATA) / STRATA))
    return np.searchsorted(edges, counts).astype(np.int64)


def controlled_rows(
    figure: str,
    users: UserTable,
    kept: Mapping[str, list[str]],
    quarters: IntArray | None,
    *,
    alpha: float,
    rng: np.random.Generator,
) -> list[Measurement]:
    """Gaps between groups of users who are as active: the mean over quarters of activity of the gap inside.

    gap = sum_s w_s [mean(x, s) - mean(y, s)], w_s proportional to the users of both groups in quarter s;
    quarters with fewer than five users of either are left out. Activity is a control feature, as in
    Fairlearn. All rows hold together.
    """
    if quarters is None:
        return []
    column, unit, _, _ = SHOWN[figure]
    pairs = [(name, pair) for name, own in kept.items() if name != ACTIVITY for pair in combinations(own, 2)]
    insides = list[BoolArray]()
    weights, labels, notes = list[dict[int, float]](), list[str](), list[str]()
    for name, (one, other) in pairs:
        sides = [users.inside(name, [group]) for group in (one, other)]
        cells = [[side & (quarters == s) for side in sides] for s in np.unique(quarters)]
        able = [both for both in cells if min(int(side.sum()) for side in both) >= IN_A_STRATUM]
        if not able:
            continue
        sizes = np.array([sum(int(side.sum()) for side in both) for both in able])
        places = [len(insides) + 2 * place for place in range(len(able))]
        own = dict(zip(places, (sizes / sizes.sum()).tolist(), strict=True))
        weights.append(own | {place + 1: -share for place, share in own.items()})
        insides += [side for both in able for side in both]
        labels.append(f"{name}: {one} vs {other}")
        missing = (
            f"{len(cells) - len(able)} of {len(cells)} quarters of activity held too few of either group"
        )
        notes.append(missing if len(able) < len(cells) else "")
    if not insides:
        return []
    asked = np.array([[one.get(place, 0.0) for place in range(len(insides))] for one in weights])
    inside = np.stack(insides, axis=1)
    values = users.values[column]
    found = simultaneous_contrasts(
        values, inside, asked, alpha=alpha, rng=rng, least_spread=spread_of(values)
    )
    rows = []
    for label, interval, used, note in zip(labels, found, asked, notes, strict=True):
        n = int(users.rows[inside[:, used != 0].any(axis=1)].sum())
        name = f"{figure}_gap_at_equal_activity"
        gap = row(name, interval, group=label, n=n, unit=unit, better="zero", alpha=alpha, note=note)
        rows.append(replace(gap, method=f"within quarters of activity, {gap.method}"))
    return rows
