"""Membership inference must catch a diffusion model that memorises, and clear one that does not."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest
from recaudit.models.base import Recommender
from recaudit.models.capabilities import lacking
from recaudit.models.data import Example, FloatArray, History, InteractionLog
from recaudit.models.datasets.world import WorldSettings, build_world
from recaudit.models.planted.denoiser import PlantedDenoiser
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable, State
from recaudit.probes.privacy._denoising_attacks import draw_histories
from recaudit.probes.privacy._handed_in import per_user
from recaudit.probes.privacy.membership_inference import SCORES, MembershipInference, attack_scores
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.testing import denoising_auditee

PROBE = MembershipInference(n_control=60)
GATE = PROBE.criteria()[0]
SHIFT = 2**0.5 * NormalDist().inv_cdf(PROBE.bound)
"""Between normals of variance 1 this shift has an AUC at the bound."""


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    """Few people: enough to see gross things."""
    return world(450)


@pytest.fixture(scope="module")
def crowd() -> InteractionLog:
    """Enough people for every check to come to a verdict."""
    return world(3200)


def world(users: int) -> InteractionLog:
    settings = WorldSettings(users=users, items=200, per_user=25)
    return build_world(settings, name="w", rng=np.random.default_rng(1))


def auditee(log: InteractionLog, *, memory: float = 0.0) -> Auditee:
    return denoising_auditee(log, memory=memory, rng=np.random.default_rng(2))


def asked(who: Auditee) -> Evidence:
    return PROBE.ask(who, np.random.default_rng(3))


def measured(evidence: Evidence) -> list[Measurement]:
    return PROBE.estimate(evidence, np.random.default_rng(0), 0.05)


def states(rows: Sequence[Measurement]) -> dict[str, State]:
    verdicts = [judge(criterion, rows) for criterion in PROBE.criteria()]
    found: dict[str, State] = {v.criterion.measurement: v.state for v in verdicts}
    return found | {"overall": overall(verdicts)}


def row(rows: Sequence[Measurement], name: str, group: str = "overall") -> Measurement:
    (found,) = [row for row in rows if row.name == name and row.group == group]
    return found


# A model that memorises, and one that does not


def test_an_honest_denoiser_passes_and_every_check_holds(crowd: InteractionLog) -> None:
    found = states(measured(asked(auditee(crowd))))
    assert found.pop("base_auc") == "not_applicable"
    assert set(found.values()) == {"pass"}


def test_a_denoiser_that_knows_its_people_by_heart_fails(crowd: InteractionLog) -> None:
    rows = measured(asked(auditee(crowd, memory=1.0)))
    assert row(rows, "attack_auc", "loss").value == pytest.approx(1.0, abs=1e-4)
    assert row(rows, "attack_auc", "calibrated").value == pytest.approx(1.0, abs=1e-3)
    assert row(rows, "control_auc").value == pytest.approx(1.0, abs=1e-4)
    found = states(rows)
    assert found["blind_auc"] == "pass" and found["attack_auc"] == found["overall"] == "fail"


def test_the_more_it_memorises_the_more_is_found_most_of_all_against_a_reference(log: InteractionLog) -> None:
    rows = [measured(asked(auditee(log, memory=dial))) for dial in (0.0, 0.05, 0.2)]
    plain, calibrated = (
        [row(each, "attack_auc", attack).value or 0 for each in rows] for attack in ("loss", "calibrated")
    )
    assert plain == sorted(plain) and calibrated == sorted(calibrated)
    assert plain[1] < 0.8 < 0.95 < calibrated[1]


# When the answer must not count


def test_sides_that_differ_in_activity_are_invalid(log: InteractionLog) -> None:
    who = auditee(log, memory=1.0)
    place = np.arange(len(log)) - log.starts[log.user]
    busy = ~np.isin(log.user, who.population.held_out) | (place < 20)
    found = states(measured(asked(replace(who, log=log.take(np.flatnonzero(busy))))))
    assert found["blind_auc"] == found["overall"] == "invalid"


def test_a_copy_that_shows_nothing_makes_the_attack_invalid(log: InteractionLog) -> None:
    who = auditee(log, memory=1.0)

    def stubborn(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        assert isinstance(who.model, PlantedDenoiser)
        return replace(who.model, memory=0.0)

    found = states(measured(asked(replace(who, fit=stubborn))))
    assert found["control_auc"] == found["overall"] == "invalid"


def test_copies_are_made_as_announced_and_can_be_done_without(log: InteractionLog) -> None:
    who, labels = auditee(log, memory=0.1), []

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        labels.append((label, len(np.asarray(users)), effort))
        return who.fit(users, label=label, log=log, effort=effort)

    asked(replace(who, fit=fit))
    assert labels == [("reference", len(who.population.reference), 1.0), ("control:overfit", 60, 12.0)]
    assert len(labels) == PROBE.fits

    def untrainable(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        raise NotApplicable("it cannot be trained")

    evidence = asked(replace(who, fit=untrainable))
    tried = {each.group for each in measured(evidence) if each.name == "attack_auc"}
    assert tried == {"loss", "pia", "secmi"}
    assert str(evidence.facts["caveats"]).count("it cannot be trained") == 2


# What is kept and told


def test_one_line_a_person_and_nothing_that_says_who_is_a_member(log: InteractionLog) -> None:
    evidence = asked(auditee(log))
    assert set(evidence.columns["set"]) == {"audit", "control"} and evidence.exhibits == ()
    names = {each.name for each in measured(evidence)}
    assert "row_auc" not in names and "base_auc" not in names and "lift_over_blind" in names
    assert evidence.facts["unit"] == "user" and evidence.facts["noise_levels"] == [0, 1, 2]
    assert "whole history" in str(evidence.facts["threat_model"])
    assert all(isinstance(fact, int | str | list) for fact in evidence.facts.values())
    assert not any(user in str(evidence.facts) for user in log.user_ids)


def test_the_same_seed_gives_the_same_evidence(log: InteractionLog) -> None:
    first, second = asked(auditee(log, memory=0.1)), asked(auditee(log, memory=0.1))
    for name, column in first.columns.items():
        assert np.array_equal(column, second.columns[name], equal_nan=name.startswith("score"))


def test_either_capability_will_do_and_likelihoods_come_first(log: InteractionLog) -> None:
    who = auditee(log)
    assert lacking(PROBE.needs, who.capabilities) == []
    assert lacking(PROBE.needs, {"judges"}) == list(PROBE.needs)

    class Both(PlantedDenoiser):
        def log_likelihood(self, examples: Sequence[Example]) -> FloatArray:
            return np.full(len(examples), -0.5)

    assert isinstance(who.model, PlantedDenoiser)
    both = Both(catalog=who.catalog, shares=who.model.shares, remembered=who.model.remembered)
    evidence = asked(replace(who, model=both, fit=lambda *_, **__: both))
    assert evidence.facts["history_length"] == 10 and "noise_levels" not in evidence.facts


def test_the_calls_announced_cover_the_calls_made(log: InteractionLog) -> None:
    made = []

    class Counting(PlantedDenoiser):
        def denoising_errors(
            self, histories: Sequence[History], steps: Sequence[int], *, rng: np.random.Generator
        ) -> FloatArray:
            made.append(len(histories) * len(steps))
            return super().denoising_errors(histories, steps, rng=rng)

    who = auditee(log)
    assert isinstance(who.model, PlantedDenoiser)
    model = Counting(catalog=who.catalog, shares=who.model.shares, remembered=who.model.remembered)
    asked(replace(who, model=model, fit=lambda *_, **__: model))
    n = max(len(who.population.members), len(who.population.held_out))
    assert len(made) == 3 and 0 < sum(made) <= replace(PROBE, n_users=n).calls()


@pytest.mark.parametrize("levels", [(), (-0.1,), (0.0, 1.5)])
def test_noise_levels_lie_in_the_range_of_the_model(levels: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="between 0"):
        MembershipInference(noise_levels=levels)


# How often it errs


def attacked(who: Auditee, seed: int) -> list[Measurement]:
    """Both attacks, without the blind classifier and the control, which the gate does not need."""
    rows = draw_histories(
        who.log,
        who.population.members,
        who.population.held_out,
        model=who.model,
        n_users=PROBE.n_users,
        noise_levels=PROBE.noise_levels,
        rng=np.random.default_rng(seed),
    )
    scores, _ = attack_scores(who, rows)
    blind = {"score_blind": np.random.default_rng(seed).random(len(rows.member))}
    assert set(scores) == set(SCORES)
    return measured(Evidence(columns=per_user(rows, scores | blind, part="audit")))


@pytest.mark.parametrize("seeds", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_honest_denoisers_raise_no_alarm_and_planted_ones_are_found(seeds: int) -> None:
    people, found = world(900), Counter[tuple[float, State]]()
    misses = 0
    for seed in range(seeds):
        for memory in (0.0, 0.1):
            who = denoising_auditee(people, memory=memory, rng=np.random.default_rng(seed))
            rows = attacked(who, seed)
            found[memory, judge(GATE, rows).state] += 1
            if not memory:
                loss = row(rows, "attack_auc", "loss")
                assert loss.low is not None and loss.high is not None
                misses += not loss.low <= 0.5 <= loss.high
    # Two attacks share the error, so that this interval misses chance in 5 %; in the other all scores tie.
    low, high = band(seeds, 0.05)
    assert low <= misses <= high
    assert found[0.0, "fail"] <= 0.01 * seeds
    assert found[0.1, "fail"] >= 0.9 * seeds


@pytest.mark.parametrize("seeds", [60, pytest.param(200, marks=pytest.mark.slow)])
def test_at_the_bound_the_error_is_what_was_promised(seeds: int) -> None:
    n, failed = 600, 0
    member = np.arange(2 * n) < n
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        shifted = {
            name: rng.normal(size=2 * n) + SHIFT * member for name in ("score_loss", "score_calibrated")
        }
        columns = dict.fromkeys(SCORES, np.full(2 * n, np.nan)) | shifted
        evidence = Evidence(
            columns={
                "cluster": np.arange(2 * n),
                "member": member,
                "examples": np.ones(2 * n, dtype=np.int64),
                "set": np.full(2 * n, "audit"),
                **columns,
                "score_blind": rng.random(2 * n),
            }
        )
        failed += judge(GATE, measured(evidence)).state == "fail"
    low, high = band(seeds, 1 - 0.975**2)
    assert low <= failed <= high


def band(trials: int, share: float) -> tuple[float, float]:
    from scipy.stats import binom

    low, high = binom.interval(0.99, trials, share)
    return float(low), float(high)
