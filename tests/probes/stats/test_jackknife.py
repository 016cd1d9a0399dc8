"""Leaving users out once gives the interval of a mean exactly, and of other figures a safe one."""

import numpy as np
import pytest
from recaudit.probes.stats.intervals import mean_of_clusters
from recaudit.probes.stats.jackknife import jackknife_interval
from scipy.stats import binom


def without_each(values: np.ndarray) -> np.ndarray:
    return (values.sum() - values) / (len(values) - 1)


@pytest.mark.parametrize("n", [2, 7, 60])
def test_of_a_mean_it_is_students_interval(rng, n):
    values = rng.normal(3, 2, n)
    found = jackknife_interval(values.mean(), without_each(values), alpha=0.05, n=n)
    expected = mean_of_clusters(values, alpha=0.05)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.n, found.clusters) == (n, n)


def test_ends_stay_inside_the_bounds():
    found = jackknife_interval(0.5, np.array([0.2, 0.9]), alpha=0.05, n=2, bounds=(0, 1))
    assert (found.low, found.high) == (0, 1)


@pytest.mark.parametrize("left_out", [[], [0.5], [0.5, np.nan], [0.5, np.inf]])
def test_too_few_or_undefined_is_not_estimable(left_out):
    assert jackknife_interval(0.5, np.array(left_out), alpha=0.05, n=3) is None


def test_refuses_an_impossible_alpha():
    with pytest.raises(ValueError, match="alpha"):
        jackknife_interval(0.5, np.array([0.1, 0.2]), alpha=0.5, n=2)


def test_of_a_count_of_distinct_things_it_is_safe(rng):
    """150 people with three of 200 things each: as many of them again reach as many things on average."""
    chances = 1 / np.arange(1, 201)
    chances /= chances.sum()
    met = [[rng.choice(200, 3, replace=False, p=chances) for _ in range(150)] for _ in range(400)]
    reached = [len(np.unique(sample)) for sample in met]
    truth, low, high = np.mean(reached), 0, 0
    for sample, value in zip(met, reached, strict=True):
        counts = np.bincount(np.concatenate(sample), minlength=200)
        left_out = np.array([value - (counts[own] == 1).sum() for own in sample])
        found = jackknife_interval(value, left_out, alpha=0.05, n=450)
        low, high = low + (found.low > truth), high + (found.high < truth)
    assert max(low, high) <= binom.ppf(0.995, 400, 0.05)
