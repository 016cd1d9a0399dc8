"""Guesses who was trained on from scores, and what the right ones among them say about privacy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...models.data import BoolArray, FloatArray
from .empirical_epsilon import (
    one_run_epsilon,
    one_run_gaussian_epsilon,
    two_sided_epsilon,
    two_sided_gaussian_epsilon,
)

MEDIAN = 0.5


@dataclass(frozen=True, kw_only=True)
class EpsilonBound:
    """What guesses say about epsilon, in nats.

    Parameters
    ----------
    value : the bound that is too high in half of all audits; a guess at epsilon that is right on the
        median where the attack is as good as any can be, and too low elsewhere.
    low : the bound itself: epsilon lies below it with probability at most ``alpha``.
    largest : the bound that guesses which are all right would have given: more could not be shown.
    method : in the field's words.
    n : guesses made.
    """

    value: float
    low: float
    largest: float
    method: str
    n: int


@dataclass(frozen=True, kw_only=True)
class Guesses:
    """Guesses about m people of whom fair coins put some into a training: r of them, v right.

    The r/2 people with the highest scores are guessed to be in, the r/2 with the lowest to be out.
    """

    m: int
    r: int
    v: int

    @classmethod
    def of(cls, scores: FloatArray, included: BoolArray, share: float, rng: np.random.Generator) -> Guesses:
        """Guess about this share of the people; equal scores are put in an order drawn at random.

        Parameters
        ----------
        scores : higher for those more likely in, shape ``(m,)``; may depend on anything but the coins.
        included : the coins, shape ``(m,)``.
        share : in (0, 1].

        Raises
        ------
        ValueError
            With fewer than two people, or scores that are NaN.
        """
        if len(scores) < 2 or np.isnan(scores).any():
            raise ValueError(
                f"at least two people and no NaN scores are needed, got {len(scores)} people with"
                f" {int(np.isnan(scores).sum())} NaN"
            )
        each = max(1, int(share * len(scores) / 2 + 1e-9))
        order = np.lexsort((rng.random(len(scores)), scores))
        right = included[order[-each:]].sum() + (~included[order[:each]]).sum()
        return cls(m=len(scores), r=2 * each, v=int(right))

    @property
    def perfect(self) -> Guesses:
        """The same, all right."""
        return Guesses(m=self.m, r=self.r, v=self.r)


def one_run_bound(
    guesses: Sequence[Guesses], *, delta: float, alpha: float, group_size: int = 1
) -> EpsilonBound:
    """Bound from one training, whatever its mechanism (Steinke et al. 2023).

    Parameters
    ----------
    guesses : about several shares of the people, settled beforehand. The bounds of all hold jointly at
        ``alpha`` (Bonferroni), so that the best may be picked afterwards.
    group_size : units of privacy behind a person; the bound is for one of them.
    """

    def bound(own: Guesses, error: float) -> float:
        return one_run_epsilon(own.m, own.r, own.v, delta=delta, alpha=error, group_size=group_size)

    return _best(guesses, bound, alpha, "guesses about one training, any mechanism")


def one_run_gaussian_bound(guesses: Sequence[Guesses], *, delta: float, alpha: float) -> EpsilonBound:
    """The same where a Gaussian mechanism is assumed, for a whole person (Mahloujifar et al. 2024)."""

    def bound(own: Guesses, error: float) -> float:
        return one_run_gaussian_epsilon(own.m, own.r, own.v, delta=delta, alpha=error)

    return _best(guesses, bound, alpha, "guesses about one training, Gaussian mechanism")


def two_sided_bounds(
    scores: FloatArray, included: BoolArray, *, delta: float, alpha: float, rng: np.random.Generator
) -> tuple[EpsilonBound, EpsilonBound]:
    """Bounds from both error rates of one threshold, as if each person's training had been one of its own.

    The threshold that gives the best bound on one half of the people is tried on the other half.

    Returns
    -------
    any_mechanism, gaussian : EpsilonBound
        With Clopper-Pearson ends (Jagielski et al. 2020), and for a Gaussian mechanism (Nasr et al. 2023).
        People who were trained on together are not independent, so that neither holds for sure.
    """
    choosing = np.zeros(len(scores), dtype=np.bool_)
    for side in (included, ~included):
        own = np.flatnonzero(side)
        choosing[rng.permutation(own)[: len(own) // 2]] = True
    threshold = _best_threshold(scores[choosing], included[choosing], delta=delta, alpha=alpha)
    scores, included = scores[~choosing], included[~choosing]
    n_in, n_out = int(included.sum()), int((~included).sum())
    wrong_out = int((scores[~included] >= threshold).sum())
    wrong_in = int((scores[included] < threshold).sum())
    found = []
    for bound, name in (
        (two_sided_epsilon, "any mechanism"),
        (two_sided_gaussian_epsilon, "Gaussian mechanism"),
    ):
        value, low = (
            float(bound(wrong_out, n_out, wrong_in, n_in, delta=delta, alpha=error))
            for error in (MEDIAN, alpha)
        )
        largest = float(bound(0, n_out, 0, n_in, delta=delta, alpha=alpha))
        method = f"error rates of a threshold fixed on half, {name}"
        found.append(EpsilonBound(value=value, low=low, largest=largest, method=method, n=len(scores)))
    return found[0], found[1]


def _best(
    guesses: Sequence[Guesses], bound: Callable[[Guesses, float], float], alpha: float, method: str
) -> EpsilonBound:
    each = alpha / len(guesses)
    lows = [bound(own, each) for own in guesses]
    best = guesses[int(np.argmax(lows))]
    return EpsilonBound(
        value=bound(best, MEDIAN),
        low=max(lows),
        largest=max(bound(own.perfect, each) for own in guesses),
        method=f"{method}; Bonferroni over {len(guesses)} shares",
        n=best.r,
    )


def _best_threshold(scores: FloatArray, included: BoolArray, *, delta: float, alpha: float) -> float:
    """Scores from here on are guessed to be in; the middle one where no threshold shows anything."""
    thresholds, positive, negative = np.unique(scores), np.sort(scores[included]), np.sort(scores[~included])
    misses = np.searchsorted(positive, thresholds)
    alarms = len(negative) - np.searchsorted(negative, thresholds)
    found = two_sided_epsilon(alarms, len(negative), misses, len(positive), delta=delta, alpha=alpha)
    return float(thresholds[np.argmax(found)] if found.max(initial=0) > 0 else np.median(scores))
