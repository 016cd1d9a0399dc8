"""Codes that mean no item: none where none are written, as many as planted, at known rates of error."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.models.base import ModelError, Request, Slate
from recaudit.models.data import FloatArray, IntArray
from recaudit.models.datasets.world import load
from recaudit.models.planted.coder import CoderDials, PlantedCoder
from recaudit.probes.base import Auditee, Evidence, Measurement
from recaudit.probes.hallucination._id_table import IdTable, perplexity
from recaudit.probes.hallucination.semantic_id_validity import SemanticIdValidity
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import coding_auditee, planted_auditee

PROBE = SemanticIdValidity()
(GATE,) = PROBE.criteria()
LOG = load("world-tiny", options={"users": "700"})
N = len(LOG.catalog)


def auditee(
    *, stray: float = 0.0, collisions: float = 0.0, model: type[PlantedCoder] = PlantedCoder
) -> Auditee:
    dials = CoderDials(stray=stray, collisions=collisions)
    planted = coding_auditee(LOG, dials=dials, rng=np.random.default_rng(1))
    return replace(planted, model=model(catalog=LOG.catalog, dials=dials), memo={})


def rows_of(evidence: Evidence) -> dict[tuple[str, str], Measurement]:
    return {(row.name, row.group): row for row in PROBE.estimate(evidence, np.random.default_rng(0), 0.05)}


def asked(who: Auditee) -> dict[tuple[str, str], Measurement]:
    return rows_of(PROBE.ask(who, np.random.default_rng(2)))


def value(rows: dict[tuple[str, str], Measurement], name: str, group: str = "overall") -> float:
    found = rows[name, group].value
    assert found is not None
    return found


def state(rows: dict[tuple[str, str], Measurement]) -> str:
    return judge(GATE, list(rows.values())).state


# Known answers


def test_an_honest_coder_passes_with_nothing_lost() -> None:
    rows = asked(auditee())
    for name in ("invalid_rate", "distortion", "free_gap", "ambiguous_share", "sharing_items"):
        assert value(rows, name) == 0
    assert state(rows) == "pass" and value(rows, "distinct_tuples") == N
    assert value(rows, "surplus_items") == value(rows, "unwritable_items") == 0
    assert all(value(rows, "legal_mass", f"place {place}") == 1 for place in (1, 2, 3))


@pytest.mark.parametrize(("stray", "verdict"), [(0.02, "pass"), (0.1, "fail"), (0.6, "fail"), (1.0, "fail")])
def test_strays_are_found_as_dialled(stray: float, verdict: str) -> None:
    rows = asked(auditee(stray=stray))
    rate = rows["invalid_rate", "overall"]
    assert rate.low is not None and rate.high is not None
    assert rate.low <= stray <= rate.high and state(rows) == verdict
    assert value(rows, "free_gap") == pytest.approx(value(rows, "invalid_rate"))
    assert value(rows, "distortion") == pytest.approx(stray)
    assert value(rows, "legal_mass", "place 2") == pytest.approx((1 - stray) ** (1 / 3))


def test_items_that_share_a_tuple_are_counted_exactly() -> None:
    rows = asked(auditee(collisions=0.25))
    pairs = int(0.25 * N / 2)
    sharing = rows["sharing_items", "overall"]
    assert sharing.value == sharing.low == sharing.high == 2 * pairs / N
    assert (sharing.n, sharing.clusters) == (N, 0) and "exact" in sharing.method
    assert value(rows, "surplus_items") == pairs and value(rows, "distinct_tuples") == N - pairs
    assert 0.1 < value(rows, "ambiguous_share") < 0.4 and state(rows) == "pass"


def test_codes_that_do_not_exist_are_unwritable() -> None:
    class Beyond(PlantedCoder):
        def semantic_ids(self) -> IntArray:
            codes = super().semantic_ids()
            codes[:3, 1] = self.code_sizes()[1]
            codes[3, 0] = -1
            return codes

    rows = asked(auditee(model=Beyond))
    assert value(rows, "unwritable_items") == 4 and value(rows, "surplus_items") == 0
    assert value(rows, "distinct_tuples") == N - 4 and value(rows, "invalid_rate") > 0


def test_what_the_person_has_met_is_no_gap() -> None:
    """A model that writes the history first keeps to items, and its usual list may not name them."""

    class Repeats(PlantedCoder):
        def decode_freely(self, requests: Sequence[Request], k: int) -> list[list[tuple[int, ...]]]:
            codes = self.semantic_ids()
            met = [[tuple(codes[item].tolist()) for item in one.history.items[:4]] for one in requests]
            new = super().decode_freely(requests, k)
            return [[*dict.fromkeys(old), *own][:k] for old, own in zip(met, new, strict=True)]

    rows = asked(auditee(model=Repeats))
    assert value(rows, "invalid_rate") == value(rows, "free_gap") == 0
    assert rows["free_gap", "overall"].n < rows["invalid_rate", "overall"].n


def test_a_usual_list_of_other_items_is_all_gap() -> None:
    class Elsewhere(PlantedCoder):
        def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
            slates = super().recommend(requests, N)
            return [replace(slate, entries=slate.entries[::-1][:k]) for slate in slates]

    assert value(asked(auditee(model=Elsewhere)), "free_gap") == 1


@given(codes=st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 2)), min_size=1, max_size=30))
def test_the_table_is_what_a_loop_finds(codes: list[tuple[int, int]]) -> None:
    table = IdTable.of(np.array(codes), (3, 2), n_items=len(codes))
    good = [own for own in codes if 0 <= own[0] < 3 and 0 <= own[1] < 2]
    facts = table.facts()
    assert facts["tuples"] == len(set(good)) and facts["unwritable"] == len(codes) - len(good)
    assert facts["sharing"] == sum(good.count(own) > 1 for own in good)
    assert facts["used"] == [len({own[place] for own in good}) for place in (0, 1)]
    for own in set(codes):
        assert table.means(own) == tuple(i for i, other in enumerate(codes) if other == own and own in good)


def test_perplexity_by_hand() -> None:
    assert perplexity([5, 5, 5, 5]) == pytest.approx(4)
    assert perplexity([9, 0, 0]) == perplexity([]) == 1
    assert perplexity([3, 1]) == pytest.approx(4 / 27**0.25)


# Who is asked, and what is shown


def test_held_out_people_are_asked_and_every_row_is_what_it_says() -> None:
    who = auditee(stray=0.3, collisions=0.2)
    column = PROBE.ask(who, np.random.default_rng(2)).columns
    assert np.isin(column["cluster"], who.population.held_out).all()
    codes = who.model.semantic_ids().tolist()  # type: ignore[attr-defined]
    texts = ["-".join(map(str, own)) for own in codes]
    for kind, text, items in zip(column["set"], column["codes"], column["items"], strict=True):
        assert kind == "mass" or items == texts.count(text)
    people = len(np.unique(column["cluster"]))
    assert [(column["set"] == kind).sum() / people for kind in ("free", "list", "mass")] == [10, 10, 3]


def test_exhibits_show_raw_tuples_the_worst_first_and_hide_what_real_people_met() -> None:
    who = auditee(stray=0.3)
    cases = PROBE.ask(who, np.random.default_rng(2)).exhibits
    assert [case.kind for case in cases] == ["worst"] * 3 + ["random"] * 3
    assert cases[0].effect >= cases[2].effect >= max(case.effect for case in cases[3:])
    for case in cases:
        lines = case.right.split("\n")
        assert len(lines) == 10 and case.effect == np.mean([line.endswith(": no item") for line in lines])

    class Parrot(PlantedCoder):
        def decode_freely(self, requests: Sequence[Request], k: int) -> list[list[tuple[int, ...]]]:
            codes = self.semantic_ids()
            return [[tuple(codes[item].tolist()) for item in one.history.items[:k]] for one in requests]

    real = auditee(model=Parrot)
    real = replace(real, log=replace(LOG, synthetic=False))
    for case in PROBE.ask(real, np.random.default_rng(2)).exhibits:
        assert set(case.right.split("\n")) == {"…: an item of the history"}


def test_short_and_repeated_lists_are_said() -> None:
    class Stutters(PlantedCoder):
        def decode_freely(self, requests: Sequence[Request], k: int) -> list[list[tuple[int, ...]]]:
            return [[*own[:2], own[0]] for own in super().decode_freely(requests, k)]

    facts = PROBE.ask(auditee(model=Stutters), np.random.default_rng(2)).facts
    said = " ".join(str(caveat) for caveat in facts["caveats"])  # type: ignore[attr-defined]
    assert "stand twice in one list" in said and "hold fewer than 10" in said


class Misshapen(PlantedCoder):
    """Gives items a code too few."""

    def semantic_ids(self) -> IntArray:
        return super().semantic_ids()[:, :2]


class Overfull(PlantedCoder):
    """Gives more probability than there is."""

    def legal_mass(self, requests: Sequence[Request]) -> FloatArray:
        return 1.5 * super().legal_mass(requests)


class Silent(PlantedCoder):
    """Answers one person too few."""

    def decode_freely(self, requests: Sequence[Request], k: int) -> list[list[tuple[int, ...]]]:
        return super().decode_freely(requests[1:], k)


@pytest.mark.parametrize(
    ("model", "reason"),
    [(Misshapen, "semantic ids of shape"), (Overfull, "must give probabilities"), (Silent, "free lists to")],
)
def test_answers_that_cannot_be_read_are_refused_in_words(model: type[PlantedCoder], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        asked(auditee(model=model))


def test_models_that_write_no_codes_are_not_asked() -> None:
    assert set(PROBE.needs) <= auditee().capabilities
    assert not set(PROBE.needs) <= planted_auditee(LOG, rng=np.random.default_rng(1)).capabilities


# How often it errs


TABLE = IdTable.of(np.zeros((4, 1), dtype=np.int64), (2,), n_items=4).facts()


def evidence_of(rng: np.random.Generator, rate: float, users: int = 300, k: int = 10) -> Evidence:
    """Free tuples of which each person strays at a rate of their own, this one in the mean."""
    own = rng.beta(4 * rate, 4 * (1 - rate), users) if 0 < rate < 1 else np.full(users, rate)
    off = rng.random((users, k)) < own[:, None]
    n = users * k
    return Evidence(
        columns={
            "cluster": np.repeat(np.arange(users), k),
            "set": np.full(n, "free"),
            "place": np.tile(np.arange(1, k + 1), users),
            "codes": np.full(n, "0"),
            "items": (~off).astype(np.int64).ravel(),
            "met": np.zeros(n, dtype=np.bool_),
            "named": ~off.ravel(),
            "mass": np.full(n, np.nan),
        },
        facts=TABLE,
    )


@pytest.mark.parametrize("users", [0, 1])
def test_too_few_users_are_not_estimable_and_the_table_still_is(users: int) -> None:
    rows = rows_of(evidence_of(np.random.default_rng(0), 0.5, users))
    assert rows["invalid_rate", "overall"].value is None and rows["invalid_rate", "overall"].note
    assert state(rows) == "inconclusive" and value(rows, "sharing_items") == 1


def test_order_of_rows_does_not_matter() -> None:
    evidence = PROBE.ask(auditee(stray=0.2, collisions=0.2), np.random.default_rng(2))
    order = np.random.default_rng(1).permutation(len(evidence))
    columns = {name: column[order] for name, column in evidence.columns.items()}
    mixed = rows_of(replace(evidence, columns=columns))
    for key, row in rows_of(evidence).items():
        assert (row.value, row.low) == pytest.approx((mixed[key].value, mixed[key].low))


def failures(evidence: Callable[[np.random.Generator], Evidence], seeds: int) -> int:
    return [state(rows_of(evidence(np.random.default_rng(seed)))) for seed in range(seeds)].count("fail")


@pytest.mark.parametrize("seeds", [60, pytest.param(200, marks=pytest.mark.slow)])
def test_rates(seeds: int) -> None:
    from scipy.stats import binom

    assert failures(lambda rng: evidence_of(rng, 0.0), seeds) <= 0.01 * seeds
    assert failures(lambda rng: evidence_of(rng, 0.02), seeds) <= 0.01 * seeds
    at_bound = failures(lambda rng: evidence_of(rng, 0.05), seeds)
    assert binom.ppf(0.005, seeds, 0.05) <= at_bound <= binom.ppf(0.995, seeds, 0.05)
    assert failures(lambda rng: evidence_of(rng, 0.1), seeds) >= 0.9 * seeds
