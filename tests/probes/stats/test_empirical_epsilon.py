"""Lower bounds on epsilon: published figures, brute force, and never above the truth where it is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.probes.stats.canary_guesses import (
    Guesses,
    one_run_bound,
    one_run_gaussian_bound,
    two_sided_bounds,
)
from recaudit.probes.stats.empirical_epsilon import (
    gaussian_epsilon,
    one_run_epsilon,
    one_run_gaussian_epsilon,
    one_run_p,
    two_sided_epsilon,
    two_sided_gaussian_epsilon,
)
from scipy import stats

SHARES = (1.0, 0.5, 0.1)
FEW, MANY = (1000, 100, 75), (100_000, 1510, 1439)

# Pins and oracles


@pytest.mark.parametrize(
    ("counts", "delta", "any_mechanism", "gaussian"),
    [(FEW, 1e-4, 0.67298, 0.84172), (MANY, 1e-5, 2.67585, 3.30908)],
)
def test_published_figures(counts, delta, any_mechanism, gaussian):
    assert one_run_epsilon(*counts, delta=delta, alpha=0.05) == pytest.approx(any_mechanism, abs=1e-5)
    assert one_run_gaussian_epsilon(*counts, delta=delta, alpha=0.05) == pytest.approx(gaussian, abs=2e-5)


@pytest.mark.parametrize(
    ("n", "two_sided", "one_run"),
    [
        (50, 2.57, 2.79),
        (100, 3.28, 3.49),
        (250, 4.21, 4.42),
        (500, 4.91, 5.11),
        (1000, 5.60, 5.81),
        (5000, 7.21, 7.42),
    ],
)
def test_no_attack_shows_more_than_the_sample_allows(n, two_sided, one_run):
    """Without an error the upper rate is 1 - .025^(1/n), and one run needs q^n = .05."""
    rate = 1 - 0.025 ** (1 / n)
    found = float(two_sided_epsilon(0, n, 0, n, delta=0, alpha=0.05))
    assert found == pytest.approx(np.log((1 - rate) / rate)) == pytest.approx(two_sided, abs=0.006)
    q = 0.05 ** (1 / n)
    found = one_run_epsilon(n, n, n, delta=0, alpha=0.05)
    assert found == pytest.approx(np.log(q / (1 - q)), abs=1e-6) == pytest.approx(one_run, abs=0.006)


@given(st.data(), st.integers(1, 30), st.floats(0, 5), st.sampled_from([0, 1e-6, 1e-3, 0.2]))
def test_one_run_p_is_the_published_sum(data, r, epsilon, delta):
    v, m = data.draw(st.integers(0, r)), r + data.draw(st.integers(0, 20))
    law = stats.binom(r, 1 / (1 + np.exp(-epsilon)))
    beyond = [sum(law.pmf(j) for j in range(v - i, v)) / i for i in range(1, v + 1)]
    expected = min(1.0, law.sf(v - 1) + 2 * m * delta * max(beyond, default=0.0))
    assert one_run_p(m, r, v, epsilon=epsilon, delta=delta) == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 40), st.integers(0, 40), st.sampled_from([0, 1e-5, 0.1]))
def test_two_sided_bound_is_the_better_of_both_odds(false_positives, false_negatives, delta):
    def upper(count):
        return stats.beta.ppf(0.975, count + 1, 40 - count) if count < 40 else 1.0

    fpr, fnr = upper(false_positives), upper(false_negatives)
    odds = [(1 - delta - fpr) / fnr, (1 - delta - fnr) / fpr]
    expected = np.log(max(1.0, *odds))
    found = float(two_sided_epsilon(false_positives, 40, false_negatives, 40, delta=delta, alpha=0.05))
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("mu", [0.05, 0.5, 1.0, 4.0])
@pytest.mark.parametrize("delta", [1e-6, 1e-3])
def test_gaussian_epsilon_solves_its_equation(mu, delta):
    epsilon = gaussian_epsilon(mu, delta=delta)
    gone = stats.norm.cdf(mu / 2 - epsilon / mu)
    gone -= np.exp(epsilon + stats.norm.logcdf(-mu / 2 - epsilon / mu))
    assert gone == pytest.approx(delta, rel=1e-4)
    assert gaussian_epsilon(1.0, delta=1e-5) == pytest.approx(4.38, abs=0.005)


def test_gaussian_epsilon_agrees_with_opacus():
    gdp = pytest.importorskip("opacus.accountants.analysis.gdp")
    assert gaussian_epsilon(1.3, delta=1e-5) == pytest.approx(gdp.eps_from_mu(mu=1.3, delta=1e-5), abs=1e-4)


def test_bounds_agree_with_jax_privacy():
    """An optional comparison: jax-privacy is no dependency of ours."""
    theirs = pytest.importorskip("jax_privacy.auditing", exc_type=ImportError)
    for counts in ((400, 100, 80), (2000, 2000, 1300), (50, 50, 50)):
        ours = one_run_epsilon(*counts, delta=1e-5, alpha=0.05)
        assert ours == pytest.approx(theirs._epsilon_one_run(0.0, *counts, 0.05, 1e-5), abs=1e-5)
        ours = one_run_gaussian_epsilon(*counts, delta=1e-5, alpha=0.05)
        assert ours == pytest.approx(theirs._epsilon_one_run_fdp(1e-3, *counts, 0.05, 1e-5), abs=1e-3)


# What must hold of any such bound


@given(st.data(), st.integers(1, 300), st.sampled_from([0, 1e-5, 1e-3]))
def test_more_right_guesses_show_more_and_more_doubt_shows_less(data, r, delta):
    v = data.draw(st.integers(0, r - 1))
    bound = one_run_epsilon(r, r, v, delta=delta, alpha=0.05)
    assert one_run_epsilon(r, r, v + 1, delta=delta, alpha=0.05) >= bound
    assert one_run_epsilon(2 * r, r, v, delta=delta, alpha=0.05) <= bound
    assert one_run_epsilon(r, r, v, delta=delta, alpha=0.01) <= bound
    if 2 * v <= r:
        assert bound == 0


@pytest.mark.parametrize("k", [2, 5, 40])
def test_one_unit_of_many_is_bound_through_the_group(k):
    unit = one_run_epsilon(400, 400, 380, delta=1e-6, alpha=0.05, group_size=k)
    widened = 1e-6 * k * np.exp((k - 1) * unit)
    assert one_run_p(400, 400, 380, epsilon=k * unit, delta=widened) == pytest.approx(0.05, abs=1e-5)
    assert unit * k < one_run_epsilon(400, 400, 380, delta=1e-6, alpha=0.05)
    alone = one_run_epsilon(400, 400, 380, delta=0, alpha=0.05)
    assert one_run_epsilon(400, 400, 380, delta=0, alpha=0.05, group_size=k) * k == pytest.approx(alone)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: one_run_p(10, 5, 6, epsilon=1, delta=0), "v <= r"),
        (lambda: one_run_p(10, 11, 6, epsilon=1, delta=0), "r <= m"),
        (lambda: one_run_p(10, 8, 6, epsilon=-1, delta=0), "epsilon >= 0"),
        (lambda: one_run_gaussian_epsilon(10, 5, 6, delta=1e-5, alpha=0.05), "v <= r"),
        (lambda: gaussian_epsilon(1.0, delta=0.0), "0 < delta < 1"),
        (lambda: two_sided_epsilon(11, 10, 0, 10, delta=0, alpha=0.05), "errors must lie"),
        (lambda: Guesses.of(np.array([1.0]), np.array([True]), 1.0, np.random.default_rng()), "at least two"),
        (
            lambda: Guesses.of(np.array([1.0, np.nan]), np.ones(2, bool), 1.0, np.random.default_rng()),
            "1 NaN",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_words(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_nobody_on_a_side_shows_nothing():
    assert float(two_sided_epsilon(0, 0, 0, 50, delta=0, alpha=0.05)) == 0
    assert two_sided_gaussian_epsilon(0, 0, 0, 50, delta=1e-5, alpha=0.05) == 0


# From scores to guesses


def test_guesses_take_the_ends_of_the_scores(rng):
    scores = np.array([5.0, 1, 4, 2, 3, 0])
    included = np.array([True, False, False, True, True, True])
    assert Guesses.of(scores, included, 1.0, rng) == Guesses(m=6, r=6, v=3)
    assert Guesses.of(scores, included, 0.4, rng) == Guesses(m=6, r=2, v=1)
    assert Guesses.of(scores, included, 0.01, rng).r == 2


def test_equal_scores_are_guessed_by_lot(rng):
    """Members first in the table must not be found by their place in it."""
    included = np.arange(200) < 100
    right = [Guesses.of(np.zeros(200), included, 0.5, rng).v for _ in range(300)]
    assert np.mean(right) == pytest.approx(50, abs=1.5)


def all_bounds(scores, included, rng, *, delta=1e-5, alpha=0.05):
    guesses = [Guesses.of(scores, included, share, rng) for share in SHARES]
    return [
        one_run_bound(guesses, delta=delta, alpha=alpha),
        one_run_gaussian_bound(guesses, delta=delta, alpha=alpha),
        *two_sided_bounds(scores, included, delta=delta, alpha=alpha, rng=rng),
    ]


def gaussian_world(mu, rng, n=300):
    """The Gaussian mechanism: each person's own sum with noise of standard deviation 1 / mu."""
    included = rng.random(n) < 0.5
    return included + rng.normal(0, 1 / mu if mu else 1e9, n), included


