"""Distances of lists against their definitions, written down item by item."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.models.base import Recommendation, Request, Slate
from recaudit.models.data import History
from recaudit.probes.robustness._list_distance import (
    first_changed,
    jaccard,
    list_table,
    rbo,
    side_by_side,
    turned,
)

K = 5
LISTS = st.lists(st.integers(0, 7), max_size=K, unique=True)


def table(*lists: list[int]) -> np.ndarray:
    return np.array([own + [-1] * (K - len(own)) for own in lists], dtype=np.int64).reshape(-1, K)


@given(LISTS, LISTS, st.floats(0.1, 0.99))
def test_distances_are_those_of_their_definitions(a: list[int], b: list[int], p: float) -> None:
    left, right = table(a), table(b)
    if not a or not b:
        assert all(np.isnan(of(left, right)).all() for of in (turned, jaccard, rbo, first_changed))
        return
    longer, both = max(len(a), len(b)), len(set(a) & set(b))
    assert turned(left, right)[0] == pytest.approx(1 - both / longer)
    assert jaccard(left, right)[0] == pytest.approx(both / len(set(a) | set(b)))
    assert first_changed(left, right)[0] == float(a[0] != b[0])
    agreement = [len(set(a[:d]) & set(b[:d])) / min(d, longer) for d in range(1, K + 1)]
    expected = (1 - p) / p * sum(x * p**d for d, x in enumerate(agreement, 1)) + agreement[-1] * p**K
    found = rbo(left, right, p=p)[0]
    assert found == pytest.approx(expected) and found == pytest.approx(rbo(right, left, p=p)[0])
    assert -1e-12 <= found <= 1 + 1e-12 and (set(a) & set(b) or found == 0)


def test_the_first_places_count_most_and_equal_lists_overlap_fully() -> None:
    own = table([0, 1, 2, 3, 4])
    assert rbo(own, own)[0] == pytest.approx(1) and turned(own, own)[0] == 0
    top, end = table([9, 1, 2, 3, 4]), table([0, 1, 2, 3, 9])
    assert rbo(own, top)[0] < rbo(own, end)[0] and turned(own, top) == turned(own, end)


def test_what_is_no_new_item_takes_no_place() -> None:
    entries = tuple(map(Recommendation, (3, None, 3, 5, 7, 8)))
    slate = Slate(Request(history=History(0, ())), entries)
    assert list_table([slate], k=3, passed_over=[{5}]).tolist() == [[3, 7, 8]]
    assert list_table([slate], k=5, passed_over=[()]).tolist() == [[3, 5, 7, 8, -1]]


def test_side_by_side_names_every_item_once() -> None:
    left, right = table([0, 1])[0], table([1, 2])[0]
    assert side_by_side(left, right, ["a", "b", "c"]) == (("a", 1.0, None), ("b", 0.5, 1.0), ("c", None, 0.5))
