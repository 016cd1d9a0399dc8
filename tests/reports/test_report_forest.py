"""Forest plots put every number where it belongs, and like rows on one axis."""

from __future__ import annotations

from dataclasses import replace

import pytest
from recaudit.probes.base import Measurement
from recaudit.reports._figures import figures, gate_figures
from recaudit.reports._forest import MOST_ROWS, NARROW, WIDE, Layout, forest, mini, scale_over, ticks_on
from recaudit.reports._reading import Check, in_order
from recaudit.reports._words import null_of
from recaudit.reports.record import AuditRecord


@pytest.fixture(scope="module")
def checks(record: AuditRecord) -> dict[str, Check]:
    return {check.finding.probe: check for check in in_order(record)}


def test_a_floor_stands_on_the_axis_of_what_it_judges(checks: dict[str, Check]) -> None:
    first, second = figures(checks["counterfactual_shift"].finding)
    assert [panel.name for panel in first.panels] == ["counterfactual_shift", "shift_floor"]
    assert first.panels[0].floor == pytest.approx(0.025)
    assert [panel.name for panel in second.panels] == ["flip_rate"]


def test_the_methods_own_checks_are_apart(checks: dict[str, Check]) -> None:
    finding = checks["membership_inference"].finding
    names = {panel.name for figure in gate_figures(finding) for panel in figure.panels}
    assert names == {"blind_auc", "control_auc"}
    assert not names & {panel.name for figure in figures(finding) for panel in figure.panels}


def test_a_narrow_row_is_not_squeezed_by_a_wide_one(checks: dict[str, Check]) -> None:
    finding = checks["counterfactual_shift"].finding
    wide = replace(finding.measurements[0], name="other", value=9.0, low=8.0, high=10.0)
    assert len(figures(replace(finding, measurements=(*finding.measurements, wide)))) == 3


@pytest.mark.parametrize("layout", [WIDE, NARROW])
def test_points_and_bounds_stand_where_the_axis_says(checks: dict[str, Check], layout: Layout) -> None:
    check = checks["counterfactual_shift"]
    plot = forest(figures(check.finding)[0], layout, check.estimate)
    (x0, text0), (x1, text1) = plot.ticks[0], plot.ticks[-1]
    value0, value1 = (float(text.replace("−", "-")) for text in (text0, text1))

    def read(x: float) -> float:
        return value0 + (x - x0) / (x1 - x0) * (value1 - value0)

    assert read(plot.null_x) == pytest.approx(0, abs=1e-9)
    assert [read(x) for x in plot.blocks[0].limits] == pytest.approx([-0.03, 0.03])
    for block, name in zip(plot.blocks, ("counterfactual_shift", "shift_floor"), strict=True):
        rows = [row for row in check.finding.measurements if row.name == name]
        for line, row in zip(block.lines, rows, strict=True):
            assert line.x is not None and line.low is not None and line.high is not None
            assert [read(line.low), read(line.x), read(line.high)] == pytest.approx(
                [row.low, row.value, row.high]
            )
            assert line.numbers == check.estimate(row)


@pytest.mark.parametrize("layout", [WIDE, NARROW])
def test_everything_is_inside_the_drawing(checks: dict[str, Check], layout: Layout) -> None:
    for check in checks.values():
        for figure in figures(check.finding) + gate_figures(check.finding):
            plot = forest(figure, layout, check.estimate)
            marks = [x for b in plot.blocks for line in b.lines for x in (line.x, line.low, line.high) if x]
            marks += [x for block in plot.blocks for x in block.limits] + [x for x, _ in plot.ticks]
            assert all(layout.left <= x <= layout.right for x in marks)
            assert max((block.bottom for block in plot.blocks), default=0) <= plot.axis_y < plot.height


def test_what_cannot_be_estimated_has_words_and_no_mark(checks: dict[str, Check]) -> None:
    check = checks["membership_inference"]
    empty = [figure for figure in figures(check.finding) if figure.is_empty]
    assert [row.name for figure in empty for row in figure.rows] == ["tpr_at_1_percent_fpr"]
    line = forest(empty[0], WIDE, check.estimate).blocks[0].lines[0]
    assert (line.x, line.low, line.numbers) == (None, None, "not estimable")


def test_many_groups_are_cut_and_counted(checks: dict[str, Check]) -> None:
    finding = checks["shortcut_reliance"].finding
    rows = tuple(replace(finding.measurements[1], group=f"g{i}") for i in range(60))
    many = replace(finding, measurements=rows)
    plot = forest(figures(many)[0], WIDE, lambda row: "")
    assert plot.left_out == 60 - MOST_ROWS


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-0.1, 0.17), (0.5, 0.56), (-3000, 80), (0.00001, 0.00002)]
)
def test_ticks_are_few_round_and_on_the_axis(low: float, high: float) -> None:
    scale = scale_over([low, high], 0, 100)
    ticks = ticks_on(scale, 6)
    assert 2 <= len(ticks) <= 8
    assert len({text for _, text in ticks}) == len(ticks)
    assert all(-1e-9 <= x <= 100 + 1e-9 for x, _ in ticks)


def test_the_small_drawing_shows_no_effect_and_the_bound(checks: dict[str, Check]) -> None:
    check = checks["title_injection"]
    assert check.row is not None
    drawn = mini(check.row, check.criterion, check.state)
    assert drawn.low is not None
    assert drawn.null_x < drawn.limits[0] < drawn.low


def test_chance_is_where_the_scale_has_it(checks: dict[str, Check]) -> None:
    rows: tuple[Measurement, ...] = checks["membership_inference"].finding.measurements
    assert null_of(rows[0])[0] == 0.5
    assert null_of(checks["shortcut_reliance"].finding.measurements[0])[0] == 0.0
