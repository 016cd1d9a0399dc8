"""Gives items met by the same people codes that begin alike, by cutting the graph of who met what."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..data import FloatArray, IntArray, InteractionLog
from ._codebook import Codebook, kmeans, nearest
from ._windows import positives

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Places = Callable[[IntArray, int], FloatArray]
"""Where some items lie, for so many clusters to be found: shape ``(n,)`` to ``(n, d)``."""

DENSE = 600
"""Items or people up to which all singular vectors are worked out, which is quicker and never fails."""
GRAPH_SIZE, GRAPH_STEPS = 32, 3


def collaborative_ids(
    log: InteractionLog,
    users: IntArray,
    *,
    how: str,
    clusters: int,
    levels: int,
    rng: np.random.Generator,
) -> Codebook:
    """Cut the items into clusters, these into clusters, and number the items of the last ones.

    A group of at most ``clusters`` items is not cut again: its further codes are 0. The last code tells
    the items of a group apart, so no two items share a tuple, and there are as many as the largest group
    needs.

    Parameters
    ----------
    users : whose positive items make the graph.
    how : "spectral" cuts each cluster by its own part of the graph (SCI: Hua et al. 2023, How to Index Item
        IDs for Recommendation Foundation Models); "graph" by vectors smoothed once over all of it (GCI: Mei
        and Zhang 2023, with vectors trained as LightGCN's).
    clusters : into which a group is cut.
    levels : codes of an item; all but the last name clusters.
    """
    met = met_matrix(log, users)
    places: Places = _spectral(met, rng) if how == "spectral" else _smoothed(met, rng)
    codes = np.zeros((met.shape[1], levels), dtype=np.int64)
    groups = [np.arange(met.shape[1])]
    for level in range(levels - 1):
        groups = [
            part
            for group in groups
            for part in (
                _cut(group, places, clusters, codes[:, level], rng) if len(group) > clusters else [group]
            )
        ]
    for group in groups:
        codes[group, -1] = np.arange(len(group))
    sizes = (clusters,) * (levels - 1) + (max(map(len, groups)),)
    return Codebook(codes, sizes, how=f"{how} collaborative indexing")


def met_matrix(log: InteractionLog, users: IntArray) -> csr_array:
    """Which of the users met which item and liked it, 0 or 1, shape ``(n_users_given, n_items)``."""
    from scipy.sparse import csr_array

    pairs = [(row, item) for row, user in enumerate(users) for item in set(positives(log.history(int(user))))]
    owner, item = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    return csr_array((np.ones(len(item)), (owner, item)), shape=(max(1, len(users)), len(log.catalog)))


def _cut(
    group: IntArray, places: Places, clusters: int, column: IntArray, rng: np.random.Generator
) -> list[IntArray]:
    """Cut a group, write each part's code into ``column``, and give the parts.

    Where nothing tells nine in ten of the items apart, equal runs in the order of the first coordinate.
    """
    where = places(group, clusters)
    labels = nearest(where, kmeans(where, clusters, rng))
    if np.bincount(labels).max() > 0.9 * len(group):
        order = np.argsort(where[:, 0], kind="stable")
        labels[order] = np.arange(len(group)) * clusters // len(group)
    column[group] = labels
    return [group[labels == label] for label in np.unique(labels)]


def _balanced(met: csr_array) -> csr_array:
    """Each 1 over the roots of its row's and its column's sum."""
    from scipy.sparse import csr_array

    coo = met.tocoo()
    rows, columns = np.asarray(met.sum(axis=1)).ravel(), np.asarray(met.sum(axis=0)).ravel()
    values = 1 / np.sqrt(rows[coo.row] * columns[coo.col]) if coo.nnz else coo.data
    return csr_array((values, (coo.row, coo.col)), shape=met.shape)


def _spectral(met: csr_array, rng: np.random.Generator) -> Places:
    """Right singular vectors of the balanced matrix of a group, each row of length 1.

    They are the leading eigenvectors of the items' graph in which a person binds all pairs of items that he
    or she met by 1 / their number (Ng et al. 2002; Dhillon 2001). Items that nobody met lie at 0.
    """

    def places(group: IntArray, clusters: int) -> FloatArray:
        part = met[:, group]
        part = part[np.flatnonzero(np.asarray(part.sum(axis=1)).ravel() > 1)]
        vectors = _right_vectors(_balanced(part), clusters, rng)
        unit: FloatArray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return unit

    return places


def _right_vectors(matrix: csr_array, rank: int, rng: np.random.Generator) -> FloatArray:
    """The leading right singular vectors, shape ``(n_columns, rank)``; zeros where there are fewer."""
    from scipy.sparse.linalg import svds

    small = min(matrix.shape)
    if small <= max(DENSE, 2 * rank):
        right = np.linalg.svd(matrix.toarray(), full_matrices=False)[2][:rank]
    else:
        right = svds(matrix, k=rank, v0=rng.standard_normal(small), return_singular_vectors="vh")[2][::-1]
    found = np.zeros((matrix.shape[1], rank))
    found[:, : len(right)] = right.T
    return found


def _smoothed(met: csr_array, rng: np.random.Generator) -> Places:
    """Random vectors of users and items, averaged over 1 to 3 steps to the neighbours in the graph.

    LightGCN's propagation (He et al. 2020), without the vectors themselves, which are untrained
    and would be noise.
    """
    step = _balanced(met)
    people, items = (rng.standard_normal((size, GRAPH_SIZE)) for size in met.shape)
    total = np.zeros_like(items)
    for _ in range(GRAPH_STEPS):
        people, items = step @ items, step.T @ people
        total += items
    vectors: FloatArray = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)
    return lambda group, clusters: vectors[group]
