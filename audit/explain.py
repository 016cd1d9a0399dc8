"""Says of every bounded figure how it stands, and which bound it would have met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..probes.base import Criterion, Measurement
from ..probes.stats.verdicts import judge
from ..reports.record import AuditRecord, FindingRecord
from .gate import Line, Policy, judged

ROLES = {"gate": "bound", "validity": "validity check", "control": "positive control"}


def explained(record: AuditRecord, policy: Policy) -> tuple[Line, ...]:
    """One line a judged row, the method's own checks included."""
    family = len(record.family.checks)
    lines: list[Line] = []
    for finding in record.findings:
        if finding.verdict in ("not_applicable", "error"):
            reason = finding.not_asked or finding.error
            lines.append(Line(about=finding.probe, state=finding.verdict, text=reason))
            continue
        own = tuple(verdict.criterion for verdict in finding.verdicts)
        criteria = policy.criteria_for(finding.probe, own)
        verdicts, _ = judged(criteria, finding.measurements, family=family)
        for verdict in verdicts:
            lines += list(_rows(finding, verdict.criterion, family))
    return tuple(lines)


def _rows(finding: FindingRecord, criterion: Criterion, family: int) -> Iterator[Line]:
    for row in finding.measurements:
        if row.name != criterion.measurement or criterion.group not in ("each", row.group):
            continue
        one = judge(replace(criterion, group=row.group), finding.measurements, family=family)
        where = row.name if row.group == "overall" else f"{row.name} ({row.group})"
        said = f"{where} {_estimate(row)}, {ROLES[criterion.role]} {_bound(criterion)}: {one.reason}"
        p = "" if one.p_value is None else f"; adjusted p {one.p_value:.3g}"
        yield Line(about=finding.probe, state=one.state, text=f"{said}{p}{_would_meet(row, criterion)}")


def _estimate(row: Measurement) -> str:
    if row.value is None or row.low is None:
        return "is not estimable"
    if row.high is None:
        return f"is {row.value:.4g} ({row.low:.4g} or more) {row.unit}"
    return f"is {row.value:.4g} ({row.low:.4g} to {row.high:.4g}) {row.unit}"


def _bound(criterion: Criterion) -> str:
    words = {"at_most": "at most", "at_least": "at least", "within": "within ±"}[criterion.direction]
    return f"{words} {criterion.bound:g}".replace("± ", "±")


def _would_meet(row: Measurement, criterion: Criterion) -> str:
    """The tightest bound that the row's interval meets."""
    if row.low is None or row.high is None or criterion.role != "gate":
        return ""
    met = {
        "at_most": row.high,
        "at_least": row.low,
        "within": max(abs(row.low), abs(row.high)),
    }[criterion.direction]
    beyond = "above" if criterion.direction != "at_least" else "below"
    return f"; it meets any bound {beyond} {met:.4g}"
