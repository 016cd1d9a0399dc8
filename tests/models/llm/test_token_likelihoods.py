"""Token likelihoods are those of the whole softmax, whatever the company and however it is cut up."""

from collections.abc import Sequence

import numpy as np
import pytest
from recaudit.models.base import ModelError
from recaudit.models.capabilities import capabilities
from recaudit.models.data import Example, InteractionLog, examples
from recaudit.models.datasets.world import load
from recaudit.models.llm import _token_likelihoods
from recaudit.models.llm._token_likelihoods import moments
from recaudit.models.llm.tallrec import Tallrec, TallrecConfig
from recaudit.models.splits import split_population


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    return load("world-tiny", rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def model(log: InteractionLog) -> Tallrec:
    population = split_population(log, rng=np.random.default_rng(1), smallest_history=12)
    made = Tallrec(log.catalog, TallrecConfig(base_epochs=1))
    made.prepare(log, population.base, np.random.default_rng(2))
    return made


@pytest.fixture(scope="module")
def handed_in(log: InteractionLog) -> list[Example]:
    return examples(log, np.arange(9), per_user=1, length=10, rng=None)


def brute(model: Tallrec, texts: Sequence[str]) -> list[np.ndarray]:
    import torch

    found = []
    for text in texts:
        ids = torch.tensor([model._tokenizer(text)["input_ids"]])
        with torch.inference_mode():
            log_p = model._read().network(input_ids=ids).logits[0, :-1].double().log_softmax(dim=1)
        p = log_p.exp()
        mean = (p * log_p).sum(dim=1)
        spread = ((p * log_p.square()).sum(dim=1) - mean.square()).clamp(min=0).sqrt()
        own = log_p[torch.arange(len(log_p)), ids[0, 1:]]
        found.append(torch.stack([own, mean, spread], dim=1).numpy())
    return found


def test_tokens_are_as_likely_as_the_whole_softmax_says(
    model: Tallrec, handed_in: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [*model.example_texts(handed_in), "A short one", "A"]
    assert "gives_token_likelihoods" in capabilities(model)
    expected = brute(model, texts)
    for places, words in ((256, 1024), (7, 50)):
        monkeypatch.setattr(_token_likelihoods, "PLACES_AT_ONCE", places)
        monkeypatch.setattr(_token_likelihoods, "WORDS_AT_ONCE", words)
        for one, other in zip(model.token_likelihoods(texts), expected, strict=True):
            assert one.shape == other.shape
            assert one == pytest.approx(other, abs=2e-4)
    assert model.token_likelihoods(["A", ""])[1].shape == (0, 3) and model.token_likelihoods([]) == []


def test_a_text_is_the_prompt_with_its_answer(model: Tallrec, handed_in: list[Example]) -> None:
    for text, example in zip(model.example_texts(handed_in), handed_in, strict=True):
        assert text.endswith("### Response:\nYes." if example.liked else "### Response:\nNo.")


def test_a_network_that_expects_nothing_has_no_spread() -> None:
    import torch

    head = torch.nn.Linear(4, 3000)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.constant_(head.bias, 2.5)
    with torch.no_grad():
        told = moments(head, torch.randn(5, 4), torch.arange(5))
    assert told[:, :2] == pytest.approx(-np.log(3000), abs=1e-4)
    assert told[:, 2] == pytest.approx(0, abs=1e-2)


def test_a_network_that_caps_its_logits_is_refused(model: Tallrec, handed_in: list[Example]) -> None:
    import torch

    class Capped(torch.nn.Module):
        def __init__(self, inner: torch.nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def get_base_model(self) -> torch.nn.Module:
            return self.inner

        def get_output_embeddings(self) -> torch.nn.Module:
            head: torch.nn.Module = self.inner.get_output_embeddings()  # type: ignore[operator]
            return head

        def forward(self, input_ids: torch.Tensor, use_cache: bool) -> object:
            told = self.inner(input_ids=input_ids)
            told.logits = torch.tanh(told.logits)
            return told

    with pytest.raises(ModelError, match="caps or scales"):
        _token_likelihoods.token_likelihoods(
            Capped(model._read().network), model._tokenizer, model.example_texts(handed_in[:1])
        )
