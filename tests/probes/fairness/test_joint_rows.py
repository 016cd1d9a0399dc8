"""The worst group, gaps at equal activity, and equalised odds: against Fairlearn, and in known worlds."""

from dataclasses import replace

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, equalized_odds_difference, mean_prediction
from recaudit.probes.base import Evidence
from recaudit.probes.fairness._gap_rows import kept_groups
from recaudit.probes.fairness._joint_rows import against_everyone, controlled_rows, strata, worst_row
from recaudit.probes.fairness._odds_rows import odds_rows
from recaudit.probes.fairness._user_table import UserTable


def people(n=600, *, gap=0.0, seed=0):
    """One answer a person; the active are right more often, and women are active more often."""
    rng = np.random.default_rng(seed)
    woman = rng.random(n) < 0.5
    active = rng.random(n) < np.where(woman, 0.8, 0.3)
    liked = rng.random(n) < 0.6
    correct = rng.random(n) < 0.5 + 0.4 * active - gap * woman
    return Evidence(
        columns={
            "cluster": np.arange(n),
            "liked": liked,
            "correct": correct.astype(float),
            "said_yes": (correct == liked).astype(float),
            "loss": 1.0 - correct,
            "interactions": np.where(active, rng.integers(60, 100, n), rng.integers(10, 30, n)),
            "group gender": np.where(woman, "woman", "man"),
            "group age": rng.choice(["young", "middle", "old"], n),
        }
    )


def tables(evidence):
    users = UserTable.of(evidence, ("correct", "said_yes", "loss"))
    return users, kept_groups(users, 30)


def rows_of(evidence, seed=0):
    users, kept = tables(evidence)
    found = controlled_rows(
        "accuracy", users, kept, strata(evidence), alpha=0.05, rng=np.random.default_rng(seed)
    )
    return {row.group: row for row in found}


class TestEqualActivity:
    def test_is_fairlearns_table_with_a_control_feature(self):
        evidence = people(gap=0.1)
        column, quarter = evidence.columns, strata(evidence)
        frame = MetricFrame(
            metrics=mean_prediction,
            y_true=column["correct"],
            y_pred=column["correct"],
            sensitive_features=column["group gender"],
            control_features=quarter,
        ).by_group
        sizes = np.bincount(quarter)
        gaps = [frame.loc[(place, "man")] - frame.loc[(place, "woman")] for place in range(len(sizes))]
        row = rows_of(evidence)["gender: man vs woman"]
        assert row.value == pytest.approx(np.average(gaps, weights=sizes))
        assert row.low < row.value < row.high and row.clusters == 600

    def test_a_gap_that_activity_explains_is_gone(self):
        evidence = people(2000)
        users, _ = tables(evidence)
        values, woman = users.values["correct"], users.groups["gender"] == "woman"
        assert values[woman].mean() - values[~woman].mean() > 0.12
        row = rows_of(evidence)["gender: man vs woman"]
        assert row.low < 0 < row.high and abs(row.value) < 0.06

    def test_a_gap_that_activity_hides_is_seen(self):
        assert rows_of(people(2000, gap=0.2))["gender: man vs woman"].low > 0.1

    def test_a_quarter_without_one_of_the_groups_is_left_out_and_named(self):
        evidence = people()
        woman = evidence.columns["group gender"] == "woman"
        counts = np.where(woman, np.arange(len(evidence)), len(evidence))
        counted = replace(evidence, columns={**evidence.columns, "interactions": counts})
        row = rows_of(counted)["gender: man vs woman"]
        assert "1 of 2 quarters" in row.note and row.value is not None

    def test_there_is_none_where_all_are_as_active_or_nobody_counted(self):
        evidence = people()
        same = replace(evidence, columns={**evidence.columns, "interactions": np.full(len(evidence), 9)})
        without = {name: column for name, column in evidence.columns.items() if name != "interactions"}
        assert rows_of(same) == rows_of(replace(evidence, columns=without)) == {}

    def test_quarters_hold_equal_counts_together(self):
        evidence = people(8)
        counts = np.array([5, 5, 5, 5, 5, 7, 8, 9])
        quarters = strata(replace(evidence, columns={**evidence.columns, "interactions": counts}))
        assert len(set(quarters[:5])) == 1 and quarters[0] < quarters[5] <= quarters[7]


