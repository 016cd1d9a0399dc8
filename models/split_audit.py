"""Splits interactions into training and test rows, and says what a split lets training know of the test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .data import DataError, IntArray, InteractionLog


class RowSplit(NamedTuple):
    """Row positions of a log, ascending and disjoint; ``valid`` may be empty."""

    train: IntArray
    valid: IntArray
    test: IntArray


@dataclass(frozen=True, kw_only=True)
class SplitAudit:
    """What a split lets leak; every rate lies in [0, 1], and None means that the data cannot tell.

    Written with training rows i in R, test rows j in T, times t, and f(x) the first time that item x
    occurs anywhere in the log.

    Parameters
    ----------
    train, test : number of rows.
    row_overlap : ``|T & R| / |T|``: test rows that were trained on.
    user_overlap : share of the test users that have training rows.
    train_after_test_rate : ``mean_j 1[max_i t_i > t_j]``: test rows that some training row comes after.
    train_after_test_share : ``mean_j mean_i 1[t_i > t_j]``: how much of the training set comes after.
    future_item_rate : ``mean_j mean_i 1[f(x_i) > t_j]``: how much of it is about items that nobody had met
        yet when the test row happened; it is what a recommender that samples items as often as training
        held them would recommend from the future.
    near_duplicate_rate : share of test rows whose window of history shares at least the asked part with
        the window of a training row of the same user.

    References
    ----------
    Ji et al. (2023), "A critical study on data leakage in recommender system offline evaluation";
    Sun (2023), arXiv 2210.04149.
    """

    train: int
    test: int
    row_overlap: float
    user_overlap: float
    train_after_test_rate: float | None
    train_after_test_share: float | None
    future_item_rate: float | None
    near_duplicate_rate: float | None


def global_time(log: InteractionLog, share: float) -> RowSplit:
    """Train on what happened before one moment, test on the rest; no row of a tie is trained on.

    Parameters
    ----------
    share : about how much of the rows to train on, in (0, 1).

    Raises
    ------
    DataError
        If the data has no times, or its times do not allow such a cut.
    """
    times = _times(log, "a split by time")
    if not 0 < share < 1:
        raise DataError(f"the share to train on must lie between 0 and 1, got {share}")
    cut = np.sort(times)[int(len(times) * share)] if len(times) else 0
    early = times < cut
    if not early.any():
        raise DataError(f"no row of {log.name!r} is earlier than the cut at {share:.0%}: raise the share")
    return RowSplit(np.flatnonzero(early), np.array([], dtype=np.int64), np.flatnonzero(~early))


def leave_one_out(log: InteractionLog) -> RowSplit:
    """Test on each user's last row, validate on the one before; users with under 3 rows only train.

    Raises
    ------
    DataError
        If the data has no times, so that no row is the last.
    """
    _times(log, "leave-one-out")
    last = log.starts[1:][np.diff(log.starts) >= 3] - 1
    train = np.setdiff1d(np.arange(len(log)), np.concatenate([last, last - 1]))
    return RowSplit(train, last - 1, last)


def user_hold_out(log: InteractionLog, share: float, *, rng: np.random.Generator) -> RowSplit:
    """Test on all rows of a drawn ``share`` of the users who have any, train on everyone else's."""
    if not 0 < share < 1:
        raise DataError(f"the share of users to hold out must lie between 0 and 1, got {share}")
    active = np.flatnonzero(np.diff(log.starts))
    drawn = rng.choice(active, size=round(len(active) * share), replace=False)
    held = np.isin(log.user, drawn)
    return RowSplit(np.flatnonzero(~held), np.array([], dtype=np.int64), np.flatnonzero(held))


def audit_split(
    log: InteractionLog,
    train_rows: IntArray,
    test_rows: IntArray,
    *,
    window: int | None = None,
    near: float = 0.8,
) -> SplitAudit:
    """Measure what a split lets training know of the test; see `SplitAudit` for every formula.

    Parameters
    ----------
    train_rows, test_rows : row positions in ``log``, shapes ``(n_train,)`` and ``(n_test,)``.
    window : interactions of history per row, for models that train on windows; None if they do not.
    near : the part of a window that two near-duplicates share at least, in (0, 1].

    Raises
    ------
    DataError
        If a side is empty or a row is not in the log.
    """
    train, test = (np.unique(np.asarray(rows, dtype=np.int64)) for rows in (train_rows, test_rows))
    for side, rows in (("training", train), ("test", test)):
        if not len(rows) or rows[0] < 0 or rows[-1] >= len(log):
            raise DataError(f"the {side} rows must be some of the rows 0 to {len(log) - 1} of {log.name!r}")
    after_rate = after_share = future = None
    if log.timestamp is not None:
        asked, trained = log.timestamp[test], log.timestamp[train]
        first = _first_seen(log, log.timestamp)[log.item[train]]
        after_rate = float(np.mean(trained.max() > asked))
        after_share, future = _share_after(trained, asked), _share_after(first, asked)
    return SplitAudit(
        train=len(train),
        test=len(test),
        row_overlap=float(np.isin(test, train).mean()),
        user_overlap=float(np.isin(np.unique(log.user[test]), log.user[train]).mean()),
        train_after_test_rate=after_rate,
        train_after_test_share=after_share,
        future_item_rate=future,
        near_duplicate_rate=None if window is None else _near_duplicates(log, train, test, window, near),
    )


def _times(log: InteractionLog, use: str) -> IntArray:
    if log.timestamp is None:
        raise DataError(f"data {log.name!r} has no times, and {use} needs them: hold users out instead")
    return log.timestamp


def _first_seen(log: InteractionLog, times: IntArray) -> IntArray:
    first = np.full(len(log.catalog), np.iinfo(np.int64).max)
    np.minimum.at(first, log.item, times)
    return first


def _share_after(moments: IntArray, asked: IntArray) -> float:
    """``mean_j mean_i 1[moments_i > asked_j]`` without forming the pairs."""
    later = len(moments) - np.searchsorted(np.sort(moments), asked, side="right")
    return float(later.mean() / len(moments))


def _near_duplicates(log: InteractionLog, train: IntArray, test: IntArray, window: int, near: float) -> float:
    """Windows that end d rows apart at one user share ``window - d`` of their interactions."""
    if window < 1 or not 0 < near <= 1:
        raise DataError(f"window must be at least 1 and near in (0, 1], got {window} and {near}")
    at = np.searchsorted(train, test)
    found = np.zeros(len(test), dtype=np.bool_)
    for neighbour in (train[np.maximum(at - 1, 0)], train[np.minimum(at, len(train) - 1)]):
        shared = window - np.abs(neighbour - test)
        found |= (log.user[neighbour] == log.user[test]) & (shared >= near * window - 1e-9)
    return float(found.mean())
