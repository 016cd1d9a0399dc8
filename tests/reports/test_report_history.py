"""Many runs on one page: newest first, and a figure's path drawn and written."""

from __future__ import annotations

from dataclasses import replace

from recaudit.reports.history import Entry, render
from recaudit.reports.record import AuditRecord


def entries(record: AuditRecord, days: int) -> list[Entry]:
    return [
        Entry(record=replace(record, id=f"run-{day}", created=f"2026-11-{day:02d}T00:00:00+00:00"), link="")
        for day in range(1, days + 1)
    ]


def test_runs_are_listed_newest_first_whatever_their_order(record: AuditRecord) -> None:
    page = render(entries(record, 3))
    assert page == render(entries(record, 3)[::-1])
    places = [page.index(f"run-{day}") for day in (3, 2, 1)]
    assert places == sorted(places)
    assert "3 audits" in page


def test_a_trend_needs_two_runs_of_one_model_on_one_data_set(record: AuditRecord) -> None:
    assert 'class="trend"' not in render(entries(record, 1))
    page = render(entries(record, 2))
    judged = [own for own in record.findings if own.verdicts and own.verdict not in ("error",)]
    assert 0 < page.count('class="trend"') <= len(judged)
    other = replace(record, model=replace(record.model, name="other"))
    assert 'class="trend"' not in render([entries(record, 1)[0], Entry(record=other, link="")])


def test_links_and_hostile_names_are_harmless(record: AuditRecord) -> None:
    named = replace(record, model=replace(record.model, name="<script>x</script>"))
    page = render([Entry(record=named, link="a%20b/report.html")])
    assert 'href="a%20b/report.html"' in page and "<script>x" not in page
    assert render([]).count("No run lies in this folder") == 1
