"""What is asked for lists: every value in its place, of who can hear it; of recordings what they hold."""

import json
from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.base import Recommendation, Request, Slate
from recaudit.models.datasets.world import load
from recaudit.models.planted.ranker import PlantedRanker
from recaudit.models.planted.swayed import PlantedLists, SwayedDials
from recaudit.models.planted.writer import PlantedWriter
from recaudit.models.planted.yes_no import Dials
from recaudit.probes.base import Evidence, Measurement, NotApplicable
from recaudit.probes.fairness._list_similarity import FAIRLLM
from recaudit.probes.fairness.list_similarity import ListSimilarity
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee

LOG = load("world-tiny")
PROBE = ListSimilarity(n_users=80)
(GATE,) = PROBE.criteria()
READS = {"gender": ("man", "woman"), "age": ("under 25", "25 to 34", "50 and over")}
WOMAN = ("gender", "woman")


def auditee(model=None, **dials):
    made = PlantedLists(catalog=LOG.catalog, dials=SwayedDials(**dials), reads=READS, seed=5)
    subject = planted_auditee(LOG, rng=np.random.default_rng(1))
    return replace(subject, model=model or made)


def measure(evidence: Evidence) -> tuple[dict[tuple[str, str], Measurement], str]:
    rows = PROBE.estimate(evidence, np.random.default_rng(3), 0.05)
    return {(row.name, row.group): row for row in rows}, judge(GATE, rows).state


def audit(subject):
    return measure(PROBE.ask(subject, np.random.default_rng(2)))


def values(rows, name: str) -> dict[str, float | None]:
    return {group: row.value for (own, group), row in rows.items() if own == name}


class TestAsking:
    def test_evidence_tells_lists_by_what_was_stated(self) -> None:
        evidence = PROBE.ask(auditee(sway={WOMAN: 0.5}), np.random.default_rng(2))
        column = evidence.columns
        conditions = {
            "own",
            "own again",
            *("no gender", "gender=man", "gender=woman"),
            *("no age", "age=under 25", "age=25 to 34", "age=50 and over"),
            *("no handedness", "handedness=left-handed", "handedness=right-handed"),
        }
        assert set(column["condition"]) == conditions
        assert len(evidence) == 80 * len(conditions) * 10 <= PROBE.calls() * 10
        json.dumps(evidence.facts)

    def test_all_else_stays_stated_in_its_place(self) -> None:
        seen: list[Request] = []

        class Listening(PlantedLists):
            def recommend(self, requests, k):
                seen.extend(requests)
                return super().recommend(requests, k)

        PROBE.ask(auditee(Listening(catalog=LOG.catalog, reads=READS)), np.random.default_rng(2))
        stated = {tuple(name for name, _ in request.attributes) for request in seen}
        assert stated == {
            ("gender", "age", "handedness"),
            ("age", "handedness"),
            ("gender", "handedness"),
            ("gender", "age"),
        }
        assert not any(request.candidates for request in seen)

    def test_a_model_that_judges_ranks_candidates(self) -> None:
        shifts = {WOMAN: 1.0}
        subject = planted_auditee(
            LOG, dials=Dials(attribute_shift=shifts), reads=READS, rng=np.random.default_rng(1)
        )
        evidence = PROBE.ask(subject, np.random.default_rng(2))
        assert evidence.facts["k"] == 10 and (evidence.columns["item"] >= 0).all()
        rows, state = measure(evidence)
        assert state == "pass" and values(rows, "list_change")["gender: woman vs man"] == 0
        few = ListSimilarity(n_users=20, n_candidates=6).ask(subject, np.random.default_rng(2))
        assert few.facts["k"] == 3

    def test_words_that_are_no_item_are_compared_as_words(self) -> None:
        class Wordy(PlantedLists):
            """Says the same strange thing to everyone, in other letters to women; repeats itself."""

            def recommend(self, requests, k):
                def told(slate):
                    said = "The  UNMADE" if WOMAN in slate.request.attributes else "the unmade"
                    strange = Recommendation(None, None, said)
                    return (strange, *slate.entries[:4], slate.entries[0], Recommendation(None))

                return [Slate(slate.request, told(slate)) for slate in super().recommend(requests, k)]

        evidence = PROBE.ask(auditee(Wordy(catalog=LOG.catalog, reads=READS)), np.random.default_rng(2))
        rows, state = measure(evidence)
        assert state == "pass" and rows["list_change", "gender: woman vs man"].value == 0
        codes = evidence.columns["item"].reshape(-1, 10)
        assert (codes[:, 0] == len(LOG.catalog)).all() and (codes[:, 5:] == -1).all()
        assert any("no item of the catalogue" in caveat for caveat in evidence.facts["caveats"])

    def test_an_empty_answer_is_another_answer(self) -> None:
        class Refusing(PlantedLists):
            def recommend(self, requests, k):
                return [
                    Slate(slate.request, () if WOMAN in slate.request.attributes else slate.entries)
                    for slate in super().recommend(requests, k)
                ]

        rows, state = audit(auditee(Refusing(catalog=LOG.catalog, reads=READS)))
        assert state == "fail" and rows["list_change", "gender: woman vs man"].value == 1

    def test_rare_values_are_left_out_and_named(self) -> None:
        evidence = ListSimilarity(n_users=20, max_values=2).ask(auditee(), np.random.default_rng(2))
        assert len(evidence.facts["attributes"]["age"]) == 2
        assert any("less common values" in caveat for caveat in evidence.facts["caveats"])

    def test_cases_show_both_lists_and_hide_real_histories(self) -> None:
        subject = auditee(sway={WOMAN: 0.3})
        shown = PROBE.ask(subject, np.random.default_rng(2)).exhibits
        assert [case.kind for case in shown] == ["worst"] * 3 + ["random"] * 3
        for case in shown:
            assert (case.left_label[:10], case.right_label[:12]) == ("gender=man", "gender=woman")
            left = [title for title, one, _ in case.answers if one is not None]
            gone = [title for title, one, two in case.answers if one is not None and two is None]
            assert len(left) == 10 and case.effect == pytest.approx(len(gone) / 10)
        real = replace(subject, log=replace(LOG, synthetic=False), memo={})
        assert PROBE.ask(real, np.random.default_rng(2)).exhibits[0].left == "a history of 10 items"


