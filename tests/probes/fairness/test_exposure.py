"""Coverage and Gini are what their formulas say, and their intervals say how other users would differ."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.probes.fairness._exposure import (
    HEAD,
    MIDDLE,
    TAIL,
    attention,
    coverage,
    gini,
    gini_of,
    lorenz,
    popularity_classes,
    popularity_fifths,
)
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


def test_attention_falls_as_the_formulas_say():
    places = np.array([1, 2, 3])
    assert attention("log", places) == pytest.approx([1, 0.6309, 0.5], abs=1e-4)
    assert attention("geometric", places) == pytest.approx([0.5, 0.25, 0.125])
    assert attention("rbp", places) == pytest.approx(0.15 * 0.85 ** np.array([0, 1, 2]))
    assert attention("rbp", np.arange(1, 400)).sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="log, geometric or rbp"):
        attention("linear", places)


def test_two_reversed_rankings_expose_both_groups_as_fairranktune_counts():
    """Its EXP (log) and AWRF (geometric, times 100) sum over rankings and divide by the group's items."""
    group = np.array([0, 0, 1, 1])
    for kind, scale, expected in (("log", 1, 1.2808), ("geometric", 100, 46.875)):
        look = attention(kind, np.arange(1, 5))
        totals = np.bincount(group, look) + np.bincount(group[::-1], look)
        assert scale * totals / 2 == pytest.approx([expected, expected], abs=1e-4)


def test_gini_of_attention_counts_as_lenskit_does():
    """LensKit: counts or p^(r - 1) per item over all items, ascending, sum (2 r - n - 1) x / (n sum x)."""
    user, item, place = np.array([0, 0, 1, 1]), np.array([3, 1, 3, 2]), np.array([1, 2, 1, 2])
    found = gini(user, item, 5, alpha=0.05, weight=attention("rbp", place))
    x = np.sort([0, 0.85, 0.85, 2, 0])
    assert found.value == pytest.approx(((2 * np.arange(1, 6) - 6) * x).sum() / (5 * x.sum()))
    assert gini(user, item, 5, alpha=0.05).value == pytest.approx(gini_of(np.array([[0, 1, 1, 2, 0]]))[0])


def test_classes_hold_the_first_and_the_last_fifth_of_interactions():
    counts = np.array([1, 20, 30, 1, 30, 18])
    assert popularity_classes(counts).tolist() == [TAIL, MIDDLE, HEAD, TAIL, MIDDLE, TAIL]
    skewed = (1000 / np.arange(1, 2001)).astype(np.int64)
    classes = popularity_classes(skewed)
    assert skewed[classes == TAIL].sum() / skewed.sum() == pytest.approx(0.2, abs=0.01)
    assert popularity_classes(np.zeros(4, dtype=np.int64)).shape == (4,)


def test_a_lorenz_curve_bends_as_far_as_gini_says() -> None:
    rng = np.random.default_rng(8)
    item = rng.zipf(1.5, 4_000) % 50
    x, y = lorenz(item.astype(np.int64), 50, points=50)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert (np.diff(y) >= 0).all() and (y <= x + 1e-12).all()
    area = float(((y[1:] + y[:-1]) / 2 * np.diff(x)).sum())
    assert 1 - 2 * area == pytest.approx(float(gini_of(np.bincount(item, minlength=50)[None])[0]))


def test_a_lorenz_curve_of_equal_shares_is_the_diagonal() -> None:
    x, y = lorenz(np.arange(10), 10)
    assert np.allclose(x, y)
