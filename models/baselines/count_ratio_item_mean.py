"""Adds a user's leniency and an item's quality: the strongest rule here that knows no taste at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy.typing as npt

from ..data import FloatArray, History, InteractionLog
from ._family import Baseline
from .count_ratio import CountRatio
from .item_mean import ItemMean


@dataclass(frozen=True, kw_only=True, eq=False)
class CountRatioItemMean(Baseline):
    """Scores an item by the user's log-odds plus the item's, in equal parts.

    Both are in nats and damped, so their plain sum needs no weights: it is what naive Bayes says of
    two independent hints, but for a constant.
    """

    leniency: CountRatio
    quality: ItemMean

    @classmethod
    def fitted(cls, log: InteractionLog, users: npt.ArrayLike) -> Self:
        """Average these users' likes per item; the leniency is read off each history."""
        return cls(
            catalog=log.catalog,
            leniency=CountRatio.fitted(log, users),
            quality=ItemMean.fitted(log, users),
        )

    def item_scores(self, history: History) -> FloatArray:
        """Return the sum of both log-odds per item."""
        return self.leniency.item_scores(history) + self.quality.item_scores(history)
