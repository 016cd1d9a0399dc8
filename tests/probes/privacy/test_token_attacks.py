"""Token attacks on a toy language model find a sentence it read fifty times, and no other."""

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from recaudit.models.capabilities import GivesTokenLikelihoods
from recaudit.models.data import Example, FloatArray, History
from recaudit.probes.privacy._token_attacks import (
    TOKEN_ATTACKS,
    least,
    one_pass_scores,
    recall,
    text_scores,
)
from recaudit.probes.stats.auc import auc

WORDS = 50


@dataclass(frozen=True)
class Bigrams:
    """A bigram model over fifty words, its counts smoothed by one."""

    table: FloatArray

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Bigrams":
        pairs = Counter(
            pair for text in texts for pair in zip(*(_ids(text)[i:] for i in (0, 1)), strict=False)
        )
        counts = np.ones((WORDS, WORDS))
        for (one, other), count in pairs.items():
            counts[one, other] += count
        return cls(np.log(counts / counts.sum(axis=1, keepdims=True)))

    def example_texts(self, examples: Sequence[Example]) -> list[str]:
        return [" ".join(map(str, (*example.history.items, example.target))) for example in examples]

    def token_likelihoods(self, texts: Sequence[str]) -> list[FloatArray]:
        return [self._told(_ids(text)) for text in texts]

    def _told(self, ids: list[int]) -> FloatArray:
        rows = self.table[ids[:-1]]
        mean = (np.exp(rows) * rows).sum(axis=1)
        spread = np.sqrt(np.maximum((np.exp(rows) * rows**2).sum(axis=1) - mean**2, 0))
        return np.stack([rows[np.arange(len(rows)), ids[1:]], mean, spread], axis=1)


def _ids(text: str) -> list[int]:
    return [int(word) for word in text.split()]


def people(n: int, seed: int) -> list[Example]:
    words = np.random.default_rng(seed).integers(0, WORDS, (n, 12)).tolist()
    return [Example(History(user, tuple(own[:-1])), own[-1], True) for user, own in enumerate(words)]


@pytest.fixture(scope="module")
def read() -> list[Example]:
    return people(40, 0)


@pytest.fixture(scope="module")
def unread() -> list[Example]:
    return people(40, 1)


def found(model: Bigrams, ours: list[Example], others: list[Example]) -> dict[str, float]:
    assert isinstance(model, GivesTokenLikelihoods)
    before = people(2, 2)
    sides = [text_scores(model, side, before=before) for side in (ours, others)]
    values = {attack: auc(sides[0][attack], sides[1][attack]) for attack in TOKEN_ATTACKS}
    return {attack: value for attack, value in values.items() if value is not None}


def test_what_was_read_fifty_times_is_found(read: list[Example], unread: list[Example]) -> None:
    blank = Bigrams.of([])
    model = Bigrams.of([text for text in blank.example_texts(read) for _ in range(50)])
    scores = found(model, read, unread)
    assert all(scores[attack] > 0.95 for attack in ("text_loss", "min_k", "min_k_plus", "zlib")), scores


def test_what_was_never_read_is_not(unread: list[Example]) -> None:
    model = Bigrams.of(Bigrams.of([]).example_texts(people(400, 3)))
    scores = found(model, people(300, 4), people(300, 5))
    # Standard error .024 at 300 a side.
    assert all(value == pytest.approx(0.5, abs=0.08) for value in scores.values()), scores


def test_a_model_that_expects_nothing_gives_scores_without_dividing_by_nothing() -> None:
    uniform = Bigrams.of([])
    scores = text_scores(uniform, people(5, 6))
    assert scores["text_loss"] == pytest.approx(-np.log(WORDS))
    assert scores["min_k_plus"] == pytest.approx(0.0, abs=1e-9)
    assert "recall" not in scores


def test_hand_counted_scores() -> None:
    told = np.array([[-1.0, -2.0, 1.0], [-4.0, -1.0, 2.0], [-2.0, -2.0, 0.0]])
    scores = one_pass_scores([told], ["abc"], share=0.5)
    assert {name: float(value[0]) for name, value in scores.items()} == pytest.approx(
        {
            "text_loss": -7 / 3,
            "min_k": -3.0,
            "min_k_plus": (-1.5 + 0.0) / 2,
            "zlib": -7 / len(zlib.compress(b"abc")),
        }
    )
    longer = np.concatenate([np.full((4, 3), -9.0), 2 * told])
    assert recall([told], [longer]) == pytest.approx([2.0])


def test_short_texts_keep_at_least_one_token_and_a_single_one_tells_nothing() -> None:
    assert least(np.array([-3.0]), 0.2) == -3.0
    assert least(np.arange(10.0), 0.2) == pytest.approx(0.5)
    scores = one_pass_scores([np.zeros((0, 3))], ["a"])
    assert all(np.isnan(values).all() for values in scores.values())
    assert np.isnan(recall([np.zeros((0, 3))], [np.zeros((4, 3))])).all()
