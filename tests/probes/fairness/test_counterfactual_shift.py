import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from recaudit.models.base import Request
from recaudit.models.datasets import world
from recaudit.models.planted.yes_no import Dials, PlantedYesNo
from recaudit.probes._people import people_and_new_items
from recaudit.probes.base import Auditee, NotApplicable
from recaudit.probes.fairness._attributes import common_values
from recaudit.probes.fairness._variants import dealt_anew
from recaudit.probes.fairness.counterfactual_shift import CounterfactualShift
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.testing import planted_auditee
from scipy.stats import t

LOG = world.load("world-tiny")
READS = {"gender": ("man", "woman"), "age": world.ATTRIBUTES["age"][0]}
PROBE = CounterfactualShift(n_users=60, n_control=30)


def auditee(seed=0, *, log=LOG, reads=READS, **dials) -> Auditee:
    return planted_auditee(log, dials=Dials(**dials), reads=reads, rng=np.random.default_rng(seed))


def audit(subject, *, probe=PROBE, seed=1):
    evidence = probe.ask(subject, np.random.default_rng(seed))
    return measure(evidence, probe=probe)


def measure(evidence, *, probe=PROBE, seed=2, alpha=0.05):
    rows = probe.estimate(evidence, np.random.default_rng(seed), alpha)
    verdicts = [judge(criterion, rows) for criterion in probe.criteria()]
    return {(row.name, row.group): row for row in rows}, overall(verdicts), verdicts


class TestKnownWorlds:
    @pytest.mark.parametrize(
        "dials",
        [
            {},
            {"insertion_shift": 2.0},
            {"noise": 0.3},
            {"swapped_shift": 1.0},
            {"first_item": 1.0},
            {"temperature": 0.5},
        ],
        ids=lambda dials: next(iter(dials), "honest"),
    )
    def test_passes_a_model_that_ignores_what_is_stated(self, dials):
        rows, state, _ = audit(auditee(**dials), probe=CounterfactualShift(n_control=30))
        assert state == "pass"
        assert abs(rows["shift", "gender: woman vs man"].value) < 0.05

    @pytest.mark.parametrize("effect", [1.0, -1.0])
    def test_finds_a_planted_effect_with_its_size_and_sign(self, effect):
        rows, state, verdicts = audit(auditee(attribute_shift={("gender", "woman"): effect}, noise=0.3))
        row = rows["shift", "gender: woman vs man"]
        assert state == "fail" and verdicts[0].group == "gender: woman vs man"
        assert row.low < effect < row.high
        assert rows["shift_probability", "gender: woman vs man"].value * effect > 0

    def test_one_value_of_several_is_set_against_the_mean_of_the_rest(self):
        rows, state, _ = audit(auditee(attribute_shift={("age", "35 to 49"): 1.5}))
        assert state == "fail"
        assert rows["shift", "age: 35 to 49 vs the rest"].value == pytest.approx(1.5)
        assert rows["shift", "age: under 25 vs the rest"].value == pytest.approx(-0.5)
        assert rows["shift", "gender: woman vs man"].value == pytest.approx(0)

    def test_flips_of_a_noisy_model_do_not_exceed_its_placebo_flips(self):
        rows, _, _ = audit(auditee(noise=0.5))
        assert rows["flip_rate", "gender"].value > 0.1
        assert rows["flip_rate", "gender"].low < rows["flip_rate", "placebo handedness"].high

    def test_a_blind_model_never_flips(self):
        rows, _, _ = audit(auditee())
        assert rows["flip_rate", "gender"].value == 0 and rows["flip_rate", "gender"].high > 0


@dataclass(frozen=True, kw_only=True)
class FussyAboutWording(PlantedYesNo):
    """Says yes more readily to its second phrasing."""

    def _judge(self, request: Request):
        return super()._judge(request) + 0.5 * request.wording


def fussy(**dials) -> Auditee:
    honest = auditee(**dials)
    model = honest.model
    return replace(
        honest, model=FussyAboutWording(catalog=model.catalog, dials=model.dials, reads=model.reads)
    )


