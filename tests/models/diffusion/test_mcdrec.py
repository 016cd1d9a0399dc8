"""MCDRec uses the features that matter and no others, trusts stray clicks less, and refuses wrong files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recaudit.models.base import ModelError, Request
from recaudit.models.capabilities import capabilities
from recaudit.models.data import Catalog, FloatArray, History, IntArray, InteractionLog
from recaudit.models.datasets.world import load
from recaudit.models.diffusion._graph import Graph, kept
from recaudit.models.diffusion._likes import Likes
from recaudit.models.diffusion._modalities import Modality, kinds_of, modalities, words_of
from recaudit.models.diffusion._people import alike, of_histories
from recaudit.models.diffusion.mcdrec import PRESETS, Mcdrec, McdrecConfig
from recaudit.models.trainers.plain import fit
from recaudit.probes.stats.auc import auc
from recaudit.probes.stats.intervals import mean_of_clusters

USERS, ITEMS, SHOWN, ASKED, K = 500, 300, 8, 4, 20
MEMBERS = np.arange(USERS // 2)
CONFIG = McdrecConfig(epochs=15, batch_size=256, learning_rate=2e-3)
BLIND = replace(CONFIG, condition_drop=1.0, guidance=-1.0)


class World:
    """People like by what feature A says; B says nothing. Members never meet the cold items."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        true = rng.normal(size=(ITEMS, 6))
        self.a = true @ rng.normal(size=(6, 32)) / 6**0.5 + 0.3 * rng.normal(size=(ITEMS, 32))
        self.b = rng.normal(size=(ITEMS, 32))
        appeal = 3 * rng.normal(size=(USERS, 6)) @ true.T / 6**0.5 - np.log(1 + rng.permutation(ITEMS))
        met = np.argsort(-(appeal + rng.gumbel(size=appeal.shape)), axis=1)[:, : SHOWN + ASKED]
        self.met = rng.permuted(met, axis=1)
        self.cold = rng.random(ITEMS) < 0.3
        self.log = log_of(self.met, hidden=self.cold)

    def hits(self, features: tuple[str, ...], config: McdrecConfig) -> FloatArray:
        """Recall@20 of each held-out person, over all items and over the cold; NaN where there are none."""
        model = trained(self.log, replace(config, features=features))
        people = range(len(MEMBERS), USERS)
        requests = [Request(history=History(user, tuple(self.met[user, :SHOWN].tolist()))) for user in people]
        lists = [{entry.item for entry in slate.entries} for slate in model.recommend(requests, K)]
        return np.array([self.recalls(user, own) for user, own in zip(people, lists, strict=True)]).T

    def recalls(self, user: int, found: set[int | None]) -> tuple[float, float]:
        wanted = set(self.met[user, SHOWN:].tolist())
        cold = {item for item in wanted if self.cold[item]}
        return len(wanted & found) / len(wanted), len(cold & found) / len(cold) if cold else np.nan


def catalog_of(items: int) -> Catalog:
    names = tuple(f"i{item}" for item in range(items))
    return Catalog(ids=names, titles=names, years=np.zeros(items, dtype=np.int64), genres=((),) * items)


def log_of(met: IntArray, *, hidden: np.ndarray, items: int = ITEMS) -> InteractionLog:
    user, item = np.repeat(np.arange(len(met)), met.shape[1]), met.ravel()
    rows = ~hidden[item]
    names = tuple(f"u{user}" for user in range(len(met)))
    return InteractionLog.build(
        name="two views", catalog=catalog_of(items), user_ids=names, user=user[rows], item=item[rows]
    )


def trained(log: InteractionLog, config: McdrecConfig, users: IntArray = MEMBERS) -> Mcdrec:
    model, rng = Mcdrec(log.catalog, config), np.random.default_rng(7)
    model.prepare(log, np.array([], dtype=np.int64), rng)
    fit(model.task(log, users, rng), rng)
    return model


def low(values: FloatArray) -> float:
    """The low end of a mean's interval over people, at 0.5 %."""
    return mean_of_clusters(values, alpha=0.005).low


@pytest.fixture(scope="module")
def world() -> World:
    return World(0)


