"""Matches lists without names: which of the second visit's is most like each of the first's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...models.data import FloatArray, History, IntArray, InteractionLog

DIRECTIONS = 8
TIED = 1e-9
"""Similarities closer than this are equal but for rounding."""


def similarities(
    first: IntArray, second: IntArray, *, met_first: IntArray, met_second: IntArray
) -> FloatArray:
    """Cosine of lists as weighted sets of items, shape ``(n_first, n_second)``, in [0, 1].

    An item weighs log(1 + N/n), with n of all N lists holding it. In the length of a list, items that the
    other visit had met do not count. A list without others is like none.

    Parameters
    ----------
    first, second : lists, none of their items met before, -1 for an empty place, shape ``(n_lists, k)``.
    met_first, met_second : what each visit had met, -1 to fill up, shape ``(n_lists, any)``.
    """
    parts = (first, second, met_first, met_second)
    items, place = np.unique(np.concatenate([part.ravel() for part in parts]), return_inverse=True)
    ends = np.cumsum([part.size for part in parts])[:-1]
    one, two, before_one, before_two = (
        _held(own.reshape(part.shape), items)
        for own, part in zip(np.split(place.reshape(-1), ends), parts, strict=True)
    )
    holders = one.sum(axis=0) + two.sum(axis=0)
    squared = np.square(np.log1p((len(first) + len(second)) / np.maximum(1.0, holders)))
    shared = (one * squared) @ two.T
    length_one = (one * squared).sum(axis=1)[:, None] - (one * squared) @ before_two.T
    length_two = (two * squared).sum(axis=1)[None] - before_one @ (two * squared).T
    lengths = np.sqrt(np.maximum(length_one, 0.0) * np.maximum(length_two, 0.0))
    found: FloatArray = np.divide(shared, lengths, out=np.zeros_like(shared), where=shared > TIED)
    return found


def _held(place: IntArray, items: IntArray) -> FloatArray:
    """1 where a row holds an item, shape ``(n_rows, n_items)``."""
    held = np.zeros((len(place), len(items)))
    held[np.arange(len(place))[:, None], place] = 1.0
    held[:, items < 0] = 0.0
    return held


def matches(alike: FloatArray) -> FloatArray:
    """The chance that an observer names each list: 1/t for each of the t most alike, else 0.

    Parameters
    ----------
    alike : similarities, shape ``(n_first, n_second)``.

    Returns
    -------
    FloatArray
        Same shape; rows sum to 1.
    """
    best = alike >= alike.max(axis=1, keepdims=True) - TIED
    chances: FloatArray = best / best.sum(axis=1, keepdims=True)
    return chances


def permuted_p(matched: FloatArray, *, n_permutations: int, rng: np.random.Generator) -> float:
    """The share of re-orderings of the second visit with as many right matches, the real order included.

    Parameters
    ----------
    matched : chances of each match, the right ones on the diagonal, shape ``(n, n)``.

    Notes
    -----
    p = (1 + #{T* >= T})/(n_permutations + 1) (Phipson and Smyth 2010), T the sum of right matches. Its mean
    over all orders is exactly 1, so that guessing is right 1/n of the time.
    """
    n, rows = len(matched), np.arange(len(matched))
    observed = matched.trace()
    drawn = [matched[rows, rng.permutation(n)].sum() for _ in range(n_permutations)]
    return float(1 + np.count_nonzero(np.array(drawn) >= observed - TIED)) / (n_permutations + 1)


def anonymity(lists: IntArray) -> IntArray:
    """How many people got the same items as each, shape ``(n_users,)``; 1 for a list of one's own."""
    _, group, sizes = np.unique(np.sort(lists, axis=1), axis=0, return_inverse=True, return_counts=True)
    crowd: IntArray = sizes[group.reshape(-1)].astype(np.int64)
    return crowd


def main_directions(log: InteractionLog, *, rng: np.random.Generator) -> FloatArray:
    """Where each item lies by who likes it, shape ``(n_items, d)``, d at most 8.

    The leading right singular vectors of A_ui / sqrt(n_i + 1), divided by sqrt(n_i + 1) again, A_ui = 1 where
    u likes i (or meets it, where the data know no likes) and n_i its column sums.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import svds

    liked = np.ones(len(log), dtype=np.bool_) if log.liked is None else log.liked
    user, item = np.unique(np.stack([log.user[liked], log.item[liked]]), axis=1)
    shape = (log.n_users, len(log.catalog))
    weight = 1 / np.sqrt(np.bincount(item, minlength=shape[1]) + 1.0)
    rank = min(DIRECTIONS, min(shape) - 1)
    if rank < 1 or not len(item):
        return np.zeros((shape[1], 1))
    rows = csr_array((weight[item], (user, item)), shape=shape)
    _, _, right = svds(rows, k=rank, v0=rng.standard_normal(min(shape)))
    found: FloatArray = right.T * weight[:, None]
    return found


def closeness(first: Sequence[History], second: Sequence[History], directions: FloatArray) -> FloatArray:
    """Cosine of the two visits' histories as sums of their positive items' places, less the mean of all.

    Shape ``(n_first, n_second)``.
    """
    points = np.stack([directions[_positive(one)].sum(axis=0) for one in (*first, *second)])
    points = points - points.mean(axis=0)
    length = np.linalg.norm(points, axis=1, keepdims=True)
    points = points / np.where(length > 0, length, 1.0)
    cosines: FloatArray = points[: len(first)] @ points[len(first) :].T
    return cosines


def _positive(history: History) -> IntArray:
    items = np.array(history.items, dtype=np.int64)
    return items[np.array(history.liked, dtype=np.bool_)] if history.liked else items
