"""Contrasts of group means against Welch's t, pairs of groups, and simulated families."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.probes.stats.contrasts import simultaneous_contrasts
from recaudit.probes.stats.differences import simultaneous_differences
from scipy import stats

whole = st.integers(-20, 20).map(float)
samples = st.lists(whole, min_size=9, max_size=30).map(np.array)


def contrasts(values, inside, weights, *, alpha=0.05, seed=0, **settings):
    rng = np.random.default_rng(seed)
    return simultaneous_contrasts(
        np.asarray(values, dtype=float), inside, weights, alpha=alpha, rng=rng, **settings
    )


def members(groups, n=None):
    return np.asarray(groups)[:, None] == np.arange(n or max(groups) + 1)


@settings(max_examples=50)
@given(samples)
def test_pairs_of_groups_are_simultaneous_differences(values):
    groups = np.arange(len(values)) % 3
    pairs = [[1, -1, 0], [1, 0, -1], [0, 1, -1]]
    found = contrasts(values, members(groups), pairs, n_draws=499)
    rng = np.random.default_rng(0)
    expected = simultaneous_differences(values, groups, alpha=0.05, rng=rng, n_draws=499)
    for one, other in zip(found, expected.values(), strict=True):
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high), abs=1e-9)


@settings(max_examples=50)
@given(samples, st.lists(st.integers(-3, 3), min_size=3, max_size=3).filter(any), whole)
def test_one_contrast_is_worked_by_hand(values, weights, offset):
    groups = np.arange(len(values)) % 3
    (found,) = contrasts(values, members(groups), [weights], offsets=offset)
    kept = [(w, values[groups == g]) for g, w in enumerate(weights) if w]
    parts = np.array([w**2 * own.var(ddof=1) / len(own) for w, own in kept])
    assert found.value == pytest.approx(offset + sum(w * own.mean() for w, own in kept), abs=1e-9)
    assert found.n == sum(len(own) for _, own in kept)
    if parts.sum() > 0:
        df = parts.sum() ** 2 / sum(p**2 / (len(own) - 1) for p, (_, own) in zip(parts, kept, strict=True))
        reach = stats.t.ppf(0.95, df) * np.sqrt(parts.sum())
        assert found.high - found.value == pytest.approx(reach, rel=1e-6)


def test_a_group_of_one_cannot_be_set_against_others():
    found = contrasts([1, 2, 3, 4, 9], members([0, 0, 1, 1, 2]), [[1, -1, 0], [1, 0, -1]])
    assert found[0] is not None and found[1] is None
    assert contrasts([1, 2], members([0, 1]), [[1, -1]]) == [None]


def test_unknown_values_are_left_out():
    found = contrasts([1, 2, np.nan, 3, 4], members([0, 0, 0, 1, 1]), [[1, -1]])
    assert found[0].value == -2 and found[0].n == 4


def test_the_same_contrast_twice_is_no_wider_than_once(rng):
    values, inside = rng.normal(size=300), members(np.arange(300) % 2)
    once, twice = (contrasts(values, np.hstack([inside] * k), np.kron(np.eye(k), [1, -1])) for k in (1, 2))
    assert twice[0].high - once[0].high < 0.15 * (once[0].high - once[0].value)


def test_overlapping_tables_hold_together(rng, plausible):
    """Two tables of the same users: the lower ends of all contrasts lie above 0 in alpha of the worlds."""
    wrong = 0
    tables = np.stack([np.arange(240) % 3, np.arange(240) // 80 % 3], axis=1)
    inside = np.hstack([members(tables[:, 0]), members(tables[:, 1])])
    against = np.kron(np.eye(2), np.eye(3) - 1 / 3)
    for seed in range(400):
        found = contrasts(rng.exponential(size=240), inside, against, seed=seed, n_draws=499)
        wrong += any(one.high < 0 for one in found)
    assert wrong <= 400 * 0.09 and not plausible(wrong, 400, 0.001)


def test_a_group_may_be_taken_to_vary_no_less_than_all():
    values, inside = [0, 0, 0, 0, 1, 3], members([0, 0, 0, 0, 1, 1])
    sure, careful = (contrasts(values, inside, [[1, 0]], least_spread=spread)[0] for spread in (0.0, 1.5))
    assert sure.low == sure.high == 0
    assert careful.se == pytest.approx(1.5 / 2) and careful.high == pytest.approx(
        stats.t.ppf(0.95, 3) * 1.5 / 2, rel=1e-6
    )
    varied = contrasts([0, 4, 0, 4, 1, 3], inside, [[1, 0]], least_spread=1.5)[0]
    assert varied.se == pytest.approx(np.sqrt(16 / 3 / 4))
