"""Calibration error against plain loops, on calibrated and on distorted probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.probes.stats.calibration import (
    binned_gaps,
    brier_score,
    consistency_null,
    cross_fitted_ece,
    expected_calibration_error,
    smooth_ece,
    user_bootstrap_ece,
)
from scipy import stats
from sklearn.metrics import brier_score_loss

outcomes = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 1)), min_size=1, max_size=60).map(
    lambda rows: (np.array([p for p, _ in rows]) / 20, np.array([y for _, y in rows]))
)


def answers(rng, n_users, rows_each, distort=lambda p: p):
    user = np.repeat(np.arange(n_users), rows_each)
    p = rng.beta(2, 2, size=len(user))
    return p, rng.random(len(user)) < np.clip(distort(p), 0, 1), user


@given(outcomes, st.integers(1, 12), st.sampled_from(["mass", "width"]))
def test_gaps_and_error_by_a_plain_loop(data, bins, binning):
    p, y = data
    cuts = np.quantile(p, np.arange(1, bins) / bins) if binning == "mass" else np.arange(1, bins) / bins
    members = {}
    for row, stated in enumerate(p):
        members.setdefault(sum(stated >= cut for cut in set(cuts.tolist())), []).append(row)
    table = binned_gaps(p, y, bins=bins, binning=binning)
    groups = [members[place] for place in sorted(members)]
    assert table.counts.tolist() == [len(group) for group in groups]
    assert table.stated == pytest.approx([p[group].mean() for group in groups])
    assert table.observed == pytest.approx([y[group].mean() for group in groups])
    error = sum(abs(y[group].mean() - p[group].mean()) * len(group) for group in groups) / len(p)
    assert expected_calibration_error(p, y, bins=bins, binning=binning) == pytest.approx(error)


@settings(max_examples=30)
@given(outcomes)
def test_brier_agrees_with_scikit_learn(data):
    p, y = data
    assert brier_score(p, y) == pytest.approx(brier_score_loss(y, p, pos_label=1))


@settings(max_examples=50)
@given(outcomes, st.integers(2, 8))
def test_error_lies_between_the_whole_gap_and_one(data, bins):
    p, y = data
    error = expected_calibration_error(p, y, bins=bins)
    assert abs((y - p).mean()) - 1e-12 <= error <= 1
    assert error == pytest.approx(expected_calibration_error(p[::-1], y[::-1], bins=bins))


def test_equal_mass_has_equal_mass(rng):
    table = binned_gaps(rng.random(1500), np.ones(1500), bins=15)
    assert table.counts.tolist() == [100] * 15


def test_double_softmax_looks_miscalibrated(rng):
    """Softmax of two probabilities keeps them in [.269, .731]: a calibrated model shows about .146."""
    p = rng.random(200_000)
    y = rng.random(200_000) < p
    squeezed = 1 / (1 + np.exp(1 - 2 * p))
    assert squeezed.min() > 0.268 and squeezed.max() < 0.732
    assert expected_calibration_error(p, y) < 0.01
    assert expected_calibration_error(squeezed, y) == pytest.approx(np.abs(p - squeezed).mean(), abs=0.01)


@pytest.mark.parametrize(("n", "bias"), [(200, 0.088), (1000, 0.036), (5000, 0.017)])
def test_a_calibrated_model_shows_the_error_of_its_null(rng, n, bias):
    p = rng.random(n)
    errors = [expected_calibration_error(p, rng.random(n) < p) for _ in range(300)]
    null = consistency_null(p, bins=15, rng=rng)
    mean, sd = null.mean(), null.std(ddof=1)
    assert np.mean(errors) == pytest.approx(mean, abs=4 * sd * (1 / 300 + 1 / 1000) ** 0.5)
    assert np.std(errors) == pytest.approx(sd, rel=0.2)
    assert mean == pytest.approx(bias, rel=0.1)


def test_null_p_values_are_uniform(rng):
    p_values = []
    for _ in range(200):
        p, y, _user = answers(rng, 200, 1)
        null = consistency_null(p, bins=10, rng=rng, n_draws=200)
        larger = np.count_nonzero(null >= expected_calibration_error(p, y, bins=10))
        p_values.append((1 + larger) / 201)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_cross_fitting_is_unbiased_and_holds_its_level_on_a_calibrated_model(rng):
    results = [cross_fitted_ece(*answers(rng, 50, 20), alpha=0.05, rng=rng) for _ in range(600)]
    values = np.array([result.value for result in results])
    assert abs(values.mean()) < 3 * values.std() / 600**0.5
    assert sum(result.low > 0 for result in results) <= stats.binom.ppf(0.995, 600, 0.06)
    assert np.mean([result.se for result in results]) == pytest.approx(values.std(), rel=0.1)
    assert np.mean([result.low > 0.05 for result in results]) == 0


def test_a_margin_equal_to_the_error_is_passed_as_often_as_alpha(rng, plausible):
    """Half of the answers too low by .1, half too high by .1: every sign is clear and the ECE is .1."""
    low = high = 0
    for _ in range(600):
        user = np.repeat(np.arange(60), 40)
        p = np.where(rng.random(2400) < 0.5, 0.3, 0.7)
        y = rng.random(2400) < p + np.where(p < 0.5, 0.1, -0.1)
        result = cross_fitted_ece(p, y, user, alpha=0.05, rng=rng)
        low, high = low + (result.low > 0.1), high + (result.high < 0.1)
    assert plausible(low, 600, 0.05) and plausible(high, 600, 0.05)


def test_one_bad_region_among_calibrated_ones_keeps_both_ends(rng):
    """Nine in ten answers calibrated, the rest off by .5: ECE .05, most signs unsure."""

    def distort(p):
        return np.where(p < stats.beta.ppf(0.1, 2, 2), p + 0.5, p)

    results = [cross_fitted_ece(*answers(rng, 60, 20, distort), alpha=0.05, rng=rng) for _ in range(500)]
    assert np.mean([result.value for result in results]) == pytest.approx(0.05, abs=0.003)
    for wrong in ([r.low > 0.05 for r in results], [r.high < 0.05 for r in results]):
        assert sum(wrong) <= stats.binom.ppf(0.995, 500, 0.05)


def test_small_samples_pass_nothing_they_cannot_see(rng):
    """True ECE .05 in gaps too small to sign: the value falls short, the high end must not."""

    def distort(p):
        return p + np.where(p < 0.5, 0.05, -0.05)

    results = [cross_fitted_ece(*answers(rng, 50, 10, distort), alpha=0.05, rng=rng) for _ in range(400)]
    assert np.mean([result.value for result in results]) < 0.035
    assert sum(result.high < 0.048 for result in results) <= stats.binom.ppf(0.995, 400, 0.05)


def test_users_who_err_together_widen_the_interval(rng):
    user = np.repeat(np.arange(40), 25)
    p, shift = rng.beta(2, 2, 1000), rng.normal(0, 0.2, 40)
    together = rng.random(1000) < np.clip(p + shift[user], 0, 1)
    by_user = cross_fitted_ece(p, together, user, alpha=0.05, rng=rng)
    by_row = cross_fitted_ece(p, together, np.arange(1000), alpha=0.05, rng=rng)
    assert by_user.se > 1.3 * by_row.se
    assert (by_user.n, by_user.clusters) == (1000, 40)


@settings(max_examples=50)
@given(outcomes, st.integers(0, 2**31))
def test_value_lies_in_its_interval_and_in_range(data, seed):
    p, y = data
    user = np.arange(len(p)) // 2
    result = cross_fitted_ece(p, y, user, alpha=0.05, rng=np.random.default_rng(seed), bins=5)
    assert (result is None) == (len(np.unique(user)) < 4)
    if result is not None:
        plug_in = expected_calibration_error(p, y, bins=5)
        assert result.low <= result.value <= plug_in + 1e-9 <= result.high + 2e-9
        again = cross_fitted_ece(p, y, user, alpha=0.05, rng=np.random.default_rng(seed), bins=5)
        assert again == result


def test_degenerate_input(rng):
    none = np.array([])
    assert binned_gaps(none, none) is None and brier_score(none, none) is None
    assert expected_calibration_error(np.array([0.5, np.nan]), [0, 1]) is None
    assert cross_fitted_ece(none, none, none, alpha=0.05, rng=rng) is None
    assert cross_fitted_ece(np.full(3, 0.5), [0, 1, 1], [0, 1, 2], alpha=0.05, rng=rng) is None
    assert expected_calibration_error(np.full(4, 0.5), [0, 1, 1, 0]) == 0
    with pytest.raises(ValueError, match="p must lie in"):
        expected_calibration_error(np.array([1.2]), [1])
    with pytest.raises(ValueError, match="y be 0 or 1"):
        brier_score(np.array([0.2]), [2])
    with pytest.raises(ValueError, match="same rows"):
        binned_gaps(np.array([0.2, 0.3]), [1])
    with pytest.raises(ValueError, match="same rows as p"):
        cross_fitted_ece(np.full(4, 0.5), [0, 1, 1, 0], [0, 1, 2, 3, 4], alpha=0.05, rng=rng)
    with pytest.raises(ValueError, match="at least one probability"):
        consistency_null(none, bins=5, rng=rng)


def test_the_plain_ece_has_the_spread_of_its_users(rng: np.random.Generator) -> None:
    def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        own = np.random.default_rng(seed)
        user = np.repeat(np.arange(200), 10)
        p = own.uniform(0.1, 0.9, len(user))
        lenient = own.normal(0.1, 0.15, 200)[user]
        return p, (own.random(len(user)) < np.clip(p + lenient, 0, 1)).astype(float), user

    found = user_bootstrap_ece(*drawn(0), alpha=0.05, rng=rng)
    again = [expected_calibration_error(*drawn(seed)[:2]) for seed in range(200)]
    assert found.value == expected_calibration_error(*drawn(0)[:2])
    assert found.low < found.value < found.high and found.clusters == 200
    assert found.se == pytest.approx(np.std(again), rel=0.3)
    assert user_bootstrap_ece(np.array([]), [], [], alpha=0.05, rng=rng) is None


def smooth_by_hand(p: np.ndarray, y: np.ndarray, width: float) -> float:
    """The integral over a fine grid, the Gaussian reflected at the ends by its images."""
    t = (np.arange(2000) + 0.5) / 2000
    spread = np.zeros_like(t)
    for shift in range(-4, 6, 2):
        for sign in (1, -1):
            spread += (stats.norm.pdf(t[:, None], shift + sign * p, width) * (y - p)).sum(axis=1)
    return float(np.abs(spread).mean() / len(p))


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3])
def test_the_smooth_error_is_its_own_bandwidth(rng: np.random.Generator, shift: float) -> None:
    p = rng.uniform(0.3, 1, 400)
    y = (rng.random(400) < p - shift).astype(float)
    found = smooth_ece(p, y, np.arange(400), alpha=0.05, rng=rng)
    assert found.value == pytest.approx(smooth_by_hand(p, y, found.value), abs=0.004)
    assert found.low <= found.value <= found.high
    turned = smooth_ece(1 - p, 1 - y, np.arange(400), alpha=0.05, rng=rng)
    assert turned.value == pytest.approx(found.value, abs=1e-6)


def test_one_stated_probability_is_off_by_what_it_is_off(rng: np.random.Generator) -> None:
    y = np.repeat([0.0, 1.0], 50)
    for p in (0.5, 0.7, 1.0):
        found = smooth_ece(np.full(100, p), y, np.arange(100), alpha=0.05, rng=rng)
        assert found.value == pytest.approx(p - 0.5, abs=1e-3)
    assert smooth_ece(np.array([]), [], [], alpha=0.05, rng=rng) is None
