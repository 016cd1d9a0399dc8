"""Formulas of list similarity against hand counts, published golden values and brute force."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.probes.fairness._list_similarity import (
    FAIRLLM,
    SIMILARITIES,
    list_change,
    mean_range,
    range_quantile,
    spread,
)
from scipy.stats import studentized_range

LOVE, BELONG, TEAM, LOUD, SHAKE, CASTLE, PERFECT = range(7)
NEUTRAL = [[LOVE, BELONG], [TEAM, LOUD]]
MALE = [[LOVE, SHAKE], [TEAM, LOUD]]
FEMALE = [[LOVE, BELONG], [CASTLE, PERFECT]]


def of(x, y, how) -> float:
    compare = list_change if how == "list_change" else SIMILARITIES[how]
    return float(compare(np.array([x], dtype=np.int64), np.array([y], dtype=np.int64))[0])


def test_fairllm_has_eight_attributes_and_thirty_one_values() -> None:
    assert len(FAIRLLM) == 8 and sum(len(values) for values in FAIRLLM.values()) == 31
    assert all(len(set(values)) == len(values) for values in FAIRLLM.values())


@pytest.mark.parametrize(
    ("name", "highest", "lowest", "snsr", "snsv"),
    [
        ("jaccard", 0.6667, 0.5, 0.1667, 0.0833),
        ("serp@released", 0.3333, 0.2083, 0.125, 0.0625),
        ("prag@langfair", 0.1667, 0.0833, 0.0833, 0.0417),
        ("prag@released", 1.0, 0.5, 0.5, 0.25),
    ],
)
def test_langfairs_golden_values(name, highest, lowest, snsr, snsv) -> None:
    neutral = np.array(NEUTRAL)
    columns = [SIMILARITIES[name](np.array(own), neutral) for own in (MALE, FEMALE)]
    means = [column.mean() for column in columns]
    assert (max(means), min(means)) == pytest.approx((highest, lowest), abs=5e-5)
    found = spread(np.stack(columns, axis=1), alpha=0.05)
    assert (found.snsr.value, found.snsv.value) == pytest.approx((snsr, snsv), abs=5e-5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("jaccard", 1 / 3),
        ("serp@paper", 0.738095),
        ("serp@released", 0.196429),
        ("prag@released", 0.763158),
        ("prag@langfair", 0.345238),
        ("list_change", 0.5),
    ],
)
def test_the_first_ten_of_twenty_shared_in_order(name, value) -> None:
    x, y = list(range(20)), [*range(10), *range(100, 110)]
    assert of(x, y, name) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("k", [2, 5, 10, 20])
def test_equal_lists_reach_the_top_of_each_scale(k) -> None:
    own = list(range(k))
    tops = {
        "jaccard": 1,
        "serp@paper": 1,
        "serp@released": (k + 3) / (4 * (k + 1)),
        "prag@released": 1,
        "prag@langfair": (k - 1) / (2 * (k + 1)),
        "list_change": 0,
    }
    assert {name: of(own, own, name) for name in tops} == pytest.approx(tops)


def test_one_place_and_empty_lists() -> None:
    assert of([4], [4], "prag@released") == 1 and of([4], [5], "prag@released") == 0
    for name in SIMILARITIES:
        assert np.isnan(of([-1, -1], [-1, -1], name))
        assert of([3, -1], [-1, -1], name) == of([-1, -1], [3, -1], name) == 0
    assert np.isnan(of([-1], [-1], "list_change")) and of([3], [-1], "list_change") == 1
    assert of([3, -1, -1], [3, 4, -1], "list_change") == 0.5


def by_hand(x: list[int], y: list[int], k: int) -> dict[str, float]:
    """The definitions, word for word, on two lists that are not both empty."""
    shared = set(x) & set(y)
    pairs = sum(
        1 for one, two in combinations(x, 2) if one in y and (two not in y or y.index(one) < y.index(two))
    )
    released = sum(len(x) - (x.index(v) + 1) + 2 for v in shared)
    return {
        "jaccard": len(shared) / len(set(x) | set(y)),
        "serp@paper": sum(k - (x.index(v) + 1) + 1 for v in shared) / (k * (k + 1) / 2),
        "serp@released": released * 0.5 / (len(y) * (len(y) + 1)) if y else 0.0,
        "prag@released": pairs / (k * (k - 1) / 2),
        "prag@langfair": pairs / (k * (k + 1)),
    }


LISTS = st.lists(st.integers(0, 8), unique=True, max_size=6)


@given(x=LISTS, y=LISTS)
def test_every_formula_is_its_definition(x, y) -> None:
    if not x and not y:
        return
    first, second = (own + [-1] * (6 - len(own)) for own in (x, y))
    found = {name: of(first, second, name) for name in SIMILARITIES}
    assert found == pytest.approx(by_hand(x, y, 6))
    assert all(0 <= value <= 1 for name, value in found.items() if name != "serp@released")


@pytest.mark.parametrize(("m", "d2"), [(2, 1.128), (3, 1.693), (4, 2.059), (7, 2.704), (8, 2.847)])
def test_the_mean_range_is_the_tabled_d2(m, d2) -> None:
    assert mean_range(m) == pytest.approx(d2, abs=6e-4)


@pytest.mark.parametrize("m", [2, 4, 8])
def test_the_range_quantile_is_scipys(m) -> None:
    assert range_quantile(m, 0.05) == pytest.approx(studentized_range.ppf(0.95, m, np.inf), abs=1e-3)


class TestSpread:
    @pytest.mark.parametrize("m", [2, 4, 8])
    def test_pure_noise_lies_where_it_is_said_to_lie(self, m) -> None:
        """Users differ much, which cancels; the rest has sd .25 over 100 users, as in the literature."""
        found, rng = [], np.random.default_rng(m)
        for _ in range(1000):
            users = rng.normal(0.5, 0.3, (100, 1))
            found.append(spread(users + rng.normal(0, 0.25, (100, m)), alpha=0.05))
        raw = np.array([(one.snsr.value, one.snsv.value) for one in found])
        said = np.array([(one.noise_snsr, one.noise_snsv) for one in found])
        np.testing.assert_allclose(raw.mean(axis=0), said.mean(axis=0), rtol=0.1)
        assert said[:, 0].mean() == pytest.approx(mean_range(m) * 0.25 / 10, rel=0.02)
        beyond = np.mean([one.snsr.value > one.noise_limit for one in found])
        assert 0.02 < beyond < 0.09

    def test_a_true_difference_is_measured_and_lies_beyond_noise(self) -> None:
        rng = np.random.default_rng(0)
        table = np.clip(rng.normal([0.7, 0.7, 0.4], 0.1, (200, 3)), 0, 1)
        found = spread(table, alpha=0.05)
        assert found.snsr.low < 0.3 < found.snsr.high and found.snsr.value > 5 * found.noise_limit
        assert found.snsv.value == pytest.approx(0.3 * np.sqrt(2) / 3, abs=0.01)

    def test_different_people_may_stand_behind_each_value(self) -> None:
        """Recorded lists often state what is true of each person, and nothing else."""
        rng = np.random.default_rng(1)
        found = []
        for _ in range(300):
            table = rng.normal(0.5, 0.2, (80, 2))
            table[:40, 0] = table[40:, 1] = np.nan
            found.append(spread(table, alpha=0.05))
        assert np.mean([one.snsr.value for one in found]) == pytest.approx(
            np.mean([one.noise_snsr for one in found]), rel=0.1
        )
        assert found[0].snsr.n == 80

    def test_all_alike_is_zero_with_no_noise(self) -> None:
        found = spread(np.ones((20, 3)), alpha=0.05)
        assert found.snsr.value == found.snsv.value == found.noise_snsr == 0

    def test_too_little_is_not_estimable(self) -> None:
        assert spread(np.ones((20, 1)), alpha=0.05) is None
        assert spread(np.ones((1, 3)), alpha=0.05) is None
        assert spread(np.full((9, 2), np.nan), alpha=0.05) is None
