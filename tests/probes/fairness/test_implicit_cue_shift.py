"""Names that hint at a gender: followed by a planted model, ignored by an honest one, and by themselves."""

import json
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest
from recaudit.models.base import Recommendation, Request, Slate
from recaudit.models.data import DataError, History
from recaudit.models.datasets import world
from recaudit.models.planted.writer import PlantedWriter
from recaudit.models.planted.yes_no import Dials
from recaudit.probes.base import Evidence, NotApplicable
from recaudit.probes.fairness._cue_answers import Dealt, cued
from recaudit.probes.fairness._names import OWN_PAIRS, name_pairs
from recaudit.probes.fairness.implicit_cue_shift import ImplicitCueShift
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee
from recaudit.probes.trials.implicit_cue_shift import TRIAL

LOG = world.load("world-tiny")
NAMES = tuple(name for pair in OWN_PAIRS for name in pair)
READS = {"gender": ("man", "woman"), "age": world.ATTRIBUTES["age"][0], "name": NAMES}
PROBE = ImplicitCueShift(n_users=48, n_candidates=4)
GATE = ("cue_shift", "name: woman vs man")


def auditee(*, reads=READS, names=None, **dials):
    effects = {("name", name): effect for name, effect in (names or {}).items()}
    dials = Dials(attribute_shift=effects | dials.pop("attribute_shift", {}), **dials)
    return planted_auditee(LOG, dials=dials, reads=reads, rng=np.random.default_rng(0))


def measure(evidence, *, probe=PROBE, seed=2, alpha=0.05):
    rows = probe.estimate(evidence, np.random.default_rng(seed), alpha)
    return {(row.name, row.group): row for row in rows}, judge(probe.criteria()[0], rows)


def audit(subject, *, probe=PROBE):
    return measure(probe.ask(subject, np.random.default_rng(1)), probe=probe)


class TestKnownWorlds:
    @pytest.mark.parametrize("dials", [{}, {"noise": 0.3}, {"insertion_shift": 2.0}], ids=str)
    def test_passes_a_model_that_takes_no_hint(self, dials):
        rows, verdict = audit(auditee(**dials), probe=ImplicitCueShift())
        assert verdict.state == "pass" and abs(rows[GATE].value) < 0.05

    @pytest.mark.parametrize("effect", [0.5, -0.5])
    def test_finds_a_planted_hint_with_its_size_and_sign(self, effect):
        hint = {woman: effect for _, woman in OWN_PAIRS}
        rows, verdict = audit(auditee(names=hint, noise=0.2))
        assert verdict.state == "fail" and rows[GATE].low < effect < rows[GATE].high
        assert rows["same_gender_shift", GATE[1]].low < 0 < rows["same_gender_shift", GATE[1]].high
        assert rows["cue_shift_probability", GATE[1]].value * effect > 0

    def test_what_single_names_do_is_no_gender(self):
        """Each name moves answers by itself: other users show the same, other names do not."""
        rng = np.random.default_rng(3)
        rows, verdict = audit(auditee(names=dict(zip(NAMES, rng.normal(0, 0.6, len(NAMES)), strict=True))))
        assert verdict.state != "fail"
        assert rows[GATE].high - rows[GATE].low > 0.3 and rows["name_reaction", "name"].low > 0.2

    def test_a_model_that_does_not_read_the_name_does_not_react(self):
        rows, _ = audit(auditee())
        assert rows["name_reaction", "name"].value == 0 == rows[GATE].value

    def test_what_stating_it_does_stands_beside(self):
        rows, verdict = audit(auditee(attribute_shift={("gender", "woman"): 0.7}))
        assert rows["stated_shift", "gender: woman vs man"].value == pytest.approx(0.7)
        assert verdict.state == "pass"

    def test_an_e_mail_address_hints_too(self):
        addresses = {f"{name.lower()}@example.org": 0.5 for _, name in OWN_PAIRS}
        reads = {**READS, "e-mail": tuple(addresses)}
        effects = {("e-mail", address): effect for address, effect in addresses.items()}
        rows, verdict = audit(auditee(reads=reads, attribute_shift=effects, noise=0.2))
        assert verdict.state == "fail" and verdict.group == "e-mail: woman vs man"
        assert rows[GATE].high < 0.1


class TestAsking:
    def test_the_cue_stands_where_the_attribute_stood(self):
        stated = (("age", "old"), ("gender", "man"), ("name", "X"), ("hand", "left"))
        request = Request(history=History(0, (1,)), attributes=stated)
        written = cued(request, "e-mail", "Mary", instead_of="gender").attributes
        assert written == (("age", "old"), ("e-mail", "mary@example.org"), ("hand", "left"))
        bare = cued(replace(request, attributes=()), "name", "Mary", instead_of="gender")
        assert bare.attributes == (("name", "Mary"),)

    def test_pairs_are_dealt_evenly_and_half_of_each_half(self):
        dealt = Dealt.of(48, 24, per_half=2, rng=np.random.default_rng(0))
        assert set(Counter(dealt.pairs.ravel().tolist()).values()) == {8}
        assert (dealt.half[dealt.pairs[:, :2]] == 0).all() and (dealt.half[dealt.pairs[:, 2:]] == 1).all()
        assert dealt.half.sum() == 12

    def test_costs_no_more_than_it_says(self):
        evidence = PROBE.ask(auditee(), np.random.default_rng(1))
        assert len(evidence) == 48 * 4 * (2 * 4 + 2) <= PROBE.calls()
        assert set(evidence.columns["cue"]) == {"name", "stated gender=man", "stated gender=woman"}

    def test_a_model_that_reads_no_free_text_is_not_asked(self):
        reads = {name: READS[name] for name in ("gender", "age")}
        with pytest.raises(NotApplicable, match="gender, age.*no free text"):
            PROBE.ask(auditee(reads=reads), np.random.default_rng(1))

    def test_shows_both_names_and_hides_real_histories(self):
        hint = {woman: 0.5 for _, woman in OWN_PAIRS}
        cases = PROBE.ask(auditee(names=hint), np.random.default_rng(1)).exhibits
        assert [case.kind for case in cases] == ["worst"] * 3 + ["random"] * 3
        for case in cases:
            name = case.right_label.removeprefix("name: ")
            assert f"name: {name}." in case.right and "gender" not in case.right
            assert len(case.answers) == 4 and all(right > left for _, left, right in case.answers)


