"""The step ROC against scikit-learn, brute force and the Gaussian closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.probes.stats.auc import auc
from recaudit.probes.stats.intervals import clopper_pearson
from recaudit.probes.stats.roc import banded_roc, step_roc, tpr_at_fpr
from scipy import stats
from sklearn.metrics import auc as area
from sklearn.metrics import roc_curve

scores = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=25).map(np.array)


@settings(max_examples=50)
@given(scores, scores)
def test_curve_is_scikit_learns(positive, negative):
    labels = np.repeat([1, 0], [len(positive), len(negative)])
    fpr, tpr, _ = roc_curve(labels, np.concatenate([positive, negative]), drop_intermediate=False)
    ours = step_roc(positive, negative)
    assert ours[0] == pytest.approx(fpr) and ours[1] == pytest.approx(tpr)
    assert area(*ours) == pytest.approx(auc(positive, negative))


@given(scores, scores, st.sampled_from([0.05, 0.1, 0.2, 0.5, 0.9]))
def test_tpr_is_the_best_that_the_false_positives_allow(positive, negative, fpr):
    interval = tpr_at_fpr(positive, negative, fpr, alpha=0.05)
    if len(negative) * fpr < 1:
        assert interval is None
        return
    thresholds = np.append(np.concatenate([positive, negative]), np.inf)
    best = max((positive >= s).sum() for s in thresholds if (negative >= s).mean() <= fpr)
    exact = clopper_pearson(int(best), len(positive), alpha=0.05)
    assert (interval.low, interval.value, interval.high) == (exact.low, exact.value, exact.high)


def test_gaussian_shift_of_one():
    """N(1, 1) against N(0, 1): AUC .7602, 1.83 % of members found at .1 % false positives."""
    grid = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    assert auc(grid + 1, grid) == pytest.approx(stats.norm.cdf(0.5**0.5), abs=1e-5)
    assert auc(grid + 1, grid) == pytest.approx(0.7602, abs=5e-5)
    found = tpr_at_fpr(grid + 1, grid, 0.001, alpha=0.05)
    assert found.value == pytest.approx(stats.norm.sf(stats.norm.isf(0.001) - 1), abs=1e-4)
    assert found.value == pytest.approx(0.0183, abs=1e-4)


@pytest.mark.parametrize(
    ("n", "fpr", "estimable"), [(999, 0.001, False), (1000, 0.001, True), (99, 0.01, False)]
)
def test_rates_finer_than_the_sample_are_not_estimable(n, fpr, estimable):
    interval = tpr_at_fpr(np.arange(5.0), np.linspace(-1, 1, n), fpr, alpha=0.05)
    assert (interval is not None) == estimable


def test_whole_number_of_false_positives_is_allowed():
    """0.29 * 100 is 28.999999999999996 in floating point, and still allows 29."""
    assert 0.29 * 100 < 29
    for fpr, n, allowed in ((0.29, 100, 29), (0.1, 30, 3), (0.001, 3000, 3), (0.57, 100, 57)):
        just_beaten = np.array([n - 1 - allowed, n - allowed]) - 0.5
        found = tpr_at_fpr(just_beaten, np.arange(float(n)), fpr, alpha=0.05)
        assert found.value == 0.5


def test_without_signal_as_many_members_as_non_members(rng):
    caught = [tpr_at_fpr(*rng.normal(size=(2, 400)), 0.05, alpha=0.05).value for _ in range(300)]
    assert np.mean(caught) == pytest.approx(0.05, abs=0.004)


def test_degenerate_input():
    assert tpr_at_fpr(np.array([]), np.arange(50.0), 0.1, alpha=0.05) is None
    assert tpr_at_fpr(np.arange(5.0), np.array([]), 0.1, alpha=0.05) is None
    assert tpr_at_fpr(np.array([np.nan]), np.arange(50.0), 0.1, alpha=0.05) is None
    with pytest.raises(ValueError, match="fpr is a rate"):
        tpr_at_fpr(np.arange(5.0), np.arange(5.0), 0, alpha=0.05)
    for positive, negative in (([], [1.0]), ([1.0], []), ([np.nan], [1.0])):
        with pytest.raises(ValueError, match="needs both classes"):
            step_roc(np.array(positive), np.array(negative))


def test_a_banded_roc_is_the_step_roc_at_round_counts_of_false_positives() -> None:
    rng = np.random.default_rng(5)
    positive, negative = rng.normal(1, 1, 300), rng.normal(0, 1, 400)
    fpr, tpr, low, high = banded_roc(positive, negative, points=12)
    assert fpr[0] == 1 / 400 and fpr[-1] == 1 and len(fpr) <= 12
    for at, caught in zip(fpr, tpr, strict=True):
        allowed = round(at * 400)
        best = max(
            (np.mean(positive >= s) for s in [*positive, *negative] if np.sum(negative >= s) <= allowed),
            default=0.0,
        )
        assert caught == pytest.approx(best)
    assert (low <= tpr).all() and (tpr <= high).all()
