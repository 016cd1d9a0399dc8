"""Intervals against closed forms, the reference libraries, and simulated coverage."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from recaudit.probes.stats.intervals import (
    clopper_pearson,
    mean_of_clusters,
    ratio_of_sums,
    rule_of_three,
    t_quantile,
    wilson,
    z_quantile,
)
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

alphas = st.sampled_from([0.001, 0.025, 0.05, 0.2])
counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
numbers = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))


@given(counts, alphas)
def test_proportions_agree_with_statsmodels(count, alpha):
    k, n = count
    for ours, theirs in ((wilson, "wilson"), (clopper_pearson, "beta")):
        interval = ours(k, n, alpha=alpha)
        expected = proportion_confint(k, n, alpha=2 * alpha, method=theirs)
        assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-10)
        assert (interval.value, interval.n, interval.clusters) == (k / n, n, n)


@settings(max_examples=50)
@given(counts, alphas)
def test_proportions_mirror_and_never_collapse(count, alpha):
    k, n = count
    for method in (wilson, clopper_pearson):
        one, other = method(k, n, alpha=alpha), method(n - k, n, alpha=alpha)
        assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-10)
        assert 0 <= one.low <= one.value <= one.high <= 1
        assert one.low < one.high
        assert (one.low == 0) == (k == 0) and (one.high == 1) == (k == n)


@pytest.mark.parametrize("n", [1, 5, 23, 80])
def test_clopper_pearson_holds_each_end_for_every_proportion(n):
    intervals = [clopper_pearson(k, n, alpha=0.05) for k in range(n + 1)]
    for p in np.linspace(0.001, 0.999, 199):
        mass = stats.binom.pmf(np.arange(n + 1), n, p)
        assert mass[[i.low > p for i in intervals]].sum() <= 0.05 + 1e-12
        assert mass[[i.high < p for i in intervals]].sum() <= 0.05 + 1e-12


def test_zero_events_give_the_published_bounds():
    for n, bound in ((100, 0.0295), (1000, 0.0030), (5000, 0.0006)):
        assert clopper_pearson(0, n, alpha=0.05).high == pytest.approx(bound, abs=5e-5)


@settings(max_examples=50)
@given(st.lists(numbers, min_size=2, max_size=30), alphas)
def test_mean_agrees_with_scipy(values, alpha):
    assume(np.ptp(values) > 1e-3)
    interval = mean_of_clusters(values, alpha=alpha)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(1 - 2 * alpha)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), rel=1e-7, abs=1e-7)


@settings(max_examples=50)
@given(st.lists(numbers, min_size=2, max_size=20), numbers, st.floats(0.1, 10), st.integers(0, 3))
def test_mean_moves_with_its_values_and_skips_unknown_ones(values, shift, scale, unknown):
    plain = mean_of_clusters(values, alpha=0.05)
    moved = mean_of_clusters(np.append(np.array(values) * scale + shift, [np.nan] * unknown), alpha=0.05)
    expected = [x * scale + shift for x in (plain.low, plain.value, plain.high)]
    assert [moved.low, moved.value, moved.high] == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert moved.clusters == len(values)


@settings(max_examples=50)
@given(st.lists(numbers, min_size=2, max_size=20), st.integers(1, 50))
def test_ratio_of_equal_clusters_is_the_mean(values, size):
    mean = mean_of_clusters(values, alpha=0.05)
    ratio = ratio_of_sums(np.array(values) * size, np.full(len(values), size), alpha=0.05)
    assert (ratio.low, ratio.value, ratio.high) == pytest.approx(
        (mean.low, mean.value, mean.high), rel=1e-6, abs=1e-6
    )


@settings(max_examples=50)
@given(st.lists(st.tuples(numbers, st.integers(1, 90)), min_size=2, max_size=20))
def test_ratio_spread_is_that_of_leaving_each_cluster_out(pairs):
    a, b = np.array(pairs, dtype=float).T
    interval = ratio_of_sums(a, b, alpha=0.05)
    left_out = [(a.sum() - x) / (b.sum() - y) for x, y in zip(a, b, strict=True)]
    spread = math.sqrt((len(a) - 1) / len(a) * sum((x - a.sum() / b.sum()) ** 2 for x in left_out))
    assert interval.value == pytest.approx(a.sum() / b.sum(), abs=1e-9)
    assert interval.se == pytest.approx(spread, rel=1e-6, abs=1e-6)
    assert interval.high - interval.value == pytest.approx(
        stats.t.ppf(0.95, len(a) - 1) * spread, rel=1e-6, abs=1e-6
    )


def test_ratio_ignores_clusters_without_information():
    plain = ratio_of_sums([1, 2, 4], [5, 5, 9], alpha=0.05)
    padded = ratio_of_sums([1, 0, 2, 4, np.nan, 3], [5, 0, 5, 9, 2, np.nan], alpha=0.05)
    assert padded == plain


@pytest.mark.parametrize(
    "interval",
    [
        wilson(0, 0, alpha=0.05),
        clopper_pearson(0, 0, alpha=0.05),
        mean_of_clusters([], alpha=0.05),
        mean_of_clusters([1.0], alpha=0.05),
        mean_of_clusters([1.0, np.nan], alpha=0.05),
        mean_of_clusters([1.0, np.inf], alpha=0.05),
        ratio_of_sums([], [], alpha=0.05),
        ratio_of_sums([1.0], [2.0], alpha=0.05),
        ratio_of_sums([1.0, 2.0], [0.0, 2.0], alpha=0.05),
        ratio_of_sums([0.0, 0.0], [0.0, 0.0], alpha=0.05),
    ],
)
def test_too_little_is_not_estimable(interval):
    assert interval is None


@given(st.floats(0, 1), st.integers(1, 1000), alphas)
def test_rule_of_three_is_the_exact_bound_of_no_event(value, units, alpha):
    low, high = rule_of_three(value, bounds=(0, 1), units=units, alpha=alpha)
    unseen = clopper_pearson(0, units, alpha=alpha).high
    assert (low, high) == pytest.approx((value * (1 - unseen), value + (1 - value) * unseen), abs=1e-10)


def test_users_who_agree_get_a_width_from_their_bounds():
    assert mean_of_clusters([0.3] * 20, alpha=0.05).low == mean_of_clusters([0.3] * 20, alpha=0.05).high
    assert mean_of_clusters([0.1] * 3, alpha=0.05, bounds=(0, 0.1)).high == 0.1
    none = mean_of_clusters(np.zeros(100), alpha=0.05, bounds=(0, 1))
    assert (none.low, none.high) == pytest.approx((0, 0.0295), abs=1e-4)


@given(alphas, st.integers(1, 200))
def test_quantiles_agree_with_scipy(alpha, df):
    assert t_quantile(alpha, df) == pytest.approx(stats.t.isf(alpha, df), rel=1e-9)
    assert z_quantile(alpha) == pytest.approx(stats.norm.isf(alpha), rel=1e-9)


@pytest.mark.parametrize("alpha", [0, 0.5, 1, -0.1])
def test_impossible_levels_are_refused(alpha):
    with pytest.raises(ValueError, match="error probability of one end"):
        mean_of_clusters([1.0, 2.0], alpha=alpha)
    with pytest.raises(ValueError, match="error probability of one end"):
        wilson(1, 2, alpha=alpha)


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="between 0 and n = 3, got 4"):
        clopper_pearson(4, 3, alpha=0.05)
    with pytest.raises(ValueError, match="must not be negative"):
        ratio_of_sums([1, 2], [1, -1], alpha=0.05)
    with pytest.raises(ValueError, match="outside the bounds"):
        mean_of_clusters([2.0, 2.0], alpha=0.05, bounds=(0, 1))


def test_uneven_clusters_keep_their_level(rng):
    low = high = 0
    for _ in range(1000):
        rows = rng.geometric(1 / 40, 40) + 5
        events = rng.binomial(rows, np.clip(0.4 + 0.15 * rng.standard_normal(40), 0, 1))
        interval = ratio_of_sums(events, rows, alpha=0.05)
        low, high = low + (interval.low > 0.4), high + (interval.high < 0.4)
    assert max(low, high) <= stats.binom.ppf(0.999, 1000, 0.05)
    assert low + high >= stats.binom.ppf(0.001, 1000, 0.1)


def test_rows_of_few_users_are_no_independent_rows(plausible, rng):
    """60 rows a user, user rates with sd .15, 16 users: row intervals miss the truth half the time."""
    row_covers = user_covers = 0
    for _ in range(1000):
        events = rng.binomial(60, np.clip(0.5 + 0.15 * rng.standard_normal(16), 0, 1))
        by_row = wilson(int(events.sum()), 16 * 60, alpha=0.025)
        by_user = ratio_of_sums(events, np.full(16, 60), alpha=0.025)
        row_covers += by_row.low <= 0.5 <= by_row.high
        user_covers += by_user.low <= 0.5 <= by_user.high
    assert row_covers < 700
    assert plausible(user_covers, 1000, 0.95)
