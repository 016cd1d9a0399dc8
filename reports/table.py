"""Every measured row of an audit as one line of comma-separated values, for a spreadsheet or pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ..probes.base import Measurement
from ._reading import in_order, row_states
from ._text import cut, visible
from .record import AuditRecord, FindingRecord

SUFFIX = ".csv"
COLUMNS = (
    "area",
    "probe",
    "probe_verdict",
    "measurement",
    "group",
    "value",
    "low",
    "high",
    "level",
    "unit",
    "better",
    "n",
    "users",
    "role",
    "direction",
    "bound",
    "row_verdict",
    "detectable",
    "method",
    "note",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes as the start of a formula."""


def render(record: AuditRecord) -> str:
    """Write a record's measurements as CSV (RFC 4180, UTF-8); the same record gives the same bytes.

    Numbers are written in full; what is not estimable is empty. Checks without measurements have one line
    with the reason as its note.
    """
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    for check in in_order(record):
        for row in _rows(check.finding):
            lines.writerow([_cell(value) for value in row])
    return text.getvalue()


def _rows(finding: FindingRecord) -> Iterator[list[object]]:
    head: list[object] = [finding.text.area, finding.probe, finding.verdict]
    if not finding.measurements:
        yield [*head, *[""] * (len(COLUMNS) - len(head) - 1), finding.not_asked or finding.error]
    bounds = {
        (verdict.criterion.measurement, group): (verdict.criterion, state)
        for verdict in finding.verdicts
        for group, state in row_states(finding, verdict.criterion).items()
    }
    for row in finding.measurements:
        criterion, state = bounds.get((row.name, row.group), (None, "reported"))
        judged = [criterion.role, criterion.direction, criterion.bound] if criterion else ["", "", ""]
        yield [*head, *_figures(row), *judged, state, row.detectable, row.method, row.note]


def _figures(row: Measurement) -> list[object]:
    return [
        row.name,
        row.group,
        row.value,
        row.low,
        row.high,
        row.level,
        row.unit,
        row.better,
        row.n,
        row.clusters,
    ]


def _cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    text = " ".join(cut(visible(value), 2_000).split())
    return f"'{text}" if text.startswith(FORMULA) else text
