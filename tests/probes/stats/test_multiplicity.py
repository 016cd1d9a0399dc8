"""Holm and Benjamini-Hochberg against their definitions and under the null."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.probes.stats.multiplicity import benjamini_hochberg, holm
from statsmodels.stats.multitest import multipletests

p_values = st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), max_size=20)


def brute(p, step):
    """Adjusted value of each hypothesis: the smallest level at which the procedure rejects it."""
    order, m = sorted(range(len(p)), key=lambda i: p[i]), len(p)
    adjusted = [0.0] * m
    for place, i in enumerate(order):
        if step == "down":
            adjusted[i] = min(1, max((m - k) * p[order[k]] for k in range(place + 1)))
        else:
            adjusted[i] = min(1, min(m / (k + 1) * p[order[k]] for k in range(place, m)))
    return adjusted


@given(p_values)
def test_both_follow_their_definitions_and_keep_unknown_ones(p):
    known = [x for x in p if x == x]
    for adjust, step in ((holm, "down"), (benjamini_hochberg, "up")):
        result = adjust(p)
        assert result.shape == (len(p),)
        assert np.isnan(result).tolist() == [x != x for x in p]
        assert result[~np.isnan(result)] == pytest.approx(brute(known, step), abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_both_agree_with_statsmodels(p):
    with patch("gc.collect"):
        for adjust, method in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
            assert adjust(p) == pytest.approx(multipletests(p, method=method)[1], abs=1e-12)


def test_input_is_left_alone_and_checked():
    given_values = np.array([0.01, 0.04, np.nan])
    assert holm(given_values).tolist()[:2] == pytest.approx([0.02, 0.04])
    assert given_values[0] == 0.01
    assert holm([]).shape == benjamini_hochberg([]).shape == (0,)
    for adjust in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match=r"lie in \[0, 1\]"):
            adjust([0.5, 1.2])


def test_holm_keeps_the_family_and_bh_the_share_of_false_alarms(rng, plausible):
    any_alarm, shares = 0, []
    for _ in range(1000):
        null = rng.random(10)
        any_alarm += (holm(null) <= 0.05).any()
        both = benjamini_hochberg(np.concatenate([null, rng.random(10) * 1e-4])) <= 0.1
        shares.append(both[:10].sum() / max(1, both.sum()))
    assert plausible(any_alarm, 1000, 0.049)
    assert np.mean(shares) == pytest.approx(0.05, abs=0.01)
