"""The planted lister: random lists, and the two traces that its dials leave in them."""

from collections.abc import Sequence

import numpy as np
import pytest
from recaudit.models.base import Request
from recaudit.models.data import History
from recaudit.models.datasets.world import load
from recaudit.models.planted.lister import ListerDials, PlantedLister

LOG = load("world-tiny")


def listed(model: PlantedLister, histories: Sequence[History], k: int = 10) -> list[list[int]]:
    slates = model.recommend([Request(history=one) for one in histories], k)
    return [[entry.item for entry in slate.entries] for slate in slates]


def halves(user: int) -> list[History]:
    return [History(user, (0, 1)), History(user, (2, 3))]


@pytest.mark.parametrize("dials", [ListerDials(), ListerDials(personal=1.0), ListerDials(alike=True)])
def test_lists_are_new_items_and_the_same_when_asked_again(dials: ListerDials) -> None:
    model = PlantedLister(catalog=LOG.catalog, dials=dials)
    for history in halves(3):
        first, again = listed(model, [history, history])
        assert first == again and len(set(first)) == 10 and not set(first) & set(history.items)


def test_a_persons_own_list_hangs_on_the_person_alone() -> None:
    honest = [listed(PlantedLister(catalog=LOG.catalog), halves(user)) for user in range(30)]
    own = [
        listed(PlantedLister(catalog=LOG.catalog, dials=ListerDials(personal=1.0)), halves(user))
        for user in range(30)
    ]
    assert np.mean([len(set(one) & set(two)) for one, two in honest]) < 3
    assert np.mean([len(set(one) & set(two)) for one, two in own]) > 8
    assert len({tuple(one) for one, _ in own}) == 30


def test_everyone_gets_one_list_where_all_are_alike() -> None:
    model = PlantedLister(catalog=LOG.catalog, dials=ListerDials(alike=True))
    assert len({tuple(one) for one in listed(model, [History(user, ()) for user in range(20)])}) == 1


@pytest.mark.parametrize("marked", [0.0, 0.5, 1.0])
def test_places_are_green_as_often_as_is_dialled(marked: float) -> None:
    green = np.random.default_rng(0).random((len(LOG.catalog),) * 2) < 0.5
    model = PlantedLister(catalog=LOG.catalog, dials=ListerDials(marked=marked), green=green)
    lists = np.array(listed(model, [History(user, ()) for user in range(200)]))
    share = green[lists[:, :-1], lists[:, 1:]].mean()
    assert share == pytest.approx(marked + (1 - marked) / 2, abs=0.03)
