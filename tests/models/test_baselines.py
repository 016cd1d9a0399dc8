"""The rules that a report shows beside a model do exactly what they say."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from recaudit.models.base import Recommender, Request
from recaudit.models.baselines import (
    Baseline,
    CountRatio,
    CountRatioItemMean,
    Ease,
    ItemKNN,
    ItemMean,
    ItemTransition,
    Popularity,
)
from recaudit.models.baselines._family import highest
from recaudit.models.capabilities import Scores
from recaudit.models.data import Catalog, History, InteractionLog

ALL = (CountRatio, CountRatioItemMean, Ease, ItemKNN, ItemMean, ItemTransition, Popularity)
ANYONE = History(0, ())


def catalog_of(n: int) -> Catalog:
    names = tuple(f"i{item}" for item in range(n))
    return Catalog(ids=names, titles=names, years=np.zeros(n, dtype=np.int64), genres=((),) * n)


def log_of(rows: list[tuple[int, int, bool]], n_items: int = 4) -> InteractionLog:
    users, items, liked = zip(*rows, strict=True)
    ids = tuple(f"u{user}" for user in range(max(users) + 1))
    return InteractionLog.build(
        name="by hand", catalog=catalog_of(n_items), user_ids=ids, user=users, item=items, liked=liked
    )


# Item 0 is met by three and liked by all, item 1 met by two and liked by none, item 2 met once, 3 never.
LOG = log_of([(0, 0, True), (1, 0, True), (2, 0, True), (0, 1, False), (1, 1, False), (2, 2, True)])
EVERYONE = np.arange(3)


def logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


@pytest.mark.parametrize("rule", ALL)
def test_a_baseline_is_a_recommender_that_scores(rule: type[Baseline]) -> None:
    model = rule.fitted(LOG, EVERYONE)
    assert isinstance(model, Recommender) and isinstance(model, Scores)
    request = Request(history=History(0, (0, 1), (True, False)), candidates=(3, 1, 0))
    (scores,) = model.score([request])
    (slate,) = model.recommend([request], 2)
    assert scores.shape == (3,) and np.isfinite(scores).all()
    assert slate.request is request and len(slate.entries) == 2
    expected = np.array(request.candidates)[np.argsort(-scores, kind="stable")[:2]]
    assert [entry.item for entry in slate.entries] == expected.tolist()
    assert [entry.score for entry in slate.entries] == sorted(scores, reverse=True)[:2]


@pytest.mark.parametrize("rule", ALL)
def test_without_candidates_the_whole_catalogue_is_ranked(rule: type[Baseline]) -> None:
    (slate,) = rule.fitted(LOG, EVERYONE).recommend([Request(history=ANYONE)], 99)
    assert sorted(entry.item for entry in slate.entries if entry.item is not None) == [0, 1, 2, 3]
    assert rule.fitted(LOG, EVERYONE).recommend([], 3) == []


@pytest.mark.parametrize("rule", ALL)
def test_without_candidates_nothing_of_the_history_comes_back(rule: type[Baseline]) -> None:
    model, history = rule.fitted(LOG, EVERYONE), History(0, (2, 0), (True, False))
    (slate,) = model.recommend([Request(history=history)], 99)
    assert {entry.item for entry in slate.entries} == {1, 3}
    (scores,) = model.score([Request(history=history)])
    assert [entry.score for entry in slate.entries] == sorted(scores[[1, 3]], reverse=True)
    (stated,) = model.recommend([Request(history=history, candidates=(0, 3))], 99)
    assert {entry.item for entry in stated.entries} == {0, 3}


@pytest.mark.parametrize("k", [0, 1, 3, 9])
def test_the_highest_come_first_and_ties_keep_their_order(k: int) -> None:
    scores = np.array([1.0, 2.0, 2.0, 0.0, 2.0, 1.0])
    assert highest(scores, k).tolist() == [1, 2, 4, 0, 5, 3][:k]


def test_popularity_counts_interactions_of_the_given_users_alone() -> None:
    assert Popularity.fitted(LOG, EVERYONE).counts.tolist() == [3, 2, 1, 0]
    assert Popularity.fitted(LOG, [2]).counts.tolist() == [1, 0, 1, 0]
    assert Popularity.fitted(LOG, []).counts.tolist() == [0, 0, 0, 0]


def test_count_ratio_is_the_damped_log_odds_of_the_history() -> None:
    model = CountRatio.fitted(LOG, EVERYONE)
    lenient = Request(history=History(0, (0, 1, 2), (True, True, False)), candidates=(3, 0))
    (scores,) = model.score([lenient])
    assert scores == pytest.approx([logit(3 / 5)] * 2)
    assert model.item_scores(ANYONE) == pytest.approx(np.zeros(4))
    assert model.item_scores(History(0, (1, 2))) == pytest.approx(np.zeros(4))


def test_item_mean_is_damped_towards_the_share_of_likes() -> None:
    mean = (4 + 1) / (6 + 2)
    expected = [logit((likes + 5 * mean) / (n + 5)) for likes, n in ((3, 3), (0, 2), (1, 1), (0, 0))]
    assert ItemMean.fitted(LOG, EVERYONE).odds == pytest.approx(expected)
    assert np.isfinite(ItemMean.fitted(LOG, []).odds).all()


def test_the_sum_rule_adds_both_in_nats() -> None:
    history = History(0, (0, 1), (True, True))
    parts = CountRatio.fitted(LOG, EVERYONE), ItemMean.fitted(LOG, EVERYONE)
    total = CountRatioItemMean.fitted(LOG, EVERYONE).item_scores(history)
    assert total == pytest.approx(sum(part.item_scores(history) for part in parts))


@pytest.mark.parametrize("rule", [ItemMean, CountRatioItemMean])
def test_rules_of_likes_refuse_data_without_likes(rule: type[Baseline]) -> None:
    pairs = InteractionLog.build(
        name="pairs", catalog=catalog_of(2), user_ids=("u0",), user=[0, 0], item=[0, 1]
    )
    with pytest.raises(ValueError, match="'pairs' has no likes"):
        rule.fitted(pairs, [0])


def test_baselines_need_numpy_alone() -> None:
    code = (
        "import sys, json, recaudit.models.baselines;"
        "print(json.dumps([m for m in ('torch', 'pandas', 'scipy', 'sklearn') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize(
    ("rule", "published"), [(CountRatio, 0.726), (ItemMean, 0.672), (CountRatioItemMean, 0.763)]
)
def test_on_the_published_movie_split_the_rules_reach_their_figures(
    rule: type[Baseline], published: float
) -> None:
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    folder = Path(os.environ.get("RECAUDIT_DATA", "absent")) / "tallrec" / "baseline" / "movielens"
    if not folder.is_dir():
        pytest.skip("needs the published TALLRec movie split under $RECAUDIT_DATA")
    parts = {}
    for part in ("train", "test"):
        with (folder / f"{part}.csv").open() as lines:
            parts[part] = list(csv.DictReader(lines))
    people = sorted({row["user_id"] for row in parts["train"]})
    rows = [(people.index(r["user_id"]), int(r["movie_id"]), r["rating"] == "1") for r in parts["train"]]
    model = rule.fitted(log_of(rows, n_items=1683), np.arange(len(people)))
    requests = [
        Request(
            history=History(
                0,
                tuple(int(item) for item in json.loads(row["history_movie_id"].replace("'", '"'))),
                tuple(bool(like) for like in json.loads(row["history_rating"])),
            ),
            candidates=(int(row["movie_id"]),),
        )
        for row in parts["test"]
    ]
    truth = [row["rating"] == "1" for row in parts["test"]]
    found = sklearn_metrics.roc_auc_score(truth, np.concatenate(model.score(requests)))
    assert found == pytest.approx(published, abs=0.001)
