"""How well one score tells two groups of rows apart: 0.5 is not at all, 1 is perfectly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from ...models.data import FloatArray, IntArray
from .bootstrap import cluster_bootstrap, percentile_interval, quotient
from .intervals import Interval, check_alpha, rule_of_three, t_quantile, z_quantile
from .simultaneous import simultaneous_means


def auc(positive: FloatArray, negative: FloatArray) -> float | None:
    """The probability that a random positive outscores a random negative, ties counting half.

    Mann-Whitney's U over n_positive * n_negative, in O(n log n). ``None`` if either side is empty or any
    score is NaN.
    """
    positive, negative = np.asarray(positive, dtype=np.float64), np.asarray(negative, dtype=np.float64)
    if not _comparable(positive, negative):
        return None
    return float(_placements(positive, negative).mean())


def delong(positive: FloatArray, negative: FloatArray, *, alpha: float) -> Interval | None:
    """AUC with DeLong's interval, for independent rows (DeLong et al. 1988; Sun and Xu 2014 for speed).

    Parameters
    ----------
    positive, negative : scores, shapes ``(n_positive,)`` and ``(n_negative,)``.
    alpha : error probability of each end, in (0, 0.5).

    Returns
    -------
    Interval or None
        ``None`` with fewer than two rows on either side, or NaN scores.

    Notes
    -----
    var = var(V10)/n_positive + var(V01)/n_negative over placements V. Ends are taken on the logit
    scale, where they cannot leave [0, 1] and hold better near its ends (Qin and Hotilovac 2008). Where the
    variance is 0 (perfect separation, or all scores tied), every one of m = min(n_positive, n_negative)
    disjoint pairs gave the same answer, and the rule of three over these m pairs gives the ends: exact.
    """
    check_alpha(alpha)
    positive, negative = np.asarray(positive, dtype=np.float64), np.asarray(negative, dtype=np.float64)
    if not _comparable(positive, negative) or min(len(positive), len(negative)) < 2:
        return None
    above, below = _both_placements(positive, negative)
    value = float(above.mean())
    se = float(np.sqrt(above.var(ddof=1) / len(positive) + below.var(ddof=1) / len(negative)))
    low, high = _logit_ends(value, z_quantile(alpha) * se)
    if se == 0:
        units = min(len(positive), len(negative))
        low, high = rule_of_three(value, bounds=(0.0, 1.0), units=units, alpha=alpha)
    rows = len(positive) + len(negative)
    return Interval(value, low, high, "DeLong, logit", rows, rows, se)


def paired_delong(
    pos_a: FloatArray, neg_a: FloatArray, pos_b: FloatArray, neg_b: FloatArray, *, alpha: float
) -> Interval | None:
    """AUC of score a less AUC of score b on the same independent rows (DeLong et al. 1988).

    Parameters
    ----------
    pos_a, pos_b : both scores of the positive rows, in one order, shape ``(n_positive,)``.
    neg_a, neg_b : both scores of the negative rows, in one order, shape ``(n_negative,)``.
    alpha : error probability of each end, in (0, 0.5).

    Returns
    -------
    Interval or None
        Of the difference, in [-1, 1]. ``None`` with fewer than two rows on either side, or NaN scores.
        Two scores that order all rows alike differ by 0, with no width.

    Raises
    ------
    ValueError
        If the two scores are not given for the same rows.
    """
    check_alpha(alpha)
    pos_a, neg_a, pos_b, neg_b = (np.asarray(x, dtype=np.float64) for x in (pos_a, neg_a, pos_b, neg_b))
    if pos_a.shape != pos_b.shape or neg_a.shape != neg_b.shape:
        shapes = f"{pos_a.shape} and {pos_b.shape}, {neg_a.shape} and {neg_b.shape}"
        raise ValueError(f"both scores must cover the same rows in one order, got shapes {shapes}")
    comparable = _comparable(pos_a, neg_a) and _comparable(pos_b, neg_b)
    if not comparable or min(len(pos_a), len(neg_a)) < 2:
        return None
    (above_a, below_a), (above_b, below_b) = _both_placements(pos_a, neg_a), _both_placements(pos_b, neg_b)
    above, below = above_a - above_b, below_a - below_b
    value, rows = float(above.mean()), len(above) + len(below)
    se = float(np.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below)))
    reach = z_quantile(alpha) * se
    low, high = max(-1.0, value - reach), min(1.0, value + reach)
    return Interval(value, low, high, "paired DeLong", rows, rows, se)


def joint_alpha(
    positive: FloatArray, negative: FloatArray, *, alpha: float, rng: np.random.Generator
) -> float:
    """The error probability at which to read several scores' AUCs so that all hold jointly at ``alpha``.

    Parameters
    ----------
    positive, negative : the scores of the same rows side by side, shapes ``(n_positive, n_scores)`` and
        ``(n_negative, n_scores)``.
    alpha : error probability of each end, jointly over the scores, in (0, 0.5).

    Returns
    -------
    float
        Between ``alpha / n_scores``, Bonferroni's, and ``alpha``, which scores that order all rows alike
        come to: P(t > c) with c the joint critical value of rows' shares in the AUCs under random signs
        (``simultaneous_means``). ``alpha / n_scores`` where some score has NaN or tells nothing apart.
    """
    n_scores = positive.shape[1]
    # In an order of their own, so that the random signs do not depend on how the rows came.
    positive, negative = (own[np.lexsort(own.T)] for own in (positive, negative))
    member = np.arange(len(positive) + len(negative)) < len(positive)
    shares = [auc_shares(own, member) for own in np.concatenate([positive, negative]).T]
    known = [own for own in shares if own is not None]
    if len(known) < n_scores or n_scores < 2:
        return float(alpha / n_scores)
    found = simultaneous_means(np.stack(known, axis=1), alpha=alpha, rng=rng)
    reach = [(own.value - own.low) / own.se for own in found if own is not None and own.se]
    if len(reach) < n_scores:
        return float(alpha / n_scores)
    return float(max(alpha / n_scores, NormalDist().cdf(-max(reach))))


def user_auc(
    scores: FloatArray, is_positive: npt.ArrayLike, users: npt.ArrayLike, *, alpha: float
) -> Interval | None:
    """AUC over rows of users, with the users' own spread and no resampling (Obuchowski 1997).

    Parameters
    ----------
    scores, is_positive, users : one entry per row, shape ``(n,)``; users are any labels.
    alpha : error probability of each end, in (0, 0.5).

    Returns
    -------
    Interval or None
        ``None`` with fewer than two users, one class, or NaN scores.

    Notes
    -----
    psi_u = sum over u's positives of (V10 - AUC)/n_positive + sum over u's negatives of (V01 -
    AUC)/n_negative; var = G/(G - 1) sum psi_u^2. Ends by Student's t with G - 1 degrees of freedom on the
    logit scale: holds its level with fewer users than a percentile bootstrap needs.
    """
    check_alpha(alpha)
    rows = _Rows.of(scores, is_positive, users)
    if rows is None:
        return None
    above, below = _both_placements(rows.positive, rows.negative)
    value, clusters = float(above.mean()), rows.n_users
    parts = np.bincount(rows.positive_user, above - value, minlength=clusters) / len(above)
    parts += np.bincount(rows.negative_user, below - value, minlength=clusters) / len(below)
    se = float(np.sqrt(clusters / (clusters - 1) * np.square(parts).sum()))
    low, high = _logit_ends(value, t_quantile(alpha, clusters - 1) * se)
    if se == 0:
        low, high = rule_of_three(value, bounds=(0.0, 1.0), units=rows.pairs, alpha=alpha)
    return Interval(value, low, high, "AUC over users, t", len(rows), clusters, se)


def user_bootstrap_auc(
    scores: FloatArray,
    is_positive: npt.ArrayLike,
    users: npt.ArrayLike,
    *,
    alpha: float,
    rng: np.random.Generator,
    n_boot: int = 1000,
) -> Interval | None:
    """AUC over rows of users, with a percentile interval from resampled users.

    Scores are sorted once; a resample is a weight per user and two cumulative sums. With under about 40
    users prefer ``user_auc``.

    Parameters
    ----------
    scores, is_positive, users : one entry per row, shape ``(n,)``; users are any labels.
    alpha : error probability of each end, in (0, 0.5).

    Returns
    -------
    Interval or None
        ``None`` with fewer than two users, one class, or NaN scores, or if more than a share ``alpha`` of
        the resamples holds one class only. Where nothing varies (perfect separation, all tied) the rule
        of three over disjoint pairs of users gives the ends.
    """
    check_alpha(alpha)
    rows = _Rows.of(scores, is_positive, users)
    if rows is None:
        return None
    value = float(_placements(rows.positive, rows.negative).mean())
    draws = cluster_bootstrap(rows.statistic(), rows.n_users, rng=rng, n_boot=n_boot, width=len(rows))
    interval = percentile_interval(value, draws, alpha=alpha, n=len(rows), clusters=rows.n_users)
    if interval is None or interval.low < interval.high:
        return interval
    low, high = rule_of_three(value, bounds=(0.0, 1.0), units=rows.pairs, alpha=alpha)
    return replace(interval, low=low, high=high)


def user_bootstrap_auc_difference(
    scores_a: FloatArray,
    scores_b: FloatArray,
    is_positive: npt.ArrayLike,
    users: npt.ArrayLike,
    *,
    alpha: float,
    rng: np.random.Generator,
    n_boot: int = 1000,
) -> Interval | None:
    """AUC of score a less AUC of score b on the same rows, with a percentile interval over users.

    Both are computed on the same resampled users, so what they share cancels. Parameters and ``None`` as
    for ``user_bootstrap_auc``; scores that order all rows alike differ by 0, with no width.
    """
    check_alpha(alpha)
    a, b = _Rows.of(scores_a, is_positive, users), _Rows.of(scores_b, is_positive, users)
    if a is None or b is None:
        return None
    value = float(_placements(a.positive, a.negative).mean() - _placements(b.positive, b.negative).mean())
    of_a, of_b = a.statistic(), b.statistic()
    draws = cluster_bootstrap(
        lambda weights: of_a(weights) - of_b(weights), a.n_users, rng=rng, n_boot=n_boot, width=len(a)
    )
    return percentile_interval(value, draws, alpha=alpha, n=len(a), clusters=a.n_users)


def auc_shares(scores: FloatArray, is_positive: npt.ArrayLike) -> FloatArray | None:
    """Each independent row's share in the AUC: their mean is the AUC, their spread is DeLong's.

    v_i = AUC + (n / n_class)(V_i - AUC) with V_i the row's placement among the other class, so that the
    variance of their mean is DeLong's but for a factor of about 1 - 1/n. Sums and differences of AUCs over
    the same rows are then means, and can be had together. Shape ``(n,)``; ``None`` with one class or NaN.
    """
    scores, mask = np.asarray(scores, dtype=np.float64), np.asarray(is_positive).astype(bool)
    positive, negative = scores[mask], scores[~mask]
    if not _comparable(positive, negative):
        return None
    above, below = _both_placements(positive, negative)
    value = above.mean()
    shares = np.empty(len(scores))
    shares[mask] = value + len(scores) / len(positive) * (above - value)
    shares[~mask] = value + len(scores) / len(negative) * (below - value)
    return shares


@dataclass(frozen=True)
class _Rows:
    """Scores by class, each with its user's position, positives and negatives in rising order."""

    positive: FloatArray
    negative: FloatArray
    positive_user: IntArray
    negative_user: IntArray
    n_users: int

    @classmethod
    def of(cls, scores: FloatArray, is_positive: npt.ArrayLike, users: npt.ArrayLike) -> _Rows | None:
        scores, mask = np.asarray(scores, dtype=np.float64), np.asarray(is_positive).astype(bool)
        labels, user = np.unique(np.asarray(users), return_inverse=True)
        if not len(scores) == len(mask) == len(user):
            lengths = f"{len(scores)}, {len(mask)} and {len(user)}"
            raise ValueError(f"scores, classes and users must be given for the same rows, got {lengths}")
        order = np.argsort(scores, kind="stable")
        scores, mask, user = scores[order], mask[order], user[order]
        if len(labels) < 2 or not _comparable(scores[mask], scores[~mask]):
            return None
        return cls(scores[mask], scores[~mask], user[mask], user[~mask], len(labels))

    def __len__(self) -> int:
        return len(self.positive) + len(self.negative)

    @property
    def pairs(self) -> int:
        """How many disjoint pairs of users can hold a positive and a negative."""
        return min(len(np.unique(self.positive_user)), len(np.unique(self.negative_user)), self.n_users // 2)

    def statistic(self) -> Callable[[FloatArray], FloatArray]:
        """The AUC under user weights ``(block, n_users)``; NaN where one class has no weight."""
        first = np.searchsorted(self.negative, self.positive, side="left")
        last = np.searchsorted(self.negative, self.positive, side="right")

        def weighted(weights: FloatArray) -> FloatArray:
            below = np.zeros((len(weights), len(self.negative) + 1))
            np.cumsum(weights[:, self.negative_user], axis=1, out=below[:, 1:])
            positive = weights[:, self.positive_user]
            won = np.einsum("bi,bi->b", positive, below[:, first] + below[:, last]) / 2
            return quotient(won, positive.sum(axis=1) * below[:, -1])

        return weighted


def _comparable(positive: FloatArray, negative: FloatArray) -> bool:
    both = len(positive) > 0 and len(negative) > 0
    return both and not (np.isnan(positive).any() or np.isnan(negative).any())


def _placements(scores: FloatArray, others: FloatArray) -> FloatArray:
    """For each score the share of ``others`` below it, ties counting half: V10 of DeLong."""
    ranked = np.sort(others)
    places = np.searchsorted(ranked, scores, side="left") + np.searchsorted(ranked, scores, side="right")
    return places / (2 * len(others))


def _both_placements(positive: FloatArray, negative: FloatArray) -> tuple[FloatArray, FloatArray]:
    return _placements(positive, negative), 1 - _placements(negative, positive)


def _logit_ends(value: float, reach: float) -> tuple[float, float]:
    """Ends ``reach`` away from a share, taken on the logit scale."""
    if not 0 < value < 1:
        return value, value
    centre, slope = np.log(value / (1 - value)), 1 / (value * (1 - value))
    low, high = 1 / (1 + np.exp(-(centre + np.array([-1, 1]) * slope * reach)))
    return float(low), float(high)
