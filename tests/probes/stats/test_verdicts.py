"""Verdicts follow from intervals: p-values, floors, roles and the worst row cannot disagree with them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from recaudit.probes.base import Criterion, Measurement, Verdict
from recaudit.probes.stats.intervals import mean_of_clusters
from recaudit.probes.stats.verdicts import implied_p, judge, overall
from scipy import stats

numbers = st.floats(-2, 2).map(lambda x: round(x, 4))
directions = st.sampled_from(["at_most", "at_least", "within"])
alphas = st.sampled_from([0.001, 0.01, 0.05, 0.2])
PLAIN = Criterion(measurement="gap", bound=0.1, direction="at_most")


def row(low, value, high, *, level=0.9, name="gap", group="overall", note=""):
    return Measurement(
        name=name,
        value=value,
        low=low,
        high=high,
        level=level,
        method="t",
        n=100,
        clusters=50,
        unit="probability points",
        better="zero",
        group=group,
        note=note,
    )


@st.composite
def rows(draw, alpha=0.05):
    low, value, high = sorted(draw(st.tuples(numbers, numbers, numbers)))
    return row(low, value, high, level=1 - 2 * alpha)


@given(st.data(), alphas, directions, st.floats(0, 1), st.integers(1, 20))
def test_p_is_under_the_level_exactly_where_the_check_fails(data, alpha, direction, bound, family):
    measured = data.draw(rows(alpha / family))
    verdict = judge(Criterion(measurement="gap", bound=bound, direction=direction), [measured], family=family)
    assume(min(abs(end - edge) for end in (measured.low, measured.high) for edge in (bound, -bound)) > 1e-6)
    assert (verdict.p_value < alpha) == (verdict.state == "fail")


@given(st.data(), directions, st.floats(0, 1))
def test_state_is_where_the_interval_lies(data, direction, bound):
    measured = data.draw(rows())
    low, high = measured.low, measured.high
    inside, beyond = {
        "at_most": (high < bound, low > bound),
        "at_least": (low > bound, high < bound),
        "within": (-bound < low and high < bound, low > bound or high < -bound),
    }[direction]
    expected = "pass" if inside else "fail" if beyond else "inconclusive"
    verdict = judge(Criterion(measurement="gap", bound=bound, direction=direction), [measured])
    assert verdict.state == expected
    assert 0 <= verdict.p_value <= 1


@given(st.floats(-1, 1), st.floats(0.05, 1), st.integers(3, 100), alphas)
def test_implied_p_is_that_of_the_t_test_at_the_level(value, se, n, alpha):
    """At the interval's own alpha the normal shape and the t distribution agree."""
    reach = stats.t.isf(alpha, n - 1) * se
    assert implied_p(reach, reach, alpha=alpha) == pytest.approx(alpha)
    distance = value + reach
    assume(abs(value) > 1e-6)
    assert (implied_p(distance, reach, alpha=alpha) < alpha) == (stats.t.sf(distance / se, n - 1) < alpha)


def test_implied_p_of_a_normal_interval_is_the_normal_p():
    for z in (-2.0, 0.0, 0.7, 1.9, 4.0):
        assert implied_p(z, stats.norm.isf(0.05), alpha=0.05) == pytest.approx(stats.norm.sf(z))
    assert [implied_p(distance, 0.0, alpha=0.05) for distance in (-1, 0, 1)] == [1, 1, 0]


def test_at_the_bound_a_check_fails_as_often_as_alpha(rng, plausible):
    states, p = [], []
    for _ in range(1000):
        mean = mean_of_clusters(rng.normal(0.1, 0.2, 200), alpha=0.05)
        verdict = judge(PLAIN, [row(mean.low, mean.value, mean.high)])
        states.append(verdict.state)
        p.append(verdict.p_value)
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert plausible(states.count("fail"), 1000, 0.05, band=0.95)
    assert plausible(states.count("pass"), 1000, 0.05, band=0.95)


@given(st.lists(rows(), min_size=1, max_size=6), directions)
def test_every_row_must_pass_and_one_is_enough_to_fail(measured, direction):
    criterion = Criterion(measurement="gap", bound=0.5, direction=direction)
    named = [replace(item, group=str(place)) for place, item in enumerate(measured)]
    states = [judge(criterion, [item]).state for item in named]
    verdict = judge(criterion, named)
    order = ["fail", "inconclusive", "pass"]
    assert verdict.state == min(states, key=order.index)
    assert states[int(verdict.group)] == verdict.state
    alike = [judge(criterion, [item]).p_value for item in named if states[int(item.group)] == verdict.state]
    assert verdict.p_value == min(alike)


def test_a_criterion_judges_its_own_rows_alone():
    measured = [row(0.3, 0.4, 0.5, group="men"), row(0, 0.01, 0.02, group="women"), row(1, 2, 3, name="x")]
    assert judge(PLAIN, measured).group == "men"
    assert judge(replace(PLAIN, group="women"), measured).state == "pass"
    absent = judge(replace(PLAIN, group="others"), measured)
    assert (absent.state, absent.p_value) == ("inconclusive", None)
    assert "nothing could be measured" in absent.reason


