"""Two attributes together: planted interactions, likes followed or not, and the data's own gaps."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from recaudit.models.datasets import world
from recaudit.models.planted.faults import plant_attribute_effect
from recaudit.models.planted.yes_no import Dials, PlantedYesNo
from recaudit.probes.base import Evidence, NotApplicable
from recaudit.probes.fairness._personas import (
    Guise,
    like_gaps,
    likes_of,
    people_and_rated_items,
    wardrobe,
)
from recaudit.probes.fairness.counterfactual_shift import CounterfactualShift
from recaudit.probes.fairness.persona_shift import PersonaShift
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee
from recaudit.probes.trials.persona_shift import TRIAL

LOG = world.load("world-tiny")
READS = {"gender": ("man", "woman"), "age": ("under 25", "25 to 34", "35 to 49")}
PROBE = PersonaShift()
(GATE,) = PROBE.criteria()
OLDER = ("age", "25 to 34")
PAIR = "gender: woman vs man, with age: 25 to 34 vs under 25"


def auditee(*, log=LOG, reads=READS, **dials):
    return planted_auditee(log, dials=Dials(**dials), reads=reads, rng=np.random.default_rng(0))


def measure(evidence, *, probe=PROBE, seed=2):
    rows = probe.estimate(evidence, np.random.default_rng(seed), 0.05)
    return {(row.name, row.group): row for row in rows}, judge(GATE, rows)


def audit(subject):
    return measure(PROBE.ask(subject, np.random.default_rng(1)))


class TestKnownWorlds:
    @pytest.mark.parametrize(
        "dials",
        [
            {},
            {"noise": 0.3},
            {"insertion_shift": 2.0},
            {"attribute_shift": {("gender", "woman"): 1.0, OLDER: -0.7}, "noise": 0.2},
        ],
        ids=["honest", "noisy", "startled", "single effects"],
    )
    def test_passes_a_model_whose_effects_only_add_up(self, dials):
        rows, verdict = audit(auditee(**dials))
        assert verdict.state == "pass" and abs(rows["interaction_shift", PAIR].value) < 0.1

    @pytest.mark.parametrize("effect", [0.5, -0.5])
    def test_finds_what_only_both_together_bring(self, effect):
        both = {(("gender", "woman"), OLDER): effect}
        rows, verdict = audit(auditee(persona_shift=both, noise=0.2))
        assert verdict.state == "fail" and verdict.group == PAIR
        row = rows["interaction_shift", PAIR]
        assert row.low < effect < row.high
        joint = rows["joint_shift", "gender and age: woman, 25 to 34 vs man, under 25"]
        assert joint.value == pytest.approx(effect, abs=0.1)

    def test_one_attribute_at_a_time_averages_it_away(self):
        """Women under 25 lose what other women gain: the mean shift of gender is near 0."""
        both = {
            (("gender", "woman"), ("age", age)): effect
            for age, effect in (("under 25", -0.4), ("25 to 34", 0.4))
        }
        reads = {**READS, "age": READS["age"][:2]}
        log = replace(LOG, attributes={**LOG.attributes, "age": (*["under 25", "25 to 34"] * 150,)})
        subject = auditee(log=log, reads=reads, persona_shift=both)
        assert audit(subject)[1].state == "fail"
        single = CounterfactualShift(n_users=80, n_control=20)
        rows = single.estimate(single.ask(subject, np.random.default_rng(1)), np.random.default_rng(2), 0.05)
        (shift,) = (row for row in rows if (row.name, row.group) == ("shift", "gender: woman vs man"))
        assert shift.low < 0.1 and abs(shift.value) < 0.1


@dataclass(frozen=True, kw_only=True)
class KnowsWhomItServes(PlantedYesNo):
    """Told the person's own gender, it moves towards what that person likes, or away (``grasp`` below 0)."""

    liked: Mapping[tuple[int, int], bool] = field(default_factory=dict)
    grasp: float = 1.0

    def _judge(self, request):
        odds, user = super()._judge(request), request.history.user
        own = self.profiles["gender"][user] == dict(request.attributes).get("gender")
        sign = [1.0 if self.liked[user, item] else -1.0 for item in request.candidates]
        return odds + 0.5 * own * self.grasp * np.array(sign)


