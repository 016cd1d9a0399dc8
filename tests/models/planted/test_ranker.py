"""The planted ranker is honest where nothing is dialled, and otherwise as faulty as dialled."""

from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.base import Request
from recaudit.models.capabilities import capabilities
from recaudit.models.data import History
from recaudit.models.datasets import world
from recaudit.models.planted.ranker import PlantedRanker, RankerDials

SETTINGS = world.WorldSettings(users=900, items=400, per_user=30)
LOG = world.build_world(SETTINGS, name="w", rng=np.random.default_rng(0))
HONEST = PlantedRanker(catalog=LOG.catalog, log=LOG, counts=LOG.item_counts)
HEAD = np.isin(np.arange(400), np.argsort(-LOG.item_counts, kind="stable")[:80])
REQUESTS = [
    Request(history=History(user, LOG.history(user).items[:24], LOG.history(user).liked[:24]))
    for user in range(900)
]
WOMAN = np.array([value == "woman" for value in LOG.attributes["gender"]])


def lists(**dials) -> np.ndarray:
    slates = replace(HONEST, dials=RankerDials(**dials)).recommend(REQUESTS, 10)
    return np.array([[entry.item for entry in slate.entries] for slate in slates])


def rise(found: np.ndarray) -> np.ndarray:
    mine = np.array([HEAD[list(request.history.items)].mean() for request in REQUESTS])
    return HEAD[found].mean(axis=1) - mine


def found_share(found: np.ndarray) -> np.ndarray:
    """Of what each user goes on to like, the share in the list; NaN for nothing to find."""
    shares = np.full(len(found), np.nan)
    for user, own in enumerate(found):
        history = LOG.history(user)
        wanted = {item for item, like in zip(history.items[24:], history.liked[24:], strict=True) if like}
        if wanted:
            shares[user] = len(wanted & set(own.tolist())) / len(wanted)
    return shares


def z(values: np.ndarray) -> float:
    return float(np.nanmean(values) / (np.nanstd(values) / np.sqrt((~np.isnan(values)).sum())))


def test_searches_the_catalogue_and_judges_nothing() -> None:
    assert capabilities(HONEST) == {"ranks", "retrieves"}


def test_lists_are_new_to_the_user_and_begin_alike_whatever_their_length() -> None:
    for request, own in zip(REQUESTS[:50], lists()[:50], strict=True):
        assert len(set(own)) == 10 and not set(own) & set(request.history.items)
        (short,) = HONEST.recommend([request], 4)
        assert [entry.item for entry in short.entries] == own[:4].tolist()


def test_keeps_to_stated_candidates_and_stops_where_none_is_left() -> None:
    stated = replace(REQUESTS[0], candidates=tuple(sorted({5, 6, 7} - set(REQUESTS[0].history.items))))
    (slate,) = HONEST.recommend([stated], 10)
    assert {entry.item for entry in slate.entries} == set(stated.candidates)


def test_honest_lists_hold_as_many_popular_items_as_histories() -> None:
    assert abs(z(rise(lists()))) < 3


def test_honest_lists_find_as_much_for_everyone() -> None:
    shares = found_share(lists())
    parts = [shares[WOMAN], shares[~WOMAN]]
    spread = sum(np.nanvar(part) / (~np.isnan(part)).sum() for part in parts) ** 0.5
    assert np.nanmean(shares) > 0.5
    assert abs(np.nanmean(parts[0]) - np.nanmean(parts[1])) < 3 * spread


@pytest.mark.parametrize("dial", [0.25, 0.5])
def test_popularity_fills_its_share_of_places_with_the_most_popular(dial: float) -> None:
    """So many of the places rise to the head that were not of it."""
    lift = rise(lists(popularity=dial)).mean() / rise(lists(popularity=1.0)).mean()
    assert lift == pytest.approx(dial, abs=0.03)


def test_nothing_but_popularity_is_the_chart_less_the_history() -> None:
    chart = np.argsort(-LOG.item_counts, kind="stable")
    for request, own in zip(REQUESTS[:20], lists(popularity=1.0)[:20], strict=True):
        assert own.tolist() == [item for item in chart.tolist() if item not in request.history.items][:10]


def test_blindness_takes_from_its_group_alone() -> None:
    before, after = lists(), lists(group_blindness={("gender", "woman"): 1.0})
    assert (before[~WOMAN] == after[~WOMAN]).all()
    assert np.nanmean(found_share(after)[WOMAN]) < 0.1
    assert HEAD[after[WOMAN]].mean() < 0.25


def test_another_seed_draws_other_lists() -> None:
    (other,) = replace(HONEST, seed=1).recommend(REQUESTS[:1], 10)
    assert [entry.item for entry in other.entries] != lists()[0].tolist()


def test_a_user_without_history_gets_the_chart() -> None:
    (slate,) = HONEST.recommend([Request(history=History(0, ()))], 3)
    assert [entry.item for entry in slate.entries] == np.argsort(-LOG.item_counts, kind="stable")[:3].tolist()
