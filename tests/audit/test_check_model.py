"""A stranger's model is told what it keeps, what it breaks, and what would let it be asked more."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]
MINE = """
import numpy as np
from recaudit import Recommendation, Slate

class Popular:
    def __init__(self, log):
        self.catalog, self.order = log.catalog, np.argsort(-log.item_counts, kind="stable")

    def recommend(self, requests, k):
        return [Slate(one, tuple(self._entries(one))[:k]) for one in requests]

    def _entries(self, one):
        allowed = set(one.candidates or range(len(self.catalog))) - set(one.history.items)
        return (Recommendation(int(item)) for item in self.order if int(item) in allowed)

class Greedy(Popular):
    def recommend(self, requests, k):
        return super().recommend(requests, k + 1)

    def score(self, requests):
        raise KeyError("nothing here")
"""


def test_a_ranker_keeps_its_promises_and_learns_what_it_lacks(command: Command) -> None:
    Path("mine.py").write_text(MINE)
    done = command("check-model", "mine.py:Popular")
    words = " ".join(done.stdout.split())
    assert done.returncode == 0 and "breaks" not in done.stdout
    assert "It recommends, and nothing more." in words
    assert "popularity_amplification" in words and "log_odds" in words and "calibration" in words
    assert "noise level" not in words, "what it does not claim is not tried"


def test_broken_promises_are_named_with_their_place(command: Command) -> None:
    Path("mine.py").write_text(MINE)
    done = command("check-model", "mine.py:Greedy")
    words = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert "breaks One slate a request, no longer than asked" in words
    assert "KeyError: 'nothing here'" in words and "mine.py" in words


def test_a_model_that_cannot_be_built_is_refused(command: Command) -> None:
    done = command("check-model", "nothing.py:Here")
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_a_trainable_model_is_trained_and_tried(command: Command) -> None:
    done = command("check-model", "diffrec", "--set", "epochs=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "keeps One finite error a history and noise level" in " ".join(done.stdout.split())
