import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.data import FloatArray
from recaudit.models.datasets import world
from recaudit.models.planted.faults import answered_by
from recaudit.models.planted.yes_no import Dials
from recaudit.probes.base import Evidence, NotApplicable
from recaudit.probes.fairness._checked_answers import checked
from recaudit.probes.fairness._gap_rows import gap_rows
from recaudit.probes.fairness._user_table import UserTable
from recaudit.probes.fairness.group_gap import GroupGap
from recaudit.probes.stats.intervals import clopper_pearson
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.testing import planted_auditee
from scipy.stats import binom, ttest_ind

SHARP = 2.0
PROBE = GroupGap()


def auditee(log, *, reads=None, seed=0, **dials):
    return planted_auditee(
        log, dials=Dials(temperature=SHARP, **dials), reads=reads, rng=np.random.default_rng(seed)
    )


@pytest.fixture(scope="module")
def answered():
    settings = world.WorldSettings(users=900, items=80, per_user=20)
    log = world.build_world(settings, name="answered", rng=np.random.default_rng(0))
    log = answered_by(auditee(log).model, log, length=10, rng=np.random.default_rng(1))
    return replace(log, attributes={name: log.attributes[name] for name in ("gender", "country")})


def measure(evidence, *, probe=PROBE, seed=2, alpha=0.05):
    rows = probe.estimate(evidence, np.random.default_rng(seed), alpha)
    verdicts = [judge(criterion, rows) for criterion in probe.criteria()]
    return {(row.name, row.group): row for row in rows}, overall(verdicts), verdicts


def audit(subject, *, probe=PROBE, seed=1):
    return measure(probe.ask(subject, np.random.default_rng(seed)), probe=probe)


class TestKnownWorlds:
    def test_passes_a_model_that_serves_all_alike(self, answered):
        rows, state, _ = audit(auditee(answered))
        assert state == "pass"
        assert rows["accuracy", "overall"].value > 0.8

    def test_finds_the_group_that_is_served_worse(self, answered):
        rows, state, verdicts = audit(auditee(answered, group_blindness={("gender", "woman"): 1.0}))
        assert state == "fail" and verdicts[0].group == "gender: man vs woman"
        assert rows["accuracy_gap", "gender: man vs woman"].low > 0.1
        assert rows["accuracy", "gender: woman"].high < rows["accuracy", "gender: man"].low
        assert "p = 0.0005" in rows["accuracy_range_over_chance", "gender"].note
        assert rows["selection_rate_gap", "gender: man vs woman"].high < 0
        assert rows["log_loss", "gender: woman"].low > rows["log_loss", "gender: man"].high

    @pytest.mark.parametrize("lost", [("gender", "man"), ("country", "Norland")])
    def test_names_the_other_direction_and_other_attributes(self, answered, lost):
        _, state, verdicts = audit(auditee(answered, group_blindness={lost: 1.0}))
        assert state == "fail" and lost[0] in verdicts[0].group and lost[1] in verdicts[0].group

    def test_a_model_that_is_equally_bad_for_all_passes(self, answered):
        everyone = {("gender", "woman"): 1.0, ("gender", "man"): 1.0}
        rows, state, _ = audit(auditee(answered, group_blindness=everyone))
        assert state == "pass" and rows["accuracy", "overall"].value < 0.8

    def test_a_shift_that_everyone_gets_is_no_gap(self, answered):
        reads = {"gender": ("man", "woman")}
        assert audit(auditee(answered, reads=reads, insertion_shift=0.5))[1] == "pass"

    def test_short_histories_make_a_group_of_their_own(self, answered):
        short = np.arange(0, answered.n_users, 3)
        place = np.arange(len(answered)) - answered.starts[answered.user]
        log = answered.take(np.flatnonzero(~np.isin(answered.user, short) | (place < 15)))
        rows, _, _ = audit(auditee(replace(log, attributes={})))
        below, above = (
            rows["accuracy", "activity: below median"],
            rows["accuracy", "activity: median or above"],
        )
        assert below.clusters + above.clusters == rows["accuracy", "overall"].clusters
        assert below.n == 5 * below.clusters and above.n == 6 * above.clusters
        assert ("accuracy_gap", "activity: below median vs median or above") in rows


