"""Shrinkage against James and Stein's estimator, Paule and Mandel's equation, and known worlds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.probes.stats.shrinkage import shrunken_means, shrunken_rates
from scipy import optimize

numbers = st.floats(-5, 5).map(lambda value: round(value, 3))
many = st.lists(numbers, min_size=4, max_size=12)


@settings(max_examples=50)
@given(many)
def test_with_equal_errors_it_is_james_and_steins(means):
    m, v = np.array(means), 0.25
    found = shrunken_means(m, np.full(len(m), 0.5))
    around = np.square(m - m.mean()).sum()
    # Where chance explains the spread, A is 0 and the pull (k - 3)/(k - 1) at most.
    pull = (len(m) - 3) * v / max(around, (len(m) - 1) * v)
    np.testing.assert_allclose(found.values, m - pull * (m - m.mean()), atol=1e-6)
    assert found.centre == pytest.approx(m.mean(), abs=1e-9)


@settings(max_examples=50)
@given(many, st.lists(st.floats(0.1, 2), min_size=12, max_size=12))
def test_the_spread_between_groups_solves_paule_and_mandels_equation(means, errors):
    m, v = np.array(means), np.square(errors[: len(means)])

    def squares(a):
        w = 1 / (v + a)
        return (w * np.square(m - np.average(m, weights=w))).sum()

    found = shrunken_means(m, np.sqrt(v)).spread ** 2
    if squares(0) <= len(m) - 1:
        assert found == 0
    else:
        assert found == pytest.approx(optimize.brentq(lambda a: squares(a) - len(m) + 1, 0, 1e4), abs=1e-6)


@settings(max_examples=50)
@given(many, st.lists(st.floats(0.1, 2), min_size=12, max_size=12))
def test_estimates_lie_between_group_and_centre(means, errors):
    m, se = np.array(means), np.array(errors[: len(means)])
    found = shrunken_means(m, se)
    low, high = np.minimum(m, found.centre), np.maximum(m, found.centre)
    assert ((found.values >= low - 1e-9) & (found.values <= high + 1e-9)).all()
    interval = found.interval(0, alpha=0.05, n=7, clusters=5)
    assert interval.low < interval.value < interval.high and (interval.n, interval.clusters) == (7, 5)


def test_up_to_three_groups_stay_as_they_are():
    found = shrunken_means([0.1, 0.5, 0.9], [0.1, 0.2, 0.3])
    np.testing.assert_allclose(found.values, [0.1, 0.5, 0.9])
    np.testing.assert_allclose(found.errors, [0.1, 0.2, 0.3])


def test_refuses_what_has_no_error():
    with pytest.raises(ValueError, match="standard error above 0"):
        shrunken_means([0.1, 0.2], [0.1, 0.0])


@pytest.mark.parametrize("spread", [0.0, 0.1, 0.4])
def test_it_is_nearer_to_the_truth_and_its_intervals_hold_on_average(rng, spread):
    errors = np.linspace(0.05, 0.3, 12)
    nearer, inside = [], []
    for _ in range(400):
        truth = 0.5 + spread * rng.normal(size=12)
        means = truth + errors * rng.normal(size=12)
        found = shrunken_means(means, errors)
        nearer.append(np.square(means - truth).sum() - np.square(found.values - truth).sum())
        inside.append(np.abs(found.values - truth) < 1.645 * found.errors)
    assert np.mean(nearer) > 0 and np.mean(inside) > 0.89


@settings(max_examples=50)
@given(st.lists(st.integers(0, 20), min_size=2, max_size=8))
def test_rates_are_the_mean_of_a_beta_posterior(counts):
    """Whatever the pull, mu + pull (p - mu) is (s mu + n p) / (s + n) for the prior's size s."""
    n, p = 20, np.array(counts) / 20
    found = shrunken_rates(p, np.full(len(p), n))
    mu = p.mean()
    pull = np.ptp(found) / np.ptp(p) if np.ptp(p) else 0.0
    assert 0 <= pull <= 1 + 1e-9
    np.testing.assert_allclose(found, mu + pull * (p - mu), atol=1e-9)
    if 0 < pull < 1:
        s = n * (1 - pull) / pull
        np.testing.assert_allclose(found, (s * mu + n * p) / (s + n), atol=1e-9)


def test_rates_find_the_spread_that_was_drawn(rng):
    truth = rng.beta(6, 4, 4000)
    p = rng.binomial(30, truth) / 30
    found = shrunken_rates(p, np.full(4000, 30))
    np.testing.assert_allclose(found, (6 + 30 * p) / (10 + 30), atol=0.02)


def test_rates_that_chance_explains_become_one():
    found = shrunken_rates([0.5, 0.52, 0.48, 0.5], np.full(4, 50))
    np.testing.assert_allclose(found, 0.5)
    np.testing.assert_array_equal(shrunken_rates([0.0, 0.0], [10, 10]), 0)


def test_many_tables_at_once_are_each_alone(rng):
    p, n = rng.random((5, 6)), rng.integers(5, 50, 6)
    together = shrunken_rates(p, n)
    np.testing.assert_allclose(together, [shrunken_rates(row, n) for row in p])
