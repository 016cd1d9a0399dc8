"""The planted pointer misses, and changes its mind, as far as it is dialled."""

import numpy as np
import pytest
from recaudit.models.base import Request
from recaudit.models.capabilities import Draws, GeneratesVectors
from recaudit.models.data import Example
from recaudit.models.datasets.world import load
from recaudit.models.planted.pointer import PlantedPointer, PointerDials

LOG = load("world-tiny")
REQUESTS = [Request(history=LOG.history(user, last=8)) for user in range(200)]


def pointer(*, miss: float = 0.0, restless: float = 0.0) -> PlantedPointer:
    return PlantedPointer(catalog=LOG.catalog, dials=PointerDials(miss=miss, restless=restless))


def distances(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, None] - pointer().item_vectors(), axis=2)


def test_an_honest_pointer_means_the_new_item_nearest_to_the_history() -> None:
    model = pointer()
    assert isinstance(model, Draws) and isinstance(model, GeneratesVectors)
    places = model.item_vectors()
    for request, point in zip(REQUESTS, model.generate(REQUESTS), strict=True):
        own = list(request.history.items)
        far = np.linalg.norm(places - places[own].mean(axis=0), axis=1)
        far[own] = np.inf
        assert np.array_equal(point, places[far.argmin()])


def test_points_miss_by_as_many_spacings_as_dialled() -> None:
    apart = distances(pointer().item_vectors())
    np.fill_diagonal(apart, np.inf)
    spacing = np.median(apart.min(axis=1))
    off = pointer(miss=2).generate(REQUESTS) - pointer().generate(REQUESTS)
    assert np.sqrt((off**2).sum(axis=1).mean()) == pytest.approx(2 * spacing, rel=0.05)
    truth = [Example(request.history, user % 80, True) for user, request in enumerate(REQUESTS)]
    restored = pointer().restored(truth, rng=np.random.default_rng(0))
    off = restored - pointer().item_vectors()[[example.target for example in truth]]
    assert np.sqrt((off**2).sum(axis=1).mean()) == pytest.approx(0.1 * spacing, rel=0.05)


def test_only_the_restless_share_moves_with_the_draw() -> None:
    for model in (pointer(miss=1), pointer(restless=0.3)):
        assert np.array_equal(model.redrawn(0).generate(REQUESTS), model.generate(REQUESTS))
    assert np.array_equal(pointer(miss=1).redrawn(3).generate(REQUESTS), pointer(miss=1).generate(REQUESTS))
    moved = pointer(restless=0.3).redrawn(3).generate(REQUESTS) != pointer().generate(REQUESTS)
    assert 0.2 < moved.any(axis=1).mean() < 0.4


def test_the_list_is_what_lies_around_the_point() -> None:
    model = pointer(miss=0.5)
    for slate, far in zip(
        model.recommend(REQUESTS[:5], 4), distances(model.generate(REQUESTS[:5])), strict=True
    ):
        far[list(slate.request.history.items)] = np.inf
        assert [entry.item for entry in slate.entries] == np.argsort(far)[:4].tolist()
