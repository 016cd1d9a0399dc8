"""Tells how likely a causal language model finds every token of texts, a piece of vocabulary at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base import ModelError
from ..data import FloatArray
from ._reader import right_padded, states_of

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

TEXTS_AT_ONCE = 64
PLACES_AT_ONCE, WORDS_AT_ONCE = 256, 1024
"""A piece of logits of this size stays in a processor's cache, whatever the vocabulary."""
AGREEMENT = 1e-2


def token_likelihoods(
    network: Any, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> list[FloatArray]:
    """What the network thought of each token of each text but its first, from one pass over the text.

    Texts of like length go together, padded on the right, where a causal mask hides the padding.

    Returns
    -------
    list of FloatArray
        Shape ``(n_tokens - 1, 3)`` each, nats: log p(x_t); mu_t = sum_v p(v) log p(v); sigma_t, the standard
        deviation of log p(v) under p (Zhang et al. 2024, Min-K%++).

    Raises
    ------
    ModelError
        If the network makes something else of its last states than its output layer says.
    """
    import torch

    if not texts:
        return []
    tokens: list[list[int]] = tokenizer(list(texts))["input_ids"]
    found = [np.zeros((max(0, len(own) - 1), 3)) for own in tokens]
    order = [row for row in np.argsort([len(own) for own in tokens], kind="stable").tolist() if tokens[row]]
    network.eval()
    with torch.inference_mode():
        if order:
            _check_head(network, tokens[order[0]])
        for start in range(0, len(order), TEXTS_AT_ONCE):
            rows = order[start : start + TEXTS_AT_ONCE]
            told, lengths = _told(network, [tokens[row] for row in rows])
            for row, own in zip(rows, np.split(told, np.cumsum(lengths)[:-1]), strict=True):
                found[row] = own
    return found


def _told(network: Any, texts: Sequence[Sequence[int]]) -> tuple[FloatArray, np.ndarray]:
    """The three numbers of all texts' tokens, one text after another, and how many each has."""
    import torch

    padded, last = right_padded(texts)
    ids = torch.from_numpy(padded).to(next(network.parameters()).device)
    states = states_of(network, ids)[:, :-1]
    own = torch.from_numpy(np.arange(padded.shape[1] - 1) < last[:, None]).to(ids.device)
    return moments(network.get_output_embeddings(), states[own], ids[:, 1:][own]), last


def moments(head: torch.nn.Linear, states: torch.Tensor, targets: torch.Tensor) -> FloatArray:
    """Return log p(target), and mean and standard deviation of log p under p, of each state; ``(n, 3)``.

    With z the logits, top their largest so far and S_k = sum_v exp(z_v - top) (z_v - top)^k, all three
    come from S_0, S_1 and S_2, which are added up over pieces of the vocabulary; a new largest logit
    moves the old sums (the binomial theorem). No more than one piece of logits is ever held.
    """
    import torch

    parts = [np.zeros((0, 3))]
    for start in range(0, len(states), PLACES_AT_ONCE):
        own = states[start : start + PLACES_AT_ONCE]
        top, sums = _sums(head, own)
        true = _logits(head, own, targets[start : start + PLACES_AT_ONCE])
        log_total = sums[0].log()
        mean = sums[1] / sums[0]
        spread = (sums[2] / sums[0] - mean.square()).clamp(min=0).sqrt()
        told = torch.stack([true - top - log_total, mean - log_total, spread], dim=1)
        parts.append(told.double().cpu().numpy())
    return np.concatenate(parts)


def _sums(head: torch.nn.Linear, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest logit of each state, and S_0, S_1 and S_2, shapes ``(n,)`` and ``(3, n)``."""
    import torch

    top, sums = None, torch.zeros(3, len(states), device=states.device)
    for start in range(0, len(head.weight), WORDS_AT_ONCE):
        bias = None if head.bias is None else head.bias[start : start + WORDS_AT_ONCE]
        logits = torch.nn.functional.linear(states, head.weight[start : start + WORDS_AT_ONCE], bias).float()
        highest = logits.amax(dim=1)
        higher = highest if top is None else torch.maximum(top, highest)
        if top is not None:
            sums = _moved(sums, top - higher)
        top = higher
        logits -= top[:, None]
        weights = logits.exp()
        weighted = weights * logits
        squares = torch.linalg.vecdot(weighted, logits)
        sums = sums + torch.stack([weights.sum(dim=1), weighted.sum(dim=1), squares])
    assert top is not None
    return top, sums


def _moved(sums: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """S_0, S_1 and S_2 after every z - top has grown by ``by`` (which is negative)."""
    import torch

    s0, s1, s2 = sums
    return by.exp() * torch.stack([s0, s1 + by * s0, s2 + 2 * by * s1 + by.square() * s0])


def _logits(head: torch.nn.Linear, states: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    """The logit of one word for each state, shape ``(n,)``."""
    logits: torch.Tensor = (states.float() * head.weight[words].float()).sum(dim=1)
    return logits if head.bias is None else logits + head.bias[words].float()


def _check_head(network: Any, tokens: Sequence[int]) -> None:
    """Networks that cap or scale their logits would be read wrongly."""
    import torch

    ids = torch.tensor([list(tokens)], device=next(network.parameters()).device)
    head = network.get_output_embeddings()
    said = network(input_ids=ids, use_cache=False).logits[0, -1].float()
    read = head(states_of(network, ids)[0, -1]).float()
    if (said - read).abs().max() > AGREEMENT * (1 + said.abs().max()):
        raise ModelError(
            "this network does something to its logits after its output layer (it caps or scales them), so"
            " the likelihood of single tokens cannot be read from it"
        )