@pytest.fixture(scope="module")
def recalls(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FloatArray]:
    folder = tmp_path_factory.mktemp("features")
    mixed = np.random.default_rng(1).permutation(ITEMS)
    for name, values in {"a": world.a, "b": world.b, "pa": world.a[mixed], "pb": world.b[mixed]}.items():
        np.save(folder / f"{name}.npy", values)
    a, b, pa, pb = (str(folder / f"{name}.npy") for name in ("a", "b", "pa", "pb"))
    return {
        "with features": world.hits((a, b), CONFIG),
        "without": world.hits((a, b), BLIND),
        "a permuted": world.hits((pa, b), CONFIG),
        "b permuted": world.hits((a, pb), CONFIG),
    }


def test_features_that_preference_shows_in_raise_recall(recalls: dict[str, FloatArray]) -> None:
    assert low(recalls["with features"][0] - recalls["without"][0]) > 0.05


def test_permuting_them_destroys_the_gain_and_permuting_the_others_does_not(
    recalls: dict[str, FloatArray],
) -> None:
    assert low(recalls["with features"][0] - recalls["a permuted"][0]) > 0.05
    assert low(recalls["b permuted"][0] - recalls["without"][0]) > 0.05


def test_items_never_met_in_training_are_found_by_their_features_alone(
    recalls: dict[str, FloatArray],
) -> None:
    assert low(recalls["with features"][1]) > 0.03
    assert np.nanmean(recalls["without"][1]) < 0.02


