"""Puts two runs side by side, person by person where both asked the same people."""

from __future__ import annotations

from ..probes.paired import Change
from ..reports.comparison import CheckChange, Comparison, RowChange
from ..reports.record import FindingRecord
from ._sides import Run, bound_on, compared, judged_rows

MARGIN = 0.2
"""The share of a bound by which a figure may change and still count as alike."""


def compare(before: Run, after: Run, *, alpha: float = 0.05) -> Comparison:
    """Compare every figure that both runs have.

    Parameters
    ----------
    alpha : the error budget that the bounded rows share.
    """
    each = alpha / max(1, judged_rows(before, after))
    changed = {late.probe: (late, found) for _, late, found in compared(before, after, alpha=each)}
    old, new = ({own.probe: own for own in run.record.findings} for run in (before, after))
    checks = []
    for probe in dict.fromkeys([*new, *old]):
        early, late = old.get(probe), new.get(probe)
        text = (late or early or new[probe]).text
        rows = tuple(_row(*own) for own in _pairs(changed.get(probe)))
        checks.append(
            CheckChange(
                probe=probe,
                text=text,
                before=early.verdict if early else None,
                after=late.verdict if late else None,
                rows=rows,
            )
        )
    return Comparison(before=before.record, after=after.record, checks=tuple(checks), alpha=alpha)


def _pairs(
    changed: tuple[FindingRecord, tuple[Change, ...]] | None,
) -> list[tuple[FindingRecord, Change]]:
    return [] if changed is None else [(changed[0], own) for own in changed[1]]


def _row(finding: FindingRecord, change: Change) -> RowChange:
    criterion, interval = bound_on(finding, change), change.interval
    return RowChange(
        before=change.before,
        after=change.after,
        change=(interval.value, interval.low, interval.high) if interval else None,
        paired=change.paired,
        criterion=criterion,
        margin=MARGIN * abs(criterion.bound) if criterion else None,
    )
