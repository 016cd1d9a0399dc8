"""Gerrymandered worlds, in which every margin is fair and a cell is not, against honest and marginal ones."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.datasets import world
from recaudit.models.planted.faults import answered_by
from recaudit.models.planted.ranker import RankerDials
from recaudit.models.planted.yes_no import Dials
from recaudit.probes.base import Evidence, NotApplicable
from recaudit.probes.fairness._cells import Cells, epsilon
from recaudit.probes.fairness._user_table import UserTable
from recaudit.probes.fairness.group_gap import GroupGap
from recaudit.probes.fairness.intersectional_gap import IntersectionalGap
from recaudit.probes.fairness.ranking_gap import RankingGap
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.testing import planted_auditee, ranking_auditee
from recaudit.probes.trials.intersectional_gap import evidence as gerrymandered

SHARP = 2.0
PROBE = IntersectionalGap(resamples=499)


def young(log):
    return np.isin(log.attributes["age"], ["under 25", "25 to 34"])


@pytest.fixture(scope="module")
def log():
    settings = world.WorldSettings(users=2400, items=200, per_user=20)
    built = world.build_world(settings, name="w", rng=np.random.default_rng(0))
    age = tuple(np.where(young(built), "young", "old").tolist())
    built = replace(built, attributes={"gender": built.attributes["gender"], "age": age})
    honest = planted_auditee(built, dials=Dials(temperature=SHARP), rng=np.random.default_rng(0))
    return answered_by(honest.model, built, length=10, rng=np.random.default_rng(1))


def hidden(log):
    """The same people with an attribute that only the model knows: which of two diagonals they are on."""
    diagonal = (np.array(log.attributes["gender"]) == "woman") == (np.array(log.attributes["age"]) == "young")
    return replace(log, attributes={**log.attributes, "diagonal": tuple(np.where(diagonal, "a", "b"))})


def judging(log, blind):
    dials = Dials(temperature=SHARP, group_blindness=blind)
    return replace(planted_auditee(hidden(log), dials=dials, rng=np.random.default_rng(0)), log=log)


def listing(log, blind):
    dials = RankerDials(group_blindness={who: 0.6 * share for who, share in blind.items()})
    return replace(ranking_auditee(hidden(log), dials=dials, rng=np.random.default_rng(1)), log=log)


def measure(evidence, *, probe=PROBE, seed=2, alpha=0.05):
    rows = probe.estimate(evidence, np.random.default_rng(seed), alpha)
    verdicts = [judge(criterion, rows) for criterion in probe.criteria()]
    return {(row.name, row.group): row for row in rows}, overall(verdicts), verdicts[0]


def audit(subject, *, probe=PROBE):
    return measure(probe.ask(subject, np.random.default_rng(1)), probe=probe)


class TestKnownWorlds:
    @pytest.mark.parametrize(("kind", "margins"), [(judging, GroupGap()), (listing, RankingGap())])
    def test_only_this_probe_sees_a_gerrymander(self, log, kind, margins):
        subject = kind(log, {("diagonal", "a"): 1.0})
        rows, state, verdict = audit(subject)
        assert state == "fail"
        assert verdict.group in ("gender: woman and age: young", "gender: man and age: old")
        assert rows["interaction", "gender: woman and age: young"].high < 0
        assert rows["interaction", "gender: woman and age: old"].low > 0
        assert audit(subject, probe=margins)[1] in ("pass", "inconclusive")

    @pytest.mark.parametrize("kind", [judging, listing])
    def test_an_honest_model_is_not_accused(self, log, kind):
        rows, state, _ = audit(kind(log, {}))
        assert state in ("pass", "inconclusive")
        assert "p = 0.002" not in rows["differential_fairness_over_chance", "gender and age"].note

    def test_what_a_margin_explains_is_no_interaction(self, log):
        rows, state, verdict = audit(listing(log, {("gender", "woman"): 1.0}))
        assert state == "fail" and "woman" in verdict.group
        for (name, _), row in rows.items():
            assert name != "interaction" or row.low < 0 < row.high

    def test_says_what_is_missing(self, log):
        with pytest.raises(NotApplicable, match="1 attributes of its users, and two"):
            age = {"age": log.attributes["age"]}
            PROBE.ask(replace(judging(log, {}), log=replace(log, attributes=age)), None)


def table(means: dict[tuple[str, str], float], *, users=40) -> Evidence:
    """Per user one list; every cell's values lie .1 above and below its mean by turns."""
    cells = list(means)
    cell = np.repeat(np.arange(len(cells)), users)
    found = np.array(list(means.values()))[cell] + np.where(np.arange(len(cell)) % 2, 0.1, -0.1)
    return Evidence(
        columns={
            "cluster": np.arange(len(cell)),
            "ndcg@10": found,
            "hit": found > 0.35,
            "group a": np.array([one for one, _ in cells])[cell],
            "group b": np.array([other for _, other in cells])[cell],
        }
    )


SQUARE = {("x", "u"): 0.5, ("x", "v"): 0.3, ("y", "u"): 0.3, ("y", "v"): 0.5}


