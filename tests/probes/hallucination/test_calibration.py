"""Stated against true probabilities: silent on an honest model, loud on one that is too sure."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.data import FloatArray, InteractionLog
from recaudit.models.datasets.world import WorldSettings, build_world, load
from recaudit.models.planted.faults import answered_by, shuffle_labels
from recaudit.models.planted.yes_no import Dials, PlantedYesNo
from recaudit.probes.base import Evidence, Measurement, NotApplicable
from recaudit.probes.hallucination._reliability import calibration_slope
from recaudit.probes.hallucination.calibration import Calibration
from recaudit.probes.stats.calibration import expected_calibration_error
from recaudit.probes.stats.intervals import clopper_pearson
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee

PROBE = Calibration()
GATE = PROBE.criteria()[0]


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    """People who answer as the honest model says, so that it is calibrated by construction."""
    rng = np.random.default_rng(0)
    world = build_world(WorldSettings(users=1200, items=200, per_user=18), name="world", rng=rng)
    return answered_by(PlantedYesNo(catalog=world.catalog), world, length=10, rng=rng)


def measured(log: InteractionLog, dials: Dials, seed: int = 1) -> dict[str, Measurement]:
    auditee = planted_auditee(log, dials=dials, rng=np.random.default_rng(seed))
    evidence = PROBE.ask(auditee, np.random.default_rng(seed))
    rows = PROBE.estimate(evidence, np.random.default_rng(seed), 0.05)
    return {row.name if row.group == "overall" else f"{row.name} {row.group}": row for row in rows}


def test_an_honest_model_is_not_accused(log: InteractionLog) -> None:
    rows = measured(log, Dials())
    assert judge(GATE, list(rows.values())).state == "pass"
    assert rows["calibration_error"].low < 0.01
    slope, large = rows["calibration_slope"], rows["calibration_in_the_large"]
    assert slope.low < 1 < slope.high and large.low < 0 < large.high


@pytest.mark.parametrize("temperature", [1.0, -2.0])
def test_a_model_too_sure_or_too_timid_fails(log: InteractionLog, temperature: float) -> None:
    rows = measured(log, Dials(temperature=temperature))
    assert judge(GATE, list(rows.values())).state == "fail"
    slope, true = rows["calibration_slope"], np.exp(-temperature)
    assert slope.low < true < slope.high
    assert slope.high < 1 if temperature > 0 else slope.low > 1


def test_labels_dealt_anew_are_found(log: InteractionLog) -> None:
    shuffled = shuffle_labels(log, rng=np.random.default_rng(4))
    rows = measured(shuffled, Dials(temperature=0.5))
    assert judge(GATE, list(rows.values())).state == "fail"
    assert rows["calibration_slope"].low < 0 < rows["calibration_slope"].high


def test_a_constant_base_rate_is_calibrated_and_no_slope_is_claimed() -> None:
    rng = np.random.default_rng(2)
    rows = PROBE.estimate(evidence_of(rng, p=np.full((1000, 6), 0.6)), rng, 0.05)
    assert judge(GATE, rows).state == "pass"
    slope = next(row for row in rows if row.name == "calibration_slope")
    assert slope.value is None and slope.note


def evidence_of(rng: np.random.Generator, *, p: FloatArray | None = None, shift: float = 0.0) -> Evidence:
    """Users whose answers hang together (a Gaussian copula), with P(like) = p - shift in every answer."""
    from scipy.special import ndtr

    stated = rng.uniform(0.15, 0.9, (2000, 6)) if p is None else p
    users, each = stated.shape
    shared = rng.normal(size=(users, 1)) * 0.3**0.5
    drawn = ndtr(shared + rng.normal(size=(users, each)) * 0.7**0.5)
    return Evidence(
        columns={
            "cluster": np.repeat(np.arange(users), each),
            "item": np.zeros(users * each, dtype=np.int64),
            "log_odds": np.log(stated / (1 - stated)).ravel(),
            "liked": (drawn < stated - shift).ravel(),
        }
    )


def test_rows_say_what_a_hand_count_says() -> None:
    rng = np.random.default_rng(6)
    evidence = evidence_of(rng, shift=0.1)
    rows = PROBE.estimate(evidence, rng, 0.05)
    p = 1 / (1 + np.exp(-evidence.columns["log_odds"].astype(float)))
    y = evidence.columns["liked"].astype(float)
    named = {(row.name, row.group): row for row in rows}
    assert named["brier", "overall"].value == pytest.approx(((p - y) ** 2).mean())
    assert named["log_loss", "overall"].value == pytest.approx(-np.log(np.where(y > 0, p, 1 - p)).mean())
    assert named["calibration_in_the_large", "overall"].value == pytest.approx((p - y).mean())
    assert named["calibration_error", "overall"].value == pytest.approx(0.1, abs=0.015)
    here = (p >= 0.6) & (p < 0.7)
    observed = named["observed_rate", "said 0.6 to 0.7"]
    assert (observed.value, observed.n) == (pytest.approx(y[here].mean()), here.sum())
    assert observed.high < 0.6 < named["stated_rate", "said 0.6 to 0.7"].value
    assert sum(row.n for row in rows if row.name == "observed_rate") == len(y)


def test_the_slope_is_that_of_statsmodels() -> None:
    import statsmodels.api as sm

    evidence = evidence_of(np.random.default_rng(8), shift=0.05)
    odds, y = evidence.columns["log_odds"].astype(float), evidence.columns["liked"].astype(float)
    users = evidence.columns["cluster"]
    own = calibration_slope(odds, y, users, alpha=0.05)
    fit = sm.GLM(y, sm.add_constant(odds), family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": users, "use_correction": False}
    )
    assert own is not None and own.se is not None
    assert own.value == pytest.approx(fit.params[1], abs=1e-7)
    assert own.se == pytest.approx(fit.bse[1] * (2000 / 1999) ** 0.5, rel=1e-6)


def test_a_softmax_of_probabilities_spoils_calibration() -> None:
    """The published evaluation's second softmax: (.99, 0) becomes .729, and a calibrated model looks bad."""

    def softmax_again(yes: FloatArray, no: FloatArray) -> FloatArray:
        return np.exp(yes) / (np.exp(yes) + np.exp(no))

    assert softmax_again(np.float64(0.99), np.float64(0.0)) == pytest.approx(0.729, abs=5e-4)
    ends = softmax_again(np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    assert ends == pytest.approx([0.269, 0.731], abs=5e-4)
    rng = np.random.default_rng(0)
    p = 1 / (1 + np.exp(-rng.normal(0, 2, 50_000)))
    y = rng.random(len(p)) < p
    assert expected_calibration_error(p, y) < 0.02
    assert expected_calibration_error(softmax_again(p, 1 - p), y) == pytest.approx(0.146, abs=0.01)


def test_order_of_rows_does_not_matter_and_seeds_repeat() -> None:
    evidence = evidence_of(np.random.default_rng(3), shift=0.04)
    order = np.random.default_rng(9).permutation(len(evidence))
    mixed = Evidence(columns={name: column[order] for name, column in evidence.columns.items()})
    first, again, other = (
        PROBE.estimate(asked, np.random.default_rng(5), 0.05) for asked in (evidence, evidence, mixed)
    )
    assert first == again
    for one, two in zip(first, other, strict=True):
        assert one.value == pytest.approx(two.value, abs=2e-3) and one.clusters == two.clusters


@pytest.mark.parametrize("rows", [0, 1, 6])
def test_too_few_users_are_not_estimable(rows: int) -> None:
    whole = evidence_of(np.random.default_rng(3))
    found = PROBE.estimate(whole.where(np.arange(len(whole)) < rows), np.random.default_rng(0), 0.05)
    assert found[0].name == "calibration_error" and found[0].value is None and found[0].note
    assert judge(GATE, found).state == "inconclusive"


def test_answers_that_are_no_number_are_left_out() -> None:
    evidence = evidence_of(np.random.default_rng(3))
    odds = evidence.columns["log_odds"].astype(float).copy()
    odds[:60] = np.nan
    found = PROBE.estimate(
        replace(evidence, columns={**evidence.columns, "log_odds": odds}), np.random.default_rng(0), 0.05
    )
    assert found[0].n == len(evidence) - 60 and found[0].clusters == 1990


def test_data_without_likes_or_long_histories_is_refused() -> None:
    log = load("world-tiny")
    with pytest.raises(NotApplicable, match="likes and dislikes are needed"):
        PROBE.ask(
            planted_auditee(replace(log, liked=None), rng=np.random.default_rng(0)), np.random.default_rng(0)
        )
    with pytest.raises(NotApplicable, match="length"):
        Calibration(length=100).ask(
            planted_auditee(log, rng=np.random.default_rng(0)), np.random.default_rng(0)
        )


def test_exhibits_are_for_invented_people_only(log: InteractionLog) -> None:
    for synthetic, count in ((True, 6), (False, 0)):
        auditee = planted_auditee(replace(log, synthetic=synthetic), rng=np.random.default_rng(0))
        cases = Calibration(n_users=50).ask(auditee, np.random.default_rng(0)).exhibits
        assert len(cases) == count
        assert all(abs(case.effect) <= abs(cases[0].effect) for case in cases)


def test_calls_bound_what_is_asked(log: InteractionLog) -> None:
    probe = Calibration(n_users=50, per_user=3)
    evidence = probe.ask(planted_auditee(log, rng=np.random.default_rng(0)), np.random.default_rng(0))
    assert 0 < len(evidence) <= probe.calls() == 150


def failures(evidence: Callable[[np.random.Generator], Evidence], seeds: int) -> int:
    states = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        states.append(judge(GATE, PROBE.estimate(evidence(rng), rng, 0.05)[:1]).state)
    return states.count("fail")


@pytest.mark.parametrize("seeds", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_rates(seeds: int) -> None:
    from scipy.stats import binom

    honest = clopper_pearson(failures(evidence_of, seeds), seeds, alpha=0.05)
    assert honest is not None and honest.low <= 0.05 and (seeds < 200 or honest.high <= 0.08)
    at_bound = failures(lambda rng: evidence_of(rng, shift=0.05), seeds)
    assert binom.ppf(0.005, seeds, 0.05) <= at_bound <= binom.ppf(0.995, seeds, 0.05)
    assert failures(lambda rng: evidence_of(rng, shift=0.08), seeds) >= 0.9 * seeds


def test_the_reliability_curve_is_the_rows_of_the_table() -> None:
    evidence = evidence_of(np.random.default_rng(3))
    (curve,) = PROBE.curves(evidence, np.random.default_rng(0))
    rows = PROBE.estimate(evidence, np.random.default_rng(0), 0.025)
    observed = [row for row in rows if row.name == "observed_rate"]
    assert curve.y == pytest.approx([row.value for row in observed], abs=1e-6)
    assert curve.counts == tuple(row.n for row in observed)
    assert curve.low == pytest.approx([row.low for row in observed], abs=1e-6)
    assert sum(curve.counts) == len(evidence)
