"""GPTRec imitates, then learns from the worth of whole lists, and repeats nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from recaudit.models.base import ModelError, Request
from recaudit.models.baselines import Ease, Popularity
from recaudit.models.capabilities import capabilities
from recaudit.models.data import Catalog, Example, InteractionLog
from recaudit.models.semid._causal import Memory, causal, read
from recaudit.models.semid._slate_training import SlateTraining, slate_rows
from recaudit.models.semid._slates_rl import (
    Policy,
    advantages,
    clipped_loss,
    diversity_shares,
    drawn,
    likeliest,
    ndcg_shares,
    writer,
)
from recaudit.models.semid.gptrec import PRESETS, Gptrec, GptrecConfig
from recaudit.models.trainers.plain import fit

CLUSTERS, SIZE, USERS, LENGTH = 5, 12, 300, 10
SMALL = GptrecConfig(history=8, slate=4, dim=32, imitation_epochs=8, reward_epochs=0, batch_size=32)


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    """Everyone keeps to one cluster of items; each cluster's last four, the least met, have another genre."""
    rng = np.random.default_rng(0)
    n = CLUSTERS * SIZE
    chances = np.linspace(3, 1, SIZE) / np.linspace(3, 1, SIZE).sum()
    items = [
        user % CLUSTERS * SIZE + rng.choice(SIZE, LENGTH, replace=False, p=chances) for user in range(USERS)
    ]
    names = tuple(f"i{item}" for item in range(n))
    genres = tuple(("known",) if item % SIZE < SIZE - 4 else ("rare",) for item in range(n))
    return InteractionLog.build(
        name="clusters",
        catalog=Catalog(ids=names, titles=names, years=np.zeros(n, dtype=np.int64), genres=genres),
        user_ids=tuple(map(str, range(USERS))),
        user=np.repeat(np.arange(USERS), LENGTH),
        item=np.concatenate(items),
    )


def trained(log: InteractionLog, config: GptrecConfig) -> Gptrec:
    model = Gptrec(log.catalog, config)
    model.prepare(log, np.arange(0), np.random.default_rng(1))
    fit(model.task(log, np.arange(200), np.random.default_rng(2)), np.random.default_rng(3))
    return model


@pytest.fixture(scope="module")
def model(log: InteractionLog) -> Gptrec:
    return trained(log, SMALL)


@pytest.fixture(scope="module")
def requests(log: InteractionLog) -> list[Request]:
    """The first six items of people whom nothing was trained on."""
    return [Request(history=log.history(user).reordered(range(6))) for user in range(200, USERS)]


def lists_of(model: Gptrec | Ease | Popularity, requests: list[Request], k: int = 4) -> torch.Tensor:
    return torch.tensor([[entry.item for entry in slate.entries] for slate in model.recommend(requests, k)])


def wanted(log: InteractionLog) -> torch.Tensor:
    return torch.tensor([log.history(user).items[6:] for user in range(200, USERS)])


def test_it_imitates_its_teacher(model: Gptrec, log: InteractionLog, requests: list[Request]) -> None:
    known = wanted(log)
    ours, teacher, popular = (
        ndcg_shares(lists_of(one, requests), known).sum(dim=1).mean().item()
        for one in (
            model,
            Ease.fitted(log, np.arange(200)),
            Popularity.fitted(log, np.arange(200)),
        )
    )
    assert ours > 0.85 * teacher and ours > popular + 0.2


@pytest.mark.parametrize(("aim", "weight"), [("diversity", 3.0), ("unpopular", 1.0)])
def test_the_second_stage_moves_lists_towards_what_they_are_worth(
    aim: str, weight: float, model: Gptrec, log: InteractionLog, requests: list[Request]
) -> None:
    config = replace(SMALL, aim=aim, weight=weight, reward_epochs=24, learning_rate=2e-3, guidance=0.05)  # type: ignore[arg-type]
    both, first = lists_of(trained(log, config), requests), lists_of(model, requests)
    worth = Gptrec(log.catalog, replace(config, weight=1.0))._worth(log, np.arange(200))
    gain = (worth(both) - worth(first)).sum(dim=1).mean().item()
    assert gain > 0.03
    kept = [ndcg_shares(lists, wanted(log)).sum(dim=1).mean().item() for lists in (both, first)]
    assert kept[0] > 0.7 * kept[1]


