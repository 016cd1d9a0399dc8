"""How far one mix of genres lies from another, and how far two samples of one taste lie apart by chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...models.data import Catalog, FloatArray, IntArray

SMOOTHING = 0.01


def genre_mixes(catalog: Catalog) -> tuple[FloatArray, tuple[str, ...]]:
    """What part of each item is of each genre, shape ``(n_items, n_genres)``, and the genres.

    p(g|i) = 1 / (genres of i) for each of its genres (Steck 2018); rows of items without genres are 0.
    """
    genres = tuple(sorted({genre for own in catalog.genres for genre in own}))
    column = {genre: place for place, genre in enumerate(genres)}
    mixes = np.zeros((len(catalog), len(genres)))
    for mix, own in zip(mixes, catalog.genres, strict=True):
        for genre in set(own):
            mix[column[genre]] = 1 / len(set(own))
    return mixes, genres


def steck(p: FloatArray, q: FloatArray) -> FloatArray:
    """C_KL = sum_g p log(p / q~) with q~ = 0.99 q + 0.01 p, in nats, [0, log 100] (Steck 2018).

    Parameters
    ----------
    p, q : mixes of what a person likes and of a list, shape ``(..., n_genres)``; the last axis sums to 1.
    """
    smoothed = (1 - SMOOTHING) * q + SMOOTHING * p
    return _divergence(p, smoothed)


def jensen_shannon(p: FloatArray, q: FloatArray) -> FloatArray:
    """Half the divergence of each mix from their middle, in nats, [0, log 2] (Lin 1991); as above."""
    middle = (p + q) / 2
    found: FloatArray = (_divergence(p, middle) + _divergence(q, middle)) / 2
    return found


def hellinger(p: FloatArray, q: FloatArray) -> FloatArray:
    """sqrt(1 - sum_g sqrt(p q)), in [0, 1] (Hellinger 1909); as above."""
    found: FloatArray = np.sqrt(np.square(np.sqrt(p) - np.sqrt(q)).sum(axis=-1) / 2)
    return found


DISTANCES: Mapping[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "c_kl": steck,
    "js": jensen_shannon,
    "hellinger": hellinger,
}


def distances(liked: FloatArray, listed: FloatArray) -> dict[str, float]:
    """Each distance of a list from what a person likes, both as items' mixes, ``(n, n_genres)``."""
    p, q = liked.mean(axis=0), listed.mean(axis=0)
    return {name: float(distance(p, q)) for name, distance in DISTANCES.items()}


def by_chance(
    liked: FloatArray, listed: FloatArray, *, deals: int, rng: np.random.Generator
) -> Mapping[str, float]:
    """What each distance would be on average if likes and list were one taste, dealt at random.

    The items of both are put together and dealt anew, as many to each, ``deals`` times. If a list is
    drawn from the taste that the likes are drawn from, likes and list may change places, so that the
    observed distance less this one has mean 0, however short either is.
    """
    pool, size = np.concatenate([liked, listed]), len(listed)
    drawn = np.argpartition(rng.random((deals, len(pool))), size - 1, axis=1)[:, :size]
    sums = pool[drawn].sum(axis=1)
    q, p = sums / size, np.maximum(pool.sum(axis=0) - sums, 0.0) / len(liked)
    return {name: float(distance(p, q).mean()) for name, distance in DISTANCES.items()}


def mixed(mixes: FloatArray, items: Sequence[int] | IntArray) -> FloatArray:
    """The mixes of those items that have a genre, shape ``(n, n_genres)``."""
    chosen = mixes[np.asarray(items, dtype=np.int64)]
    found: FloatArray = chosen[chosen.sum(axis=1) > 0]
    return found


def _divergence(p: FloatArray, q: FloatArray) -> FloatArray:
    """sum_g p log(p / q) over the genres with p > 0, nats; never under 0 by rounding."""
    ratio = np.divide(p, q, out=np.ones(np.broadcast_shapes(p.shape, q.shape)), where=(p > 0) & (q > 0))
    found: FloatArray = np.maximum((p * np.log(ratio)).sum(axis=-1), 0.0)
    return found
