"""Provisions stand by what was measured, the data name real probes, and nothing is promised."""

from __future__ import annotations

from dataclasses import replace

from recaudit.audit.plugins import discover
from recaudit.reports import html
from recaudit.reports._reading import in_order
from recaudit.reports._regulation import FILE, probes_named, regulation_map
from recaudit.reports.record import AuditRecord


def test_the_data_name_probes_that_exist() -> None:
    assert probes_named() <= discover("probe").keys(), probes_named() - discover("probe").keys()


def test_a_provision_stands_by_what_was_measured(record: AuditRecord) -> None:
    every = regulation_map(in_order(record))
    for framework in every.frameworks:
        for row in framework.rows:
            states = {check.state for check in row.checks}
            assert not states & {"not_applicable", "error", "invalid"}
            full = len(row.checks) == row.wanted > 0
            assert row.standing == ("evidenced" if full else "partly" if row.checks else "not by this audit")
    nothing = regulation_map(in_order(replace(record, findings=())))
    assert {row.standing for own in nothing.frameworks for row in own.rows} == {"not by this audit"}


def test_the_verdict_does_not_matter(record: AuditRecord) -> None:
    failed = [replace(own, verdict="fail") for own in record.findings if own.verdict == "pass"]
    passed = [own for own in record.findings if own.verdict == "pass"]

    def standings(findings: list) -> list[str]:  # type: ignore[type-arg]
        made = regulation_map(in_order(replace(record, findings=tuple(findings))))
        return [row.standing for own in made.frameworks for row in own.rows]

    assert standings(failed) == standings(passed)


def test_the_page_says_relevant_and_never_complies(record: AuditRecord) -> None:
    page = html.render(record).lower()
    assert "evidence relevant to" in page and regulation_map(()).checked in page
    assert "complies" not in page and "compliant" not in page
    assert "complies" not in FILE.read_text(encoding="utf-8").lower()
