"""LightLM finds the next item of people it never met, and knows those it was trained on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from recaudit.models.base import ModelError, Request
from recaudit.models.baselines import Popularity
from recaudit.models.capabilities import DecodesSemanticIds, capabilities
from recaudit.models.data import Catalog, Example, History, InteractionLog
from recaudit.models.semid._collaborative_ids import collaborative_ids
from recaudit.models.semid._decoder import Decoder
from recaudit.models.semid._trie import Trie
from recaudit.models.semid.lightlm import PRESETS, Lightlm, LightlmConfig
from recaudit.models.trainers.plain import fit

CLUSTERS, SIZE, USERS, LENGTH = 6, 10, 400, 9
SMALL = LightlmConfig(codes=6, width=32, heads=2, epochs=12, batch_size=32, learning_rate=6e-3)


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    """Everyone keeps to one cluster of items; a few items of each are met more often."""
    rng = np.random.default_rng(0)
    n, chances = CLUSTERS * SIZE, np.linspace(2, 1, SIZE)
    items = np.array(
        [
            user % CLUSTERS * SIZE + rng.choice(SIZE, LENGTH, replace=False, p=chances / chances.sum())
            for user in range(USERS)
        ]
    )
    names = tuple(f"i{item}" for item in range(n))
    return InteractionLog.build(
        name="clusters",
        catalog=Catalog(ids=names, titles=names, years=np.zeros(n, dtype=np.int64), genres=((),) * n),
        user_ids=tuple(map(str, range(USERS))),
        user=np.repeat(np.arange(USERS), LENGTH),
        item=items.ravel(),
    )


def trained(log: InteractionLog, config: LightlmConfig, members: int = 200) -> Lightlm:
    model = Lightlm(log.catalog, config)
    model.prepare(log, np.arange(300, USERS), np.random.default_rng(1))
    fit(model.task(log, np.arange(members), np.random.default_rng(2)), np.random.default_rng(3))
    return model


@pytest.fixture(scope="module")
def model(log: InteractionLog) -> Lightlm:
    return trained(log, SMALL)


def last_items(log: InteractionLog, users: range) -> list[Example]:
    histories = [log.history(user) for user in users]
    return [Example(one.reordered(range(LENGTH - 1)), one.items[-1], True) for one in histories]


def test_people_it_never_met_are_answered_from_their_items(model: Lightlm, log: InteractionLog) -> None:
    examples = last_items(log, range(200, 300))
    requests = [Request(history=example.history) for example in examples]
    found, popular = (
        np.mean(
            [
                example.target in [entry.item for entry in slate.entries]
                for example, slate in zip(examples, one.recommend(requests, 3), strict=True)
            ]
        )
        for one in (model, Popularity.fitted(log, range(200)))
    )
    assert found > 0.7 and found > popular + 0.4


def test_it_can_what_it_says(model: Lightlm) -> None:
    can = {"ranks", "retrieves", "scores", "gives_likelihoods", "decodes_semantic_ids", "trainable"}
    can |= {"exposes_representations"}
    assert capabilities(model) == can and isinstance(model, DecodesSemanticIds)


@pytest.mark.parametrize("how", ["spectral", "graph"])
def test_ids_tell_items_apart_and_items_met_together_begin_alike(how: str, log: InteractionLog) -> None:
    ids = collaborative_ids(log, np.arange(100), how=how, clusters=6, levels=3, rng=np.random.default_rng(4))
    n = len(log.catalog)
    trie = Trie.of(ids.codes, ids.sizes)
    assert trie.items(trie.states(torch.from_numpy(ids.codes)).tolist()) == [(item,) for item in range(n)]
    assert len(np.unique(ids.codes[:, 0])) == CLUSTERS
    pairs = ids.codes[:, None, 0] == ids.codes[:, 0]
    same = np.kron(np.eye(CLUSTERS), np.ones((SIZE, SIZE)))
    assert (pairs == same).mean() > (0.999 if how == "spectral" else 0.9)
    again = collaborative_ids(
        log, np.arange(100), how=how, clusters=6, levels=3, rng=np.random.default_rng(4)
    )
    np.testing.assert_array_equal(ids.codes, again.codes)


@pytest.mark.parametrize("how", ["spectral", "graph"])
def test_items_that_nobody_met_have_ids_too(how: str, log: InteractionLog) -> None:
    for users in (np.arange(3), np.arange(0)):
        ids = collaborative_ids(log, users, how=how, clusters=4, levels=4, rng=np.random.default_rng(5))
        assert len(np.unique(ids.codes, axis=0)) == len(log.catalog)
        assert ids.sizes[:3] == (4, 4, 4) and ids.sizes[3] <= len(log.catalog)


def test_along_the_tree_every_answer_is_an_item_and_freely_not(log: InteractionLog) -> None:
    raw = Lightlm(log.catalog, SMALL)
    raw.prepare(log, np.arange(300, USERS), np.random.default_rng(1))
    raw.task(log, np.arange(200), np.random.default_rng(2))
    requests = [Request(history=log.history(user)) for user in range(10)]
    valid = {tuple(codes) for codes in raw.semantic_ids().tolist()}
    freely = [found in valid for own in raw.decode_freely(requests, 20) for found in own]
    assert 0 < np.mean(freely) < 1
    for slate in raw.recommend(requests, 60):
        items = [entry.item for entry in slate.entries]
        assert set(items) == set(range(60)) - set(slate.request.history.items)


def test_likelihoods_add_up_to_one_over_the_catalogue(model: Lightlm, log: InteractionLog) -> None:
    for user in (0, 250):
        history = log.history(user)
        every = [Example(history, item, True) for item in range(len(log.catalog))]
        assert np.exp(model.log_likelihood(every)).sum() == pytest.approx(1, abs=1e-4)


def test_it_knows_whom_it_was_overfitted_on(log: InteractionLog) -> None:
    config = replace(SMALL, epochs=80, hidden_users=0.1, dropout=0.0)
    model = trained(log, config, members=60)
    known, new = (model.log_likelihood(last_items(log, users)) for users in (range(60), range(200, 260)))
    assert known.mean() > new.mean() + 0.5
    stolen = [
        replace(one, history=replace(one.history, user=user))
        for user, one in zip(range(200, 260), last_items(log, range(60)), strict=True)
    ]
    assert known.mean() > model.log_likelihood(stolen).mean() + 0.1, "the word itself knows"


def test_unknown_people_share_a_word(model: Lightlm, log: InteractionLog) -> None:
    items = log.history(250).items
    unknown, beyond, member = (
        model.score([Request(history=History(user, items))])[0] for user in (250, USERS + 5, 3)
    )
    np.testing.assert_array_equal(unknown, beyond)
    assert np.abs(unknown - member).max() > 1e-3


def test_it_is_a_third_of_a_model_as_wide_and_deep_with_inner_layers_as_a_t5s(
    model: Lightlm, log: InteractionLog
) -> None:
    ours = LightlmConfig()
    shape = replace(ours.shape(), user_tokens=200)
    narrow, wide = (
        sum(part.numel() for part in Decoder.fresh((12, 12, 12), one).network.parameters())
        for one in (shape, replace(shape, inner=2048))
    )
    assert ours.layers == 6 and ours.inner == 16 and narrow < wide / 3


def test_it_comes_back_from_disk(model: Lightlm, log: InteractionLog, tmp_path: Path) -> None:
    model.save(tmp_path)
    other = Lightlm(log.catalog, model.config)
    other.load(tmp_path, log)
    requests = [Request(history=log.history(user)) for user in (0, 7, 250)]
    for one, again in zip(model.score(requests), other.score(requests), strict=True):
        np.testing.assert_array_equal(one, again)


def test_a_twin_shares_the_items_words_and_knows_nobody(model: Lightlm, log: InteractionLog) -> None:
    twin = model.twin()
    np.testing.assert_array_equal(twin.semantic_ids(), model.semantic_ids())
    with pytest.raises(ModelError, match="not trained yet"):
        twin.score([Request(history=log.history(0))])


def test_settings_that_it_has_not_are_refused(log: InteractionLog) -> None:
    for wrong, words in (
        ({"vectors": "text"}, "spectral or graph"),
        ({"levels": 1}, "at least 2"),
    ):
        model = Lightlm(log.catalog, replace(SMALL, **wrong))  # type: ignore[arg-type]
        with pytest.raises(ModelError, match=words):
            model.prepare(log, np.arange(10), np.random.default_rng(0))
    with pytest.raises(ModelError, match="architecture=decoder"):
        trained(log, replace(SMALL, architecture="encoder-decoder"))


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_settings(preset: str) -> None:
    assert LightlmConfig(**PRESETS[preset]) != LightlmConfig()  # type: ignore[arg-type]
