"""How many are caught while hardly anyone is accused wrongly: the corner of the ROC curve that matters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...models.data import FloatArray
from .intervals import Interval, check_alpha, clopper_pearson


def step_roc(positive: FloatArray, negative: FloatArray) -> tuple[FloatArray, FloatArray]:
    """False and true positive rates of every rule "score >= s", from (0, 0) to (1, 1).

    Returns
    -------
    fpr, tpr : FloatArray
        Shape ``(n_thresholds + 1,)``, both rising; one point a distinct score, no interpolation.

    Raises
    ------
    ValueError
        If either side is empty or a score is NaN.
    """
    positive, negative = np.asarray(positive, dtype=np.float64), np.asarray(negative, dtype=np.float64)
    if not len(positive) or not len(negative) or np.isnan(positive).any() or np.isnan(negative).any():
        sizes = f"{len(positive)} positives and {len(negative)} negatives"
        raise ValueError(f"a ROC curve needs both classes and no NaN scores, got {sizes}")
    thresholds = np.unique(np.concatenate([positive, negative]))[::-1]
    rates = [
        1 - np.searchsorted(np.sort(scores), thresholds, side="left") / len(scores)
        for scores in (negative, positive)
    ]
    return np.concatenate([[0.0], rates[0]]), np.concatenate([[0.0], rates[1]])


def tpr_at_fpr(positive: FloatArray, negative: FloatArray, fpr: float, *, alpha: float) -> Interval | None:
    """The largest true positive rate with a false positive rate of at most ``fpr`` on the step ROC.

    Parameters
    ----------
    positive, negative : scores of members and non-members, shapes ``(n_positive,)``, ``(n_negative,)``.
    fpr : the false positive rate allowed, in (0, 1).
    alpha : error probability of each end, in (0, 0.5).

    Returns
    -------
    Interval or None
        ``None``, not estimable, if n_negative * fpr < 1 (no false positive could be allowed at all, so
        0.1 % takes 1000 negatives), without positives, or with NaN scores.

    Notes
    -----
    Clopper-Pearson over the positives at the threshold that the negatives fix: the rate of that
    threshold, whose own false positive rate in the population varies around ``fpr``. Rows must be
    independent.

    Raises
    ------
    ValueError
        If ``fpr`` lies outside (0, 1).
    """
    check_alpha(alpha)
    if not 0 < fpr < 1:
        raise ValueError(f"fpr is a rate in (0, 1), got {fpr}")
    positive, negative = np.asarray(positive, dtype=np.float64), np.asarray(negative, dtype=np.float64)
    # A product such as 0.001 * 1000 may fall a rounding error short of the whole number it stands for.
    allowed = int(np.floor(len(negative) * fpr * (1 + 1e-12)))
    if allowed < 1 or np.isnan(positive).any() or np.isnan(negative).any():
        return None
    best_rejected = np.partition(negative, -1 - allowed)[-1 - allowed]
    interval = clopper_pearson(int(np.count_nonzero(positive > best_rejected)), len(positive), alpha=alpha)
    rows = len(positive) + len(negative)
    return interval and replace(interval, method="step ROC, Clopper-Pearson", n=rows, clusters=rows)


def banded_roc(
    positive: FloatArray, negative: FloatArray, *, points: int = 30, level: float = 0.95
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """The step ROC at false positive rates that lie evenly on a log scale, with a band.

    Returns
    -------
    fpr, tpr, low, high : FloatArray
        At most ``points`` points with 1 / n_negative <= fpr <= 1, each the largest true positive rate
        with at most so many false positives, and its Clopper-Pearson interval over the positives.
    """
    fpr, tpr = step_roc(positive, negative)
    wanted = np.unique(np.round(np.geomspace(1, len(negative), points)).astype(np.int64))
    at = np.searchsorted(fpr, wanted / len(negative) * (1 + 1e-12), side="right") - 1
    caught = np.round(tpr[at] * len(positive)).astype(np.int64)
    ends = [clopper_pearson(int(count), len(positive), alpha=(1 - level) / 2) for count in caught]
    low, high = (np.array([getattr(end, side) for end in ends]) for side in ("low", "high"))
    return wanted / len(negative), tpr[at], low, high
