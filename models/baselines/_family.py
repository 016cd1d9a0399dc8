"""What the simple baselines share: one score per item and history, and the ordering that follows from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from ..base import Recommendation, Request, Slate
from ..data import BoolArray, Catalog, FloatArray, History, IntArray, InteractionLog


@dataclass(frozen=True, kw_only=True, eq=False)
class Baseline(ABC):
    """A recommender that reads nothing but a history and counts of the rows it was fitted on."""

    catalog: Catalog

    @classmethod
    @abstractmethod
    def fitted(cls, log: InteractionLog, users: npt.ArrayLike) -> Self:
        """Fit on these users' rows.

        Raises
        ------
        ValueError
            If the rule needs likes and dislikes and the data has none.
        """

    @abstractmethod
    def item_scores(self, history: History) -> FloatArray:
        """Return one score per item of the catalogue, shape ``(n_items,)``; higher is better."""

    def score(self, requests: Sequence[Request]) -> list[FloatArray]:
        """Return one score per candidate of each request."""
        return [self.item_scores(request.history)[self._candidates(request)] for request in requests]

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return the ``k`` best candidates of each request; ties keep the order of the candidates.

        A request that states no candidates is answered with new items: the catalogue less its history.
        """
        return [self._slate(request, k) for request in requests]

    def _slate(self, request: Request, k: int) -> Slate:
        candidates = self._candidates(request) if request.candidates else self._unmet(request.history)
        scores = self.item_scores(request.history)[candidates]
        best = highest(scores, k)
        entries = zip(candidates[best].tolist(), scores[best].tolist(), strict=True)
        return Slate(request, tuple(Recommendation(item, score) for item, score in entries))

    def _candidates(self, request: Request) -> IntArray:
        return np.array(request.candidates or range(len(self.catalog)), dtype=np.int64)

    def _unmet(self, history: History) -> IntArray:
        unmet = np.ones(len(self.catalog), dtype=np.bool_)
        unmet[list(history.items)] = False
        return np.flatnonzero(unmet)


def highest(scores: FloatArray, k: int) -> IntArray:
    """The places of the ``k`` highest scores, best first; ties keep their order. Shape ``(<= k,)``."""
    among = np.arange(len(scores))
    if 0 < k < len(scores):
        among = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
    return among[np.argsort(-scores[among], kind="stable")[:k]]


def answers(log: InteractionLog) -> BoolArray:
    """The likes of a log.

    Raises
    ------
    ValueError
        If the data has no likes and dislikes.
    """
    if log.liked is None:
        raise ValueError(f"data {log.name!r} has no likes and dislikes, so a rate of likes is not defined")
    return log.liked


def log_odds(likes: npt.ArrayLike, n: npt.ArrayLike, *, prior: float, strength: float) -> FloatArray:
    """Log-odds of the posterior mean of a rate: ``likes`` of ``n``, with ``strength`` rows at ``prior``."""
    rate = (np.asarray(likes) + strength * prior) / (np.asarray(n) + strength)
    odds: FloatArray = np.log(rate) - np.log1p(-rate)
    return odds
