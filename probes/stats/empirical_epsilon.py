"""How private a training can have been at most, from how often guesses about its people came true.

(epsilon, delta)-differential privacy limits how well anyone can tell whether a person was trained on. Guesses
that are right more often than it allows refute it: each function returns the largest epsilon, in nats, that
they refute at error probability ``alpha``, a lower bound on the true one; 0 where they refute none.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ...models.data import FloatArray

HIGHEST = 1024.0
"""Where a search for the refuted epsilons ends; e to the power of less is all that arithmetic holds."""

DEEPEST = 32.0
"""Where a search over the separation of two normal curves ends."""


def two_sided_epsilon(
    false_positives: npt.ArrayLike,
    n_out: int,
    false_negatives: npt.ArrayLike,
    n_in: int,
    *,
    delta: float,
    alpha: float,
) -> FloatArray:
    """Bound from the two error rates of one rule, fixed beforehand, over independent trainings.

    max(0, log((1 - delta - FPR) / FNR), log((1 - delta - FNR) / FPR)) with both rates at their
    Clopper-Pearson upper ends, alpha / 2 each (Jagielski, Ullman and Oprea 2020).

    Parameters
    ----------
    false_positives, n_out : people left out who were taken for trained on, and people left out.
    false_negatives, n_in : people trained on who were taken for left out, and people trained on.
    """
    fpr, fnr = _upper(false_positives, n_out, alpha / 2), _upper(false_negatives, n_in, alpha / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = [np.log(np.maximum(0, 1 - delta - one) / other) for one, other in ((fpr, fnr), (fnr, fpr))]
    bound: FloatArray = np.maximum(0.0, np.nan_to_num(np.maximum(*odds), nan=0.0, neginf=0.0))
    return bound


def two_sided_gaussian_epsilon(
    false_positives: int, n_out: int, false_negatives: int, n_in: int, *, delta: float, alpha: float
) -> float:
    """The same where the training is taken to hide people as a Gaussian mechanism does, and no better.

    mu = max(0, Phi^-1(1 - FPR) - Phi^-1(FNR)) with both rates at their upper ends, as the epsilon of
    mu-Gaussian differential privacy (Dong, Roth and Su 2022; Nasr et al. 2023). Assumed, not shown: where
    another mechanism was used, it may exceed the true epsilon.
    """
    from scipy.special import ndtri

    fpr, fnr = (
        float(_upper(errors, n, alpha / 2))
        for errors, n in ((false_positives, n_out), (false_negatives, n_in))
    )
    return gaussian_epsilon(max(0.0, float(ndtri(1 - fpr) - ndtri(fnr))), delta=delta)


def one_run_p(m: int, r: int, v: int, *, epsilon: float, delta: float) -> float:
    """The chance of so many right guesses, at most, in one (epsilon, delta)-private training.

    p = P[Bin(r, q) >= v] + 2 m delta max_{1 <= i <= v} P[v - i <= Bin(r, q) < v] / i with
    q = 1 / (1 + e^-epsilon) (Steinke, Nasr and Jagielski 2023, theorem 5.2).

    Parameters
    ----------
    m : people put in or left out by fair and independent coins.
    r, v : guesses made of these coins, and right ones among them; who is guessed is settled by the scores.

    Raises
    ------
    ValueError
        Unless 0 <= v <= r <= m, epsilon >= 0 and 0 <= delta < 1.
    """
    from scipy.special import bdtrc, expit

    if not 0 <= v <= r <= m or epsilon < 0 or not 0 <= delta < 1:
        raise ValueError(
            f"0 <= v <= r <= m, epsilon >= 0 and 0 <= delta < 1 are needed, got v = {v}, r = {r}, m = {m},"
            f" epsilon = {epsilon:g}, delta = {delta:g}"
        )
    if v == 0:
        return 1.0
    i = np.arange(v + 1)
    at_least = bdtrc(v - 1 - i, r, expit(epsilon))
    most = float(((at_least[1:] - at_least[0]) / i[1:]).max())
    return min(1.0, float(at_least[0]) + 2 * m * delta * most)


def one_run_epsilon(m: int, r: int, v: int, *, delta: float, alpha: float, group_size: int = 1) -> float:
    """Bound from the guesses made of one training, whatever its mechanism (Steinke et al. 2023).

    Parameters
    ----------
    group_size : units behind one person, k: what is private for a unit is (k epsilon,
        k e^((k - 1) epsilon) delta)-private for the person (group privacy, Dwork and Roth 2014), and the
        bound is for a unit.
    """

    def refuted(epsilon: float) -> float:
        widened = delta * group_size * np.exp(min((group_size - 1) * epsilon, 700.0))
        if widened >= 1:
            return alpha - 1
        return alpha - one_run_p(m, r, v, epsilon=group_size * epsilon, delta=widened)

    return _largest(refuted, HIGHEST / group_size)


def one_run_gaussian_epsilon(m: int, r: int, v: int, *, delta: float, alpha: float) -> float:
    """The same where the training is taken to hide people as a Gaussian mechanism does, and no better.

    Mahloujifar, Melis and Chaudhuri 2024, their recursion over r and h with the trade-off curve
    f^-1(x) = Phi(Phi^-1(x) - mu) of mu-Gaussian differential privacy; the largest refuted mu as epsilon.
    Assumed, not shown: where another mechanism was used, it may exceed the true epsilon.
    """
    from scipy.special import ndtr, ndtri

    if not 0 <= v <= r <= m:
        raise ValueError(f"0 <= v <= r <= m is needed, got v = {v}, r = {r}, m = {m}")

    def refuted(mu: float) -> float:
        right, wrong = alpha * v / m, alpha * (r - v) / m
        for i in range(v - 1, -1, -1):
            more = float(ndtr(ndtri(right) - mu))
            if more <= wrong or right + wrong > r / m:
                break
            right, wrong = min(1.0, right + i / (r - i) * (more - wrong)), more
        return right + wrong - r / m

    return gaussian_epsilon(_largest(refuted, DEEPEST), delta=delta)


def gaussian_epsilon(mu: float, *, delta: float) -> float:
    """The epsilon that mu-Gaussian differential privacy has at this delta (Balle and Wang 2018).

    The root of Phi(mu / 2 - epsilon / mu) - e^epsilon Phi(- mu / 2 - epsilon / mu) = delta; 0 where even
    epsilon = 0 holds.

    Raises
    ------
    ValueError
        Unless mu >= 0 and 0 < delta < 1: no Gaussian mechanism is private at delta = 0.
    """
    from scipy.special import log_ndtr, ndtr

    if mu < 0 or not 0 < delta < 1:
        raise ValueError(f"mu >= 0 and 0 < delta < 1 are needed, got mu = {mu:g} and delta = {delta:g}")
    if mu == 0:
        return 0.0

    def left_over(epsilon: float) -> float:
        ends = ndtr(mu / 2 - epsilon / mu), np.exp(epsilon + log_ndtr(-mu / 2 - epsilon / mu))
        return float(ends[0] - ends[1]) - delta

    return _largest(left_over, HIGHEST)


def _largest(refuted: Callable[[float], float], highest: float) -> float:
    """The largest argument with a positive value, which falls from there on; 0 if there is none."""
    from scipy.optimize import brentq

    if refuted(0.0) <= 0:
        return 0.0
    low, high = 0.0, min(1.0, highest)
    while refuted(high) > 0:
        if high == highest:
            return highest
        low, high = high, min(highest, 2 * high)
    return float(brentq(refuted, low, high, xtol=1e-7))


def _upper(errors: npt.ArrayLike, n: int, alpha: float) -> FloatArray:
    """The Clopper-Pearson upper ends of error rates; 1 where nobody was asked."""
    from scipy.special import betaincinv

    counts = np.asarray(errors, dtype=np.float64)
    if np.any((counts < 0) | (counts > n)):
        raise ValueError(f"errors must lie between 0 and n = {n}, got {counts.min():g} to {counts.max():g}")
    some = np.minimum(counts, n - 1)
    return np.where(counts < n, betaincinv(some + 1, n - some, 1 - alpha), 1.0) if n else np.ones_like(counts)
