"""Attacks that look at how likely a language model finds each word of a text, all from one pass over it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from ...models.capabilities import GivesTokenLikelihoods
from ...models.data import Example, FloatArray

LEAST_SPREAD = 1e-2
"""Nats; where a prediction spreads less, dividing by its spread would blow up rounding."""

TOKEN_ATTACKS = ("text_loss", "min_k", "min_k_plus", "zlib", "recall")
BETWEEN = "\n\n"


def text_scores(
    model: GivesTokenLikelihoods, handed_in: Sequence[Example], *, before: Sequence[Example] = ()
) -> dict[str, FloatArray]:
    """Each attack's score per example, shape ``(n_examples,)``; a higher one says "trained on".

    Parameters
    ----------
    before : examples of people who were surely not trained on; with them ReCaLL is tried as well, which
        takes a second pass over texts that are so much longer.

    References
    ----------
    Yeom et al. 2018 (loss); Shi et al. 2024 (Min-K%); Zhang et al. 2024 (Min-K%++); Carlini et al. 2021
    (zlib); Xie et al. 2024 (ReCaLL).
    """
    texts = model.example_texts(handed_in)
    told = model.token_likelihoods(texts)
    scores = one_pass_scores(told, texts)
    if before:
        start = BETWEEN.join([*model.example_texts(before), ""])
        scores["recall"] = recall(told, model.token_likelihoods([start + text for text in texts]))
    return scores


def one_pass_scores(
    told: Sequence[FloatArray], texts: Sequence[str], *, share: float = 0.2
) -> dict[str, FloatArray]:
    """The scores that need no other text.

    Parameters
    ----------
    told : (log p, mean, deviation) of the tokens of each text, nats, shape ``(n_tokens, 3)`` each.
    share : of the tokens, the least likely ones, that Min-K looks at, in (0, 1]; at least one token.

    Notes
    -----
    text loss: mean_t log p_t. Min-K: the same over the least likely tokens. Min-K++: the same over the
    least z_t = (log p_t - mu_t)/sigma_t, sigma_t at least ``LEAST_SPREAD``. zlib: sum_t log p_t over the
    number of bytes that the text takes when compressed. NaN for a text of one token.
    """
    scored: Mapping[str, list[float]] = {attack: [] for attack in TOKEN_ATTACKS[:-1]}
    for own, text in zip(told, texts, strict=True):
        log_p, mean, spread = own.T
        standard = (log_p - mean) / np.maximum(spread, LEAST_SPREAD)
        scored["text_loss"].append(_mean(log_p))
        scored["min_k"].append(least(log_p, share))
        scored["min_k_plus"].append(least(standard, share))
        scored["zlib"].append(_mean(log_p) * len(log_p) / len(zlib.compress(text.encode())))
    return {attack: np.array(scores) for attack, scores in scored.items()}


def least(values: FloatArray, share: float) -> float:
    """Mean of the lowest ceil(share * n) values; NaN of none."""
    if not len(values):
        return float("nan")
    count = max(1, int(np.ceil(share * len(values) - 1e-9)))
    return float(np.partition(values, count - 1)[:count].mean())


def recall(told: Sequence[FloatArray], told_after: Sequence[FloatArray]) -> FloatArray:
    """LL(x | strangers' texts) / LL(x) per text, shape ``(n_texts,)``; LL sums over all tokens but the first.

    What was trained on loses more when strangers' texts stand before it, and both are negative, so that
    its ratio is higher. The tokens of x are the last ones of the longer text.
    """
    ratios = []
    for own, after in zip(told, told_after, strict=True):
        alone = own[:, 0].sum()
        ratios.append(after[len(after) - len(own) :, 0].sum() / alone if alone < 0 else float("nan"))
    return np.array(ratios)


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else float("nan")
