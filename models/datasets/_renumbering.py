"""Finds which item of one numbering is which item of another, when both tell of the same people's doings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data import IntArray

Colours = npt.NDArray[np.uint64]

ROUNDS = 6


def matched_items(
    ours: tuple[IntArray, IntArray], theirs: tuple[IntArray, IntArray], n_items: int
) -> IntArray:
    """Our item for each of theirs, -1 where no item or more than one fits; shape ``(n_items,)``.

    Colours are refined in rounds: a user's is made from those of the user's items, an item's from those of
    its users (Weisfeiler and Leman 1968). Items are one if they alone have their colour on both sides. The
    order of a user's items is not looked at, since two files may break ties of time in two ways.

    Parameters
    ----------
    ours, theirs : each row's user and item.
    """
    our_colours, their_colours = _colours(*ours, n_items), _colours(*theirs, n_items)
    sides = [np.unique(side, return_index=True, return_counts=True) for side in (our_colours, their_colours)]
    alone = [(found[counts == 1], where[counts == 1]) for found, where, counts in sides]
    _, in_ours, in_theirs = np.intersect1d(alone[0][0], alone[1][0], return_indices=True)
    item: IntArray = np.full(n_items, -1, dtype=np.int64)
    item[alone[1][1][in_theirs]] = alone[0][1][in_ours]
    return item


def _colours(user: IntArray, item: IntArray, n_items: int) -> Colours:
    colour: Colours = np.zeros(n_items, dtype=np.uint64)
    for _ in range(ROUNDS):
        of_users: Colours = np.zeros(int(user.max()) + 1, dtype=np.uint64)
        np.add.at(of_users, user, _mixed(colour[item]))
        colour = np.zeros(n_items, dtype=np.uint64)
        np.add.at(colour, item, _mixed(of_users[user]))
    return colour


def _mixed(value: Colours) -> Colours:
    """Scatter 64-bit numbers so that sums of them tell sets apart (Steele et al. 2014, splitmix64)."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