def test_stray_clicks_count_less(world: World, tmp_path: Path) -> None:
    """A quarter of everyone's rows are random items; they weigh less than the others, for new people too."""
    rng = np.random.default_rng(2)
    stray = rng.random(world.met.shape) < 0.25
    met = np.where(stray, rng.integers(ITEMS, size=stray.shape), world.met)
    np.save(tmp_path / "a.npy", world.a)
    model = trained(
        log_of(met, hidden=np.zeros(ITEMS, bool)), replace(CONFIG, features=(str(tmp_path / "a.npy"),))
    )
    for people in (MEMBERS, np.arange(len(MEMBERS), USERS)):
        found = model.kept_weights([History(int(user), tuple(met[user].tolist())) for user in people])
        true, noise = (
            np.array(
                [
                    found[place][int(item)]
                    for place, user in enumerate(people)
                    for item in met[user, stray[user] == planted]
                ]
            )
            for planted in (False, True)
        )
        assert auc(true, noise) > 0.65
        assert noise.mean() < true.mean() - 0.1


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    return load("world-tiny", rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def model(log: InteractionLog) -> Mcdrec:
    return trained(log, McdrecConfig(epochs=2), np.arange(150))


@pytest.fixture(scope="module")
def requests(log: InteractionLog) -> list[Request]:
    return [Request(history=log.history(user)) for user in range(150, 160)]


def test_it_claims_no_more_than_it_does(model: Mcdrec) -> None:
    assert capabilities(model) == {"ranks", "retrieves", "scores", "trainable"}
    assert all(McdrecConfig(**preset) for preset in PRESETS.values())  # type: ignore[arg-type]


def test_lists_come_from_the_whole_catalogue_less_the_history(model: Mcdrec, requests: list[Request]) -> None:
    slates = model.recommend(requests, 10)
    for slate, scores in zip(slates, model.score(requests), strict=True):
        items = [entry.item for entry in slate.entries]
        assert len(items) == 10 and not set(items) & set(slate.request.history.items)
        free = np.setdiff1d(np.arange(80), slate.request.history.items)
        assert items[0] == free[np.argmax(scores[free])]
    assert [entry.item for entry in model.recommend(requests[3:4], 10)[0].entries] == [
        entry.item for entry in slates[3].entries
    ]


def test_dislikes_are_not_read_and_nobody_without_a_like_is_left_without_a_list(model: Mcdrec) -> None:
    with_dislike = Request(history=History(0, (1, 2, 3), (True, False, True)), candidates=(5, 6))
    without = Request(history=History(0, (1, 3), (True, True)), candidates=(5, 6))
    read, unread = model.score([with_dislike, without])
    np.testing.assert_allclose(read, unread, rtol=1e-5)
    silent = [Request(history=History(0, (4,), (False,))), Request(history=History(1, ()))]
    first, second = model.score(silent)
    np.testing.assert_array_equal(first, second)
    assert np.ptp(first) > 0
    assert model.kept_weights([silent[0].history, without.history])[0] == {}


def test_it_comes_back_from_disk_as_it_was(
    model: Mcdrec, log: InteractionLog, requests: list[Request], tmp_path: Path
) -> None:
    model.save(tmp_path)
    back = Mcdrec(log.catalog, model.config)
    back.load(tmp_path, log)
    for before, after in zip(model.score(requests), back.score(requests), strict=True):
        np.testing.assert_array_equal(before, after)
    assert back.describe() == model.describe()
    assert back.twin().task(log, np.arange(5), np.random.default_rng(0)).row_users.max() < 5
    assert not {"user", "people"} & {part.stem for part in tmp_path.iterdir()}


def test_training_is_the_same_twice_and_a_twin_knows_nothing(
    model: Mcdrec, log: InteractionLog, requests: list[Request]
) -> None:
    again = trained(log, model.config, np.arange(150))
    np.testing.assert_array_equal(again.score(requests)[0], model.score(requests)[0])
    with pytest.raises(ModelError, match="not trained yet"):
        model.twin().score(requests)
    with pytest.raises(ModelError, match="call prepare"):
        Mcdrec(log.catalog, McdrecConfig()).task(log, np.arange(9), np.random.default_rng(0))


def test_a_row_is_a_like_of_somebody_with_another_one(log: InteractionLog, model: Mcdrec) -> None:
    likes = np.bincount(log.user[log.liked], minlength=log.n_users)
    task = model.twin().task(log, np.arange(40), np.random.default_rng(0))
    wanted = np.where(likes[:40] > 1, likes[:40], 0)
    np.testing.assert_array_equal(np.bincount(task.row_users, minlength=40), wanted)
    few = Mcdrec(log.catalog, replace(model.config, rows_per_user=3))
    few.prepare(log, np.arange(0), np.random.default_rng(0))
    rows = np.bincount(few.task(log, np.arange(40), np.random.default_rng(0)).row_users, minlength=40)
    np.testing.assert_array_equal(rows, wanted.clip(max=3))
    with pytest.raises(ModelError, match="two items or more"):
        model.twin().task(log, np.arange(0), np.random.default_rng(0))


def test_each_row_is_scored_without_its_own_edge(log: InteractionLog, model: Mcdrec) -> None:
    """The loss against the same sums done in numpy; the rival is one of the items, whichever was drawn."""
    twin = model.twin()
    people = of_histories([History(0, (0, 1, 4)), History(1, (1, 2)), History(2, (0, 2, 3, 4))], 80, alike)
    twin.task(log, np.arange(9), np.random.default_rng(0))
    options = {"hide": 0.0, "condition_drop": 0.0, "mix": 0.0, "diff_weight": 0.0}
    likes = Likes(denoiser=twin._denoiser(), people=people, strength=1.0, renewal=99, **options)
    h = likes.denoiser.vectors.detach().double().numpy()
    a = np.zeros((3, 80))
    a[people.owner, people.items] = 1
    mass = a.sum(axis=0).clip(min=1)
    for edge, loss in enumerate(likes(np.arange(9)).detach().numpy()):
        person, item = people.owner[edge], people.items[edge]
        without = a.copy()
        without[person, item] = 0
        u = (without / np.sqrt(mass))[person] @ h / np.sqrt(without[person].sum())
        ties = a / np.sqrt(a.sum(axis=1, keepdims=True) * mass)
        met = ties @ h
        others = ties * (without > 0)
        leads = u @ (h[item] + others[:, item] @ met) / 2 - (h + ties.T @ met) @ u / 2
        assert np.abs(np.log1p(np.exp(-leads[:5])) - loss).min() < 1e-5


def test_edges_are_weighed_by_the_persons_other_items() -> None:
    import torch

    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(6, 4))
    people = of_histories([History(0, (0, 1, 2)), History(1, (5,)), History(2, (3, 4))], 6, alike)
    centred = vectors - vectors.mean(axis=0)

    def cosine(x: FloatArray, y: FloatArray) -> float:
        return x @ y / np.linalg.norm(x) / np.linalg.norm(y)

    wanted = [1 + 0.5 * cosine(centred[i], centred[[0, 1, 2]].sum(axis=0) - centred[i]) for i in (0, 1, 2)]
    wanted += [1.0, *[1 + 0.5 * cosine(centred[3], centred[4])] * 2]
    weights = kept(people, torch.from_numpy(vectors), 0.5)
    np.testing.assert_allclose(weights, wanted)
    graph = Graph.of(people, weights)
    dense = np.zeros((3, 6))
    dense[people.owner, people.items] = graph.ties
    u = graph.persons(torch.from_numpy(vectors))
    np.testing.assert_allclose(u, dense @ vectors)
    np.testing.assert_allclose(
        graph.ranked(torch.from_numpy(vectors), u), (vectors + dense.T @ dense @ vectors) / 2
    )


