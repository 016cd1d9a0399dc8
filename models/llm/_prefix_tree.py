"""Score many prompts that begin alike in one pass: each distinct beginning is computed once.

The prompts are merged into a tree of tokens. All nodes of a tree go through the model as one sequence in
which a token attends to its ancestors only and stands at the position of its depth, so every prompt gets
the numbers it would get alone, up to rounding. (The same masks serve speculative decoding: Miao et al.
2024, SpecInfer, ASPLOS.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..data import BoolArray, IntArray


@dataclass(frozen=True)
class PromptTree:
    """Prompts merged by their beginnings.

    Parameters
    ----------
    tokens, depths : token id and position of every node, shape ``(n_nodes,)``; parents come first.
    sees : which nodes a node attends to: itself and its ancestors, shape ``(n_nodes, n_nodes)``.
    leaves : the node of each prompt's last token, shape ``(n_prompts,)``.
    prompts : which of the caller's prompts these are, shape ``(n_prompts,)``.
    """

    tokens: IntArray
    depths: IntArray
    sees: BoolArray
    leaves: IntArray
    prompts: IntArray

    def __len__(self) -> int:
        return len(self.tokens)


def grow_trees(prompts: Sequence[Sequence[int]], *, most_nodes: int) -> Iterator[PromptTree]:
    """Merge prompts that share most of their tokens into trees of at most ``most_nodes`` nodes each.

    Prompts that share less than half are kept apart, since a larger tree costs more attention than it
    saves. A tree that would grow too large is closed between prompts that share little, so that the
    variants of one request stand in one tree, where possible, and differ by nothing but their text. A
    single longer prompt is a tree of its own.

    Raises
    ------
    ValueError
        If a prompt is empty.
    """
    if not prompts:
        return
    lengths = np.array([len(prompt) for prompt in prompts])
    if lengths.min() == 0:
        raise ValueError("an empty prompt has no last token to read an answer from")
    padded = np.full((len(prompts), lengths.max()), -1, dtype=np.int64)
    padded[np.arange(lengths.max()) < lengths[:, None]] = np.concatenate([np.asarray(p) for p in prompts])
    order = np.lexsort(padded.T[::-1])
    padded, lengths = padded[order], lengths[order]
    shared = _shared_beginnings(padded, lengths)
    for start, stop in _cuts(shared, lengths, most_nodes):
        yield _merge(padded[start:stop], lengths[start:stop], shared[start:stop], order[start:stop])


def _shared_beginnings(padded: IntArray, lengths: IntArray) -> IntArray:
    """How many first tokens each row shares with the row before it; 0 for the first row."""
    differs = padded[1:] != padded[:-1]
    first = np.where(differs.any(axis=1), differs.argmax(axis=1), padded.shape[1])
    return np.concatenate([[0], np.minimum(first, np.minimum(lengths[1:], lengths[:-1]))])


def _cuts(shared: IntArray, lengths: IntArray, most_nodes: int) -> Iterator[tuple[int, int]]:
    """Split the sorted rows into ranges, one a tree, cutting before the rows that share least."""
    apart = np.flatnonzero(2 * shared < lengths)
    for first, end in zip(apart, [*apart[1:], len(lengths)], strict=True):
        start = int(first)
        while start < end:
            grown = np.cumsum(np.r_[lengths[start], (lengths - shared)[start + 1 : end]])
            stop = start + max(1, int(np.searchsorted(grown, most_nodes, side="right")))
            if stop < end:
                half = start + max(1, (stop - start) // 2)
                stop = half + int(shared[half : stop + 1].argmin())
            yield start, stop
            start = stop


def _merge(padded: IntArray, lengths: IntArray, shared: IntArray, prompts: IntArray) -> PromptTree:
    shared = np.r_[0, shared[1:]]
    n_nodes = int((lengths - shared).sum())
    path = np.zeros(padded.shape[1], dtype=np.int64)
    tokens, depths = np.empty(n_nodes, dtype=np.int64), np.empty(n_nodes, dtype=np.int64)
    sees, leaves = np.zeros((n_nodes, n_nodes), dtype=np.bool_), np.empty(len(lengths), dtype=np.int64)
    done = 0
    for row, (length, common) in enumerate(zip(lengths.tolist(), shared.tolist(), strict=True)):
        new = slice(done, done + length - common)
        path[common:length] = np.arange(new.start, new.stop)
        tokens[new], depths[new] = padded[row, common:length], np.arange(common, length)
        sees[new, path[:common]] = True
        sees[new, new] = np.tri(length - common, dtype=np.bool_)
        leaves[row], done = path[length - 1], new.stop
    return PromptTree(tokens, depths, sees, leaves, prompts)
