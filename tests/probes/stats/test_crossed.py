"""The mean of crossed rows against statsmodels' two-way clusters, and in simulated worlds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.probes.stats.crossed import crossed_mean
from scipy.stats import t


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(3, 9), st.integers(3, 9))
def test_the_error_is_two_way_clustered(seed, users, words):
    from statsmodels.regression.linear_model import OLS
    from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

    rng = np.random.default_rng(seed)
    first, second = np.repeat(np.arange(users), words), np.tile(np.arange(words), users)
    values = rng.normal(size=users)[first] + rng.normal(size=words)[second] + rng.normal(size=len(first))
    both, one, other = cov_cluster_2groups(OLS(values, np.ones(len(values))).fit(), first, second)
    found = crossed_mean(values, first, second, alpha=0.05)
    scale = (len(values) - 1) / len(values)
    parts = [float(np.squeeze(part)) * scale for part in (one, other)]
    assert found.value == pytest.approx(values.mean())
    assert found.se**2 >= max(parts) * (1 - 1e-9) or found.se**2 == pytest.approx(float(np.squeeze(both)))
    reach = t.ppf(0.95, min(users, words) - 1) * found.se
    assert (found.low, found.high) == pytest.approx((values.mean() - reach, values.mean() + reach))


def test_it_holds_for_other_words_where_counting_users_does_not(rng, plausible):
    users, words, wrong, naive = 60, 24, 0, 0
    first, second = np.repeat(np.arange(users), words), np.tile(np.arange(words), users)
    for _ in range(400):
        values = rng.normal(size=users)[first] * 0.1 + rng.normal(size=words)[second]
        found = crossed_mean(values, first, second, alpha=0.05)
        wrong += found.low > 0
        means = values.reshape(users, words).mean(axis=1)
        naive += means.mean() - 1.67 * means.std(ddof=1) / users**0.5 > 0
    assert wrong <= 400 * 0.085 and naive > 400 * 0.3


def test_needs_two_of_either_kind():
    values = np.array([1.0, 2.0, np.nan])
    assert crossed_mean(values, np.array([0, 1, 2]), np.zeros(3), alpha=0.05) is None
    assert crossed_mean(values, np.zeros(3), np.array([0, 1, 2]), alpha=0.05) is None
    assert crossed_mean(values, np.array([0, 1, 2]), np.array([0, 1, 2]), alpha=0.05).value == 1.5
