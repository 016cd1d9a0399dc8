"""The pull-request summary is complete, short, and calls on nobody."""

from __future__ import annotations

from dataclasses import replace

from recaudit.reports import markdown
from recaudit.reports._reading import in_order
from recaudit.reports.record import AuditRecord


def test_every_check_has_a_row_and_the_answer_leads(record: AuditRecord) -> None:
    text = markdown.render(record)
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == len(record.findings)
    assert all(row.count(" |") == rows[0].count(" |") for row in rows)
    assert "2 of 7 judged checks fail" in text
    for check in in_order(record):
        if check.row is not None:
            assert check.estimate(check.row) in text


def test_the_same_record_gives_the_same_bytes(record: AuditRecord) -> None:
    assert markdown.render(record) == markdown.render(record)


def test_hostile_names_break_nothing(record: AuditRecord) -> None:
    name = "a|b\n# head <b> @team #12 [x](https://evil.example) `c` \u202e"
    text = markdown.render(replace(record, model=replace(record.model, name=name)))
    first = text.splitlines()[0]
    assert first.startswith(
        "### Audit of a\\|b #\u200b head &lt;b&gt; @\u200bteam #\u200b12 \\[x\\](https:\u200b//"
    )
    assert "\u202e" not in text and "<b>" not in text


def test_the_summary_says_how_to_render_and_judge_again(record: AuditRecord) -> None:
    last = markdown.render(record).splitlines()[-1]
    assert "<code>audit report RUN</code>" in last and "<code>audit gate RUN</code>" in last
    assert "verify" not in last