def test_it_can_what_it_says(model: Gptrec) -> None:
    assert capabilities(model) == {"ranks", "retrieves", "scores", "gives_likelihoods", "trainable"}


def test_lists_hold_new_items_once_and_go_on_past_the_slate(
    model: Gptrec, log: InteractionLog, requests: list[Request]
) -> None:
    for slate in model.recommend(requests[:10], 100):
        items = [entry.item for entry in slate.entries]
        assert len(items) == len(set(items)) == len(log.catalog) - 6
        assert not set(items) & set(slate.request.history.items)
    short, long = lists_of(model, requests, 3), lists_of(model, requests, 8)
    assert torch.equal(short, long[:, :3])


def test_stated_candidates_alone_are_listed(model: Gptrec, requests: list[Request]) -> None:
    stated = [replace(one, candidates=(*one.history.items[:2], 7)) for one in requests[:5]]
    for slate, scores in zip(model.recommend(stated, 9), model.score(stated), strict=True):
        assert {entry.item for entry in slate.entries} == set(slate.request.candidates)
        assert slate.entries[0].item == slate.request.candidates[int(scores.argmax())]


def test_each_place_is_written_in_view_of_those_before_it(model: Gptrec, requests: list[Request]) -> None:
    windows = model._windows(requests[:6])
    barred = torch.zeros(6, 60, dtype=torch.bool)
    policy = model._policy()
    with torch.no_grad():
        written = policy.write(windows, barred, 4, likeliest)
        hidden = policy.told(windows, written.items)
        for place in range(4):
            chances = policy.chances(hidden[:, place], barred)
            again = chances.gather(1, written.items[:, place, None])[:, 0]
            torch.testing.assert_close(again, written.log_probs[:, place], atol=1e-5, rtol=1e-5)
            barred = barred.scatter(1, written.items[:, place, None], True)
        other = written.items.clone()
        other[:, 0] = (other[:, 0] + 1) % 60
        assert (policy.told(windows, other)[:, 1] - hidden[:, 1]).abs().max() > 1e-3


def test_likelihoods_are_of_the_first_item(model: Gptrec, log: InteractionLog) -> None:
    history = log.history(5)
    every = [Example(history, item, True) for item in range(60)]
    assert np.exp(model.log_likelihood(every)).sum() == pytest.approx(1)
    assert model.log_likelihood([]).shape == (0,)


def test_it_comes_back_from_disk(
    model: Gptrec, log: InteractionLog, requests: list[Request], tmp_path: Path
) -> None:
    model.save(tmp_path)
    other = Gptrec(log.catalog, model.config)
    with pytest.raises(ModelError, match="not trained yet"):
        other.recommend(requests, 4)
    other.load(tmp_path, log)
    assert torch.equal(lists_of(other, requests), lists_of(model, requests))


def test_settings_that_make_no_sense_are_refused(log: InteractionLog) -> None:
    bare = replace(log.catalog, genres=((),) * len(log.catalog))
    for catalog, config, words in (
        (log.catalog, replace(SMALL, reuse=0), "at least 1"),
        (bare, replace(SMALL, reward_epochs=1), "aim=unpopular"),
    ):
        with pytest.raises(ModelError, match=words):
            Gptrec(catalog, config).prepare(log, np.arange(0), np.random.default_rng(0))
    with pytest.raises(ModelError, match="no next item"):
        Gptrec(log.catalog, SMALL).task(log, np.arange(0), np.random.default_rng(0))
    for preset in PRESETS.values():
        assert GptrecConfig(**preset) != GptrecConfig()  # type: ignore[arg-type]


def test_rows_are_cuts_of_what_was_liked(log: InteractionLog) -> None:
    likes = np.ones(len(log), dtype=np.bool_)
    likes[[0, 4]] = False
    some = replace(log, liked=likes)
    rows = slate_rows(some, np.array([0, 2]), slate=4, per_user=3, teacher=None)
    first = [item for place, item in enumerate(log.history(0).items) if place not in (0, 4)]
    assert rows.owners.tolist() == [0, 0, 0, 2, 2, 2]
    assert [list(known) for known in rows.known[:3]] == [first[:2], first[:4], first[:6]]
    assert rows.wanted[:3].tolist() == [first[2:6], first[4:8], [*first[6:], -1, -1]]


