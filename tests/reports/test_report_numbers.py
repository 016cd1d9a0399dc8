"""Numbers are printed with sensible digits and never touch a bound that they do not touch."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.probes.base import Criterion, Direction, Measurement
from recaudit.reports import _numbers as numbers


def measured(value: float | None, low: float | None, high: float | None) -> Measurement:
    return Measurement(
        name="gap",
        value=value,
        low=low,
        high=high,
        level=0.95,
        method="bootstrap",
        n=10,
        clusters=10,
        unit="share",
        better="zero",
    )


def written(row: Measurement, *criteria: Criterion) -> str:
    return numbers.estimate(row, numbers.places_of([row], criteria))


def test_an_estimate_carries_its_interval() -> None:
    assert written(measured(0.12, 0.07, 0.18)) == "0.12 (0.07 to 0.18)"
    assert written(measured(-0.0123, -0.0151, -0.0094)) == "−0.012 (−0.015 to −0.009)"
    assert written(measured(1234.6, 1200.2, 1270.9)) == "1,235 (1,200 to 1,271)"


def test_the_undefined_is_never_zero() -> None:
    assert written(measured(None, None, None)) == "not estimable"
    assert written(measured(0.5, None, None)) == "0.50 (no interval)"
    assert "0" not in numbers.p_value(None, 0.05)


def test_an_interval_without_an_upper_end_says_so() -> None:
    assert written(measured(2.834, 1.324, None)) == "2.83 (1.32 or more)"
    assert numbers.interval(measured(2.834, 1.324, None), 1) == "1.3 or more"


def test_exact_zeros_and_what_is_negligible_beside_the_bound_are_short() -> None:
    bound = Criterion(measurement="gap", bound=0.1, direction="within")
    assert written(measured(0.0, 0.0, 0.0)) == "0.00 (0.00 to 0.00)"
    assert written(measured(0.00001, 0.000008, 0.000012), bound) == "0.000 (0.000 to 0.000)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.581234, "0.5812"),
        (4096, "4,096"),
        (True, "yes"),
        (None, "none"),
        (tuple(range(96)), "0 to 95 (96 values)"),
        ({"epsilon": 3.0, "unit": "user"}, "epsilon 3, unit user"),
        ((), "none"),
    ],
)
def test_settings_of_any_kind_are_short(value: object, text: str) -> None:
    assert numbers.setting(value) == text


def test_nothing_is_minus_zero() -> None:
    assert numbers.number(-0.0004, 2) == "0.00"


def test_an_end_just_beyond_the_bound_is_not_printed_on_it() -> None:
    bound = Criterion(measurement="gap", bound=0.05, direction="at_most")
    assert written(measured(0.08, 0.0504, 0.11), bound) == "0.0800 (0.0504 to 0.1100)"


def test_an_interval_that_excludes_zero_is_printed_so() -> None:
    assert written(measured(0.04, 0.004, 0.076)) == "0.040 (0.004 to 0.076)"


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.00002, "p < 0.001"),
        (0.0123, "p = 0.012"),
        (0.34, "p = 0.34"),
        (0.0496, "p = 0.0496"),
        (1.0, "p > 0.999"),
    ],
)
def test_p_values(p: float, text: str) -> None:
    assert numbers.p_value(p, 0.05).replace(numbers.NBSP, " ") == text


def test_bounds_in_words() -> None:
    words: dict[Direction, str] = {
        "within": "within ±0.05",
        "at_most": "at most 0.05",
        "at_least": "at least 0.05",
    }
    for direction, text in words.items():
        assert numbers.bound(Criterion(measurement="gap", bound=0.05, direction=direction)) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.42, "0.4 s"), (59.7, "1 min 0 s"), (7512, "2 h 5 min")])
def test_durations(seconds: float, text: str) -> None:
    assert numbers.duration(seconds) == text


finite = st.floats(-10, 10).map(lambda x: round(x, 6))


@given(st.lists(finite, min_size=3, max_size=3).map(sorted), finite.map(abs))
def test_rounding_never_moves_an_end_across_or_onto_a_bound(ends: list[float], limit: float) -> None:
    low, value, high = ends
    row = measured(value, low, high)
    criterion = Criterion(measurement="gap", bound=limit, direction="within")
    places = numbers.places_of([row], [criterion])
    for exact in ends:
        for side in (-limit, limit):
            printed = float(numbers.number(exact, places).replace(",", "").replace(numbers.MINUS, "-"))
            assert (printed > side) == (exact > side)
            assert (printed < side) == (exact < side)


@pytest.mark.parametrize(
    ("value", "text"), [(32.0, "32 (counted)"), (0.0, "0 (counted)"), (28.94, "28.9 (counted)")]
)
def test_a_count_of_the_whole_has_no_interval(value: float, text: str) -> None:
    row = Measurement(
        name="codes_used",
        value=value,
        low=value,
        high=value,
        level=0.9,
        method="counted",
        n=800,
        clusters=0,
        unit="codes",
        better="higher",
    )
    assert numbers.is_count(row) and numbers.estimate(row, 1) == text
    assert not numbers.is_count(replace(row, clusters=3))
