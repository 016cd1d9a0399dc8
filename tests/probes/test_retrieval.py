"""Lists are asked of people in the order of time, and checked by figures that can be worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.models.base import Recommendation, Request, Slate
from recaudit.models.data import Catalog, History, InteractionLog
from recaudit.models.datasets import world
from recaudit.probes._retrieval import (
    Lists,
    fitted_rivals,
    held_out_lists,
    most_met,
    ndcg,
    recall,
)
from recaudit.probes.base import NotApplicable
from recaudit.probes.testing import ranking_auditee
from sklearn.metrics import ndcg_score


def log_of(rows, *, n_items=6, liked=True) -> InteractionLog:
    users, items, likes = zip(*rows, strict=True)
    names = tuple(f"i{item}" for item in range(n_items))
    return InteractionLog.build(
        name="by hand",
        catalog=Catalog(
            ids=names, titles=names, years=np.zeros(n_items, dtype=np.int64), genres=((),) * n_items
        ),
        user_ids=tuple(f"u{user}" for user in range(max(users) + 1)),
        user=users,
        item=items,
        liked=likes if liked else None,
    )


def asking(log, *, held_out, n_users=99, earlier=0.8):
    auditee = ranking_auditee(log, rng=np.random.default_rng(0))
    nobody = np.array([], dtype=np.int64)
    who = replace(
        auditee.population, base=nobody, members=nobody, reference=nobody, held_out=np.array(held_out)
    )
    return held_out_lists(
        replace(auditee, population=who), n_users=n_users, earlier=earlier, rng=np.random.default_rng(0)
    )


# User 0 likes 4 last, user 1 comes back to 0, user 2 likes nothing new, user 3 has no history.
ROWS = [(0, 0, 1), (0, 1, 0), (0, 2, 1), (0, 3, 1), (0, 4, 1)]
ROWS += [(1, 0, 1), (1, 1, 1), (1, 2, 1), (1, 0, 1), (1, 5, 1)]
ROWS += [(2, 0, 1), (2, 1, 1), (2, 2, 1), (2, 3, 1), (2, 4, 0)]
ROWS += [(3, 0, 1)]
LOG = log_of([(user, item, bool(like)) for user, item, like in ROWS])


class TestAsking:
    def test_the_earlier_part_is_the_history_and_later_likes_are_targets(self):
        asked = asking(LOG, held_out=[0, 1, 2, 3])
        assert asked.users.tolist() == [0, 1]
        assert asked.requests[0].history == History(0, (0, 1, 2, 3), (True, False, True, True))
        assert [own.tolist() for own in asked.targets] == [[4], [5]]
        assert all(request.candidates == () for request in asked.requests)

    def test_what_was_met_before_is_no_target(self):
        asked = asking(LOG, held_out=[0, 1, 2, 3], earlier=0.6)
        assert [own.tolist() for own in asked.targets] == [[3, 4], [5], [3]]

    def test_without_likes_all_that_came_later_is_a_target(self):
        asked = asking(replace(LOG, liked=None), held_out=[0, 1, 2, 3])
        assert [own.tolist() for own in asked.targets] == [[4], [5], [4]]
        assert asked.requests[0].history.liked == ()

    def test_asks_no_more_than_wanted_of_the_held_out_alone(self):
        log = world.load("world-tiny", rng=np.random.default_rng(0))
        auditee = ranking_auditee(log, rng=np.random.default_rng(0))
        asked = held_out_lists(auditee, n_users=20, earlier=0.8, rng=np.random.default_rng(0))
        users = asked.users.tolist()
        assert len(users) == 20 and users == sorted(set(users) & set(auditee.population.held_out))

    @pytest.mark.parametrize("held_out", [[], [2, 3]])
    def test_nobody_with_something_to_find_is_said_in_words(self, held_out):
        with pytest.raises(NotApplicable, match=f"none of {len(held_out)} held-out users"):
            asking(LOG, held_out=np.array(held_out, dtype=np.int64))


def test_entries_that_are_nothing_new_are_set_aside_and_counted():
    request = Request(history=History(0, (7,)))
    entries = tuple(Recommendation(item) for item in (3, None, 7, 3, 5, 6))
    lists = Lists.of([Slate(request, entries), Slate(request, ())], 5)
    assert lists.items.tolist() == [[3, -1, -1, -1, 5], [-1] * 5]
    assert lists.wasted == {"no item": 1, "already in the history": 1, "twice in one list": 1}
    assert "1 (no item), 1 (already in the history), 1 (twice in one list)" in lists.caveats()[0]
    assert Lists.of([Slate(request, entries[:1])], 5).caveats() == []


def test_figures_by_hand():
    items = np.array([[4, 1, -1], [9, 8, 7], [1, 2, 3]])
    targets = [np.array([1, 5]), np.array([6]), np.array([1, 2, 3, 4, 5])]
    assert recall(items, targets) == pytest.approx([1 / 2, 0, 3 / 5])
    one, two = 1 / np.log2(2), 1 / np.log2(3)
    assert ndcg(items, targets) == pytest.approx([two / (one + two), 0, 1])


@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 12), n_targets=st.integers(1, 12))
def test_ndcg_equals_sklearns(seed, k, n_targets):
    order = np.random.default_rng(seed).permutation(12)
    targets = np.random.default_rng(seed + 1).permutation(12)[:n_targets]
    truth, scores = np.isin(np.arange(12), targets).astype(float), np.empty(12)
    scores[order] = -np.arange(12)
    expected = ndcg_score([truth], [scores], k=k)
    assert ndcg(order[None, :k], [targets]) == pytest.approx([expected])


def test_a_list_of_places_that_hold_nothing_finds_nothing():
    assert recall(np.full((1, 3), -1), [np.array([0])]).tolist() == [0]


def test_the_most_met_items_are_at_least_one_and_ties_go_to_the_earlier():
    assert most_met([1, 3, 3, 0, 3], 0.4).tolist() == [False, True, True, False, False]
    assert most_met([0, 0, 0], 0.2).tolist() == [True, False, False]
    assert most_met(np.arange(10), 0.3).sum() == 3


def test_a_rival_that_cannot_be_fitted_is_left_out_with_its_reason():
    log = log_of([(user, item, True) for user in range(20) for item in range(3)], n_items=10_001)
    rivals, caveats = fitted_rivals(ranking_auditee(log, rng=np.random.default_rng(0)))
    assert list(rivals) == ["popularity", "item_knn", "item_transition"]
    assert len(caveats) == 1 and caveats[0].startswith("ease is left out: EASE inverts")
