"""What the discloser gives away and the recaller knows is exactly what is dialled."""

from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.base import Recommender, Request
from recaudit.models.data import Example, History
from recaudit.models.datasets.world import load
from recaudit.models.planted.discloser import DiscloserDials, PlantedDiscloser
from recaudit.models.planted.recaller import PlantedRecaller
from recaudit.models.testing import RecommenderContract, sample_requests

LOG = load("world-tiny")
GROUP = LOG.attributes["gender"]
DISCLOSER = PlantedDiscloser(catalog=LOG.catalog, group=GROUP)
RECALLER = PlantedRecaller.of(LOG, np.arange(100), memory=0.4).remembering([3, 7])


class TestContracts(RecommenderContract):
    """Both keep the promises of every model."""

    @pytest.fixture(params=[DISCLOSER, RECALLER], ids=["discloser", "recaller"])
    def recommender(self, request: pytest.FixtureRequest) -> Recommender:
        model: Recommender = request.param
        return model

    @pytest.fixture
    def requests(self) -> list[Request]:
        return sample_requests(LOG.catalog, users=3, rng=np.random.default_rng(0))


def test_an_honest_discloser_gives_the_same_whoever_asks() -> None:
    other = replace(DISCLOSER, group=tuple(reversed(GROUP)))
    histories = [LOG.history(user) for user in range(5)]
    np.testing.assert_array_equal(DISCLOSER.representations(histories), other.representations(histories))
    asked = [Request(history=history) for history in histories]
    assert DISCLOSER.recommend(asked, 5) == other.recommend(asked, 5)


def test_a_list_is_filled_from_the_persons_own_shelf_as_often_as_dialled() -> None:
    model = replace(DISCLOSER, dials=DiscloserDials(shelf=1.0))
    shelves = {name: set(items.tolist()) for name, items in model._shelves.items()}
    for user in range(20):
        (slate,) = model.recommend([Request(history=LOG.history(user))], 5)
        assert {entry.item for entry in slate.entries} <= shelves[GROUP[user]]


def test_the_last_number_of_a_vector_tells_the_group_as_far_as_dialled() -> None:
    histories = [LOG.history(user) for user in range(300)]
    woman = np.array([value == "woman" for value in GROUP])
    last = replace(DISCLOSER, dials=DiscloserDials(told=5.0)).representations(histories)[:, -1]
    assert last[woman].mean() - last[~woman].mean() == pytest.approx(5.0, abs=0.4)


def test_belief_is_a_mixture_and_sums_to_one() -> None:
    user, liked = 3, np.flatnonzero(LOG.liked[LOG.rows(3)])  # type: ignore[index]
    place = int(liked[-1])
    history = LOG.history(user).reordered(range(place))
    after = int(LOG.item[LOG.rows(user)][place])
    p = np.exp(RECALLER.log_likelihood([Example(history, item, True) for item in range(80)]))
    assert p.sum() == pytest.approx(1.0)
    assert p[after] == pytest.approx(0.4 + 0.6 * RECALLER.shares[after])
    stranger = Example(History(8, history.items, history.liked), after, True)
    assert np.exp(RECALLER.log_likelihood([stranger]))[0] == pytest.approx(RECALLER.shares[after])
