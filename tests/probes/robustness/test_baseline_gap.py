"""The model and the rules are measured on the same people, and their differences hold their level."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from recaudit.models.base import Request, Slate
from recaudit.models.baselines import Baseline
from recaudit.models.data import Catalog
from recaudit.models.datasets import world
from recaudit.models.planted.ranker import RankerDials
from recaudit.probes._retrieval import RIVALS
from recaudit.probes.base import NotApplicable
from recaudit.probes.robustness.baseline_gap import FIGURES, BaselineGap
from recaudit.probes.testing import ranking_auditee
from recaudit.probes.trials.baseline_gap import evidence as planted_evidence

PROBE = BaselineGap()
RULES = tuple(RIVALS)


@dataclass(frozen=True)
class Rule:
    """A counting rule that is audited as if it were a model."""

    rule: Baseline

    @property
    def catalog(self) -> Catalog:
        return self.rule.catalog

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        return self.rule.recommend(requests, k)


@pytest.fixture(scope="module")
def log():
    settings = world.WorldSettings(users=900, items=200, per_user=25)
    return world.build_world(settings, name="w", rng=np.random.default_rng(0))


def auditee(log, **dials):
    return ranking_auditee(log, dials=RankerDials(**dials), rng=np.random.default_rng(1))


def measure(evidence, *, seed=3, alpha=0.05):
    rows = PROBE.estimate(evidence, np.random.default_rng(seed), alpha)
    return {(row.name, row.group): row for row in rows}


def audit(subject):
    return measure(PROBE.ask(subject, np.random.default_rng(2)))


def test_a_model_that_knows_the_future_beats_every_rule(log):
    rows = audit(auditee(log))
    assert all(rows[f"{figure}_gap", rule].low > 0 for figure in FIGURES for rule in RULES)
    for figure in FIGURES:
        gap = rows[figure, "model"].value - rows[figure, "ease"].value
        assert rows[f"{figure}_gap", "ease"].value == pytest.approx(gap)


def test_a_model_that_guesses_loses_to_popularity(log):
    everyone = {("gender", "woman"): 1.0, ("gender", "man"): 1.0}
    rows = audit(auditee(log, group_blindness=everyone))
    assert rows["recall@20_gap", "popularity"].high < 0
    assert rows["recall@20", "model"].value == pytest.approx(20 / 180, abs=0.03)


@pytest.mark.parametrize(("name", "rule"), RIVALS.items())
def test_a_rule_in_a_models_clothes_is_no_better_than_itself(log, name, rule):
    subject = auditee(log)
    model = Rule(rule.fitted(log, subject.population.members))
    rows = audit(replace(subject, model=model))
    for figure in FIGURES:
        assert rows[f"{figure}_gap", name].value == 0
        assert rows[figure, "model"].value == rows[figure, name].value


def test_nothing_is_judged(log):
    assert PROBE.criteria() == ()


def test_a_rule_that_cannot_be_fitted_is_left_out_and_said(log):
    many = replace(
        log,
        catalog=Catalog(
            ids=tuple(f"i{item}" for item in range(10_001)),
            titles=tuple(f"i{item}" for item in range(10_001)),
            years=np.zeros(10_001, dtype=np.int64),
            genres=((),) * 10_001,
        ),
    )
    evidence = BaselineGap(n_users=20).ask(auditee(many), np.random.default_rng(2))
    assert "recall@10 ease" not in evidence.columns
    assert any("ease is left out" in caveat for caveat in evidence.facts["caveats"])
    assert {rule for name, rule in measure(evidence) if name == "ndcg@10_gap"} == {*RULES} - {"ease"}


def test_says_what_is_missing_and_asks_data_without_likes(log):
    subject = auditee(log)
    nobody = replace(subject.population, held_out=np.array([], dtype=np.int64))
    with pytest.raises(NotApplicable, match="none of 0 held-out users"):
        PROBE.ask(replace(subject, population=nobody), np.random.default_rng(0))
    evidence = PROBE.ask(auditee(replace(log, liked=None, attributes={})), np.random.default_rng(2))
    assert set(evidence.columns["targets"]) == {5}


@pytest.mark.parametrize("users", [0, 1])
def test_too_few_users_are_not_estimable(log, users):
    evidence = BaselineGap(n_users=5).ask(auditee(log), np.random.default_rng(2))
    few = evidence.where(np.arange(5) < users)
    assert all(row.value is None and row.note for row in measure(few).values())


def test_gaps_hold_together_as_often_as_they_say():
    """Rules as good as the model: some interval misses 0 on a side at most about 5 % of the time."""
    low = high = 0
    for seed in range(200):
        rows = measure(planted_evidence(np.random.default_rng(seed), lead=0.0), seed=seed)
        gaps = [rows["ndcg@10_gap", rule] for rule in RULES]
        low, high = low + any(gap.low > 0 for gap in gaps), high + any(gap.high < 0 for gap in gaps)
    assert max(low, high) <= 20
