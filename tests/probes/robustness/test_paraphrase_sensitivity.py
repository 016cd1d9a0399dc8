"""Other wordings: silent where they change nothing, loud where answers hang on words, at known rates."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recaudit.models.base import Recommender, Request, Slate
from recaudit.models.data import FloatArray
from recaudit.models.datasets.world import load
from recaudit.models.planted.shortlister import PlantedShortlister
from recaudit.models.planted.yes_no import Dials, PlantedYesNo
from recaudit.models.recorded_lists import RecordedLists, RecordedListsConfig
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable
from recaudit.probes.robustness.paraphrase_sensitivity import ParaphraseSensitivity
from recaudit.probes.stats.intervals import clopper_pearson
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee, ranking_auditee
from recaudit.probes.trials.paraphrase_sensitivity import evidence as planted_evidence

PROBE = ParaphraseSensitivity()
GATE = PROBE.criteria()[0]
LOG = load("world-tiny")
READS = {"gender": ("man", "woman")}


def judging(dials: Dials | None = None) -> Auditee:
    return planted_auditee(LOG, dials=dials, reads=READS, rng=np.random.default_rng(1))


def listing(dials: Dials | None = None) -> Auditee:
    return having(
        PlantedShortlister(judge=PlantedYesNo(catalog=LOG.catalog, dials=dials or Dials(), reads=READS))
    )


def having(model: Recommender) -> Auditee:
    return replace(judging(), model=model, memo={})


def rows_of(evidence: Evidence) -> dict[tuple[str, str], Measurement]:
    return {(r.name, r.group): r for r in PROBE.estimate(evidence, np.random.default_rng(0), 0.05)}


def asked(auditee: Auditee) -> dict[tuple[str, str], Measurement]:
    return rows_of(PROBE.ask(auditee, np.random.default_rng(2)))


def state(rows: dict[tuple[str, str], Measurement]) -> str:
    return judge(GATE, list(rows.values())).state


@pytest.mark.parametrize("auditee", [judging, listing], ids=["judging", "listing"])
def test_a_model_that_reads_no_words_shows_exact_zeros_and_passes(auditee) -> None:
    rows = asked(auditee(Dials(swapped_shift=1, temperature=0.5, insertion_shift=1)))
    for row in rows.values():
        assert row.value == pytest.approx(1.0 if row.name in ("rbo", "jaccard") else 0.0)
    assert state(rows) == "pass"


@pytest.mark.parametrize("auditee", [judging, listing], ids=["judging", "listing"])
def test_a_model_whose_answers_hang_on_every_word_fails(auditee) -> None:
    rows = asked(auditee(Dials(noise=0.6)))
    assert state(rows) == "fail"
    assert rows["turned_asked_again", "asked again"].value == 0


def test_changes_are_those_of_a_hand_count() -> None:
    auditee = judging(Dials(noise=0.3))
    evidence = PROBE.ask(auditee, np.random.default_rng(2))
    rows, column = rows_of(evidence), evidence.columns
    moves: dict[int, list[tuple[bool, float, float]]] = {}
    for at in np.flatnonzero(column["version"] == "wording 1"):
        user, item = int(column["cluster"][at]), int(column["item"][at])
        same = (column["cluster"] == user) & (column["item"] == item) & (column["version"] == "wording 0")
        (before,), after = column["log_odds"][same], column["log_odds"][at]
        moves.setdefault(user, []).append(((before > 0) != (after > 0), abs(after - before), after - before))
    expected = np.mean([np.mean(own, axis=0) for own in moves.values()], axis=0)
    names = ("answers_turned", "absolute_change", "wording_shift")
    assert [rows[name, "wording 1"].value for name in names] == pytest.approx(expected)


def test_a_shift_is_measured_with_its_sign() -> None:
    class Polite(PlantedYesNo):
        """Says yes more readily when it is asked in the second wording."""

        def log_odds(self, requests: Sequence[Request]) -> list[FloatArray]:
            return [
                odds + 0.7 * request.wording
                for odds, request in zip(super().log_odds(requests), requests, strict=True)
            ]

    rows = asked(having(Polite(catalog=LOG.catalog, reads=READS)))
    assert rows["wording_shift", "wording 1"].value == pytest.approx(0.7)
    assert rows["absolute_change", "wording 1"].value == pytest.approx(0.7)


def test_a_restless_model_is_not_accused_of_its_wordings() -> None:
    class Restless(PlantedYesNo):
        """Answers anew each time it is asked."""

        def log_odds(self, requests: Sequence[Request]) -> list[FloatArray]:
            rng = np.random.default_rng(len(calls))
            calls.append(len(requests))
            return [odds + rng.normal(0, 2, len(odds)) for odds in super().log_odds(requests)]

    calls: list[int] = []
    rows = asked(having(Restless(catalog=LOG.catalog, reads=READS)))
    assert rows["answers_turned", "wording 1"].low > 0.1 and state(rows) == "inconclusive"


def test_only_the_wording_differs_and_calls_bound_what_is_asked() -> None:
    seen: list[Request] = []

    class Watched(PlantedShortlister):
        def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
            seen.extend(requests)
            return super().recommend(requests, k)

    auditee = having(Watched(judge=PlantedYesNo(catalog=LOG.catalog, reads=READS)))
    evidence = PROBE.ask(auditee, np.random.default_rng(2))
    users = np.unique(evidence.columns["cluster"])
    assert np.isin(users, auditee.population.held_out).all() and len(seen) == 3 * len(users)
    assert len({replace(request, wording=0) for request in seen}) == len(users)
    assert {request.wording for request in seen} == {0, 1} and all(r.attributes for r in seen)
    assert len(PROBE.ask(judging(), np.random.default_rng(2))) <= PROBE.calls()


@pytest.mark.parametrize("auditee", [judging, listing], ids=["judging", "listing"])
def test_exhibits_differ_in_wording_alone(auditee) -> None:
    cases = PROBE.ask(auditee(Dials(noise=0.6)), np.random.default_rng(2)).exhibits
    assert [case.kind for case in cases] == ["worst"] * 3 + ["random"] * 3
    assert cases[0].effect >= cases[2].effect >= max(case.effect for case in cases[3:])
    for case in cases:
        assert case.left.startswith("[0]") and case.right == case.left.replace("[0]", "[1]", 1)


def test_models_of_one_wording_and_empty_audits_say_what_is_missing() -> None:
    with pytest.raises(NotApplicable, match="one wording"):
        PROBE.ask(ranking_auditee(LOG, rng=np.random.default_rng(0)), np.random.default_rng(0))
    nobody = np.array([], dtype=np.int64)
    for auditee in (judging(), listing()):
        empty = replace(auditee, population=replace(auditee.population, held_out=nobody))
        with pytest.raises(NotApplicable, match="held-out"):
            PROBE.ask(empty, np.random.default_rng(0))


def test_lists_recorded_in_two_wordings_are_compared_but_cannot_fail_without_a_repeat(tmp_path: Path) -> None:
    lines = ["user,item,rank,wording"]
    for user, name in enumerate(LOG.user_ids):
        for wording, first in ((0, 0), (1, 5 if user % 2 else 0)):
            met = set(LOG.item[LOG.rows(user)].tolist())
            new = [item for item in range(len(LOG.catalog)) if item not in met][first : first + 10]
            lines += [f"{name},{LOG.catalog.ids[item]},{rank},{wording}" for rank, item in enumerate(new, 1)]
    path = tmp_path / "lists.csv"
    path.write_text("\n".join(lines))
    config = RecordedListsConfig(path=path, user="user", item="item", rank="rank", wording="wording")
    evidence = PROBE.ask(having(RecordedLists.of_log(LOG, config)), np.random.default_rng(2))
    rows = rows_of(evidence)
    users = np.unique(evidence.columns["cluster"])
    expected = np.where(users % 2, 0.5, 0.0).mean()
    assert rows["answers_turned", "wording 1"].value == pytest.approx(expected)
    assert "recorded once" in str(evidence.facts["caveats"]) and state(rows) == "inconclusive"


@pytest.mark.parametrize("users", [0, 1])
@pytest.mark.parametrize("auditee", [judging, listing], ids=["judging", "listing"])
def test_too_few_users_are_not_estimable(auditee, users: int) -> None:
    evidence = PROBE.ask(auditee(), np.random.default_rng(2))
    kept = np.isin(evidence.columns["cluster"], np.unique(evidence.columns["cluster"])[:users])
    rows = rows_of(evidence.where(kept))
    assert rows and all(row.value is None and row.note for row in rows.values())
    assert state(rows) == "inconclusive"


@pytest.mark.parametrize("auditee", [judging, listing], ids=["judging", "listing"])
def test_order_of_rows_does_not_matter(auditee) -> None:
    evidence = PROBE.ask(auditee(Dials(noise=0.3)), np.random.default_rng(2))
    order = np.random.default_rng(1).permutation(len(evidence))
    mixed = replace(evidence, columns={name: column[order] for name, column in evidence.columns.items()})
    assert rows_of(evidence) == rows_of(mixed)


def failures(flips: float, seeds: int) -> int:
    rngs = map(np.random.default_rng, range(seeds))
    return [state(rows_of(planted_evidence(rng, flips=flips))) for rng in rngs].count("fail")


@pytest.mark.parametrize("seeds", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_rates(seeds: int) -> None:
    from scipy.stats import binom

    honest = clopper_pearson(failures(0.0, seeds), seeds, alpha=0.05)
    assert honest is not None and honest.value <= 0.05
    assert failures(0.1, seeds) <= binom.ppf(0.995, seeds, 0.05)
    assert failures(0.2, seeds) >= 0.95 * seeds