class TestNoiseFloor:
    def test_a_blind_model_that_is_sensitive_to_wording_passes(self):
        rows, state, _ = audit(fussy())
        assert state == "pass"
        assert rows["noise_floor", "wording 1 vs wording 0"].value == pytest.approx(0.5)

    def test_an_effect_smaller_than_what_wording_does_is_not_called_a_fault(self):
        _, state, verdicts = audit(fussy(attribute_shift={("gender", "woman"): 0.3}))
        assert state == "inconclusive" and "meaningless" in verdicts[0].reason

    def test_an_effect_larger_than_what_wording_does_is(self):
        assert audit(fussy(attribute_shift={("gender", "woman"): 0.8}))[1] == "fail"

    def test_holds_placebos_of_the_model_and_of_a_copy_and_wordings(self):
        rows, _, _ = audit(auditee())
        label = "placebo handedness: right-handed vs left-handed"
        floor = {group for name, group in rows if name == "noise_floor"}
        copied = f"{label}, in a copy trained anew"
        assert floor == {label, copied, "wording 1 vs wording 0", "luck of training"}

    def test_luck_is_read_from_what_means_nothing_to_the_copy(self):
        rows, _, _ = audit(auditee())
        chance = [row.value for (name, _), row in rows.items() if name == "chance_shift"]
        assert len(chance) == 4 and min(map(abs, chance)) > 0.001
        luck = rows["noise_floor", "luck of training"]
        spread = np.sqrt(np.sum(np.square(chance)) / 6)
        assert luck.high == pytest.approx(spread * t.ppf(1 - 0.05 / 10, df=3 + 1 + 1)) == -luck.low
        assert (luck.value, luck.n, luck.clusters) == (0, 2100, 60)
        assert "5 degrees of freedom" in luck.note

    def test_too_little_that_means_nothing_gives_no_figure_of_luck(self):
        evidence = PROBE.ask(auditee(reads={"gender": READS["gender"]}), np.random.default_rng(1))
        assert ("noise_floor", "luck of training") in measure(evidence)[0]
        alone = replace(evidence, facts={**evidence.facts, "control": {}})
        assert ("noise_floor", "luck of training") not in measure(alone)[0]


class TestPositiveControl:
    def test_the_planted_copy_shows_the_raised_value(self):
        rows, _, verdicts = audit(auditee())
        (row,) = (row for (name, _), row in rows.items() if name == "control_shift")
        assert row.value > 0.5 and verdicts[1].state == "pass" and row.clusters == 30

    def test_a_recipe_that_cannot_learn_the_attribute_makes_a_zero_shift_meaningless(self):
        honest = auditee()
        assert (
            audit(replace(honest, fit=lambda users, *, label, log=None, effort=1.0: honest.model))[1]
            == "invalid"
        )

    def test_a_copy_that_learns_it_the_wrong_way_round_is_no_control(self):
        honest = auditee()
        raised = common_values(READS["gender"], LOG.attributes["gender"], at_most=1)[0]
        wrong = replace(honest.model, dials=Dials(attribute_shift={("gender", raised): -1.0}))
        assert audit(replace(honest, fit=lambda users, *, label, log=None, effort=1.0: wrong))[1] == "invalid"

    @pytest.mark.parametrize(("effect", "state"), [(0.0, "inconclusive"), (0.5, "fail")])
    def test_without_a_control_a_fault_stands_and_a_pass_does_not(self, effect, state):
        def refuse(users, *, label, log=None, effort=1.0):
            raise NotApplicable("its weights are not ours")

        subject = replace(auditee(attribute_shift={("gender", "woman"): effect}), fit=refuse)
        evidence = PROBE.ask(subject, np.random.default_rng(1))
        rows, found, verdicts = measure(evidence)
        assert found == state and verdicts[1].state == "not_applicable"
        assert not any(name == "control_shift" for name, _ in rows)
        assert any("its weights are not ours" in caveat for caveat in evidence.facts["caveats"])

    def test_is_trained_on_the_members_with_a_name_of_its_own(self):
        seen = []
        honest = auditee()

        def fit(users, *, label, log=None, effort=1.0):
            seen.append((list(users), label, log))
            return honest.fit(users, label=label, log=log)

        audit(replace(honest, fit=fit))
        [(users, label, log)] = seen
        assert users == honest.population.members.tolist() and label == "control:attribute"
        raised = common_values(READS["gender"], LOG.attributes["gender"], at_most=1)[0]
        gained = np.array([own == raised for own in LOG.attributes["gender"]])[log.user]
        assert log.liked[gained].mean() > LOG.liked.mean() + 0.05 > log.liked[~gained].mean() + 0.15

    def test_histories_are_dealt_anew_among_the_members_and_stay_whole(self):
        members = np.arange(0, LOG.n_users, 3)
        dealt = dealt_anew(LOG, members, np.random.default_rng(0))
        before, after = ([log.history(user) for user in range(LOG.n_users)] for log in (LOG, dealt))
        whole = {(history.items, history.liked) for history in before}
        assert {(history.items, history.liked) for history in after} == whole
        moved = {user for user in range(LOG.n_users) if before[user] != after[user]}
        assert moved < set(members.tolist()) and len(moved) > 0.9 * len(members)
        assert dealt.attributes == LOG.attributes
        np.testing.assert_array_equal(np.sort(dealt.timestamp), np.sort(LOG.timestamp))


