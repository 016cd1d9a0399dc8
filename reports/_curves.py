"""Lays out curves: attacks on log axes, stated against observed frequencies, shares of the places."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..probes.base import Curve
from ._numbers import number, percent
from ._text import plain_name

LEFT, RIGHT, TOP, BOTTOM = 76.0, 446.0, 14.0, 282.0
DASHES = ("", "7 4", "2 4", "9 3 2 3", "1 6")
"""How lines of one picture are told apart: never by colour alone."""
Place = Callable[[float], float]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a kind of curve is called, and its axes."""

    title: str
    x: str
    y: str
    even: str
    """What the thin line stands for."""


KINDS = {
    "roc": Kind(
        title="How many are caught at each rate of wrong accusations",
        x="left-out people wrongly named (false positive rate)",
        y="trained-on people caught",
        even="guessing",
    ),
    "reliability": Kind(
        title="What was stated against what happened",
        x="stated probability",
        y="observed frequency",
        even="stated and observed agree",
    ),
    "lorenz": Kind(
        title="How evenly items share the places",
        x="share of items, least recommended first",
        y="share of places",
        even="every item as often",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve in pixels: its path, its band, its points, and where its name stands."""

    label: str
    path: str
    band: str
    dash: str
    points: tuple[tuple[float, float, float, float, float], ...]
    """x, y, ends of the band, and the radius."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Curves of one kind on one pair of axes."""

    kind: Kind
    joined: bool
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    even: str
    lines: tuple[Line, ...]
    level: str
    table: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...]
    """By curve: x, y, band, count."""


def pictures(curves: Sequence[Curve]) -> tuple[Picture, ...]:
    """One picture a kind of curve, in the order in which they come."""
    return tuple(
        _picture(kind, [own for own in curves if own.kind == kind])
        for kind in dict.fromkeys(own.kind for own in curves)
    )


def _picture(kind: str, curves: Sequence[Curve]) -> Picture:
    log = kind == "roc"
    floor = _floor(curves) if log else 0.0
    x = _scale(floor, log, LEFT, RIGHT)
    y = _scale(floor, log, BOTTOM, TOP)
    most = max((count for own in curves for count in own.counts), default=1)
    return Picture(
        kind=KINDS[kind],
        joined=kind != "reliability",
        x_ticks=tuple((x(at), _tick(at, log)) for at in _ticks(floor, log)),
        y_ticks=tuple((y(at), _tick(at, log)) for at in _ticks(floor, log)),
        even=f"M{x(floor):.1f} {y(floor):.1f}L{x(1):.1f} {y(1):.1f}",
        lines=tuple(_line(own, place, x, y, most) for place, own in enumerate(curves)),
        level=percent(curves[0].level),
        table=tuple((plain_name(own.label), _table(own)) for own in curves),
    )


def _floor(curves: Sequence[Curve]) -> float:
    """The power of ten at or below the smallest rate that can be told from none."""
    smallest = min((at for own in curves for at in own.x if at > 0), default=0.01)
    return 10.0 ** math.floor(math.log10(smallest) + 1e-9)


def _scale(floor: float, log: bool, start: float, end: float) -> Place:
    if not log:
        return lambda value: start + min(max(value, 0.0), 1.0) * (end - start)
    span = -math.log10(floor)
    return lambda value: start + (1 + math.log10(max(value, floor)) / span) * (end - start)


def _ticks(floor: float, log: bool) -> list[float]:
    if not log:
        return [0.0, 0.25, 0.5, 0.75, 1.0]
    return [10.0**power for power in range(round(math.log10(floor)), 1)]


def _tick(value: float, log: bool) -> str:
    return f"{value:g}" if log else number(value, 2) if value not in (0, 1) else f"{value:g}"


def _line(curve: Curve, place: int, x: Place, y: Place, most: int) -> Line:
    across = [x(at) for at in curve.x]
    heights = [y(at) for at in curve.y]
    low = [y(at) for at in curve.low or curve.y]
    high = [y(at) for at in curve.high or curve.y]
    counts = curve.counts or (most,) * len(across)
    outline = [*zip(across, high, strict=True), *zip(across[::-1], low[::-1], strict=True)]
    return Line(
        label=plain_name(curve.label),
        path=_path(list(zip(across, heights, strict=True))),
        band=f"{_path(outline)}Z" if curve.low and curve.high else "",
        dash=DASHES[place % len(DASHES)],
        points=tuple(
            (at, height, bottom, top, 2 + 4 * math.sqrt(count / most))
            for at, height, bottom, top, count in zip(across, heights, low, high, counts, strict=True)
        ),
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _table(curve: Curve) -> tuple[tuple[str, str, str, str], ...]:
    low, high = curve.low or (None,) * len(curve.x), curve.high or (None,) * len(curve.x)
    counts = curve.counts or ("",) * len(curve.x)
    return tuple(
        (
            f"{x:.4g}",
            f"{y:.4g}",
            "" if below is None or above is None else f"{below:.4g} to {above:.4g}",
            f"{count:,}" if isinstance(count, int) else "",
        )
        for x, y, below, above, count in zip(curve.x, curve.y, low, high, counts, strict=True)
    )