class TestEstimate:
    def test_equals_figures_worked_by_hand(self):
        rows, _, _ = measure(table(SQUARE))
        assert rows["ndcg@10", "overall"].value == pytest.approx(0.4)
        gap = rows["cell_gap", "a: x and b: v"]
        assert gap.value == pytest.approx(0.3 / 0.4 - 1) and (gap.n, gap.clusters) == (40, 160)
        assert rows["interaction", "a: x and b: v"].value == pytest.approx(-0.1)
        assert rows["interaction", "a: x and b: u"].value == pytest.approx(0.1)
        spread = 0.1**2 / 39
        # d(mean(c) / mean) with a quarter of the users in c, and three quarters outside it.
        own, other = (1 - 0.75 / 4) / 0.4, 0.75 * 0.75 / 0.4
        rest = np.concatenate([np.tile([m - 0.1, m + 0.1], 20) for m in (0.5, 0.3, 0.5)])
        se = np.sqrt(own**2 * spread + other**2 * rest.var(ddof=1) / 120)
        assert 1.65 * se < gap.high - gap.value < 2.6 * se

    def test_additive_cells_have_no_interaction(self):
        rows, _, _ = measure(
            table({("x", "u"): 0.7, ("x", "v"): 0.5, ("y", "u"): 0.4, ("y", "v"): 0.2, ("y", "w"): 0.9})
        )
        for cell in ("a: x and b: u", "a: y and b: v"):
            assert rows["interaction", cell].value == pytest.approx(0, abs=1e-9)
        assert ("interaction", "a: y and b: w") not in rows

    def test_the_additive_fit_is_that_of_least_squares(self):
        import pandas as pd
        import statsmodels.formula.api as smf

        rng = np.random.default_rng(0)
        cells = (*SQUARE, ("z", "u"), ("z", "v"))
        evidence = table({key: float(rng.uniform(0.2, 0.8)) for key in cells}, users=60)
        evidence = evidence.where(rng.random(len(evidence)) < 0.85)
        column = {name.removeprefix("group "): values for name, values in evidence.columns.items()}
        column["y"] = column.pop("ndcg@10")
        fit = smf.ols("y ~ C(a) + C(b)", pd.DataFrame({name: column[name] for name in "yab"})).fit()
        rows, _, _ = measure(evidence)
        for one, other in (*SQUARE, ("z", "v")):
            here = (column["a"] == one) & (column["b"] == other)
            assert rows["interaction", f"a: {one} and b: {other}"].value == pytest.approx(
                fit.resid[here].mean()
            )

    def test_cells_are_drawn_together(self):
        rows, _, _ = measure(table(SQUARE))
        for cell, mean in SQUARE.items():
            row = rows["shrunken_ndcg@10", f"a: {cell[0]} and b: {cell[1]}"]
            assert abs(row.value - 0.4) < abs(mean - 0.4) and f"as measured {mean:.3f}" in row.note

    def test_small_cells_are_hidden_and_cannot_fail(self):
        evidence = table({**SQUARE, ("z", "u"): 0.0})
        kept = np.flatnonzero((evidence.columns["group a"] != "z") | (np.arange(len(evidence)) < 189))
        evidence = evidence.where(np.isin(np.arange(len(evidence)), kept))
        rows, _, verdict = measure(evidence)
        hidden = rows["ndcg@10", "a and b: cells under 30 users"]
        assert hidden.value is None and "1 cells with 29 users" in hidden.note
        assert not any("z" in group for _, group in rows) and "z" not in verdict.group

    def test_unknown_values_are_in_no_cell_and_count_towards_the_mean(self):
        rows, _, _ = measure(table({**SQUARE, ("", "u"): 0.8}))
        assert rows["cell_gap", "a: x and b: u"].value == pytest.approx(0.5 / 0.48 - 1)
        assert not any("a: and" in group or "a:  and" in group for _, group in rows)

    @pytest.mark.parametrize("users", [0, 1, 20])
    def test_with_no_cells_nothing_is_decided(self, users):
        rows, state, verdict = measure(table(SQUARE, users=users))
        assert state == "inconclusive" and "no two attributes" in verdict.reason

    def test_where_nothing_is_found_there_is_no_share(self):
        evidence = table(SQUARE)
        zero = {"ndcg@10": np.zeros(len(evidence)), "hit": np.zeros(len(evidence))}
        _, state, verdict = measure(replace(evidence, columns={**evidence.columns, **zero}))
        assert state == "inconclusive" and "no share" in verdict.reason

    def test_does_not_depend_on_row_order_or_storage_and_raises_no_warning(self):
        evidence = gerrymandered(0.1, np.random.default_rng(0))
        order = np.random.default_rng(1).permutation(len(evidence))
        stored = {
            name: column[order].astype(object) if column.dtype.kind == "U" else column[order]
            for name, column in evidence.columns.items()
        }
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            before = measure(evidence)[0]
            after = measure(Evidence(columns=stored, facts=json.loads(json.dumps(evidence.facts))))[0]
        assert before.keys() == after.keys()
        for key, row in before.items():
            assert row.value == pytest.approx(after[key].value, abs=0.05)
        assert before["cell_gap", "gender: man and age: old"].low == pytest.approx(
            after["cell_gap", "gender: man and age: old"].low
        )


class TestEpsilon:
    def test_is_the_log_ratio_of_rates_that_are_known_well(self):
        found = epsilon(np.array([0.2, 0.4, 0.4]), np.full(3, 1e7))
        assert found == pytest.approx(np.log(0.4 / 0.2), rel=1e-3)
        assert epsilon(np.array([0.8, 0.9]), np.full(2, 1e7)) == pytest.approx(np.log(2), rel=1e-3)

    def test_is_nothing_where_chance_explains_the_rates(self):
        assert epsilon(np.array([0.5, 0.52, 0.48]), np.full(3, 40.0)) == 0
        assert epsilon(np.zeros(3), np.full(3, 40.0)) == 0

    def test_needs_both_groups_known(self):
        users = UserTable.of(table({**SQUARE, ("", "v"): 0.1}), ("ndcg@10", "hit"))
        cells = Cells.of(users, ("a", "b"), min_cell=30)
        assert len(cells.groups) == 4 and sum(inside.sum() for inside in cells.insides) == 160
