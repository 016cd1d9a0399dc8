"""Thousands of simulated audits: every interval end is wrong as often as it says, and no more."""

import numpy as np
import pytest
from recaudit.probes.stats.auc import delong, user_auc, user_bootstrap_auc
from recaudit.probes.stats.bootstrap import bootstrap_ratio
from recaudit.probes.stats.calibration import cross_fitted_ece
from recaudit.probes.stats.differences import simultaneous_differences
from recaudit.probes.stats.intervals import mean_of_clusters, ratio_of_sums
from recaudit.probes.stats.simultaneous import simultaneous_means
from scipy import stats

pytestmark = pytest.mark.slow
ALPHA, AUDITS = 0.05, 3000


def skewed_mean(rng):
    return mean_of_clusters(rng.gamma(4, 1, 100) - 4, alpha=ALPHA), 0.0


def uneven_ratio(rng):
    rows = rng.geometric(1 / 40, 60) + 5
    events = rng.binomial(rows, np.clip(0.4 + 0.15 * rng.standard_normal(60), 0, 1))
    return ratio_of_sums(events, rows, alpha=ALPHA), 0.4


def bootstrapped_ratio(rng):
    rows = rng.geometric(1 / 40, 60) + 5
    events = rng.binomial(rows, np.clip(0.4 + 0.15 * rng.standard_normal(60), 0, 1))
    return bootstrap_ratio(events, rows, alpha=ALPHA, rng=rng, n_boot=499, studentised=True), 0.4


def independent_auc(rng):
    return delong(rng.normal(1, 1, 60), rng.normal(size=90), alpha=ALPHA), stats.norm.cdf(0.5**0.5)


def clustered_scores(rng):
    user, positive = np.repeat(np.arange(60), 8), np.arange(60) % 2 == 0
    return rng.normal(size=60)[user] + rng.normal(size=480), positive[user], user


def clustered_auc(rng):
    return user_auc(*clustered_scores(rng), alpha=ALPHA), 0.5


def bootstrapped_auc(rng):
    return user_bootstrap_auc(*clustered_scores(rng), alpha=ALPHA, rng=rng, n_boot=299), 0.5


def group_gap(rng):
    values = rng.normal(size=80) * np.repeat([1.0, 3.0], [60, 20])
    return simultaneous_differences(values, np.repeat([0, 1], [60, 20]), alpha=ALPHA, rng=rng)[0, 1], 0.0


def calibration_at_its_error(rng):
    user = np.repeat(np.arange(60), 40)
    p = np.where(rng.random(2400) < 0.5, 0.3, 0.7)
    y = rng.random(2400) < p + np.where(p < 0.5, 0.1, -0.1)
    return cross_fitted_ece(p, y, user, alpha=ALPHA, rng=rng), 0.1


@pytest.mark.parametrize(
    ("audit", "highest"),
    [
        (skewed_mean, 0.07),
        (uneven_ratio, 0.06),
        (bootstrapped_ratio, 0.06),
        (independent_auc, 0.055),
        (clustered_auc, 0.06),
        (bootstrapped_auc, 0.065),
        (group_gap, 0.055),
        (calibration_at_its_error, 0.055),
    ],
)
def test_each_end_is_wrong_about_as_often_as_alpha(rng, audit, highest):
    low = high = 0
    for _ in range(AUDITS):
        interval, truth = audit(rng)
        low, high = low + (interval.low > truth), high + (interval.high < truth)
    assert max(low, high) <= stats.binom.ppf(0.995, AUDITS, highest), (low, high)
    assert low + high >= stats.binom.ppf(0.005, AUDITS, 0.085), (low, high)


@pytest.mark.parametrize(("n_users", "n_rows", "shared"), [(20, 3, 0.0), (20, 12, 1.0), (100, 40, 0.5)])
def test_families_fail_about_as_often_as_alpha(rng, n_users, n_rows, shared):
    low = high = 0
    for _ in range(AUDITS):
        effects = shared * rng.normal(size=(n_users, 1)) + rng.normal(size=(n_users, n_rows))
        rows = simultaneous_means(effects, alpha=ALPHA, rng=rng, n_flips=999)
        low, high = low + any(row.low > 0 for row in rows), high + any(row.high < 0 for row in rows)
    for wrong in (low, high):
        assert stats.binom.ppf(0.005, AUDITS, 0.045) <= wrong <= stats.binom.ppf(0.995, AUDITS, 0.055)


@pytest.mark.parametrize("sizes", [(30, 30, 30), (15, 40, 80, 30, 60)])
def test_group_families_hold_at_their_margin(rng, sizes):
    """Two camps, 5 apart: every pair across them is at the margin."""
    groups, wrong = np.repeat(np.arange(len(sizes)), sizes), 0
    for _ in range(AUDITS):
        values = rng.normal(5 * (groups % 2), 1 + groups / 2)
        result = simultaneous_differences(values, groups, alpha=ALPHA, rng=rng, n_draws=999)
        wrong += any(pair.low > 5 or pair.high < -5 for pair in result.values())
    assert stats.binom.ppf(0.005, AUDITS, 0.02) <= wrong <= stats.binom.ppf(0.995, AUDITS, 0.055)
