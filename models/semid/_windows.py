"""People's last items as tuples of codes, filled up on the right: what is learnt from and asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..base import ModelError
from ..data import BoolArray, History, IntArray, InteractionLog

SPREAD = 2654435761
"""Knuth's multiplier (1973), which scatters the numbers of users over buckets."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Sequences of tuples, oldest first.

    Parameters
    ----------
    codes : shape ``(n, T, L)``; what lies past a row's length means nothing.
    lengths : items in each row, ``(n,)``.
    first : the first item of each row whose codes are to be learnt, ``(n,)``.
    users : whose row it is, ``(n,)``.
    """

    codes: IntArray
    lengths: IntArray
    first: IntArray
    users: IntArray

    def picked(self, places: IntArray) -> Rows:
        """The rows at these places, no wider than the longest of them."""
        lengths = self.lengths[places]
        codes = self.codes[places, : lengths.max(initial=0)]
        return Rows(codes, lengths, self.first[places], self.users[places])

    @property
    def counted(self) -> BoolArray:
        """Which items are to be learnt, shape ``(n, T)``."""
        place = np.arange(self.codes.shape[1])
        counted: BoolArray = (place >= self.first[:, None]) & (place < self.lengths[:, None])
        return counted

    def hashed(self, buckets: int) -> IntArray:
        """Each row's user as one of so many tokens; 0 for all if there are none."""
        found: IntArray = self.users * SPREAD % 2**32 % max(1, buckets)
        return found


def positives(history: History) -> tuple[int, ...]:
    """The liked items, oldest first; all of them where the data knows no likes."""
    if not history.liked:
        return history.items
    return tuple(item for item, liked in zip(history.items, history.liked, strict=True) if liked)


def of_histories(histories: Sequence[History], codes: IntArray, *, length: int) -> Rows:
    """The last ``length`` positive items of each history."""
    kept = [(positives(history)[-length:], 0, history.user) for history in histories]
    return _rows(kept, codes)


def of_sequences(log: InteractionLog, users: IntArray, codes: IntArray, *, length: int) -> Rows:
    """Rows in which every positive item is learnt once, after up to ``length`` others.

    A long sequence is cut into rows of ``length + 1`` that share an item, from the latest backwards; only
    the earliest row learns its first item, from nothing before it.

    Raises
    ------
    ModelError
        If no user has two positive items.
    """
    found = []
    for user in users.tolist():
        items = positives(log.history(user))
        end = len(items)
        while end > 1:
            start = max(0, end - length - 1)
            found.append((items[start:end], min(start, 1), user))
            end = start + 1
    return _rows(_some(found), codes)


def of_next_items(log: InteractionLog, users: IntArray, codes: IntArray, *, length: int) -> Rows:
    """One row for every positive item but a user's first: it and up to ``length`` items before it.

    Raises
    ------
    ModelError
        If no user has two positive items.
    """
    found = []
    for user in users.tolist():
        items = positives(log.history(user))
        for end in range(2, len(items) + 1):
            kept = items[max(0, end - length - 1) : end]
            found.append((kept, len(kept) - 1, user))
    return _rows(_some(found), codes)


def _some(found: list[tuple[tuple[int, ...], int, int]]) -> list[tuple[tuple[int, ...], int, int]]:
    if not found:
        raise ModelError("no user to train on has two positive items, so there is no next item to learn")
    return found


def _rows(found: Sequence[tuple[Sequence[int], int, int]], codes: IntArray) -> Rows:
    lengths = np.array([len(items) for items, _, _ in found], dtype=np.int64)
    filled = np.zeros((len(found), int(lengths.max(initial=0))), dtype=np.int64)
    for row, (items, _, _) in enumerate(found):
        filled[row, : len(items)] = items
    first, users = (np.array([one[part] for one in found], dtype=np.int64) for part in (1, 2))
    return Rows(codes[filled], lengths, first, users)
