"""Many audits on one page: every run with its verdicts, and how each bounded figure moved over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..probes.base import Criterion, Measurement, State
from . import _numbers as numbers
from ._forest import Scale, scale_over
from ._page import asset, digest, environment
from ._reading import WORDS, Check, counts, in_order
from ._words import null_of
from .record import AuditRecord

WIDTH, HEIGHT, ROOM = 420.0, 84.0, 10.0


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One run; ``link`` leads to its report, relative to the page, or is empty."""

    record: AuditRecord
    link: str


@dataclass(frozen=True, kw_only=True)
class Point:
    """One run's figure as drawn (pixels)."""

    x: float
    y: float
    low: float
    high: float
    state: State
    said: str


@dataclass(frozen=True, kw_only=True)
class Trend:
    """One check's deciding figure over the runs of a model on a data set, oldest first."""

    title: str
    name: str
    unit: str
    points: tuple[Point, ...]
    limits: tuple[float, ...]
    limit: str
    table: tuple[tuple[str, str, State, str], ...]
    """Date, estimate, verdict, run."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """The runs of one model on one data set, and the trends of their checks."""

    model: str
    data: str
    entries: tuple[Entry, ...]
    trends: tuple[Trend, ...]


def render(entries: Sequence[Entry]) -> str:
    """Write the history of these runs as an HTML page, newest first; the same runs give the same bytes."""
    newest = sorted(entries, key=lambda entry: (entry.record.created, entry.record.id), reverse=True)
    style, script = asset("report.css"), asset("report.js")
    return (
        environment()
        .get_template("history.html.j2")
        .render(
            entries=newest,
            counts={entry.record.id: counts(entry.record) for entry in newest},
            series=_series(newest[::-1]),
            WORDS=WORDS,
            style=style,
            script=script,
            style_hash=digest(style),
            script_hash=digest(script),
        )
    )


def _series(entries: Sequence[Entry]) -> list[Series]:
    """Runs grouped by model and data, with a trend of every check that two of them judged."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.record.model.name, entry.record.data.name), []).append(entry)
    return [
        Series(model=model, data=data, entries=tuple(own), trends=tuple(_trends(own)))
        for (model, data), own in sorted(groups.items())
    ]


def _trends(entries: Sequence[Entry]) -> list[Trend]:
    seen: dict[tuple[str, str, str], list[tuple[Entry, Check, Measurement]]] = {}
    for entry in entries:
        for check in in_order(entry.record):
            row = check.row
            if row is not None and row.value is not None and check.criterion is not None:
                key = (check.finding.probe, row.name, row.unit)
                seen.setdefault(key, []).append((entry, check, row))
    return [_trend(found) for _, found in sorted(seen.items()) if len(found) > 1]


def _trend(found: Sequence[tuple[Entry, Check, Measurement]]) -> Trend:
    _, last, row = found[-1]
    criterion = last.criterion
    limits = numbers.bounds_of(criterion) if criterion else ()
    ends = [end for _, _, each in found for end in (each.low, each.value, each.high) if end is not None]
    scale = scale_over([null_of(row)[0], *limits, *ends], HEIGHT - ROOM, ROOM)
    across = Scale(0, max(1, len(found) - 1), ROOM, WIDTH - ROOM)
    return Trend(
        title=last.finding.text.title,
        name=row.name,
        unit=row.unit,
        points=tuple(_point(place, *own[1:], scale, across) for place, own in enumerate(found)),
        limits=tuple(scale(limit) for limit in limits),
        limit=_limit(criterion),
        table=tuple(
            (entry.record.created[:10], _said(check, each), check.state, entry.record.id)
            for entry, check, each in found
        ),
    )


def _point(place: int, check: Check, row: Measurement, scale: Scale, across: Scale) -> Point:
    value = row.value or 0.0
    return Point(
        x=across(place),
        y=scale(value),
        low=scale(value if row.low is None else row.low),
        high=scale(value if row.high is None else row.high),
        state=check.state,
        said=_said(check, row),
    )


def _said(check: Check, row: Measurement) -> str:
    group = "" if row.group == "overall" else f", {row.group}"
    return f"{check.estimate(row)}{group}"


def _limit(criterion: Criterion | None) -> str:
    return numbers.bound(criterion) if criterion else "none"
