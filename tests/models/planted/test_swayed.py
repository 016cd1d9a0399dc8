"""Planted lists move with what is stated exactly as far as is dialled, and otherwise not at all."""

from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.base import Request
from recaudit.models.capabilities import capabilities
from recaudit.models.datasets.world import load
from recaudit.models.planted.swayed import PlantedLists, SwayedDials

LOG = load("world-tiny")
K = 10
PEOPLE = [Request(history=LOG.history(user, last=5)) for user in range(LOG.n_users)]
WOMAN, MAN = ("gender", "woman"), ("gender", "man")
LEFT, RIGHT = ("handedness", "left-handed"), ("handedness", "right-handed")


def model(**dials) -> PlantedLists:
    return PlantedLists(catalog=LOG.catalog, dials=SwayedDials(**dials), reads={"gender": ("man", "woman")})


def lists(of: PlantedLists, *stated: tuple[str, str]) -> np.ndarray:
    slates = of.recommend([replace(person, attributes=stated) for person in PEOPLE], K)
    return np.array([[entry.item for entry in slate.entries] for slate in slates])


def replaced(one: np.ndarray, other: np.ndarray) -> float:
    """Mean share of places with another item; what stays keeps its place."""
    return float((one != other).mean())


def test_can_be_read_drawn_and_searched() -> None:
    assert capabilities(model()) == {"ranks", "retrieves", "reads_attributes", "draws"}
    assert "reads_attributes" not in capabilities(PlantedLists(catalog=LOG.catalog))


def test_lists_are_new_to_the_person_and_hold_nothing_twice() -> None:
    for own, person in zip(lists(model(noise=0.5), WOMAN), PEOPLE, strict=True):
        assert len(set(own)) == K and not set(own) & set(person.history.items)


def test_an_honest_model_hears_nothing_and_draws_nothing() -> None:
    plain = lists(model())
    for other in (lists(model(), WOMAN), lists(model(), LEFT), lists(model().redrawn(3))):
        assert np.array_equal(plain, other)
    assert replaced(plain, lists(replace(model(), seed=1))) > 0.5


@pytest.mark.parametrize("dial", [0.0, 0.3, 1.0])
def test_a_stated_value_replaces_its_share_and_its_opposite_nothing(dial: float) -> None:
    swayed = model(sway={WOMAN: dial})
    assert replaced(lists(model()), lists(swayed, WOMAN)) == pytest.approx(dial, abs=0.03)
    assert np.array_equal(lists(model()), lists(swayed, MAN))


def test_any_statement_replaces_as_much_as_any_other() -> None:
    touchy = model(insertion=0.2)
    plain = lists(touchy)
    assert np.array_equal(plain, lists(model()))
    for stated in (WOMAN, MAN, LEFT, RIGHT):
        assert replaced(plain, lists(touchy, stated)) == pytest.approx(0.2, abs=0.03)
    kept = 0.8 * 0.8
    for one, other in ((WOMAN, MAN), (LEFT, RIGHT)):
        assert replaced(lists(touchy, one), lists(touchy, other)) == pytest.approx(1 - kept, abs=0.03)


def test_luck_hangs_on_the_draw() -> None:
    noisy = model(noise=0.3)
    assert np.array_equal(lists(noisy), lists(noisy.redrawn(0)))
    assert replaced(lists(model()), lists(noisy.redrawn(2))) == pytest.approx(0.3, abs=0.03)
    assert replaced(lists(noisy), lists(noisy.redrawn(2))) == pytest.approx(1 - 0.7 * 0.7, abs=0.04)


def test_keeps_to_candidates_in_whatever_order_and_stops_where_none_is_left() -> None:
    asked = replace(PEOPLE[0], candidates=tuple(range(20, 32)), attributes=(WOMAN,))
    turned = replace(asked, candidates=asked.candidates[::-1])
    found = model(sway={WOMAN: 0.5}).recommend([asked, turned, replace(asked, candidates=(3, 4))], 10)
    sides = [[entry.item for entry in slate.entries] for slate in found]
    assert sides[0] == sides[1] and set(sides[0]) <= set(asked.candidates)
    assert set(sides[2]) <= {3, 4}