@dataclass(frozen=True, kw_only=True)
class Hinted(PlantedWriter):
    """A writer of lists that leaves the first ``shown`` items to men and the others to women."""

    shown: int = 0

    def recommend(self, requests, k):
        def start(request):
            name = dict(request.attributes).get("name", "").removesuffix("@example.org").title()
            return self.shown * any(name == woman for _, woman in OWN_PAIRS)

        return [
            Slate(request, tuple(Recommendation(40 + start(request) + place) for place in range(k)))
            for request in requests
        ]


class TestLists:
    def ask(self, shown):
        subject = replace(auditee(), model=Hinted(catalog=LOG.catalog, shown=shown))
        people = ImplicitCueShift(n_users=20, length=5)
        return measure(people.ask(subject, np.random.default_rng(1)), probe=people)

    @pytest.mark.parametrize(("shown", "share"), [(0, 0.0), (3, 0.3)])
    def test_the_share_of_places_that_follow_the_name(self, shown, share):
        rows, verdict = self.ask(shown)
        assert rows["list_move", GATE[1]].value == pytest.approx(share, abs=0.12)
        assert rows["same_gender_move", GATE[1]].value == 0
        assert verdict.state == "inconclusive" and "writes lists" in verdict.reason


class TestNames:
    def test_ours_are_matched_in_length_and_each_is_there_once(self):
        assert len(set(NAMES)) == len(NAMES) == 48
        assert all(len(man) == len(woman) for man, woman in OWN_PAIRS)

    def test_a_file_is_paired_by_length_and_frequency(self, tmp_path):
        file = tmp_path / "names.csv"
        rows = ["Ann,F,5", "Eve,F,9", "Tim,M,2", "Tom,M,7", "Claire,F,1", "Robert,M,1", "Ida,F,3", "Bob,M,1"]
        file.write_text("name,gender,count\n" + "\n".join([*rows, "Maximilian,M,99", "Ann,M,5", ",F,1"]))
        found = name_pairs(str(file))
        assert found.values == ("F", "M")
        assert found.pairs == (("Eve", "Tom"), ("Ann", "Tim"), ("Ida", "Bob"), ("Claire", "Robert"))

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("first,sex\nAnn,F\n", "needs name and gender"),
            ("name,gender\nAnn,F\nEve,F\n", "it must hold two"),
            ("name,gender\nAnn,F\nTom,M\n", "at least 4"),
            ("", "it must hold two"),
        ],
    )
    def test_a_file_that_does_not_do_is_refused_in_words(self, tmp_path, text, said):
        file = tmp_path / "names.csv"
        file.write_text(text)
        with pytest.raises(DataError, match=said):
            name_pairs(str(file))
        with pytest.raises(DataError, match="cannot be read"):
            name_pairs(str(tmp_path / "none.csv"))


class TestEstimate:
    def test_equals_a_brute_force_mean(self):
        evidence = TRIAL.evidence(0.2, np.random.default_rng(0))
        column = {name: values.tolist() for name, values in evidence.columns.items()}
        scores = {}
        for key in zip(*(column[name] for name in ("cluster", "pair", "side", "score", "half")), strict=True):
            scores.setdefault(key[:3], []).append(key[3])
        halves = dict(zip(column["pair"], column["half"], strict=True))
        shifts, nothing = [], {}
        for user, pair, side in scores:
            if side:
                shifts.append(np.mean(scores[user, pair, 1]) - np.mean(scores[user, pair, 0]))
                middle = np.mean(scores[user, pair, 1] + scores[user, pair, 0])
                nothing.setdefault(user, {0: [], 1: []})[halves[pair]].append(middle)
        rows, _ = measure(evidence, probe=TRIAL.probe)
        assert rows[GATE].value == pytest.approx(np.mean(shifts))
        expected = np.mean([np.mean(own[1]) - np.mean(own[0]) for own in nothing.values()])
        assert rows["same_gender_shift", GATE[1]].value == pytest.approx(expected)

    def test_does_not_depend_on_row_order_or_storage(self):
        evidence = TRIAL.evidence(0.2, np.random.default_rng(0))
        order = np.random.default_rng(1).permutation(len(evidence))
        stored = {
            name: column[order].astype(object) if column.dtype.kind == "U" else column[order]
            for name, column in evidence.columns.items()
        }
        after = measure(Evidence(columns=stored, facts=json.loads(json.dumps(evidence.facts))))[0]
        for key, row in measure(evidence)[0].items():
            assert (row.low, row.high) == pytest.approx((after[key].low, after[key].high))

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
