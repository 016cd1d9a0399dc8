"""The checks of an audit as JUnit XML, which every CI system shows as tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _words as words
from ._reading import WORDS, Check, in_order
from ._text import cut, plain_name, visible
from .record import AuditRecord

if TYPE_CHECKING:
    from junitparser import TestCase

SUFFIX = ".junit.xml"
LIMIT = 4_000


def render(record: AuditRecord) -> str:
    """Write one suite an area and one case a check; the same record gives the same bytes.

    A fail and an invalid check are failures, a broken check is an error. What is inconclusive, was not
    asked or was only reported is skipped, with the reason: none of it is a pass. Where the run's policy
    says that inconclusive means fail, it is a failure too.
    """
    from junitparser import JUnitXml, TestSuite

    checks, report = in_order(record), JUnitXml(_safe(f"recaudit {record.id}"))
    for area in sorted({check.finding.text.area for check in checks}):
        suite = TestSuite(_safe(area))
        suite.timestamp = record.created
        suite.hostname = "recaudit"
        for name, value in _properties(record).items():
            suite.add_property(name, value)
        for check in checks:
            if check.finding.text.area == area:
                suite.add_testcase(_case(check, record))
        report.add_testsuite(suite)
    report.update_statistics()  # type: ignore[no-untyped-call]
    text: str = report.tostring().decode()  # type: ignore[no-untyped-call]
    return text.rstrip() + "\n"


def _properties(record: AuditRecord) -> dict[str, str]:
    return {
        "run": _safe(record.id),
        "status": record.status,
        "model": _safe(record.model.name),
        "data": _safe(record.data.name),
        "seed": str(record.seed),
    }


def _case(check: Check, record: AuditRecord) -> TestCase:
    from junitparser import TestCase

    finding = check.finding
    case = TestCase(_safe(finding.probe), f"recaudit.{_safe(finding.text.area)}", _seconds(check, record))
    if outcome := _outcome(check, record):
        case.result = [outcome]
    said = [finding.text.question, words.meaning(check), words.seen(check, record.family.alpha)]
    case.system_out = _safe("\n".join(part for part in said if part))
    return case


def _outcome(check: Check, record: AuditRecord) -> Any:
    from junitparser import Error, Failure, Skipped

    state = check.state
    message = _safe(f"{WORDS[state]}: {words.meaning(check)}")
    strict = bool(record.policy) and record.policy.get("inconclusive", "fail") == "fail"
    if state == "pass":
        return None
    if state == "error":
        return Error(message, "error")
    if state in ("fail", "invalid") or (state == "inconclusive" and strict):
        return Failure(message, plain_name(state))
    return Skipped(message, plain_name(state))


def _seconds(check: Check, record: AuditRecord) -> float:
    jobs = (f"{step} {check.finding.probe}" for step in ("ask", "estimate"))
    return round(sum(record.seconds.get(job, 0.0) for job in jobs), 3)


def _safe(text: str) -> str:
    return cut(visible(text), LIMIT)
