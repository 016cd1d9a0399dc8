"""The user bootstrap against explicit resampling and scipy's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.probes.stats.bootstrap import (
    block_sizes,
    bootstrap_ratio,
    cluster_bootstrap,
    multinomial_counts,
    percentile_interval,
)
from recaudit.probes.stats.intervals import ratio_of_sums
from scipy import stats

seeds = st.integers(0, 2**32 - 1)


@given(st.integers(0, 40), st.integers(1, 60), seeds)
def test_every_resample_draws_as_many_clusters(n, boots, seed):
    counts = multinomial_counts(n, boots, np.random.default_rng(seed))
    assert counts.shape == (boots, n)
    assert (counts.sum(axis=1) == n).all() and (counts >= 0).all()


def test_counts_are_multinomial(rng):
    counts = multinomial_counts(7, 20000, rng)
    assert counts.mean(axis=0) == pytest.approx(np.ones(7), abs=0.03)
    assert counts.var(axis=0) == pytest.approx(np.full(7, 6 / 7), abs=0.05)
    assert np.cov(counts.T)[0, 1] == pytest.approx(-1 / 7, abs=0.03)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), seeds)
def test_strata_keep_their_sizes(labels, seed):
    labels = np.array(labels)
    for label in np.unique(labels):
        sizes = cluster_bootstrap(
            lambda weights, label=label: weights[:, labels == label].sum(axis=1),
            len(labels),
            rng=np.random.default_rng(seed),
            n_boot=20,
            strata=labels,
        )
        assert (sizes == (labels == label).sum()).all()


@given(st.integers(0, 5000), st.integers(0, 10**7))
def test_blocks_add_up(total, width):
    sizes = block_sizes(total, width)
    assert sum(sizes) == total and all(size > 0 for size in sizes)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), min_size=2, max_size=12), seeds)
def test_weighted_sums_equal_pasting_the_drawn_users_together(pairs, seed):
    a, b = np.array(pairs, dtype=float).T
    interval = bootstrap_ratio(a, b, alpha=0.05, rng=np.random.default_rng(seed), n_boot=99)
    counts = multinomial_counts(len(a), 99, np.random.default_rng(seed))
    pasted = []
    for row in counts:
        drawn = [user for user, times in enumerate(row) for _ in range(times)]
        pasted.append(sum(a[user] for user in drawn) / sum(b[user] for user in drawn))
    pasted.sort()
    value = a.sum() / b.sum()
    assert interval.low == pytest.approx(min(pasted[4], value), abs=1e-9)
    assert interval.high == pytest.approx(max(pasted[94], value), abs=1e-9)


def test_blocks_do_not_change_what_is_drawn(rng):
    x = rng.normal(size=3000)
    draws = cluster_bootstrap(lambda weights: weights @ x / 3000, 3000, rng=rng, n_boot=500)
    assert draws.shape == (500,)
    assert draws.std() == pytest.approx(x.std() / 3000**0.5, rel=0.15)


def test_ends_agree_with_scipys_bootstrap(rng):
    a, b = rng.gamma(2, size=60), rng.integers(5, 30, 60).astype(float)
    ours = bootstrap_ratio(a, b, alpha=0.05, rng=rng, n_boot=20000)
    theirs = stats.bootstrap(
        (a, b),
        lambda x, y, axis=-1: x.sum(axis) / y.sum(axis),
        paired=True,
        vectorized=True,
        method="percentile",
        confidence_level=0.9,
        n_resamples=20000,
        rng=rng,
    )
    expected = theirs.confidence_interval
    assert ours.se == pytest.approx(theirs.standard_error, rel=0.04)
    assert ours.low == pytest.approx(expected.low, abs=0.1 * ours.se)
    assert ours.high == pytest.approx(expected.high, abs=0.1 * ours.se)


def test_studentised_ends_are_the_bootstrap_t_of_the_textbook():
    a, b = np.array([3.0, 1, 4, 1, 5, 9, 2, 6]), np.array([5.0, 3, 5, 8, 9, 7, 9, 3])
    ours = bootstrap_ratio(a, b, alpha=0.1, rng=np.random.default_rng(3), n_boot=199, studentised=True)

    def ratio_and_se(x, y):
        ratio = x.sum() / y.sum()
        return ratio, np.sqrt(np.square(x - ratio * y).sum()) / y.sum()

    value, se = ratio_and_se(a, b)
    pivots = []
    for row in multinomial_counts(8, 199, np.random.default_rng(3)):
        drawn = np.repeat(np.arange(8), row)
        ratio, spread = ratio_and_se(a[drawn], b[drawn])
        pivots.append((ratio - value) / spread)
    pivots.sort()
    assert (ours.low, ours.high) == pytest.approx((value - pivots[179] * se, value - pivots[19] * se))


def test_few_users_studentised_is_closer_to_its_level_than_percentile(rng):
    misses = {True: 0, False: 0}
    for _ in range(400):
        rows = rng.geometric(1 / 40, 12) + 5
        events = rng.binomial(rows, np.clip(0.4 + 0.15 * rng.standard_normal(12), 0, 1))
        for studentised in misses:
            interval = bootstrap_ratio(events, rows, alpha=0.05, rng=rng, n_boot=299, studentised=studentised)
            misses[studentised] += not interval.low <= 0.4 <= interval.high
    assert misses[True] < misses[False]
    assert misses[True] < 0.16 * 400


@pytest.mark.parametrize("studentised", [False, True])
def test_percentile_and_t_agree_with_many_users(rng, studentised):
    a, b = rng.normal(1, 1, 800), rng.integers(5, 15, 800).astype(float)
    boot = bootstrap_ratio(a, b, alpha=0.05, rng=rng, n_boot=4000, studentised=studentised)
    t = ratio_of_sums(a, b, alpha=0.05)
    assert (boot.low, boot.high) == pytest.approx((t.low, t.high), abs=0.15 * t.se)
    assert boot.se == pytest.approx(t.se, rel=0.05)


def test_undefined_resamples_make_it_not_estimable():
    draws = np.linspace(0, 1, 100)
    draws[:4] = np.nan
    assert percentile_interval(0.5, draws, alpha=0.05, n=9, clusters=9) is not None
    draws[:6] = np.nan
    assert percentile_interval(0.5, draws, alpha=0.05, n=9, clusters=9) is None
    assert percentile_interval(np.nan, np.ones(100), alpha=0.05, n=9, clusters=9) is None


@settings(max_examples=30)
@given(st.lists(st.floats(-5, 5), min_size=40, max_size=60), st.floats(-9, 9))
def test_the_estimate_lies_in_its_interval(draws, value):
    interval = percentile_interval(value, np.array(draws), alpha=0.05, n=9, clusters=9)
    assert interval.low <= value <= interval.high


def test_degenerate_input(rng):
    assert bootstrap_ratio([], [], alpha=0.05, rng=rng) is None
    assert bootstrap_ratio([1], [1], alpha=0.05, rng=rng) is None
    assert bootstrap_ratio([1, 2], [0, 0], alpha=0.05, rng=rng) is None
    same = bootstrap_ratio([0.1, 0.2, 0.3], [1, 2, 3], alpha=0.05, rng=rng, studentised=True)
    assert same.low == same.high == same.value == pytest.approx(0.1)
    lone = bootstrap_ratio([0, 0, 0, 1], [9, 9, 9, 9], alpha=0.05, rng=rng, studentised=True)
    assert lone is None
    with pytest.raises(ValueError, match="use 100 or more"):
        bootstrap_ratio([1, 2, 3], [4, 5, 6], alpha=0.01, rng=rng, n_boot=50)
