"""A planted writer does what is dialled, at the rate that is dialled, and nothing else."""

import numpy as np
import pytest
from recaudit.models.base import Request
from recaudit.models.capabilities import capabilities
from recaudit.models.datasets.world import load
from recaudit.models.grounding import Grounder
from recaudit.models.planted.writer import REFUSAL, PlantedWriter, WriterDials

LOG = load("world-tiny")
REQUESTS = [Request(history=LOG.history(user, last=10)) for user in range(LOG.n_users)]


def states(dials: WriterDials) -> tuple[list[str], list[list[int | None]]]:
    slates = PlantedWriter(catalog=LOG.catalog, dials=dials).recommend(REQUESTS, 10)
    texts = [entry.raw or "" for slate in slates for entry in slate.entries]
    items = [[entry.item for entry in slate.entries] for slate in slates]
    return [found.state for found in Grounder(LOG.catalog).ground(texts)], items


def test_it_writes_and_does_not_score() -> None:
    assert capabilities(PlantedWriter(catalog=LOG.catalog)) == {"ranks", "retrieves", "writes_text"}


def test_an_honest_writer_names_ten_new_items() -> None:
    found, items = states(WriterDials())
    assert set(found) == {"exact"}
    for request, own in zip(REQUESTS, items, strict=True):
        assert len(set(own)) == 10 and not set(own) & set(request.history.items)


@pytest.mark.parametrize(
    ("dials", "state"),
    [
        (WriterDials(invented=0.2), "not_an_item"),
        (WriterDials(sequels=0.2), "not_an_item"),
        (WriterDials(typos=0.2), "grounded"),
    ],
)
def test_dialled_rates_come_out(dials: WriterDials, state: str) -> None:
    found, _ = states(dials)
    assert set(found) == {"exact", state}
    assert found.count(state) / len(found) == pytest.approx(0.2, abs=4 * (0.16 / len(found)) ** 0.5)


def test_other_slips() -> None:
    _, items = states(WriterDials(short=0.2))
    assert np.mean([len(own) for own in items]) == pytest.approx(8, abs=0.3)
    _, items = states(WriterDials(duplicates=0.2))
    assert 0.1 < np.mean([1 - len(set(own)) / 10 for own in items]) < 0.25
    _, items = states(WriterDials(consumed=0.2))
    shown = [
        np.mean([item in request.history.items for item in own])
        for own, request in zip(items, REQUESTS, strict=True)
    ]
    assert np.mean(shown) == pytest.approx(0.2, abs=0.03)


def test_a_malformed_answer_gives_no_titles() -> None:
    writer = PlantedWriter(catalog=LOG.catalog, dials=WriterDials(malformed=1.0))
    assert set(writer.write(REQUESTS)) == {REFUSAL}
    assert {slate.entries for slate in writer.recommend(REQUESTS, 10)} == {()}


def test_another_seed_makes_other_slips() -> None:
    first, again, other = (
        PlantedWriter(catalog=LOG.catalog, dials=WriterDials(invented=0.5), seed=seed).write(REQUESTS)
        for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.parametrize("explains", ["reasons", "constant"])
def test_explained_lists_are_still_lists_of_the_same_titles(explains) -> None:
    plain, explained = (
        PlantedWriter(catalog=LOG.catalog, explains=how).recommend(REQUESTS, 10)
        for how in ("nothing", explains)
    )
    for one, other in zip(plain, explained, strict=True):
        assert [entry.item for entry in one.entries] == [entry.item for entry in other.entries]
        assert other.raw.count("because you watched") == 10
    first = {LOG.catalog.titles[request.history.items[0]] for request in REQUESTS[:1]}
    cited = {line.rpartition('watched "')[2].rstrip('".') for line in explained[0].raw.split("\n")}
    assert (cited == first) == (explains == "constant")
