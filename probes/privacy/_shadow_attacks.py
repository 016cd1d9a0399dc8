"""Attacks that compare what a model knows of a person with what copies with and without them know.

Throughout, ``target`` is the model's signal for each person, shape ``(n,)``; ``shadows`` the copies' signals,
shape ``(n_copies, n)``; ``trained`` which copy was trained on whom, same shape. A signal is near normal and
higher for what is known better. Scores have shape ``(n,)``; a higher one says "trained on".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...models.data import BoolArray, FloatArray

LEAST_VARIANCE = 1e-18
ENOUGH_TO_SPREAD_ALONE = 64
SUREST_SHAPE = 1e4


@dataclass(frozen=True)
class Spread:
    """What one kind of copies said of each person: how many they are, their mean, and squares about it.

    Parameters
    ----------
    count, mean, squares : shape ``(n,)``; ``squares`` is the sum of squared distances from the mean, which
        is NaN where there is no copy.
    """

    count: FloatArray
    mean: FloatArray
    squares: FloatArray

    @classmethod
    def of(cls, shadows: FloatArray, chosen: BoolArray) -> Spread:
        """Of the chosen copies of each person."""
        count = chosen.sum(axis=0).astype(np.float64)
        total = np.where(chosen, shadows, 0.0).sum(axis=0)
        mean = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
        squares = np.square(np.where(chosen, shadows - mean, 0.0)).sum(axis=0)
        return cls(count, mean, squares)

    @property
    def pooled(self) -> float:
        """The variance within people, the same for all: sum of squares over sum of (count - 1)."""
        free = np.maximum(self.count - 1, 0).sum()
        return max(float(self.squares.sum() / free), LEAST_VARIANCE) if free else float("nan")


def lira(target: FloatArray, shadows: FloatArray, trained: BoolArray) -> FloatArray:
    """The likelihood ratio attack with normal curves (Carlini et al. 2022).

    Online, where copies of both kinds exist for everyone: log N(phi; mu_in, s_in) - log N(phi; mu_out,
    s_out). Offline, with copies that were not trained on the person alone: z = (phi - mu_out)/s_out, which is
    one-sided, so that a person known unusually badly is no member. With fewer than 64 copies of a kind
    per person the variance is the one within people, pooled over all of them.
    """
    out = Spread.of(shadows, ~trained)
    if not trained.any(axis=0).all():
        offline: FloatArray = (target - out.mean) / np.sqrt(_variance(out))
        return offline
    within = Spread.of(shadows, trained)
    return _log_normal(target, within) - _log_normal(target, out)


def _variance(spread: Spread) -> FloatArray:
    if spread.count.min() >= ENOUGH_TO_SPREAD_ALONE:
        return np.maximum(spread.squares / (spread.count - 1), LEAST_VARIANCE)
    return np.full(len(spread.count), spread.pooled)


def _log_normal(x: FloatArray, spread: Spread) -> FloatArray:
    variance = _variance(spread)
    density: FloatArray = -0.5 * (np.square(x - spread.mean) / variance + np.log(variance))
    return density


def bavaria(target: FloatArray, shadows: FloatArray, trained: BoolArray) -> FloatArray:
    """The same with what few copies leave unknown: Student's t for normal curves (after BaVarIA, 2026).

    A person's mean and variance get a normal-inverse-gamma prior, mu | s2 ~ N(m, s2/kappa), s2 ~ IG(a, b),
    whose parameters are fitted to all people by moments. With n copies, their mean x and squares S about it,
    the next signal follows a t with 2 a' degrees of freedom around m' and with squared scale
    b' (kappa' + 1)/(a' kappa'), where kappa' = kappa + n, m' = (kappa m + n x)/kappa', a' = a + n/2 and
    b' = b + S/2 + kappa n (x - m)^2/(2 kappa').

    The score is log P[in <= phi] - log P[out >= phi]: the chance that a copy trained on the person says as
    little, over the chance that one not trained on says as much. Unlike a ratio of t densities it rises with
    phi without end, so that who stands out most is the surest member. Copies of both kinds are read
    together, those trained on a person less the person's ``gain``, by which "in" lies above "out". Offline,
    without copies trained on everyone, only the second term is left.
    """
    online = bool(trained.any(axis=0).all())
    more = gain(shadows, trained) if online else np.zeros(len(target))
    heard = Spread.of(shadows - more * trained, np.ones_like(trained) if online else ~trained)
    degrees, centre, scale = predictive(heard)
    score = -log_above((target - centre) / scale, degrees)
    return score + log_above((centre + more - target) / scale, degrees) if online else score


def log_above(t: FloatArray, degrees: FloatArray) -> FloatArray:
    """Log of P[T >= t] for Student's T with so many degrees of freedom; finite however far out t lies.

    By the normal deviate z = (8 nu + 1)/(8 nu + 3) sqrt(nu log(1 + t^2/nu)) with nearly the same tail: to
    0.04 in z from five degrees on (Wallace 1959).
    """
    from scipy.special import log_ndtr

    size = np.sqrt(degrees * np.log1p(np.square(t) / degrees))
    found: FloatArray = log_ndtr(-np.sign(t) * size * (8 * degrees + 1) / (8 * degrees + 3))
    return found


def gain(shadows: FloatArray, trained: BoolArray) -> FloatArray:
    """By how much training raises each person's signal, shape ``(n,)``; above 0.

    The difference of the means of the copies that were and were not trained on the person, drawn towards
    its mean over people as far as chance explains how it varies (James and Stein 1961): with few copies a
    person's own difference often has the wrong sign.
    """
    within, out = Spread.of(shadows, trained), Spread.of(shadows, ~trained)
    own = within.mean - out.mean
    free = np.maximum(within.count - 1, 0).sum() + np.maximum(out.count - 1, 0).sum()
    noise = float((within.squares.sum() + out.squares.sum()) / free)
    chance = noise * (1 / within.count + 1 / out.count)
    varying = max(float(own.var() - chance.mean()), 0.0)
    kept = np.divide(varying, varying + chance, out=np.ones_like(chance), where=varying + chance > 0)
    least = max(1e-3 * noise**0.5, LEAST_VARIANCE**0.5)
    raised: FloatArray = np.maximum(own.mean() + kept * (own - own.mean()), least)
    return raised


def predictive(spread: Spread) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Degrees of freedom, centre and scale of the next signal of each person; see ``bavaria``."""
    n, mean = spread.count, spread.mean
    m, kappa, a, b = fitted_prior(spread)
    kappa_after, a_after = kappa + n, a + n / 2
    centre = (kappa * m + n * mean) / kappa_after
    b_after = b + spread.squares / 2 + kappa * n * np.square(mean - m) / (2 * kappa_after)
    scale = np.sqrt(np.maximum(b_after * (kappa_after + 1) / (a_after * kappa_after), LEAST_VARIANCE))
    return 2 * a_after, centre, scale


