"""True claims are believed, untrue ones found at their rate, and constant reasons explain nothing."""

from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.data import Catalog, History
from recaudit.models.planted.writer import PlantedWriter, WriterDials
from recaudit.probes.base import Evidence, Measurement, NotApplicable
from recaudit.probes.hallucination._claims import ClaimReader
from recaudit.probes.hallucination.claim_faithfulness import ClaimFaithfulness
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee
from recaudit.probes.trials._films import film_auditee, film_log

PROBE = ClaimFaithfulness(length=16)
TRUTH, MEMORY = PROBE.criteria()
LOG = film_log()

CATALOG = Catalog(
    ids=("a", "b", "c", "d", "e"),
    titles=(
        "Heat (1995)",
        "Alien (1979)",
        "Emma (1996)",
        "The Good, the Bad and the Ugly (1966)",
        "Emma (2020)",
    ),
    years=np.array([1995, 1979, 1996, 1966, 0]),
    genres=(("crime", "drama"), ("sci-fi",), ("romance",), ("western",), ()),
)
PERSON = History(0, (1, 2, 3), (True, False, True))


def writer(**settings: object) -> PlantedWriter:
    return PlantedWriter(catalog=LOG.catalog, **{"explains": "reasons", **settings})  # type: ignore[arg-type]


def measured(model: PlantedWriter, seed: int = 1) -> dict[tuple[str, str], Measurement]:
    evidence = PROBE.ask(film_auditee(model), np.random.default_rng(seed))
    return named(evidence)


def named(evidence: Evidence) -> dict[tuple[str, str], Measurement]:
    rows = PROBE.estimate(evidence, np.random.default_rng(0), 0.05)
    return {(row.name, row.group): row for row in rows}


def read(answer: str) -> list[tuple[str, str, str]]:
    return [(one.kind, one.said, one.verdict) for one in ClaimReader(CATALOG).claims(answer, PERSON)]


def test_a_list_with_reasons_is_read_claim_by_claim() -> None:
    answer = (
        'Because you watched "Alien (1979)", here is a list:\n'
        '1. "Heat (1995)" - a crime drama from 1995, not a western.\n'
        "2. **Emma (1996)**: a western of 1997, since you enjoyed Emma (1996).\n"
        "   You love science fiction, and romance.\n"
    )
    assert sorted(read(answer)) == sorted(
        [
            ("watched", "Alien (1979)", "supported"),
            ("year", "1995", "supported"),
            ("genre", "crime", "supported"),
            ("genre", "drama", "supported"),
            ("year", "1997", "contradicted"),
            ("genre", "western", "contradicted"),
            ("watched", "Emma (1996)", "contradicted"),
            ("taste", "science fiction", "supported"),
            ("genre", "romance", "supported"),
        ]
    )


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("Try Heat (1995), because you have watched Alien (1979) and Emma (1996).", ["supported"] * 2),
        ("You liked The Good, the Bad and the Ugly.", ["supported"]),
        ("You saw “Zzyzx Rising”.", ["contradicted"]),
        ('You watched "Emma".', ["unverifiable"]),
        ("You watched a lot of television.", []),
        ("A fine film.", []),
        ("", []),
    ],
)
def test_prose_is_read_for_what_was_watched(answer: str, found: list[str]) -> None:
    claims = read(answer)
    assert [verdict for _, _, verdict in claims] == found and {kind for kind, _, _ in claims} <= {"watched"}


def test_what_the_catalogue_does_not_know_is_unverifiable() -> None:
    claims = read('1. "Emma (2020)": a comedy of 2020.\n2. "Emma (2020)": a romance of 2020.')
    assert {verdict for _, _, verdict in claims} == {"unverifiable"}


def test_a_truthful_writer_passes_and_its_reasons_matter() -> None:
    rows = measured(writer())
    assert (
        rows["contradicted_rate", "overall"].value == 0 == rows["history_fabrication_rate", "overall"].value
    )
    assert judge(TRUTH, list(rows.values())).state == judge(MEMORY, list(rows.values())).state == "pass"
    assert rows["claims_per_answer", "overall"].value == 30
    assert rows["counterfactual_effect", "overall"].low > 0


@pytest.mark.parametrize("rate", [0.1, 0.3])
def test_the_error_rate_is_recovered(rate: float) -> None:
    rows = measured(writer(dials=WriterDials(untrue=rate)))
    kinds = [rows["contradicted_by_kind", kind] for kind in ("year", "genre", "watched")]
    for row in (rows["contradicted_rate", "overall"], rows["history_fabrication_rate", "overall"], *kinds):
        assert row.value == pytest.approx(rate, abs=0.05) and row.low < row.value < row.high, row.name
    assert judge(TRUTH, list(rows.values())).state == "fail"


def test_constant_reasons_have_no_effect() -> None:
    effects = [
        measured(writer(explains="constant"), seed)["counterfactual_effect", "overall"] for seed in range(3)
    ]
    assert all(row.low < 0 < row.high for row in effects)
    assert all(row.clusters > 70 for row in effects)


def test_moves_are_those_of_a_hand_count() -> None:
    evidence = PROBE.ask(film_auditee(writer()), np.random.default_rng(3))
    kind, move, user = (evidence.columns[name] for name in ("kind", "move", "cluster"))
    first, second = (move[kind == name] for name in ("without a cited item", "without another item"))
    assert (user[kind == "without a cited item"] == user[kind == "without another item"]).all()
    found = named(evidence)["counterfactual_effect", "overall"]
    assert found.value == pytest.approx(float((first - second).mean()))
    assert ((first >= 0) & (first <= 1)).all()


def test_bare_lists_hold_no_claim_and_scorers_write_none() -> None:
    with pytest.raises(NotApplicable, match="nothing to check"):
        PROBE.ask(film_auditee(writer(explains="nothing")), np.random.default_rng(1))
    assert not set(PROBE.needs) <= planted_auditee(LOG, rng=np.random.default_rng(1)).capabilities


def test_real_people_are_not_shown() -> None:
    auditee = film_auditee(writer(dials=WriterDials(untrue=0.2)))
    real = replace(auditee, log=replace(LOG, synthetic=False))
    for case in PROBE.ask(real, np.random.default_rng(1)).exhibits:
        watched = [line for line in case.right.split("\n") if line.startswith("watched")]
        assert watched and all(line.startswith("watched: …") for line in watched)


def test_calls_bound_what_is_asked_and_order_does_not_matter() -> None:
    evidence = PROBE.ask(film_auditee(writer(dials=WriterDials(untrue=0.1))), np.random.default_rng(1))
    assert 0 < int(str(evidence.facts["answers"])) * 3 <= PROBE.calls()
    order = np.random.default_rng(1).permutation(len(evidence))
    mixed = named(
        replace(evidence, columns={name: column[order] for name, column in evidence.columns.items()})
    )
    for key, row in named(evidence).items():
        assert row.value == pytest.approx(mixed[key].value)


@pytest.mark.parametrize("users", [0, 1])
def test_too_few_people_are_not_estimable(users: int) -> None:
    evidence = PROBE.ask(film_auditee(writer()), np.random.default_rng(1))
    people = np.unique(evidence.columns["cluster"])[:users]
    rows = named(evidence.where(np.isin(evidence.columns["cluster"], people)))
    assert rows["contradicted_rate", "overall"].value is None
    assert judge(TRUTH, list(rows.values())).state == "inconclusive"
