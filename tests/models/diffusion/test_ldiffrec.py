"""L-DiffRec: codes of rows by cluster, what it learns, what it keeps, and what it refuses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from recaudit.models.base import ModelError, Request
from recaudit.models.capabilities import Denoises
from recaudit.models.data import History, InteractionLog
from recaudit.models.datasets.world import WorldSettings, build_world
from recaudit.models.diffusion._latent import autoencoder, cluster_items, co_liked_vectors, packed
from recaudit.models.diffusion.diffrec import Diffrec, DiffrecConfig
from recaudit.models.diffusion.ldiffrec import PRESETS, Ldiffrec, LdiffrecConfig
from recaudit.models.trainers.plain import fit

SMALL = LdiffrecConfig(
    hidden=(32,), latent=32, dropout=0.1, epochs=80, batch_size=64, kl=0.05, diffusion_steps=100
)


@pytest.fixture(scope="module")
def world() -> InteractionLog:
    return build_world(
        WorldSettings(users=900, items=120, per_user=24, popularity_bias=0.3),
        name="small",
        rng=np.random.default_rng(0),
    )


def trained(world: InteractionLog, config: LdiffrecConfig, users: range) -> Ldiffrec:
    model, rng = Ldiffrec(world.catalog, config), np.random.default_rng(0)
    model.prepare(world, np.arange(600, 700), rng)
    fit(model.task(world, np.array(users), rng), rng)
    return model


@pytest.fixture(scope="module")
def ldiffrec(world: InteractionLog) -> Ldiffrec:
    return trained(world, SMALL, range(600))


def requests_of(log: InteractionLog, users: range) -> tuple[list[Request], list[set[int]]]:
    requests, later = [], []
    for user in users:
        rows = log.rows(user)
        early, late = slice(rows.start, rows.start + 16), slice(rows.start + 16, rows.stop)
        history = History(user, tuple(log.item[early].tolist()), tuple(log.liked[early].tolist()))
        requests.append(Request(history=history))
        later.append(set(log.item[late][log.liked[late]].tolist()))
    return requests, later


def recall(model: Ldiffrec, requests: list[Request], later: list[set[int]]) -> float:
    slates = model.recommend(requests, 10)
    return float(
        np.mean(
            [
                len({entry.item for entry in slate.entries} & truth) / len(truth)
                for slate, truth in zip(slates, later, strict=True)
                if truth
            ]
        )
    )


def test_clusters_follow_the_vectors_given() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 60)
    vectors = 9 * np.eye(3)[truth] + rng.normal(0, 0.3, (60, 3))
    found = cluster_items(vectors, 3, rng=rng)
    for cluster in range(3):
        assert len(np.unique(found[truth == cluster])) == 1
    with pytest.raises(ModelError, match="cannot be put into 3 clusters"):
        cluster_items(np.ones((60, 2)), 3, rng=rng)


def test_items_liked_together_lie_together() -> None:
    rows = np.zeros((40, 6))
    rows[:20, :3], rows[20:, 3:] = 1, 1
    found = cluster_items(
        co_liked_vectors(rows, 2, rng=np.random.default_rng(0)), 2, rng=np.random.default_rng(0)
    )
    assert len(set(found[:3])) == len(set(found[3:])) == 1 and found[0] != found[3]


def test_each_cluster_is_packed_by_its_own_encoder() -> None:
    torch.manual_seed(0)
    cluster = np.array([1, 0, 1, 1, 0, 1])
    network = autoencoder(cluster, 6, 0.0).eval()
    order = torch.from_numpy(np.argsort(cluster, kind="stable"))
    rows = torch.rand(4, 6)
    mean, log_variance = packed(network, rows, order)
    parts = [torch.tanh(layer(rows[:, cluster == own])) for own, layer in enumerate(network["into"])]
    assert [layer.out_features for layer in network["into"]] == [4, 8]
    torch.testing.assert_close(mean, torch.cat([parts[0][:, :2], parts[1][:, :4]], dim=1))
    torch.testing.assert_close(log_variance, torch.cat([parts[0][:, 2:], parts[1][:, 4:]], dim=1))


def test_finds_what_people_go_on_to_like(ldiffrec: Ldiffrec, world: InteractionLog) -> None:
    requests, later = requests_of(world, range(700, 900))
    strangers = [
        replace(request, history=replace(requests[place - 7].history, user=request.history.user))
        for place, request in enumerate(requests)
    ]
    own, others = recall(ldiffrec, requests, later), recall(ldiffrec, strangers, later)
    assert own > 1.2 * others and own > 2 * 10 / (120 - 16)


def test_members_are_restored_better_after_too_long_a_training(world: InteractionLog) -> None:
    model = trained(world, replace(SMALL, epochs=400), range(60))
    assert isinstance(model, Denoises)
    known, strange = (
        model.denoising_errors([world.history(user) for user in users], (0, 39), rng=np.random.default_rng(1))
        for users in (range(60), range(700, 760))
    )
    assert known.shape == (60, 2) and known.mean() < strange.mean() - 0.2


def test_its_size_grows_slower_with_the_catalogue_than_diffrecs() -> None:
    def size(module: torch.nn.Module) -> int:
        return sum(parameter.numel() for parameter in module.parameters())

    catalog = build_world(
        WorldSettings(users=3, items=4000, per_user=2), name="wide", rng=np.random.default_rng(0)
    ).catalog
    packed_one = Ldiffrec(catalog, LdiffrecConfig())
    packed_one._cluster = np.arange(4000) % 2
    assert size(packed_one.fresh()) < 0.6 * size(Diffrec(catalog, DiffrecConfig()).fresh())


def test_what_is_saved_is_what_is_loaded(ldiffrec: Ldiffrec, world: InteractionLog, tmp_path: Path) -> None:
    ldiffrec.save(tmp_path)
    loaded = Ldiffrec(world.catalog, SMALL)
    loaded.load(tmp_path, world)
    requests, _ = requests_of(world, range(700, 720))
    assert loaded.recommend(requests, 10) == ldiffrec.recommend(requests, 10)
    assert loaded.describe() == ldiffrec.describe()
    assert sum(ldiffrec.describe()["settings"]["cluster_sizes"]) == 120
    (tmp_path / "untrained").mkdir()
    ldiffrec.twin().save(tmp_path / "untrained")
    fresh = Ldiffrec(world.catalog, SMALL)
    fresh.load(tmp_path / "untrained", world)
    with pytest.raises(ModelError, match="not trained yet"):
        fresh.recommend(requests, 10)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (np.zeros((3, 2)), r"has shape \(3, 2\); it needs one row of finite numbers for each of the 120"),
        (np.full((120, 2), np.nan), "finite numbers"),
        (None, "cannot be read as a .npy file"),
    ],
)
def test_unfit_vectors_are_refused(
    world: InteractionLog, tmp_path: Path, content: np.ndarray | None, words: str
) -> None:
    path = tmp_path / "vectors.npy"
    if content is not None:
        np.save(path, content)
    model = Ldiffrec(world.catalog, replace(SMALL, item_vectors=str(path)))
    with pytest.raises(ModelError, match=words):
        model.prepare(world, np.arange(10), np.random.default_rng(0))


def test_noise_is_not_what_it_predicts(world: InteractionLog) -> None:
    model = Ldiffrec(world.catalog, replace(SMALL, predicts="noise"))
    with pytest.raises(ModelError, match="predicts x0 alone"):
        model.prepare(world, np.arange(600, 700), np.random.default_rng(0))


def test_presets_name_settings_that_exist() -> None:
    for preset in PRESETS.values():
        assert replace(LdiffrecConfig(), **preset).steps in (40, 100)
