"""Sign flips and McNemar against enumeration, scipy and statsmodels, and under the null."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.probes.stats.permutation import mcnemar_exact, sign_flip_test
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar


@settings(max_examples=30)
@given(st.lists(st.integers(-6, 6).map(lambda x: x / 10), min_size=1, max_size=8), st.integers(0, 2**31))
def test_p_is_the_share_of_all_sign_patterns(values, seed):
    effects = np.array(values)
    every = [abs(np.array(signs) @ effects) for signs in product([-1, 1], repeat=len(values))]
    exact = np.mean(np.array(every) >= abs(effects.sum()) - 1e-9)
    raw, adjusted = sign_flip_test(effects[:, None], rng=np.random.default_rng(seed), n_flips=3999)
    assert raw[0] == pytest.approx(exact, abs=0.04)
    assert adjusted[0] == raw[0]


def test_agrees_with_scipys_permutation_test(rng):
    effects = rng.normal(0.2, 1, 60)
    raw, _ = sign_flip_test(effects[:, None], rng=rng, n_flips=20000)
    theirs = stats.permutation_test(
        (effects,),
        lambda x, axis: x.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20000,
        rng=rng,
    )
    assert raw[0] == pytest.approx(theirs.pvalue, abs=0.012)


@settings(max_examples=50)
@given(st.integers(2, 12), st.integers(1, 5), st.integers(0, 2**31))
def test_adjusting_only_ever_weakens_and_at_most_adds_up(n, rows, seed):
    draw = np.random.default_rng(seed)
    raw, adjusted = sign_flip_test(draw.normal(size=(n, rows)), rng=draw, n_flips=499)
    assert (raw > 0).all() and (adjusted <= 1).all()
    assert (raw <= adjusted + 1e-12).all()
    assert (adjusted <= 500 / 500 * rows * raw.max() + 1e-12).all()


def test_copies_of_one_row_need_no_adjustment(rng):
    raw, adjusted = sign_flip_test(np.repeat(rng.normal(0.4, 1, (30, 1)), 5, axis=1), rng=rng)
    assert adjusted == pytest.approx(raw, abs=1e-12)


def test_unknown_values_drop_their_cluster_from_that_row(rng):
    effects = rng.normal(0.4, 1, (40, 2))
    effects[25:, 1] = np.nan
    raw, _ = sign_flip_test(effects, rng=rng, n_flips=20000)
    alone, _ = sign_flip_test(effects[:25, 1:], rng=rng, n_flips=20000)
    assert raw[1] == pytest.approx(alone[0], abs=0.02)


def test_null_p_values_are_uniform_and_the_family_keeps_its_level(rng, plausible):
    raw, adjusted = [], []
    for _ in range(1000):
        effects = rng.laplace(size=(30, 4)) + rng.laplace(size=(30, 1))
        one, family = sign_flip_test(effects, rng=rng, n_flips=499)
        raw.append(one[0])
        adjusted.append(family.min())
    assert stats.kstest(raw, "uniform").pvalue > 0.01
    assert plausible(np.count_nonzero(np.array(raw) <= 0.05), 1000, 0.05, band=0.95)
    assert plausible(np.count_nonzero(np.array(adjusted) <= 0.05), 1000, 0.05)


def test_degenerate_rows(rng):
    effects = np.array([[0.0, np.nan, 2.0, 0.1], [0.0, np.nan, np.nan, 0.1], [0.0, np.nan, np.nan, 0.1]])
    raw, adjusted = sign_flip_test(effects, rng=rng, n_flips=4999)
    assert raw[0] == 1 and np.isnan(raw[1]) and raw[2] == 1 and raw[3] == pytest.approx(0.25, abs=0.03)
    assert np.isnan(adjusted[1]) and adjusted[3] == pytest.approx(0.25, abs=0.03)
    empty, _ = sign_flip_test(np.empty((0, 2)), rng=rng, n_flips=9)
    assert np.isnan(empty).all()
    none, _ = sign_flip_test(np.empty((3, 0)), rng=rng, n_flips=9)
    assert none.shape == (0,)


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_agrees_with_statsmodels(b, c):
    expected = mcnemar([[3, b], [c, 5]], exact=True).pvalue if b + c else 1.0
    assert mcnemar_exact(b, c) == pytest.approx(expected, rel=1e-9)
    assert mcnemar_exact(b, c) == mcnemar_exact(c, b)


def test_mcnemar_by_hand():
    assert mcnemar_exact(0, 5) == pytest.approx(2 / 32)
    with pytest.raises(ValueError, match="cannot be negative"):
        mcnemar_exact(-1, 3)
