import zlib
from dataclasses import dataclass, replace

import numpy as np
import pytest
from recaudit.models.base import Recommendation, Request, Slate
from recaudit.models.capabilities import lacking
from recaudit.models.data import Catalog, History, InteractionLog
from recaudit.models.datasets import world
from recaudit.models.planted.yes_no import Dials, PlantedYesNo
from recaudit.probes.base import Evidence, NotApplicable
from recaudit.probes.fairness._history_swap import GroupTaste, group_tastes
from recaudit.probes.fairness._list_moves import moved
from recaudit.probes.fairness.history_counterfactual import HistoryCounterfactual
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.testing import planted_auditee, ranking_auditee
from scipy.stats import binom

PROBE = HistoryCounterfactual()
KEY = "gender: woman vs man"


@dataclass(frozen=True, kw_only=True)
class JudgesByTaste(PlantedYesNo):
    """Says yes more readily, the more the history holds of the genres that women meet more often."""

    pull: float = 1.0

    def _judge(self, request: Request):
        women = set(world.GENRES[1::2])
        shares = [
            np.mean([genre in women for genre in self.catalog.genres[item]]) for item in request.history.items
        ]
        return super()._judge(request) + self.pull * np.mean(shares)


@pytest.fixture(scope="module")
def log():
    settings = world.WorldSettings(users=700, items=120, per_user=20, taste_gap=1.5)
    built = world.build_world(settings, name="tastes", rng=np.random.default_rng(0))
    return replace(built, attributes={name: built.attributes[name] for name in ("gender", "country")})


def auditee(log, *, pull=0.0, **dials):
    honest = planted_auditee(log, dials=Dials(**dials), rng=np.random.default_rng(0))
    return replace(honest, model=JudgesByTaste(catalog=log.catalog, dials=Dials(**dials), pull=pull))


def measure(evidence, *, seed=2, alpha=0.05):
    rows = PROBE.estimate(evidence, np.random.default_rng(seed), alpha)
    return {(row.name, row.group): row for row in rows}


class TestKnownWorlds:
    @pytest.mark.parametrize("dials", [{}, {"noise": 0.3}, {"first_item": 1.0}, {"insertion_shift": 1.0}])
    def test_a_model_that_follows_likes_alone_shows_no_shift(self, log, dials):
        rows = measure(PROBE.ask(auditee(log, **dials), np.random.default_rng(1)), alpha=0.005)
        assert all(row.low < 0 < row.high for row in rows.values())

    @pytest.mark.parametrize("pull", [1.0, -1.0])
    def test_finds_a_model_that_judges_by_the_tastes_of_a_group(self, log, pull):
        rows = measure(PROBE.ask(auditee(log, pull=pull), np.random.default_rng(1)))
        row = rows["history_shift", KEY]
        assert row.value * pull > 0.05 and (row.low > 0 or row.high < 0)
        assert abs(rows["placebo_history_shift", KEY].value) < abs(row.value) / 3

    def test_is_reported_and_never_judged(self, log):
        rows = measure(PROBE.ask(auditee(log, pull=1.0), np.random.default_rng(1)))
        assert (
            overall([judge(criterion, list(rows.values())) for criterion in PROBE.criteria()]) == "reported"
        )


class TestAsking:
    def test_two_groups_give_one_contrast_and_more_give_one_each(self, log):
        evidence = PROBE.ask(auditee(log), np.random.default_rng(1))
        countries = sorted(set(log.attributes["country"]))
        assert evidence.facts["contrasts"] == [KEY, *(f"country: {name} vs the rest" for name in countries)]
        assert len(evidence) <= PROBE.calls()

    def test_each_user_is_turned_towards_the_other_group(self, log):
        column = PROBE.ask(auditee(log), np.random.default_rng(1)).columns
        swapped = column["condition"] == f"swap {KEY}"
        for user, towards in zip(column["cluster"][swapped], column["towards"][swapped], strict=True):
            assert towards == (1 if log.attributes["gender"][user] == "man" else -1)

    def test_of_an_unknown_user_nothing_is_swapped(self, log):
        unknown = tuple("" if user % 2 else own for user, own in enumerate(log.attributes["gender"]))
        column = PROBE.ask(
            auditee(replace(log, attributes={"gender": unknown})), np.random.default_rng(1)
        ).columns
        swapped = column["condition"] != "as it is"
        assert set(column["cluster"][swapped] % 2) == {0} and set(column["cluster"] % 2) == {0, 1}

    def test_says_what_is_missing(self, log):
        with pytest.raises(NotApplicable, match="two groups of 30 users"):
            PROBE.ask(auditee(replace(log, attributes={})), np.random.default_rng(1))
        with pytest.raises(NotApplicable, match="two groups of 400 users"):
            HistoryCounterfactual(min_group=400).ask(auditee(log), np.random.default_rng(1))

    def test_evidence_is_the_same_for_the_same_seed(self, log):
        first, second = (PROBE.ask(auditee(log, noise=0.3), np.random.default_rng(5)) for _ in range(2))
        for name, column in first.columns.items():
            np.testing.assert_array_equal(column, second.columns[name])


