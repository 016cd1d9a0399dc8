"""ItemKNN and EASE are what their formulas say, and refuse what they cannot do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.models.base import Request
from recaudit.models.baselines import Ease, ItemKNN
from recaudit.models.data import Catalog, History, InteractionLog


def log_of(
    likes: np.ndarray, *, dislikes: tuple[tuple[int, int], ...] = (), liked: bool = True
) -> InteractionLog:
    """A log in which user u likes item i where ``likes[u, i]`` is 1."""
    users, items = np.nonzero(likes)
    worse = np.array(dislikes, dtype=np.int64).reshape(-1, 2)
    names = tuple(f"i{item}" for item in range(likes.shape[1]))
    return InteractionLog.build(
        name="by hand",
        catalog=Catalog(
            ids=names, titles=names, years=np.zeros(len(names), dtype=np.int64), genres=((),) * len(names)
        ),
        user_ids=tuple(f"u{user}" for user in range(len(likes))),
        user=np.concatenate([users, worse[:, 0]]),
        item=np.concatenate([items, worse[:, 1]]),
        liked=np.arange(len(users) + len(worse)) < len(users) if liked else None,
    )


TOY = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 0]])
LOG = log_of(TOY, dislikes=((2, 2),))
S01, S02, S12 = 2 / (6**0.5 + 1), 1 / (3**0.5 + 1), 1 / (2**0.5 + 1)

matrices = st.integers(0, 2**32 - 1).map(
    lambda seed: (np.random.default_rng(seed).random((9, 6)) < 0.45).astype(int)
)


class TestItemKNN:
    def test_equals_similarities_worked_by_hand(self):
        model = ItemKNN.with_settings(LOG, range(3), k=3, shrinkage=1.0)
        assert model.item_scores(History(0, (0,), (True,))) == pytest.approx([0, S01, S02, 0])
        both = model.item_scores(History(0, (0, 1), (True, True)))
        assert both == pytest.approx([S01, S01, S02 + S12, 0])

    def test_only_liked_items_of_the_history_count_and_each_once(self):
        model = ItemKNN.with_settings(LOG, range(3), k=3, shrinkage=1.0)
        mixed = History(0, (0, 1, 0), (True, False, True))
        assert model.item_scores(mixed) == pytest.approx([0, S01, S02, 0])
        unsaid = model.item_scores(History(0, (0, 1)))
        assert unsaid == pytest.approx([S01, S01, S02 + S12, 0])
        assert not model.item_scores(History(0, (0,), (False,))).any()

    def test_only_the_nearest_count(self):
        model = ItemKNN.with_settings(LOG, range(3), k=1, shrinkage=1.0)
        assert model.item_scores(History(0, (0,), (True,))) == pytest.approx([0, S01, 0, 0])
        assert model.item_scores(History(0, (2,), (True,))) == pytest.approx([0, S12, 0, 0])

    @given(likes=matrices, k=st.integers(1, 6), shrinkage=st.sampled_from([0.0, 1.0, 10.0]))
    def test_equals_a_naive_loop(self, likes, k, shrinkage):
        model = ItemKNN.with_settings(log_of(likes), range(len(likes)), k=k, shrinkage=shrinkage)
        n = likes.shape[1]
        for j in range(n):
            similar = np.zeros(n)
            for i in range(n):
                both = (likes[:, i] & likes[:, j]).sum()
                if i != j and both:
                    similar[i] = both / (np.sqrt(likes[:, i].sum() * likes[:, j].sum()) + shrinkage)
            kept = sorted(range(n), key=lambda i: (-similar[i], i))[:k]
            expected = [similar[i] if i in kept else 0.0 for i in range(n)]
            assert model.item_scores(History(0, (j,))) == pytest.approx(expected)

    def test_blocks_of_rows_join_up(self, monkeypatch):
        likes = (np.random.default_rng(0).random((40, 17)) < 0.3).astype(int)
        whole = ItemKNN.with_settings(log_of(likes), range(40), k=5)
        monkeypatch.setattr("recaudit.models.baselines.item_knn._ROWS", 4)
        parts = ItemKNN.with_settings(log_of(likes), range(40), k=5)
        np.testing.assert_array_equal(whole.neighbours, parts.neighbours)
        np.testing.assert_array_equal(whole.similarities, parts.similarities)


class TestEase:
    @given(likes=matrices, regularisation=st.sampled_from([0.5, 3.0, 50.0]))
    def test_solves_its_least_squares_problem(self, likes, regularisation):
        """Column by column, with the item itself left out of what may explain it."""
        model = Ease.with_settings(log_of(likes), range(len(likes)), regularisation=regularisation)
        n = likes.shape[1]
        for j in range(n):
            others = [i for i in range(n) if i != j]
            x = likes[:, others].astype(float)
            ridge = np.linalg.solve(x.T @ x + regularisation * np.eye(n - 1), x.T @ likes[:, j])
            assert model.weights[others, j] == pytest.approx(ridge, abs=1e-9)
            assert model.weights[j, j] == 0

    def test_scores_are_the_likes_times_the_weights(self):
        model = Ease.with_settings(LOG, range(3), regularisation=2.0)
        history = History(0, (0, 2, 1), (True, True, False))
        assert model.item_scores(history) == pytest.approx(np.array([1, 0, 1, 0]) @ model.weights)
        assert model.item_scores(History(0, ())).tolist() == [0, 0, 0, 0]

    def test_refuses_a_catalogue_whose_pairs_do_not_fit(self):
        many = log_of(np.ones((1, 10_001), dtype=int))
        with pytest.raises(ValueError, match="at most 10,000 items, so use ItemKNN"):
            Ease.fitted(many, [0])


@pytest.mark.parametrize("rule", [Ease, ItemKNN])
class TestBoth:
    def test_dislikes_are_no_likes_and_without_likes_all_that_was_met_counts(self, rule):
        with_dislike, plain = TOY.copy(), log_of(TOY)
        with_dislike[2, 2] = 1
        history = History(0, (0,))
        assert rule.fitted(LOG, range(3)).item_scores(history) == pytest.approx(
            rule.fitted(plain, range(3)).item_scores(history)
        )
        assert rule.fitted(log_of(with_dislike, liked=False), range(3)).item_scores(history) == pytest.approx(
            rule.fitted(log_of(with_dislike), range(3)).item_scores(history)
        )

    def test_learns_from_the_given_users_alone(self, rule):
        scores = rule.fitted(LOG, [0]).item_scores(History(0, (0,)))
        assert scores[1] > 0 and scores[2] == scores[3] == 0

    def test_finds_the_other_camp_of_a_checkerboard(self, rule):
        """Even users like even items, odd users odd ones: the rest of one's own colour comes first."""
        board = (np.add.outer(np.arange(60), np.arange(20)) % 2 == 0).astype(int)
        board[np.arange(60), np.random.default_rng(0).integers(0, 20, 60)] = 0
        model = rule.fitted(log_of(board), range(60))
        (slate,) = model.recommend([Request(history=History(0, (1, 3, 5), (True,) * 3))], 7)
        assert {entry.item for entry in slate.entries} == {7, 9, 11, 13, 15, 17, 19}

    @pytest.mark.parametrize("users", [[], [2]])
    def test_nothing_learnt_is_no_error(self, rule, users):
        assert not rule.fitted(LOG, users).item_scores(History(0, (0, 1))).any()