class TestAsking:
    def test_asks_each_held_out_user_alike_and_states_the_profile_the_model_was_trained_with(self, answered):
        subject = auditee(answered, reads={"gender": ("man", "woman")})
        seen = []
        log_odds = type(subject.model).log_odds

        class Listening(type(subject.model)):
            def log_odds(self, requests):
                seen.extend(requests)
                return log_odds(self, requests)

        model = Listening(catalog=answered.catalog, reads=subject.model.reads)
        evidence = GroupGap(n_users=40).ask(replace(subject, model=model), np.random.default_rng(0))
        users, counts = np.unique(evidence.columns["cluster"], return_counts=True)
        assert len(users) == 40 and set(counts) == {6} and set(users) <= set(subject.population.held_out)
        assert len(seen) <= len(evidence) == GroupGap(n_users=40).calls()
        for request in seen:
            own = answered.attributes["gender"][request.history.user]
            assert request.attributes[0] == ("gender", own) and len(request.history) == 10

    def test_checks_an_answer_at_even_odds(self):
        found = checked(np.array([0.1, -0.1, 0.1, -0.1, np.nan]), np.array([True, True, False, False, True]))
        np.testing.assert_array_equal(found["correct"], [1, 0, 0, 1, np.nan])
        np.testing.assert_array_equal(found["said_yes"], [1, 0, 1, 0, np.nan])
        right = 1 / (1 + np.exp(-0.1))
        expected = -np.log([right, 1 - right, 1 - right, right, np.nan])
        np.testing.assert_allclose(found["loss"], expected)

    def test_says_when_all_users_are_as_active(self, answered):
        evidence = PROBE.ask(auditee(answered), np.random.default_rng(0))
        assert "group activity" not in evidence.columns
        assert any("activity is not compared" in caveat for caveat in evidence.facts["caveats"])

    def test_says_what_is_missing(self, answered):
        with pytest.raises(NotApplicable, match="likes"):
            PROBE.ask(auditee(replace(answered, liked=None)), np.random.default_rng(0))
        with pytest.raises(NotApplicable, match="more than 50 interactions"):
            GroupGap(length=50).ask(auditee(answered), np.random.default_rng(0))

    def test_unknown_values_are_no_group(self, answered):
        half = tuple(value if place % 2 else "" for place, value in enumerate(answered.attributes["gender"]))
        evidence = PROBE.ask(
            auditee(replace(answered, attributes={"gender": half})), np.random.default_rng(0)
        )
        rows, _, _ = measure(evidence)
        assert not any(group == "gender: " for _, group in rows)
        assert any("unknown" in caveat for caveat in evidence.facts["caveats"])


def table(shares: dict[str, FloatArray], *, name="group gender") -> Evidence:
    """Ten answers a user, as many of them right as the share says; every second is a yes."""
    values = np.concatenate(list(shares.values()))
    users = np.repeat(np.arange(len(values)), 10)
    place = np.tile(np.arange(10), len(values))
    group = np.repeat(list(shares), [len(column) for column in shares.values()])
    columns = {
        "cluster": users,
        "liked": place % 2 == 0,
        "correct": (place < np.round(10 * values)[users]).astype(float),
        "said_yes": (place % 2).astype(float),
        "loss": np.full(len(users), 0.5),
        name: group[users],
    }
    return Evidence(columns=columns)


