"""Copies find a model that memorises, clear one that does not, and are made so that they can be reused."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from recaudit.models.base import Recommender
from recaudit.models.data import Example, FloatArray, InteractionLog
from recaudit.models.datasets.world import WorldSettings, build_world
from recaudit.models.planted.yes_no import Dials, PlantedYesNo
from recaudit.probes.base import Auditee, Evidence, Measurement, State
from recaudit.probes.privacy.shadow_membership import ATTACKS, ShadowMembership
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.testing import denoising_auditee, planted_auditee
from recaudit.probes.trials.shadow_membership import TRIAL

PROBE = ShadowMembership(n_shadows=4, per_user=1, n_control=40)


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    settings = WorldSettings(users=450, items=150, per_user=13)
    return build_world(settings, name="w", rng=np.random.default_rng(1))


class Trembling(PlantedYesNo):
    """Each training ends a little elsewhere, as real ones do."""

    def log_likelihood(self, examples: Sequence[Example]) -> FloatArray:
        told = super().log_likelihood(examples)
        rng = np.random.default_rng(abs(hash(self.remembered)) % 2**32)
        own = {user: rng.normal(0, 0.3) for user in sorted({row.history.user for row in examples})}
        odds = told - np.log(-np.expm1(told)) + [own[row.history.user] for row in examples]
        found: FloatArray = -np.logaddexp(0, -odds)
        return found


def auditee(log: InteractionLog, *, memory: float) -> Auditee:
    who = planted_auditee(log, dials=Dials(memory=memory), rng=np.random.default_rng(2))

    def trembling(model: Recommender) -> Trembling:
        assert isinstance(model, PlantedYesNo)
        return Trembling(
            catalog=model.catalog,
            dials=model.dials,
            reads=model.reads,
            profiles=model.profiles,
            remembered=model.remembered,
        )

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        return trembling(who.fit(users, label=label, log=log, effort=effort))

    return replace(who, model=trembling(who.model), fit=fit)


def asked(who: Auditee, **settings: int) -> Evidence:
    return replace(PROBE, **settings).ask(who, np.random.default_rng(3))


def measured(evidence: Evidence) -> list[Measurement]:
    return PROBE.estimate(evidence, np.random.default_rng(0), 0.05)


def states(rows: Sequence[Measurement]) -> dict[str, State]:
    verdicts = [judge(criterion, rows) for criterion in PROBE.criteria()]
    found: dict[str, State] = {v.criterion.measurement: v.state for v in verdicts}
    return found | {"overall": overall(verdicts)}


def aucs(rows: Sequence[Measurement]) -> dict[str, float]:
    return {row.group: row.value for row in rows if row.name == "attack_auc" and row.value is not None}


def test_a_model_that_memorises_is_found_and_better_than_without_copies(log: InteractionLog) -> None:
    rows = measured(asked(auditee(log, memory=1.0)))
    found = aucs(rows)
    assert set(found) == set(ATTACKS)
    assert found["bavaria"] > 0.95 > found["loss"] + 0.15
    assert states(rows)["attack_auc"] == "fail" and states(rows)["control_auc"] == "pass"


def test_an_honest_model_raises_no_alarm(log: InteractionLog) -> None:
    rows = measured(asked(auditee(log, memory=0.0)))
    assert states(rows)["attack_auc"] in ("pass", "inconclusive")
    assert all(abs(value - 0.5) < 0.1 for value in aucs(rows).values())


def test_models_that_restore_histories_are_found_as_well(log: InteractionLog) -> None:
    who = denoising_auditee(log, memory=0.2, rng=np.random.default_rng(2))
    rows = measured(asked(who))
    assert aucs(rows)["bavaria"] > 0.9 and states(rows)["attack_auc"] == "fail"


def test_copies_are_named_and_drawn_alike_every_time_so_that_none_is_trained_twice(
    log: InteractionLog,
) -> None:
    who = auditee(log, memory=0.5)
    made: list[tuple[str, bytes]] = []

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        made.append((label, np.asarray(users).tobytes()))
        return who.fit(users, label=label, log=log, effort=effort)

    for _ in range(2):
        asked(replace(who, fit=fit))
    first, second = made[: len(made) // 2], made[len(made) // 2 :]
    assert first == second and len(dict(first)) == len(first) == PROBE.n_shadows + 1
    assert [label for label, _ in first[:2]] == ["shadow 1 of 4", "shadow 2 of 4"]
    pool = {*who.population.members.tolist(), *who.population.held_out.tolist()}
    for label, users in first[:-1]:
        trained = np.frombuffer(users, dtype=np.int64)
        assert set(trained.tolist()) <= pool, label
        assert len(trained) == pytest.approx(len(pool) / 2, rel=0.25)
    assert ShadowMembership.fits == ShadowMembership().n_shadows + 1


def test_coins_in_the_evidence_say_who_trained_which_copy(log: InteractionLog) -> None:
    evidence = asked(auditee(log, memory=0.5))
    audit = evidence.where(evidence.columns["set"] == "audit").columns
    coins = np.stack([audit[f"trained_{copy}"] for copy in range(4)])
    assert (coins.sum(axis=0) == 2).all()
    strangers = evidence.where(evidence.columns["set"] == "population").columns
    assert not any(strangers[f"trained_{copy}"].any() for copy in range(4))
    assert not np.isin(strangers["cluster"], audit["cluster"]).any()


def test_a_copy_that_shows_nothing_makes_it_invalid(log: InteractionLog) -> None:
    evidence = asked(auditee(log, memory=1.0))
    columns = dict(evidence.columns)
    control = columns["set"] == "control"
    columns["signal"] = np.where(control, columns["shadow_0"], columns["signal"])
    columns["signal"][control] = np.random.default_rng(0).normal(0, 1, control.sum())
    found = states(measured(replace(evidence, columns=columns)))
    assert found["control_auc"] != "pass" and found["overall"] != "pass"


def test_row_order_is_nothing_and_calls_are_announced(log: InteractionLog) -> None:
    evidence = asked(auditee(log, memory=0.5))
    order = np.random.default_rng(5).permutation(len(evidence))
    mixed = replace(evidence, columns={name: own[order] for name, own in evidence.columns.items()})
    for one, other in zip(measured(evidence), measured(mixed), strict=True):
        assert one.value == pytest.approx(other.value) and one.low == pytest.approx(other.low)
    assert replace(PROBE, n_users=300).calls() > 0


@pytest.mark.parametrize("kept", [0, 2])
def test_almost_nothing_gives_no_numbers(kept: int) -> None:
    evidence = TRIAL.evidence(0.0, np.random.default_rng(0))
    rows = measured(evidence.where(np.arange(len(evidence)) < kept))
    assert rows and all(row.value is None and row.note for row in rows)


@pytest.mark.parametrize("copies", [2, 7])
def test_too_few_or_odd_copies_are_refused(copies: int) -> None:
    with pytest.raises(ValueError, match="even number of at least 4"):
        ShadowMembership(n_shadows=copies)


@pytest.mark.slow
def test_rates_of_the_known_world() -> None:
    (gate,) = [each for each in TRIAL.probe.criteria() if each.measurement == TRIAL.gate]
    assert TRIAL.bound is not None
    failed = {dial: 0 for dial in (0.0, TRIAL.bound, TRIAL.planted)}
    for dial in failed:
        for seed in range(200):
            rng = np.random.default_rng(seed)
            rows = TRIAL.probe.estimate(TRIAL.evidence(dial, rng), rng, 0.05)
            failed[dial] += judge(gate, rows).state == "fail"
    assert failed[0.0] <= 4 and failed[TRIAL.bound] <= 18 and failed[TRIAL.planted] >= 190
