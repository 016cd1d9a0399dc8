"""Brings two runs side by side: the probe, the answers and the people behind each finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..probes.base import Criterion, Probe
from ..probes.paired import Change, Side, by_size, changes
from ..reports.record import AuditRecord, FindingRecord
from . import plugins
from ._evidence import read_evidence, read_users
from ._settings import typed
from .errors import UsageError
from .keys import stream


@dataclass(frozen=True, kw_only=True)
class Run:
    """A record and the folder that its evidence files are named from."""

    record: AuditRecord
    folder: Path

    def finding(self, probe: str) -> FindingRecord | None:
        """What a probe found, if it has evidence here."""
        found = next((own for own in self.record.findings if own.probe == probe), None)
        there = found and found.evidence_file and (self.folder / found.evidence_file).is_file()
        return found if there else None

    def side(self, finding: FindingRecord) -> Side:
        """One finding's answers."""
        file = self.folder / finding.evidence_file
        return Side(
            probe=probe_of(finding.probe, self.record),
            evidence=read_evidence(file),
            users=read_users(file),
            measurements=finding.measurements,
        )


OTHER_EVIDENCE = (KeyError, IndexError, TypeError, ValueError)
"""What a probe raises on evidence that another version of it has written."""


def probe_of(name: str, record: AuditRecord) -> Probe:
    """The probe behind a finding, with the settings it was run with.

    Raises
    ------
    UsageError
        If it is not installed here.
    """
    asked = {plugins.name_of(own): own for own in record.config.get("probes", ())}
    plugin = plugins.find("probe", asked.get(name, name))
    own = plugins.load(plugin)
    if not (isinstance(own, type) and issubclass(own, Probe)):
        raise UsageError(f"{name} is no probe here; install what the audit was run with")
    return typed(own, record.config.get("probe_settings", {}).get(plugin.name, {}), of=plugin.name)


def gates_of(finding: FindingRecord) -> tuple[Criterion, ...]:
    """The bounds that judged a finding."""
    return tuple(verdict.criterion for verdict in finding.verdicts if verdict.criterion.role == "gate")


def bound_on(finding: FindingRecord, change: Change) -> Criterion | None:
    """The gate that a row is judged by."""
    return next(
        (
            own
            for own in gates_of(finding)
            if own.measurement == change.after.name and own.group in ("each", change.after.group)
        ),
        None,
    )


def harm(change: Change, criterion: Criterion) -> tuple[float, float, float] | None:
    """How much worse a row became, with its interval: above 0 is worse."""
    interval = change.interval
    if interval is None:
        return None
    if criterion.direction == "at_least":
        return -interval.value, -interval.high, -interval.low
    return interval.value, interval.low, interval.high


def compared(
    before: Run, after: Run, *, alpha: float
) -> Iterator[tuple[FindingRecord, FindingRecord, tuple[Change, ...]]]:
    """Every finding that both runs have evidence of, with the change of each of its rows.

    Parameters
    ----------
    alpha : error probability of each interval's end.
    """
    for late in after.record.findings:
        early = before.finding(late.probe)
        if early is None or after.finding(late.probe) is None:
            continue
        yield early, late, _changes(before, after, early, late, alpha)


def _changes(
    before: Run, after: Run, early: FindingRecord, late: FindingRecord, alpha: float
) -> tuple[Change, ...]:
    try:
        return changes(
            before.side(early),
            after.side(late),
            alpha=alpha,
            new_rng=lambda: stream(after.record.seed, "estimate", late.probe),
            by_size=by_size(gates_of(late)),
        )
    except OTHER_EVIDENCE as problem:
        raise UsageError(
            f"the evidence of {late.probe} cannot be read by this release ({type(problem).__name__}:"
            f" {problem}); another one wrote it in {before.record.id} or {after.record.id}: run that again"
        ) from None


def judged_rows(before: Run, after: Run) -> int:
    """How many bounded rows both runs have, which share the error budget of a comparison."""
    count = 0
    for late in after.record.findings:
        early = before.finding(late.probe)
        if early is not None:
            known = {(row.name, row.group) for row in early.measurements}
            names = {criterion.measurement for criterion in gates_of(late)}
            count += sum(row.name in names and (row.name, row.group) in known for row in late.measurements)
    return count