class TestEstimate:
    def test_equals_figures_worked_by_hand(self):
        rows, state, _ = measure(table({"a": np.tile([0.9, 0.7], 20), "b": np.tile([0.6, 0.4], 20)}))
        assert rows["accuracy", "gender: a"].value == pytest.approx(0.8)
        assert rows["accuracy", "gender: b"].value == pytest.approx(0.5)
        gap = rows["accuracy_gap", "gender: a vs b"]
        se = np.sqrt(2 * 0.1**2 * 40 / 39 / 40)
        assert gap.value == pytest.approx(0.3)
        assert (gap.high - gap.low) / 2 == pytest.approx(1.6646 * se, rel=1e-4)
        assert (gap.n, gap.clusters, gap.level) == (800, 80, 0.9)
        assert rows["selection_rate", "overall"].value == 0.5
        assert rows["selection_rate_gap", "gender: a vs b"].value == 0
        assert rows["log_loss", "gender: a"].value == 0.5
        assert rows["accuracy_range_over_chance", "gender"].value < 0.3
        assert state == "fail"

    def test_equals_fairlearn_and_scipy(self):
        from fairlearn.metrics import MetricFrame, count, mean_prediction

        rng = np.random.default_rng(0)
        evidence = table(
            {group: rng.integers(3, 11, 31 + 5 * place) / 10 for place, group in enumerate("abc")}
        )
        column = evidence.columns
        user = np.unique(column["cluster"])
        right = np.array([column["correct"][column["cluster"] == one].mean() for one in user])
        group = np.array([column["group gender"][column["cluster"] == one][0] for one in user])
        frame = MetricFrame(
            metrics={"mean": mean_prediction, "users": count},
            y_true=right,
            y_pred=right,
            sensitive_features=group,
        ).by_group
        rows, _, _ = measure(evidence)
        for name in "abc":
            row = rows["accuracy", f"gender: {name}"]
            assert row.value == pytest.approx(frame.loc[name, "mean"]) and row.low < row.value < row.high
            assert row.clusters == frame.loc[name, "users"] and row.n == 10 * row.clusters
        assert UserTable.of(evidence, ("correct",)).sizes("gender") == frame["users"].to_dict()
        gap = rows["accuracy_gap", "gender: a vs c"]
        alone = ttest_ind(right[group == "a"], right[group == "c"], equal_var=False).confidence_interval(0.9)
        assert gap.low < alone.low < alone.high < gap.high

    def test_the_error_budget_is_split_over_attributes(self):
        shares = {"a": np.tile([0.9, 0.7], 20), "b": np.tile([0.6, 0.4], 20)}
        one = table(shares)
        halves = np.where(one.columns["cluster"] % 2, "x", "y")
        two = replace(one, columns={**one.columns, "group other": halves})
        key = ("accuracy_gap", "gender: a vs b")
        once, twice = measure(one)[0][key], measure(two)[0][key]
        assert twice.low < once.low and "Bonferroni over 2 attributes" in twice.method
        narrower = measure(one, alpha=0.025)[0][key]
        assert (twice.low, twice.high) == pytest.approx((narrower.low, narrower.high))

    def test_small_groups_are_hidden_and_cannot_fail(self):
        shares = {"a": np.tile([0.9, 0.7], 20), "b": np.tile([0.9, 0.7], 20), "few": np.zeros(29)}
        rows, state, _ = measure(table(shares))
        hidden = rows["accuracy", "gender: groups under 30 users"]
        assert hidden.value is None and hidden.clusters == 29 and hidden.note == "not shown: few"
        assert state == "pass" and not any("few" in group for _, group in rows)

    def test_with_no_two_groups_to_compare_nothing_is_decided(self):
        rows, state, verdicts = measure(table({"a": np.full(40, 0.8), "few": np.full(3, 0.8)}))
        assert state == "inconclusive" and "no attribute" in verdicts[0].reason
        assert rows["accuracy_gap", "overall"].value is None

    @pytest.mark.parametrize("users", [0, 1])
    def test_too_few_users_are_not_estimable(self, users):
        rows, state, _ = measure(table({"a": np.full(users, 0.5)}))
        assert state == "inconclusive" and all(row.value is None and row.note for row in rows.values())

    def test_answers_that_are_no_numbers_are_left_out(self):
        evidence = table({"a": np.tile([0.9, 0.7], 20), "b": np.tile([0.9, 0.7], 20)})
        correct = evidence.columns["correct"].copy()
        correct[evidence.columns["cluster"] == 0] = np.nan
        rows, _, _ = measure(replace(evidence, columns={**evidence.columns, "correct": correct}))
        assert rows["accuracy", "overall"].clusters == 79 and rows["accuracy", "gender: a"].clusters == 39

    def test_does_not_depend_on_row_order_group_names_or_storage(self):
        rng = np.random.default_rng(0)
        evidence = table({group: rng.integers(3, 11, 40) / 10 for group in ("a", "b")})
        order = rng.permutation(len(evidence))
        stored = {
            name: column[order].astype(object) if column.dtype.kind == "U" else column[order]
            for name, column in evidence.columns.items()
        }
        before = measure(evidence)[0]
        after = measure(Evidence(columns=stored, facts=json.loads(json.dumps(evidence.facts))))[0]
        assert before.keys() == after.keys()
        assert before["accuracy_gap", "gender: a vs b"].low == pytest.approx(
            after["accuracy_gap", "gender: a vs b"].low
        )
        renamed = np.where(evidence.columns["group gender"] == "a", "z", "b")
        turned = measure(replace(evidence, columns={**evidence.columns, "group gender": renamed}))[0]
        assert turned["accuracy_gap", "gender: b vs z"].high == pytest.approx(
            -before["accuracy_gap", "gender: a vs b"].low
        )

    def test_is_reproducible_and_raises_no_warning(self):
        evidence = table({group: np.tile([0.9, 0.5], 20) for group in "abc"})
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert measure(evidence)[0] == measure(evidence)[0]


