"""Detectable effects against closed forms, statsmodels and simulated detection."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.probes.stats.intervals import mean_of_clusters
from recaudit.probes.stats.power import minimum_detectable_effect, power_of
from scipy import stats
from statsmodels.stats.power import TTestPower

alphas = st.sampled_from([0.01, 0.025, 0.05])
freedoms = st.one_of(st.none(), st.integers(2, 500))


@settings(max_examples=50)
@given(st.floats(0.001, 10), alphas, st.floats(0.3, 0.99), freedoms)
def test_power_of_the_detectable_effect_is_the_power_asked_for(se, alpha, power, df):
    effect = minimum_detectable_effect(se, alpha=alpha, power=power, df=df)
    assert power_of(effect, se, alpha=alpha, df=df) == pytest.approx(power, abs=1e-5)


@settings(max_examples=50)
@given(st.floats(0, 1), st.integers(5, 200), alphas)
def test_power_agrees_with_statsmodels(effect_size, n, alpha):
    expected = TTestPower().power(effect_size, n, alpha, alternative="larger")
    assert power_of(effect_size, n**-0.5, alpha=alpha, df=n - 1) == pytest.approx(expected, abs=1e-6)


def test_normal_closed_form():
    expected = 2 * (stats.norm.ppf(0.95) + stats.norm.ppf(0.8))
    assert minimum_detectable_effect(2.0, alpha=0.05) == pytest.approx(expected)
    assert minimum_detectable_effect(2.0, alpha=0.05, df=10**6) == pytest.approx(expected, rel=1e-4)
    assert power_of(0.0, 1.0, alpha=0.05) == pytest.approx(0.05)


@pytest.mark.parametrize(("auc", "needed"), [(0.52, 2576), (0.55, 412), (0.60, 103)])
def test_rows_per_side_to_see_an_auc_as_published(auc, needed):
    se = ((2 * needed + 1) / (12 * needed**2)) ** 0.5
    assert minimum_detectable_effect(se, alpha=0.05) == pytest.approx(auc - 0.5, rel=0.01)


def test_the_detectable_effect_is_detected_as_often_as_promised(rng, plausible):
    effect = minimum_detectable_effect(1 / 20**0.5, alpha=0.05, df=19)
    found = sum(mean_of_clusters(rng.normal(effect, 1, 20), alpha=0.05).low > 0 for _ in range(1000))
    assert plausible(found, 1000, 0.8)


def test_degenerate_input():
    assert minimum_detectable_effect(0.0, alpha=0.05) == 0
    assert [power_of(effect, 0.0, alpha=0.05) for effect in (-1.0, 0.0, 1.0)] == [0, 0, 1]
    for wrong in ({"se": -1.0}, {"se": 1.0, "power": 1.0}, {"se": 1.0, "power": 0.01}):
        with pytest.raises(ValueError, match="must not be negative and power must lie"):
            minimum_detectable_effect(**wrong, alpha=0.05)
    with pytest.raises(ValueError, match="must not be negative"):
        power_of(1.0, -1.0, alpha=0.05)
    assert np.isfinite(minimum_detectable_effect(1.0, alpha=0.001, df=1))
