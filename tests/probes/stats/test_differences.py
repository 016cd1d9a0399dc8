"""Group differences against Welch's t, Tukey's studentised range, enumeration, and simulated families."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from recaudit.probes.stats.differences import bias_corrected_range, simultaneous_differences
from recaudit.probes.stats.intervals import wilson
from scipy import optimize, stats

samples = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-20, 20).map(float)), min_size=4, max_size=30
).map(lambda pairs: (np.array([v for _, v in pairs]), np.array([g for g, _ in pairs])))


@settings(max_examples=50)
@given(samples, st.sampled_from([0.01, 0.05]))
def test_two_groups_are_welchs_t(sample, alpha):
    values, groups = sample[0], sample[1] % 2
    one, other = values[groups == 0], values[groups == 1]
    assume(min(len(one), len(other)) >= 2 and np.ptp(one) > 0 and np.ptp(other) > 0)
    result = simultaneous_differences(values, groups, alpha=alpha, rng=np.random.default_rng(0))
    expected = stats.ttest_ind(one, other, equal_var=False).confidence_interval(1 - 2 * alpha)
    assert list(result) == [(0, 1)]
    assert result[0, 1].value == pytest.approx(one.mean() - other.mean())
    assert (result[0, 1].low, result[0, 1].high) == pytest.approx((expected.low, expected.high), rel=1e-6)


@settings(max_examples=50)
@given(samples)
def test_pairs_lie_between_one_pair_alone_and_bonferroni(sample):
    values, groups = sample
    labels = [g for g in range(4) if np.count_nonzero(groups == g) >= 2]
    result = simultaneous_differences(values, groups, alpha=0.05, rng=np.random.default_rng(0), n_draws=99)
    assert list(result) == [(a, b) for i, a in enumerate(labels) for b in labels[i + 1 :]]
    for (a, b), interval in result.items():
        one, other = values[groups == a], values[groups == b]
        assert interval.value == pytest.approx(one.mean() - other.mean(), abs=1e-9)
        assert interval.n == len(one) + len(other)
        if np.ptp(one) > 0 and np.ptp(other) > 0:
            alone, bonferroni = (
                stats.ttest_ind(one, other, equal_var=False).confidence_interval(1 - 2 * level)
                for level in (0.05, 0.05 / len(result))
            )
            assert bonferroni.low - 1e-6 <= interval.low <= alone.low + 1e-6
            assert alone.high - 1e-6 <= interval.high <= bonferroni.high + 1e-6


@pytest.mark.parametrize("n_groups", [3, 7])
def test_critical_value_lies_between_tukeys(rng, n_groups):
    """Directions fixed: wider than Tukey's range at twice alpha, narrower than at alpha."""
    groups = np.repeat(np.arange(n_groups), 300)
    result = simultaneous_differences(rng.normal(size=len(groups)), groups, alpha=0.05, rng=rng)
    tukey = [stats.studentized_range.ppf(q, n_groups, 10000) / 2**0.5 for q in (0.9, 0.95)]
    for interval in result.values():
        found = (interval.high - interval.value) / interval.se
        assert tukey[0] - 0.05 <= found <= tukey[1] + 0.05


def test_critical_value_takes_each_pair_in_its_observed_direction(rng):
    """A noisy group between two quiet ones can exceed both margins: max(|Z|, Z') instead of max(Z, Z')."""
    groups = np.repeat([0, 1, 2], 400)
    values = rng.normal(size=1200) * np.where(groups == 0, 100, 1) + np.array([0, -1000, 1000])[groups]
    result = simultaneous_differences(values, groups, alpha=0.05, rng=rng, n_draws=20000)
    expected = optimize.brentq(lambda c: (2 * stats.norm.cdf(c) - 1) * stats.norm.cdf(c) - 0.95, 1, 3)
    assert expected > stats.norm.ppf(0.95**0.5) + 0.1
    for interval in result.values():
        assert (interval.high - interval.value) / interval.se == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize(
    ("sizes", "sds", "means"),
    [((20, 20), (1, 1), (0, 5)), ((20, 12, 60), (1, 2, 0.5), (0, 5, 0)), ((25,) * 4, (1,) * 4, (0, 0, 5, 5))],
)
def test_at_the_margin_the_family_keeps_its_level(rng, sizes, sds, means):
    groups, wrong = np.repeat(np.arange(len(sizes)), sizes), 0
    for _ in range(500):
        values = np.array(means)[groups] + rng.normal(size=len(groups)) * np.array(sds)[groups]
        result = simultaneous_differences(values, groups, alpha=0.05, rng=rng, n_draws=499)
        wrong += any(i.low > 5 or i.high < -5 for i in result.values())
    assert wrong <= stats.binom.ppf(0.995, 500, 0.05)


