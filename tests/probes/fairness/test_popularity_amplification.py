"""Silent on lists that mirror histories, loud on lists filled from the chart, and right in between."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.base import Recommendation, Slate
from recaudit.models.capabilities import lacking
from recaudit.models.datasets import world
from recaudit.models.planted.ranker import PlantedRanker, RankerDials
from recaudit.probes._retrieval import RIVALS
from recaudit.probes.base import Evidence, NotApplicable
from recaudit.probes.fairness.popularity_amplification import (
    FIFTHS,
    HISTORY,
    LIST,
    THINNED,
    PopularityAmplification,
    _head_lift,
    _Sides,
)
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee, ranking_auditee
from scipy.stats import binom

PROBE = PopularityAmplification()
(GATE,) = PROBE.criteria()


@pytest.fixture(scope="module")
def log():
    settings = world.WorldSettings(users=1500, items=400, per_user=30)
    return world.build_world(settings, name="w", rng=np.random.default_rng(0))


def auditee(log, **dials):
    return ranking_auditee(log, dials=RankerDials(**dials), rng=np.random.default_rng(1))


def measure(evidence, *, seed=3, alpha=0.05):
    rows = PROBE.estimate(evidence, np.random.default_rng(seed), alpha)
    return {(row.name, row.group): row for row in rows}, judge(GATE, rows).state


def audit(subject):
    return measure(PROBE.ask(subject, np.random.default_rng(2)))


class TestKnownWorlds:
    def test_passes_lists_that_mirror_histories(self, log):
        rows, state = audit(auditee(log))
        assert state == "pass" and abs(rows["head_lift", "overall"].value) < 0.03
        for label in FIFTHS:
            assert abs(rows["popularity_shift", label].value) < 0.03
        assert abs(rows["tail_lift", "overall"].value) < 0.03
        thinned = rows["gini@10", THINNED]
        assert abs(rows["gini@10", LIST].value - thinned.value) < 0.05
        assert rows["coverage@10", LIST].value == pytest.approx(rows["coverage@10", THINNED].value, abs=0.03)

    def test_fails_lists_filled_from_the_chart_by_the_share_dialled(self, log):
        rows, state = audit(auditee(log, popularity=0.5))
        mine, lift = rows["head_share", HISTORY], rows["head_lift", "overall"]
        assert state == "fail" and lift.value == pytest.approx(0.5 * (1 - mine.value), abs=0.03)
        assert lift.value == pytest.approx(rows["head_share", LIST].value - mine.value)
        assert rows["popularity_lift", "overall"].low > 0.3
        assert rows["gini@10", LIST].low > rows["gini@10", THINNED].high
        assert rows["popularity_shift", FIFTHS[0]].low > 0.1 > rows["popularity_shift", FIFTHS[1]].high

    def test_half_the_dial_is_half_the_lift(self, log):
        lifts = [audit(auditee(log, popularity=dial))[0]["head_lift", "overall"].value for dial in (0.2, 0.4)]
        assert lifts[1] == pytest.approx(2 * lifts[0], abs=0.03)

    def test_random_lists_hold_fewer_popular_items_and_pass(self, log):
        everyone = {("gender", "woman"): 1.0, ("gender", "man"): 1.0}
        rows, state = audit(auditee(log, group_blindness=everyone))
        assert state == "pass" and rows["head_lift", "overall"].high < -0.2
        assert rows["head_share", LIST].value == pytest.approx(0.2, abs=0.05)

    def test_the_chart_itself_reaches_the_end_of_every_scale(self, log):
        rows, _ = audit(auditee(log, popularity=1.0))
        assert rows["head_share", LIST].value == 1 and rows["aplt@10", LIST].value == 0
        assert rows["tail_lift", "overall"].value == -rows["aplt@10", HISTORY].value < -0.1
        for name in ("head_share", "coverage@10", "gini@10"):
            assert rows[name, LIST].value == pytest.approx(rows[name, "popularity"].value)
        assert rows["rival_head_lift", "popularity"].value == rows["head_lift", "overall"].value
        assert rows["coverage@10", LIST].value < 0.15 and rows["gini@10", LIST].value > 0.9


class TestAsking:
    def test_every_number_of_the_evidence_is_what_it_says(self, log):
        subject = auditee(log)
        evidence = PopularityAmplification(n_users=25).ask(subject, np.random.default_rng(2))
        column, counts = evidence.columns, subject.model.counts
        head = np.isin(np.arange(400), np.argsort(-counts, kind="stable")[:80])
        np.testing.assert_array_equal(column["met"], counts[column["item"]])
        np.testing.assert_array_equal(column["head"], head[column["item"]])
        tail = column["met"][column["tail"]]
        assert tail.max() <= column["met"][~column["tail"]].min()
        assert set(column["side"]) == {LIST, HISTORY, *RIVALS}
        assert len(np.unique(column["cluster"])) == 25
        assert (evidence.facts["head_items"], evidence.facts["items"]) == (80, 400)
        for user in np.unique(column["cluster"]):
            own = column["cluster"] == user
            assert set(column["item"][own & (column["side"] == HISTORY)]) == set(log.history(user).items[:24])
            assert (own & (column["side"] == LIST)).sum() == 10
            assert (own & column["drawn"]).sum() == 10
        assert not column["drawn"][column["side"] != HISTORY].any()

    def test_wasted_places_are_set_aside_and_said(self, log):
        class Wasteful(PlantedRanker):
            def recommend(self, requests, k):
                return [
                    Slate(
                        slate.request,
                        (
                            Recommendation(None),
                            Recommendation(slate.request.history.items[0]),
                            *slate.entries[2:],
                        ),
                    )
                    for slate in super().recommend(requests, k)
                ]

        subject = auditee(log)
        model = Wasteful(catalog=log.catalog, log=log, counts=subject.model.counts)
        evidence = PROBE.ask(replace(subject, model=model), np.random.default_rng(2))
        users = len(np.unique(evidence.columns["cluster"]))
        assert evidence.facts["wasted"] == {
            "no item": users,
            "already in the history": users,
            "twice in one list": 0,
        }
        assert any("set aside" in caveat for caveat in evidence.facts["caveats"])
        rows, state = measure(evidence)
        assert rows["coverage@10", LIST].n == 8 * users and state == "pass"

    def test_cases_show_the_largest_rise_first_and_hide_histories_of_real_people(self, log):
        subject = auditee(log, popularity=0.3)
        shown = PROBE.ask(subject, np.random.default_rng(2)).exhibits
        assert [case.kind for case in shown] == ["worst"] * 3 + ["random"] * 3
        assert shown[0].effect >= shown[1].effect >= shown[2].effect >= max(c.effect for c in shown[3:])
        assert "liked" in shown[0].left and shown[0].right.count("met by") == 10
        real = replace(subject, log=replace(log, synthetic=False))
        assert PROBE.ask(real, np.random.default_rng(2)).exhibits[0].left == "a history of 24 items"

    def test_says_what_is_missing(self, log):
        subject = auditee(log)
        nobody = replace(subject.population, held_out=np.array([], dtype=np.int64))
        with pytest.raises(NotApplicable, match="nothing to be found"):
            PROBE.ask(replace(subject, population=nobody), np.random.default_rng(0))
        untaught = replace(subject.population, members=np.array([], dtype=np.int64))
        with pytest.raises(NotApplicable, match="no member"):
            PROBE.ask(replace(subject, population=untaught), np.random.default_rng(0))

    def test_a_judge_of_single_items_is_not_asked(self, log):
        judging = planted_auditee(log, rng=np.random.default_rng(0))
        assert lacking(PROBE.needs, judging.capabilities)
        assert not lacking(PROBE.needs, auditee(log).capabilities)

    def test_data_without_likes_or_attributes_can_be_asked(self, log):
        plain = replace(log, liked=None, rating=None, attributes={})
        rows, state = audit(auditee(plain))
        assert state == "pass" and rows["head_lift", "overall"].clusters > 400


def synthetic(lift: float, seed: int, *, users=200) -> Evidence:
    """Histories of 24 and lists of ten; each user has a share of popular items, and lists ``lift`` more."""
    rng = np.random.default_rng(seed)
    share = rng.uniform(0.3, 0.7, users)
    mine = rng.random((users, 24)) < share[:, None]
    theirs = rng.random((users, 10)) < share[:, None] + lift
    head = np.concatenate([mine.ravel(), theirs.ravel()])
    sizes = [mine.size, theirs.size]
    return Evidence(
        columns={
            "cluster": np.concatenate([np.repeat(np.arange(users), n) for n in (24, 10)]),
            "side": np.repeat([HISTORY, LIST], sizes),
            "item": np.where(head, rng.integers(0, 20, len(head)), rng.integers(20, 100, len(head))),
            "drawn": np.concatenate([np.tile(np.arange(24) < 10, users), np.zeros(sizes[1], dtype=bool)]),
            "head": head,
            "met": np.where(head, 50, 5),
            "tail": ~head & (rng.random(len(head)) < 0.3),
            "fifth": np.where(head, 0, 1 + rng.integers(0, 4, len(head))),
        },
        facts={"items": 100, "head_items": 20},
    )


class TestEstimate:
    def test_equals_figures_worked_by_hand(self):
        evidence = synthetic(0.2, 0, users=40)
        column, (rows, _) = evidence.columns, measure(evidence)
        of = {
            side: [
                column["head"][(column["cluster"] == user) & (column["side"] == side)].mean()
                for user in range(40)
            ]
            for side in (LIST, HISTORY)
        }
        lift = np.subtract(of[LIST], of[HISTORY])
        row = rows["head_lift", "overall"]
        assert row.value == pytest.approx(lift.mean()) and row.clusters == 40
        assert row.high - row.value == pytest.approx(1.6849 * lift.std(ddof=1) / 40**0.5, rel=1e-4)
        met = {side: 5 + 45 * np.array(shares) for side, shares in of.items()}
        assert rows["popularity_lift", "overall"].value == pytest.approx(
            ((met[LIST] - met[HISTORY]) / met[HISTORY]).mean()
        )
        assert rows["popularity_shift", FIFTHS[0]].value == pytest.approx(lift.mean())
        shifts = [rows["popularity_shift", label].value for label in FIFTHS]
        assert sum(shifts) == pytest.approx(0)
        note = rows["popularity_shift", FIFTHS[0]].note
        assert f"(MGU) {np.abs(shifts).mean():.3f}" in note and f"(DGU) {np.ptp(shifts):.3f}" in note
        tail = {
            side: np.array(
                [
                    column["tail"][(column["cluster"] == user) & (column["side"] == side)].mean()
                    for user in range(40)
                ]
            )
            for side in (LIST, HISTORY)
        }
        assert rows["aplt@10", LIST].value == pytest.approx(tail[LIST].mean())
        assert rows["tail_lift", "overall"].value == pytest.approx((tail[LIST] - tail[HISTORY]).mean())
        assert rows["aclt@10", "overall"].value == pytest.approx(10 * tail[LIST].mean())
        reached = np.unique(column["item"][column["side"] == LIST])
        assert rows["coverage@10", LIST].value == pytest.approx(len(reached) / 100)
        assert rows["coverage@10", THINNED].n == 400

    @pytest.mark.parametrize("users", [0, 1])
    def test_too_few_users_are_not_estimable(self, users):
        evidence = synthetic(0.2, 0)
        rows, state = measure(evidence.where(evidence.columns["cluster"] < users))
        assert state == "inconclusive"
        assert all(row.value is None and row.note for row in rows.values())

    def test_lists_that_hold_nothing_new_decide_nothing(self):
        evidence = synthetic(0.2, 0)
        rows, state = measure(evidence.where(evidence.columns["side"] == HISTORY))
        assert state == "inconclusive" and rows["head_lift", "overall"].value is None
        assert rows["head_share", HISTORY].value is not None

    def test_does_not_depend_on_row_order_or_storage(self):
        evidence = synthetic(0.1, 1)
        order = np.random.default_rng(0).permutation(len(evidence))
        stored = Evidence(
            columns={name: column[order] for name, column in evidence.columns.items()},
            facts=json.loads(json.dumps(evidence.facts)),
        )
        before, after = measure(evidence)[0], measure(stored)[0]
        assert before.keys() == after.keys()
        for key, row in before.items():
            assert (row.value, row.low, row.high) == pytest.approx(
                (after[key].value, after[key].low, after[key].high)
            )

    def test_raises_no_warning(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            measure(synthetic(0.0, 2))


def failures(lift: float, seeds: int) -> int:
    states = []
    for seed in range(seeds):
        row = _head_lift(_Sides.of(synthetic(lift, seed)), 0.05)
        states.append(judge(GATE, [row]).state)
    return states.count("fail")


def test_rates_of_the_gate():
    evidence = synthetic(0.1, 7)
    assert _head_lift(_Sides.of(evidence), 0.05) == measure(evidence)[0]["head_lift", "overall"]
    assert failures(0.0, 200) <= 2
    low, high = binom.ppf([0.005, 0.995], 200, 0.05)
    assert low <= failures(0.1, 200) <= high
    assert failures(0.17, 200) >= 180
