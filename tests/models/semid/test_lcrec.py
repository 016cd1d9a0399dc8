"""LC-Rec puts titles into codes and back, learns all six tasks, and only ever recommends items."""

from pathlib import Path

import numpy as np
import pytest
import torch
from recaudit.models.base import ModelError, Request, TrainingTask
from recaudit.models.capabilities import DecodesSemanticIds
from recaudit.models.data import InteractionLog
from recaudit.models.datasets.world import load
from recaudit.models.semid._speaker import ANSWER, END, STARTS, Texts, Words, split
from recaudit.models.semid.lcrec import NOBODY, Lcrec, LcrecConfig
from recaudit.models.trainers.plain import fit

LOG = load("world-tiny")
USERS = np.arange(150)
ITEMS_ONLY = LcrecConfig(
    tasks="items", codes=8, layers=1, readings=4, epochs=20, dropout=0.0, learning_rate=5e-3
)


def prepared(config: LcrecConfig, log: InteractionLog = LOG) -> Lcrec:
    model = Lcrec(log.catalog, config)
    model.prepare(log, USERS, np.random.default_rng(0))
    return model


def trained(config: LcrecConfig) -> Lcrec:
    model = prepared(config)
    rng = np.random.default_rng(1)
    fit(model.task(LOG, USERS, rng), rng)
    return model


@pytest.fixture(scope="module")
def small() -> Lcrec:
    return trained(LcrecConfig(codes=8, epochs=2, readings=1, beams=10))


@pytest.fixture(scope="module")
def reader() -> Lcrec:
    return trained(ITEMS_ONLY)


def test_the_codes_of_every_title_are_found_and_every_title_is_written(reader: Lcrec) -> None:
    found = reader.codes_of_titles(LOG.catalog.titles)
    right = [codes == tuple(own) for codes, own in zip(found, reader.semantic_ids().tolist(), strict=True)]
    assert np.mean(right) >= 0.95
    written = reader.titles_of_codes(reader.semantic_ids())
    same = [said == " ".join(split(title)) for said, title in zip(written, LOG.catalog.titles, strict=True)]
    assert np.mean(same) >= 0.95


def test_without_the_item_tasks_titles_mean_nothing() -> None:
    model = trained(LcrecConfig(tasks="next", codes=8, epochs=2))
    found = model.codes_of_titles(LOG.catalog.titles)
    right = [codes == tuple(own) for codes, own in zip(found, model.semantic_ids().tolist(), strict=True)]
    assert np.mean(right) < 0.2


def test_no_two_items_share_a_tuple() -> None:
    codes = prepared(LcrecConfig(codes=8)).semantic_ids()
    assert len(np.unique(codes, axis=0)) == len(LOG.catalog)


def test_it_recommends_new_items_by_the_tree(small: Lcrec) -> None:
    assert isinstance(small, DecodesSemanticIds)
    requests = [Request(history=LOG.history(user, last=10)) for user in range(5)]
    for slate in small.recommend(requests, 5):
        items = [entry.item for entry in slate.entries]
        assert len(set(items)) == 5 and not set(items) & set(slate.request.history.items)
    mass = small.legal_mass(requests)
    assert ((mass > 0) & (mass <= 1 + 1e-5)).all()


def test_what_was_saved_answers_alike(small: Lcrec, tmp_path: Path) -> None:
    small.save(tmp_path)
    again = Lcrec(LOG.catalog, small.config)
    again.load(tmp_path, LOG)
    requests = [Request(history=LOG.history(user, last=10)) for user in range(4)]
    assert again.recommend(requests, 5) == small.recommend(requests, 5)
    titles = LOG.catalog.titles[:5]
    assert again.codes_of_titles(titles) == small.codes_of_titles(titles)


# What is trained on


def rows(task: TrainingTask, model: Lcrec) -> list[tuple[str, list[int], list[int]]]:
    """Every text row as (task, prompt, answer) in numbers."""
    _, texts, _ = task.batch(np.arange(len(task.row_users)))
    answer = model._words.own(ANSWER)
    found = []
    for start, numbers, learnt, length in zip(
        texts.starts, texts.numbers.tolist(), texts.learnt, texts.lengths, strict=True
    ):
        first = int((learnt >= 0).argmax())
        assert numbers[first - 1] == answer and (learnt[first:length] >= 0).all()
        found.append((STARTS[start], numbers[: first - 1], numbers[first:length]))
    return found


