"""Lets a causal language model write on where a text stops, many texts at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TEXTS_AT_ONCE = 64


def continued(
    network: Any, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, n_tokens: int
) -> list[str]:
    """The likeliest next token after each text, again and again: the words that this adds to the text.

    Each token is computed once, its keys and values kept. A text ends early at the tokenizer's end token.
    Texts of like length go together, padded on the left, where the mask hides the padding.

    Parameters
    ----------
    n_tokens : tokens added at most, at least 1.
    """
    import torch

    found = [""] * len(texts)
    if not texts:
        return found
    prompts: list[list[int]] = tokenizer(list(texts))["input_ids"]
    order = np.argsort([len(prompt) for prompt in prompts], kind="stable").tolist()
    device, end = next(network.parameters()).device, tokenizer.eos_token_id
    network.eval()
    with torch.inference_mode():
        for start in range(0, len(order), TEXTS_AT_ONCE):
            rows = order[start : start + TEXTS_AT_ONCE]
            tokens, mask = left_padded([prompts[row] for row in rows])
            written = network.generate(
                input_ids=torch.from_numpy(tokens).to(device),
                attention_mask=torch.from_numpy(mask).to(device),
                max_new_tokens=n_tokens,
                do_sample=False,
                num_beams=1,
                pad_token_id=0 if end is None else end,
            )
            for row, ids in zip(rows, written[:, tokens.shape[1] :].tolist(), strict=True):
                found[row] = tokenizer.decode(ids, skip_special_tokens=True)
    return found


def left_padded(prompts: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Token ids padded on the left, and 1 where a token is the prompt's own; both ``(n, longest)``."""
    longest = max(len(prompt) for prompt in prompts)
    tokens = np.zeros((len(prompts), longest), dtype=np.int64)
    mask = np.zeros_like(tokens)
    for row, prompt in enumerate(prompts):
        tokens[row, longest - len(prompt) :] = prompt
        mask[row, longest - len(prompt) :] = 1
    return tokens, mask
