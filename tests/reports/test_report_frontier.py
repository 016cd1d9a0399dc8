"""A mitigation's page puts each training where its figures are, and says what it gave up."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest
from recaudit.reports.frontier import HARMS, UTILITY, Variant, figure, render
from recaudit.reports.record import AuditRecord, FindingRecord


@pytest.fixture
def plain(record: AuditRecord, sample: ModuleType) -> AuditRecord:
    accuracy, attack, gap = UTILITY[1], HARMS[0], HARMS[2]
    findings = (
        made(sample, accuracy.probe, sample.row("model_auc", 0.7, 0.02, "AUC")),
        made(sample, attack.probe, sample.row("attack_auc", 0.6, 0.02, "AUC", "loss")),
        made(
            sample,
            gap.probe,
            sample.row("accuracy_gap", 0.02, 0.01, "share", "age"),
            sample.row("accuracy_gap", -0.08, 0.01, "share", "gender"),
        ),
    )
    return replace(record, findings=findings)


def made(sample: ModuleType, probe: str, *rows: object) -> FindingRecord:
    found: FindingRecord = sample.finding(probe, sample.told(probe), tuple(rows))
    return found


def test_the_worst_of_many_rows_is_taken_by_its_size(plain: AuditRecord) -> None:
    row = figure(plain, HARMS[2])
    assert row is not None and row.group == "gender"
    assert (row.value, row.low, row.high) == pytest.approx((0.08, 0.07, 0.09))
    assert figure(replace(plain, findings=()), HARMS[2]) is None


def test_every_training_has_a_cross_in_every_chart_and_a_row(plain: AuditRecord) -> None:
    privacy = {"epsilon": 1.0, "delta": 1e-5, "unit": "user"}
    private = replace(
        plain, id="private", model=replace(plain.model, fit={"privacy": privacy, "seconds": 70})
    )
    variants = [
        Variant(label="plain", record=plain, link=""),
        Variant(label="<dp>", record=private, link="a/b"),
    ]
    page = render(variants)
    assert page == render(variants)
    assert page.count('class="dot-point"') == 4, "two charts of two trainings"
    assert "&lt;dp&gt;" in page and "<dp>" not in page
    assert "epsilon 1; delta 1e-05; unit user" in page and "1 min 10 s" in page
    assert 'href="a/b"' in page and "none claimed" in page


def test_audits_without_a_pair_of_figures_are_not_drawn(record: AuditRecord) -> None:
    bare = replace(record, findings=())
    assert "there is nothing to draw" in render([Variant(label="plain", record=bare, link="")])
