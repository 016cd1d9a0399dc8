"""A gap measured in shares of the mean: Fieller's ends, Welch's spreads, and the level they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.probes.stats.differences import simultaneous_differences
from recaudit.probes.stats.intervals import t_quantile
from recaudit.probes.stats.relative import relative_differences
from scipy.optimize import brentq

ALPHA = 0.05


def relative(values, groups, *, compared=2, alpha=ALPHA, seed=0, n_draws=999):
    return relative_differences(
        values, groups, compared=compared, alpha=alpha, rng=np.random.default_rng(seed), n_draws=n_draws
    )


def sample(seed, sizes=(40, 25), means=(3.0, 2.0)):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return rng.normal(np.array(means)[groups], 1 + groups), groups


@given(seed=st.integers(0, 2**32 - 1))
def test_the_ends_are_where_the_studentised_gap_reaches_its_quantile(seed):
    """Found by a root search on each side of the estimate, from variances worked out apart."""
    values, groups = sample(seed)
    a, b = values[groups == 0], values[groups == 1]
    va, vb = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    df = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    wa, wb = len(a) / len(values), len(b) / len(values)

    def beyond(ratio):
        top = a.mean() - b.mean() - ratio * (wa * a.mean() + wb * b.mean())
        spread = np.sqrt((1 - ratio * wa) ** 2 * va + (1 + ratio * wb) ** 2 * vb)
        return abs(top) / spread - t_quantile(ALPHA, df)

    found = relative(values, groups)[0, 1]
    assert found.value == pytest.approx((a.mean() - b.mean()) / values.mean())
    assert found.low == pytest.approx(brentq(beyond, found.value - 5, found.value), abs=1e-8)
    assert found.high == pytest.approx(brentq(beyond, found.value, found.value + 5), abs=1e-8)


def test_with_a_mean_that_is_known_it_is_the_difference_over_it():
    """A hundred thousand users without spread fix the mean at 4, and take next to no part in the gap."""
    values, groups = sample(1)
    everyone = np.concatenate([values, np.full(100_000, 4.0)])
    found = relative(everyone, np.concatenate([groups, np.full(100_000, 2)]))[0, 1]
    plain = simultaneous_differences(values, groups, alpha=ALPHA, rng=np.random.default_rng(0))[0, 1]
    assert (found.low * 4, found.high * 4) == pytest.approx((plain.low, plain.high), abs=0.01)
    assert found.clusters == 65


def test_the_unit_cancels_and_the_order_turns_the_sign():
    values, groups = sample(2, sizes=(30, 30, 30), means=(3, 2, 4))
    found = relative(values, groups, compared=3, n_draws=20_000)
    scaled = relative(10 * values, groups, compared=3, n_draws=20_000)
    turned = relative(values, 2 - groups, compared=3, n_draws=20_000)
    for (a, b), one in found.items():
        assert (one.low, one.high) == pytest.approx((scaled[a, b].low, scaled[a, b].high))
        other = turned[2 - b, 2 - a]
        assert (one.value, one.low) == pytest.approx((-other.value, -other.high), abs=0.01)


def test_a_family_is_wider_than_one_pair_and_no_wider_than_bonferroni():
    values, groups = sample(3, sizes=(30, 30, 30), means=(3, 2, 4))
    joint = relative(values, groups, compared=3)[0, 1]
    alone = relative(values, groups, compared=2)[0, 1]
    bonferroni = relative(values, groups, compared=2, alpha=ALPHA / 3)[0, 1]
    assert bonferroni.low <= joint.low < alone.low < alone.high < joint.high <= bonferroni.high


def test_nothing_to_compare_and_means_like_zero_are_not_estimable():
    assert relative(np.ones(5), np.array([0, 0, 0, 0, 1])) == {}
    assert relative(np.array([]), np.array([])) == {}
    rng = np.random.default_rng(0)
    assert relative(rng.normal(0, 1, 60), np.repeat([0, 1], 30)) == {(0, 1): None}
    assert relative(np.zeros(60), np.repeat([0, 1], 30)) == {(0, 1): None}


def test_users_without_a_value_are_left_out():
    values, groups = sample(4)
    holed = np.concatenate([values, [np.nan, np.nan]])
    assert relative(holed, np.concatenate([groups, [0, 1]])) == relative(values, groups)


@pytest.mark.parametrize(("groups", "users"), [(2, 40), (2, 150), (4, 60)])
def test_fails_at_its_margin_about_as_often_as_alpha(plausible, groups, users):
    """Skewed values, many of them 0; the last group lies .2 of the mean below the others."""
    index, wrong = np.repeat(np.arange(groups), users), 0
    lost = 0.2 / (1 + 0.2 / groups)
    for seed in range(400):
        rng = np.random.default_rng(seed)
        values = np.where(rng.random(len(index)) < 0.4, rng.beta(1, 2, len(index)), 0)
        values *= np.where(index == groups - 1, 1 - lost, 1)
        found = relative(values, index, compared=groups, seed=seed).values()
        wrong += any(one is not None and (one.low > 0.2 or one.high < -0.2) for one in found)
    if groups == 2:
        assert plausible(wrong, 400, 0.05)
    assert wrong <= 400 * 0.08
