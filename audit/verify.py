"""Computes an audit again from its evidence, and names every number and file that is not as recorded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from ..probes.base import Evidence, Measurement
from ..reports.record import AuditRecord, FindingRecord
from ._asking import plain_row
from ._evidence import read_evidence
from ._sides import OTHER_EVIDENCE, probe_of
from .gate import DONE, FAILED, NOTHING_RAN, GateOutcome, Line, Policy, judged
from .keys import file_digest, stream

TOLERANCE = 1e-9
"""How far, relative to its size, a number may be off: other machines add up in another order."""


def verify(record: AuditRecord, *, evidence: Path) -> GateOutcome:
    """Recompute every measurement and verdict of a record.

    Parameters
    ----------
    evidence : the folder that the record's evidence files are named from.

    Returns
    -------
    GateOutcome
        Exit code 1 if anything differs, 5 if nothing could be recomputed.
    """
    lines = [line for finding in record.findings for line in _finding(finding, record, evidence)]
    lines += _family(record)
    checked = any(line.state == "verified" for line in lines)
    differs = any(line.code for line in lines)
    code = FAILED if differs else DONE if checked else NOTHING_RAN
    return GateOutcome(exit_code=code, lines=tuple(lines))


def _finding(finding: FindingRecord, record: AuditRecord, folder: Path) -> Iterator[Line]:
    if not finding.evidence_file:
        differs = _not_measured(finding)
        text = differs or finding.not_asked or finding.error or "nothing was measured"
        yield Line(
            about=finding.probe,
            state="differs" if differs else "no evidence",
            text=text,
            code=FAILED if differs else DONE,
        )
        return
    file = folder / finding.evidence_file
    if not file.is_file():
        yield _differs(finding, f"{finding.evidence_file} is not beside the record")
    elif file_digest(file) != finding.evidence_sha256:
        yield _differs(finding, f"{finding.evidence_file} is not the file that the record was made from")
    else:
        problems = list(_again(finding, record, file))
        yield from (_differs(finding, problem) for problem in problems)
        if not problems:
            text = f"{len(finding.measurements)} rows and {len(finding.verdicts)} verdicts follow from"
            text = f"{text} {finding.evidence_rows:,} rows of evidence"
            yield Line(about=finding.probe, state="verified", text=text)


def _not_measured(finding: FindingRecord) -> str:
    if finding.measurements or finding.verdicts:
        return "it has measurements and names no evidence"
    allowed = ("not_applicable", "error")
    return "" if finding.verdict in allowed else f"it is {finding.verdict!r} and names no evidence"


def _again(finding: FindingRecord, record: AuditRecord, file: Path) -> Iterator[str]:
    try:
        yield from _recomputed(finding, record, read_evidence(file))
    except OTHER_EVIDENCE as problem:
        yield f"this release cannot compute from its evidence ({type(problem).__name__}: {problem})"


def _recomputed(finding: FindingRecord, record: AuditRecord, evidence: Evidence) -> Iterator[str]:
    """What does not come out again: rows, bounds, verdicts, examples."""
    probe = probe_of(finding.probe, record)
    rng = stream(record.seed, "estimate", finding.probe)
    found = [plain_row(row) for row in probe.estimate(evidence, rng, record.family.alpha_each)]
    yield from _rows(finding.measurements, found)
    criteria = Policy.model_validate(record.policy).criteria_for(finding.probe, probe.criteria())
    recorded = tuple(verdict.criterion for verdict in finding.verdicts)
    if recorded != criteria:
        yield "its bounds are not those of the probe and the policy"
    verdicts, state = judged(criteria, found, family=len(record.family.checks))
    for mine, theirs in zip(verdicts, finding.verdicts, strict=False):
        if (mine.state, mine.group) != (theirs.state, theirs.group):
            yield f"the verdict on {mine.criterion.measurement} is {mine.state}, recorded is {theirs.state}"
    if state != finding.verdict:
        yield f"the verdict is {state}, recorded is {finding.verdict}"
    if evidence.exhibits != finding.exhibits:
        yield "its examples are not those of the evidence"
    if probe.curves(evidence, stream(record.seed, "curves", finding.probe)) != finding.curves:
        yield "its curves are not those that the evidence gives"
    if len(evidence) != finding.evidence_rows:
        yield f"the evidence has {len(evidence):,} rows, recorded are {finding.evidence_rows:,}"


def _rows(recorded: Sequence[Measurement], found: Sequence[Measurement]) -> Iterator[str]:
    names, mine = [[(row.name, row.group) for row in rows] for rows in (recorded, found)]
    if names != mine:
        yield "its rows are not those that the evidence gives"
        return
    for theirs, own in zip(recorded, found, strict=True):
        for part in fields(Measurement):
            old, new = getattr(theirs, part.name), getattr(own, part.name)
            if not _same(old, new):
                yield f"{theirs.name} ({theirs.group}): {part.name} is {new}, recorded is {old}"


def _same(old: object, new: object) -> bool:
    if isinstance(old, float) and isinstance(new, float):
        return math.isclose(old, new, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return old == new


def _family(record: AuditRecord) -> Iterator[Line]:
    """Whether the error budget was shared out as said."""
    family = record.family
    share = family.alpha / max(1, len(family.checks))
    if not math.isclose(family.alpha_each, share, rel_tol=TOLERANCE):
        text = f"each of {len(family.checks)} bounds has {share:g} of the error budget,"
        text = f"{text} recorded is {family.alpha_each:g}"
        yield Line(about="audit", state="differs", text=text, code=FAILED)
    gates = sum(own.criterion.role == "gate" for finding in record.findings for own in finding.verdicts)
    if gates > max(1, len(family.checks)):
        text = f"{gates} bounds were judged with intervals for {len(family.checks)}"
        yield Line(about="audit", state="differs", text=text, code=FAILED)


def _differs(finding: FindingRecord, text: str) -> Line:
    return Line(about=finding.probe, state="differs", text=text, code=FAILED)
