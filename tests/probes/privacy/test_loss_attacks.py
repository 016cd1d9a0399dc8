"""The attacker's rows and scores, held against brute force and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.models.data import Catalog, Example, History, InteractionLog
from recaudit.models.datasets.world import WorldSettings, build_world
from recaudit.probes.base import NotApplicable
from recaudit.probes.privacy._blind import blind_scores
from recaudit.probes.privacy._handed_in import user_means
from recaudit.probes.privacy._loss_attacks import draw_rows, near_duplicates, truth_odds
from recaudit.probes.stats.auc import auc
from scipy.special import logit


def example(user: int, items: tuple[int, ...], target: int) -> Example:
    return Example(History(user, items, (True,) * len(items)), target, True)


def shared(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    return sum(min(left.count(item), right.count(item)) for item in set(left))


@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.integers(0, 4), min_size=4, max_size=4), st.integers(0, 1)),
        min_size=1,
        max_size=12,
    )
)
@settings(max_examples=60, deadline=None)
def test_near_duplicates_are_those_that_comparing_all_pairs_finds(
    rows: list[tuple[bool, list[int], int]],
) -> None:
    drawn = [example(user, tuple(items), target) for user, (_, items, target) in enumerate(rows)]
    member = np.array([side for side, _, _ in rows])
    brute = [
        any(
            member[i] != member[j]
            and one.target == other.target
            and shared(one.history.items, other.history.items) >= 3
            for j, other in enumerate(drawn)
        )
        for i, one in enumerate(drawn)
    ]
    assert near_duplicates(drawn, member, n_items=5, rng=np.random.default_rng(1)).tolist() == brute


def test_no_rows_have_no_duplicates() -> None:
    empty = np.zeros(0, dtype=np.bool_)
    assert near_duplicates([], empty, n_items=3, rng=np.random.default_rng(0)).tolist() == []


def test_truth_odds_is_the_logit_and_stays_finite_at_the_ends() -> None:
    p = np.array([1e-6, 0.2, 0.5, 0.9, 1 - 1e-9])
    assert truth_odds(np.log(p)) == pytest.approx(logit(p), rel=1e-5)
    assert truth_odds(np.array([0.0]))[0] == pytest.approx(27.6, abs=0.1)


def test_user_means_are_in_order_of_users() -> None:
    assert user_means(np.array([1.0, 5.0, 3.0]), np.array([9, 2, 9])).tolist() == [5.0, 2.0]


def world(users: int = 200, per_user: int = 13) -> InteractionLog:
    settings = WorldSettings(users=users, items=120, per_user=per_user)
    return build_world(settings, name="w", rng=np.random.default_rng(3))


def test_rows_are_the_users_own_and_sides_are_equal() -> None:
    log, rng = world(), np.random.default_rng(0)
    members, held_out = np.arange(0, 120), np.arange(120, 200)
    rows = draw_rows(log, members, held_out, n_users=500, per_user=2, window=10, rng=rng)
    assert len(np.unique(rows.user[rows.member])) == len(np.unique(rows.user[~rows.member])) == 80
    assert np.array_equal(rows.member, np.isin(rows.user, members))
    for one in rows.examples:
        own = log.history(one.history.user)
        places = [i for i in range(len(own) - 10) if own.items[i : i + 10] == one.history.items]
        assert any(own.items[i + 10] == one.target and own.liked[i + 10] == one.liked for i in places)


def test_a_twin_on_the_other_side_drops_both() -> None:
    log = world()
    # User 150 becomes a copy of user 0, so that every window of theirs has a twin.
    assert log.liked is not None
    item, liked = log.item.copy(), log.liked.copy()
    item[log.rows(150)], liked[log.rows(150)] = item[log.rows(0)], liked[log.rows(0)]
    twin = InteractionLog.build(
        name="twin", catalog=log.catalog, user_ids=log.user_ids, user=log.user, item=item, liked=liked
    )
    rows = draw_rows(
        twin,
        np.arange(100),
        np.arange(100, 200),
        n_users=100,
        per_user=9,
        window=10,
        rng=np.random.default_rng(0),
    )
    assert rows.dropped == 6
    assert not {0, 150} & set(rows.user.tolist())


def test_too_few_users_or_no_likes_are_refused_in_words() -> None:
    log, rng = world(), np.random.default_rng(0)
    with pytest.raises(NotApplicable, match="9 members and 100 held-out users have more than 10"):
        draw_rows(log, np.arange(9), np.arange(100, 200), n_users=9, per_user=1, window=10, rng=rng)
    pairs = InteractionLog.build(
        name="pairs", catalog=log.catalog, user_ids=log.user_ids, user=log.user, item=log.item
    )
    with pytest.raises(NotApplicable, match="'pairs' has no likes"):
        draw_rows(pairs, np.arange(50), np.arange(50, 99), n_users=9, per_user=1, window=10, rng=rng)


def blind_auc(log: InteractionLog, seed: int) -> float:
    rng = np.random.default_rng(seed)
    users = rng.permutation(200)
    rows = draw_rows(log, users[:100], users[100:], n_users=100, per_user=2, window=10, rng=rng)
    scores = blind_scores(log, rows, rng=rng)
    member = rows.member[np.unique(rows.user, return_index=True)[1]]
    value = auc(scores[member], scores[~member])
    assert value is not None
    return value


def test_the_blind_classifier_is_at_chance_between_halves_of_one_crowd() -> None:
    log = world()
    found = [blind_auc(log, seed) for seed in range(6)]
    # sd .058 at 100 users a side (the doubled variance), so the mean of 6 has .024
    assert abs(np.mean(found) - 0.5) < 0.07


def test_the_blind_classifier_can_do_without_years_and_times() -> None:
    log = world()
    catalog = Catalog(
        ids=log.catalog.ids,
        titles=log.catalog.titles,
        years=np.zeros(len(log.catalog), dtype=np.int64),
        genres=log.catalog.genres,
    )
    bare = InteractionLog.build(
        name="bare", catalog=catalog, user_ids=log.user_ids, user=log.user, item=log.item, liked=log.liked
    )
    assert 0.2 < blind_auc(bare, 0) < 0.8
