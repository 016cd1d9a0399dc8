"""Lays out forest plots: one row a group, its interval, the bound, and the same axis for like rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..probes.base import Criterion, Measurement, State
from . import _numbers as numbers
from ._figures import Figure, Panel
from ._words import good_direction, null_of

MOST_ROWS = 40


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Sizes of a drawing in its own pixels; ``stacked`` puts words above their interval."""

    width: int
    left: int
    right: int
    row: int
    stacked: bool
    label_chars: int
    ticks: int


WIDE = Layout(width=900, left=256, right=634, row=27, stacked=False, label_chars=34, ticks=6)
NARROW = Layout(width=340, left=8, right=332, row=66, stacked=True, label_chars=40, ticks=4)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row: words on both sides and, where estimable, a point and its interval (pixels)."""

    y: float
    text_y: float
    value_y: float
    label: str
    full: str
    numbers: str
    users: str
    state: State
    x: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Block:
    """A panel as drawn: heading, bound lines, floor band and rows (pixels)."""

    top: float
    bottom: float
    heading: str
    heading_y: float
    limits: tuple[float, ...]
    limit_label: str
    limit_x: float
    limit_anchor: str
    limit_y: float
    band: tuple[float, float] | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A whole forest plot in pixels of its own drawing."""

    layout: Layout
    height: float
    axis_y: float
    null_x: float
    ticks: tuple[tuple[float, str], ...]
    direction: str
    blocks: tuple[Block, ...]
    left_out: int

    @property
    def wide(self) -> bool:
        """Whether words stand beside the intervals rather than above."""
        return not self.layout.stacked


@dataclass(frozen=True)
class Scale:
    """Maps values in ``[low, high]`` to pixels in ``[left, right]``."""

    low: float
    high: float
    left: float
    right: float

    def __call__(self, value: float) -> float:
        return self.left + (value - self.low) / (self.high - self.low) * (self.right - self.left)


def scale_over(values: Sequence[float], left: float, right: float) -> Scale:
    """A scale that shows every value with a little room on both sides."""
    low, high = min(values), max(values)
    room = (high - low or abs(high) or 1.0) * 0.06
    return Scale(low - room, high + room, left, right)


def ticks_on(scale: Scale, most: int) -> tuple[tuple[float, str], ...]:
    """Round values on a scale, at most about ``most``, as (pixel, text)."""
    raw = (scale.high - scale.low) / most
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(times * size for times in (1, 2, 5, 10) if times * size >= raw * 0.999)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(scale.low / step), math.floor(scale.high / step)
    marks = [number * step for number in range(first, last + 1)]
    return tuple((scale(mark), numbers.number(mark, places) if mark else "0") for mark in marks)


def forest(figure: Figure, layout: Layout, write: Callable[[Measurement], str]) -> Plot:
    """Lay a figure out; rows beyond the first ``MOST_ROWS`` stand in its table only.

    Parameters
    ----------
    write : gives a row's value and interval as text, as the table writes it.
    """
    null, _ = null_of(figure.rows[0])
    values = [value for panel in figure.panels for value in panel.values()]
    scale = scale_over([null, *values], layout.left, layout.right)
    y = 4.0 if layout.stacked else 22.0
    blocks: list[Block] = []
    left = MOST_ROWS
    for panel in figure.panels:
        if left <= 0:
            break
        blocks.append(_block(panel, scale, layout, y, write, most=left))
        left -= len(blocks[-1].lines)
        y = blocks[-1].bottom + 10
    return Plot(
        layout=layout,
        height=y + 40,
        axis_y=y,
        null_x=scale(null),
        ticks=ticks_on(scale, layout.ticks),
        direction=good_direction(figure.rows),
        blocks=tuple(blocks),
        left_out=len(figure.rows) - sum(len(block.lines) for block in blocks),
    )


def _block(
    panel: Panel,
    scale: Scale,
    layout: Layout,
    y: float,
    write: Callable[[Measurement], str],
    *,
    most: int,
) -> Block:
    is_single = len(panel.rows) == 1 and panel.rows[0].group == "overall"
    heading_y = y + 15
    # Beside its intervals a heading shares a line with the bound's label; above them each has its own.
    lines_above = [not is_single, panel.criterion is not None]
    y += 22 * (sum(lines_above) if layout.stacked else any(lines_above))
    limits = tuple(scale(limit) for limit in panel.limits())
    label_x, anchor = _label_place(limits, scale)
    band = panel.band()
    rows = list(zip(panel.rows, panel.states, strict=True))[:most]
    return Block(
        top=y,
        bottom=y + layout.row * len(rows),
        heading="" if is_single else panel.heading,
        heading_y=heading_y,
        limits=limits,
        limit_label=_limit_label(panel.criterion) if panel.criterion else "",
        limit_x=label_x,
        limit_anchor=anchor,
        limit_y=y - 7,
        band=(scale(band[0]), scale(band[1]) - scale(band[0])) if band else None,
        lines=tuple(
            _line(row, state, panel.heading if is_single else row.group, write(row), scale, layout, number)
            for number, (row, state) in enumerate(rows)
        ),
    )


def _limit_label(criterion: Criterion) -> str:
    sign = "±" if criterion.direction == "within" else ""
    return f"bound {sign}{numbers.plain(criterion.bound)}"


def _label_place(limits: tuple[float, ...], scale: Scale) -> tuple[float, str]:
    """Beside the last bound's line, on the side that has room."""
    if not limits:
        return scale.left, "start"
    x, room = limits[-1], 44.0
    if x + room > scale.right:
        return scale.right, "end"
    return (scale.left, "start") if x - room < scale.left else (x, "middle")


def _line(
    row: Measurement, state: State, label: str, text: str, scale: Scale, layout: Layout, number: int
) -> Line:
    """A row in pixels below its block's top."""
    top = layout.row * number
    return Line(
        y=top + (50 if layout.stacked else layout.row / 2),
        text_y=top + (16 if layout.stacked else layout.row / 2 + 4.5),
        value_y=top + (33 if layout.stacked else layout.row / 2 + 4.5),
        label=label if len(label) <= layout.label_chars else label[: layout.label_chars - 1].rstrip() + "…",
        full=label,
        numbers=text,
        users="" if numbers.is_count(row) else f"{row.clusters:,}",
        state=state,
        x=None if row.value is None else scale(row.value),
        low=None if row.low is None else scale(row.low),
        high=None if row.high is None else scale(row.high),
    )


@dataclass(frozen=True, kw_only=True)
class Mini:
    """One interval against its bound, as drawn in a row of the verdict table (pixels of 170 x 30)."""

    state: State
    null_x: float
    limits: tuple[float, ...]
    x: float | None
    low: float | None
    high: float | None


def mini(row: Measurement, criterion: Criterion | None, state: State) -> Mini:
    """Lay out one row on a scale of its own that shows "no effect", the bound and the interval."""
    null = null_of(row)[0]
    limits = numbers.bounds_of(criterion) if criterion else ()
    ends = [x for x in (row.low, row.value, row.high) if x is not None]
    scale = scale_over([null, *limits, *ends], 4, 166)
    return Mini(
        state=state,
        null_x=scale(null),
        limits=tuple(scale(limit) for limit in limits),
        x=None if row.value is None else scale(row.value),
        low=None if row.low is None else scale(row.low),
        high=None if row.high is None else scale(row.high),
    )
