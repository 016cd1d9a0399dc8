"""Recommends what most people met: the simplest rival of any recommender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy.typing as npt

from ..data import FloatArray, History, InteractionLog
from ._family import Baseline


@dataclass(frozen=True, kw_only=True, eq=False)
class Popularity(Baseline):
    """Scores an item by its number of interactions.

    Parameters
    ----------
    counts : interactions per item among the users it was fitted on, shape ``(n_items,)``.
    """

    counts: FloatArray

    @classmethod
    def fitted(cls, log: InteractionLog, users: npt.ArrayLike) -> Self:
        """Count these users' interactions."""
        return cls(catalog=log.catalog, counts=log.only(users).item_counts.astype(float))

    def item_scores(self, history: History) -> FloatArray:
        """Return the counts, whatever the history."""
        return self.counts
