"""A comparison says what became worse, what better, and what nobody can tell."""

from __future__ import annotations

from dataclasses import replace

import pytest
from recaudit.probes.base import Criterion, Direction, Measurement
from recaudit.reports.comparison import (
    CheckChange,
    Comparison,
    RowChange,
    Standing,
    answer,
    differences,
    render,
)
from recaudit.reports.record import AuditRecord

ROW = Measurement(
    name="gap",
    value=0.1,
    low=0.05,
    high=0.15,
    level=0.95,
    method="made up",
    n=100,
    clusters=100,
    unit="share",
    better="lower",
)


def changed(change: tuple[float, float, float] | None, direction: Direction = "at_most") -> RowChange:
    bound = Criterion(measurement="gap", bound=0.1, direction=direction)
    return RowChange(before=ROW, after=ROW, change=change, paired=True, criterion=bound, margin=0.02)


@pytest.mark.parametrize(
    ("change", "direction", "standing"),
    [
        ((0.05, 0.01, 0.09), "at_most", "worse"),
        ((0.05, 0.01, 0.09), "at_least", "better"),
        ((-0.05, -0.09, -0.01), "at_most", "better"),
        ((-0.05, -0.09, -0.01), "at_least", "worse"),
        ((0.05, 0.01, 0.09), "within", "worse"),
        ((0.0, -0.01, 0.01), "at_most", "alike"),
        ((0.0, -0.01, 0.03), "at_most", "undecided"),
        ((0.0, -0.03, 0.01), "at_most", "undecided"),
        (None, "at_most", "undecided"),
    ],
)
def test_how_a_row_stands(
    change: tuple[float, float, float] | None, direction: Direction, standing: Standing
) -> None:
    assert changed(change, direction).standing == standing
    assert replace(changed(change), criterion=None, margin=None).standing == "no bound"


@pytest.fixture
def comparison(record: AuditRecord) -> Comparison:
    rows = (changed((0.0, -0.01, 0.01)), changed((0.05, 0.01, 0.09)))
    first = record.findings[0]
    check = CheckChange(probe=first.probe, text=first.text, before="pass", after="fail", rows=rows)
    gone = replace(check, probe="gone", after=None, rows=())
    later = replace(record, id="later", seed=record.seed + 1, model=replace(record.model, name="<b>new</b>"))
    return Comparison(before=record, after=later, checks=(check, gone), alpha=0.05)


def test_the_answer_counts_and_names(comparison: Comparison) -> None:
    said = "Of 2 bounded figures that both audits have, 1 is worse and 1 is shown alike. Worse: gap."
    assert answer(comparison) == said
    assert "nothing can be said" in answer(replace(comparison, checks=()))


def test_the_worst_row_comes_first(comparison: Comparison) -> None:
    assert [row.standing for _, row in comparison.bounded] == ["worse", "alike"]


def test_what_differs_is_listed_and_nothing_else(comparison: Comparison, record: AuditRecord) -> None:
    assert {what for what, _, _ in differences(comparison)} == {"model", "seed"}
    assert differences(replace(comparison, after=record)) == []


def test_the_page_is_whole_and_harmless(comparison: Comparison) -> None:
    page = render(comparison)
    assert page == render(comparison)
    assert page.count("<h1>") == 1 and "<b>new</b>" not in page and "&lt;b&gt;new" in page
    for address in ("http:", "https:", "src="):
        assert address not in page
    assert page.count("not run") == 1 and "Shown alike" in page and "Worse" in page