def small_log() -> InteractionLog:
    """Forty women who met items 0, 2 and 3, forty men who met items 1, 2 and 3."""
    catalog = Catalog(
        ids=tuple("abcd"), titles=tuple("ABCD"), years=np.zeros(4, dtype=np.int64), genres=((),) * 4
    )
    return InteractionLog.build(
        name="small",
        catalog=catalog,
        user_ids=tuple(str(user) for user in range(80)),
        user=np.repeat(np.arange(80), 3),
        item=np.array([[0, 2, 3]] * 40 + [[1, 2, 3]] * 40).ravel(),
        liked=np.ones(240, dtype=np.bool_),
        attributes={"gender": ("woman",) * 40 + ("man",) * 40},
    )


class TestTypicality:
    def test_is_the_smoothed_log_ratio_of_shares(self):
        [taste] = group_tastes(small_log(), np.arange(80), max_values=4, min_group=30)
        assert taste.label == KEY
        overall_share = 40.5 / 81
        expected = np.log((40 + 10 * overall_share) / (10 * overall_share))
        np.testing.assert_allclose(taste.typicality, [expected, -expected, 0, 0], atol=1e-12)
        np.testing.assert_allclose(taste.popularity, np.log1p([40, 40, 80, 80]))

    def test_meeting_an_item_twice_counts_once(self):
        log = small_log()
        again = np.repeat(np.arange(len(log)), 2)
        [once] = group_tastes(log, np.arange(80), max_values=4, min_group=30)
        [twice] = group_tastes(log.take(again), np.arange(80), max_values=4, min_group=30)
        np.testing.assert_array_equal(once.typicality, twice.typicality)

    def test_counts_only_the_users_it_is_given(self):
        assert group_tastes(small_log(), np.arange(60), max_values=4, min_group=30) == []


class TestSwap:
    taste = GroupTaste(
        "gender",
        "woman",
        KEY,
        typicality=np.array([2.0, 1.9, 1.8, 0.1, 0.0, -0.1, -1.7, -1.8, -1.9, -2.0, 0.4, -0.4]),
        popularity=np.array([3.0, 2.0, 1.0, 3.0, 2.0, 1.0, 3.0, 2.0, 1.0, 2.5, 2.0, 2.0]),
    )
    history = History(7, (9, 3, 11), (True, False, True))

    def test_the_least_like_item_gives_way_to_a_typical_one_of_like_popularity(self):
        swapped = self.taste.swapped(self.history, k=1, towards=True, avoid=())
        assert swapped.items[1:] == (3, 11) and swapped.items[0] in (0, 1)
        assert self.taste.swapped(self.history, k=1, towards=True, avoid=(0,)).items[0] == 1

    def test_works_in_the_other_direction_with_likes_kept_in_their_places(self):
        swapped = self.taste.swapped(self.history, k=2, towards=False, avoid=())
        assert (
            swapped.items[0] == 9 and set(swapped.items[1:]) <= {7, 8} and swapped.liked == self.history.liked
        )
        assert swapped.user == 7 and len(set(swapped.items)) == 3

    def test_the_placebo_exchanges_what_tells_least(self):
        swapped = self.taste.swapped(self.history, k=1, towards=True, avoid=(), neutral=True)
        assert swapped.items[0] == 9 and swapped.items[2] == 11 and swapped.items[1] in (4, 5)

    def test_nothing_is_swapped_in_twice_and_candidates_stay_out(self):
        swapped = self.taste.swapped(self.history, k=3, towards=True, avoid=(0, 1))
        assert set(swapped.items) == {2, 3, 11}


def synthetic(effect: float, seed: int, *, users=50, items=3) -> Evidence:
    rng = np.random.default_rng(seed)
    towards = np.where(rng.random((users, 1)) < 0.5, 1.0, -1.0)
    level, placebo = rng.normal(0, 1, (users, items)), rng.normal(0, 0.1, (users, 1))
    after = level + placebo + towards * (effect + rng.normal(0, 0.2, (users, 1)))
    cells = {"as it is": level, f"placebo {KEY}": level + placebo, f"swap {KEY}": after}
    signs = np.broadcast_to(towards, (users, items)).ravel()
    columns = {
        "cluster": np.tile(np.repeat(np.arange(users), items), 3),
        "candidate": np.tile(np.arange(items), users * 3),
        "condition": np.repeat(list(cells), users * items),
        "own": np.repeat([True, False, False], users * items),
        "towards": np.concatenate([np.zeros(users * items), signs, signs]),
        "score": np.concatenate([cell.ravel() for cell in cells.values()]),
    }
    return Evidence(columns=columns, facts={"contrasts": [KEY], "k": 3})