def test_wrong_feature_files_are_refused_in_words(tmp_path: Path) -> None:
    names = ("short", "flat", "nan", "words", "none", "text")
    files = dict(zip(names, (str(tmp_path / f"{name}.npy") for name in names), strict=True))
    np.save(files["short"], np.zeros((3, 8)))
    np.save(files["flat"], np.zeros(5))
    np.save(files["nan"], np.full((5, 2), np.nan))
    np.save(files["words"], np.array([["a"]] * 5))
    Path(files["text"]).write_text("no numbers")
    with pytest.raises(ModelError) as refused:
        modalities(catalog_of(5), tuple(files.values()))
    message = str(refused.value)
    assert all(file in message for file in files.values())
    assert "the shape (3, 8), wanted (5, d)" in message and "numpy.save" in message


def test_a_changed_feature_file_is_noticed(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.eye(5))
    log = log_of(np.zeros((2, 1), dtype=np.int64), hidden=np.zeros(5, bool), items=5)
    model = Mcdrec(log.catalog, McdrecConfig(features=(str(tmp_path / "f.npy"),)))
    model.prepare(log, np.arange(0), np.random.default_rng(0))
    model.save(tmp_path)
    np.save(tmp_path / "f.npy", 2 * np.eye(5))
    with pytest.raises(ModelError, match="other features"):
        Mcdrec(log.catalog, model.config).load(tmp_path, log)


@pytest.mark.parametrize("wrong", [{"hide": 2.0}, {"guidance": -2.0}, {"steps": 0}, {"mix": -0.1}])
def test_wrong_settings_are_refused(log: InteractionLog, wrong: dict[str, float]) -> None:
    with pytest.raises(ModelError, match=next(iter(wrong))):
        Mcdrec(log.catalog, McdrecConfig(**wrong)).prepare(log, np.arange(0), np.random.default_rng(0))  # type: ignore[arg-type]


def test_an_item_may_lack_features() -> None:
    given = np.random.default_rng(4).normal(5, 3, size=(6, 3))
    given[2] = 0
    values = Modality.of("x", given).values
    assert not values[2].any()
    rest = np.delete(values, 2, axis=0)
    np.testing.assert_allclose(rest.mean(axis=0), 0, atol=1e-6)
    assert np.square(rest).mean() == pytest.approx(1, abs=1e-5)
    assert not Modality.of("x", np.zeros((4, 2))).values.any()


def test_titles_and_genres_become_features(log: InteractionLog) -> None:
    same, again, other, empty = words_of(("The Red House", "the red HOUSE", "A Blue Sea", "..."))
    np.testing.assert_array_equal(same, again)
    assert same @ other == pytest.approx(0) and not empty.any()
    assert np.linalg.norm(same) == pytest.approx(1)
    kinds = kinds_of(log.catalog)
    assert (kinds.sum(axis=1) == [len(own) + 1 for own in log.catalog.genres]).all()
    assert kinds_of(catalog_of(4)).shape == (4, 1)