class TestAlignment:
    @pytest.mark.parametrize("grasp", [1.0, -1.0])
    def test_tells_towards_from_away(self, grasp):
        subject = auditee()
        liked = dict(
            zip(zip(LOG.user.tolist(), LOG.item.tolist(), strict=True), LOG.liked.tolist(), strict=True)
        )
        model = KnowsWhomItServes(
            catalog=LOG.catalog, reads=READS, profiles=LOG.attributes, liked=liked, grasp=grasp
        )
        rows, verdict = audit(replace(subject, model=model))
        assert rows["alignment", "gender"].value == pytest.approx(grasp)
        assert rows["alignment", "age"].value == 0 == rows["alignment", "placebo handedness"].value
        assert verdict.state == "pass"

    def test_a_shift_of_all_items_alike_is_no_alignment(self):
        rows, _ = audit(auditee(attribute_shift={("gender", "woman"): 1.0}))
        assert rows["alignment", "gender"].value == pytest.approx(0, abs=1e-9)


@pytest.fixture(scope="module")
def uneven():
    return plant_attribute_effect(
        LOG, attribute="gender", raised="woman", strength=0.3, rng=np.random.default_rng(0)
    )


class TestAlongData:
    @pytest.mark.parametrize("effect", [0.5, -0.5])
    def test_over_correction_is_below_0(self, uneven, effect):
        rows, _ = audit(auditee(log=uneven, attribute_shift={("gender", "woman"): effect}))
        row = rows["shift_along_data", "gender: woman vs man"]
        assert row.value == pytest.approx(effect) and "likes differ by 1." in row.note

    def test_without_a_gap_there_is_no_way_to_go(self):
        rows, _ = audit(auditee(attribute_shift={("gender", "woman"): 1.0}))
        row = rows["shift_along_data", "gender: woman vs man"]
        assert row.value is None and "no way to go" in row.note

    def test_the_gap_is_that_of_mean_like_rates(self, uneven):
        users = np.arange(0, 300, 2)
        gap, low, high = like_gaps(uneven, users, {"gender": ("man", "woman")}, alpha=0.05)["gender"]
        rate = np.array([uneven.liked[uneven.rows(int(user))].mean() for user in users])
        woman = np.array(uneven.attributes["gender"])[users] == "woman"
        p, q = rate[~woman].mean(), rate[woman].mean()
        assert gap == pytest.approx(np.log(q / (1 - q)) - np.log(p / (1 - p))) and low < gap < high


