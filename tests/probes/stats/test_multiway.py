"""The mean of rows with many kinds of clusters: one factor's t, the published sum for three, coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.probes.stats.intervals import mean_of_clusters
from recaudit.probes.stats.multiway import multiway_mean
from recaudit.probes.stats.two_way import two_way_error


@given(
    values=st.lists(st.floats(-5, 5, allow_nan=False), min_size=2, max_size=30),
    alpha=st.sampled_from([0.01, 0.05, 0.2]),
)
def test_one_factor_of_single_rows_is_students_t(values: list[float], alpha: float) -> None:
    rows = np.array(values)
    found = multiway_mean(rows, [np.arange(len(rows))], alpha=alpha)
    expected = mean_of_clusters(rows, alpha=alpha)
    for end in ("value", "low", "high", "clusters", "n"):
        assert getattr(found, end) == pytest.approx(getattr(expected, end), abs=1e-9)


@settings(max_examples=30)
@given(seed=st.integers(0, 1000))
def test_three_factors_are_the_sum_over_all_sets_of_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=40)
    a, b, c = (rng.integers(0, n, 40) for n in (8, 5, 3))
    influence = (rows - rows.mean()) / 40

    def spread(*ways: np.ndarray) -> float:
        sums: dict[tuple[int, ...], float] = {}
        for key, value in zip(zip(*(way.tolist() for way in ways), strict=True), influence, strict=True):
            sums[key] = sums.get(key, 0.0) + value
        return sum(v * v for v in sums.values()) * len(sums) / max(1, len(sums) - 1)

    single = [spread(a), spread(b), spread(c)]
    total = sum(single) - spread(a, b) - spread(a, c) - spread(b, c) + spread(a, b, c)
    found = multiway_mean(rows, [a, b, c], alpha=0.05)
    assert found.se == pytest.approx(np.sqrt(max(total, *single)))
    assert found.clusters == len(np.unique(a))


def test_two_factors_with_a_row_a_cell_are_close_to_two_way_clusters() -> None:
    rng = np.random.default_rng(1)
    a, b = (part.ravel() for part in np.indices((20, 15)))
    rows = rng.normal(size=20)[a] + rng.normal(size=15)[b] + rng.normal(size=300)
    found = multiway_mean(rows, [a, b], alpha=0.05)
    assert found.se == pytest.approx(two_way_error((rows - rows.mean()) / 300, a, b), rel=0.01)


def test_order_of_rows_and_names_of_clusters_mean_nothing() -> None:
    rng = np.random.default_rng(0)
    rows, a, b = rng.normal(size=60), rng.integers(0, 9, 60), rng.integers(0, 6, 60)
    order = rng.permutation(60)
    plain = multiway_mean(rows, [a, b], alpha=0.05)
    other = multiway_mean(rows[order], [(7 * a + 3)[order], b.astype(str)[order]], alpha=0.05)
    assert (plain.value, plain.low, plain.high) == pytest.approx((other.value, other.low, other.high))


def test_unknown_rows_and_factors_of_one_cluster_are_left_out() -> None:
    rows, user, one = np.array([1.0, 2.0, np.nan, 4.0]), np.arange(4), np.zeros(4)
    found = multiway_mean(rows, [user, one], alpha=0.05)
    alone = mean_of_clusters(rows, alpha=0.05)
    assert (found.low, found.high, found.n) == pytest.approx((alone.low, alone.high, 3))
    assert multiway_mean(rows, [one], alpha=0.05) is None
    assert multiway_mean(np.zeros(0), [np.zeros(0)], alpha=0.05) is None
    assert multiway_mean(np.array([1.0, np.inf]), [np.arange(2)], alpha=0.05) is None
    same = multiway_mean(np.ones(6), [np.arange(6), np.arange(6) % 2], alpha=0.05)
    assert (same.low, same.value, same.high) == (1, 1, 1)


@pytest.mark.parametrize("spreads", [(1, 1, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0)])
def test_ends_are_missed_about_as_often_as_stated(spreads: tuple[float, ...]) -> None:
    rng, shape, missed = np.random.default_rng(0), (30, 10, 5), 0
    places = [part.ravel() for part in np.indices(shape)]
    for _ in range(400):
        rows = rng.normal(size=shape).ravel()
        for place, n, spread in zip(places, shape, spreads, strict=True):
            rows = rows + spread * rng.normal(size=n)[place]
        missed += multiway_mean(rows, places, alpha=0.05).low > 0
    assert missed <= 400 * 0.085
