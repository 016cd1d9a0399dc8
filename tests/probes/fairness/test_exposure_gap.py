"""Silent where groups get their due, loud where a provider is held back, and slow to blame luck."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.baselines import Popularity
from recaudit.models.capabilities import lacking
from recaudit.models.datasets import world
from recaudit.models.planted.gatekeeper import PlantedGatekeeper
from recaudit.models.planted.ranker import RankerDials
from recaudit.probes.base import Evidence, NotApplicable
from recaudit.probes.fairness._item_groups import item_groups
from recaudit.probes.fairness.exposure_gap import HISTORY, LIST, TARGETS, ExposureGap
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee, ranking_auditee
from recaudit.probes.trials.exposure_gap import TRIAL
from scipy.stats import binom

PROBE = ExposureGap()
(GATE,) = PROBE.criteria()


@pytest.fixture(scope="module")
def log():
    settings = world.WorldSettings(users=1500, items=400, per_user=30)
    return world.build_world(settings, name="w", rng=np.random.default_rng(0))


def auditee(log, **dials):
    return ranking_auditee(log, dials=RankerDials(**dials), rng=np.random.default_rng(1))


def measure(evidence, probe=PROBE, alpha=0.05):
    rows = probe.estimate(evidence, np.random.default_rng(3), alpha)
    return {(row.name, row.group): row for row in rows}, judge(GATE, rows)


def audit(subject, probe=PROBE):
    return measure(probe.ask(subject, np.random.default_rng(2)), probe)


class TestKnownWorlds:
    def test_passes_lists_that_mirror_what_people_like(self, log):
        rows, verdict = audit(auditee(log))
        assert verdict.state == "pass"
        ratios = {group: row for (name, group), row in rows.items() if name == "exposure_ratio"}
        assert len(ratios) == 6 + 8 + 3
        assert all(0.6 < row.value < 1.6 for row in ratios.values())
        assert rows["eur@lowest_over_highest", "provider"].value > 0.6

    def test_fails_a_provider_that_is_held_back_by_the_share_dialled(self, log):
        subject = auditee(log)
        model = PlantedGatekeeper(
            catalog=log.catalog, counts=log.item_counts, provider="Studio C", held_back=0.8
        )
        honest, _ = audit(replace(subject, model=replace(model, held_back=0.0), memo={}))
        rows, verdict = audit(replace(subject, model=model, memo={}))
        assert verdict.state == "fail" and verdict.group == "provider: Studio C"
        key = "exposure_ratio", "provider: Studio C"
        assert rows[key].value == pytest.approx(0.2 * honest[key].value, abs=0.05)
        assert rows["awrf@total_variation", "provider"].low > honest["awrf@total_variation", "provider"].high
        assert rows["eel", "provider"].value > honest["eel", "provider"].value
        assert rows["group_unfairness", "provider: Studio C"].high < -0.05

    def test_the_chart_starves_the_tail_and_says_little_of_providers(self, log):
        """With a dozen items on all lists, whose they are is luck: no provider may fail by it."""
        subject = auditee(log)
        chart = Popularity.fitted(log, subject.population.members)
        rows, verdict = audit(replace(subject, model=chart, memo={}))
        assert verdict.state == "fail" and verdict.group.startswith("popularity")
        assert rows["exposure_ratio", "popularity: tail"].value == 0
        assert 0 < rows["exposure_ratio", "popularity: tail"].high < 0.2
        for (name, group), row in rows.items():
            if name == "exposure_ratio" and group.startswith("provider"):
                assert row.low < 1 < row.high and "two-way" in row.method
        reached = rows["coverage@10", "overall"].value * 400
        assert 10 <= reached < 40 and rows["exposure_gini@all_items_over_n", "overall"].value > 0.95

    def test_random_lists_match_the_catalogue(self, log):
        probe = ExposureGap(target="catalogue")
        everyone = {("gender", "woman"): 1.0, ("gender", "man"): 1.0}
        rows, verdict = audit(auditee(log, group_blindness=everyone), probe)
        assert verdict.state != "fail"
        for (name, group), row in rows.items():
            if name == "exposure_ratio" and not group.startswith("popularity"):
                assert max(0.5, row.low) < 1 < row.high
        assert rows["coverage@10", "overall"].value > 0.99


class TestAsking:
    def test_every_number_of_the_evidence_is_what_it_says(self, log):
        subject = auditee(log)
        evidence = ExposureGap(n_users=20).ask(subject, np.random.default_rng(2))
        column, groups = evidence.columns, item_groups(log.catalog, subject.model.counts)
        assert set(column["side"]) == {LIST, HISTORY, TARGETS} and set(groups) == {
            "provider",
            "genre",
            "popularity",
        }
        for name, of_item in groups.items():
            sets = evidence.facts["attributes"][name]["groups"]
            for code, item in zip(column[name].tolist(), column["item"].tolist(), strict=True):
                assert tuple(sets[code]) == of_item[item]
        for user in np.unique(column["cluster"]):
            own = column["cluster"] == user
            assert column["place"][own & (column["side"] == LIST)].tolist() == list(range(1, 11))
            assert set(column["item"][own & (column["side"] == HISTORY)]) == set(log.history(user).items[:24])
            liked = {i for i, like in zip(log.item[log.rows(user)][24:], log.liked[log.rows(user)][24:]) if like}  # fmt: skip  # noqa: B905, E501
            assert set(column["item"][own & (column["side"] == TARGETS)]) == liked
        assert not column["place"][column["side"] != LIST].any()

    def test_cases_name_the_groups_and_hide_histories_of_real_people(self, log):
        subject = auditee(log)
        shown = PROBE.ask(subject, np.random.default_rng(2)).exhibits
        assert [case.kind for case in shown] == ["worst"] * 3 + ["random"] * 3
        assert shown[0].right.count("Studio") == 10 and "liked" in shown[0].left
        real = replace(subject, log=replace(log, synthetic=False))
        assert PROBE.ask(real, np.random.default_rng(2)).exhibits[0].left == "a history of 24 items"

    def test_says_what_is_missing(self, log):
        subject = auditee(log)
        bare = replace(log.catalog, providers=(), genres=((),) * len(log.catalog))
        nobody = replace(subject.population, members=np.array([], dtype=np.int64))
        blind = replace(subject, model=replace(subject.model, catalog=bare), population=nobody)
        with pytest.raises(NotApplicable, match="no providers or genres"):
            PROBE.ask(blind, np.random.default_rng(0))
        assert lacking(PROBE.needs, planted_auditee(log, rng=np.random.default_rng(0)).capabilities)
        assert not lacking(PROBE.needs, subject.capabilities)

    def test_popularity_alone_can_be_asked(self, log):
        bare = replace(log.catalog, providers=(), genres=((),) * len(log.catalog))
        rows, _ = audit(auditee(replace(log, catalog=bare, liked=None, attributes={})))
        assert {group for name, group in rows if name == "exposure_ratio"} == {
            f"popularity: {name}" for name in ("head", "middle", "tail")
        }


def by_hand(copies: int = 1) -> Evidence:
    """Two users, each so many times, and four items: 0 and 1 of A, 2 of A and B in halves, 3 of B."""
    rows = [
        (0, LIST, 0, 1), (0, LIST, 3, 2), (1, LIST, 2, 1), (1, LIST, 1, 2),
        (0, HISTORY, 1, 0), (1, HISTORY, 3, 0),
        (0, TARGETS, 3, 0), (1, TARGETS, 0, 0), (1, TARGETS, 3, 0),
    ]  # fmt: skip
    user, side, item, place = (np.array(column * copies) for column in zip(*rows, strict=True))
    user = user + 2 * np.arange(copies).repeat(len(rows))
    code = np.array([0, 0, 1, 2])
    attributes = {"provider": {"groups": [["A"], ["A", "B"], ["B"]], "items": [2, 1, 1]}}
    return Evidence(
        columns={"cluster": user, "side": side, "item": item, "place": place, "provider": code[item]},
        facts={"items": 4, "attributes": attributes},
    )


class TestEstimate:
    def test_equals_figures_worked_by_hand(self):
        rows, _ = measure(by_hand(copies=10))
        first = 1 / (1 + 1 / np.log2(3))
        exposed = np.array([(first + first / 2 + 1 - first) / 2, (1 - first + first / 2) / 2])
        due = np.array([0.25, 0.75])
        for group, share, owed in zip("AB", exposed, due, strict=True):
            assert rows["exposure_share", f"provider: {group}"].value == pytest.approx(share)
            assert rows["exposure_ratio", f"provider: {group}"].value == pytest.approx(share / owed)
        assert rows["group_unfairness", "provider: A"].value == pytest.approx((0.5 + 0.75) / 2 - 0.5)
        assert rows["mgu", "provider"].value == pytest.approx(0.125)
        assert rows["dgu", "provider"].value == pytest.approx(0.25)
        assert rows["awrf@total_variation", "provider"].value == pytest.approx(exposed[0] - 0.25)
        eed, eer = (exposed**2).sum(), 2 * (exposed * due).sum()
        assert rows["eed", "provider"].value == pytest.approx(eed)
        assert rows["eer", "provider"].value == pytest.approx(eer)
        assert rows["eel", "provider"].value == pytest.approx(eed - eer + (due**2).sum())
        assert rows["eur@lowest_over_highest", "provider"].value == pytest.approx(
            exposed[1] / 0.75 / (exposed[0] / 0.25)
        )
        assert rows["coverage@10", "overall"].value == 1

    @pytest.mark.parametrize(("target", "due"), [("history", 0.5), ("catalogue", 2.5 / 4)])
    def test_what_is_due_is_a_setting(self, target, due):
        rows, _ = measure(by_hand(), ExposureGap(target=target))
        exposed = rows["exposure_share", "provider: A"].value
        assert rows["exposure_ratio", "provider: A"].value == pytest.approx(exposed / due)

    @pytest.mark.parametrize(("kind", "first"), [("geometric", 2 / 3), ("rbp", 1 / 1.85)])
    def test_attention_is_a_setting_and_the_others_stand_in_notes(self, kind, first):
        share = first / 4 + (1 - first) / 2
        rows, _ = measure(by_hand(), ExposureGap(attention=kind))
        assert rows["exposure_share", "provider: B"].value == pytest.approx(share)
        assert f"{share:.3f} under {kind} attention" in measure(by_hand())[0]["exposure_share", "provider: B"].note  # fmt: skip  # noqa: E501

    def test_small_groups_are_taken_together(self):
        evidence = by_hand()
        rows, _ = measure(evidence, ExposureGap(min_share=0.9))
        (only,) = [group for name, group in rows if name == "exposure_ratio"]
        assert only == "provider: 2 small ones together"
        assert rows["exposure_ratio", only].value == pytest.approx(1)

    @pytest.mark.parametrize("users", [0, 1])
    def test_too_few_users_are_not_estimable(self, users):
        evidence = by_hand()
        rows, verdict = measure(evidence.where(evidence.columns["cluster"] < users))
        assert verdict.state == "inconclusive"
        assert all(row.value is None and row.note for row in rows.values())

    def test_lists_that_hold_nothing_new_decide_nothing(self):
        evidence = by_hand()
        rows, verdict = measure(evidence.where(evidence.columns["side"] != LIST))
        assert verdict.state == "inconclusive"

    def test_does_not_depend_on_row_order_names_or_storage(self):
        evidence = TRIAL.evidence(0.3, np.random.default_rng(0))
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
            measure(TRIAL.evidence(0.0, np.random.default_rng(0)))


def failures(dial: float, seeds: int) -> int:
    states = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        rows = TRIAL.probe.estimate(TRIAL.evidence(dial, rng), rng, 0.05)
        states.append(judge(GATE, rows).state)
    return states.count("fail")


@pytest.mark.slow
def test_rates_of_the_trial():
    assert failures(0.0, 200) <= 2
    assert failures(TRIAL.bound, 200) <= binom.ppf(0.995, 200, 0.05)
    assert failures(TRIAL.planted, 200) >= 190
