"""What the simple baselines share: one score per item and history, and the ordering that follows from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from ..base import Recommendation, Request, Slate
from ..data import BoolArray, Catalog, FloatArray, History, InteractionLog


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
        """Return the ``k`` best candidates of each request; ties keep the order of the candidates."""
        slates = []
        for request, scores in zip(requests, self.score(requests), strict=True):
            candidates = self._candidates(request)
            best = np.argsort(-scores, kind="stable")[:k]
            entries = (Recommendation(int(candidates[place]), float(scores[place])) for place in best)
            slates.append(Slate(request, tuple(entries)))
        return slates

    def _candidates(self, request: Request) -> npt.NDArray[np.int64]:
        return np.array(request.candidates or range(len(self.catalog)), dtype=np.int64)


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
