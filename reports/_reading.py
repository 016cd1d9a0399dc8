"""How a finding is read: in which order, which criterion decided, and how each measured row stands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..probes.base import SEVERITY, Criterion, Measurement, State, Verdict
from ..probes.stats.verdicts import judge
from . import _numbers as numbers
from .record import AuditRecord, FindingRecord

WORDS: dict[State, str] = {
    "error": "Error",
    "invalid": "Invalid",
    "fail": "Fail",
    "inconclusive": "Inconclusive",
    "pass": "Pass",
    "reported": "Reported",
    "not_applicable": "Not asked",
}
DUST = 1e-12
JUDGED: tuple[State, ...] = ("error", "invalid", "fail", "inconclusive", "pass")


@dataclass(frozen=True, kw_only=True)
class Check:
    """A finding with the verdict and the row that a reader should look at first.

    ``number`` is its place in the report; ``verdict`` is the gate's that decided, ``None`` where nothing
    was judged; ``row`` is that verdict's row, ``None`` where nothing was measured; ``held_back`` is the
    validity statement or control that keeps the gate from deciding.
    """

    number: int
    finding: FindingRecord
    verdict: Verdict | None
    row: Measurement | None
    held_back: Verdict | None
    places: Mapping[str, int]

    @property
    def state(self) -> State:
        """The finding's verdict."""
        return self.finding.verdict

    @property
    def criterion(self) -> Criterion | None:
        """The bound that decided."""
        return self.verdict.criterion if self.verdict else None

    @property
    def p_value(self) -> float | None:
        """The gate's p-value, unless the method did not hold."""
        return self.verdict.p_value if self.verdict and self.state != "invalid" else None

    @property
    def anchor(self) -> str:
        """The section's address on the page."""
        return f"check-{self.number}"

    def estimate(self, row: Measurement) -> str:
        """A row's value and interval, written alike wherever this report shows it."""
        return numbers.estimate(row, self.places[row.name])


def in_order(record: AuditRecord) -> tuple[Check, ...]:
    """All checks, worst first; among equals the one furthest beyond its bound."""
    readings = [(_tidy(finding), decider(finding)) for finding in record.findings]
    readings.sort(key=lambda reading: (SEVERITY.index(reading[0].verdict), _order(reading[1])))
    return tuple(
        Check(
            number=number,
            finding=finding,
            verdict=verdict,
            row=row_behind(finding, verdict),
            held_back=_held_back(finding),
            places=_places(finding),
        )
        for number, (finding, verdict) in enumerate(readings, start=1)
    )


def decider(finding: FindingRecord) -> Verdict | None:
    """The gate that decided: the worst, and of those the one furthest beyond its bound."""
    gates = [verdict for verdict in finding.verdicts if verdict.criterion.role == "gate"]
    return min(gates, key=lambda verdict: (SEVERITY.index(verdict.state), _order(verdict)), default=None)


def _held_back(finding: FindingRecord) -> Verdict | None:
    if finding.verdict not in ("invalid", "inconclusive"):
        return None
    others = [verdict for verdict in finding.verdicts if verdict.criterion.role != "gate"]
    return next((verdict for verdict in others if verdict.state == finding.verdict), None)


def _places(finding: FindingRecord) -> dict[str, int]:
    """Decimals by measurement, the same for all that share a unit."""
    criteria = [verdict.criterion for verdict in finding.verdicts]
    units = {row.name: row.unit for row in finding.measurements}
    places = {
        name: numbers.places_of(
            [row for row in finding.measurements if row.name == name],
            [criterion for criterion in criteria if criterion.measurement == name],
        )
        for name in units
    }
    return {name: max(places[other] for other in units if units[other] == units[name]) for name in units}


def _tidy(finding: FindingRecord) -> FindingRecord:
    """A finding in which what is not finite is not estimable, and the dust of floating point is 0."""

    def end(value: float | None) -> float | None:
        if value is None or not math.isfinite(value):
            return None
        return value if abs(value) > DUST else 0.0

    rows = tuple(
        replace(
            row, value=end(row.value), low=end(row.low), high=end(row.high), detectable=end(row.detectable)
        )
        for row in finding.measurements
    )
    return replace(finding, measurements=rows)


def _order(verdict: Verdict | None) -> float:
    return 2.0 if verdict is None or verdict.p_value is None else verdict.p_value


def row_behind(finding: FindingRecord, verdict: Verdict | None) -> Measurement | None:
    """The row that a verdict was read from; the first row where nothing was judged."""
    if verdict is None:
        return next(iter(finding.measurements), None)
    rows = judged_rows(finding.measurements, verdict.criterion)
    return next((row for row in rows if row.group == verdict.group), rows[0] if rows else None)


def judged_rows(measurements: Sequence[Measurement], criterion: Criterion) -> list[Measurement]:
    """The rows that a criterion judges."""
    named = [row for row in measurements if row.name == criterion.measurement]
    return named if criterion.group == "each" else [row for row in named if row.group == criterion.group]


def row_states(finding: FindingRecord, criterion: Criterion) -> dict[str, State]:
    """How each row that a criterion judges stands against its bound, by group."""
    return {
        row.group: judge(replace(criterion, group=row.group), finding.measurements).state
        for row in judged_rows(finding.measurements, criterion)
    }


def counts(record: AuditRecord) -> list[tuple[State, int]]:
    """How many checks came to each verdict; an error is listed only where there is one."""
    shown: tuple[State, ...] = ("pass", "fail", "inconclusive", "invalid", "not_applicable", "reported")
    states = [finding.verdict for finding in record.findings]
    listed = shown if "error" not in states else (*shown, "error")
    return [(state, states.count(state)) for state in listed]
