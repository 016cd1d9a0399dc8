"""What came soon after is counted as a naive loop counts it, and finds the next item of a chain."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.models.base import Request
from recaudit.models.baselines import ItemTransition
from recaudit.models.data import Catalog, FloatArray, History, InteractionLog

N_ITEMS = 7


def log_of(sequences: list[list[int]], likes: list[list[bool]] | None = None) -> InteractionLog:
    names = tuple(f"i{item}" for item in range(N_ITEMS))
    return InteractionLog.build(
        name="by hand",
        catalog=Catalog(
            ids=names, titles=names, years=np.zeros(N_ITEMS, dtype=np.int64), genres=((),) * N_ITEMS
        ),
        user_ids=tuple(f"u{user}" for user in range(len(sequences))),
        user=np.repeat(np.arange(len(sequences)), [len(own) for own in sequences]),
        item=np.array([item for own in sequences for item in own], dtype=np.int64),
        liked=None if likes is None else np.array([like for own in likes for like in own], dtype=np.bool_),
    )


def naive(sequences: list[list[int]], history: list[int], *, within: int, recent: int) -> FloatArray:
    """The formula, one pair at a time."""
    counts: Counter[tuple[int, int]] = Counter()
    for own in sequences:
        for place, before in enumerate(own):
            for after in own[place + 1 : place + 1 + within]:
                if before != after:
                    counts[before, after] += 1
    scores = np.zeros(N_ITEMS)
    for r, item in enumerate(list(dict.fromkeys(history[::-1]))[:recent], start=1):
        total = sum(count for (before, _), count in counts.items() if before == item)
        for after in range(N_ITEMS):
            if total:
                scores[after] += counts[item, after] / total / r
    return scores


items = st.lists(st.integers(0, N_ITEMS - 1), max_size=8)


@given(sequences=st.lists(items, min_size=1, max_size=6), own=items, within=st.integers(1, 4))
def test_equals_a_naive_loop(sequences: list[list[int]], own: list[int], within: int) -> None:
    model = ItemTransition.with_settings(log_of(sequences), range(len(sequences)), within=within, recent=3)
    expected = naive(sequences, own, within=within, recent=3)
    assert model.item_scores(History(0, tuple(own))) == pytest.approx(expected)


def test_equals_shares_worked_by_hand() -> None:
    model = ItemTransition.fitted(log_of([[0, 1, 2, 3, 4], [0, 2]]), range(2))
    assert model.item_scores(History(9, (0,))) == pytest.approx([0, 1 / 4, 2 / 4, 1 / 4, 0, 0, 0])
    assert model.item_scores(History(9, (0, 3))) == pytest.approx([0, 1 / 8, 2 / 8, 1 / 8, 1, 0, 0])
    assert not model.item_scores(History(9, (4, 6))).any()


def test_only_what_was_liked_counts_on_both_sides() -> None:
    log = log_of([[0, 1, 2]], [[True, False, True]])
    model = ItemTransition.with_settings(log, [0], within=1)
    assert model.item_scores(History(9, (0, 1), (True, False))) == pytest.approx([0, 0, 1, 0, 0, 0, 0])
    assert not model.item_scores(History(9, (0,), (False,))).any()


def test_counts_the_given_users_alone_and_nothing_learnt_is_no_error() -> None:
    log = log_of([[0, 1], [0, 2], []])
    assert ItemTransition.fitted(log, [1]).item_scores(History(9, (0,))).tolist() == [0, 0, 1, 0, 0, 0, 0]
    for nobody in ([], [2]):
        assert not ItemTransition.fitted(log, nobody).item_scores(History(9, (0, 1))).any()


def test_finds_the_next_item_of_a_ring_where_counting_together_cannot() -> None:
    """Everybody walks around the ring of items, so that all items are met together alike often."""
    walks = [[(start + step) % N_ITEMS for step in range(N_ITEMS)] for start in range(N_ITEMS)]
    model = ItemTransition.with_settings(log_of(walks), range(N_ITEMS), within=1)
    for start in range(N_ITEMS):
        history = History(0, tuple(walks[start][:3]))
        (slate,) = model.recommend([Request(history=history)], 1)
        assert slate.entries[0].item == walks[start][3]
