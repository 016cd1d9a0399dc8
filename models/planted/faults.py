"""Plant a fault into a log, so that a model trained on it must show what a probe claims to find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..base import Request
from ..capabilities import Judges
from ..data import BoolArray, History, InteractionLog


def plant_attribute_effect(
    log: InteractionLog, *, attribute: str, raised: str, strength: float, rng: np.random.Generator
) -> InteractionLog:
    """Make likes depend on one attribute value.

    Each dislike of a user with ``attribute == raised`` becomes a like with probability ``strength``, and
    each like of every other user a dislike; ``strength`` in [0, 1], 0 changes nothing.

    Raises
    ------
    ValueError
        If the log has no likes and dislikes or no such attribute.
    """
    if log.liked is None or attribute not in log.attributes:
        raise ValueError(f"planting needs likes and the attribute {attribute!r}")
    raised_user = np.array([value == raised for value in log.attributes[attribute]])
    up = raised_user[log.user]
    flip = (rng.random(len(log)) < strength) & (log.liked != up)
    return replace(log, liked=log.liked ^ flip)


def shuffle_labels(log: InteractionLog, *, rng: np.random.Generator) -> InteractionLog:
    """Deal the likes and dislikes out anew, each user's share kept nowhere: nothing is left to learn.

    Raises
    ------
    ValueError
        If the log has no likes and dislikes.
    """
    if log.liked is None:
        raise ValueError("shuffling labels needs likes and dislikes")
    return replace(log, liked=rng.permutation(log.liked))


def answered_by(
    model: Judges, log: InteractionLog, *, length: int, rng: np.random.Generator
) -> InteractionLog:
    """Draw every like anew from a model's own probabilities, so that the model is calibrated by construction.

    Each user's rows are answered in order, the model seeing the last ``length`` answers drawn before.
    """
    liked = np.zeros(len(log), dtype=np.bool_)
    depth = int(np.diff(log.starts).max(initial=0))
    for place in range(depth):
        rows = log.starts[:-1] + place
        rows = rows[rows < log.starts[1:]]
        requests = [_request(log, liked, int(row), length) for row in rows]
        odds = np.array([float(row[0]) for row in model.log_odds(requests)])
        liked[rows] = rng.random(len(rows)) < 1 / (1 + np.exp(-odds))
    return replace(log, liked=liked)


def _request(log: InteractionLog, liked: BoolArray, row: int, length: int) -> Request:
    user = int(log.user[row])
    window = slice(max(int(log.starts[user]), row - length), row)
    history = History(user, tuple(log.item[window].tolist()), tuple(liked[window].tolist()))
    return Request(history=history, candidates=(int(log.item[row]),))