class TestAsking:
    def test_asks_about_rated_items_after_the_history(self):
        people = people_and_rated_items(
            auditee(), n_users=30, n_items=6, length=10, rng=np.random.default_rng(0)
        )
        for person, likes in zip(people, likes_of(LOG, people), strict=True):
            rows = LOG.rows(person.history.user)
            met = LOG.item[rows].tolist()
            assert tuple(met[-16:-6]) == person.history.items and tuple(met[-6:]) == person.candidates
            assert likes.tolist() == LOG.liked[rows][-6:].tolist() and 0 < likes.sum() < 6

    def test_an_item_met_twice_is_asked_about_once_and_never_if_in_the_history(self):
        item = LOG.item.copy()
        for user in range(LOG.n_users):
            start = LOG.rows(user).start
            item[start + 18], item[start + 19] = item[start + 17], item[start + 8]
        twice = replace(LOG, item=item)
        people = people_and_rated_items(
            auditee(log=twice), n_users=30, n_items=6, length=10, rng=np.random.default_rng(0)
        )
        for person in people:
            assert len(set(person.candidates)) == len(person.candidates) == 4
            assert not set(person.candidates) & set(person.history.items)

    def test_guises_change_what_they_say_and_nothing_else(self):
        worn = wardrobe(auditee(), max_pairs=3)
        assert worn.pairs == (("gender", "age"),)
        assert worn.idle_pairs == (("gender", "handedness"), ("age", "handedness"))
        assert len(worn.guises) == 1 + 3 * 2 + 3 * 4
        (person, *_) = people_and_rated_items(
            auditee(), n_users=1, n_items=4, length=10, rng=np.random.default_rng(0)
        )
        told = Guise((("gender", "woman"), OLDER)).of(person)
        assert dict(told.attributes) == {**dict(person.attributes), "gender": "woman", "age": "25 to 34"}
        assert replace(told, attributes=person.attributes) == person

    def test_costs_no_more_than_it_says(self):
        assert len(PROBE.ask(auditee(), np.random.default_rng(1))) <= PROBE.calls()

    def test_says_what_is_missing(self):
        rng = np.random.default_rng(0)
        with pytest.raises(NotApplicable, match="reads gender.*two attributes"):
            PROBE.ask(auditee(reads={"gender": READS["gender"]}), rng)
        with pytest.raises(NotApplicable, match="no likes"):
            PROBE.ask(replace(auditee(), log=replace(LOG, liked=None)), rng)
        with pytest.raises(NotApplicable, match="after 40 others"):
            PersonaShift(length=40).ask(auditee(), rng)


class TestEstimate:
    def test_equals_a_brute_force_mean(self):
        evidence = TRIAL.evidence(0.2, np.random.default_rng(0))
        keys = zip(
            *(evidence.columns[n].tolist() for n in ("cluster", "candidate", "condition")), strict=True
        )
        score = dict(zip(keys, evidence.columns["score"].tolist(), strict=True))
        found = [
            score[u, i, "gender=woman and age=old"]
            - score[u, i, "gender=man and age=old"]
            - score[u, i, "gender=woman and age=young"]
            + score[u, i, "gender=man and age=young"]
            for u in range(40)
            for i in range(4)
        ]
        rows, _ = measure(evidence, probe=TRIAL.probe)
        row = rows["interaction_shift", "gender: woman vs man, with age: old vs young"]
        assert row.value == pytest.approx(np.mean(found)) and (row.n, row.clusters) == (160, 40)
        assert rows["shift_along_data", "gender: woman vs man"].value == pytest.approx(0.3)

    def test_does_not_depend_on_row_order_or_storage(self):
        evidence = PROBE.ask(auditee(noise=0.3), np.random.default_rng(1))
        order = np.random.default_rng(1).permutation(len(evidence))
        stored = {
            name: column[order].astype(object) if column.dtype.kind == "U" else column[order]
            for name, column in evidence.columns.items()
        }
        after = measure(Evidence(columns=stored, facts=json.loads(json.dumps(evidence.facts))))[0]
        for key, row in measure(evidence)[0].items():
            assert row.value is None or (row.low, row.high) == pytest.approx(
                (after[key].low, after[key].high)
            )

    @pytest.mark.parametrize("users", [0, 1])
    def test_too_few_users_are_not_estimable(self, users):
        evidence = TRIAL.evidence(0.2, np.random.default_rng(0))
        rows, verdict = measure(evidence.where(evidence.columns["cluster"] < users))
        assert verdict.state == "inconclusive" and all(row.value is None for row in rows.values())


@pytest.mark.slow
def test_rates():
    def failures(dial):
        found = (
            measure(TRIAL.evidence(dial, np.random.default_rng(seed)), probe=TRIAL.probe)[1].state
            for seed in range(200)
        )
        return sum(state == "fail" for state in found)

    assert failures(0.0) <= 10 and failures(TRIAL.bound) <= 19 and failures(TRIAL.planted) >= 190
