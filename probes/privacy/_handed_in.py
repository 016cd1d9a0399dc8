"""What an attacker is given of people on both sides, and how the answers about it become evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from ...models.base import Recommender
from ...models.data import BoolArray, FloatArray, History, IntArray

Column = npt.NDArray[Any]


class HandedIn(Protocol):
    """Rows that a model is asked about, those of a person together, and how it is asked."""

    @property
    def user(self) -> IntArray:
        """The user behind each row, shape ``(n_rows,)``."""
        ...

    @property
    def member(self) -> BoolArray:
        """Whether the row's user was trained on, shape ``(n_rows,)``."""
        ...

    @property
    def dropped(self) -> int:
        """Rows left out because the other side holds nearly the same one."""
        ...

    @property
    def facts(self) -> Mapping[str, object]:
        """What the attacker holds and sees, for the record."""
        ...

    def people(self) -> Sequence[History]:
        """All that is handed in of each person, users ascending."""
        ...

    def of_users(self, users: IntArray) -> Self:
        """The rows of these users alone."""
        ...

    def known(self, model: Recommender) -> FloatArray:
        """How well a model knows each row, on a log scale; higher is better. Shape ``(n_rows,)``."""
        ...

    def plain(self, known: FloatArray) -> FloatArray:
        """The score of an attacker who has no other model to compare with, from ``known``."""
        ...


def twins(keys: npt.NDArray[np.uint64], row: IntArray, member: BoolArray) -> BoolArray:
    """The rows that share a key with a row of the other side.

    Parameters
    ----------
    keys, row : one key a line and the row it belongs to, shape ``(n_keys,)``.
    member : the side of each row, shape ``(n_rows,)``.
    """
    found = np.zeros(len(member), dtype=np.bool_)
    side = member[row]
    for own in (side, ~side):
        found[row[own][np.isin(keys[own], keys[~own])]] = True
    return found


def user_means(values: FloatArray, user: IntArray) -> FloatArray:
    """Mean of the rows of each user, users ascending, shape ``(n_users,)``."""
    _, place, n = np.unique(user, return_inverse=True, return_counts=True)
    means: FloatArray = np.bincount(place, weights=values) / n
    return means


def per_user(rows: HandedIn, scores: Mapping[str, FloatArray], *, part: str) -> dict[str, Column]:
    """Evidence with one line a user: the mean score over ``examples`` rows, users ascending."""
    users, first, n = np.unique(rows.user, return_index=True, return_counts=True)
    means = {name: user_means(values, rows.user) for name, values in scores.items()}
    return _table(users, rows.member[first], n, part) | means


def per_row(rows: HandedIn, scores: Mapping[str, FloatArray], *, part: str) -> dict[str, Column]:
    """Evidence with one line an example."""
    return _table(rows.user, rows.member, np.ones(len(rows.user), dtype=np.int64), part) | dict(scores)


def joined(tables: Sequence[Mapping[str, Column]]) -> dict[str, Column]:
    """Tables one below another; a score that a table lacks is NaN there."""
    names = dict.fromkeys(name for table in tables for name in table)
    return {
        name: np.concatenate([table.get(name, np.full(len(table["cluster"]), np.nan)) for table in tables])
        for name in names
    }


def _table(user: IntArray, member: BoolArray, n: IntArray, part: str) -> dict[str, Column]:
    return {"cluster": user, "member": member, "examples": n, "set": np.full(len(user), part)}