def test_a_drawn_list_is_used_so_often_and_clipped_against_the_network_that_drew_it(
    log: InteractionLog,
) -> None:
    network = writer(60, history=8, slate=4, dim=16, blocks=1, heads=2)
    training = SlateTraining(
        policy=Policy(network, 60, 8),
        rows=slate_rows(log, np.arange(20), slate=4, per_user=2, teacher=None),
        worth=lambda lists: torch.zeros(lists.shape),
        imitation_epochs=1,
        reuse=2,
        clip=0.2,
        discount=0.1,
        trace=0.1,
        guidance=0.0,
        dropout=0.0,
    )
    everyone = np.arange(40)
    assert training.loss(everyone).isfinite().all() and "items" not in training.kept
    lists = []
    for _ in range(3):
        assert training.loss(everyone).isfinite().all()
        lists.append(training.kept["items"].clone())
    assert torch.equal(lists[0], lists[1]) and not torch.equal(lists[1], lists[2])
    for row, known in enumerate(training.rows.known):
        own = lists[0][row].tolist()
        assert len(set(own)) == 4 and not set(own) & set(known)


def test_shares_add_up_to_the_measures() -> None:
    lists, known = torch.tensor([[3, 1, 2], [0, 4, 5]]), torch.tensor([[2, 3, -1], [9, -1, -1]])
    first = (1 + 1 / np.log2(4)) / (1 + 1 / np.log2(3))
    np.testing.assert_allclose(ndcg_shares(lists, known).sum(dim=1), [first, 0], rtol=1e-6)
    genres = torch.tensor([[1.0, 0], [1, 1], [0, 1], [1, 0], [0, 0], [0, 0]])
    shares = diversity_shares(lists, genres)
    np.testing.assert_allclose(shares.sum(dim=1), [(0.5 + 1 + 0.5) / 3, (1 + 1 + 0) / 3], rtol=1e-6)
    assert shares[:, 0].tolist() == [0, 0]


def test_advantages_against_the_sum_of_all_later_surprises() -> None:
    rng = np.random.default_rng(5)
    rewards, values = rng.normal(size=(2, 4)), rng.normal(size=(2, 4))
    after = np.concatenate([values[:, 1:], np.zeros((2, 1))], axis=1)
    surprise = rewards + 0.7 * after - values
    expected = [
        [sum((0.7 * 0.3) ** (later - at) * row[later] for later in range(at, 4)) for at in range(4)]
        for row in surprise
    ]
    found = advantages(torch.from_numpy(rewards), torch.from_numpy(values), discount=0.7, trace=0.3)
    np.testing.assert_allclose(found, expected)


def test_the_surrogate_stops_pulling_beyond_the_clip() -> None:
    old = torch.zeros(4)
    now = torch.log(torch.tensor([1.5, 1.5, 0.5, 0.5])).requires_grad_()
    gain = torch.tensor([1.0, -1.0, 1.0, -1.0])
    loss = clipped_loss(now, old, gain, 0.2)
    np.testing.assert_allclose(loss.detach(), [-1.2, 1.5, -0.5, 0.8], rtol=1e-6)
    loss.sum().backward()
    assert now.grad is not None and (now.grad != 0).tolist() == [False, True, True, False]


def test_reading_on_from_memory_is_reading_at_once() -> None:
    network = causal(16, blocks=2, heads=4, inner=32)
    x = torch.randn(3, 7, 16, generator=torch.Generator().manual_seed(0))
    blank = torch.zeros(3, 7, dtype=torch.bool)
    blank[0, :2] = True
    whole = read(network, x, blank=blank)
    memory = Memory()
    parts = [
        read(network, x[:, :4], blank=blank[:, :4], memory=memory),
        read(network, x[:, 4:5], memory=memory),
        read(network, x[:, 5:], memory=memory),
    ]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-5, rtol=1e-5)
    changed = x.clone()
    changed[0, :2] += 1
    torch.testing.assert_close(read(network, changed, blank=blank)[0, 2:], whole[0, 2:], atol=1e-5, rtol=0)
    with pytest.raises(ModelError, match="multiple of heads, got 16 and 3"):
        causal(16, blocks=1, heads=3, inner=4)


def test_drawing_follows_the_chances() -> None:
    chances = torch.tensor([[0.0, -torch.inf], [-torch.inf, 0.0]])
    assert drawn(chances).tolist() == [0, 1] == likeliest(chances).tolist()
