import json
from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.datasets import world
from recaudit.models.planted.yes_no import Dials
from recaudit.probes.base import Evidence
from recaudit.probes.fairness._contrasts import Answers, value_contrasts
from recaudit.probes.fairness.counterfactual_shift import CounterfactualShift
from recaudit.probes.stats.intervals import clopper_pearson
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.testing import planted_auditee
from scipy.stats import binom

AGES = ("young", "middle", "old", "oldest")
READS = {"gender": ("man", "woman"), "age": world.ATTRIBUTES["age"][0]}
PROBE = CounterfactualShift(n_users=60, n_control=30)


def measure(evidence, *, seed=2):
    rows = PROBE.estimate(evidence, np.random.default_rng(seed), 0.05)
    state = overall([judge(criterion, rows) for criterion in PROBE.criteria()])
    return {(row.name, row.group): row for row in rows}, state


class TestEstimate:
    @pytest.fixture
    def evidence(self):
        dials = Dials(attribute_shift={("gender", "woman"): 0.2}, noise=0.4)
        log = world.load("world-tiny")
        subject = planted_auditee(log, dials=dials, reads=READS, rng=np.random.default_rng(0))
        return PROBE.ask(subject, np.random.default_rng(1))

    def test_equals_a_brute_force_mean_over_users(self, evidence):
        column = {name: values.tolist() for name, values in evidence.columns.items()}
        keys = zip(column["cluster"], column["candidate"], column["condition"], strict=True)
        score = dict(zip(keys, column["score"], strict=True))
        shifts = {}
        for user, item, condition in score:
            if condition == "gender=woman":
                shift = score[user, item, condition] - score[user, item, "gender=man"]
                shifts.setdefault(user, []).append(shift)
        per_user = [np.mean(values) for values in shifts.values()]
        row = measure(evidence)[0]["shift", "gender: woman vs man"]
        assert row.value == pytest.approx(np.mean(per_user))
        assert (row.n, row.clusters, row.level, row.unit) == (600, 60, 0.9, "log-odds")
        assert row.high - row.value > 1.6 * np.std(per_user, ddof=1) / np.sqrt(60)

    def test_flips_are_counted_against_the_users_own_request_alone(self, evidence):
        yes = {}
        column = {name: values.tolist() for name, values in evidence.columns.items()}
        for place, condition in enumerate(column["condition"]):
            answer = (column["score"][place] > 0, column["own"][place])
            yes.setdefault((column["cluster"][place], column["candidate"][place]), {})[condition] = answer
        per_user = {}
        for (user, _), answers in yes.items():
            ages = [answer for name, (answer, own) in answers.items() if name.startswith("age=") and not own]
            assert len(ages) == 3
            per_user.setdefault(user, []).append(np.mean([answer != answers["own"][0] for answer in ages]))
        row = measure(evidence)[0]["flip_rate", "age"]
        assert row.value == pytest.approx(np.mean([np.mean(shares) for shares in per_user.values()]))
        assert row.n == 600

    def test_does_not_depend_on_the_order_of_rows_and_survives_storage(self, evidence):
        order = np.random.default_rng(0).permutation(len(evidence))
        shuffled = Evidence(
            columns={
                name: column[order].astype(object) if column.dtype.kind == "U" else column[order]
                for name, column in evidence.columns.items()
            },
            facts=json.loads(json.dumps(evidence.facts)),
        )
        before, after = measure(evidence)[0], measure(shuffled)[0]
        assert before.keys() == after.keys()
        for key, row in before.items():
            assert (row.value, row.low, row.high) == pytest.approx(
                (after[key].value, after[key].low, after[key].high)
            )

    def test_is_reproducible(self, evidence):
        assert measure(evidence)[0] == measure(evidence)[0]

    @pytest.mark.parametrize("users", [0, 1])
    def test_too_few_users_are_not_estimable(self, evidence, users):
        few = np.unique(evidence.columns["cluster"])[:users]
        rows, state = measure(evidence.where(np.isin(evidence.columns["cluster"], few)))
        assert state in ("inconclusive", "invalid")
        assert rows and all(row.value is None and row.note for row in rows.values())

    def test_answers_that_are_no_numbers_are_left_out(self, evidence):
        score = evidence.columns["score"].copy()
        user = evidence.columns["cluster"] == evidence.columns["cluster"][0]
        score[user] = np.nan
        rows, _ = measure(replace(evidence, columns={**evidence.columns, "score": score}))
        assert rows["shift", "gender: woman vs man"].clusters == 59

    def test_contrasts_of_values(self):
        assert value_contrasts("g", ["a"]) == []
        [two] = value_contrasts("g", ["a", "b"])
        assert (two.label, two.plus, two.minus) == ("g: b vs a", "g=b", ("g=a",))
        assert [row.minus for row in value_contrasts("g", ["a", "b", "c"])][1] == ("g=a", "g=c")

    def test_answers_grid_marks_what_was_not_asked(self):
        columns = {
            "cluster": np.array([4, 4, 9, 9, 7]),
            "candidate": np.array([1, 2, 1, 1, 1]),
            "condition": np.array(["own", "own", "own", "g=a", "g=a"]),
            "own": np.array([True, True, True, False, False]),
            "score": np.array([0.5, 1.5, 4.0, np.inf, 0.0]),
        }
        answers = Answers.of(Evidence(columns=columns))
        assert answers.n_users == 3
        np.testing.assert_array_equal(answers.at("own"), [0.5, 1.5, np.nan, 4.0])
        np.testing.assert_array_equal(answers.at("g=a"), [np.nan, np.nan, 0.0, np.nan])
        np.testing.assert_array_equal(answers.per_user(answers.at("own")[:, None])[:, 0], [1.0, np.nan, 4.0])
        assert np.isnan(answers.at("never asked")).all()


