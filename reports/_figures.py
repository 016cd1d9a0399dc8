"""Sorts a finding's measurements into figures: rows that may be compared share one axis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..probes.base import SEVERITY, Criterion, Measurement, State, Verdict
from . import _numbers as numbers
from ._reading import judged_rows, row_states
from ._text import listed, plain_name
from ._words import null_of
from .record import FindingRecord

# An axis is shared only where the shorter row would still be readable on it.
WIDEST_TO_NARROWEST = 6.0


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Rows of one measurement: their bound, how each stands, and what meaningless changes reach."""

    name: str
    rows: tuple[Measurement, ...]
    states: tuple[State, ...]
    criterion: Criterion | None = None
    floor: float | None = None

    @property
    def heading(self) -> str:
        """The measurement's name as a reader says it."""
        return plain_name(self.name)

    @property
    def reach(self) -> float:
        """How far the panel extends from where "no effect" lies."""
        null = null_of(self.rows[0])[0]
        return max((abs(x - null) for x in self.values()), default=0.0)

    def values(self) -> list[float]:
        """Every position the panel must show."""
        ends = [x for row in self.rows for x in (row.low, row.value, row.high) if x is not None]
        return ends + list(self.limits()) + list(self.band() or ())

    def limits(self) -> tuple[float, ...]:
        """Where the bound's lines stand."""
        return numbers.bounds_of(self.criterion) if self.criterion else ()

    def band(self) -> tuple[float, float] | None:
        """What meaningless changes reach, on both sides where both are judged."""
        if self.floor is None or self.criterion is None:
            return None
        start = -self.floor if self.criterion.direction == "within" else null_of(self.rows[0])[0]
        return (start, max(start, self.floor))


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Panels on one axis, in one unit."""

    unit: str
    panels: tuple[Panel, ...]

    @property
    def rows(self) -> tuple[Measurement, ...]:
        """All rows, in the order of plot and table."""
        return tuple(row for panel in self.panels for row in panel.rows)

    @property
    def size(self) -> int:
        """How many rows it has."""
        return len(self.rows)

    @property
    def is_empty(self) -> bool:
        """Whether no row could be estimated, so that there is nothing to draw."""
        return all(row.value is None for row in self.rows)

    @property
    def is_judged(self) -> bool:
        """Whether a row of it stands against a bound."""
        return any(panel.criterion is not None for panel in self.panels)

    @property
    def has_floor(self) -> bool:
        """Whether a band is drawn."""
        return any(panel.floor is not None for panel in self.panels)

    @property
    def states(self) -> tuple[State, ...]:
        """The states that the figure shows, worst first."""
        shown = {state for panel in self.panels for state in panel.states}
        return tuple(state for state in SEVERITY if state in shown)

    def missing(self) -> list[tuple[str, str]]:
        """What could not be estimated and why: (measurement with its groups, reason)."""
        groups: dict[tuple[str, str], list[str]] = {}
        for row in self.rows:
            key = (plain_name(row.name), row.note or "not estimable from this sample")
            groups.setdefault(key, []).extend([row.group] if row.group != "overall" else [])
        return [
            (f"{name} ({listed(names)})" if names else name, why) for (name, why), names in groups.items()
        ]

    def notes(self) -> list[tuple[str, str]]:
        """The rows' notes, each once, with the first row it belongs to."""
        seen: dict[str, str] = {}
        for row in self.rows:
            if row.note:
                where = plain_name(row.name) if row.group == "overall" else row.group
                seen.setdefault(row.note, where)
        return [(where, note) for note, where in seen.items()]


def figures(finding: FindingRecord) -> tuple[Figure, ...]:
    """The figures of what a probe asks about: judged rows, their floors, and rows without a bound."""
    gates = [verdict.criterion for verdict in _of_role(finding, gates=True)]
    drawn = {verdict.criterion.measurement for verdict in finding.verdicts}
    drawn |= {criterion.floor for criterion in gates if criterion.floor}
    drawn |= {row.name for row in counted(finding)}
    names = dict.fromkeys(row.name for row in finding.measurements)
    homes = [_with_floor(finding, criterion) for criterion in gates]
    homes += [[_bare(finding, name)] for name in names if name not in drawn]
    return _together(home for home in homes if home and home[0].rows)


def counted(finding: FindingRecord) -> tuple[Measurement, ...]:
    """The rows of measurements that were counted on the whole and are not judged: no picture helps them."""
    judged = {verdict.criterion.measurement for verdict in finding.verdicts}
    estimated = {row.name for row in finding.measurements if not numbers.is_count(row)}
    return tuple(row for row in finding.measurements if row.name not in judged | estimated)


def _with_floor(finding: FindingRecord, criterion: Criterion) -> list[Panel]:
    """A judged panel and its floor, which must stand on one axis."""
    panels = [_judged(finding, criterion)]
    if criterion.floor and any(row.name == criterion.floor for row in finding.measurements):
        panels.append(_bare(finding, criterion.floor))
    return panels


def gate_figures(finding: FindingRecord) -> tuple[Figure, ...]:
    """The figures of the method's own checks: validity statements and positive controls."""
    panels = [_judged(finding, verdict.criterion) for verdict in _of_role(finding, gates=False)]
    return _together([panel] for panel in panels if panel.rows)


def methods(figures: Iterable[Figure]) -> list[tuple[str, str]]:
    """How values and intervals were made: (measurements, method), each method once."""
    names: dict[str, dict[str, None]] = {}
    for row in (row for figure in figures for row in figure.rows):
        names.setdefault(row.method, {})[plain_name(row.name)] = None
    return [(listed(tuple(names[method])), method) for method in names if method]


def _of_role(finding: FindingRecord, *, gates: bool) -> list[Verdict]:
    return [verdict for verdict in finding.verdicts if (verdict.criterion.role == "gate") is gates]


def _judged(finding: FindingRecord, criterion: Criterion) -> Panel:
    rows = judged_rows(finding.measurements, criterion)
    states = row_states(finding, criterion)
    ends = [
        abs(end)
        for row in finding.measurements
        if row.name == criterion.floor
        for end in (row.low, row.high)
        if end is not None
    ]
    return Panel(
        name=criterion.measurement,
        rows=tuple(rows),
        states=tuple(states[row.group] for row in rows),
        criterion=criterion,
        floor=max(ends, default=None),
    )


def _bare(finding: FindingRecord, name: str) -> Panel:
    rows = tuple(row for row in finding.measurements if row.name == name)
    states: tuple[State, ...] = tuple("reported" for _ in rows)
    return Panel(name=name, rows=rows, states=states)


def _together(homes: Iterable[list[Panel]]) -> tuple[Figure, ...]:
    """Panels of one unit and a like span share a figure; a floor is drawn once in it."""
    groups: list[list[Panel]] = []
    for panels in homes:
        group = next((group for group in groups if _comparable(group, panels[0])), None)
        if group is None:
            groups.append(list(panels))
        else:
            group += [panel for panel in panels if panel not in group]
    return tuple(Figure(unit=group[0].rows[0].unit, panels=tuple(group)) for group in groups)


def _comparable(group: list[Panel], panel: Panel) -> bool:
    if group[0].rows[0].unit != panel.rows[0].unit:
        return False
    reaches = [other.reach for other in (group[0], panel) if other.reach > 0]
    return not reaches or max(reaches) <= WIDEST_TO_NARROWEST * min(reaches)
