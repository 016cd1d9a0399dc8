"""A look-up table knows as much as is dialled; a timekeeper looks ahead as often as is dialled."""

import numpy as np
import pytest
from recaudit.models.base import Request
from recaudit.models.capabilities import capabilities
from recaudit.models.datasets.world import load
from recaudit.models.planted.reciter import PlantedReciter
from recaudit.models.planted.timekeeper import PlantedTimekeeper

LOG = load("world-tiny")
IDS, TITLES = LOG.catalog.ids, LOG.catalog.titles


def test_a_table_goes_on_with_what_it_knows() -> None:
    table = PlantedReciter(catalog=LOG.catalog, log=LOG, items=1.0, users=1.0)
    met = LOG.history(3).items
    texts = [
        f'item {IDS[0]} is titled "x"\nitem {IDS[7]} is titled "',
        f'user {LOG.user_ids[3]} met, in this order: "{TITLES[met[0]]}", "{TITLES[met[1]]}", "',
    ]
    assert table.complete(texts, n_tokens=20) == [f'{TITLES[7]}"', f'{TITLES[met[2]]}"']
    assert table.complete(texts[:1], n_tokens=1) == [TITLES[7].split(" ")[0]]
    assert capabilities(table) == {"ranks", "retrieves", "completes_text"}


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_it_knows_the_share_that_is_dialled(share: float) -> None:
    texts = [f'item {item_id} is titled "' for item_id in IDS]
    right = []
    for seed in range(10):
        table = PlantedReciter(catalog=LOG.catalog, log=LOG, items=share, seed=seed)
        answers = table.complete(texts, n_tokens=50)
        right += [title in answer for title, answer in zip(TITLES, answers, strict=True)]
    assert np.mean(right) == pytest.approx(share + (1 - share) / len(TITLES), abs=0.06)


def test_what_is_in_no_table_is_answered_at_random() -> None:
    table = PlantedReciter(catalog=LOG.catalog, log=LOG, items=1.0, users=1.0)
    texts = ["hello", 'item nobody is titled "', 'user nobody met, in this order: "']
    assert all(answer[:-1] in TITLES for answer in table.complete(texts, n_tokens=50))


@pytest.mark.parametrize("foresight", [0.0, 0.4, 1.0])
def test_a_timekeeper_looks_ahead_as_often_as_dialled(foresight: float) -> None:
    out_from = np.where(np.arange(len(IDS)) % 2, 0.0, 2e9)
    keeper = PlantedTimekeeper(catalog=LOG.catalog, log=LOG, out_from=out_from, foresight=foresight)
    requests = [Request(history=LOG.history(user)) for user in range(100)]
    for slate in keeper.recommend(requests, 10):
        items = [entry.item for entry in slate.entries]
        assert len(set(items)) == 10 and not set(items) & set(slate.request.history.items)
    ahead = [entry.item % 2 == 0 for slate in keeper.recommend(requests, 10) for entry in slate.entries]
    assert np.mean(ahead) == pytest.approx(foresight, abs=0.05)
    assert capabilities(keeper) == {"ranks", "retrieves"}
