"""Silent on lists that hear nothing or anything alike, loud where one value replaces its share of places."""

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.datasets.world import load
from recaudit.models.planted.swayed import PlantedLists, SwayedDials
from recaudit.probes.base import Evidence, Measurement
from recaudit.probes.fairness._list_similarity import SIMILARITIES
from recaudit.probes.fairness.list_similarity import SHOWN, ListSimilarity
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee
from recaudit.probes.trials.list_similarity import TRIAL

LOG = load("world-tiny")
PROBE = ListSimilarity(n_users=80)
(GATE,) = PROBE.criteria()
READS = {"gender": ("man", "woman"), "age": ("under 25", "25 to 34", "50 and over")}
WOMAN = ("gender", "woman")
TWO_PLACEBOS = {"handedness": ("left-handed", "right-handed"), "user number": ("even", "odd")}
CONTRASTS = {
    "gender: woman vs man",
    "age: under 25 vs the rest",
    "age: 25 to 34 vs the rest",
    "age: 50 and over vs the rest",
}


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


class TestKnownWorlds:
    def test_a_blind_model_shows_exact_zeros_and_passes(self) -> None:
        rows, state = audit(auditee())
        assert state == "pass"
        assert set(values(rows, "excess_change")) == CONTRASTS
        for name in ("excess_change", "list_change", "placebo_excess"):
            assert set(values(rows, name).values()) == {0}
        for metric in SIMILARITIES:
            assert set(values(rows, f"snsr_{metric}").values()) == {0}
            assert set(values(rows, f"snsv_{metric}").values()) == {0}
        for metric in SHOWN:
            assert set(values(rows, metric).values()) == {1}
            assert set(values(rows, f"pairwise_{metric}").values()) == {1}

    def test_a_model_that_reacts_to_any_statement_is_no_offender(self) -> None:
        """Nobody hears what is said, yet lists that are told something are less like the neutral ones."""
        rows, state = audit(auditee(insertion=0.4))
        assert state != "fail"
        assert rows["jaccard", "gender: woman"].high < 0.6
        assert rows["list_change", "gender: woman vs man"].low > 0.5
        assert all(abs(value) < 0.06 for value in values(rows, "excess_change").values())
        assert rows["placebo_excess", "placebo handedness: right-handed vs left-handed"].value == 0

    def test_a_model_of_luck_is_no_offender_and_snsr_is_what_noise_makes_it(self) -> None:
        rows, state = audit(auditee(noise=0.3))
        assert state != "fail"
        assert rows["jaccard", "the same request again"].high < 0.5
        for attribute in READS:
            row = rows["snsr_jaccard", attribute]
            mean, limit = (float(found) for found in re.findall(r"0\.\d{4}", row.note))
            assert 0 < mean < limit and row.value < 1.5 * limit

    @pytest.mark.parametrize("insertion", [0.0, 0.2])
    def test_a_share_of_the_list_is_found_where_it_is_planted(self, insertion: float) -> None:
        rows, state = audit(auditee(sway={WOMAN: 0.4}, insertion=insertion))
        found = rows["excess_change", "gender: woman vs man"]
        assert state == "fail" and found.value == pytest.approx(0.4 * (1 - insertion) ** 2, abs=0.05)
        others = {group: value for group, value in values(rows, "excess_change").items() if "age" in group}
        assert all(abs(value) < 0.06 for value in others.values())
        assert rows["jaccard", "gender: woman"].high < rows["jaccard", "gender: man"].low
        assert rows["snsr_jaccard", "gender"].low > rows["snsr_jaccard", "age"].high

    def test_one_value_of_three_is_told_from_the_rest(self) -> None:
        rows, state = audit(auditee(sway={("age", "50 and over"): 0.4}))
        found = values(rows, "excess_change")
        assert state == "fail" and found["age: 50 and over vs the rest"] == pytest.approx(0.4, abs=0.05)
        assert found["age: under 25 vs the rest"] == pytest.approx(0.2, abs=0.05)
        assert found["gender: woman vs man"] == 0

    def test_an_unlike_placebo_widens_what_may_be_luck(self) -> None:
        """One placebo moves lists a lot and another does not: such a model's words are not to be trusted."""
        swayed = SwayedDials(sway={WOMAN: 0.3, ("user number", "odd"): 0.6})
        model = PlantedLists(catalog=LOG.catalog, dials=swayed, reads=READS, placebos=TWO_PLACEBOS)
        rows, state = audit(auditee(model))
        assert rows["placebo_excess", "placebo user number: odd vs even"].value == pytest.approx(
            0.3, abs=0.05
        )
        assert state != "fail"


