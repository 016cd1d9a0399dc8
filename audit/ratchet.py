"""Holds an audit against an earlier one: nothing that is bounded may have become worse."""

from __future__ import annotations

from collections.abc import Iterator

from ..probes.base import Criterion
from ..probes.paired import Change
from ..reports.record import FindingRecord
from ._sides import Run, bound_on, compared, harm, judged_rows
from .errors import UsageError
from .gate import DONE, FAILED, UNDECIDED, Line, Policy


def ratchet(run: Run, baseline: Run, policy: Policy) -> tuple[Line, ...]:
    """One line a bounded row: no worse than the baseline, worse, or undecided.

    A row is no worse if the interval of its change lies below ``policy.baseline_margin`` times its bound,
    worse if it lies above: a test of non-inferiority, person by person where both runs asked the same
    people. All rows share the policy's error budget.

    Raises
    ------
    UsageError
        If the two runs have no bounded row in common.
    """
    rows = judged_rows(baseline, run)
    if not rows:
        raise UsageError(
            f"run {baseline.record.id} has no bounded measurement with evidence in common with"
            f" {run.record.id}; give a baseline that was asked the same probes, with its evidence folder"
        )
    lines = []
    for _, finding, changes in compared(baseline, run, alpha=policy.alpha / rows):
        lines += list(_finding(finding, changes, policy))
    return (*lines, *_gone(run, baseline))


def _finding(finding: FindingRecord, changes: tuple[Change, ...], policy: Policy) -> Iterator[Line]:
    for change in changes:
        criterion = bound_on(finding, change)
        if criterion is not None:
            yield _line(finding.probe, change, criterion, policy)


def _line(probe: str, change: Change, criterion: Criterion, policy: Policy) -> Line:
    row, worse = change.after, harm(change, criterion)
    where = row.name if row.group == "overall" else f"{row.name} ({row.group})"
    undecided = UNDECIDED if policy.inconclusive == "fail" else DONE
    if worse is None:
        text = f"{where}: the change is not estimable"
        return Line(about=probe, state="undecided", text=text, code=undecided)
    margin = policy.baseline_margin * abs(criterion.bound)
    value, low, high = worse
    how = "same people" if change.paired else "other people"
    text = f"{where}: worse by {value:.3g} ({low:.3g} to {high:.3g}) {row.unit}, allowed {margin:.3g}; {how}"
    if high < margin:
        return Line(about=probe, state="no worse", text=text)
    if low > margin:
        return Line(about=probe, state="worse", text=text, code=FAILED)
    return Line(about=probe, state="undecided", text=text, code=undecided)


def _gone(run: Run, baseline: Run) -> Iterator[Line]:
    """Probes that the baseline was judged by and this run was not."""
    judged = {own.probe for own in run.record.findings if own.verdicts}
    for finding in baseline.record.findings:
        if finding.verdicts and finding.probe not in judged:
            text = "the baseline was judged by it, and this run was not"
            yield Line(about=finding.probe, state="missing", text=text, code=FAILED)
