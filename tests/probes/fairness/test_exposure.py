"""Coverage and Gini are what their formulas say, and their intervals say how other users would differ."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.probes.fairness._exposure import coverage, gini, gini_of, popularity_fifths
from scipy.stats import binom


@given(counts=st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any))
def test_gini_is_half_the_relative_mean_difference(counts):
    x = np.array(counts)
    expected = np.abs(np.subtract.outer(x, x)).sum() / (2 * len(x) ** 2 * x.mean())
    assert gini_of(x[None]) == pytest.approx([expected])


def test_gini_at_its_ends():
    assert gini_of(np.array([[3, 3, 3, 3], [0, 0, 12, 0]])) == pytest.approx([0, 3 / 4])
    assert np.isnan(gini_of(np.zeros((1, 4), dtype=int))).all()


def test_coverage_counts_every_item_once():
    user, item = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 2])
    found = coverage(user, item, 6, alpha=0.05)
    assert found.value == 0.5 and found.clusters == 3 and found.n == 6
    assert found.low < 0.5 < found.high


def test_the_jackknife_leaves_out_whole_users():
    rng = np.random.default_rng(0)
    user, item = np.repeat(np.arange(30), 4), rng.integers(0, 15, 120)
    found = gini(user, item, 20, alpha=0.05)
    left_out = [gini_of(np.bincount(item[user != one], minlength=20)[None])[0] for one in range(30)]
    assert found.se == pytest.approx(np.std(left_out) * np.sqrt(29))
    assert found.value == pytest.approx(gini_of(np.bincount(item, minlength=20)[None])[0])


def test_a_sample_that_looks_free_of_chance_still_has_a_width():
    user, item = np.repeat(np.arange(5), 2), np.tile([0, 1], 5)
    found = coverage(user, item, 4, alpha=0.05)
    assert found.low < 0.5 < found.high


@pytest.mark.parametrize("figure", [coverage, gini])
@pytest.mark.parametrize("users", [0, 1])
def test_too_few_users_are_not_estimable(figure, users):
    assert figure(np.zeros(3 * users, dtype=int), np.arange(3 * users), 9, alpha=0.05) is None


@pytest.mark.parametrize("figure", [coverage, gini])
def test_each_end_is_wrong_at_most_as_often_as_alpha(figure):
    """120 lists of ten out of 300 items, popular ones more often; the truth is the mean over all audits."""
    rng, chances = np.random.default_rng(0), 1 / np.arange(1, 301) ** 0.8
    user, found = np.repeat(np.arange(120), 10), []
    for _ in range(300):
        keys = np.log(chances) + rng.gumbel(size=(120, 300))
        item = np.argpartition(-keys, 9, axis=1)[:, :10].ravel()
        found.append(figure(user, item, 300, alpha=0.05))
    truth = np.mean([one.value for one in found])
    for wrong in (sum(one.low > truth for one in found), sum(one.high < truth for one in found)):
        assert wrong <= binom.ppf(0.995, 300, 0.05)


def test_fifths_are_of_one_size_and_ties_go_to_the_earlier():
    assert popularity_fifths(np.array([5, 1, 9, 1, 3])).tolist() == [1, 3, 0, 4, 2]
    assert np.bincount(popularity_fifths(np.zeros(23, dtype=int))).tolist() == [5, 5, 4, 5, 4]
