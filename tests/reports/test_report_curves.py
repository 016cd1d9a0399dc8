"""Curves land where their numbers say, on axes that fit, and every point stands in a table."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from recaudit.probes.base import Curve
from recaudit.reports import html
from recaudit.reports._curves import BOTTOM, LEFT, RIGHT, TOP, pictures
from recaudit.reports.record import AuditRecord, from_json, to_json

ROC = Curve(
    kind="roc",
    label="loss",
    x=(0.001, 0.01, 0.1, 1.0),
    y=(0.01, 0.1, 0.5, 1.0),
    low=(0.0, 0.05, 0.4, 0.9),
    high=(0.05, 0.2, 0.6, 1.0),
)
STATED = Curve(
    kind="reliability",
    label="all",
    x=(0.25, 0.75),
    y=(0.5, 0.5),
    low=(0.4, 0.2),
    high=(0.6, 0.8),
    counts=(400, 100),
)


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path)]


def test_a_roc_stands_on_log_axes() -> None:
    (picture,) = pictures([ROC])
    assert [text for _, text in picture.x_ticks] == ["0.001", "0.01", "0.1", "1"]
    assert [x for x, _ in picture.x_ticks] == pytest.approx(
        [LEFT + place * (RIGHT - LEFT) / 3 for place in range(4)]
    )
    line = points(picture.lines[0].path)
    assert [x for x, _ in line] == pytest.approx([x for x, _ in picture.x_ticks], abs=0.1)
    assert line[0][1] == pytest.approx(BOTTOM - (BOTTOM - TOP) / 3, abs=0.1)
    assert line[-1] == pytest.approx((RIGHT, TOP), abs=0.1)
    assert points(picture.even) == [(LEFT, BOTTOM), (RIGHT, TOP)]


def test_what_was_stated_is_drawn_as_dots_by_their_counts() -> None:
    (picture,) = pictures([STATED])
    (first, second) = picture.lines[0].points
    assert not picture.joined
    assert first[0] == pytest.approx(LEFT + 0.25 * (RIGHT - LEFT))
    assert first[1] == second[1] == pytest.approx((TOP + BOTTOM) / 2)
    assert first[4] == 6.0 and second[4] == 4.0, "the area goes with the count"


def test_lines_of_one_kind_share_a_picture_and_differ_in_their_dashes() -> None:
    found = pictures([ROC, STATED, replace(ROC, label="calibrated")])
    assert [len(picture.lines) for picture in found] == [2, 1]
    assert len({line.dash for line in found[0].lines}) == 2


def test_the_page_holds_every_point_and_the_record_keeps_them(record: AuditRecord) -> None:
    with_curves = replace(record.findings[0], curves=(ROC, STATED))
    made = replace(record, findings=(with_curves, *record.findings[1:]))
    assert from_json(to_json(made)).findings[0].curves == (ROC, STATED)
    page = html.render(made)
    assert page.count('class="curve"') == 2
    for text in ("0.4 to 0.6", "400", "0.05 to 0.2"):
        assert text in page
