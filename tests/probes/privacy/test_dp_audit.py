"""The audit of differential privacy must refute what is false, never confirm, and say what it could have."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from recaudit.models.base import Recommender
from recaudit.models.data import InteractionLog
from recaudit.models.datasets.world import WorldSettings, build_world
from recaudit.models.planted.yes_no import Dials
from recaudit.models.splits import Population
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable, Verdict
from recaudit.probes.privacy.dp_audit import DpAudit
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.testing import denoising_auditee, planted_auditee
from recaudit.probes.trials.dp_audit import evidence as randomised_response

PROBE = DpAudit(claimed=1.0)
ALPHA = 0.05


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    settings = WorldSettings(users=900, items=120, per_user=13)
    return build_world(settings, name="w", rng=np.random.default_rng(1))


def recalling(log: InteractionLog, memory: float = 0.0) -> Auditee:
    return planted_auditee(log, dials=Dials(memory=memory), rng=np.random.default_rng(2))


def restoring(log: InteractionLog, memory: float = 0.0) -> Auditee:
    return denoising_auditee(log, memory=memory, rng=np.random.default_rng(2))


def asked(who: Auditee, probe: DpAudit = PROBE) -> Evidence:
    return probe.ask(who, np.random.default_rng(3))


def measured(evidence: Evidence, probe: DpAudit = PROBE) -> list[Measurement]:
    return probe.estimate(evidence, np.random.default_rng(0), ALPHA)


def row(rows: Sequence[Measurement], name: str, group: str) -> Measurement:
    (found,) = [row for row in rows if row.name == name and row.group == group]
    return found


def verdict(rows: Sequence[Measurement], probe: DpAudit = PROBE) -> Verdict:
    (criterion,) = probe.criteria()
    return judge(criterion, rows)


# What it says


@pytest.mark.parametrize("world", [recalling, restoring])
def test_a_model_without_memory_is_inconclusive_and_never_passes(log: InteractionLog, world) -> None:  # type: ignore[no-untyped-def]
    rows = measured(asked(world(log)))
    found = verdict(rows)
    assert found.state == "inconclusive" and overall([found]) == "inconclusive"
    assert found.reason.startswith("none_found: ")
    epsilon = row(rows, "empirical_epsilon", "user")
    assert epsilon.low == 0 and epsilon.high is None
    assert "guesses that are all right would have shown 4." in found.reason


@pytest.mark.parametrize("world", [recalling, restoring])
def test_a_model_with_memory_refutes_its_claim(log: InteractionLog, world) -> None:  # type: ignore[no-untyped-def]
    rows = measured(asked(world(log, 1.0)))
    found = verdict(rows)
    assert found.state == "fail" and found.p_value is not None and found.p_value < ALPHA
    epsilon = row(rows, "empirical_epsilon", "user")
    assert epsilon.low is not None and epsilon.value is not None
    assert 3.5 < epsilon.low < epsilon.value
    assert epsilon.clusters >= epsilon.n > 0 and epsilon.level == pytest.approx(0.9)


def test_however_large_the_claim_it_never_passes(log: InteractionLog) -> None:
    generous = DpAudit(claimed=50.0)
    for memory in (0.0, 1.0):
        rows = measured(asked(recalling(log, memory)), generous)
        assert verdict(rows, generous).state == "inconclusive"


def test_without_a_claim_nothing_is_judged(log: InteractionLog) -> None:
    probe = DpAudit()
    evidence = asked(recalling(log, 1.0), probe)
    assert probe.criteria() == () and overall([]) == "reported"
    assert evidence.facts["caveats"] == ["Nothing is claimed, so nothing is judged."]
    assert measured(evidence, probe) == measured(evidence)


def test_a_claim_for_one_interaction_is_harder_to_refute() -> None:
    per_one = DpAudit(claimed=1.0, unit="interaction")
    evidence = randomised_response(3.0, np.random.default_rng(1))
    rows = measured(evidence)
    user, one = (row(rows, "empirical_epsilon", unit) for unit in ("user", "interaction"))
    assert user.low is not None and one.low is not None
    assert user.low > 1 > one.low > 0 and one.low < user.low / 5
    assert "up to 5" in one.note
    assert verdict(rows).state == "fail" and verdict(rows, per_one).state == "inconclusive"


def test_the_bound_is_the_one_of_the_counts() -> None:
    """Scores that show every coin: all 240 guesses about 300 people are right."""
    evidence = randomised_response(700.0, np.random.default_rng(1))
    probe = DpAudit(claimed=1.0, shares=(0.8,), delta=1e-12)
    user = row(measured(evidence, probe), "empirical_epsilon", "user")
    for end, alpha in ((user.low, ALPHA), (user.value, 0.5)):
        q = alpha ** (1 / 240)
        assert end == pytest.approx(np.log(q / (1 - q)), abs=1e-3)
    assert (user.n, user.clusters) == (240, 300)


def test_assumed_bounds_are_shown_apart_and_judged_by_nobody() -> None:
    rows = measured(randomised_response(2.0, np.random.default_rng(1)))
    assumed = [row for row in rows if row.name == "assumed_epsilon"]
    assert len(assumed) == 3 and all("assumption" in row.note for row in assumed)
    assert {criterion.measurement for criterion in PROBE.criteria()} == {"empirical_epsilon"}


@pytest.mark.slow
def test_a_true_claim_is_refuted_as_seldom_as_it_says() -> None:
    failed = sum(
        verdict(measured(randomised_response(1.0, np.random.default_rng(seed)))).state == "fail"
        for seed in range(200)
    )
    assert failed <= 17


# What it does


def test_coins_are_fair_and_decide_who_is_trained_on(log: InteractionLog) -> None:
    who, trained = recalling(log), []

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        trained.append(np.asarray(users))
        return who.fit(users, label=label, log=log, effort=effort)

    evidence = asked(replace(who, fit=fit))
    included = evidence.columns["member"].astype(bool)
    canaries = evidence.columns["cluster"]
    assert np.isin(canaries, who.population.held_out).all()
    assert 0.4 < included.mean() < 0.6
    expected = np.union1d(who.population.members, canaries[included])
    (users,) = trained
    assert np.array_equal(users, expected)


def test_people_kept_as_canaries_are_preferred(log: InteractionLog) -> None:
    who = recalling(log)
    old = who.population
    kept = Population(
        base=old.base,
        members=old.members,
        held_out=old.held_out[100:],
        reference=old.reference,
        canaries=old.held_out[:100],
    )
    evidence = asked(replace(who, population=kept))
    assert set(evidence.columns["cluster"]) <= set(kept.canaries.tolist())


def test_order_and_scale_of_scores_change_nothing() -> None:
    evidence = randomised_response(2.0, np.random.default_rng(1))
    score = evidence.columns["score"].astype(float)
    moved = {**evidence.columns, "score": np.exp(3 * score)}
    alike = measured(Evidence(columns=moved)), measured(evidence)
    assert [row.low for row in alike[0]] == [row.low for row in alike[1]]
    (curve,) = PROBE.curves(evidence, np.random.default_rng(0))
    assert curve.kind == "roc" and len(curve.x) == len(curve.y) > 5


def test_all_scores_alike_show_nothing() -> None:
    evidence = randomised_response(2.0, np.random.default_rng(1))
    flat = Evidence(columns={**evidence.columns, "score": np.zeros(len(evidence))})
    lots = [PROBE.estimate(flat, np.random.default_rng(seed), ALPHA) for seed in range(60)]
    assert sum(bool(row(rows, "empirical_epsilon", "user").low) for rows in lots) <= 8


def test_who_cannot_be_asked(log: InteractionLog) -> None:
    with pytest.raises(NotApplicable, match="at least 20 are needed"):
        asked(recalling(log), replace(PROBE, window=60))
    with pytest.raises(NotApplicable, match="no likes"):
        asked(recalling(replace(log, liked=None)))


@pytest.mark.parametrize(
    "settings", [{"delta": 0.0}, {"shares": ()}, {"shares": (1.5,)}, {"unit": "row"}, {"claimed": -1.0}]
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="got"):
        replace(PROBE, **settings)  # type: ignore[arg-type]