def test_all_six_tasks_are_dealt_and_say_what_the_data_say() -> None:
    model = prepared(LcrecConfig(codes=8, readings=1, dealt=4))
    task = model.task(LOG, USERS[:20], np.random.default_rng(1))
    told, words, codes = rows(task, model), model._words, model.semantic_ids()
    assert {name for name, _, _ in told} == set(STARTS[1:])
    items = {tuple(words.codes(own)): item for item, own in enumerate(codes)}
    titles = [words.read(title) for title in LOG.catalog.titles]
    both = [(items[tuple(answer)], prompt) for name, prompt, answer in told if name == "title to codes"]
    assert sorted(item for item, _ in both) == list(range(len(LOG.catalog)))
    assert all(prompt == titles[item] for item, prompt in both)
    for name, prompt, answer in told:
        if name == "codes to title":
            assert answer == [*titles[items[tuple(prompt)]], words.own(END)]
        if name == "search":
            genres = LOG.catalog.genres[items[tuple(answer)]]
            wish = [word for genre in genres for word in words.read(genre)]
            assert prompt[: len(wish)] == wish
    owners = task.row_users
    assert (owners == NOBODY).sum() == 2 * len(LOG.catalog) and set(owners) == {NOBODY, *range(20)}


def test_histories_before_an_answer_are_the_likes_just_before_it() -> None:
    model = prepared(LcrecConfig(codes=8, readings=1, recent=3, dealt=4))
    words, codes = model._words, model.semantic_ids()
    for user in range(20):
        history = LOG.history(user)
        likes = [item for item, like in zip(history.items, history.liked, strict=True) if like]
        allowed = {
            (
                tuple(words.codes(codes[likes[max(0, end - 3) : end]])),
                (*words.read(LOG.catalog.titles[likes[end]]), words.own(END)),
            )
            for end in range(1, len(likes))
        }
        told = rows(model.task(LOG, np.array([user]), np.random.default_rng(user)), model)
        found = [(tuple(p), tuple(a)) for name, p, a in told if name == "codes to next title"]
        assert len(found) == 1 and found[0] in allowed


@pytest.mark.parametrize("dealt", [0, 1, 3])
def test_each_person_gets_as_many_text_rows_as_said(dealt: int) -> None:
    model = prepared(LcrecConfig(codes=8, readings=1, dealt=dealt))
    task = model.task(LOG, USERS[:20], np.random.default_rng(1))
    told = [name for name, _, _ in rows(task, model)]
    assert len(told) == 2 * len(LOG.catalog) + 20 * dealt


def test_losses_come_in_the_order_of_the_rows() -> None:
    model = prepared(LcrecConfig(codes=8, readings=1, dropout=0.0))
    task = model.task(LOG, USERS[:20], np.random.default_rng(1))
    places = np.random.default_rng(2).permutation(len(task.row_users))[:24]
    with torch.no_grad():
        together = task.loss(task.batch(places))
        alone = torch.cat([task.loss(task.batch(places[at : at + 1])) for at in range(len(places))])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_a_text_loss_is_minus_the_log_probability_of_its_answer() -> None:
    """Against the network asked one code at a time."""
    model = prepared(LcrecConfig(codes=8, readings=1, dropout=0.0))
    task = model.task(LOG, USERS[:5], np.random.default_rng(1))
    network, words, codes = model._speaker(), model._words, model.semantic_ids()
    title = words.read(LOG.catalog.titles[7])
    texts = Texts.of([("title to codes", title, words.codes(codes[7]))], words)
    with torch.no_grad():
        lost = float(network.text_losses(texts)[0])
        memory = network.read_texts(texts)
        states = network.follow(memory, torch.from_numpy(codes[None, None, 7, :-1]))
        expected = sum(
            -float(network.logits(states[0, 0, place], place).log_softmax(dim=0)[code])
            for place, code in enumerate(codes[7].tolist())
        )
    assert lost == pytest.approx(expected, rel=1e-4) and task.module is network.network


def test_words_that_are_not_known_are_read_as_such() -> None:
    words = Words.of(LOG.catalog, (4, 4))
    assert words.text(words.read("Zyzzyva")) == "<unknown>"
    assert words.text(words.read(LOG.catalog.titles[0])) == " ".join(split(LOG.catalog.titles[0]))
    assert words.codes(np.array([[1, 2], [3, 0]])) == [1, 6, 3, 4]


def test_another_architecture_and_an_untrained_model_are_refused_in_words() -> None:
    with pytest.raises(ModelError, match="LC-Rec is a decoder"):
        trained(LcrecConfig(architecture="encoder-decoder", epochs=1))
    with pytest.raises(ModelError, match="not trained yet"):
        prepared(LcrecConfig(codes=8)).codes_of_titles(["a"])