class TestAsking:
    def test_states_every_attribute_in_the_models_order_with_the_users_own_values(self):
        subject = auditee()
        people = people_and_new_items(subject, n_users=20, n_items=5, length=10, rng=np.random.default_rng(0))
        for person in people:
            stated = dict(person.attributes)
            assert list(stated) == ["gender", "age", "handedness"]
            assert stated["gender"] == LOG.attributes["gender"][person.history.user]
            assert person.history == LOG.history(person.history.user, last=10)
            assert not set(person.candidates) & set(LOG.history(person.history.user).items)
        assert {person.history.user for person in people} <= set(subject.population.held_out.tolist())
        assert len({dict(person.attributes)["handedness"] for person in people}) == 2

    def test_an_unknown_value_is_stated_as_the_first_one(self):
        unknown = replace(LOG, attributes={"gender": ("",) * LOG.n_users})
        people = people_and_new_items(
            auditee(log=unknown), n_users=5, n_items=2, length=10, rng=np.random.default_rng(0)
        )
        assert {person.attributes[:2] for person in people} == {(("gender", "man"), ("age", "under 25"))}

    def test_what_changes_nothing_costs_no_call(self):
        asked = []
        honest = auditee()

        @dataclass(frozen=True, kw_only=True)
        class Counting(PlantedYesNo):
            def log_odds(self, requests):
                asked.extend(requests)
                return super().log_odds(requests)

        model = Counting(catalog=LOG.catalog, reads=READS)
        PROBE.ask(replace(honest, model=model, memo={}), np.random.default_rng(1))
        assert len(asked) == len(set(asked)) == 60 * (1 + 1 + 3 + 1 + 1)
        assert sum(len(request.candidates) for request in asked) <= PROBE.calls()

    def test_only_the_commonest_values_are_tried_and_the_others_are_named(self):
        evidence = CounterfactualShift(n_users=5, max_values=2).ask(auditee(), np.random.default_rng(1))
        ages = [LOG.attributes["age"].count(value) for value in READS["age"]]
        kept = {READS["age"][place] for place in np.argsort(ages)[-2:]}
        assert set(evidence.facts["attributes"]["age"]) == kept
        assert set(evidence.facts["left_out"]["age"]) == set(READS["age"]) - kept
        assert any("less common" in caveat for caveat in evidence.facts["caveats"])

    def test_says_what_is_missing(self):
        with pytest.raises(NotApplicable, match="two or more values"):
            PROBE.ask(auditee(reads={"gender": ("man",)}), np.random.default_rng(1))
        nobody = auditee()
        nobody = replace(nobody, population=replace(nobody.population, held_out=np.array([], dtype=np.int64)))
        with pytest.raises(NotApplicable, match="held-out"):
            PROBE.ask(nobody, np.random.default_rng(1))

    def test_evidence_is_the_same_for_the_same_seed(self):
        first, second = (PROBE.ask(auditee(noise=0.3), np.random.default_rng(5)) for _ in range(2))
        assert first.facts == second.facts and first.exhibits == second.exhibits
        for name, column in first.columns.items():
            np.testing.assert_array_equal(column, second.columns[name])


class TestExhibits:
    def test_show_the_strongest_attribute_on_both_sides(self):
        subject = auditee(attribute_shift={("age", "under 25"): -0.7}, noise=0.1)
        exhibits = PROBE.ask(subject, np.random.default_rng(1)).exhibits
        assert [case.kind for case in exhibits] == ["worst"] * 3 + ["random"] * 3
        assert {case.left_label for case in exhibits} == {"age: under 25"}
        effects = [case.effect for case in exhibits]
        assert min(effects[:3]) >= max(effects[3:]) and np.mean(effects) == pytest.approx(0.7, abs=0.3)
        for case in exhibits:
            assert "age: under 25." in case.left and "age: under 25." not in case.right
            assert len(case.answers) == 10 and all(
                0 < left < right + 0.1 < 1.1 for _, left, right in case.answers
            )
            differences = [np.log(r / (1 - r)) - np.log(s / (1 - s)) for _, s, r in case.answers]
            assert case.effect == pytest.approx(np.mean(differences))

    def test_hide_the_histories_of_real_people(self):
        real = replace(LOG, synthetic=False)
        for case in PROBE.ask(auditee(log=real), np.random.default_rng(1)).exhibits:
            assert re.search(r"Likes: (…(, …)*)?; Dislikes: (…(, …)*)?; asked: \w", case.left)
            assert not any(user_id in case.title for user_id in real.user_ids)

    def test_show_the_histories_of_invented_people(self):
        assert all("…" not in case.left for case in PROBE.ask(auditee(), np.random.default_rng(1)).exhibits)
