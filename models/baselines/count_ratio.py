"""Expects of a user the share of likes that the user's history shows, whatever the item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from ..data import FloatArray, History, InteractionLog
from ._family import Baseline, log_odds


@dataclass(frozen=True, kw_only=True, eq=False)
class CountRatio(Baseline):
    """Scores every item by the log-odds of (likes + 1) / (likes + dislikes + 2) in the history.

    It measures a user's leniency and knows no item: the order of its slates is the candidates' own.
    For histories of one length it orders users exactly as likes / (likes + dislikes) does.
    """

    @classmethod
    def fitted(cls, log: InteractionLog, users: npt.ArrayLike) -> Self:
        """Learn nothing; the rule has no parameters."""
        return cls(catalog=log.catalog)

    def item_scores(self, history: History) -> FloatArray:
        """Return one value for all items; a history without likes and dislikes scores 0."""
        leniency = log_odds(sum(history.liked), len(history.liked), prior=0.5, strength=2.0)
        return np.full(len(self.catalog), float(leniency))
