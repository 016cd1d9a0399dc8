"""Invented titles are counted at their true rate; misspelt, repeated or unreadable ones are not."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.base import Recommendation, Request, Slate
from recaudit.models.capabilities import lacking
from recaudit.models.datasets.world import load
from recaudit.models.grounding import Grounder
from recaudit.models.planted.writer import PlantedWriter, WriterDials
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable
from recaudit.probes.hallucination._lists import WrittenList, list_columns
from recaudit.probes.hallucination.out_of_catalog import OutOfCatalog
from recaudit.probes.stats.intervals import clopper_pearson
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee

PROBE = OutOfCatalog()
GATE = PROBE.criteria()[0]
LOG = load("world-tiny")


def auditee_of(dials: WriterDials) -> Auditee:
    scorer = planted_auditee(LOG, rng=np.random.default_rng(1))
    return replace(scorer, model=PlantedWriter(catalog=LOG.catalog, dials=dials), memo={})


def rows_of(evidence: Evidence) -> dict[str, Measurement]:
    return {row.name: row for row in PROBE.estimate(evidence, np.random.default_rng(0), 0.05)}


def asked(dials: WriterDials) -> dict[str, Measurement]:
    return rows_of(PROBE.ask(auditee_of(dials), np.random.default_rng(2)))


@pytest.mark.parametrize(
    "dials",
    [
        WriterDials(),
        WriterDials(typos=0.5),
        WriterDials(duplicates=0.3),
        WriterDials(consumed=0.3, short=0.3),
    ],
)
def test_an_honest_writer_passes_whatever_else_it_does(dials: WriterDials) -> None:
    rows = asked(dials)
    assert rows["out_of_catalog_rate"].value == 0
    assert judge(GATE, list(rows.values())).state == "pass"


@pytest.mark.parametrize("dials", [WriterDials(invented=0.1), WriterDials(sequels=0.1, typos=0.3)])
def test_invented_titles_are_found_at_their_rate(dials: WriterDials) -> None:
    evidence = PROBE.ask(auditee_of(dials), np.random.default_rng(2))
    found = PROBE.estimate(evidence, np.random.default_rng(0), 0.005)[0]
    assert found.low < 0.1 < found.high
    assert judge(GATE, list(asked(WriterDials(invented=0.2)).values())).state == "fail"


def test_other_faults_have_their_own_rows() -> None:
    rows = asked(WriterDials(typos=0.2, duplicates=0.1, consumed=0.1, short=0.1, malformed=0.1))
    for name, rate in (("already_known_rate", 0.11), ("missing_rate", 0.1), ("no_list_rate", 0.1)):
        assert rows[name].low < rate < rows[name].high, name
    assert rows["misspelt_rate"].low < 0.23 < rows["misspelt_rate"].high + 0.02
    assert rows["repeated_rate"].low > 0.03
    assert rows["out_of_catalog_rate"].clusters < rows["no_list_rate"].clusters


def test_a_year_or_a_number_that_is_not_there_counts_as_invented() -> None:
    title = LOG.catalog.titles[0].split(" (")[0]
    lists = [
        WrittenList(user=user, titles=(LOG.catalog.titles[1], f"{title} 7", f"{title} (1925)", "?!"))
        for user in range(5)
    ]
    evidence = PROBE.evidence_of(lists, LOG.catalog, np.random.default_rng(0))
    states = evidence.columns["state"].reshape(5, 10)
    assert states[0].tolist() == ["exact", "not_an_item", "not_an_item", "unparsed"] + ["missing"] * 6
    rows = rows_of(evidence)
    assert rows["out_of_catalog_rate"].value == pytest.approx(2 / 3)
    assert rows["missing_rate"].value == 0.6 and rows["no_list_rate"].value == pytest.approx(0.1)


def test_recorded_lists_give_the_same_evidence_as_asking() -> None:
    auditee = auditee_of(WriterDials(invented=0.1, consumed=0.1, malformed=0.2))
    live = PROBE.ask(auditee, np.random.default_rng(2))
    users = np.unique(live.columns["cluster"]).tolist()
    requests = [Request(history=LOG.history(user, last=10)) for user in users]
    recorded = [
        WrittenList(
            user=slate.request.history.user,
            titles=tuple(entry.raw or "" for entry in slate.entries),
            consumed=slate.request.history.items,
        )
        for slate in auditee.model.recommend(requests, 10)
    ]
    columns = list_columns(
        recorded, grounder=Grounder(LOG.catalog, threshold=float(str(live.facts["threshold"]))), k=10
    )
    for name, column in live.columns.items():
        assert np.array_equal(column, columns[name]), name


def test_what_was_written_counts_and_not_what_it_was_mapped_to() -> None:
    class Mapper:
        """Maps whatever it writes to item 0, as nearest-embedding grounding does."""

        catalog = LOG.catalog

        def write(self, requests: Sequence[Request]) -> list[str]:
            return ["1. Zzyzx Unwritten"] * len(requests)

        def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
            return [Slate(request, (Recommendation(0, 1.0, "Zzyzx Unwritten"),)) for request in requests]

    rows = rows_of(PROBE.ask(replace(auditee_of(WriterDials()), model=Mapper()), np.random.default_rng(0)))
    assert rows["out_of_catalog_rate"].value == 1.0


def test_a_rare_event_never_narrows_what_none_leaves_wide() -> None:
    def high(events: int) -> float:
        lists = [
            WrittenList(user=user, titles=("Zzyzx" if user < events else LOG.catalog.titles[0],) * 10)
            for user in range(20)
        ]
        evidence = PROBE.evidence_of(lists, LOG.catalog, np.random.default_rng(0))
        return rows_of(evidence)["out_of_catalog_rate"].high

    assert high(0) == pytest.approx(1 - 0.05 ** (1 / 20))
    assert high(0) <= high(1) <= high(2)


def test_exhibits_show_the_lists_and_hide_real_histories() -> None:
    auditee = auditee_of(WriterDials(invented=0.1, consumed=0.5))
    open_case = PROBE.ask(auditee, np.random.default_rng(2)).exhibits
    assert len(open_case) == 6 and open_case[0].effect >= open_case[3].effect
    hidden = PROBE.ask(replace(auditee, log=replace(LOG, synthetic=False)), np.random.default_rng(2)).exhibits
    for case in hidden:
        assert case.left == "a history of 10 items" and "…" in case.right


class Items:
    """Names items and writes no words: one twice, one that is not there, one that is known, and no more."""

    catalog = LOG.catalog

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        return [Slate(request, tuple(map(Recommendation, self.named(request)))) for request in requests]

    def named(self, request: Request) -> list[int | None]:
        new = next(item for item in range(len(LOG.catalog)) if item not in request.history.items)
        return [new, new, len(LOG.catalog), None, request.history.items[0]]


def test_models_that_only_recommend_are_asked_the_same() -> None:
    auditee = replace(auditee_of(WriterDials()), model=Items())
    assert not lacking(PROBE.needs, auditee.capabilities) and "writes_text" not in auditee.capabilities
    evidence = PROBE.ask(auditee, np.random.default_rng(2))
    rows = rows_of(evidence)
    expected = {"out_of_catalog_rate": 2 / 5, "repeated_rate": 1 / 3, "already_known_rate": 1 / 3}
    for name, value in (expected | {"missing_rate": 0.5, "no_list_rate": 0, "misspelt_rate": 0}).items():
        assert rows[name].value == pytest.approx(value), name
    assert "names items and not titles" in rows["out_of_catalog_rate"].note
    verdicts = [judge(criterion, list(rows.values())).state for criterion in PROBE.criteria()]
    assert verdicts == ["fail", "fail"]


def test_items_that_share_a_title_are_not_ambiguous_where_items_are_named() -> None:
    """A remake is an item of its own for a model that names items."""
    twins = replace(LOG.catalog, titles=("Same (1999)",) * len(LOG.catalog))
    lists = [WrittenList(user=user, titles=("Same (1999)",) * 2, items=(0, 1)) for user in range(5)]
    rows = rows_of(PROBE.evidence_of(lists, twins, np.random.default_rng(0)))
    assert rows["ambiguous_rate"].value == rows["repeated_rate"].value == 0


def test_repetitions_are_judged_too() -> None:
    rows = list(asked(WriterDials(duplicates=0.3)).values())
    assert judge(PROBE.criteria()[1], rows).state == "fail"
    assert judge(PROBE.criteria()[1], list(asked(WriterDials()).values())).state == "pass"


def test_a_scorer_lacks_the_capability_and_the_probe_says_what_that_means() -> None:
    assert lacking(PROBE.needs, planted_auditee(LOG, rng=np.random.default_rng(1)).capabilities)
    assert "cannot name one that does not exist" in PROBE.otherwise


def test_no_users_no_question() -> None:
    auditee = auditee_of(WriterDials())
    nobody = replace(auditee, population=replace(auditee.population, held_out=np.array([], dtype=np.int64)))
    with pytest.raises(NotApplicable, match="held-out"):
        PROBE.ask(nobody, np.random.default_rng(0))


@pytest.mark.parametrize("users", [0, 1])
def test_too_few_users_are_not_estimable(users: int) -> None:
    lists = [WrittenList(user=user, titles=("Zzyzx",)) for user in range(users)]
    rows = rows_of(PROBE.evidence_of(lists, LOG.catalog, np.random.default_rng(0)))
    assert rows["out_of_catalog_rate"].value is None
    assert judge(GATE, list(rows.values())).state == "inconclusive"


def test_order_of_rows_does_not_matter() -> None:
    evidence = evidence_of(np.random.default_rng(0), 0.1)
    order = np.random.default_rng(1).permutation(len(evidence))
    mixed = replace(evidence, columns={name: column[order] for name, column in evidence.columns.items()})
    assert rows_of(evidence) == rows_of(mixed)


def evidence_of(rng: np.random.Generator, rate: float) -> Evidence:
    """300 users with 10 titles each; users differ in their rate (a beta with correlation .1)."""
    rates = rng.beta(9 * rate, 9 * (1 - rate), 300) if rate else np.zeros(300)
    invented = rng.random((300, 10)) < rates[:, None]
    return Evidence(
        columns={
            "cluster": np.repeat(np.arange(300), 10),
            "position": np.tile(np.arange(10), 300),
            "state": np.where(invented, "not_an_item", "exact").ravel(),
            "item": np.where(invented, -1, np.arange(10)).ravel(),
            "score": np.ones(3000),
            "written": np.full(3000, "words"),
            "repeated": np.zeros(3000, dtype=bool),
            "consumed": np.zeros(3000, dtype=bool),
        },
        facts={"k": 10, "threshold": 0.85, "margin": 0.03},
    )


def failures(evidence: Callable[[np.random.Generator], Evidence], seeds: int) -> int:
    states = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        states.append(judge(GATE, PROBE.estimate(evidence(rng), rng, 0.05)).state)
    return states.count("fail")


@pytest.mark.parametrize("seeds", [60, pytest.param(200, marks=pytest.mark.slow)])
def test_rates(seeds: int) -> None:
    from scipy.stats import binom

    honest = clopper_pearson(failures(lambda rng: evidence_of(rng, 0.0), seeds), seeds, alpha=0.05)
    assert honest is not None and honest.high <= 0.08
    at_bound = failures(lambda rng: evidence_of(rng, 0.05), seeds)
    assert binom.ppf(0.005, seeds, 0.05) <= at_bound <= binom.ppf(0.995, seeds, 0.05)
    assert failures(lambda rng: evidence_of(rng, 0.08), seeds) >= 0.9 * seeds
