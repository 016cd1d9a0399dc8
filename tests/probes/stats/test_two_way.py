"""The two-way error is what counting pairs of rows by hand gives, and it holds where items are shared."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.probes.stats.two_way import effective_number, ratio_interval, two_way_error
from scipy.stats import binom

ROWS = st.lists(st.tuples(st.floats(-5, 5), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=15)


@given(rows=ROWS)
def test_equals_sums_over_pairs_of_rows(rows):
    """A pair of rows counts once for each way it shares a cluster; one that shares both counts off once."""
    influence, first, second = (np.array(column) for column in zip(*rows, strict=True))
    product = np.outer(influence, influence)
    same_first, same_second = first[:, None] == first, second[:, None] == second

    def factor(labels):
        groups = len(np.unique(labels))
        return groups / (groups - 1) if groups > 1 else 0.0

    one = factor(first) * product[same_first].sum()
    other = factor(second) * product[same_second].sum()
    both = one + other - product[same_first & same_second].sum()
    assert two_way_error(influence, first, second) ** 2 == pytest.approx(max(one, other, both), abs=1e-9)


def test_rows_of_their_own_have_the_error_of_a_mean(rng):
    values = rng.normal(size=40)
    alone = two_way_error((values - values.mean()) / 40, np.arange(40), np.arange(40))
    # V_first + V_second - V_cell = (2 G/(G - 1) - 1) sum e^2, a little over the usual G/(G - 1).
    assert alone == pytest.approx(values.std(ddof=1) / 40**0.5, rel=0.02)


def test_one_cluster_each_way_has_no_error():
    assert two_way_error(np.array([1.0, -1.0]), np.zeros(2), np.zeros(2)) >= 0
    assert two_way_error(np.array([0.5, -0.5]), np.array([0, 1]), np.zeros(2)) == pytest.approx(1.0)


def test_effective_number():
    assert effective_number([2.0, 2, 2, 2]) == pytest.approx(4)
    assert effective_number([1.0, 0, 0]) == 1
    assert effective_number([]) == effective_number([0.0, 0]) == 0


def test_a_ratio_is_even_on_the_scale_of_logarithms():
    found = ratio_interval(0.5, 0.1, units=30, least_high=0, alpha=0.05, n=9, clusters=4, method="m")
    assert found.low * found.high == pytest.approx(0.25)
    assert found.high / found.value == pytest.approx(np.exp(1.6991 * 0.2), rel=1e-4)
    never = ratio_interval(0.0, 0.0, units=30, least_high=0.2, alpha=0.05, n=9, clusters=4, method="m")
    assert (never.low, never.value, never.high) == (0, 0, 0.2)


@pytest.mark.parametrize(("value", "units"), [(np.nan, 9), (0.5, 1.5)])
def test_too_little_is_not_estimable(value, units):
    found = ratio_interval(value, 0.1, units=units, least_high=0, alpha=0.05, n=9, clusters=4, method="m")
    assert found is None


def test_holds_where_users_share_items(rng):
    """A mean over 60 users and 40 items with effects of both: one way alone would be far too sure."""
    wrong, too_sure, worlds = 0, 0, 400
    user, item = np.repeat(np.arange(60), 40), np.tile(np.arange(40), 60)
    for _ in range(worlds):
        values = rng.normal(size=60)[user] + rng.normal(size=40)[item] + rng.normal(size=2400)
        influence = (values - values.mean()) / 2400
        wrong += values.mean() - 1.685 * two_way_error(influence, user, item) > 0
        sums = np.bincount(user, influence)
        too_sure += values.mean() - 1.671 * np.sqrt((sums**2).sum() * 60 / 59) > 0
    assert wrong <= binom.ppf(0.995, worlds, 0.06) and too_sure > worlds * 0.1
