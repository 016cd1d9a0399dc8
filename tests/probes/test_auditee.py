"""Answers that are no numbers, too few, or not finite are refused in words and never measured."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from recaudit.models.base import ModelError, Request
from recaudit.models.data import History
from recaudit.models.datasets.world import load
from recaudit.probes.base import Auditee
from recaudit.probes.testing import planted_auditee


def answering(answer: Any) -> Auditee:
    log = load("world-tiny", rng=np.random.default_rng(0))
    honest = planted_auditee(log, rng=np.random.default_rng(0))

    class Odd:
        catalog = log.catalog

        def log_odds(self, requests: list[Request]) -> Any:
            return answer(requests)

    return replace(honest, model=Odd())


ASKED = [Request(history=History(user, (1, 2), (True, False)), candidates=(3, 4)) for user in range(3)]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda requests: [[0.1]] * len(requests), "one each"),
        (lambda requests: [[0.1, 0.2]] * (len(requests) - 1), "must answer each"),
        (lambda requests: [[0.1, float("nan")]] * len(requests), "not finite"),
        (lambda requests: [["yes", "no"]] * len(requests), "where numbers are needed"),
    ],
)
def test_malformed_answers_are_refused(answer: Any, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        answering(answer).log_odds(ASKED)


def test_what_was_asked_is_not_asked_again() -> None:
    seen: list[int] = []

    def count(requests: list[Request]) -> list[list[float]]:
        seen.append(len(requests))
        return [[0.1, 0.2]] * len(requests)

    auditee = answering(count)
    auditee.log_odds(ASKED[:2])
    auditee.log_odds(ASKED)
    auditee.log_odds(ASKED, repeat=1)
    assert seen == [2, 1, 3]
