"""The gatekeeper shows items as often as they are met, and takes the dialled share from one provider."""

import numpy as np
import pytest
from recaudit.models.base import Request
from recaudit.models.data import Catalog, History
from recaudit.models.planted.gatekeeper import PlantedGatekeeper

ITEMS, COUNTS = 60, np.repeat([30, 10], 30)
CATALOG = Catalog(
    ids=tuple(map(str, range(ITEMS))),
    titles=("x",) * ITEMS,
    years=np.zeros(ITEMS, dtype=np.int64),
    genres=((),) * ITEMS,
    providers=("A", "B", "C") * 20,
)
REQUESTS = [Request(history=History(user, (user % ITEMS, 5))) for user in range(1500)]


def places(**dials):
    model = PlantedGatekeeper(catalog=CATALOG, counts=COUNTS, **dials)
    return [[entry.item for entry in slate.entries] for slate in model.recommend(REQUESTS, 5)]


def share(lists, provider):
    return np.mean([CATALOG.providers[item] == provider for own in lists for item in own])


def test_honest_lists_are_new_items_by_how_often_they_are_met():
    lists = places()
    assert lists == places() != places(seed=1)
    for request, own in zip(REQUESTS, lists, strict=True):
        assert len(set(own)) == 5 and not set(own) & set(request.history.items)
    assert np.mean([item < 30 for item in lists[0:] for item in item[:1]]) == pytest.approx(0.75, abs=0.04)
    assert share(lists, "A") == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize("dial", [0.5, 1.0])
def test_holds_back_the_share_dialled(dial):
    kept = share(places(provider="A", held_back=dial), "A") / share(places(), "A")
    assert kept == pytest.approx(1 - dial, abs=0.04)


def test_an_item_that_nobody_met_is_never_shown():
    counts = np.where(np.arange(ITEMS) < 3, 1, 0)
    model = PlantedGatekeeper(catalog=CATALOG, counts=counts)
    assert all({e.item for e in slate.entries} <= {0, 1, 2} for slate in model.recommend(REQUESTS[:9], 5))
