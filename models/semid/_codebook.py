"""Turns the vector of an item into a tuple of codes, so that items alike begin alike."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..base import ModelError
from ..data import FloatArray, IntArray
from ._text_reader import Packing, TextReader

MOST_FOR_WHOLE_SETS = 8_000_000
"""Vectors times codes above which k-means sees small batches instead of all vectors at once."""


@dataclass(frozen=True, eq=False)
class Codebook:
    """The codes of every item of a catalogue.

    Parameters
    ----------
    codes : ``(n_items, L)``; ``codes[i, l]`` lies in ``[0, sizes[l])``.
    sizes : how many codes each level has.
    tables : the vector of each code, one array ``(sizes[l], d)`` a level; levels without vectors, such as
        a last digit that only tells items apart, have none and come last.
    how : how the codes were made, for the record.
    errors : the share of the item vectors' variance that the first level, the first two, ... leave
        unexplained, in [0, 1] where each level helps; empty where it is not known.
    reader : gives a text the vector that it is coded from; None where codes do not come from words.
    packing : brings such a vector into the space of the tables; None where it lies there already.
    """

    codes: IntArray
    sizes: tuple[int, ...]
    tables: list[FloatArray] = field(default_factory=list)
    how: str = ""
    errors: tuple[float, ...] = ()
    reader: TextReader | None = None
    packing: Packing | None = None

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or self.codes.shape[1] != len(self.sizes):
            raise ModelError(f"codes of shape {self.codes.shape} do not fit {len(self.sizes)} levels")
        if self.codes.size and (self.codes.min() < 0 or np.any(self.codes.max(axis=0) >= self.sizes)):
            raise ModelError(f"codes must lie in [0, size) of their level, the sizes are {self.sizes}")


def residual_kmeans(
    vectors: FloatArray, sizes: Sequence[int], rng: np.random.Generator, *, spread_last: bool = False
) -> Codebook:
    """K-means on the vectors, then on what is left of each, and so on, a level at a time.

    ``c_l = argmin_k |r_l - e_lk|^2`` with ``r_1 = x`` and ``r_(l+1) = r_l - e_(l, c_l)``.

    Parameters
    ----------
    vectors : shape ``(n_items, d)``.
    sizes : the number of codes of each level.
    spread_last : give items that agree in all but the last code different last codes, see `spread`.

    Raises
    ------
    ModelError
        If there are no levels or no vectors, or a vector is not finite.
    """
    _check(vectors, sizes)
    tables: list[FloatArray] = []
    left = vectors
    for size in sizes:
        tables.append(kmeans(left, size, rng))
        left = left - tables[-1][nearest(left, tables[-1])]
    codes, errors = residual_codes(vectors, tables, spread_last=spread_last)
    how = "residual k-means" + (", last level spread" if spread_last else "")
    return Codebook(codes, tuple(sizes), tables, how, errors)


def residual_codes(
    vectors: FloatArray, tables: Sequence[FloatArray], *, spread_last: bool = False
) -> tuple[IntArray, tuple[float, ...]]:
    """The codes of vectors in tables that exist already, and the variance left after each level."""
    left = vectors
    codes: list[IntArray] = []
    errors: list[float] = []
    for level, table in enumerate(tables):
        if spread_last and level == len(tables) - 1:
            codes.append(spread(left, table, np.stack(codes, axis=1) if codes else None))
        else:
            codes.append(nearest(left, table))
        left = left - table[codes[-1]]
        errors.append(left_unexplained(left, vectors))
    return np.stack(codes, axis=1), tuple(errors)


def product_quantised(vectors: FloatArray, sizes: Sequence[int], rng: np.random.Generator) -> Codebook:
    """K-means on ``L`` parts of the vector, each on its own; the order of the codes means nothing.

    Column ``j`` goes to part ``j mod L``, so that vectors whose columns fall in variance, as a singular
    value decomposition gives them, are dealt out evenly (Jegou et al. 2011; Ge et al. 2013 for the balance).

    Raises
    ------
    ModelError
        As `residual_kmeans`, and if there are more levels than columns.
    """
    _check(vectors, sizes)
    levels = len(sizes)
    if levels > vectors.shape[1]:
        raise ModelError(
            f"{levels} levels need {levels} columns or more, the vectors have {vectors.shape[1]}"
        )
    left = vectors - vectors.mean(axis=0)
    tables, codes, errors = [], [], []
    for level, size in enumerate(sizes):
        part = vectors[:, level::levels]
        tables.append(kmeans(part, size, rng))
        codes.append(nearest(part, tables[-1]))
        left[:, level::levels] = part - tables[-1][codes[-1]]
        errors.append(left_unexplained(left, vectors))
    return Codebook(np.stack(codes, axis=1), tuple(sizes), tables, "product quantisation", tuple(errors))


def with_digit(codebook: Codebook) -> Codebook:
    """The same codes and one more that numbers the items of a shared tuple, in the catalogue's order.

    Afterwards no two items share a tuple; the new level has as many codes as the largest group has items
    (Rajput et al. 2023).
    """
    _, group = np.unique(codebook.codes, axis=0, return_inverse=True)
    group = group.reshape(-1)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], group[order])
    digit = np.empty(len(group), dtype=np.int64)
    digit[order] = np.arange(len(group)) - starts
    return replace(
        codebook,
        codes=np.column_stack([codebook.codes, digit]),
        sizes=(*codebook.sizes, int(digit.max(initial=0)) + 1),
        how=f"{codebook.how}, with a digit that tells apart",
    )


def nearest(vectors: FloatArray, table: FloatArray) -> IntArray:
    """The code whose vector is nearest in the table, shape ``(n,)``; the lower code where two are."""
    codes: IntArray = squared_distances(vectors, table).argmin(axis=1)
    return codes


def squared_distances(vectors: FloatArray, table: FloatArray) -> FloatArray:
    """``|x_i - e_k|^2``, shape ``(n, K)``."""
    cross = vectors @ table.T
    distances: FloatArray = np.square(vectors).sum(axis=1)[:, None] - 2 * cross + np.square(table).sum(axis=1)
    return np.maximum(distances, 0.0)


def spread(vectors: FloatArray, table: FloatArray, before: IntArray | None = None) -> IntArray:
    """Codes for which items with equal ``before`` share one only if there are more of them than codes.

    Within such a group no code is left out and each is given to at most ``m`` items, where
    ``(m - 1) K < n <= m K``, so that the sum of squared distances is least: the limit of Zheng et al.
    (2024), who solve the same transport with Sinkhorn's entropy term and may keep collisions.

    Parameters
    ----------
    before : the codes of the levels before, ``(n_items, l)``; None for one group of all items.
    """
    from scipy.optimize import linear_sum_assignment

    codes = nearest(vectors, table)
    group = np.zeros(len(vectors), dtype=np.int64)
    if before is not None:
        group = np.unique(before, axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(group, kind="stable")
    for items in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        if len(np.unique(codes[items])) < len(items):
            seats = np.tile(np.arange(len(table)), -(-len(items) // len(table)))
            costs = squared_distances(vectors[items], table)[:, seats]
            # The first seat of a code is worth more than all distances, so none stays empty without need.
            costs[:, : len(table)] -= len(items) * (1 + np.ptp(costs))
            codes[items] = seats[linear_sum_assignment(costs)[1]]
    return codes


def kmeans(vectors: FloatArray, size: int, rng: np.random.Generator) -> FloatArray:
    """``size`` centres, shape ``(size, d)``; where fewer vectors differ, some centres are repeated."""
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    clusters = min(size, len(vectors))
    seed = int(rng.integers(2**31))
    whole = len(vectors) * size <= MOST_FOR_WHOLE_SETS
    with warnings.catch_warnings():
        # A repeated centre is a code that no item takes, which the figures of a codebook show.
        warnings.simplefilter("ignore", ConvergenceWarning)
        if whole:
            fitted = KMeans(clusters, n_init=1, random_state=seed).fit(vectors)
        else:
            fitted = MiniBatchKMeans(clusters, n_init=1, batch_size=4096, random_state=seed).fit(vectors)
    centres: FloatArray = np.asarray(fitted.cluster_centers_, dtype=np.float64)
    return centres[np.minimum(np.arange(size), clusters - 1)]


def left_unexplained(left: FloatArray, vectors: FloatArray) -> float:
    """``sum |left|^2 / sum |x - mean|^2``; 0 where the vectors do not vary and nothing is left."""
    variance = float(np.square(vectors - vectors.mean(axis=0)).sum())
    rest = float(np.square(left).sum())
    return rest / variance if variance > 0 else rest


def _check(vectors: FloatArray, sizes: Sequence[int]) -> None:
    if not sizes or min(sizes) < 1:
        raise ModelError(f"a codebook needs one level or more with one code or more, got {tuple(sizes)}")
    if vectors.ndim != 2 or not vectors.size or not np.isfinite(vectors).all():
        raise ModelError(f"codes need finite item vectors of shape (n_items, d), got {vectors.shape}")
