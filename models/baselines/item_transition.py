"""Recommends what came soon after the items that a user liked last: a rule of counting for sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from ..data import FloatArray, History, IntArray, InteractionLog
from ._family import Baseline
from ._together import liked_items

WITHIN, RECENT = 3, 5


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemTransition(Baseline):
    """Scores an item by how often it followed the last liked items of the history, the latest counting most.

    score(i | H) = sum over r = 1 .. 5 of t(j_r, i) / r, j_r being the item that was liked r-th last;
    t(j, i) = c(j, i) / sum over all i of c(j, i), where c(j, i) counts the times that somebody liked i at
    most three places after j, in the order of likes (all that was met where the data has no likes). So
    an item with many followers says no more than one with few. The rule of sequences and its weights are
    those of Ludewig and Jannach 2018 (sequential rules), with a count that is flat within its three places.

    Parameters
    ----------
    starts : where each item's followers begin, shape ``(n_items + 1,)``.
    followers : the items that came after, shape ``(n_pairs,)``, ascending for each item.
    shares : t of each pair, same shape; they sum to 1 over an item's followers.
    recent : how many of the last liked items count.
    """

    starts: IntArray
    followers: IntArray
    shares: FloatArray
    recent: int = RECENT

    @classmethod
    def fitted(cls, log: InteractionLog, users: npt.ArrayLike) -> Self:
        """Count what these users liked one soon after the other."""
        return cls.with_settings(log, users)

    @classmethod
    def with_settings(
        cls, log: InteractionLog, users: npt.ArrayLike, *, within: int = WITHIN, recent: int = RECENT
    ) -> Self:
        """Count what these users liked at most ``within`` places after another item."""
        n, rows = len(log.catalog), log.only(users)
        if rows.liked is not None:
            rows = rows.take(np.flatnonzero(rows.liked))
        pairs, counts = np.unique(_followed(rows.user, rows.item, within, n), return_counts=True)
        item, followers = np.divmod(pairs, n)
        totals = np.bincount(item, weights=counts, minlength=n)
        return cls(
            catalog=log.catalog,
            starts=np.searchsorted(item, np.arange(n + 1)),
            followers=followers,
            shares=counts / totals[item],
            recent=recent,
        )

    def item_scores(self, history: History) -> FloatArray:
        """Return the weighted sums of shares; 0 for an item that followed none of the last liked ones."""
        scores = np.zeros(len(self.catalog))
        for place, item in enumerate(_latest(history)[: self.recent], start=1):
            own = slice(int(self.starts[item]), int(self.starts[item + 1]))
            scores[self.followers[own]] += self.shares[own] / place
        return scores


def _followed(user: IntArray, item: IntArray, within: int, n_items: int) -> IntArray:
    """Each item and one that followed it, as item * n_items + follower; no item follows itself."""
    found = [np.zeros(0, dtype=np.int64)]
    for gap in range(1, within + 1):
        before, after = item[:-gap], item[gap:]
        pair = (user[:-gap] == user[gap:]) & (before != after)
        found.append(before[pair] * n_items + after[pair])
    return np.concatenate(found)


def _latest(history: History) -> list[int]:
    """The liked items, each once, the one liked last first."""
    return liked_items(history.reordered(range(len(history))[::-1]))