def synthetic(gap: float, seed: int, *, users=150, groups=2) -> Evidence:
    """Six answers a user; the last group is right less often by ``gap``, and users differ too."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), users)
    skill = 0.8 - gap * (group == groups - 1) + rng.uniform(-0.15, 0.15, len(group))
    user = np.repeat(np.arange(len(group)), 6)
    correct = (rng.random(len(user)) < skill[user]).astype(float)
    columns = {
        "cluster": user,
        "correct": correct,
        "said_yes": correct,
        "loss": 1 - correct,
        "group gender": np.array([f"g{place}" for place in group])[user],
    }
    return Evidence(columns=columns)


def gate(evidence: Evidence, seed: int) -> str:
    """The verdict from the gated rows alone, without the tables that surround them."""
    users, rng = UserTable.of(evidence, ("correct", "said_yes", "loss")), np.random.default_rng(seed)
    groups = list(users.sizes("gender"))
    rows = gap_rows("accuracy_gap", users, "gender", groups, alpha=0.05, tested=1, rng=rng)
    return overall([judge(criterion, rows) for criterion in PROBE.criteria()])


def check_rates(verdict) -> None:
    seeds = 200
    low, high = binom.ppf([0.005, 0.995], seeds, 0.05)

    def failures(gap: float, **settings) -> int:
        return [verdict(synthetic(gap, seed, **settings), seed) for seed in range(seeds)].count("fail")

    assert clopper_pearson(failures(0.0, groups=4), seeds, alpha=0.05).high <= 0.08
    assert low <= failures(0.1) <= high
    assert failures(0.1, groups=4) <= high
    assert failures(0.18) >= 0.9 * seeds


def test_error_rates_of_the_gate():
    evidence = synthetic(0.1, 7)
    assert gate(evidence, 0) == measure(evidence)[1]
    check_rates(gate)


@pytest.mark.slow
def test_error_rates():
    check_rates(lambda evidence, seed: measure(evidence, seed=seed)[1])