def test_equal_groups_are_all_covered_together(rng, plausible):
    groups, covered = np.repeat(np.arange(4), 25), 0
    for _ in range(500):
        result = simultaneous_differences(rng.normal(size=100), groups, alpha=0.05, rng=rng, n_draws=499)
        covered += all(i.low <= 0 <= i.high for i in result.values())
    assert plausible(covered, 500, 0.9)


def test_user_intervals_cover_a_gap_that_row_intervals_do_not(rng, plausible):
    """No gap, 40 users of 60 rows, user rates with sd .15: row intervals cover about 61 %, not 95 %."""
    groups, rows_cover, users_cover = np.repeat([0, 1], 20), 0, 0
    for _ in range(1000):
        rates = rng.binomial(60, np.clip(0.5 + 0.15 * rng.standard_normal(40), 0, 1)) / 60
        gap = simultaneous_differences(rates, groups, alpha=0.025, rng=rng)[0, 1]
        users_cover += gap.low <= 0 <= gap.high
        sides = [wilson(round(60 * rates[groups == g].sum()), 1200, alpha=0.025) for g in (0, 1)]
        spread = sum(((side.high - side.low) / 2) ** 2 for side in sides) ** 0.5
        rows_cover += abs(sides[0].value - sides[1].value) <= spread
    assert 550 < rows_cover < 700
    assert plausible(users_cover, 1000, 0.95)


def test_degenerate_groups(rng):
    assert simultaneous_differences(np.array([]), [], alpha=0.05, rng=rng) == {}
    assert simultaneous_differences(np.array([1.0, 2, 3]), [0, 0, 1], alpha=0.05, rng=rng) == {}
    values = np.array([1.0, 2, np.nan, 4, 4, 7])
    kept = simultaneous_differences(values, [3, 3, 3, 8, 8, 9], alpha=0.05, rng=rng)
    assert list(kept) == [(3, 8)] and kept[3, 8].value == pytest.approx(-2.5) and kept[3, 8].n == 4
    still = simultaneous_differences(np.array([1.0, 1, 2, 2]), [0, 0, 1, 1], alpha=0.05, rng=rng)
    assert still[0, 1].low == still[0, 1].high == -1


@settings(max_examples=15)
@given(st.lists(st.integers(0, 6).map(float), min_size=4, max_size=6), st.integers(1, 2))
def test_chance_range_is_that_of_all_deals(values, first):
    groups = np.array([0] * first + [1] * (len(values) - first - 1) + [2])
    result = bias_corrected_range(np.array(values), groups, rng=np.random.default_rng(1), n_permutations=4000)
    every = [
        np.ptp([np.mean(np.array(deal)[groups == g]) for g in range(3)]) for deal in permutations(values)
    ]
    share = np.mean(np.array(every) >= result.raw - 1e-9)
    assert result.raw == pytest.approx(np.ptp([np.mean(np.array(values)[groups == g]) for g in range(3)]))
    assert result.chance == pytest.approx(np.mean(every), abs=0.12)
    assert result.value == pytest.approx(result.raw - result.chance)
    assert result.p_value == pytest.approx(share, abs=0.04)


def test_corrected_range_is_zero_on_average_and_its_p_uniform(rng):
    groups = np.repeat(np.arange(4), [5, 10, 20, 40])
    results = [
        bias_corrected_range(rng.normal(size=75), groups, rng=rng, n_permutations=199) for _ in range(400)
    ]
    corrected = np.array([result.value for result in results])
    assert abs(corrected.mean()) < 3 * corrected.std() / 20
    assert np.mean([result.raw for result in results]) > 0.5
    assert stats.kstest([result.p_value for result in results], "uniform").pvalue > 0.01


def test_range_of_one_group_is_not_estimable(rng):
    assert bias_corrected_range(np.array([1.0, 2.0]), [1, 1], rng=rng) is None
    assert bias_corrected_range(np.array([]), [], rng=rng) is None
    alike = bias_corrected_range(np.ones(6), [0, 0, 1, 1, 2, 2], rng=rng, n_permutations=99)
    assert (alike.raw, alike.value, alike.p_value) == (0, 0, 1)
