"""Joint intervals against Student's t, closed-form critical values, enumeration, and simulated families."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from recaudit.probes.stats._flips import flip_sums, joint_critical, studentised
from recaudit.probes.stats.intervals import mean_of_clusters, t_quantile
from recaudit.probes.stats.simultaneous import simultaneous_means
from scipy import stats

effects = arrays(
    float,
    st.tuples(st.integers(2, 12), st.integers(1, 4)),
    elements=st.one_of(st.integers(-20, 20).map(lambda x: x / 4), st.just(float("nan"))),
)
seeds = st.integers(0, 2**32 - 1)


def critical(interval):
    return (interval.high - interval.value) / interval.se


@settings(max_examples=50)
@given(effects, seeds)
def test_each_row_is_its_t_interval_or_wider_up_to_bonferroni(values, seed):
    rows = simultaneous_means(values, alpha=0.05, rng=np.random.default_rng(seed), n_flips=99)
    alone = [mean_of_clusters(column, alpha=0.05) for column in values.T]
    family = sum(row is not None for row in alone)
    for row, single, column in zip(rows, alone, values.T, strict=True):
        assert (row is None) == (single is None)
        if row is None:
            continue
        assert (row.value, row.se) == pytest.approx((single.value, single.se), abs=1e-9)
        assert row.clusters == np.count_nonzero(~np.isnan(column))
        bonferroni = mean_of_clusters(column, alpha=0.05 / family)
        assert bonferroni.low - 1e-9 <= row.low <= single.low + 1e-9
        assert single.high - 1e-9 <= row.high <= bonferroni.high + 1e-9


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=30), seeds)
def test_one_row_is_exactly_students_t(values, seed):
    [row] = simultaneous_means(np.array(values, float)[:, None], alpha=0.05, rng=np.random.default_rng(seed))
    alone = mean_of_clusters(values, alpha=0.05)
    assert (row.low, row.high) == pytest.approx((alone.low, alone.high))


@settings(max_examples=50)
@given(
    arrays(float, st.tuples(st.integers(2, 9), st.just(2)), elements=st.integers(-9, 9).map(float)),
    st.lists(st.sampled_from([-1, 1]), min_size=9, max_size=9),
)
def test_flipped_t_is_scipys_t_of_the_flipped_data(values, signs):
    flipped = values * np.array(signs)[: len(values), None]
    assume((np.ptp(flipped, axis=0) > 0).all())
    ours = studentised(flipped.sum(axis=0), np.square(values).sum(axis=0), np.full(2, len(values)))
    assert ours == pytest.approx(stats.ttest_1samp(flipped, 0.0).statistic, rel=1e-5, abs=1e-9)


def test_flip_sums_draw_every_sign_pattern_alike(rng):
    values = rng.normal(size=(4, 3))
    every = np.array([np.array(signs) @ values for signs in product([-1, 1], repeat=4)])
    drawn = flip_sums(values, 32000, rng)
    nearest = np.abs(drawn[:, None] - every).sum(axis=2)
    assert nearest.min(axis=1).max() < 1e-9
    assert stats.chisquare(np.bincount(nearest.argmin(axis=1), minlength=16)).pvalue > 0.001


def test_critical_value_is_an_order_statistic_of_the_maximum():
    draws = np.column_stack([np.arange(99.0), np.zeros(99)])
    assert joint_critical(draws, signs=np.ones(2), alpha=0.05) == 94
    assert joint_critical(draws[:5], signs=np.ones(2), alpha=0.05) == float("inf")


@pytest.mark.parametrize("n_rows", [2, 5, 20])
def test_independent_rows_need_sidak(rng, n_rows):
    rows = simultaneous_means(rng.normal(size=(2000, n_rows)), alpha=0.05, rng=rng)
    sidak = stats.norm.ppf(0.95 ** (1 / n_rows))
    assert [critical(row) for row in rows] == pytest.approx([sidak] * n_rows, abs=0.06)


def test_copies_of_one_row_cost_nothing(rng):
    copies = np.repeat(rng.normal(3, 1, (500, 1)), 6, axis=1)
    for row in simultaneous_means(copies, alpha=0.05, rng=rng):
        assert critical(row) == pytest.approx(t_quantile(0.05, 499), abs=0.06)


def test_copies_of_opposite_sign_cost_both_directions(rng):
    noise = rng.normal(size=(1000, 1))
    for row in simultaneous_means(np.hstack([noise + 5, noise - 5]), alpha=0.05, rng=rng):
        assert critical(row) == pytest.approx(stats.norm.ppf(0.975), abs=0.06)


@pytest.mark.parametrize("correlated", [0.0, 3.0])
def test_family_keeps_its_level_at_either_end(rng, plausible, correlated):
    low = high = 0
    for _ in range(600):
        values = correlated * rng.normal(size=(25, 1)) + rng.normal(size=(25, 6))
        values[rng.random(values.shape) < 0.1] = np.nan
        rows = simultaneous_means(values, alpha=0.05, rng=rng, n_flips=499)
        low, high = low + any(row.low > 0 for row in rows), high + any(row.high < 0 for row in rows)
    assert plausible(low, 600, 0.05) and plausible(high, 600, 0.05)


def test_effects_at_margins_of_both_signs_keep_the_level(rng, plausible):
    margin, wrong = np.array([5.0, -5.0, 5.0]), 0
    for _ in range(600):
        values = margin + rng.normal(size=(40, 1)) + 0.3 * rng.normal(size=(40, 3))
        rows = simultaneous_means(values, alpha=0.05, rng=rng, n_flips=499)
        wrong += any(row.low > 5 or row.high < -5 for row in rows)
    assert plausible(wrong, 600, 0.05)


def test_degenerate_rows(rng):
    values = np.array([[1, np.nan, 0, 0.1, np.inf], [2, 3, 0, 0.1, 1], [4, np.nan, 0, 0.1, 2]])
    plain = simultaneous_means(values, alpha=0.05, rng=rng)
    assert [row is None for row in plain] == [False, True, False, False, True]
    assert plain[2].low == plain[2].high == 0
    bounded = simultaneous_means(values[:, 2:4], alpha=0.05, rng=rng, bounds=(-1, 1))
    tight = simultaneous_means(np.full((3, 1), 0.1), alpha=0.05, rng=rng, bounds=(0, 0.1))
    assert (tight[0].low, tight[0].high) == (pytest.approx(0.1 * 0.05 ** (1 / 3)), 0.1)
    unseen = 1 - 0.025 ** (1 / 3)
    assert (bounded[0].low, bounded[0].high) == pytest.approx((-unseen, unseen))
    assert simultaneous_means(np.empty((0, 2)), alpha=0.05, rng=rng) == [None, None]
    assert simultaneous_means(np.empty((5, 0)), alpha=0.05, rng=rng) == []