class TestEstimate:
    @pytest.mark.parametrize("effect", [0.0, 0.3])
    def test_each_end_of_the_interval_holds_at_its_level(self, effect):
        rows = [measure(synthetic(effect, seed), seed=seed)["history_shift", KEY] for seed in range(200)]
        low, high = binom.ppf([0.005, 0.995], 200, 0.05)
        assert low <= sum(row.low > effect for row in rows) <= high
        assert low <= sum(row.high < effect for row in rows) <= high

    def test_does_not_depend_on_row_order(self):
        evidence = synthetic(0.2, 0)
        order = np.random.default_rng(0).permutation(len(evidence))
        shuffled = replace(
            evidence, columns={name: column[order] for name, column in evidence.columns.items()}
        )
        before, after = measure(evidence), measure(shuffled)
        for key, row in before.items():
            assert (row.value, row.low) == pytest.approx((after[key].value, after[key].low))

    @pytest.mark.parametrize("users", [0, 1])
    def test_too_few_users_are_not_estimable(self, users):
        evidence = synthetic(0.2, 0)
        rows = measure(evidence.where(evidence.columns["cluster"] < users))
        assert len(rows) == 2 and all(row.value is None and row.note for row in rows.values())


@dataclass(frozen=True)
class ListsByTaste:
    """Recommends items of women's genres if the history leans that way, and of men's if it does not."""

    log: InteractionLog
    pull: float = 0.0

    @property
    def catalog(self):
        return self.log.catalog

    def recommend(self, requests, k):
        return [self._slate(request, k) for request in requests]

    def _slate(self, request, k):
        rng = np.random.default_rng(zlib.crc32(repr(request.history.user).encode()))
        women = np.array(
            [np.mean([g in world.GENRES[1::2] for g in genres]) for genres in self.catalog.genres]
        )
        leaning = women[list(request.history.items)].mean() - 0.5
        scores = rng.random(len(women)) + self.pull * leaning * women
        scores[list(request.history.items)] = -np.inf
        return Slate(request, tuple(Recommendation(int(item)) for item in np.argsort(-scores)[:k]))


def listing(log, pull=0.0):
    return replace(auditee(log), model=ListsByTaste(log, pull))


class TestLists:
    def test_a_list_that_does_not_follow_the_history_does_not_move(self, log):
        rows = measure(PROBE.ask(listing(log), np.random.default_rng(1)))
        assert {name for name, _ in rows} == {"list_move", "placebo_list_move"}
        assert all(row.value == 0 for row in rows.values())

    def test_a_list_that_follows_a_groups_taste_moves_beyond_the_placebo(self, log):
        rows = measure(PROBE.ask(listing(log, pull=4.0), np.random.default_rng(1)))
        assert rows["list_move", KEY].low > 0.3
        assert rows["placebo_list_move", KEY].value < rows["list_move", KEY].value

    def test_a_list_drawn_anew_for_every_history_moves_no_further_than_under_the_placebo(self, log):
        subject = ranking_auditee(log, rng=np.random.default_rng(0))
        rows = measure(PROBE.ask(subject, np.random.default_rng(1)), alpha=0.005)
        assert rows["placebo_list_move", KEY].low > 0.5
        assert rows["list_move", KEY].low < 0 < rows["list_move", KEY].high

    def test_one_row_a_person_and_contrast(self, log):
        evidence = PROBE.ask(listing(log), np.random.default_rng(1))
        assert len(evidence) == 80 * len(evidence.facts["contrasts"])
        assert PROBE.criteria() == () and not lacking(PROBE.needs, listing(log).capabilities)
        assert not lacking(PROBE.needs, auditee(log).capabilities)

    @pytest.mark.parametrize("users", [0, 1])
    def test_too_few_users_are_not_estimable(self, log, users):
        evidence = PROBE.ask(listing(log), np.random.default_rng(1))
        kept = np.unique(evidence.columns["cluster"])[:users]
        rows = measure(evidence.where(np.isin(evidence.columns["cluster"], kept)))
        assert rows and all(row.value is None and row.note for row in rows.values())


def slate(history, items):
    return Slate(Request(history=History(0, history)), tuple(Recommendation(item) for item in items))


def test_a_move_counts_items_that_could_stand_in_both_lists():
    before, after = slate((1, 2), (3, 4, 5, 6)), slate((1, 3), (2, 4, 7, None))
    assert moved(before, after, beside=(), k=2) == 0.5
    assert moved(before, after, beside=(slate((4,), ()),), k=2) == 1
    assert moved(before, before, beside=(), k=3) == 0
    assert np.isnan(moved(before, slate((1,), ()), beside=(), k=3))
