"""Decides whether an audit passes an organisation's policy, from the recorded intervals alone."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..probes.base import Criterion, Direction, Measurement, State, Verdict
from ..probes.stats.verdicts import judge, overall
from ..reports.record import AuditRecord, FindingRecord
from . import plugins
from ._settings import described
from .errors import UsageError, unknown
from .keys import file_digest

DONE, FAILED, INTERNAL, UNDECIDED, NOTHING_RAN = 0, 1, 3, 4, 5


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bound(_Table):
    """A bound of the organisation's own, in place of a probe's."""

    probe: str
    measurement: str
    bound: float = Field(allow_inf_nan=False)
    direction: Direction | None = None
    group: str = "each"
    because: str = ""


class Waiver(_Table):
    """A known shortfall that somebody answers for, until a day."""

    probe: str
    reason: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    expires: date


class Policy(_Table):
    """What an organisation demands of an audit.

    ``baseline_margin`` is the share of a bound by which its measurement may be worse than in a baseline.
    """

    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    inconclusive: Literal["fail", "warn", "pass"] = "fail"
    baseline_margin: float = Field(default=0.2, ge=0, allow_inf_nan=False)
    required: tuple[str, ...] = ()
    criteria: tuple[Bound, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    def criteria_for(self, probe: str, own: Sequence[Criterion]) -> tuple[Criterion, ...]:
        """A probe's criteria with its gates replaced where the policy bounds the same measurement."""
        bounds = [bound for bound in self.criteria if bound.probe == probe]
        replaced = {bound.measurement for bound in bounds}
        kept = [own for own in own if own.role != "gate" or own.measurement not in replaced]
        return (*(_criterion(bound, own) for bound in bounds), *kept)

    @property
    def probes(self) -> tuple[str, ...]:
        """Every probe that the policy names."""
        return tuple(dict.fromkeys((*self.demanded, *(waiver.probe for waiver in self.waivers))))

    @property
    def demanded(self) -> tuple[str, ...]:
        """The probes that must have been judged: required ones, and those with a bound."""
        return tuple(dict.fromkeys((*self.required, *(bound.probe for bound in self.criteria))))


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing the gate looked at; ``code`` is what it asks the gate to exit with."""

    about: str
    state: str
    text: str
    code: int = DONE


@dataclass(frozen=True, kw_only=True)
class GateOutcome:
    """What the gate decided, and why, line by line."""

    exit_code: int
    lines: tuple[Line, ...]


def read_policy(path: Path, probes: Sequence[str] = ()) -> Policy:
    """Read a policy from TOML.

    Parameters
    ----------
    probes : names that it may use besides those of the installed probes.

    Raises
    ------
    UsageError
        Naming every problem of the file.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise UsageError(f"the policy {path} cannot be read: {problem.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise UsageError(f"the policy {path} is no valid TOML: {problem}") from None
    try:
        policy = Policy.model_validate(values)
    except ValidationError as invalid:
        raise UsageError(*(described(error, f"policy {path}:") for error in invalid.errors())) from None
    known = {*plugins.discover("probe"), *map(plugins.name_of, probes)}
    problems = [
        f"policy {path}: {unknown('probe', name, known)}" for name in policy.probes if name not in known
    ]
    problems += [f"policy {path}: {name} is bounded twice" for name in _bounded_twice(policy)]
    if problems:
        raise UsageError(*problems)
    return policy


def judged(
    criteria: Sequence[Criterion], measurements: Sequence[Measurement], *, family: int
) -> tuple[tuple[Verdict, ...], State]:
    """The verdict of every criterion, and of the probe."""
    verdicts = tuple(judge(criterion, measurements, family=family) for criterion in criteria)
    return verdicts, overall(verdicts)


def gate(
    record: AuditRecord, policy: Policy | None = None, *, evidence: Path, today: date | None = None
) -> GateOutcome:
    """Judge a record anew.

    Parameters
    ----------
    policy : the record's own where none is given, and without any, the probes' own bounds.
    evidence : the folder that the record's evidence files are named from; missing ones are no fault.
    today : decides which waivers have expired.

    Raises
    ------
    UsageError
        If the policy asks for what this record cannot answer: another error budget, more bounds than
        its intervals were widened for, a probe or measurement that does not exist.
    """
    policy = policy or Policy.model_validate(record.policy)
    today = today or datetime.now(UTC).date()
    rejudged = [_rejudged(finding, policy, record) for finding in record.findings]
    _check_fit(record, policy, rejudged)
    lines = [
        *_unfinished(record),
        *(_finding_line(finding, policy, today) for finding in rejudged),
        *_missing(record, policy, today),
        *_expired(policy, today),
        *_tampering(record, evidence),
    ]
    return GateOutcome(exit_code=_exit_code(lines), lines=tuple(lines))


def policy_line(policy: Policy, name: str, today: date | None = None) -> Line:
    """What a policy holds, in one line; expired waivers fail it."""
    expired = list(_expired(policy, today or datetime.now(UTC).date()))
    counted = [
        f"{len(things)} {word}{'s' if len(things) != 1 else ''}"
        for word, things in (
            ("bound", policy.criteria),
            ("required probe", policy.required),
            ("waiver", policy.waivers),
        )
    ]
    said = "; ".join(line.text for line in expired)
    text = f"{name}: {', '.join(counted)}{'; ' + said if said else ''}"
    return Line(about=name, state="expired" if expired else "ok", text=text, code=FAILED if expired else DONE)


def with_lines(outcome: GateOutcome, more: Sequence[Line]) -> GateOutcome:
    """The outcome with what else was looked at."""
    lines = (*outcome.lines, *more)
    return GateOutcome(exit_code=_exit_code(lines), lines=lines)


def deciding(finding: FindingRecord) -> tuple[Verdict, ...]:
    """The verdicts that made a finding's: those of its state, else a control that could not be tried."""
    same = tuple(verdict for verdict in finding.verdicts if verdict.state == finding.verdict)
    return same or tuple(verdict for verdict in finding.verdicts if verdict.state == "not_applicable")


def completion(record: AuditRecord) -> int:
    """The exit code of an audit that nobody set a policy for: whether it was carried out."""
    return _exit_code(list(_unfinished(record)))


def _criterion(bound: Bound, own: Sequence[Criterion]) -> Criterion:
    before = next((c for c in own if c.role == "gate" and c.measurement == bound.measurement), None)
    base = before or Criterion(measurement=bound.measurement, bound=bound.bound, direction="at_most")
    return replace(
        base,
        bound=bound.bound,
        direction=bound.direction or base.direction,
        group=bound.group,
        because=bound.because or "the policy's bound",
    )


def _bounded_twice(policy: Policy) -> list[str]:
    names = [f"{bound.probe} {bound.measurement} ({bound.group})" for bound in policy.criteria]
    return sorted({name for name in names if names.count(name) > 1})


def _rejudged(finding: FindingRecord, policy: Policy, record: AuditRecord) -> FindingRecord:
    if finding.verdict in ("not_applicable", "error"):
        return finding
    own = [verdict.criterion for verdict in finding.verdicts]
    criteria = policy.criteria_for(finding.probe, own)
    verdicts, state = judged(criteria, finding.measurements, family=len(record.family.checks))
    return replace(finding, verdicts=verdicts, verdict=state)


def _check_fit(record: AuditRecord, policy: Policy, rejudged: Sequence[FindingRecord]) -> None:
    """A policy must fit the record: same error budget, no more bounds than were declared, known names."""
    problems = []
    known = {finding.probe: {row.name for row in finding.measurements} for finding in record.findings}
    for bound in policy.criteria:
        if known.get(bound.probe) and bound.measurement not in known[bound.probe]:
            problems.append(unknown(f"measurement of {bound.probe}", bound.measurement, known[bound.probe]))
    if abs(policy.alpha - record.family.alpha) > 1e-12:
        problems.append(
            f"the policy's alpha is {policy.alpha:g}, but this audit was run with {record.family.alpha:g};"
            " run it again with --policy"
        )
    gates = sum(v.criterion.role == "gate" for finding in rejudged for v in finding.verdicts)
    if gates > max(1, len(record.family.checks)):
        problems.append(
            f"the policy makes {gates} bounds, but this audit's intervals were widened for"
            f" {len(record.family.checks)}; run it again with --policy"
        )
    if problems:
        raise UsageError(*problems)


def _unfinished(record: AuditRecord) -> Iterator[Line]:
    if record.status == "partial":
        text = "the audit did not finish; go on with `audit run --resume`"
        yield Line(about="audit", state="partial", text=text, code=INTERNAL)
    if all(finding.verdict == "not_applicable" for finding in record.findings):
        yield Line(about="audit", state="empty", text="no probe could be asked", code=NOTHING_RAN)


def _finding_line(finding: FindingRecord, policy: Policy, today: date) -> Line:
    state, text = finding.verdict, _because(finding)
    undecided = {"fail": UNDECIDED, "warn": DONE, "pass": DONE}[policy.inconclusive]
    codes: Mapping[State, int] = {
        "error": INTERNAL,
        "invalid": FAILED,
        "fail": FAILED,
        "inconclusive": undecided,
        "not_applicable": FAILED if finding.probe in policy.demanded else DONE,
    }
    if state == "not_applicable" and finding.probe in policy.demanded:
        text = f"required by the policy, but {text}"
    code = codes.get(state, DONE)
    waiver = _waiver(finding.probe, policy, today)
    if waiver is not None and code in (FAILED, UNDECIDED):
        text = f"{text}; waived until {waiver.expires} by {waiver.owner}: {waiver.reason}"
        return Line(about=finding.probe, state=f"{state}, waived", text=text)
    return Line(about=finding.probe, state=state, text=text, code=code)


def _because(finding: FindingRecord) -> str:
    if finding.verdict in ("not_applicable", "error"):
        return finding.not_asked or finding.error
    if finding.verdict == "pass":
        return "every bound holds"
    decided = deciding(finding)
    return "; ".join(f"{own.criterion.measurement} ({own.group}): {own.reason}" for own in decided)


def _waiver(probe: str, policy: Policy, today: date) -> Waiver | None:
    return next((own for own in policy.waivers if own.probe == probe and own.expires >= today), None)


def _missing(record: AuditRecord, policy: Policy, today: date) -> Iterator[Line]:
    ran = {finding.probe for finding in record.findings}
    for probe in policy.demanded:
        if probe not in ran:
            waived = _waiver(probe, policy, today) is not None
            text = "the policy demands this probe, and it was not run"
            yield Line(about=probe, state="missing", text=text, code=DONE if waived else FAILED)


def _expired(policy: Policy, today: date) -> Iterator[Line]:
    for waiver in policy.waivers:
        if waiver.expires < today:
            text = f"the waiver of {waiver.owner} expired on {waiver.expires}: {waiver.reason}"
            yield Line(about=waiver.probe, state="expired", text=text, code=FAILED)


def _tampering(record: AuditRecord, evidence: Path) -> Iterator[Line]:
    """Evidence that is not what was recorded, and verdicts that do not follow from their intervals."""
    own = Policy.model_validate(record.policy)
    for finding in record.findings:
        file = evidence / finding.evidence_file
        if finding.evidence_file and not file.is_file():
            text = f"{finding.evidence_file} is not beside the record, so it was not checked"
            yield Line(about=finding.probe, state="evidence not there", text=text)
        elif finding.evidence_file and file_digest(file) != finding.evidence_sha256:
            text = f"{finding.evidence_file} is not the file that the record was made from"
            yield Line(about=finding.probe, state="tampered", text=text, code=FAILED)
        if _rejudged(finding, own, record).verdict != finding.verdict:
            text = f"the recorded verdict {finding.verdict!r} does not follow from the recorded intervals"
            yield Line(about=finding.probe, state="tampered", text=text, code=FAILED)


def _exit_code(lines: Sequence[Line]) -> int:
    codes = {line.code for line in lines}
    return next((code for code in (INTERNAL, NOTHING_RAN, FAILED, UNDECIDED) if code in codes), DONE)