@given(rows(), st.floats(0, 2), directions)
def test_no_effect_inside_the_floor_can_fail(measured, reach, direction):
    assume(direction != "at_least")
    criterion = Criterion(measurement="gap", bound=0.1, direction=direction, floor="placebo")
    floor = row(-reach, 0.0, reach / 2, name="placebo")
    verdict, alone = judge(criterion, [measured, floor]), judge(replace(criterion, floor=None), [measured])
    beyond = measured.low > reach or (direction == "within" and measured.high < -reach)
    assert verdict.state == ("inconclusive" if alone.state == "fail" and not beyond else alone.state)
    assert verdict.p_value >= alone.p_value - 1e-12


def test_reasons_say_what_decided():
    floor = row(-0.2, 0.0, 0.6, name="placebo")
    criterion = replace(PLAIN, floor="placebo")
    assert "meaningless changes" in judge(criterion, [row(0.2, 0.4, 0.5), floor]).reason
    assert "contains the bound" in judge(criterion, [row(0.0, 0.4, 0.5), floor]).reason
    assert "good side" in judge(PLAIN, [row(-0.1, 0.0, 0.05)]).reason
    assert "beyond the bound" in judge(PLAIN, [row(0.2, 0.3, 0.4)]).reason
    assert judge(PLAIN, [row(None, None, None, note="too few users")]).reason == "too few users"


def test_what_is_not_estimable_is_inconclusive_never_a_pass():
    for ends in ((None, None, None), (None, 0.0, 0.05), (float("nan"), 0.0, float("nan"))):
        assert judge(PLAIN, [row(*ends)]).state == "inconclusive"
    both = judge(PLAIN, [row(0.0, 0.01, 0.02, group="a"), row(None, None, None, group="b")])
    assert (both.state, both.group) == ("inconclusive", "b")


@given(numbers, numbers, directions.filter(lambda direction: direction != "at_least"))
def test_without_an_upper_end_a_row_can_fail_but_never_pass(low, reach, direction):
    one_sided = row(low, low + abs(reach), None, note="2.5 at most could have been shown")
    verdict = judge(replace(PLAIN, direction=direction), [one_sided])
    assert verdict.state == ("fail" if low > PLAIN.bound else "inconclusive")
    assert ("none_found: " in verdict.reason) == (verdict.state == "inconclusive")
    assert verdict.state == "fail" or "could have been shown" in verdict.reason
    assert verdict.state == "inconclusive" or verdict.p_value < 0.05


@pytest.mark.parametrize(
    ("role", "states"),
    [
        ("gate", ("pass", "inconclusive", "fail")),
        ("validity", ("pass", "inconclusive", "invalid")),
        ("control", ("pass", "invalid", "invalid")),
    ],
)
def test_roles(role, states):
    measured = [row(0.0, 0.01, 0.02), row(0.0, 0.05, 0.2), row(0.2, 0.3, 0.4)]
    assert tuple(judge(replace(PLAIN, role=role), [item]).state for item in measured) == states


@pytest.mark.parametrize("role", ["validity", "control"])
def test_what_keeps_a_probe_honest_is_not_applicable_where_it_was_not_measured(role):
    absent = judge(replace(PLAIN, role=role), [row(0.0, 0.01, 0.02, name="other")])
    assert (absent.state, absent.p_value) == ("not_applicable", None)


def verdict(role, state):
    return Verdict(criterion=replace(PLAIN, role=role), state=state, reason="")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "reported"),
        ([("validity", "pass"), ("control", "pass")], "reported"),
        ([("gate", "pass"), ("gate", "pass")], "pass"),
        ([("gate", "pass"), ("gate", "inconclusive")], "inconclusive"),
        ([("gate", "inconclusive"), ("gate", "fail"), ("gate", "pass")], "fail"),
        ([("gate", "fail"), ("gate", "error")], "error"),
        ([("gate", "pass"), ("validity", "inconclusive")], "inconclusive"),
        ([("gate", "fail"), ("validity", "inconclusive")], "inconclusive"),
        ([("gate", "fail"), ("validity", "pass"), ("control", "pass")], "fail"),
        ([("gate", "pass"), ("validity", "invalid")], "invalid"),
        ([("gate", "pass"), ("validity", "not_applicable")], "pass"),
        ([("gate", "pass"), ("control", "not_applicable")], "inconclusive"),
        ([("gate", "fail"), ("control", "not_applicable")], "fail"),
        ([("gate", "fail"), ("validity", "inconclusive"), ("control", "invalid")], "invalid"),
    ],
)
def test_a_probe_is_as_good_as_its_worst_gate_and_as_valid_as_its_controls(verdicts, expected):
    assert overall([verdict(*item) for item in verdicts]) == expected


def test_two_sided_bounds_read_either_side():
    criterion = replace(PLAIN, direction="within")
    p = [judge(criterion, [row(-s * 0.2 - 0.05, -s * 0.2, -s * 0.2 + 0.05)]).p_value for s in (-1, 1)]
    assert p[0] == pytest.approx(p[1]) and p[0] < 0.05
    assert np.isclose(p[0], stats.norm.sf(0.1 / 0.05 * stats.norm.isf(0.05)))