def synthetic(effect: float, seed: int, *, users=40, items=3, luck=0.02, ages=AGES) -> Evidence:
    """Answers of a model that adds ``effect`` for women on average, and for each user somewhat else.

    ``luck`` is the sd of what every single statement adds for everyone in one training.
    """
    rng = np.random.default_rng(seed)
    level = rng.normal(0, 1, (users, items))

    def cell(own: float, spread: float):
        return level + own + rng.normal(0, luck) + rng.normal(0, spread, (users, 1))

    cells = {"own": level}
    for copy, shift in (("", effect), ("copy ", 1.0)):
        cells |= {f"{copy}gender=man": level, f"{copy}gender=woman": cell(shift, 0.2)}
        cells |= {f"{copy}age={age}": cell(0, 0.1) for age in ages}
        cells |= {f"{copy}handedness=left": level, f"{copy}handedness=right": cell(0, 0.1)}
    columns = {"cluster": np.repeat(np.arange(users), items), "candidate": np.tile(np.arange(items), users)}
    columns = {name: np.tile(column, len(cells)) for name, column in columns.items()}
    columns["condition"] = np.repeat(list(cells), users * items)
    columns["own"] = columns["condition"] == "own"
    columns["score"] = np.concatenate([values.ravel() for values in cells.values()])
    facts = {
        "attributes": {"gender": ["man", "woman"], "age": list(ages)},
        "placebos": {"handedness": ["left", "right"]},
        "wordings": 1,
        "control": {"attribute": "gender", "raised": "woman"},
    }
    return Evidence(columns=columns, facts=facts)


def failures(effect: float, seeds: int, **settings) -> int:
    states = [measure(synthetic(effect, seed, **settings), seed=seed)[1] for seed in range(seeds)]
    assert "invalid" not in states
    return states.count("fail")


def test_error_rates():
    seeds = 200
    low, high = binom.ppf([0.005, 0.995], seeds, 0.05)
    one_contrast = {"luck": 0.0, "ages": AGES[:1]}
    assert clopper_pearson(failures(0.0, seeds), seeds, alpha=0.05).high <= 0.08
    assert clopper_pearson(failures(0.0, seeds, luck=0.3), seeds, alpha=0.05).high <= 0.08
    assert low <= failures(0.1, seeds, **one_contrast) <= high
    assert low <= failures(-0.1, seeds, **one_contrast) <= high
    designed = 0.1 + (1.685 + 1.645) * 0.2 / np.sqrt(40)
    assert failures(designed, seeds, **one_contrast) >= 0.9 * seeds
