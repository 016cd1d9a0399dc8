"""How much may be answered at an accepted risk: guaranteed where it is, refused where it is not."""

import numpy as np
import pytest
from recaudit.models.datasets.world import WorldSettings, build_world
from recaudit.models.planted.faults import answered_by
from recaudit.models.planted.yes_no import Dials, PlantedYesNo
from recaudit.probes.base import Evidence, Measurement
from recaudit.probes.hallucination.selective_risk import SelectiveRisk
from recaudit.probes.stats.intervals import clopper_pearson
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee

PROBE = SelectiveRisk()
GATE = PROBE.criteria()[0]


def evidence_of(odds: np.ndarray, wrong: np.ndarray, accepted: float = 0.2) -> Evidence:
    return Evidence(
        columns={
            "cluster": np.arange(len(odds)),
            "item": np.zeros(len(odds), dtype=np.int64),
            "log_odds": odds,
            "liked": (odds > 0) ^ wrong,
        },
        facts={"accepted": accepted},
    )


def named(evidence: Evidence) -> dict[tuple[str, str], Measurement]:
    rows = PROBE.estimate(evidence, np.random.default_rng(0), 0.05)
    return {(row.name, row.group): row for row in rows}


def test_a_hand_count() -> None:
    """Of 100 answers the surest 40 are right and the others wrong."""
    odds = np.linspace(10, 0.1, 100) * np.where(np.arange(100) % 2, 1, -1)
    rows = named(evidence_of(odds, np.arange(100) >= 40))
    found = rows["coverage_at_risk", "overall"]
    assert (found.value, found.low, found.high) == (0.5, 0.4, 0.55)
    assert clopper_pearson(0, 40, alpha=0.05 / 20).high < 0.2 < clopper_pearson(5, 45, alpha=0.05 / 20).high
    assert clopper_pearson(15, 55, alpha=0.05).low < 0.2 < clopper_pearson(20, 60, alpha=0.05).low
    risks = {"10%": 0.0, "25%": 0.0, "50%": 0.2, "75%": 35 / 75, "100%": 0.6}
    for share, risk in risks.items():
        assert rows["risk", f"most certain {share}"].value == pytest.approx(risk)
    area = np.mean([max(0, i - 40) / i for i in range(1, 101)])
    assert rows["aurc", "overall"].value == pytest.approx(area)
    assert f"0.600 in a random order, {area:.3f} in the best one" in rows["aurc", "overall"].note


def test_equal_certainty_stays_together() -> None:
    rng = np.random.default_rng(0)
    rows = named(evidence_of(np.ones(200), rng.random(200) < 0.1))
    assert rows["coverage_at_risk", "overall"].value == 1 and rows["risk", "most certain 10%"].n == 200


def test_certainty_that_means_nothing_fails_and_a_right_model_passes() -> None:
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 2, 2000)
    assert judge(GATE, list(named(evidence_of(odds, rng.random(2000) < 0.35)).values())).state == "fail"
    surely = 1 / (1 + np.exp(np.abs(odds)))
    assert judge(GATE, list(named(evidence_of(odds, rng.random(2000) < surely)).values())).state == "pass"


@pytest.mark.parametrize("seeds", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_the_guarantee_holds(seeds: int) -> None:
    """The risk at the guaranteed coverage is over what is accepted in at most one world in twenty."""
    broken = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        sure = rng.random(400)
        found = named(evidence_of(sure, rng.random(400) < 0.3 * (1 - sure) + 0.08))[
            "coverage_at_risk", "overall"
        ]
        # The mean of .08 + .3 (1 - u) over the surest share c is .08 + .15 c, which is .2 at c = .8.
        broken += found.low > 0.8
    assert broken <= 0.05 * seeds


def test_the_planted_scorer_is_worth_its_certainty() -> None:
    rng = np.random.default_rng(0)
    world = build_world(WorldSettings(users=900, items=120, per_user=16), name="world", rng=rng)
    log = answered_by(PlantedYesNo(catalog=world.catalog), world, length=10, rng=rng)
    evidence = PROBE.ask(planted_auditee(log, dials=Dials(), rng=rng), rng)
    assert len(evidence) == len(np.unique(evidence.columns["cluster"])) <= PROBE.calls()
    rows = named(evidence)
    assert rows["risk", "most certain 10%"].value < rows["risk", "most certain 100%"].value
    assert [case.kind for case in evidence.exhibits] == ["worst"] * 3 + ["random"] * 3
    assert all(case.effect > 0 for case in evidence.exhibits[:3])


def test_order_does_not_matter_and_answers_that_are_no_number_are_left_out() -> None:
    rng = np.random.default_rng(1)
    odds = rng.normal(0, 2, 300)
    evidence = evidence_of(odds, rng.random(300) < 0.2)
    order = rng.permutation(300)
    mixed = Evidence(
        columns={name: column[order] for name, column in evidence.columns.items()}, facts=evidence.facts
    )
    for key, row in named(evidence).items():
        assert row.value == pytest.approx(named(mixed)[key].value)
    odds = np.where(np.arange(300) < 30, np.nan, odds)
    assert named(evidence_of(odds, rng.random(300) < 0.2))["coverage_at_risk", "overall"].n == 270


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_answers_are_not_estimable(n: int) -> None:
    rows = named(evidence_of(np.ones(n), np.zeros(n, dtype=bool)))
    assert rows["coverage_at_risk", "overall"].value is None and rows["coverage_at_risk", "overall"].note
    assert judge(GATE, list(rows.values())).state == "inconclusive"