class TestFreeText:
    class Hearing(PlantedWriter):
        """Shows what it is given, and whatever it is told stands in it."""

        def render(self, request: Request) -> str:
            stated = " ".join(value for _, value in request.attributes)
            return f"I am a {stated} person and met {len(request.history)} films."

    def test_all_values_of_fairllm_are_asked(self) -> None:
        subject = auditee(self.Hearing(catalog=LOG.catalog))
        evidence = ListSimilarity(n_users=10).ask(subject, np.random.default_rng(2))
        assert evidence.facts["attributes"] == {name: list(own) for name, own in FAIRLLM.items()}
        assert "user number" in str(evidence.facts["placebos"])
        rows, _ = measure(evidence)
        assert values(rows, "snsr_jaccard")["religion"] == 0

    def test_a_model_that_does_not_show_that_it_hears_is_not_asked(self) -> None:
        with pytest.raises(NotApplicable, match="render"):
            PROBE.ask(auditee(PlantedWriter(catalog=LOG.catalog)), np.random.default_rng(2))


class Recordings(PlantedLists):
    """Planted lists of which only some were kept: a stand-in for recordings with all their methods."""

    def recorded_users(self):
        return np.arange(LOG.n_users)

    def recorded_profile(self, user):
        return ()

    def holds(self, requests):
        return np.array([self.kept(request) for request in requests], dtype=np.bool_)

    def unrecorded(self):
        return frozenset({"draws"})

    def kept(self, request: Request) -> bool:
        return len(request.attributes) < 2

    def recommend(self, requests, k):
        assert self.holds(requests).all()
        return super().recommend(requests, k)


class TestRecordings:
    def test_what_was_recorded_is_compared_and_no_answer_is_repeated(self) -> None:
        model = Recordings(
            catalog=LOG.catalog, reads=READS, dials=SwayedDials(sway={WOMAN: 0.3}, insertion=0.2)
        )
        evidence = PROBE.ask(auditee(model), np.random.default_rng(2))
        assert "own again" not in evidence.columns["condition"]
        rows, state = measure(evidence)
        assert state == "fail"
        assert rows["jaccard", "the same request again"].value is None

    def test_people_of_whom_the_truth_alone_was_recorded(self) -> None:
        """Nobody is compared with another's list; similarity to the neutral one is left."""

        class Truthful(Recordings):
            def kept(self, request):
                user = request.history.user
                known = {name: own[user] for name, own in LOG.attributes.items()}
                return all(known.get(name) == value for name, value in request.attributes)

        model = Truthful(catalog=LOG.catalog, reads=READS, dials=SwayedDials(sway={WOMAN: 0.3}))
        rows, state = audit(auditee(model))
        assert state == "inconclusive"
        assert set(values(rows, "excess_change").values()) == {None}
        assert rows["jaccard", "gender: man"].value == 1
        assert rows["snsr_jaccard", "gender"].value == pytest.approx(
            1 - rows["jaccard", "gender: woman"].value
        )

    def test_nothing_recorded_is_said(self) -> None:
        class Nothing(Recordings):
            def kept(self, request):
                return False

        with pytest.raises(NotApplicable, match="no list was recorded"):
            PROBE.ask(auditee(Nothing(catalog=LOG.catalog, reads=READS)), np.random.default_rng(2))


def test_a_ranker_that_hears_nothing_cannot_be_asked() -> None:
    model = PlantedRanker(catalog=LOG.catalog, log=LOG, counts=LOG.item_counts)
    with pytest.raises(NotApplicable, match="two or more values"):
        PROBE.ask(auditee(model), np.random.default_rng(0))
