"""A verdict is read off an interval and a bound that was fixed before: inside, beyond, or undecided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from ..base import SEVERITY, Criterion, Measurement, State, Verdict


@dataclass(frozen=True)
class _Reading:
    """One row against one criterion: how it stands and how far beyond the bound it is."""

    row: Measurement
    state: State
    p_value: float | None


def judge(criterion: Criterion, measurements: Sequence[Measurement], *, family: int = 1) -> Verdict:
    """Judge the rows that a criterion names; the worst row decides.

    Parameters
    ----------
    measurements : everything the probe measured; the criterion picks its rows by name and group.
    family : how many checks share the error budget; scales the p-value, as the level of the
        intervals already reflects it.

    Returns
    -------
    Verdict
        "fail" if some row's interval lies beyond the bound (and beyond the floor, if one is named),
        "pass" if every row's lies inside it, else "inconclusive". A validity criterion that fails is
        "invalid"; so is a control that is not shown to fire.

    Notes
    -----
    Passing needs every row inside, an intersection-union test that needs no correction; failing needs
    one row beyond, so the rows' intervals must hold simultaneously (Berger and Hsu 1996). A row without an
    upper end bounds the truth from below alone: it can be shown to be too high, never to be low enough.
    """
    rows = [row for row in measurements if row.name == criterion.measurement]
    if criterion.group != "each":
        rows = [row for row in rows if row.group == criterion.group]
    if not rows:
        return _unmeasured(criterion)
    floor = _floor(criterion, measurements)
    limit = criterion.bound if not floor else max(criterion.bound, floor)
    readings = [_read(criterion, row, limit, family) for row in rows]
    worst = min(readings, key=lambda reading: (SEVERITY.index(reading.state), _order(reading)))
    if worst.state == "fail" and floor is None:
        reason = "beyond the bound, but what meaningless changes do to this model was not measured"
        return Verdict(criterion=criterion, state="inconclusive", reason=reason, group=worst.row.group)
    return Verdict(
        criterion=criterion,
        state=_by_role(criterion, worst.state),
        reason=_reason(criterion, worst, limit),
        group=worst.row.group,
        p_value=worst.p_value,
    )


def overall(verdicts: Sequence[Verdict]) -> State:
    """A probe's verdict from its criteria's.

    A validity statement that could not be decided caps the verdict at inconclusive; one that failed
    makes it invalid, whatever the gates say. Without a control that could be tried, a pass is only
    inconclusive, while a fail stands. Without gates nothing is judged: "reported".
    """
    states = [verdict.state for verdict in verdicts]
    gates = [verdict.state for verdict in verdicts if verdict.criterion.role == "gate"]
    if not gates:
        return "reported"
    if grave := [state for state in ("error", "invalid") if state in states]:
        return grave[0]
    if any(verdict.state == "inconclusive" for verdict in verdicts if verdict.criterion.role != "gate"):
        return "inconclusive"
    untried = any(
        verdict.state == "not_applicable" for verdict in verdicts if verdict.criterion.role == "control"
    )
    worst = min(gates, key=SEVERITY.index)
    return "inconclusive" if untried and worst == "pass" else worst


def _unmeasured(criterion: Criterion) -> Verdict:
    if criterion.role == "control":
        reason = "no planted copy could be tried, so finding nothing would prove nothing"
        return Verdict(criterion=criterion, state="not_applicable", reason=reason)
    if criterion.role == "validity":
        reason = "this check does not apply to such a model"
        return Verdict(criterion=criterion, state="not_applicable", reason=reason)
    return Verdict(criterion=criterion, state="inconclusive", reason="nothing could be measured")


def _read(criterion: Criterion, row: Measurement, limit: float, family: int) -> _Reading:
    if row.value is None or row.low is None:
        return _Reading(row, "inconclusive", None)
    low, high, bound = row.low, math.inf if row.high is None else row.high, criterion.bound
    match criterion.direction:
        case "at_most":
            inside, beyond, gap = high < bound, low > limit, (row.value - limit, row.value - low)
        case "at_least":
            inside, beyond, gap = low > bound, high < bound, (bound - row.value, high - row.value)
        case "within":
            inside, beyond = -bound < low and high < bound, low > limit or high < -limit
            gap = (abs(row.value) - limit, row.value - low if row.value > 0 else high - row.value)
    state: State = "pass" if inside else "fail" if beyond else "inconclusive"
    return _Reading(row, state, min(1.0, family * implied_p(*gap, alpha=(1 - row.level) / 2)))


def implied_p(distance: float, reach: float, *, alpha: float) -> float:
    """The one-sided p-value of an estimate that lies ``distance`` beyond a bound.

    ``reach`` is how far the interval's end at level ``alpha`` is from the estimate; a normal shape is
    assumed in between, so that p < alpha exactly where the interval excludes the bound.
    """
    if reach <= 0:
        return 0.0 if distance > 0 else 1.0
    return NormalDist().cdf(-distance / reach * -NormalDist().inv_cdf(alpha))


def _floor(criterion: Criterion, measurements: Sequence[Measurement]) -> float | None:
    """How far meaningless changes reach: 0 if no floor is asked for, None if it was not measured."""
    if criterion.floor is None:
        return 0.0
    rows = [row for row in measurements if row.name == criterion.floor]
    ends = [abs(end) for row in rows for end in (row.low, row.high) if end is not None]
    return max(ends, default=None)


def _by_role(criterion: Criterion, state: State) -> State:
    if criterion.role == "validity" and state == "fail":
        return "invalid"
    if criterion.role == "control" and state != "pass":
        return "invalid"
    return state


def _order(reading: _Reading) -> float:
    return 1.0 if reading.p_value is None else reading.p_value


def _reason(criterion: Criterion, reading: _Reading, limit: float) -> str:
    row = reading.row
    if row.value is None or row.low is None:
        return row.note or "not estimable from this sample"
    if reading.state == "pass":
        return "the whole interval is on the good side of the bound"
    if reading.state == "fail":
        return "the whole interval is beyond the bound"
    if row.high is None:
        return "none_found: nothing beyond the bound was shown" + (f"; {row.note}" if row.note else "")
    if limit > criterion.bound and (row.low > criterion.bound or row.high < -criterion.bound):
        return "beyond the bound, but no larger than what meaningless changes do to this model"
    return "the interval contains the bound: this sample cannot decide"
