"""Exposure against brute force, its chance level, and intervals that count canaries and references."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.probes.stats.exposure import (
    chance_exposure,
    excess_exposure,
    exposures,
    ordered_share,
    rank_sum_p,
)
from scipy import stats

scores = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=12)


@given(scores, scores)
def test_exposure_is_the_mean_over_the_ranks_that_a_canary_may_have(canaries, references):
    expected = []
    for own in canaries:
        better, alike = sum(r > own for r in references), sum(r == own for r in references)
        ranks = 1 + better + np.arange(alike + 1)
        expected.append(np.mean(np.log2((len(references) + 1) / ranks)))
    assert exposures(canaries, references) == pytest.approx(np.array(expected))


def test_counted_by_hand():
    assert exposures([9, 2.5, 0], [1, 2, 3]) == pytest.approx([2, 1, 0])
    assert chance_exposure(3) == pytest.approx((2 + 1 + np.log2(4 / 3) + 0) / 4)
    assert chance_exposure(10**6) == pytest.approx(1 / np.log(2), abs=1e-4)


def test_exposure_by_chance_is_a_p_value(rng, plausible):
    """A canary drawn like its references: P(exposure >= e) = 2^-e, on the ranks that exist."""
    found = np.concatenate([exposures(rng.normal(size=1), rng.normal(size=127)) for _ in range(4000)])
    for bits in (1, 2, 3, 5):
        assert plausible(int((found >= bits).sum()), 4000, 2.0**-bits)
    assert found.mean() == pytest.approx(chance_exposure(127), abs=0.08)


@given(scores, scores.filter(lambda own: len(own) > 1))
def test_monotone_transforms_and_order_change_nothing(canaries, references):
    moved = exposures(np.exp(canaries), np.exp(references[::-1]))
    assert moved == pytest.approx(exposures(canaries, references))


def test_all_alike_is_exactly_chance():
    found = excess_exposure(np.zeros(20), np.zeros(99), alpha=0.05)
    assert found.value == pytest.approx(0) and found.low < 0 < found.high
    assert rank_sum_p(np.zeros(20), np.zeros(99)) >= 0.5


def test_all_on_top_gets_a_rule_of_three():
    found = excess_exposure(np.ones(20), np.zeros(99), alpha=0.05)
    most = np.log2(100) - chance_exposure(99)
    assert found.value == found.high == pytest.approx(most)
    assert found.low == pytest.approx(most - np.log2(100) * (1 - 0.05 ** (1 / 20)))


def test_the_standard_error_is_that_of_many_worlds(rng):
    """Few references: what they add to the variance must be in it."""
    worlds = [excess_exposure(rng.normal(0.7, 1, 60), rng.normal(size=40), alpha=0.05) for _ in range(600)]
    spread = np.std([world.value for world in worlds])
    assert np.mean([world.se for world in worlds]) == pytest.approx(spread, rel=0.12)
    canaries_alone = np.std(
        [
            exposures(rng.normal(0.7, 1, 60), stats.norm.ppf((np.arange(40) + 0.5) / 40)).mean()
            for _ in range(300)
        ]
    )
    assert spread > 1.2 * canaries_alone


def test_by_chance_the_interval_lies_above_zero_as_seldom_as_it_says(rng, plausible):
    above = sum(
        excess_exposure(rng.normal(size=30), rng.normal(size=199), alpha=0.05).low > 0 for _ in range(600)
    )
    assert above <= 0.05 * 600 + 13


def test_too_few_or_no_references():
    assert excess_exposure([1.0], [0.0, 1.0], alpha=0.05) is None
    for canaries, references in (([1.0], []), ([np.nan], [1.0]), ([1.0], [np.nan])):
        with pytest.raises(ValueError, match="needs references"):
            exposures(canaries, references)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=12))
def test_ordered_share_counts_pairs_of_different_dose(units):
    values, doses = np.array(units, dtype=float).T
    wins = [
        (values[i] < values[j]) + 0.5 * (values[i] == values[j])
        for i in range(len(units))
        for j in range(len(units))
        if doses[i] < doses[j]
    ]
    found = ordered_share(values, doses, alpha=0.05)
    if found is not None:
        assert found.value == pytest.approx(np.mean(wins)) and found.low <= found.value <= found.high
    if not wins:
        assert found is None


def test_ordered_share_tells_a_trend_and_none_where_there_is_none(rng):
    doses = np.repeat([1, 3, 9], 15)
    assert ordered_share(rng.normal(0.5 * doses, 1), doses, alpha=0.05).low > 0.5
    flat = [ordered_share(rng.normal(size=45), doses, alpha=0.05) for _ in range(400)]
    assert np.mean([share.value for share in flat]) == pytest.approx(0.5, abs=0.015)
    assert 0.03 < np.mean([share.low > 0.5 for share in flat]) < 0.085
