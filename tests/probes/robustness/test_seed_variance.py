"""Other random numbers: silent where they change nothing, loud where they change the list, at known rates."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.models.base import Recommendation, Request, Slate
from recaudit.models.datasets.world import load
from recaudit.models.planted.pointer import PlantedPointer, PointerDials
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable
from recaudit.probes.robustness.seed_variance import SeedVariance, overlaps
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee
from recaudit.probes.trials.seed_variance import evidence as planted_evidence

PROBE = SeedVariance()
GATE = PROBE.criteria()[0]
LOG = load("world-tiny", options={"users": "700"})


def auditee(dials: PointerDials) -> Auditee:
    scorer = planted_auditee(LOG, rng=np.random.default_rng(1))
    return replace(scorer, model=PlantedPointer(catalog=LOG.catalog, dials=dials), memo={})


def rows_of(evidence: Evidence) -> dict[str, Measurement]:
    return {row.name: row for row in PROBE.estimate(evidence, np.random.default_rng(0), 0.05)}


def asked(dials: PointerDials) -> dict[str, Measurement]:
    return rows_of(PROBE.ask(auditee(dials), np.random.default_rng(2)))


def state(rows: dict[str, Measurement]) -> str:
    return judge(GATE, list(rows.values())).state


@pytest.mark.parametrize("dials", [PointerDials(), PointerDials(miss=2)])
def test_a_model_whose_draws_change_nothing_passes_exactly(dials: PointerDials) -> None:
    rows = asked(dials)
    assert [row.value for row in rows.values()] == [1.0, 1.0, 0.0]
    assert state(rows) == "pass" and rows["list_overlap"].low < 1


@pytest.mark.parametrize("restless", [0.1, 0.3, 0.6])
def test_what_changes_is_what_was_dialled(restless: float) -> None:
    rows, rough = asked(PointerDials(restless=restless)), asked(PointerDials(restless=1.0))
    calm = (1 - restless) ** 2
    by_chance = rough["list_overlap"].value, rough["first_item_agreement"].value
    for name, chance in zip(("list_overlap", "first_item_agreement"), by_chance, strict=True):
        # Lists around a random item have a little more in common with the person's own than with others.
        assert rows[name].value == pytest.approx(calm + (1 - calm) * chance, abs=0.05)
    changed = rows["first_item_changed"]
    assert changed.low - 0.05 < 1 - (1 - restless) ** 5 < changed.high + 0.05


def test_a_restless_model_fails_and_a_lively_one_does_not() -> None:
    assert state(asked(PointerDials(restless=0.6))) == "fail"
    assert state(asked(PointerDials(restless=0.1))) == "pass"


@given(
    st.lists(
        st.lists(st.lists(st.integers(0, 5), max_size=4, unique=True), min_size=3, max_size=3), max_size=6
    )
)
def test_overlaps_are_those_of_a_hand_count(people: list[list[list[int]]]) -> None:
    table = np.array(
        [[own + [-1] * (4 - len(own)) for own in lists] for lists in people], dtype=np.int64
    ).reshape(-1, 3, 4)
    by_hand = []
    for lists in people:
        pairs = [(set(a), set(b)) for a, b in combinations(lists, 2) if a or b]
        by_hand.append(np.mean([len(a & b) / len(a | b) for a, b in pairs]) if pairs else np.nan)
    assert overlaps(table) == pytest.approx(np.array(by_hand), nan_ok=True)


def test_draws_are_asked_as_they_are_numbered_with_the_same_requests() -> None:
    seen: list[tuple[int, int]] = []

    class Watched(PlantedPointer):
        def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
            seen.append((self.draw, hash(tuple(requests))))
            return super().recommend(requests, k)

    who = replace(auditee(PointerDials()), model=Watched(catalog=LOG.catalog))
    evidence = PROBE.ask(who, np.random.default_rng(2))
    assert [draw for draw, _ in seen] == [0, 1, 2, 3, 4] and len({requests for _, requests in seen}) == 1
    users = np.unique(evidence.columns["cluster"])
    assert np.isin(users, who.population.held_out).all()
    assert 0 < len(users) * PROBE.n_draws <= PROBE.calls()
    assert rows_of(evidence)["list_overlap"].n == 5 * len(users)


def test_people_without_any_item_are_left_out_and_empty_places_are_no_item() -> None:
    class Mute(PlantedPointer):
        """Answers nothing to some people, and too little to others."""

        def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
            return [
                Slate(r, tuple(Recommendation(item) for item in range(r.history.user % 3))) for r in requests
            ]

    who = replace(auditee(PointerDials()), model=Mute(catalog=LOG.catalog))
    evidence = PROBE.ask(who, np.random.default_rng(2))
    rows = rows_of(evidence)
    told = evidence.columns["cluster"][evidence.columns["item"] >= 0]
    assert (
        0
        < rows["list_overlap"].clusters
        == len(np.unique(told))
        < len(np.unique(evidence.columns["cluster"]))
    )
    assert [row.value for row in rows.values()] == [1.0, 1.0, 0.0]


def test_exhibits_show_the_people_whose_lists_differ_most() -> None:
    cases = PROBE.ask(auditee(PointerDials(restless=0.3)), np.random.default_rng(2)).exhibits
    assert [case.kind for case in cases] == ["worst"] * 3 + ["random"] * 3
    assert cases[0].effect >= cases[2].effect >= max(case.effect for case in cases[3:])
    for case in cases:
        both = [title for title, one, two in case.answers if one and two]
        assert len(case.answers) == 20 - len(both) and case.left == case.right


def test_a_model_without_draws_is_told_so_and_one_draw_is_refused() -> None:
    assert not set(PROBE.needs) <= planted_auditee(LOG, rng=np.random.default_rng(1)).capabilities
    assert set(PROBE.needs) <= auditee(PointerDials()).capabilities
    with pytest.raises(ValueError, match="n_draws must be at least 2"):
        SeedVariance(n_draws=1)


def test_no_users_no_question() -> None:
    who = auditee(PointerDials())
    nobody = replace(who, population=replace(who.population, held_out=np.array([], dtype=np.int64)))
    with pytest.raises(NotApplicable, match="held-out"):
        PROBE.ask(nobody, np.random.default_rng(0))


@pytest.mark.parametrize("users", [0, 1])
def test_too_few_users_are_not_estimable(users: int) -> None:
    rows = rows_of(planted_evidence(np.random.default_rng(0), rough=0.0, users=users))
    assert all(row.value is None and row.note.startswith("too few") for row in rows.values())
    assert state(rows) == "inconclusive"


def test_order_of_rows_does_not_matter() -> None:
    evidence = PROBE.ask(auditee(PointerDials(restless=0.3)), np.random.default_rng(2))
    order = np.random.default_rng(1).permutation(len(evidence))
    mixed = replace(evidence, columns={name: column[order] for name, column in evidence.columns.items()})
    assert rows_of(evidence) == rows_of(mixed)


def failures(evidence: Callable[[np.random.Generator], Evidence], seeds: int) -> int:
    return [state(rows_of(evidence(np.random.default_rng(seed)))) for seed in range(seeds)].count("fail")


@pytest.mark.parametrize("seeds", [60, pytest.param(200, marks=pytest.mark.slow)])
def test_rates(seeds: int) -> None:
    from scipy.stats import binom

    assert failures(lambda rng: planted_evidence(rng, rough=0.0), seeds) <= 0.01 * seeds
    assert failures(lambda rng: planted_evidence(rng, rough=0.4), seeds) <= 0.01 * seeds
    at_bound = failures(lambda rng: planted_evidence(rng, rough=0.5), seeds)
    assert binom.ppf(0.005, seeds, 0.05) <= at_bound <= binom.ppf(0.995, seeds, 0.05)
    assert failures(lambda rng: planted_evidence(rng, rough=0.6), seeds) >= 0.9 * seeds