class TestWorst:
    def test_names_the_lowest_group_of_all_attributes(self):
        evidence = people(900, gap=0.5)
        users, kept = tables(evidence)
        (row,) = worst_row("accuracy", users, kept, alpha=0.05, rng=np.random.default_rng(0))
        values, woman = users.values["correct"], users.groups["gender"] == "woman"
        assert row.group == "gender: woman" and "lowest of 5 groups" in row.note
        assert row.value == pytest.approx(values[woman].mean() - values.mean()) and row.high < 0

    def test_the_worst_of_many_by_chance_is_rarely_beyond_0(self):
        above = 0
        for seed in range(200):
            rng = np.random.default_rng(seed)
            group, values = rng.integers(0, 8, 400), rng.exponential(size=400)
            found = against_everyone(values, [group == g for g in range(8)], alpha=0.05, rng=rng, n_draws=499)
            above += min(found, key=lambda one: one.value).high < 0
        assert above <= 18

    def test_a_small_group_that_found_nothing_is_no_sure_thing(self):
        """One list in ten has a hit: among 40 groups of 30 users some have none at all."""
        empty = above = 0
        for seed in range(100):
            rng = np.random.default_rng(seed)
            group = np.repeat(np.arange(40), 30)
            values = np.where(rng.random(1200) < 0.1, rng.beta(1.5, 2, 1200), 0.0)
            insides = [group == g for g in range(40)]
            found = against_everyone(values, insides, alpha=0.05, rng=rng, relative=True, n_draws=499)
            empty += any(one.value == -1 for one in found)
            above += any(one.high < -0.1 for one in found)
        assert empty > 50 and above <= 5

    def test_a_relative_gap_holds_at_its_bound(self):
        above = 0
        for seed in range(400):
            rng = np.random.default_rng(seed)
            group = np.arange(400) % 4 == 0
            mean = 1 - 0.2 * 0.5 * np.where(group, 3, -1)
            values = mean * rng.exponential(size=400)
            (one,) = against_everyone(values, [group], alpha=0.05, rng=rng, relative=True)
            above += one.high < -0.3
        assert above <= 30

    def test_no_group_gives_no_row(self):
        users, _ = tables(people())
        assert worst_row("accuracy", users, {}, alpha=0.05, rng=np.random.default_rng(0)) == []


class TestOdds:
    def rows(self, evidence, seed=0):
        _, kept = tables(evidence)
        found = odds_rows(evidence, kept, alpha=0.05, rng=np.random.default_rng(seed))
        return {(row.name, row.group): row for row in found}

    @pytest.mark.parametrize("attribute", ["gender", "age"])
    def test_equals_fairlearn_on_one_row_a_person(self, attribute):
        evidence = people(gap=0.2)
        column = evidence.columns
        expected = equalized_odds_difference(
            column["liked"], column["said_yes"], sensitive_features=column[f"group {attribute}"]
        )
        row = self.rows(evidence)["equalised_odds_over_chance", attribute]
        assert f"difference {expected:.3f}" in row.note and row.value < expected

    def test_a_planted_gap_in_true_positives_is_recovered(self):
        rng = np.random.default_rng(1)
        evidence = people(3000)
        woman, liked = evidence.columns["group gender"] == "woman", evidence.columns["liked"]
        said = rng.random(3000) < np.where(liked, 0.7 - 0.2 * woman, 0.3)
        rows = self.rows(replace(evidence, columns={**evidence.columns, "said_yes": said.astype(float)}))
        true = rows["true_positive_rate_gap", "gender: man vs woman"]
        false = rows["false_positive_rate_gap", "gender: man vs woman"]
        assert true.low < 0.2 < true.high and true.low > 0.1 and false.low < 0 < false.high
        assert "p = 0.001" in rows["equalised_odds_over_chance", "gender"].note

    def test_shuffled_groups_cover_0(self):
        rows = self.rows(people(1500, gap=0.0))
        row = rows["equalised_odds_over_chance", "age"]
        assert row.low < 0.02 and abs(row.value) < 0.1

    def test_each_user_counts_once_however_many_answers(self):
        evidence = people(400)
        again = np.concatenate([np.arange(400), np.repeat(np.arange(5), 30)])
        copied = Evidence(columns={name: column[again] for name, column in evidence.columns.items()})
        once, often = self.rows(evidence), self.rows(copied)
        assert once.keys() == often.keys()
        for key, row in once.items():
            assert row.value == pytest.approx(often[key].value)

    def test_without_the_truth_there_are_none(self):
        evidence = people()
        without = {name: column for name, column in evidence.columns.items() if name != "liked"}
        assert self.rows(replace(evidence, columns=without)) == {}

    def test_a_group_without_dislikes_has_no_rate(self):
        evidence = people()
        woman = evidence.columns["group gender"] == "woman"
        liked = evidence.columns["liked"] | woman
        rows = self.rows(replace(evidence, columns={**evidence.columns, "liked": liked}))
        row = rows["equalised_odds_over_chance", "gender"]
        assert row.value is None and "no rate" in row.note
