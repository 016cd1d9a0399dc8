"""DreamRec finds the next item where the last one tells it, steadily, and comes back from disk as it was."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recaudit.models.base import ModelError, Request
from recaudit.models.baselines import Popularity
from recaudit.models.capabilities import capabilities
from recaudit.models.data import Catalog, Example, History, InteractionLog
from recaudit.models.diffusion._sequence import next_items, own_noise, spectral_vectors, window
from recaudit.models.diffusion.diffris import Diffris, DiffrisConfig
from recaudit.models.diffusion.dreamrec import PRESETS, Dreamrec, DreamrecConfig
from recaudit.models.trainers.plain import fit

torch = pytest.importorskip("torch")

CLUSTERS, SIZE, USERS, LENGTH = 12, 4, 500, 9
MODELS = {
    "dreamrec": lambda catalog: Dreamrec(catalog, DreamrecConfig(hidden=128, epochs=10, batch_size=64)),
    "diffris": lambda catalog: Diffris(catalog, DiffrisConfig(hidden=128, epochs=10, batch_size=64)),
}


def cycling(rng: np.random.Generator) -> InteractionLog:
    """Clusters follow one another with probability .8; which item of a cluster comes is chance."""
    items = np.empty((USERS, LENGTH), dtype=np.int64)
    for user in range(USERS):
        cluster, met = int(rng.integers(CLUSTERS)), list[int]()
        while len(met) < LENGTH:
            cluster = (cluster + 1) % CLUSTERS if rng.random() < 0.8 else int(rng.integers(CLUSTERS))
            fresh = [item for item in range(cluster * SIZE, cluster * SIZE + SIZE) if item not in met]
            met += [int(rng.choice(fresh))] if fresh else []
        items[user] = met
    n = CLUSTERS * SIZE
    names = tuple(f"i{item}" for item in range(n))
    catalog = Catalog(ids=names, titles=names, years=np.zeros(n, dtype=np.int64), genres=((),) * n)
    return InteractionLog.build(
        name="cycling",
        catalog=catalog,
        user_ids=tuple(map(str, range(USERS))),
        user=np.repeat(np.arange(USERS), LENGTH),
        item=items.ravel(),
    )


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    return cycling(np.random.default_rng(0))


@pytest.fixture(scope="module", params=MODELS)
def model(log: InteractionLog, request: pytest.FixtureRequest) -> Any:
    made = MODELS[request.param](log.catalog)
    made.prepare(log, np.arange(100), np.random.default_rng(1))
    fit(made.task(log, np.arange(300), np.random.default_rng(2)), np.random.default_rng(3))
    return made


@pytest.fixture(scope="module")
def examples(log: InteractionLog) -> list[Example]:
    """The last items of people whom no model was trained on."""
    histories = [log.history(user) for user in range(300, USERS)]
    return [Example(one.reordered(range(LENGTH - 1)), one.items[-1], True) for one in histories]


@pytest.fixture(scope="module")
def requests(examples: list[Example]) -> list[Request]:
    return [Request(history=example.history) for example in examples]


def items_of(model: Any, requests: list[Request], k: int = 5) -> list[list[int | None]]:
    return [[entry.item for entry in slate.entries] for slate in model.recommend(requests, k)]


def recall(found: list[list[int | None]], examples: list[Example]) -> float:
    return float(np.mean([one.target in items for items, one in zip(found, examples, strict=True)]))


def test_it_finds_the_next_item_by_its_guidance(
    model: Any, log: InteractionLog, requests: list[Request], examples: list[Example]
) -> None:
    found = recall(items_of(model, requests), examples)
    popular = recall(items_of(Popularity.fitted(log, range(300)), requests), examples)
    others = np.random.default_rng(4).permutation(len(requests))
    turned = [
        Request(history=replace(requests[other].history, user=one.history.user))
        for one, other in zip(requests, others, strict=True)
    ]
    assert found > 0.4 and found > popular + 0.2
    assert found > recall(items_of(model, turned), examples) + 0.2


def test_it_can_what_it_says(model: Any) -> None:
    assert capabilities(model) == frozenset(
        ("ranks", "retrieves", "scores", "denoises", "draws", "generates_vectors", "trainable")
    )


def test_company_does_not_matter_and_the_draw_does(model: Any, requests: list[Request]) -> None:
    together = model.generate(requests[:20])
    alone = np.concatenate([model.generate([request]) for request in requests[:20]])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    again, other = model.redrawn(0), model.redrawn(1)
    np.testing.assert_array_equal(again.generate(requests[:20]), together)
    assert np.abs(other.generate(requests[:20]) - together).max() > 0.01
    np.testing.assert_array_equal(model.generate(requests[:20]), together)


def test_two_versions_of_one_history_meet_the_same_noise(model: Any, requests: list[Request]) -> None:
    one = requests[0].history
    nobody, somebody = (Request(history=History(user, ())) for user in (one.user, one.user + 1))
    assert model.generate([nobody]).shape == (1, 64)
    emptied = Request(history=replace(one, liked=(False,) * len(one)))
    np.testing.assert_allclose(model.generate([emptied]), model.generate([nobody]), atol=1e-5)
    assert np.abs(model.generate([nobody]) - model.generate([somebody])).max() > 1e-3


def test_lists_hold_new_items_or_the_candidates(model: Any, requests: list[Request]) -> None:
    (whole,) = items_of(model, requests[:1], k=100)
    assert set(whole) == set(range(CLUSTERS * SIZE)) - set(requests[0].history.items)
    stated = replace(requests[0], candidates=(*requests[0].history.items[:2], 7))
    (slate,) = model.recommend([stated], 5)
    (scores,) = model.score([stated])
    assert [entry.item for entry in slate.entries] == [stated.candidates[i] for i in np.argsort(-scores)]
    expected = model.item_vectors()[list(stated.candidates)] @ model.generate([stated])[0]
    np.testing.assert_allclose(scores, expected, atol=1e-3)


def test_a_perfect_denoiser_makes_the_item_from_pure_noise(
    model: Any, requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    items = torch.from_numpy(model.item_vectors()).float()
    wanted = torch.arange(20)
    monkeypatch.setattr(model, "_estimate", lambda xt, h, t: items[wanted])
    for sampler, visited in (("ddim", 0), ("ddim", 7), ("ancestral", 0)):
        config = replace(model.config, sampler=sampler, visited=visited)
        monkeypatch.setattr(model, "config", config)
        np.testing.assert_allclose(model.generate(requests[:20]), items[wanted], atol=1e-5)


def test_guidance_weight_changes_the_ranking_and_minus_one_forgets_the_history(
    model: Any, requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed = items_of(model, requests)
    monkeypatch.setattr(model, "config", replace(model.config, guidance=0.0))
    assert items_of(model, requests) != pushed
    monkeypatch.setattr(model, "config", replace(model.config, guidance=-1.0))
    turned = Request(history=replace(requests[1].history, user=requests[0].history.user))
    np.testing.assert_allclose(model.generate(requests[:1]), model.generate([turned]), atol=1e-5)


def test_errors_are_of_the_last_five_and_grow_with_the_noise(model: Any, log: InteractionLog) -> None:
    histories = [log.history(user) for user in range(300, USERS)]
    errors = model.denoising_errors(histories, [2, 50, 97], rng=np.random.default_rng(5))
    assert errors.shape == (200, 3) and (np.diff(errors.mean(axis=0)) > 0).all()
    alone = model.denoising_errors(histories[-1:], [2, 50, 97], rng=np.random.default_rng(5))
    np.testing.assert_allclose(alone, errors[-1:], rtol=1e-4)
    assert np.isnan(model.denoising_errors([History(0, ())], [2], rng=np.random.default_rng(5))).all()


def test_errors_against_one_by_one(model: Any, log: InteractionLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "_estimate", lambda xt, h, t: torch.zeros_like(xt))
    histories = [log.history(300), History(301, (4, 5)), History(302, (6, 7, 8), (True, False, True))]
    errors = model.denoising_errors(histories, [0, 99], rng=np.random.default_rng(6))
    squares = (model.item_vectors() ** 2).mean(axis=1)
    expected = [squares[list(histories[0].items[-5:])].mean(), squares[[4, 5]].mean(), squares[[6, 8]].mean()]
    np.testing.assert_allclose(errors, np.repeat(np.array(expected)[:, None], 2, axis=1), rtol=1e-5)


def test_a_true_item_comes_back_from_little_noise(model: Any, examples: list[Example]) -> None:
    items = model.item_vectors()
    back = model.restored(examples, rng=np.random.default_rng(7))
    nearest = ((back[:, None] - items) ** 2).sum(axis=2).argmin(axis=1)
    assert np.mean(nearest == [example.target for example in examples]) > 0.7


def test_it_comes_back_from_disk(
    model: Any, log: InteractionLog, requests: list[Request], tmp_path: Path
) -> None:
    model.save(tmp_path)
    other = type(model)(log.catalog, model.config)
    with pytest.raises(ModelError, match="not trained yet"):
        other.recommend(requests, 5)
    other.load(tmp_path, log)
    np.testing.assert_array_equal(other.generate(requests[:20]), model.generate(requests[:20]))


def test_a_twin_shares_the_places_of_items_and_nothing_learnt(model: Any, log: InteractionLog) -> None:
    twin = model.twin()
    task = twin.task(log, np.arange(300), np.random.default_rng(2))
    np.testing.assert_array_equal(twin.item_vectors(), model.item_vectors())
    assert task.row_users.tolist() == np.repeat(np.arange(300), LENGTH - 1).tolist()
    with pytest.raises(ModelError, match="call prepare or load"):
        type(model)(log.catalog, model.config).task(log, np.arange(3), np.random.default_rng(2))


@pytest.mark.parametrize("preset", PRESETS)
def test_published_presets_train_items_and_visit_every_level(preset: str, log: InteractionLog) -> None:
    config = DreamrecConfig(**PRESETS[preset])  # type: ignore[arg-type]
    assert config.levels(config.steps - 1) == list(range(config.steps))
    made = Dreamrec(log.catalog, replace(config, epochs=1))
    made.prepare(log, np.arange(100), np.random.default_rng(1))
    before = made.twin()
    fit(made.task(log, np.arange(50), np.random.default_rng(2)), np.random.default_rng(3))
    before.task(log, np.arange(50), np.random.default_rng(2))
    assert np.abs(made.item_vectors() - before.item_vectors()).max() > 1e-5
    assert np.isfinite(made.generate([Request(history=log.history(0))])).all()


@pytest.mark.parametrize("blocks", [1, 2])
def test_the_transformer_reads_what_is_there_and_looks_past_blanks(blocks: int, log: InteractionLog) -> None:
    model = Dreamrec(log.catalog, DreamrecConfig(dim=8, history=4, blocks=blocks))
    reader, _ = model.reader()
    entries = torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(0))
    blank = torch.tensor([[True, True, False, False]])
    read = model.read(reader.eval(), entries, blank)
    for place, matters in enumerate((False, False, True, True)):
        changed = entries.clone()
        changed[:, place] += 3 * torch.randn(8, generator=torch.Generator().manual_seed(1))
        moved = (model.read(reader, changed, blank) - read).abs().max().item()
        assert moved > 1e-4 if matters else moved == 0
    with pytest.raises(ModelError, match="multiple of heads, got 9 and 2"):
        Dreamrec(log.catalog, DreamrecConfig(dim=9)).reader()


def test_rows_are_next_items_of_what_was_liked(log: InteractionLog) -> None:
    likes = np.ones(len(log), dtype=np.bool_)
    likes[[0, 4]] = False
    some = replace(log, liked=likes)
    first = [item for place, item in enumerate(log.history(0).items) if place not in (0, 4)]
    windows, targets, owners = next_items(some, np.array([0, 2]), length=3, per_user=0)
    blank = len(log.catalog)
    assert windows[:4].tolist() == [
        [blank, blank, first[0]],
        [blank, *first[:2]],
        first[:3],
        first[1:4],
    ]
    assert targets[:4].tolist() == first[1:5] and owners.tolist() == [0] * 6 + [2] * 8
    latest, targets, _ = next_items(some, np.array([0]), length=3, per_user=2)
    assert (latest.tolist(), targets.tolist()) == ([first[2:5], first[3:6]], first[5:])
    with pytest.raises(ModelError, match="no next item to learn"):
        next_items(replace(log, liked=np.zeros(len(log), dtype=np.bool_)), np.arange(5), length=3, per_user=0)


def test_items_of_the_same_people_lie_together(log: InteractionLog) -> None:
    users = np.repeat(np.arange(40), 4)
    drawn = np.random.default_rng(8).permuted(np.tile(np.arange(8), (40, 1)), axis=1)[:, :4]
    two_kinds = InteractionLog.build(
        name="two kinds",
        catalog=log.catalog,
        user_ids=log.user_ids,
        user=users,
        item=(drawn + 8 * (np.arange(40) % 2)[:, None]).ravel(),
    )
    vectors = spectral_vectors(two_kinds, np.arange(40), 2, np.random.default_rng(9))
    assert (vectors[:16] ** 2).mean() == pytest.approx(1)
    unit = vectors[:16] / np.linalg.norm(vectors[:16], axis=1, keepdims=True)
    same = np.kron(np.eye(2), np.ones((8, 8)))
    np.testing.assert_allclose(unit @ unit.T, same, atol=0.1)


def test_noise_belongs_to_a_user_and_a_draw() -> None:
    noise = own_noise([3, 5], draw=0, times=2, dim=1000)
    assert noise.shape == (2, 2, 1000)
    np.testing.assert_array_equal(noise[:, 1], own_noise([5], draw=0, times=2, dim=1000)[:, 0])
    others = np.corrcoef(
        [*noise.reshape(4, -1), *own_noise([3, 5], draw=1, times=2, dim=1000).reshape(4, -1)]
    )
    assert np.abs(others - np.eye(8)).max() < 0.15
    assert own_noise([], draw=0, times=1, dim=4).shape == (1, 0, 4)


def test_a_window_is_filled_on_the_left() -> None:
    assert window((1, 2, 3), 2, blank=9) == [2, 3]
    assert window((1,), 3, blank=9) == [9, 9, 1] and window((), 1, blank=9) == [9]
