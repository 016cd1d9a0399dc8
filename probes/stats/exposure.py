"""How far planted secrets stand out from others that were drawn alike and never used: exposure, in bits."""

from __future__ import annotations

from dataclasses import replace
from math import lgamma, log, log2
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...models.data import FloatArray
from .intervals import Interval, mean_of_clusters, t_quantile
from .jackknife import jackknife_interval

SIDES: tuple[Literal["right", "left"], ...] = ("right", "left")
"""Of equal scores in an ascending row: past them, and before them."""


def exposures(canaries: npt.ArrayLike, references: npt.ArrayLike) -> FloatArray:
    """log2(R + 1) - log2(rank) of each canary among R references and itself (Carlini et al. 2019).

    Counted among R + 1, it lies in [0, log2(R + 1)] and, where the canary was drawn like the references,
    P(exposure >= e) <= 2^-e: rank / (R + 1) = 2^-exposure is a p-value. A canary that ties with some
    references gets the mean exposure over the ranks that it may have, so that its expectation is the same
    with ties and without.

    Parameters
    ----------
    canaries, references : scores, higher for what is known better, shapes ``(n,)`` and ``(R,)``.

    Raises
    ------
    ValueError
        Without references, or with scores that are NaN.
    """
    scores, others = np.asarray(canaries, dtype=np.float64), np.sort(np.asarray(references, dtype=np.float64))
    if not len(others) or np.isnan(scores).any() or np.isnan(others).any():
        raise ValueError(f"exposure needs references and no NaN scores, got {len(others)} references")
    better, not_worse = (len(others) - np.searchsorted(others, scores, side=side) for side in SIDES)
    logs = np.concatenate([[0.0], np.cumsum(np.log2(np.arange(1, len(others) + 2)))])
    found: FloatArray = log2(len(others) + 1) - (logs[not_worse + 1] - logs[better]) / (
        not_worse + 1 - better
    )
    return found


def chance_exposure(n_references: int) -> float:
    """The mean exposure of a canary that is drawn like its references: 1 / ln 2 = 1.44 bits for many."""
    ranks = n_references + 1
    return log2(ranks) - lgamma(ranks + 1) / log(2) / ranks


def excess_exposure(canaries: npt.ArrayLike, references: npt.ArrayLike, *, alpha: float) -> Interval | None:
    """The mean exposure of several canaries less what chance gives, in bits.

    The interval counts canaries and references, both being samples: to the variance of a mean over canaries
    it adds that of the shared references, each of which moves the mean by its own influence
    (1 / ln 2) mean over canaries of (1[reference > canary] - p) / p, over R (delta method). Student's t
    with one degree of freedom less than there are canaries. Exposures are skewed to the right, so that the
    lower end is exceeded more seldom than ``alpha`` says. Canaries that all come out alike get a rule of
    three. ``None`` with fewer than two canaries.
    """
    scores, others = (np.asarray(side, dtype=np.float64) for side in (canaries, references))
    chance, most = chance_exposure(len(others)), log2(len(others) + 1)
    found = exposures(scores, others)
    own = mean_of_clusters(found - chance, alpha=alpha, bounds=(-chance, most - chance))
    if own is None:
        return None
    own = replace(own, method="mean over canaries, t", n=len(scores) + len(others))
    if not own.se or len(others) < 2:
        return own
    before = (others > scores[:, None]) + 0.5 * (others == scores[:, None])
    p = (1 + before.sum(axis=1, keepdims=True)) / (len(others) + 1)
    influence = (before / p - 1).mean(axis=0) / log(2)
    se = float(np.hypot(own.se, influence.std(ddof=1) / len(others) ** 0.5))
    reach = t_quantile(alpha, len(scores) - 1) * se
    method = "mean over canaries, t, variance of references added"
    return replace(own, low=own.value - reach, high=own.value + reach, se=se, method=method)


def rank_sum_p(canaries: npt.ArrayLike, references: npt.ArrayLike) -> float:
    """p-value that canaries score no higher than references, ties counting half (Mann and Whitney 1947)."""
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(canaries, references, alternative="greater", method="asymptotic").pvalue)


def ordered_share(values: npt.ArrayLike, doses: npt.ArrayLike, *, alpha: float) -> Interval | None:
    """How often the unit with the larger dose has the larger value, ties counting half; 0.5 by chance.

    The statistic of Jonckheere (1954) and Terpstra (1952) as a share of its maximum, with a jackknife
    interval over units. ``None`` where a unit alone makes up a dose and there is no other pair.
    """
    value, dose = np.asarray(values, dtype=np.float64), np.asarray(doses)
    compared = (dose[:, None] < dose).astype(np.float64)
    larger = compared * ((value[:, None] < value) + 0.5 * (value[:, None] == value))
    pairs, wins = compared.sum(), larger.sum()
    pairs_left = pairs - compared.sum(axis=0) - compared.sum(axis=1)
    if not len(value) or not (pairs_left > 0).all():
        return None
    left_out = (wins - larger.sum(axis=0) - larger.sum(axis=1)) / pairs_left
    interval = jackknife_interval(float(wins / pairs), left_out, alpha=alpha, n=len(value), bounds=(0.0, 1.0))
    return interval and replace(interval, method="Jonckheere-Terpstra share, jackknife over canaries")
