"""Orders that mean nothing: silent where they do nothing, loud where one is planted, at known rates."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.datasets.world import load
from recaudit.models.planted.yes_no import Dials
from recaudit.probes.base import Criterion, Evidence, Measurement, NotApplicable
from recaudit.probes.robustness.order_bias import OrderBias
from recaudit.probes.stats.intervals import clopper_pearson
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.testing import planted_auditee
from recaudit.probes.trials.order_bias import evidence as planted_evidence

PROBE = OrderBias()
SWAP, ALIKE, FLIPS = PROBE.criteria()
LOG = load("world-tiny")


def asked(dials: Dials, seed: int = 1) -> list[Measurement]:
    auditee = planted_auditee(LOG, dials=dials, rng=np.random.default_rng(seed))
    return PROBE.estimate(PROBE.ask(auditee, np.random.default_rng(seed)), np.random.default_rng(seed), 0.05)


def named(rows: list[Measurement]) -> dict[tuple[str, str], Measurement]:
    return {(row.name, row.group): row for row in rows}


def verdict(rows: list[Measurement]) -> str:
    return overall([judge(criterion, rows) for criterion in PROBE.criteria()])


@pytest.mark.parametrize(
    "dials", [Dials(), Dials(noise=0.1), Dials(title_noise=1, insertion_shift=1, temperature=0.5)]
)
def test_models_that_ignore_order_pass(dials: Dials) -> None:
    assert verdict(asked(dials)) == "pass"


def test_an_orderless_model_shows_exact_zeros() -> None:
    rows = named(asked(Dials()))
    for (name, group), row in rows.items():
        assert row.value == pytest.approx(0, abs=1e-12), (name, group)
    assert rows["absolute_change", "candidates in another order"].clusters > 50


@pytest.mark.parametrize("shift", [0.6, -0.6])
def test_a_planted_swap_is_measured_with_its_sign(shift: float) -> None:
    rows = asked(Dials(swapped_shift=shift))
    found = named(rows)["swap_shift", "overall"]
    assert found.value == pytest.approx(shift) and judge(SWAP, rows).state == "fail"
    assert judge(ALIKE, rows).state == "pass"
    assert named(rows)["flip_rate", "lists shuffled"].value == 0


@pytest.mark.parametrize("strength", [0.6, -0.6])
def test_a_planted_weight_on_what_comes_first_is_found(strength: float) -> None:
    rows = asked(Dials(first_item=strength))
    found = named(rows)["alike_first_shift", "overall"]
    assert np.sign(found.value) == np.sign(strength) and judge(ALIKE, rows).state == "fail"
    assert judge(SWAP, rows).state == "pass"


def test_answers_that_hang_on_every_word_flip_without_shifting() -> None:
    rows = asked(Dials(noise=0.6))
    assert judge(FLIPS, rows).state == "fail"
    assert judge(SWAP, rows).state != "fail" and judge(ALIKE, rows).state != "fail"


def test_flips_are_those_of_a_hand_count() -> None:
    auditee = planted_auditee(LOG, dials=Dials(swapped_shift=0.6), rng=np.random.default_rng(1))
    evidence = PROBE.ask(auditee, np.random.default_rng(1))
    column = evidence.columns
    odds = {
        condition: dict(
            zip(
                zip(column["cluster"][here].tolist(), column["item"][here].tolist(), strict=True),
                column["log_odds"][here].tolist(),
                strict=True,
            )
        )
        for condition in ("as given", "blocks swapped")
        for here in [column["condition"] == condition]
    }
    per_user: dict[int, list[bool]] = {}
    for (user, item), after in odds["blocks swapped"].items():
        per_user.setdefault(user, []).append((after > 0) != (odds["as given"][user, item] > 0))
    expected = np.mean([np.mean(flips) for flips in per_user.values()])
    found = named(PROBE.estimate(evidence, np.random.default_rng(0), 0.05))["flip_rate", "blocks swapped"]
    assert found.value == pytest.approx(expected) and found.clusters == len(per_user)


def test_calls_bound_what_is_asked() -> None:
    probe = OrderBias(n_users=30, n_candidates=4, n_orders=2)
    auditee = planted_auditee(LOG, rng=np.random.default_rng(1))
    assert 0 < len(probe.ask(auditee, np.random.default_rng(1))) <= probe.calls()


def test_without_likes_or_a_second_layout_only_the_swap_is_missing() -> None:
    unlabelled = replace(LOG, liked=None)
    auditee = planted_auditee(unlabelled, dials=Dials(noise=0.6), rng=np.random.default_rng(1))
    rows = PROBE.estimate(PROBE.ask(auditee, np.random.default_rng(1)), np.random.default_rng(1), 0.05)
    assert named(rows)["swap_shift", "overall"].value is None
    assert named(rows)["swap_shift", "overall"].note
    assert judge(FLIPS, rows).state == "fail"


def test_too_short_histories_are_refused() -> None:
    auditee = planted_auditee(LOG, rng=np.random.default_rng(1))
    with pytest.raises(NotApplicable, match="smaller length"):
        OrderBias(length=50).ask(auditee, np.random.default_rng(0))


def test_exhibits_differ_in_order_alone_and_hide_real_histories() -> None:
    auditee = planted_auditee(LOG, dials=Dials(swapped_shift=0.5), rng=np.random.default_rng(1))
    cases = PROBE.ask(auditee, np.random.default_rng(1)).exhibits
    assert [case.kind for case in cases] == ["worst"] * 3 + ["random"] * 3
    for case in cases:
        assert case.left != case.right and sorted(case.left) == sorted(case.right)
        assert all(0 <= before < after <= 1 for _, before, after in case.answers)
    real = replace(auditee, log=replace(LOG, synthetic=False), memo={})
    for case in PROBE.ask(real, np.random.default_rng(1)).exhibits:
        assert case.left.count("…") == 10


def test_order_of_rows_does_not_matter_and_seeds_repeat() -> None:
    evidence = planted_evidence(np.random.default_rng(0), flips=0.1)
    order = np.random.default_rng(1).permutation(len(evidence))
    mixed = replace(evidence, columns={name: column[order] for name, column in evidence.columns.items()})
    first, again = (PROBE.estimate(rows, np.random.default_rng(2), 0.05) for rows in (evidence, mixed))
    assert first == again


@pytest.mark.parametrize("users", [0, 1])
def test_too_few_users_are_not_estimable(users: int) -> None:
    evidence = planted_evidence(np.random.default_rng(0))
    few = evidence.where(evidence.columns["cluster"].astype(int) < users)
    rows = PROBE.estimate(few, np.random.default_rng(0), 0.05)
    assert rows and all(row.value is None and row.note for row in rows)
    assert verdict(rows) == "inconclusive"


Make = Callable[[np.random.Generator], Evidence]


def failures(make: Make, criterion: Criterion, seeds: int) -> int:
    states = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        states.append(judge(criterion, PROBE.estimate(make(rng), rng, 0.05)).state)
    return states.count("fail")


@pytest.mark.parametrize("seeds", [12, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("criterion", "at_bound", "planted"),
    [
        (SWAP, {"swap": 0.2, "noise": 0.4}, {"swap": 0.32, "noise": 0.4}),
        (ALIKE, {"alike": -0.2, "noise": 0.4}, {"alike": -0.32, "noise": 0.4}),
        (FLIPS, {"flips": 0.1}, {"flips": 0.16}),
    ],
    ids=["swap", "alike", "flips"],
)
def test_rates(
    criterion: Criterion, at_bound: dict[str, float], planted: dict[str, float], seeds: int
) -> None:
    from scipy.stats import binom

    noise = at_bound.get("noise", 0.0)
    honest = failures(lambda rng: planted_evidence(rng, noise=noise), criterion, seeds)
    alarms = clopper_pearson(honest, seeds, alpha=0.05)
    assert alarms is not None and alarms.low <= 0.05 and (seeds < 200 or alarms.high <= 0.08)
    edge = failures(lambda rng: planted_evidence(rng, **at_bound), criterion, seeds)
    assert binom.ppf(0.005, seeds, 0.05) <= edge <= binom.ppf(0.995, seeds, 0.05)
    assert failures(lambda rng: planted_evidence(rng, **planted), criterion, seeds) >= 0.9 * seeds
