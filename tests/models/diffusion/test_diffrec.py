"""DiffRec and T-DiffRec: what they learn, that the quick way of asking is exact, and what they keep."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from recaudit.models.base import ModelError, Recommender, Request
from recaudit.models.baselines import Popularity
from recaudit.models.capabilities import Denoises, capabilities
from recaudit.models.data import History, InteractionLog
from recaudit.models.datasets import diffrec as published
from recaudit.models.datasets.world import WorldSettings, build_world, load
from recaudit.models.diffusion._denoiser import restored
from recaudit.models.diffusion._gaussian import reverse
from recaudit.models.diffusion.diffrec import PRESETS, Diffrec, DiffrecConfig
from recaudit.models.diffusion.tdiffrec import Tdiffrec, TdiffrecConfig
from recaudit.models.trainers.plain import fit

REAL = os.environ.get("RECAUDIT_DATA")
SMALL = DiffrecConfig(hidden=(64, 32), epochs=60, batch_size=64)


@pytest.fixture(scope="module")
def world() -> InteractionLog:
    return build_world(
        WorldSettings(users=900, items=120, per_user=24, popularity_bias=0.3),
        name="small",
        rng=np.random.default_rng(0),
    )


def trained(model: Diffrec | Tdiffrec, log: InteractionLog, users: object, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    model.prepare(log, np.array([], dtype=np.int64), rng)
    fit(model.task(log, np.asarray(users), rng), rng)


@pytest.fixture(scope="module")
def diffrec(world: InteractionLog) -> Diffrec:
    model = Diffrec(world.catalog, SMALL)
    trained(model, world, range(600))
    return model


def held_out(log: InteractionLog, users: range) -> list[tuple[Request, set[int]]]:
    """The first 16 of 24 interactions as history, later likes as what is to be found."""
    cases = []
    for user in users:
        rows = log.rows(user)
        early = slice(rows.start, rows.start + 16)
        late = log.item[early.stop : rows.stop][log.liked[early.stop : rows.stop]]
        history = History(user, tuple(log.item[early].tolist()), tuple(log.liked[early].tolist()))
        if len(late):
            cases.append((Request(history=history), set(late.tolist())))
    return cases


def recall(model: Recommender, cases: list[tuple[Request, set[int]]], k: int = 10) -> float:
    slates = model.recommend([request for request, _ in cases], k)
    return float(
        np.mean(
            [
                len({entry.item for entry in slate.entries} & truth) / len(truth)
                for slate, (_, truth) in zip(slates, cases, strict=True)
            ]
        )
    )


def test_finds_what_people_go_on_to_like(diffrec: Diffrec, world: InteractionLog) -> None:
    cases = held_out(world, range(600, 900))
    shuffled = [
        (replace(request, history=replace(cases[place - 7][0].history, user=request.history.user)), truth)
        for place, (request, truth) in enumerate(cases)
    ]
    own, others, random = recall(diffrec, cases), recall(diffrec, shuffled), 10 / (120 - 16)
    assert own > 1.25 * others
    assert own > 2 * random


def test_the_projected_recursion_is_the_plain_one(diffrec: Diffrec, world: InteractionLog) -> None:
    requests = [request for request, _ in held_out(world, range(600, 700))]
    people = diffrec._read([request.history for request in requests])
    network = diffrec._trained().double()
    try:
        with torch.no_grad():
            plain = reverse(people.dense().double(), lambda x, t: restored(network, x, t), diffrec.plan)
            diffrec._projected = None
            quick = diffrec.scores(requests)
        torch.testing.assert_close(quick, plain, rtol=1e-9, atol=1e-9)
    finally:
        network.float()
        diffrec._projected = None
    with torch.no_grad():
        single = diffrec.scores(requests)
    torch.testing.assert_close(single, plain.float(), rtol=1e-4, atol=1e-5)
    assert (single.topk(20).indices == plain.topk(20).indices).float().mean() > 0.999


def test_noise_that_is_asked_for_is_put_on_and_taken_off(world: InteractionLog) -> None:
    model = Diffrec(world.catalog, replace(SMALL, epochs=2, sampling_steps=40, noise_max=0.1))
    trained(model, world, range(200))
    requests = [request for request, _ in held_out(world, range(600, 620))]
    together, alone = model.scores(requests), model.scores(requests[3:4])
    torch.testing.assert_close(together[3], alone[0], rtol=1e-3, atol=1e-4)
    quiet = Diffrec(world.catalog, replace(model.config, sampling_steps=0))
    quiet._network = model._network
    assert not torch.allclose(quiet.scores(requests), together, atol=1e-4)


def test_the_noise_can_be_told_instead_of_the_row(world: InteractionLog) -> None:
    """eps-prediction, under noise that is large enough to be told from a row of likes."""
    noise = {"noise_scale": 1.0, "noise_min": 0.05, "noise_max": 0.6, "steps": 10, "dropout": 0.0}
    model = Diffrec(world.catalog, replace(SMALL, **noise, predicts="noise", epochs=150))
    trained(model, world, range(600))
    cases = held_out(world, range(600, 900))
    strangers = [
        (replace(request, history=replace(cases[place - 7][0].history, user=request.history.user)), truth)
        for place, (request, truth) in enumerate(cases)
    ]
    assert recall(model, cases) > 1.1 * recall(model, strangers)
    errors = model.denoising_errors(
        [world.history(user) for user in range(600, 700)], (0, 9), rng=np.random.default_rng(0)
    ).mean(axis=0)
    assert errors[0] < errors[1]


def test_lists_hold_new_items_and_stated_candidates_alone(diffrec: Diffrec, world: InteractionLog) -> None:
    requests = [request for request, _ in held_out(world, range(600, 610))]
    for slate in diffrec.recommend(requests, 200):
        items = [entry.item for entry in slate.entries]
        assert set(items) == set(range(120)) - set(slate.request.history.items)
        scores = np.array([entry.score for entry in slate.entries])
        assert (np.diff(scores) <= 0).all()
    known = replace(requests[0], candidates=requests[0].history.items[:3])
    assert {entry.item for entry in diffrec.recommend([known], 9)[0].entries} == set(known.candidates)


def test_restores_the_people_it_was_trained_on_too_long_better(world: InteractionLog) -> None:
    model = Diffrec(world.catalog, replace(SMALL, epochs=300))
    trained(model, world, range(60))
    assert isinstance(model, Denoises) and {"denoises", "retrieves", "scores"} <= capabilities(model)
    sides = [[world.history(user) for user in users] for users in (range(60), range(600, 660))]
    known, strange = (
        model.denoising_errors(side, (0, 20, 39), rng=np.random.default_rng(1)) for side in sides
    )
    assert known.shape == (60, 3) and known.mean() < 0.7 * strange.mean()
    again = model.denoising_errors(sides[0][5:6], (0, 20, 39), rng=np.random.default_rng(1))
    np.testing.assert_allclose(again[0], known[5], rtol=1e-4)
    nobody = [History(0, (3,), (False,))]
    assert np.isnan(model.denoising_errors(nobody, (0,), rng=np.random.default_rng(1))).all()


def test_what_is_saved_is_what_is_loaded(diffrec: Diffrec, world: InteractionLog, tmp_path: Path) -> None:
    diffrec.save(tmp_path)
    loaded = Diffrec(world.catalog, SMALL)
    loaded.load(tmp_path, world)
    requests = [request for request, _ in held_out(world, range(600, 620))]
    assert loaded.recommend(requests, 10) == diffrec.recommend(requests, 10)
    with pytest.raises(ModelError, match="not trained yet"):
        diffrec.twin().recommend(requests, 10)


def test_the_same_seed_trains_the_same_model(world: InteractionLog) -> None:
    models = [Diffrec(world.catalog, replace(SMALL, epochs=3)) for _ in range(3)]
    for model, seed in zip(models, (0, 0, 1), strict=True):
        trained(model, world, range(200), seed)
    requests = [request for request, _ in held_out(world, range(600, 620))]
    first, again, other = (model.scores(requests) for model in models)
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_equal_weights_in_time_are_diffrec(world: InteractionLog) -> None:
    settings = {"hidden": (32,), "epochs": 3, "batch_size": 64}
    plain = Diffrec(world.catalog, DiffrecConfig(**settings))
    equal = Tdiffrec(world.catalog, TdiffrecConfig(**settings, w_min=1.0, w_max=1.0))
    rising = Tdiffrec(world.catalog, TdiffrecConfig(**settings, w_min=0.1))
    requests = [request for request, _ in held_out(world, range(600, 620))]
    for model in (plain, equal, rising):
        trained(model, world, range(200))
    assert torch.equal(plain.scores(requests), equal.scores(requests))
    assert not torch.allclose(plain.scores(requests), rising.scores(requests))


def drifting(rng: np.random.Generator) -> InteractionLog:
    """People who leave one genre for another: eight likes in the first, then eleven in the second."""
    users, items = [], []
    for user in range(700):
        old, new = rng.permutation(8)[:2]
        drawn = [rng.choice(15, 8, replace=False) + 15 * old, rng.choice(15, 11, replace=False) + 15 * new]
        users += [user] * 19
        items += np.concatenate(drawn).tolist()
    base = load("world-tiny", options={"items": "120"}, rng=rng)
    return InteractionLog.build(
        name="drift",
        catalog=base.catalog,
        user_ids=tuple(map(str, range(700))),
        user=users,
        item=items,
    )


def test_drifting_tastes_are_followed_by_weights_in_time() -> None:
    """T-DiffRec beats DiffRec by 10 % recall where people's taste moves on."""
    log = drifting(np.random.default_rng(3))
    cases = []
    for user in range(500, 700):
        items = log.history(user).items
        cases.append((Request(history=History(user, items[:12])), set(items[12:])))
    settings = {"hidden": (64, 32), "epochs": 60, "batch_size": 64}
    plain = Diffrec(log.catalog, DiffrecConfig(**settings))
    timed = Tdiffrec(log.catalog, TdiffrecConfig(**settings, w_min=0.1))
    for model in (plain, timed):
        trained(model, log, range(500))
    assert recall(timed, cases) >= 1.1 * recall(plain, cases)


