"""TALLRec reads what it is told to read, learns from its rows, and comes back from disk as it was."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recaudit.models.base import ModelError, Request
from recaudit.models.capabilities import capabilities
from recaudit.models.data import InteractionLog, examples
from recaudit.models.datasets.world import load
from recaudit.models.llm._reader import YesNoReader, answer_tokens
from recaudit.models.llm.tallrec import PRESETS, Tallrec, TallrecConfig
from recaudit.models.splits import Population, split_population
from recaudit.models.tallrec_text import INSTRUCTION, alpaca_prompt, input_text
from recaudit.models.trainers.plain import fit


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    return load("world-tiny", rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def population(log: InteractionLog) -> Population:
    return split_population(log, rng=np.random.default_rng(1), smallest_history=12)


@pytest.fixture(scope="module")
def prepared(log: InteractionLog, population: Population) -> Tallrec:
    model = Tallrec(log.catalog, TallrecConfig(base_epochs=1))
    rng = np.random.default_rng(2)
    model.prepare(log, population.base, rng)
    return model


@pytest.fixture(scope="module")
def tuned(prepared: Tallrec, log: InteractionLog, population: Population) -> Tallrec:
    twin = prepared.twin()
    fit(twin.task(log, population.members, np.random.default_rng(3)), np.random.default_rng(4))
    return twin


@pytest.fixture(scope="module")
def requests(log: InteractionLog, population: Population) -> list[Request]:
    drawn = examples(log, population.held_out[:5], per_user=1, length=10, rng=np.random.default_rng(5))
    return [
        Request(history=example.history, candidates=(example.target, (example.target + 1) % 80))
        for example in drawn
    ]


def test_the_published_preset_writes_the_published_prompt(
    log: InteractionLog, requests: list[Request]
) -> None:
    config = TallrecConfig(**PRESETS["published"])  # type: ignore[arg-type]
    model = Tallrec(log.catalog, config)
    model._know_users(log)
    request, titles = requests[0], log.catalog.titles
    pairs = list(zip(request.history.items, request.history.liked, strict=True))
    liked, disliked = ([titles[item] for item, like in pairs if like is kind] for kind in (True, False))
    published = alpaca_prompt(INSTRUCTION, input_text(liked, disliked, titles[request.candidates[0]]))
    assert model.render(request) == published
    assert "reads_attributes" not in capabilities(model)


def test_its_own_profile_is_stated_where_a_request_states_none(
    tuned: Tallrec, log: InteractionLog, requests: list[Request]
) -> None:
    gender = log.attributes["gender"][requests[0].history.user]
    assert f"gender is {gender}" in tuned.render(requests[0])


def test_wordings_and_layouts_change_the_text_and_keep_the_facts(
    tuned: Tallrec, requests: list[Request]
) -> None:
    plain, reworded = (tuned.render(replace(requests[0], wording=wording)) for wording in (0, 1))
    assert plain != reworded
    swapped = tuned.render(replace(requests[0], layout="swapped"))
    assert swapped.index("User Unpreference") < swapped.index("User Preference")
    assert sorted(swapped.split()) == sorted(tuned.render(requests[0]).split())


def test_titles_and_values_are_single_tokens(tuned: Tallrec, log: InteractionLog) -> None:
    for text in (log.catalog.titles[0], "woman", "left-handed"):
        assert len(tuned._tokenizer(text)["input_ids"]) == 1


def test_trees_and_batches_and_single_prompts_agree(tuned: Tallrec, requests: list[Request]) -> None:
    together = np.concatenate(tuned.log_odds(requests))
    reader = YesNoReader(tuned._network, tuned._tokenizer)
    reader._ask = reader._in_batches
    texts = [tuned._text(request, item) for request in requests for item in request.candidates]
    np.testing.assert_allclose(together, reader.read(texts), atol=1e-4)
    np.testing.assert_allclose(together, [reader.read([text])[0] for text in texts], atol=1e-4)


def test_answers_are_read_at_the_tokenizers_own_ids(tuned: Tallrec) -> None:
    yes, no = answer_tokens(tuned._tokenizer)
    assert [tuned._tokenizer.decode([token]) for token in (yes, no)] == ["Yes", "No"]


def test_log_odds_are_raw_logits_apart(tuned: Tallrec, requests: list[Request]) -> None:
    import torch

    text = tuned.render(requests[0])
    with torch.inference_mode():
        logits = tuned._network(**tuned._tokenizer(text, return_tensors="pt")).logits[0, -1]
    yes, no = answer_tokens(tuned._tokenizer)
    expected = float(torch.log_softmax(logits, -1)[yes] - torch.log_softmax(logits, -1)[no])
    assert tuned.log_odds(requests[:1])[0][0] == pytest.approx(expected, abs=1e-4)


def test_likelihood_and_odds_tell_the_same(
    tuned: Tallrec, log: InteractionLog, population: Population
) -> None:
    drawn = examples(log, population.held_out[:5], per_user=2, length=10, rng=np.random.default_rng(6))
    requests = [Request(history=example.history, candidates=(example.target,)) for example in drawn]
    yes = 1 / (1 + np.exp(-np.concatenate(tuned.log_odds(requests))))
    truth = np.array([example.liked for example in drawn])
    np.testing.assert_allclose(np.exp(tuned.log_likelihood(drawn)), np.where(truth, yes, 1 - yes), atol=1e-6)


def test_tuning_changes_the_copy_and_leaves_the_base_alone(
    prepared: Tallrec, tuned: Tallrec, requests: list[Request]
) -> None:
    before = np.concatenate(prepared.untuned().log_odds(requests))
    np.testing.assert_allclose(np.concatenate(tuned.untuned().log_odds(requests)), before, atol=1e-5)
    assert np.abs(np.concatenate(tuned.log_odds(requests)) - before).max() > 0.01


def test_it_comes_back_from_disk(
    tuned: Tallrec, log: InteractionLog, requests: list[Request], tmp_path: Path
) -> None:
    tuned.save(tmp_path)
    again = Tallrec(log.catalog, tuned.config)
    again.load(tmp_path, log)
    for ours, theirs in zip(again.log_odds(requests), tuned.log_odds(requests), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_base_from_disk_is_loaded_by_the_real_loader(
    prepared: Tallrec, log: InteractionLog, population: Population, tmp_path: Path
) -> None:
    prepared._base.save_pretrained(tmp_path)
    prepared._tokenizer.save_pretrained(tmp_path)
    model = Tallrec(log.catalog, TallrecConfig(base=str(tmp_path), epochs=1, shots=32))
    model.prepare(log, population.base, np.random.default_rng(0))
    task = model.task(log, population.members, np.random.default_rng(0))
    assert len(task.row_users) == 32
    assert fit(task, np.random.default_rng(0)).losses[0] > 0


def test_a_missing_base_is_one_sentence(log: InteractionLog, population: Population, tmp_path: Path) -> None:
    model = Tallrec(log.catalog, TallrecConfig(base=str(tmp_path / "nowhere")))
    with pytest.raises(ModelError, match="no causal language model could be loaded"):
        model.prepare(log, population.base, np.random.default_rng(0))


def test_users_too_new_to_tune_on_are_named(prepared: Tallrec, log: InteractionLog) -> None:
    with pytest.raises(ModelError, match="more than 10 interactions"):
        prepared.twin().task(log.take(np.arange(5)), np.arange(3), np.random.default_rng(0))


def test_base_users_are_in_no_other_set(log: InteractionLog, population: Population) -> None:
    with pytest.raises(ValueError, match="disjoint"):
        replace(population, base=population.members)
