"""Silent where all groups are served alike, loud where one is served worse, and right in between."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.datasets import world
from recaudit.models.planted.ranker import RankerDials
from recaudit.probes.base import Evidence, NotApplicable
from recaudit.probes.fairness._gap_rows import relative_gap_rows
from recaudit.probes.fairness._user_table import UserTable
from recaudit.probes.fairness.ranking_gap import COLUMNS, RankingGap
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee, ranking_auditee
from scipy.stats import binom

PROBE = RankingGap()
(GATE,) = PROBE.criteria()
PAIR = "gender: man vs woman"


@pytest.fixture(scope="module")
def log():
    settings = world.WorldSettings(users=3000, items=400, per_user=30)
    built = world.build_world(settings, name="w", rng=np.random.default_rng(0))
    return replace(built, attributes={name: built.attributes[name] for name in ("gender", "country")})


def auditee(log, **dials):
    return ranking_auditee(log, dials=RankerDials(**dials), rng=np.random.default_rng(1))


def measure(evidence, *, seed=3, alpha=0.05):
    rows = PROBE.estimate(evidence, np.random.default_rng(seed), alpha)
    return {(row.name, row.group): row for row in rows}, judge(GATE, rows)


def audit(subject):
    return measure(PROBE.ask(subject, np.random.default_rng(2)))


class TestKnownWorlds:
    def test_passes_a_model_that_serves_all_alike(self, log):
        rows, verdict = audit(auditee(log))
        assert verdict.state == "pass" and rows["ndcg@10", "overall"].value > 0.4

    @pytest.mark.parametrize("lost", [("gender", "woman"), ("gender", "man"), ("country", "Norland")])
    def test_finds_the_group_that_is_served_worse(self, log, lost):
        rows, verdict = audit(auditee(log, group_blindness={lost: 0.6}))
        assert verdict.state == "fail" and lost[0] in verdict.group and lost[1] in verdict.group
        worse, better = (rows["ndcg@10", f"{lost[0]}: {value}"] for value in (lost[1], other(log, lost)))
        assert worse.high < better.low
        assert "p = 0.0005" in rows["ndcg@10_range_over_chance", lost[0]].note

    def test_the_gap_is_the_share_of_places_lost(self, log):
        """A place that is filled at random finds next to nothing: 60 % lost, about 40 % left."""
        rows, _ = audit(auditee(log, group_blindness={("gender", "woman"): 0.6}))
        before, _ = audit(auditee(log))
        left = rows["ndcg@10", "gender: woman"].value / before["ndcg@10", "gender: woman"].value
        assert left == pytest.approx(0.45, abs=0.12)
        gap = rows["relative_ndcg_gap", PAIR].value
        assert gap == pytest.approx(rows["ndcg@10_gap", PAIR].value / rows["ndcg@10", "overall"].value)

    def test_a_model_that_is_equally_bad_for_all_passes_or_cannot_be_told(self, log):
        everyone = {("gender", "woman"): 0.6, ("gender", "man"): 0.6}
        rows, verdict = audit(auditee(log, group_blindness=everyone))
        assert verdict.state in ("pass", "inconclusive")
        assert rows["ndcg@10", "overall"].value < 0.4

    def test_lists_from_the_chart_are_no_gap_by_themselves(self, log):
        assert audit(auditee(log, popularity=0.3))[1].state == "pass"


def other(log, lost):
    return next(value for value in sorted(set(log.attributes[lost[0]])) if value != lost[1])


class TestAsking:
    def test_short_histories_make_a_group_of_their_own(self, log):
        short = np.arange(0, log.n_users, 3)
        place = np.arange(len(log)) - log.starts[log.user]
        fewer = log.take(np.flatnonzero(~np.isin(log.user, short) | (place < 20)))
        alike = {"country": ("Norland",) * log.n_users}
        rows, verdict = audit(auditee(replace(fewer, attributes=alike)))
        assert ("activity_ndcg_gap", "activity: below median vs median or above") in rows
        assert verdict.state == "inconclusive" and "no attribute" in verdict.reason
        below, above = (rows["targets", f"activity: {name}"] for name in ("below median", "median or above"))
        assert below.high < above.low
        assert below.clusters + above.clusters == rows["recall@10", "overall"].clusters

    def test_one_row_a_person_with_something_to_find(self, log):
        evidence = RankingGap(n_users=50).ask(auditee(log), np.random.default_rng(2))
        assert len(evidence) == len(np.unique(evidence.columns["cluster"])) == 50
        assert (evidence.columns["targets"] > 0).all()
        hits = evidence.columns["recall@10"] * evidence.columns["targets"]
        np.testing.assert_allclose(hits, np.round(hits))
        assert any("activity is not compared" in caveat for caveat in evidence.facts["caveats"])

    def test_data_without_attributes_has_no_groups(self, log):
        with pytest.raises(NotApplicable, match="says nothing of who its users are"):
            PROBE.ask(auditee(replace(log, attributes={})), np.random.default_rng(0))

    def test_data_without_likes_counts_all_that_came_later(self, log):
        plain = replace(log, liked=None)
        evidence = PROBE.ask(auditee(plain), np.random.default_rng(2))
        assert set(evidence.columns["targets"]) == {6}
        assert measure(evidence)[1].state == "pass"

    def test_says_what_is_missing(self, log):
        subject = auditee(replace(log, liked=np.zeros(len(log), dtype=bool)))
        with pytest.raises(NotApplicable, match="liked something new in the last 20%"):
            PROBE.ask(subject, np.random.default_rng(0))

    def test_a_judge_of_single_items_is_not_asked(self, log):
        judging = planted_auditee(log, rng=np.random.default_rng(0))
        assert not set(PROBE.needs) <= judging.capabilities and "put before it" in PROBE.otherwise


def table(values: dict[str, np.ndarray]) -> Evidence:
    found = np.concatenate(list(values.values()))
    return Evidence(
        columns={
            "cluster": np.arange(len(found)),
            "ndcg@10": found,
            "recall@10": found / 2,
            "targets": 1 + np.arange(len(found)) % 3,
            "group gender": np.repeat(list(values), [len(own) for own in values.values()]),
        }
    )


def synthetic(gap: float, seed: int, *, users=300, groups=2) -> Evidence:
    """Many lists without a hit; the last group lies ``gap`` of the overall mean below the others."""
    rng, index = np.random.default_rng(seed), np.repeat(np.arange(groups), users)
    lost = gap / (1 + gap / groups)
    values = np.where(rng.random(len(index)) < 0.5, rng.beta(1.5, 2, len(index)), 0)
    values *= np.where(index == groups - 1, 1 - lost, 1)
    return table({f"g{group}": values[index == group] for group in range(groups)})


class TestEstimate:
    def test_what_more_targets_bring_is_shown_and_not_judged(self):
        """Activity alone lies far beyond the bound; the groups of the attribute are alike."""
        evidence = table({"a": np.tile([0.6, 0.4], 60), "b": np.tile([0.6, 0.4], 60)})
        active = evidence.columns["cluster"] % 3 > 0
        columns = {
            **evidence.columns,
            "ndcg@10": np.where(active, 0.6, 0.3) + evidence.columns["cluster"] % 2 / 10,
            "group activity": np.where(active, "median or above", "below median"),
        }
        rows, verdict = measure(replace(evidence, columns=columns))
        assert rows["activity_ndcg_gap", "activity: below median vs median or above"].high < -0.2
        assert verdict.state == "pass" and verdict.group == "gender: a vs b"

    def test_equals_figures_worked_by_hand(self):
        rows, verdict = measure(table({"a": np.tile([0.9, 0.5], 20), "b": np.tile([0.5, 0.1], 20)}))
        assert verdict.state == "fail"
        assert rows["ndcg@10", "gender: a"].value == pytest.approx(0.7)
        assert rows["ndcg@10_gap", "gender: a vs b"].value == pytest.approx(0.4)
        gap = rows["relative_ndcg_gap", "gender: a vs b"]
        assert gap.value == pytest.approx(0.4 / 0.5) and (gap.n, gap.clusters) == (80, 80)
        spread = 0.2**2 / 39
        se = np.sqrt((1 - 0.8 / 2) ** 2 * spread + (1 + 0.8 / 2) ** 2 * spread) / 0.5
        assert (gap.high - gap.low) / 2 == pytest.approx(1.6646 * se, rel=0.02)
        assert rows["recall@10_gap", "gender: a vs b"].value == pytest.approx(0.2)

    def test_users_outside_the_groups_count_towards_the_mean(self):
        values = {"a": np.tile([0.9, 0.5], 20), "b": np.tile([0.5, 0.1], 20), "": np.tile([0.1, 0.3], 40)}
        rows, _ = measure(table(values))
        assert rows["relative_ndcg_gap", "gender: a vs b"].value == pytest.approx(0.4 / 0.35)

    def test_small_groups_are_hidden_and_cannot_fail(self):
        same = np.tile([0.6, 0.5], 60)
        rows, verdict = measure(table({"a": same, "b": same, "few": np.zeros(29)}))
        hidden = rows["ndcg@10", "gender: groups under 30 users"]
        assert hidden.value is None and hidden.clusters == 29 and hidden.note == "not shown: few"
        assert verdict.state == "pass" and not any("few" in group for _, group in rows)

    def test_where_nothing_is_ever_found_nothing_is_decided(self):
        rows, verdict = measure(table({"a": np.zeros(50), "b": np.zeros(50)}))
        assert verdict.state == "inconclusive" and "cannot be told from 0" in verdict.reason
        assert rows["ndcg@10", "overall"].value == 0 < rows["ndcg@10", "overall"].high

    @pytest.mark.parametrize("users", [0, 1])
    def test_too_few_users_are_not_estimable(self, users):
        rows, verdict = measure(table({"a": np.full(users, 0.5)}))
        assert verdict.state == "inconclusive"
        assert all(row.value is None and row.note for row in rows.values())

    def test_the_error_budget_is_split_over_attributes(self):
        one = synthetic(0.2, 0)
        halves = np.where(one.columns["cluster"] % 2, "x", "y")
        two = replace(one, columns={**one.columns, "group other": halves})
        key = ("relative_ndcg_gap", "gender: g0 vs g1")
        once, twice = measure(one)[0][key], measure(two)[0][key]
        narrower = measure(one, alpha=0.025)[0][key]
        assert twice.low < once.low and (twice.low, twice.high) == pytest.approx(
            (narrower.low, narrower.high)
        )
        assert "Bonferroni over 2 attributes" in twice.method

    def test_does_not_depend_on_row_order_or_storage(self):
        evidence = synthetic(0.2, 0)
        order = np.random.default_rng(0).permutation(len(evidence))
        stored = {
            name: column[order].astype(object) if column.dtype.kind == "U" else column[order]
            for name, column in evidence.columns.items()
        }
        before = measure(evidence)[0]
        after = measure(Evidence(columns=stored, facts=json.loads(json.dumps(evidence.facts))))[0]
        assert before.keys() == after.keys()
        key = ("relative_ndcg_gap", "gender: g0 vs g1")
        assert before[key].low == pytest.approx(after[key].low)

    def test_raises_no_warning(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            measure(synthetic(0.2, 1, groups=3))


def gate(evidence: Evidence, seed: int) -> str:
    """The verdict from the gated rows alone, without the tables that surround them."""
    users, rng = UserTable.of(evidence, COLUMNS), np.random.default_rng(seed)
    rows = relative_gap_rows(
        "relative_ndcg_gap",
        users,
        "gender",
        list(users.sizes("gender")),
        column="ndcg@10",
        alpha=0.05,
        tested=1,
        rng=rng,
    )
    return judge(GATE, rows).state


def check_rates(verdict) -> None:
    def failures(gap: float, **settings) -> int:
        return [verdict(synthetic(gap, seed, **settings), seed) for seed in range(200)].count("fail")

    low, high = binom.ppf([0.005, 0.995], 200, 0.05)
    assert failures(0.0) <= 2
    assert failures(0.0, groups=4) <= 2
    assert low <= failures(0.2) <= high
    assert failures(0.2, groups=4) <= high
    assert failures(0.55) >= 180


def test_rates_of_the_gate():
    evidence = synthetic(0.2, 7)
    assert gate(evidence, 0) == measure(evidence)[1].state
    check_rates(gate)


@pytest.mark.slow
def test_rates():
    check_rates(lambda evidence, seed: measure(evidence, seed=seed)[1].state)
