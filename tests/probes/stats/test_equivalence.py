"""Equivalence tests against statsmodels and against the interval they must agree with."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from recaudit.probes.stats.equivalence import non_inferiority_p, tost_p
from recaudit.probes.stats.intervals import mean_of_clusters, t_quantile, z_quantile
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

values = st.floats(-3, 3)
spreads = st.floats(0.01, 2)
freedoms = st.one_of(st.none(), st.integers(1, 200))


@given(values, spreads, freedoms, st.floats(0.1, 3), st.sampled_from([0.01, 0.05, 0.1]))
def test_equivalent_exactly_where_the_interval_lies_inside(value, se, df, margin, alpha):
    reach = se * (z_quantile(alpha) if df is None else t_quantile(alpha, df))
    p = tost_p(value, se, df, -margin, margin)
    assume(abs(p - alpha) > 1e-9)
    assert (p < alpha) == (-margin < value - reach and value + reach < margin)


@given(values, spreads, freedoms, st.floats(-3, 3))
def test_the_two_directions_add_up_to_one(value, se, df, bound):
    below = non_inferiority_p(value, se, df, bound, direction="at_most")
    above = non_inferiority_p(value, se, df, bound, direction="at_least")
    assert below + above == pytest.approx(1)


def test_agrees_with_statsmodels(rng):
    differences = rng.normal(0.1, 1, 40)
    mean = mean_of_clusters(differences, alpha=0.05)
    expected = ttost_paired(differences, np.zeros(40), -0.4, 0.5)[0]
    assert tost_p(mean.value, mean.se, 39, -0.4, 0.5) == pytest.approx(expected)


def test_at_the_margin_the_level_holds_and_p_is_uniform(rng, plausible):
    p = []
    for _ in range(1000):
        mean = mean_of_clusters(rng.normal(0.5, 0.3, 25), alpha=0.05)
        p.append(tost_p(mean.value, mean.se, 24, -5, 0.5))
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert plausible(np.count_nonzero(np.array(p) < 0.05), 1000, 0.05, band=0.95)


def test_without_spread_the_estimate_decides():
    assert non_inferiority_p(0.1, 0, None, 0.2, direction="at_most") == 0
    assert non_inferiority_p(0.2, 0, None, 0.2, direction="at_most") == 1
    assert non_inferiority_p(0.1, 0, 5, 0.2, direction="at_least") == 1


def test_impossible_input_is_refused():
    with pytest.raises(ValueError, match="low bound must be below"):
        tost_p(0, 1, None, 1, -1)
    with pytest.raises(ValueError, match="se must not be negative"):
        non_inferiority_p(0, -1, None, 0, direction="at_most")
    with pytest.raises(ValueError, match="df must be positive"):
        non_inferiority_p(0, 1, 0, 0, direction="at_most")