@pytest.mark.skipif(not REAL, reason="RECAUDIT_DATA names no folder with the real data")
def test_beats_popularity_on_part_of_the_published_split() -> None:
    """1,500 people of MovieLens 1M; strangers' histories fall below popularity."""
    if published.locate("diffrec-ml-1m") is None:
        pytest.skip("RECAUDIT_DATA holds no diffrec/ml-1m_clean")
    whole, split = published.load("diffrec-ml-1m"), published.published_split("diffrec-ml-1m")
    log, known = whole.take(split.train), whole.take(np.sort(np.concatenate(split[:2])))
    later = whole.take(split.test)
    model = Diffrec(log.catalog, DiffrecConfig(epochs=24))
    trained(model, log, range(1500))
    popular = Popularity.fitted(log, range(1500))
    cases = [
        (Request(history=log.history(user)), known.history(user).items, set(later.history(user).items))
        for user in range(1500)
    ]

    def found(scores: list[np.ndarray]) -> float:
        """Mean Recall@20 of what is new to training and validation."""
        shares = []
        for own, (_, seen, truth) in zip(scores, cases, strict=True):
            ranked = own.copy()
            ranked[list(seen)] = -np.inf
            shares.append(len(set(np.argsort(-ranked)[:20].tolist()) & truth) / len(truth))
        return float(np.mean(shares))

    requests = [request for request, _, _ in cases]
    strangers = [*requests[7:], *requests[:7]]
    own, floor = found(model.score(requests)), found(popular.score(requests))
    assert own > 1.3 * floor and found(model.score(strangers)) < floor


