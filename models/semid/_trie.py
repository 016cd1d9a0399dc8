"""Which codes may follow which, so that what a recommender writes is always an item of the catalogue.

The tuples of the catalogue form a tree: a state is a beginning that some item has. The states of a level
are numbered in the order of their codes, so the children of a state are neighbours in one long array and
are found by two numbers (Su et al. 2026, arXiv 2602.22647, lay a tree out so). All states of a batch are
looked up in one gather, with no loop over users or beams.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

import numpy as np

from ..base import ModelError
from ..data import BoolArray, IntArray

if TYPE_CHECKING:
    import torch


DENSE = 2**17
"""Levels with at most so many pairs of state and code keep their mask as a table."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Trie:
    """The valid tuples of codes as a tree; build one with :meth:`of`.

    Level ``l`` holds the beginnings of ``l`` codes; level 0 is the root, state 0. A state's number is
    its rank among the beginnings of its length, smallest codes first.

    Parameters
    ----------
    sizes : how many codes there are at each place of a tuple, L of them.
    codes : the codes of each item of the catalogue, allowed or not, shape ``(n_items, L)``.
    starts : per level, where each state's children begin, and the end, shape ``(n_states[l] + 1,)``;
        a child's place is its state at the next level.
    tokens : per level, the code that leads to each child, shape ``(n_states[l + 1],)``.
    leaves : where each tuple's items begin in ``ordered``, and the end, shape ``(n_states[L] + 1,)``.
    ordered : the allowed items in the order of their tuples, shape ``(n_allowed,)``.
    widths : per level, the most children that a state has.
    tables : which codes may follow, of the first levels, bool of shape ``(n_states[l], sizes[l])`` each.
    """

    sizes: tuple[int, ...]
    codes: IntArray
    starts: tuple[torch.Tensor, ...]
    tokens: tuple[torch.Tensor, ...]
    leaves: IntArray
    ordered: IntArray
    widths: tuple[int, ...]
    tables: tuple[torch.Tensor, ...]

    @classmethod
    def of(cls, codes: IntArray, sizes: tuple[int, ...], *, allowed: BoolArray | None = None) -> Trie:
        """Build the tree of a catalogue's tuples, shape ``(n_items, L)``, from one sort.

        Items that share a tuple share its leaf. ``allowed``, shape ``(n_items,)``, leaves items out.

        Raises
        ------
        ModelError
            If a code is not in its place's range, shapes do not fit, or no item is allowed.
        """
        codes = np.asarray(codes)
        if codes.ndim != 2 or codes.shape[1] != len(sizes) or not sizes:
            raise ModelError(
                f"semantic ids of shape {codes.shape} do not fit {len(sizes)} places; give (n_items, L)"
            )
        wrong = np.flatnonzero(((codes < 0) | (codes >= np.array(sizes))).any(axis=1))
        if len(wrong):
            given = codes[wrong[0]].tolist()
            raise ModelError(
                f"item {wrong[0]} has the codes {given}, with {list(sizes)} codes from 0 on to choose from"
            )
        return cls._grown(codes, sizes, np.lexsort(codes.T[::-1]), allowed)

    @classmethod
    def _grown(
        cls, codes: IntArray, sizes: tuple[int, ...], ordered: IntArray, allowed: BoolArray | None
    ) -> Trie:
        """Build the tree from items that are in the order of their tuples."""
        import torch

        if allowed is not None:
            ordered = ordered[_checked(allowed, len(codes))[ordered]]
        if not len(ordered):
            raise ModelError("no item is allowed, so there is no code to write; allow at least one item")
        rows = codes[ordered]
        opens = np.ones(rows.shape, dtype=np.bool_)
        opens[1:] = np.logical_or.accumulate(rows[1:] != rows[:-1], axis=1)
        firsts = [np.zeros(1, dtype=np.int64), *map(np.flatnonzero, opens.T)]
        starts = [np.append(np.searchsorted(below, above), len(below)) for above, below in pairwise(firsts)]
        tokens = [rows[at, level].astype(np.int64) for level, at in enumerate(firsts[1:])]
        small = takewhile(lambda level: len(firsts[level]) * sizes[level] <= DENSE, range(len(sizes)))
        tables = [_table(starts[level], tokens[level], sizes[level]) for level in small]
        return cls(
            sizes=sizes,
            codes=codes,
            starts=tuple(map(torch.from_numpy, starts)),
            tokens=tuple(map(torch.from_numpy, tokens)),
            leaves=np.append(firsts[-1], len(rows)),
            ordered=ordered,
            widths=tuple(int(np.diff(start).max()) for start in starts),
            tables=tuple(map(torch.from_numpy, tables)),
        )

    def __len__(self) -> int:
        """Count the distinct tuples."""
        return len(self.leaves) - 1

    def only(self, allowed: BoolArray) -> Trie:
        """The tree of those of its items that are allowed, shape ``(n_items,)``; nothing is sorted again.

        For withdrawn items ``only(~withdrawn)``, for new ones ``only(new)``.

        Raises
        ------
        ModelError
            If no item is left.
        """
        return self._grown(self.codes, self.sizes, self.ordered, allowed)

    def to(self, device: torch.device | str) -> Trie:
        """The same tree with its arrays on another device."""
        starts, tokens, tables = (
            tuple(array.to(device) for array in arrays) for arrays in (self.starts, self.tokens, self.tables)
        )
        return replace(self, starts=starts, tokens=tokens, tables=tables)

    def children(self, level: int, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What may follow each state of a level, shape ``(n,)``.

        Returns
        -------
        tokens, below, real
            Codes in ascending order, the states they lead to, and which are no filling; shape
            ``(n, widths[level])`` each. A row that has fewer children repeats its last.

        Raises
        ------
        ModelError
            If a state has no children, since it is none of this level.
        """
        import torch

        self._check(level, states)
        starts, tokens = self.starts[level], self.tokens[level]
        ends = starts[states + 1][:, None]
        at = starts[states][:, None] + torch.arange(self.widths[level], device=starts.device)
        below = torch.minimum(at, ends - 1)
        return tokens.index_select(0, below.flatten()).view_as(below), below, at < ends

    def legal(self, level: int, states: torch.Tensor) -> torch.Tensor:
        """Which codes may follow each state, bool of shape ``(n, sizes[level])``; no row is empty.

        Raises
        ------
        ModelError
            If a state has no children, since it is none of this level.
        """
        import torch

        if level < len(self.tables):
            self._check(level, states)
            return self.tables[level].index_select(0, states)
        tokens, _, _ = self.children(level, states)
        mask = torch.zeros(len(states), self.sizes[level], dtype=torch.bool, device=tokens.device)
        return mask.scatter_(1, tokens, True)

    def advance(self, level: int, states: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """The state at ``level + 1`` that each state's code leads to, shape ``(n,)``.

        Raises
        ------
        ModelError
            If no item has such a beginning.
        """
        follows, below, _ = self.children(level, states)
        found = follows == tokens[:, None]
        lost = (~found.any(dim=1)).nonzero()[:, 0].tolist()
        if lost:
            raise ModelError(
                f"code {int(tokens[lost[0]])} does not follow at place {level} of row {lost[0]}: "
                "no allowed item begins so; choose among what legal() gives"
            )
        return below.gather(1, found.int().argmax(dim=1, keepdim=True))[:, 0]

    def states(self, codes: torch.Tensor) -> torch.Tensor:
        """The state of the last level that each whole tuple, shape ``(n, L)``, ends in.

        Raises
        ------
        ModelError
            If a tuple is no allowed item's.
        """
        found = codes.new_zeros(len(codes))
        for level, tokens in enumerate(codes.T):
            found = self.advance(level, found, tokens)
        return found

    def items(self, states: Sequence[int]) -> list[tuple[int, ...]]:
        """The allowed items of each state of the last level, in ascending order."""
        return [tuple(self.ordered[self.leaves[s] : self.leaves[s + 1]].tolist()) for s in states]

    def _check(self, level: int, states: torch.Tensor) -> None:
        n_states = len(self.starts[level]) - 1
        if len(states) and not 0 <= int(states.min()) <= int(states.max()) < n_states:
            raise ModelError(
                f"a state given has no children: level {level} has the states 0 to {n_states - 1}"
            )


def _checked(allowed: BoolArray, n_items: int) -> BoolArray:
    if allowed.shape != (n_items,) or allowed.dtype != np.bool_:
        raise ModelError(
            f"the allow-list is {allowed.dtype} of shape {allowed.shape}; "
            f"give a yes or no to each of the {n_items} items"
        )
    return allowed


def _table(starts: IntArray, tokens: IntArray, size: int) -> BoolArray:
    table = np.zeros((len(starts) - 1, size), dtype=np.bool_)
    table[np.repeat(np.arange(len(table)), np.diff(starts)), tokens] = True
    return table
