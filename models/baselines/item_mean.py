"""Expects of an item the share of likes that others gave it, whatever the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from ..data import FloatArray, History, InteractionLog
from ._family import Baseline, answers, log_odds


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemMean(Baseline):
    """Scores an item by the log-odds of its damped share of likes.

    Parameters
    ----------
    odds : log-odds of (likes + 5 m) / (interactions + 5) with m the share of likes over all items,
        shape ``(n_items,)``, nats; an item that nobody met sits at m.
    """

    odds: FloatArray

    @classmethod
    def fitted(cls, log: InteractionLog, users: npt.ArrayLike) -> Self:
        """Average these users' likes per item."""
        rows = log.only(users)
        liked = answers(rows)
        prior = (liked.sum() + 1) / (len(liked) + 2)
        likes = np.bincount(rows.item[liked], minlength=len(log.catalog))
        return cls(catalog=log.catalog, odds=log_odds(likes, rows.item_counts, prior=prior, strength=5.0))

    def item_scores(self, history: History) -> FloatArray:
        """Return the items' log-odds, whatever the history."""
        return self.odds