def test_impossible_settings_are_refused(world: InteractionLog) -> None:
    nobody = np.array([], dtype=np.int64)
    for model, words in (
        (Diffrec(world.catalog, replace(SMALL, sampling_steps=41)), "sampling_steps must lie between 0"),
        (Diffrec(world.catalog, replace(SMALL, steps=0)), "at least 1 step"),
        (Diffrec(world.catalog, replace(SMALL, hidden=(), epochs=0)), "got none; epochs and batch_size"),
        (Diffrec(world.catalog, replace(SMALL, dropout=1.0)), "dropout must lie between 0 and 1"),
        (Tdiffrec(world.catalog, TdiffrecConfig(w_min=0.0)), "must be above 0"),
    ):
        with pytest.raises(ModelError, match=words):
            model.prepare(world, nobody, np.random.default_rng(0))
    model = Diffrec(world.catalog, SMALL)
    disliked = replace(world, liked=np.zeros(len(world), dtype=bool))
    with pytest.raises(ModelError, match="no user to train on likes anything"):
        model.task(disliked, np.arange(5), np.random.default_rng(0))


def test_presets_name_settings_that_exist(world: InteractionLog) -> None:
    for preset in PRESETS.values():
        assert len(Diffrec(world.catalog, replace(DiffrecConfig(), **preset)).plan) in (5, 40)