class TestWithoutPlacebo:
    def bare(self, **dials):
        return auditee(
            PlantedLists(catalog=LOG.catalog, dials=SwayedDials(**dials), reads=READS, placebos={})
        )

    def test_nothing_can_fail(self) -> None:
        rows, state = audit(self.bare(sway={WOMAN: 0.5}))
        assert state == "inconclusive" and "placebo_excess" not in {name for name, _ in rows}
        row = rows["excess_change", "gender: woman vs man"]
        assert row.low > 0.4 and "no placebo" in row.note

    def test_lists_that_move_no_more_than_by_luck_pass(self) -> None:
        assert audit(self.bare())[1] == "pass"
        rows, _ = audit(self.bare(noise=0.2))
        assert all(abs(value) < 0.06 for value in values(rows, "excess_change").values())


class TestEstimating:
    def hand(self, lists: Mapping[str, list[int]], users: int = 2) -> Evidence:
        k = max(len(own) for own in lists.values())
        rows = [
            (user, condition, place, item)
            for user in range(users)
            for condition, own in lists.items()
            for place, item in enumerate(own + [-1] * (k - len(own)))
        ]
        cluster, condition, place, item = zip(*rows, strict=True)
        return Evidence(
            columns={
                "cluster": np.array(cluster),
                "condition": np.array(condition),
                "place": np.array(place),
                "item": np.array(item),
            },
            facts={
                "k": k,
                "attributes": {"gender": ["man", "woman"]},
                "placebos": {"handedness": ["left", "right"]},
                "caveats": [],
            },
        )

    LISTS: Mapping[str, list[int]] = {
        "own": [1, 2, 3, 4],
        "own again": [1, 2, 3, 4],
        "no gender": [1, 2, 3, 4],
        "gender=man": [1, 2, 3, 4],
        "gender=woman": [5, 1, 6, 7],
        "no handedness": [1, 2, 3, 4],
        "handedness=left": [1, 2, 3, 4],
        "handedness=right": [1, 2, 3, 8],
    }

    def test_is_what_a_hand_count_gives(self) -> None:
        rows, _ = measure(self.hand(self.LISTS))
        assert rows["list_change", "gender: woman vs man"].value == 0.75
        assert rows["list_change", "placebo handedness: right vs left"].value == 0.25
        assert rows["excess_change", "gender: woman vs man"].value == 0.5
        assert rows["jaccard", "gender: woman"].value == pytest.approx(1 / 7)
        assert rows["serp@paper", "gender: woman"].value == pytest.approx(0.3)
        assert rows["prag@released", "gender: woman"].value == pytest.approx(2 / 6)
        assert rows["pairwise_serp@paper", "gender: woman vs man"].value == pytest.approx(0.3)
        assert rows["pairwise_prag@released", "gender: woman vs man"].value == pytest.approx(2 / 6)
        assert rows["snsr_jaccard", "gender"].value == pytest.approx(6 / 7)
        assert rows["snsv_jaccard", "gender"].value == pytest.approx(3 / 7)
        assert rows["snsr_jaccard", "placebo handedness"].value == pytest.approx(2 / 5)

    def test_the_order_of_rows_does_not_matter(self) -> None:
        evidence = self.hand(self.LISTS, users=30)
        turned = evidence.where(np.ones(len(evidence), dtype=np.bool_))
        order = np.random.default_rng(0).permutation(len(evidence))
        turned = replace(turned, columns={name: own[order] for name, own in evidence.columns.items()})
        assert measure(evidence) == measure(turned)

    def test_one_person_is_not_estimable(self) -> None:
        rows, state = measure(self.hand(self.LISTS, users=1))
        assert state == "inconclusive"
        assert all(row.value is None and row.note for row in rows.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dial", "fewest", "most"), [(0.0, 0, 10), (TRIAL.bound, 2, 19), (TRIAL.planted, 190, 200)]
)
def test_rates_over_many_worlds(dial: float, fewest: int, most: int) -> None:
    (gate,) = TRIAL.probe.criteria()
    failed = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        rows = TRIAL.probe.estimate(TRIAL.evidence(dial, rng), rng, 0.05)
        failed += judge(gate, rows).state == "fail"
    assert fewest <= failed <= most
