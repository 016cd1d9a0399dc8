"""What a model writes on is what it finds likeliest token by token, alone as in company."""

import numpy as np
import pytest
from recaudit.models.base import Request
from recaudit.models.capabilities import capabilities
from recaudit.models.data import InteractionLog
from recaudit.models.datasets.world import load
from recaudit.models.llm._continuation import left_padded
from recaudit.models.llm.tallrec import Tallrec, TallrecConfig
from recaudit.models.splits import split_population
from recaudit.models.trainers.plain import fit


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    return load("world-tiny", rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def model(log: InteractionLog) -> Tallrec:
    population = split_population(log, rng=np.random.default_rng(1), smallest_history=12)
    made = Tallrec(log.catalog, TallrecConfig(base_epochs=1, epochs=1, rows_per_user=1))
    made.prepare(log, population.base, np.random.default_rng(2))
    return made


def one_by_one(model: Tallrec, text: str, n_tokens: int) -> str:
    import torch

    network, tokenizer = model._read().network, model._tokenizer
    ids = tokenizer(text)["input_ids"]
    start = len(ids)
    with torch.inference_mode():
        for _ in range(n_tokens):
            best = int(network(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
            ids.append(best)
            if best == tokenizer.eos_token_id:
                break
    return str(tokenizer.decode(ids[start:], skip_special_tokens=True))


def test_it_is_the_likeliest_token_again_and_again(model: Tallrec, log: InteractionLog) -> None:
    titles = log.catalog.titles
    texts = [f'"{titles[0]}" liked, "', f'"{titles[1]}" disliked, "{titles[2]}" liked, "', "x", "Item 5 is"]
    assert "completes_text" in capabilities(model)
    together = model.complete(texts, n_tokens=12)
    assert together == [one_by_one(model, text, 12) for text in texts]
    assert together == [model.complete([text], n_tokens=12)[0] for text in texts]
    assert any(together) and model.complete([], n_tokens=3) == []


def test_the_tuned_model_and_its_base_write_on_by_themselves(model: Tallrec, log: InteractionLog) -> None:
    twin = model.twin()
    population = split_population(log, rng=np.random.default_rng(1), smallest_history=12)
    fit(twin.task(log, population.members, np.random.default_rng(3)), np.random.default_rng(4))
    text = twin.render(Request(history=log.history(0, last=10), candidates=(5,)))
    assert twin.complete([text], n_tokens=8) == [one_by_one(twin, text, 8)]
    assert twin.untuned().complete([text], n_tokens=8) == [one_by_one(twin.untuned(), text, 8)]


def test_padding_stands_on_the_left() -> None:
    tokens, mask = left_padded([[5, 6, 7], [8]])
    assert tokens.tolist() == [[5, 6, 7], [0, 0, 8]] and mask.tolist() == [[1, 1, 1], [0, 0, 1]]
