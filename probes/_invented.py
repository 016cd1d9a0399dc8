"""Adds invented people to a data set: what they did is given, all else is borrowed from real people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..models.data import BoolArray, FloatArray, IntArray, InteractionLog


def with_invented(
    log: InteractionLog, like: IntArray, items: IntArray, likes: BoolArray, *, rng: np.random.Generator
) -> tuple[InteractionLog, IntArray]:
    """The data with invented people after its own, and which users they are.

    Times are drawn from the real ones and put in order; attributes are one real person's; ratings are the
    usual ones of what is liked or disliked.

    Parameters
    ----------
    like : the real people that are borrowed from, shape ``(n_real,)``.
    items, likes : what each does, oldest first, shapes ``(n_invented, length)``.
    """
    n, length = items.shape
    invented = log.n_users + np.arange(n)
    real, copied = np.flatnonzero(np.isin(log.user, like)), rng.choice(like, n)
    times = None
    if log.timestamp is not None:
        drawn = np.sort(log.timestamp[rng.choice(real, items.shape)], axis=1)
        times = np.concatenate([log.timestamp, drawn.ravel()])
    longer = replace(
        log,
        user_ids=(*log.user_ids, *(f"invented user {number}" for number in range(1, n + 1))),
        user=np.concatenate([log.user, np.repeat(invented, length)]),
        item=np.concatenate([log.item, items.ravel()]),
        liked=None if log.liked is None else np.concatenate([log.liked, likes.ravel()]),
        rating=None if log.rating is None else np.concatenate([log.rating, _ratings(log, likes.ravel())]),
        timestamp=times,
        attributes={
            name: (*values, *(values[user] for user in copied)) for name, values in log.attributes.items()
        },
    )
    return longer, invented


def _ratings(log: InteractionLog, likes: BoolArray) -> FloatArray:
    """The median rating of liked or disliked rows; NaN where there are none. Without likes, of all rows."""
    assert log.rating is not None
    if log.liked is None:
        return np.full(len(likes), float(np.nanmedian(log.rating)))
    usual = [
        float(np.nanmedian(log.rating[log.liked == side])) if (log.liked == side).any() else np.nan
        for side in (False, True)
    ]
    return np.where(likes, usual[1], usual[0])
