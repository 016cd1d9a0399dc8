"""The planted coder writes what means no item, and gives two items one tuple, as often as is dialled."""

import numpy as np
import pytest
from recaudit.models.base import Request
from recaudit.models.capabilities import DecodesSemanticIds
from recaudit.models.datasets.world import load
from recaudit.models.planted.coder import CoderDials, PlantedCoder

LOG = load("world-tiny")
REQUESTS = [Request(history=LOG.history(user, last=8)) for user in range(200)]


def coder(*, stray: float = 0.0, collisions: float = 0.0) -> PlantedCoder:
    return PlantedCoder(catalog=LOG.catalog, dials=CoderDials(stray=stray, collisions=collisions))


def meanings(model: PlantedCoder) -> dict[tuple[int, ...], list[int]]:
    found: dict[tuple[int, ...], list[int]] = {}
    for item, codes in enumerate(model.semantic_ids().tolist()):
        found.setdefault(tuple(codes), []).append(item)
    return found


def test_an_honest_coder_writes_its_own_list() -> None:
    model = coder()
    assert isinstance(model, DecodesSemanticIds)
    codes, sizes = model.semantic_ids(), model.code_sizes()
    assert codes.shape == (len(LOG.catalog), len(sizes)) and (codes >= 0).all() and (codes < sizes).all()
    assert len(meanings(model)) == len(LOG.catalog) <= np.prod(sizes) / 2
    for slate, written in zip(model.recommend(REQUESTS, 5), model.decode_freely(REQUESTS, 5), strict=True):
        assert [tuple(codes[entry.item]) for entry in slate.entries] == written
    assert (model.legal_mass(REQUESTS) == 1).all()


def test_the_list_holds_the_new_items_whose_codes_are_most_like_the_history() -> None:
    codes = coder().semantic_ids().tolist()
    for slate in coder().recommend(REQUESTS[:20], 4):
        own = slate.request.history.items
        alike = {
            item: sum(
                code == other for one in own for code, other in zip(codes[one], codes[item], strict=True)
            )
            for item in range(len(codes))
            if item not in own
        }
        best = sorted(alike, key=lambda item: (-alike[item], item))[:4]
        assert [entry.item for entry in slate.entries] == best
        assert [entry.score for entry in slate.entries] == [alike[item] / len(own) for item in best]


@pytest.mark.parametrize("stray", [0.1, 0.5, 1.0])
def test_as_many_tuples_stray_as_dialled_and_as_much_mass(stray: float) -> None:
    model = coder(stray=stray)
    known, written = meanings(model), model.decode_freely(REQUESTS, 10)
    off = [codes not in known for own in written for codes in own]
    assert np.mean(off) == pytest.approx(stray, abs=0.03) and len(off) == 2000
    assert all(len(set(own)) == len(own) for own in written)
    assert model.legal_mass(REQUESTS).prod(axis=1) == pytest.approx(1 - stray)


@pytest.mark.parametrize("collisions", [0.0, 0.2, 1.0])
def test_as_many_items_share_a_tuple_as_dialled(collisions: float) -> None:
    sizes = [len(items) for items in meanings(coder(collisions=collisions)).values()]
    assert set(sizes) <= {1, 2}
    assert 2 * sizes.count(2) == pytest.approx(collisions * len(LOG.catalog), abs=2)
