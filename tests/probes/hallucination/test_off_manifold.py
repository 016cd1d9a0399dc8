"""Points that are no item: none where every point is one, more the farther they stray, at known rates."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.models.base import Request
from recaudit.models.data import Example, FloatArray
from recaudit.models.datasets.world import load
from recaudit.models.planted.pointer import PlantedPointer, PointerDials
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable
from recaudit.probes.hallucination._spacing import nearest, spacing
from recaudit.probes.hallucination.off_manifold import OffManifold
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee

PROBE = OffManifold()
GATE = PROBE.criteria()[0]
LOG = load("world-tiny", options={"users": "700"})


def auditee(
    miss: float = 0.0, *, softness: float = 0.1, model: type[PlantedPointer] = PlantedPointer
) -> Auditee:
    scorer = planted_auditee(LOG, rng=np.random.default_rng(1))
    planted = model(catalog=LOG.catalog, dials=PointerDials(miss=miss), softness=softness)
    return replace(scorer, model=planted, memo={})


def rows_of(evidence: Evidence) -> dict[str, Measurement]:
    return {row.name: row for row in PROBE.estimate(evidence, np.random.default_rng(0), 0.05)}


def asked(who: Auditee) -> dict[str, Measurement]:
    return rows_of(PROBE.ask(who, np.random.default_rng(2)))


def state(rows: dict[str, Measurement]) -> str:
    return judge(GATE, list(rows.values())).state


# Known answers


@pytest.mark.parametrize("softness", [0.0, 0.1])
def test_points_that_are_items_are_all_on_and_pass(softness: float) -> None:
    rows = asked(auditee(softness=softness))
    assert rows["off_manifold_rate"].value == rows["distance_to_nearest"].value == 0
    assert rows["nearest_margin"].value == 1 and state(rows) == "pass"
    assert rows["restored_distance"].value == pytest.approx(softness, rel=0.05)


def test_the_farther_points_stray_the_more_are_off() -> None:
    rows = [asked(auditee(miss)) for miss in (0.0, 0.05, 0.1, 0.13, 0.2, 1.0, 3.0)]
    rates = [each["off_manifold_rate"].value or 0 for each in rows]
    assert rates == sorted(rates) and rates[0] == 0 and rates[-1] == 1
    assert [state(each) for each in rows][-3:] == ["fail"] * 3
    far = [each["distance_to_nearest"].value or 0 for each in rows]
    near = [each["nearest_margin"].value or 0 for each in rows]
    assert far == sorted(far) and near == sorted(near, reverse=True)
    assert far[4] == pytest.approx(0.2, rel=0.03)


def test_points_like_restored_items_pass_at_their_own_rate() -> None:
    rows = asked(auditee(0.1))
    assert (rows["off_manifold_rate"].value or 0) < 0.04 and state(rows) == "pass"
    assert rows["distance_to_nearest"].value == pytest.approx(rows["restored_distance"].value, rel=0.05)


def test_rounding_makes_no_point_stray() -> None:
    class Rounded(PlantedPointer):
        def generate(self, requests: Sequence[Request]) -> FloatArray:
            return super().generate(requests).astype(np.float32).astype(np.float64)

    assert asked(auditee(softness=0.0, model=Rounded))["off_manifold_rate"].value == 0


@given(st.integers(4, 30), st.integers(1, 5), st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_nearest_items_are_those_of_comparing_all(n_items: int, dim: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    items, points = rng.normal(size=(n_items, dim)), rng.normal(size=(7, dim))
    points[0] = items[1]
    far = np.linalg.norm(points[:, None] - items, axis=2)
    found = nearest(points, items)
    assert found.distances == pytest.approx(np.sort(far, axis=1)[:, :3]) and found.distances[0, 0] == 0
    assert np.array_equal(found.items, np.argsort(far, axis=1)[:, :3])
    assert found.margins == pytest.approx(1 - found.distances[:, 0] / found.distances[:, 1])
    between = np.linalg.norm(items[:, None] - items, axis=2) + np.diag(np.full(n_items, np.inf))
    assert spacing(items, n_items=99, rng=rng) == pytest.approx(np.median(between.min(axis=1)))


def test_many_points_are_taken_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from recaudit.probes.hallucination import _spacing

    rng = np.random.default_rng(0)
    items, own = rng.normal(size=(50, 4)), np.arange(50)
    whole = nearest(items, items, own=own)
    monkeypatch.setattr(_spacing, "_BLOCK", 300)
    parts = nearest(items, items, own=own)
    assert np.array_equal(whole.items, parts.items) and not (whole.items[:, 0] == own).any()


# Who is asked, and what


def test_held_out_people_are_asked_and_what_they_liked_next_is_restored() -> None:
    restored: list[Example] = []

    class Watched(PlantedPointer):
        def restored(self, examples: Sequence[Example], *, rng: np.random.Generator) -> FloatArray:
            restored.extend(examples)
            return super().restored(examples, rng=rng)

    who = auditee(model=Watched)
    evidence = PROBE.ask(who, np.random.default_rng(2))
    users = np.unique(evidence.columns["cluster"])
    assert np.isin(users, who.population.held_out).all() and len(evidence) <= PROBE.calls()
    for example in restored:
        own, n = LOG.history(example.history.user), len(example.history)
        later = dict(zip(own.items[n:], own.liked[n:], strict=True))
        assert n == int(0.8 * len(own)) and own.items[:n] == example.history.items
        assert later[example.target]
    assert max(np.bincount([example.history.user for example in restored])) <= PROBE.per_user
    assert (evidence.columns["set"] == "restored").sum() == len(restored)


def test_exhibits_show_the_farthest_points_with_their_items() -> None:
    cases = PROBE.ask(auditee(1.0), np.random.default_rng(2)).exhibits
    assert [case.kind for case in cases] == ["worst"] * 3 + ["random"] * 3
    assert cases[0].effect >= cases[2].effect >= max(case.effect for case in cases[3:])
    for case in cases:
        assert len(case.answers) == 3 and case.answers[0][2] == pytest.approx(-case.effect)


class Broken(PlantedPointer):
    """Makes no number for one person."""

    def generate(self, requests: Sequence[Request]) -> FloatArray:
        points = super().generate(requests)
        points[2, 0] = np.nan
        return points


class Crowded(PlantedPointer):
    """Puts most items on one point."""

    def item_vectors(self) -> FloatArray:
        return np.where(np.arange(len(self.catalog))[:, None] < 60, 0.0, super().item_vectors())


@pytest.mark.parametrize(
    ("model", "reason"),
    [(Broken, r"1 of \d+ points that the model made are not"), (Crowded, "half of the items")],
)
def test_models_that_cannot_be_measured_are_refused_in_words(
    model: type[PlantedPointer], reason: str
) -> None:
    with pytest.raises(NotApplicable, match=reason):
        asked(auditee(model=model))


def test_too_few_people_or_no_points_are_no_question() -> None:
    who = auditee()
    few = replace(who, population=replace(who.population, held_out=who.population.held_out[:9]))
    with pytest.raises(NotApplicable, match="9 held-out users can be asked; at least 10"):
        asked(few)
    assert not set(PROBE.needs) <= planted_auditee(LOG, rng=np.random.default_rng(1)).capabilities
    assert set(PROBE.needs) <= who.capabilities


# How often it errs


def evidence_of(rng: np.random.Generator, rate: float, users: int = 400) -> Evidence:
    """Restored distances of a known law, and points beyond all of them at this rate."""
    true, off = rng.random(3 * users), rng.random(users) < rate
    return Evidence(
        columns={
            "cluster": np.concatenate([np.arange(users), np.repeat(np.arange(users), 3)]),
            "set": np.repeat(["generated", "restored"], [users, 3 * users]),
            "distance": np.concatenate([np.where(off, 2.0, 0.1), true]),
            "margin": np.full(4 * users, 0.5),
        }
    )


@pytest.mark.parametrize("users", [0, 1])
def test_too_few_users_are_not_estimable(users: int) -> None:
    rows = rows_of(evidence_of(np.random.default_rng(0), 0.5, users))
    assert rows["off_manifold_rate"].value is None and rows["off_manifold_rate"].note.startswith("too few")
    assert state(rows) == "inconclusive"


def test_order_of_rows_does_not_matter() -> None:
    evidence = PROBE.ask(auditee(0.13), np.random.default_rng(2))
    order = np.random.default_rng(1).permutation(len(evidence))
    mixed = rows_of(
        replace(evidence, columns={name: column[order] for name, column in evidence.columns.items()})
    )
    for name, row in rows_of(evidence).items():
        assert (row.value, row.low) == pytest.approx((mixed[name].value, mixed[name].low))


def failures(evidence: Callable[[np.random.Generator], Evidence], seeds: int) -> int:
    return [state(rows_of(evidence(np.random.default_rng(seed)))) for seed in range(seeds)].count("fail")


@pytest.mark.parametrize("seeds", [60, pytest.param(200, marks=pytest.mark.slow)])
def test_rates(seeds: int) -> None:
    from scipy.stats import binom

    assert failures(lambda rng: evidence_of(rng, 0.0), seeds) <= 0.01 * seeds
    assert failures(lambda rng: evidence_of(rng, 0.01), seeds) <= 0.01 * seeds
    at_bound = failures(lambda rng: evidence_of(rng, 0.1), seeds)
    assert binom.ppf(0.005, seeds, 0.05) <= at_bound <= binom.ppf(0.995, seeds, 0.05)
    assert failures(lambda rng: evidence_of(rng, 0.16), seeds) >= 0.9 * seeds


@pytest.mark.parametrize("seeds", [30, pytest.param(200, marks=pytest.mark.slow)])
def test_points_like_restored_ones_hardly_ever_fail(seeds: int) -> None:
    """The yardstick is estimated: this must not raise alarms where points and restored items are alike."""

    def alike(rng: np.random.Generator) -> Evidence:
        evidence = evidence_of(rng, 0.0, users=30)
        drawn = evidence.columns["distance"].copy()
        drawn[:30] = rng.random(30)
        return replace(evidence, columns={**evidence.columns, "distance": drawn})

    assert failures(alike, seeds) <= 0.01 * seeds
