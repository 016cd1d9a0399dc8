"""People as rows over the catalogue: which items each one likes, and how much each of them counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..data import BoolArray, FloatArray, History, IntArray, InteractionLog

if TYPE_CHECKING:
    import torch

Weigh = Callable[[IntArray, IntArray], FloatArray]
"""Each interaction's place among its person's and their number, to its value; shapes ``(n_rows,)``."""


@dataclass(frozen=True, eq=False)
class People:
    """Rows of items, one a person, oldest item first.

    Parameters
    ----------
    starts : where each person's items begin, shape ``(n_people + 1,)``.
    items : shape ``(n_interactions,)``.
    values : what each counts, same shape.
    width : items in the catalogue.
    """

    starts: IntArray
    items: IntArray
    values: FloatArray
    width: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def picked(self, places: IntArray) -> People:
        """The people at these places, in that order."""
        counts = self.counts[places]
        starts = np.concatenate([[0], np.cumsum(counts)])
        at = np.repeat(self.starts[places] - starts[:-1], counts) + np.arange(starts[-1])
        return People(starts, self.items[at], self.values[at], self.width)

    @property
    def counts(self) -> IntArray:
        """Items of each person."""
        return np.diff(self.starts)

    @property
    def owner(self) -> IntArray:
        """The person's place behind each item."""
        return np.repeat(np.arange(len(self)), self.counts)

    def dense(self) -> torch.Tensor:
        """One row a person over the whole catalogue, shape ``(n_people, width)``; 0 where there is none."""
        import torch

        rows = torch.zeros(len(self), self.width)
        rows[torch.from_numpy(self.owner), torch.from_numpy(self.items)] = torch.from_numpy(
            self.values.astype(np.float32)
        )
        return rows


def of_log(log: InteractionLog, users: IntArray, weigh: Weigh) -> tuple[People, IntArray]:
    """The people of a log who like something, and which user each is.

    An item counts as liked where the data say so, and where they say nothing of likes, if it was met; of
    items met twice the last time counts.
    """
    rows = log.only(users)
    user, item = rows.user, rows.item
    if rows.liked is not None:
        user, item = user[rows.liked], item[rows.liked]
    keep = _last_time(user, item, len(log.catalog))
    user, item = user[keep], item[keep]
    owners, counts = np.unique(user, return_counts=True)
    return _people(counts, item, len(log.catalog), weigh), owners


def of_histories(histories: Sequence[History], width: int, weigh: Weigh) -> People:
    """The same of histories, one person each; a history without a like is an empty row."""
    lengths = np.array([len(history) for history in histories], dtype=np.int64)
    item = np.array([item for history in histories for item in history.items], dtype=np.int64)
    liked = np.array([like for own in histories for like in own.liked or (True,) * len(own)], dtype=np.bool_)
    person = np.repeat(np.arange(len(histories)), lengths)[liked]
    item = item[liked]
    keep = _last_time(person, item, width)
    person, item = person[keep], item[keep]
    return _people(np.bincount(person, minlength=len(histories)), item, width, weigh)


def _people(counts: IntArray, items: IntArray, width: int, weigh: Weigh) -> People:
    starts = np.concatenate([[0], np.cumsum(counts)])
    place = np.arange(len(items)) - np.repeat(starts[:-1], counts)
    return People(starts, items, weigh(place, np.repeat(counts, counts)), width)


def _last_time(person: IntArray, item: IntArray, width: int) -> BoolArray:
    """Which rows hold the last time that a person met an item; rows are in order of time."""
    pair = person * width + item
    _, last = np.unique(pair[::-1], return_index=True)
    kept = np.zeros(len(pair), dtype=np.bool_)
    kept[len(pair) - 1 - last] = True
    return kept


def alike(place: IntArray, count: IntArray) -> FloatArray:
    """Every interaction counts 1."""
    return np.ones(len(place))
