"""Recommends what is most like the items a user liked, in the eyes of those who liked both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from ..data import FloatArray, History, IntArray, InteractionLog
from ._family import Baseline, highest
from ._together import baskets, liked_items, liked_together

NEIGHBOURS, SHRINKAGE = 100, 10.0
_ROWS = 512


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemKNN(Baseline):
    """Scores an item by its similarity to the liked items of the history, neighbour lists alone counting.

    score(i | H) = sum of s(j, i) over the liked j of H with i among the k items most similar to j, where
    s(j, i) = c(j, i) / (sqrt(c(j) c(i)) + h): c counts users who like an item, or both, and the shrinkage
    h draws similarities that rest on few users towards 0 (Deshpande and Karypis 2004; the shrinkage as in
    Ferrari Dacrema et al. 2019).

    Parameters
    ----------
    neighbours : the k items most similar to each item, shape ``(n_items, k)``.
    similarities : theirs, same shape, in [0, 1]; 0 fills the places of an item with fewer neighbours.
    """

    neighbours: IntArray
    similarities: FloatArray

    @classmethod
    def fitted(cls, log: InteractionLog, users: npt.ArrayLike) -> Self:
        """Count what these users like together."""
        return cls.with_settings(log, users)

    @classmethod
    def with_settings(
        cls,
        log: InteractionLog,
        users: npt.ArrayLike,
        *,
        k: int = NEIGHBOURS,
        shrinkage: float = SHRINKAGE,
    ) -> Self:
        """Count what these users like together, keeping ``k`` neighbours an item."""
        n, found = len(log.catalog), baskets(log, users)
        counts = np.bincount(np.concatenate(found), minlength=n).astype(np.float64)
        parts = []
        for start in range(0, n, _ROWS):
            items = range(start, min(n, start + _ROWS))
            norms = np.sqrt(np.outer(counts[items.start : items.stop], counts)) + shrinkage
            together = liked_together(found, items, n)
            similar = np.divide(together, norms, out=np.zeros_like(together), where=together > 0)
            similar[np.arange(len(items)), np.array(items)] = 0.0
            parts.append(_nearest(similar, min(k, n)))
        neighbours, similarities = (np.concatenate(part) for part in zip(*parts, strict=True))
        return cls(catalog=log.catalog, neighbours=neighbours, similarities=similarities)

    def item_scores(self, history: History) -> FloatArray:
        """Return the sums of similarities; 0 for an item near none of the liked ones."""
        liked = liked_items(history)
        weights = self.similarities[liked].ravel()
        near = self.neighbours[liked].ravel()
        scores: FloatArray = np.bincount(near, weights, minlength=len(self.catalog)).astype(np.float64)
        return scores


def _nearest(similar: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    """The ``k`` largest entries of each row, and where they are; ties go to the earlier item."""
    places, values = np.zeros((len(similar), k), dtype=np.int64), np.zeros((len(similar), k))
    for own, kept, row in zip(places, values, similar, strict=True):
        near = np.flatnonzero(row)
        near = near[highest(row[near], k)]
        own[: len(near)], kept[: len(near)] = near, row[near]
    return places, values