@pytest.mark.parametrize(("mu", "worlds"), [(0.0, 500), (0.3, 500), (1.0, 150)])
def test_the_bound_exceeds_the_truth_in_few_worlds(mu, worlds):
    epsilon = gaussian_epsilon(mu, delta=1e-5)
    found = np.zeros(4)
    for seed in range(worlds):
        rng = np.random.default_rng(seed)
        found += [bound.low > epsilon for bound in all_bounds(*gaussian_world(mu, rng), rng)]
    assert (found <= stats.binom.ppf(0.99, worlds, 0.05)).all()
    assert stats.binom.ppf(0.99, 500, 0.05) <= 37


def test_a_training_without_privacy_is_told_and_no_more_than_could_be(rng):
    for bound in all_bounds(*gaussian_world(20.0, rng), rng):
        assert 2.5 < bound.low == pytest.approx(bound.largest, rel=0.25)
        assert bound.low <= bound.largest + 1e-6 and bound.low < bound.value


def test_shares_of_the_people_cost_error_budget(rng):
    scores, included = gaussian_world(20.0, rng)
    (alone,) = [Guesses.of(scores, included, 1.0, rng)]
    joint = one_run_bound([alone, alone, alone], delta=1e-5, alpha=0.06)
    assert joint.low == pytest.approx(one_run_bound([alone], delta=1e-5, alpha=0.02).low)
