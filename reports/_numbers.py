"""Numbers as a report prints them: sensible digits, an interval beside every value, and never a false tie."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from ..probes.base import Criterion, Measurement
from ._text import plain_name

NOT_ESTIMABLE = "not estimable"
MINUS = "−"
NBSP = "\u00a0"
MOST_VALUES = 5


def number(value: float, places: int) -> str:
    """A value with thousands separated and a true minus sign; nothing is ever "−0.00"."""
    text = f"{abs(value):,.{places}f}"
    is_zero = not any(digit in "123456789" for digit in text)
    return text if value >= 0 or is_zero else MINUS + text


def plain(value: float) -> str:
    """A bound or setting as it was written down, with thousands separated."""
    text = f"{abs(value):,.10g}"
    return MINUS + text if value < 0 else text


def places_for(values: Iterable[float], landmarks: Iterable[float], start: int, last: int = 7) -> int:
    """The fewest decimals, from ``start`` up, that keep every value on its side of each landmark."""
    values, landmarks = tuple(values), tuple(landmarks)
    return next((places for places in range(start, last) if _keeps_sides(values, landmarks, places)), last)


def _keeps_sides(values: tuple[float, ...], landmarks: tuple[float, ...], places: int) -> bool:
    return all(
        _side(round(value, places), landmark) == _side(value, landmark)
        for value in values
        for landmark in landmarks
    )


def _side(value: float, landmark: float) -> int:
    return (value > landmark) - (value < landmark)


def places_of(rows: Sequence[Measurement], criteria: Iterable[Criterion] = ()) -> int:
    """How many decimals the rows of one measurement deserve: one digit of the usual interval's half-width.

    More, where fewer would put an end on a bound, or on zero, that it does not touch; but apart from
    bounds never finer than a hundredth of the largest number in sight.
    """
    ends = [end for row in rows for end in (row.low, row.high) if end is not None]
    values = [row.value for row in rows if row.value is not None] + ends
    bounds = [bound for criterion in criteria for bound in bounds_of(criterion)]
    finest = 2 + max(0, -_magnitude(max(map(abs, values + bounds), default=1.0)))
    halves = sorted(_half_width(row) for row in rows if row.value is not None)
    half = halves[len(halves) // 2] if halves else 0.0
    start = min(
        finest, 2 if half < 1e-9 else max(0 if half >= 10 else 1 if half >= 1 else 2, -_magnitude(half))
    )
    apart_from_zero = places_for(ends, [0.0], start, min(finest, start + 2))
    return max(places_for(values, bounds, start), apart_from_zero)


def _magnitude(value: float) -> int:
    return math.floor(math.log10(value)) if value > 0 else 0


def _half_width(row: Measurement) -> float:
    """Half an interval; a tenth of the value where there is none."""
    width = row.high - row.low if row.low is not None and row.high is not None else 0.0
    return width / 2 or abs(row.value or 0.0) / 10


def is_count(row: Measurement) -> bool:
    """Whether a row was counted on the whole, so that no sample of users and no interval stand behind it."""
    return row.clusters == 0 and row.value is not None and row.low == row.value == row.high


def count(row: Measurement, places: int) -> str:
    """A counted value: a whole number as one."""
    value = row.value or 0.0
    return number(value, 0 if value == round(value) else places)


def estimate(row: Measurement, places: int) -> str:
    """Value and interval, "0.12 (0.07 to 0.18)", "0.7 (0.4 or more)", "32 (counted)" or "not estimable"."""
    if row.value is None:
        return NOT_ESTIMABLE
    if is_count(row):
        return f"{count(row, places)} (counted)"
    value = number(row.value, places)
    if row.low is None:
        return f"{value} (no interval)"
    return f"{value} ({interval(row, places)})"


def interval(row: Measurement, places: int) -> str:
    """Only the interval, "0.07 to 0.18", or "0.4 or more" where there is no upper end."""
    if row.low is None:
        return NOT_ESTIMABLE
    if row.high is None:
        return f"{number(row.low, places)} or more"
    return f"{number(row.low, places)} to {number(row.high, places)}"


def p_value(p: float | None, alpha: float) -> str:
    """A p-value, "p < 0.001", with the digits that show on which side of ``alpha`` it lies."""
    if p is None:
        return NOT_ESTIMABLE
    if p < 0.001:
        return f"p{NBSP}<{NBSP}0.001"
    if p > 0.999:
        return f"p{NBSP}>{NBSP}0.999"
    return f"p{NBSP}={NBSP}{number(p, places_for([p], [alpha], 2 if p >= 0.1 else 3))}"


def bounds_of(criterion: Criterion) -> tuple[float, ...]:
    """The bound, or the two bounds of "within"."""
    return (-criterion.bound, criterion.bound) if criterion.direction == "within" else (criterion.bound,)


def bound(criterion: Criterion) -> str:
    """The bound in words: "within ±0.05", "at most 0.1", "at least 0.9"."""
    match criterion.direction:
        case "within":
            return f"within ±{plain(criterion.bound)}"
        case "at_most":
            return f"at most {plain(criterion.bound)}"
        case "at_least":
            return f"at least {plain(criterion.bound)}"


def setting(value: object) -> str:
    """A setting or fact of any plain kind, short: long rows of numbers by their ends."""
    match value:
        case bool() | None:
            return {True: "yes", False: "no", None: "none"}[value]
        case float():
            return plain(float(f"{value:.4g}"))
        case int():
            return plain(value)
        case Mapping():
            return (
                ", ".join(f"{plain_name(str(name))} {setting(each)}" for name, each in value.items())
                or "none"
            )
        case list() | tuple() if len(value) > MOST_VALUES:
            return f"{setting(value[0])} to {setting(value[-1])} ({len(value):,} values)"
        case list() | tuple():
            return ", ".join(setting(each) for each in value) or "none"
    return str(value)


def percent(share: float) -> str:
    """A share of the error budget or a level as a percentage with three digits: "5 %", "0.714 %"."""
    return f"{share * 100:.3g}{NBSP}%"


def duration(seconds: float) -> str:
    """A time as a person says it: "0.4 s", "41 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
