"""People's rows: who likes what, how often it counts, and the same from a log as from histories."""

import numpy as np
import pytest
from recaudit.models.data import Catalog, History, InteractionLog
from recaudit.models.diffusion._people import alike, of_histories, of_log

CATALOG = Catalog(ids=tuple("abcde"), titles=tuple("ABCDE"), years=np.zeros(5, dtype=int), genres=((),) * 5)


def log(*, liked: list[bool] | None) -> InteractionLog:
    return InteractionLog.build(
        name="x",
        catalog=CATALOG,
        user_ids=("u", "v", "w"),
        user=[0, 0, 0, 1, 2, 2],
        item=[3, 1, 3, 4, 0, 2],
        liked=liked,
    )


def place(place: np.ndarray, count: np.ndarray) -> np.ndarray:
    return (place + 1) / count


def test_likes_alone_count_and_repeats_count_once() -> None:
    people, owners = of_log(log(liked=[True, True, True, False, True, True]), np.arange(3), place)
    assert owners.tolist() == [0, 2]
    assert people.dense().tolist() == [[0, 0.5, 0, 1, 0], [0.5, 0, 1, 0, 0]]


def test_without_likes_every_item_met_counts() -> None:
    people, owners = of_log(log(liked=None), np.array([1, 2]), alike)
    assert owners.tolist() == [1, 2] and people.dense().tolist() == [[0, 0, 0, 0, 1], [1, 0, 1, 0, 0]]


def test_histories_give_the_rows_of_the_log() -> None:
    data = log(liked=[True, False, True, False, True, True])
    people, owners = of_log(data, np.arange(3), place)
    same = of_histories([data.history(int(user)) for user in owners], 5, place)
    assert people.dense().tolist() == same.dense().tolist()
    nobody = of_histories([History(0, (), ()), History(1, (4,), (False,)), History(2, (4,))], 5, alike)
    assert nobody.dense().tolist() == [[0] * 5, [0] * 5, [0, 0, 0, 0, 1]]
    assert len(of_histories([], 5, alike)) == 0


def test_picking_people_keeps_their_rows() -> None:
    people, _ = of_log(log(liked=None), np.arange(3), place)
    picked = people.picked(np.array([2, 0, 2]))
    assert picked.dense().tolist() == people.dense()[[2, 0, 2]].tolist()
    assert picked.owner.tolist() == [0, 0, 1, 1, 2, 2]
    assert picked.counts.tolist() == [2, 2, 2]


@pytest.mark.parametrize("seed", range(5))
def test_the_last_time_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    items = tuple(rng.integers(0, 5, 12).tolist())
    row = of_histories([History(0, items)], 5, place).dense()[0].tolist()
    last = sorted(set(items), key=lambda item: max(i for i, own in enumerate(items) if own == item))
    expected = [0.0] * 5
    for rank, item in enumerate(last):
        expected[item] = (rank + 1) / len(last)
    assert row == pytest.approx(expected)
