"""What is recited is told from what is guessed: silent where nothing is known, loud on a look-up table."""

from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.baselines import ItemTransition
from recaudit.models.data import History, InteractionLog
from recaudit.models.planted.reciter import PlantedReciter
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable
from recaudit.probes.provenance.catalog_memorisation import HISTORIES, ITEMS, CatalogMemorisation
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee
from recaudit.probes.trials._films import film_auditee, film_log

PROBE = CatalogMemorisation()
GATE = PROBE.criteria()[0]
LOG = film_log()


def auditee(items: float = 0.0, users: float = 0.0, model: type[PlantedReciter] = PlantedReciter) -> Auditee:
    return film_auditee(model(catalog=LOG.catalog, log=LOG, items=items, users=users))


def named(evidence: Evidence) -> dict[tuple[str, str], Measurement]:
    rows = PROBE.estimate(evidence, np.random.default_rng(0), 0.05)
    return {(row.name, row.group): row for row in rows}


def asked(who: Auditee) -> dict[tuple[str, str], Measurement]:
    return named(PROBE.ask(who, np.random.default_rng(1)))


def state(rows: dict[tuple[str, str], Measurement]) -> str:
    return judge(GATE, list(rows.values())).state


def test_a_model_that_knows_nothing_is_not_accused() -> None:
    rows = asked(auditee())
    assert state(rows) != "fail"
    for kind in (ITEMS, HISTORIES):
        assert rows["recited_rate", kind].value < 0.06 and rows["recital_gain", kind].low < 0.01


@pytest.mark.parametrize(("items", "users"), [(1.0, 0.0), (0.0, 1.0), (0.4, 0.4)])
def test_what_is_known_by_heart_is_found_where_it_is(items: float, users: float) -> None:
    rows = asked(auditee(items, users))
    assert state(rows) == "fail"
    for kind, share in ((ITEMS, items), (HISTORIES, users)):
        found = rows["recital_gain", kind]
        assert found.low - 0.1 <= share <= found.high + 0.1, kind
        assert (found.low > GATE.bound) == (share > 0), kind


class Habitual(PlantedReciter):
    """Names what other people met next, whoever is asked about and whatever the titles are."""

    def complete(self, texts, *, n_tokens):
        rule = ItemTransition.fitted(LOG, range(LOG.n_users))
        answers = []
        for text in texts:
            shown = [part for part in text.rpartition("\n")[2].split('"') if part in LOG.catalog.titles]
            items = tuple(LOG.catalog.titles.index(title) for title in shown)
            scores = rule.item_scores(History(0, items))
            scores[list(items)] = -1
            answers.append(LOG.catalog.titles[int(scores.argmax())])
        return answers


def test_a_guess_from_habit_is_no_recital() -> None:
    rows = asked(auditee(model=Habitual))
    assert state(rows) != "fail" and rows["recital_gain", HISTORIES].low < 0.05


class Echo(PlantedReciter):
    """Repeats the last title it has read."""

    def complete(self, texts, *, n_tokens):
        return [text.rstrip(' "').split('"')[-1] for text in texts]


def test_an_echo_recites_nothing() -> None:
    rows = asked(auditee(model=Echo))
    assert rows["recited_rate", ITEMS].value == rows["recited_rate", HISTORIES].value == 0
    assert rows["recital_gain", ITEMS].high > 0, "finding nothing among few lines is no certainty"


def test_a_hand_count() -> None:
    evidence = PROBE.ask(auditee(0.5, 0.5), np.random.default_rng(1))
    column = evidence.columns
    for kind in (ITEMS, HISTORIES):
        here = column["kind"] == kind
        chance = column["renamed"][here] | column["guessed"][here]
        gain = column["recited"][here].astype(int) - chance.astype(int)
        assert named(evidence)["recital_gain", kind].value == pytest.approx(gain.mean())
        assert len(np.unique(column["cluster"][here])) == here.sum()
    assert len(np.unique(column["item"][column["kind"] == ITEMS])) == (column["kind"] == ITEMS).sum()


def test_lines_and_their_renamed_twins() -> None:
    seen: list[str] = []

    class Watched(PlantedReciter):
        def complete(self, texts, *, n_tokens):
            seen.extend(texts)
            return super().complete(texts, n_tokens=n_tokens)

    evidence = PROBE.ask(auditee(model=Watched), np.random.default_rng(1))
    assert len(seen) == 2 * len(evidence) <= PROBE.calls()
    n = len(evidence) // 2
    for place, line in enumerate(seen):
        *examples, last = line.split("\n")
        assert len(examples) == 2 and all(example.endswith('"') for example in examples)
        assert last.startswith("item" if place < 2 * n else "user") and last.endswith('"')
    for item, (true, renamed) in zip(
        evidence.columns["item"], zip(seen[::2], seen[1::2], strict=True), strict=True
    ):
        assert true != renamed and f'"{LOG.catalog.titles[item]}"' not in true.split("\n")[-1]


def test_ids_that_tell_the_title_and_short_data_are_refused() -> None:
    told = replace(LOG.catalog, ids=tuple(title.lower() for title in LOG.catalog.titles))
    with pytest.raises(NotApplicable, match="0 items an id"):
        asked(replace(auditee(), log=replace(LOG, catalog=told)))
    with pytest.raises(NotApplicable, match="0 users have more than 5"):
        asked(replace(auditee(), log=LOG.take(np.arange(3))))


def test_histories_of_real_people_are_not_shown() -> None:
    real: InteractionLog = replace(LOG, synthetic=False)
    for case in PROBE.ask(replace(auditee(1.0, 1.0), log=real), np.random.default_rng(1)).exhibits:
        assert "item" in case.left.split("\n")[-1] and "user" not in case.left


def test_models_that_go_on_with_no_text_are_not_asked() -> None:
    assert set(PROBE.needs) <= auditee().capabilities
    assert not set(PROBE.needs) <= planted_auditee(LOG, rng=np.random.default_rng(1)).capabilities


@pytest.mark.parametrize("people", [0, 1])
def test_too_few_people_are_not_estimable(people: int) -> None:
    evidence = PROBE.ask(auditee(1.0), np.random.default_rng(1))
    kept = np.unique(evidence.columns["cluster"])[:people]
    rows = named(evidence.where(np.isin(evidence.columns["cluster"], kept)))
    assert rows["recital_gain", ITEMS].value is None and state(rows) == "inconclusive"