def fitted_prior(spread: Spread) -> tuple[float, float, float, float]:
    """m, kappa, a and b of the prior that matches all people's means and variances in their moments.

    With w the variance within people and B that of their true means (that of the observed means less the
    w/n which chance adds): m is the mean of means, kappa = w/B, a = 2 + w^2/V and b = w (a - 1), V the
    variance of the true variances, which is that of the observed ones s2 less the 2 s^4/(n - 1) that
    chance adds. Where chance explains it all, a is so large that everyone has the variance w.
    """
    known = spread.count > 1
    within = spread.pooled
    m = float(spread.mean.mean())
    between = max(float(spread.mean.var() - within * (1 / spread.count).mean()), 0.0)
    kappa = within / max(between, 1e-6 * within)
    free = spread.count[known] - 1
    observed = spread.squares[known] / free
    chance = 2 * (1 / free).mean()
    varying = (float(observed.var()) - chance * within**2) / (1 + chance)
    a = 2 + min(within**2 / varying, SUREST_SHAPE) if varying > 0 else SUREST_SHAPE
    return m, kappa, a, within * (a - 1)


def rmia(ratio: FloatArray, ratio_population: FloatArray, *, gamma: float = 1.0) -> FloatArray:
    """The share of a population that a person outscores: Pr_z[LR(x)/LR(z) >= gamma].

    Zarifzadeh, Liu and Shokri 2024 (ICML).

    Parameters
    ----------
    ratio, ratio_population : log of p(x | target)/p(x) of the people asked about and of a population that is
        disjoint from them, shapes ``(n,)`` and ``(n_population,)``; see ``log_ratio``.

    Notes
    -----
    The population is sorted once, so that n people take n log(n_population) steps, not all pairs.
    """
    ranked = np.sort(ratio_population)
    share: FloatArray = np.searchsorted(ranked, ratio - np.log(gamma), side="right") / len(ranked)
    return share


def log_ratio(target: FloatArray, shadows: FloatArray, trained: BoolArray) -> FloatArray:
    """Log p(x | target) - log p(x), from log-probabilities in nats.

    p(x) is the mean of what copies of either kind say, (mean p_in + mean p_out)/2, or what the one kind says
    where the other is missing (for the population, which no copy was trained on).
    """
    kinds = np.stack([_log_mean(shadows, trained), _log_mean(shadows, ~trained)])
    missing = np.isneginf(kinds)
    usual = np.logaddexp(kinds[0], kinds[1]) - np.where(missing.any(axis=0), 0.0, np.log(2))
    ratio: FloatArray = target - usual
    return ratio


def _log_mean(log_p: FloatArray, chosen: BoolArray) -> FloatArray:
    """Log of the mean of p over the chosen copies; minus infinity without one."""
    kept = np.where(chosen, log_p, -np.inf)
    top = kept.max(axis=0)
    finite = np.where(np.isneginf(top), 0.0, top)
    total = np.exp(kept - finite).sum(axis=0)
    with np.errstate(divide="ignore"):
        mean: FloatArray = finite + np.log(total) - np.log(np.maximum(chosen.sum(axis=0), 1))
    return mean


def attack_r(target: FloatArray, shadows: FloatArray, trained: BoolArray) -> FloatArray:
    """Minus the share of copies not trained on the person that know them as well (Ye et al. 2022).

    -(1 + #{k: phi_k >= phi})/(K + 1); at best -1/(K + 1), so that few copies resolve little.
    """
    out = ~trained
    as_well = (out & (shadows >= target)).sum(axis=0)
    score: FloatArray = -(1 + as_well) / (1 + out.sum(axis=0))
    return score


def balanced_coins(n_copies: int, n_people: int, rng: np.random.Generator) -> BoolArray:
    """Who trains which copy, shape ``(n_copies, n_people)``: everyone exactly half of them, by chance.

    With an odd number of copies each is in the smaller half.
    """
    order = rng.random((n_copies, n_people)).argsort(axis=0, kind="stable")
    return np.asarray(order.argsort(axis=0) < n_copies // 2)
