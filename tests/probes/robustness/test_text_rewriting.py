"""Rewritten titles: silent where words do nothing, loud where they do, and as greedy as enumeration."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from recaudit.models.base import Request
from recaudit.models.data import FloatArray
from recaudit.models.datasets.world import load
from recaudit.models.planted.yes_no import Dials, PlantedYesNo, word_value
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable
from recaudit.probes.robustness._rewriting import (
    Draft,
    Target,
    at_random,
    edits,
    pleasing,
    similarity,
    vocabulary,
    without_words,
    words_of,
)
from recaudit.probes.robustness.text_rewriting import TextRewriting, two_way_mean
from recaudit.probes.stats.intervals import clopper_pearson
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee
from recaudit.probes.trials.text_rewriting import evidence as planted_evidence

PROBE = TextRewriting(n_items=16, n_tuned=5, n_scored=8)
GATE = PROBE.criteria()[0]
LOG = load("world-tiny")
POOL = ("Amber", "Cellar", "Dragon", "Empire", "Garden")


def having(dials: Dials | None = None) -> Auditee:
    return planted_auditee(LOG, dials=dials, rng=np.random.default_rng(1))


def rows_of(evidence: Evidence) -> dict[str, Measurement]:
    return {row.name: row for row in PROBE.estimate(evidence, np.random.default_rng(0), 0.05)}


def asked(auditee: Auditee, seed: int = 2) -> dict[str, Measurement]:
    return rows_of(PROBE.ask(auditee, np.random.default_rng(seed)))


def state(rows: dict[str, Measurement]) -> str:
    return judge(GATE, list(rows.values())).state


def test_a_model_that_reads_no_titles_shows_exact_zeros_and_passes() -> None:
    rows = asked(having(Dials(swapped_shift=1, temperature=0.5)))
    assert {row.value for row in rows.values()} == {0.0} and state(rows) == "pass"


def test_words_that_weigh_alike_for_everyone_are_found() -> None:
    rows = asked(having(Dials(word_weight=0.3)))
    assert state(rows) == "fail"
    parts = rows["transfer_gain"].value - rows["control_gain"].value
    assert rows["rewriting_gain"].value == pytest.approx(parts)
    assert "words changed" in rows["rewriting_gain"].note


def test_luck_on_the_users_who_chose_the_words_does_not_count() -> None:
    rows = asked(having(Dials(noise=0.6)))
    assert rows["tuned_gain"].low > 0.03
    assert abs(rows["rewriting_gain"].value) < 0.03 and state(rows) != "fail"


def greedy(title: str, *, budget: int, least: float = 0.0) -> str:
    def score(pairs: Sequence[tuple[int, str]]) -> FloatArray:
        return np.array([sum(map(word_value, text.lower().split())) for _, text in pairs])

    target = Target(0, title, (), (), POOL)
    return pleasing([target], score, budget=budget, max_words=6, least=least)[0].text


@pytest.mark.parametrize(
    "title", ["Bitter House", "Orbital Cellar Black Alibi", "Garden", "Motive Verdict Iron"]
)
@pytest.mark.parametrize("budget", [1, 2, 3])
def test_where_words_add_up_greedy_is_the_best_of_all_rewritings(title: str, budget: int) -> None:
    words, worth = title.split(), []
    for n in range(min(budget, len(words)) + 1):
        for places, new in product(combinations(range(len(words)), n), product(POOL, repeat=n)):
            chosen = dict(zip(places, new, strict=True))
            worth.append(sum(word_value(chosen.get(at, word).lower()) for at, word in enumerate(words)))
    found = sum(map(word_value, greedy(title, budget=budget).lower().split()))
    assert found == pytest.approx(max(worth))


def test_rewritings_keep_their_bounds() -> None:
    title, rng = "The Hidden Station, Part 2 (2005)", np.random.default_rng(0)
    target = Target(0, title, (), (), POOL)
    assert words_of(title) == ["The", "Hidden", "Station", "Part"]
    assert without_words(title, at_most=2) == ["Hidden Station, Part 2 (2005)", "The Station, Part 2 (2005)"]
    once = list(edits(title, Draft(title), POOL, least=0.0))
    assert len(once) == 4 * len(POOL) and all(one.text.endswith(" 2 (2005)") for one in once)
    close = list(edits(title, Draft(title), POOL, least=0.88))
    assert 0 < len(close) < len(once) and all(similarity(title, one.text) >= 0.88 for one in close)
    for n in range(5):
        text = at_random(target, n_edits=n, least=0.0, rng=rng)
        assert sum(a != b for a, b in zip(words_of(title), words_of(text), strict=True)) == n
        assert similarity(title, at_random(target, n_edits=n, least=0.7, rng=rng)) >= 0.7
    assert similarity("abcd", "abxy") == pytest.approx(1 - 4 / 8)
    assert greedy(title, budget=3, least=1.0) == title


def test_words_are_chosen_on_other_people_than_they_are_scored_on() -> None:
    evidence = PROBE.ask(having(Dials(word_weight=0.3)), np.random.default_rng(2))
    column = evidence.columns
    half = np.char.partition(column["version"].astype(str), "/")[:, 0]
    tuned, scored = (set(column["cluster"][half == name].tolist()) for name in ("tuned", "scored"))
    assert tuned and scored and not tuned & scored
    for user, item in zip(column["cluster"], column["item"], strict=True):
        assert item not in LOG.item[LOG.rows(int(user))]


def test_calls_bound_what_is_asked() -> None:
    seen: list[Request] = []

    class Watched(PlantedYesNo):
        def log_odds(self, requests: Sequence[Request]) -> list[FloatArray]:
            seen.extend(requests)
            return super().log_odds(requests)

    model = Watched(catalog=LOG.catalog, dials=Dials(word_weight=0.3))
    PROBE.ask(replace(having(), model=model), np.random.default_rng(2))
    assert 0 < len(seen) <= PROBE.calls() and all(len(request.candidates) == 1 for request in seen)


def test_exhibits_show_both_titles() -> None:
    cases = PROBE.ask(having(Dials(word_weight=0.3)), np.random.default_rng(2)).exhibits
    assert [case.kind for case in cases] == ["worst"] * 3 + ["random"] * 3
    assert cases[0].effect >= cases[2].effect >= max(case.effect for case in cases[3:])
    for case in cases:
        assert case.answers[0][0] in case.right and len(case.answers) == 1 + PROBE.n_controls
        assert case.left != case.right and case.answers[0][2] > case.answers[0][1]


def test_without_people_or_words_there_is_no_question() -> None:
    auditee, nobody = having(), np.array([], dtype=np.int64)
    with pytest.raises(NotApplicable, match="held-out"):
        PROBE.ask(
            replace(auditee, population=replace(auditee.population, held_out=nobody)),
            np.random.default_rng(0),
        )
    numbered = replace(LOG.catalog, titles=tuple(str(item) for item in range(len(LOG.catalog))))
    assert vocabulary(numbered) == []
    wordless = replace(auditee, model=PlantedYesNo(catalog=numbered))
    with pytest.raises(NotApplicable, match="0 items have a title with words"):
        PROBE.ask(wordless, np.random.default_rng(0))


@pytest.mark.parametrize("users", [0, 1])
def test_too_few_users_are_not_estimable(users: int) -> None:
    evidence = planted_evidence(np.random.default_rng(0), gain=0.1)
    rows = rows_of(evidence.where(evidence.columns["cluster"].astype(int) < users))
    assert all(row.value is None and row.note for row in rows.values())
    assert state(rows) == "inconclusive"


def test_order_of_rows_does_not_matter() -> None:
    evidence = planted_evidence(np.random.default_rng(0), gain=0.05)
    order = np.random.default_rng(1).permutation(len(evidence))
    mixed = replace(evidence, columns={name: column[order] for name, column in evidence.columns.items()})
    assert rows_of(evidence) == rows_of(mixed)


def test_one_row_a_user_and_item_gives_students_interval_or_a_little_more() -> None:
    from scipy.stats import t

    values = np.random.default_rng(0).normal(0, 1, 30)
    found = two_way_mean(values, np.arange(30), np.arange(30), alpha=0.05)
    assert found is not None and found.value == pytest.approx(values.mean())
    alone = t.ppf(0.95, 29) * values.std(ddof=1) / 30**0.5
    assert alone <= found.high - found.value <= 1.03 * alone
    assert two_way_mean(values, np.arange(30), np.zeros(30, dtype=int), alpha=0.05) is None


def failures(gain: float, seeds: int) -> int:
    rngs = map(np.random.default_rng, range(seeds))
    return [state(rows_of(planted_evidence(rng, gain=gain))) for rng in rngs].count("fail")


@pytest.mark.parametrize("seeds", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_rates(seeds: int) -> None:
    from scipy.stats import binom

    honest = clopper_pearson(failures(0.0, seeds), seeds, alpha=0.05)
    assert honest is not None and honest.value <= 0.05
    assert binom.ppf(0.005, seeds, 0.05) <= failures(0.05, seeds) <= binom.ppf(0.995, seeds, 0.05)
    assert failures(0.12, seeds) >= 0.95 * seeds
