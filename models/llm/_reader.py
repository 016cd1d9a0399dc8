"""Ask a causal language model for its first answer token: log-odds of Yes against No, many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base import ModelError
from ..data import FloatArray, IntArray
from ._prefix_tree import PromptTree, grow_trees

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

TREE_NODES = 768
NODES_AT_ONCE = 3072
WORTH_SHARING = 0.7
PROMPTS_AT_ONCE = 64
AGREEMENT = 1e-3


def answer_tokens(tokenizer: PreTrainedTokenizerBase) -> tuple[int, int]:
    """The token ids with which an answer "Yes." and an answer "No." begin, in this order.

    They are looked up in the tokenizer; ids copied from another model's vocabulary read random words.

    Raises
    ------
    ModelError
        If both answers begin with one and the same token.
    """
    frame = "### Response:\n"
    bare, yes, no = (
        tokenizer(frame + text, add_special_tokens=False)["input_ids"] for text in ("", "Yes.", "No.")
    )
    first = next((i for i, (a, b) in enumerate(zip(yes, no, strict=False)) if a != b), len(bare))
    if first >= min(len(yes), len(no)) or yes[first] == no[first]:
        raise ModelError(
            "this tokenizer begins 'Yes.' and 'No.' with the same token, so no answer can be read"
        )
    return int(yes[first]), int(no[first])


class YesNoReader:
    """Reads yes/no log-odds, in nats, from raw logits (never from a softmax of probabilities).

    Prompts that share much are merged into token trees where the network takes tree-shaped attention
    masks; that is tried once, on one tree, and networks that answer differently are asked in plain batches.
    """

    def __init__(self, network: Any, tokenizer: PreTrainedTokenizerBase) -> None:
        self.network = network
        self.tokenizer = tokenizer
        self.answers = answer_tokens(tokenizer)
        self._ask: Callable[[list[list[int]]], FloatArray] | None = None

    def read(self, texts: Sequence[str]) -> FloatArray:
        """Return log p(Yes) - log p(No) after each text, shape ``(n_texts,)``."""
        import torch

        if not texts:
            return np.zeros(0)
        prompts: list[list[int]] = self.tokenizer(list(texts))["input_ids"]
        self.network.eval()
        with torch.inference_mode():
            if self._ask is None:
                self._ask = self._in_trees if self._takes_trees(prompts[0]) else self._in_batches
            return self._ask(prompts)

    def states(self, texts: Sequence[str]) -> FloatArray:
        """Return the network's last hidden state after each text, shape ``(n_texts, hidden)``."""
        import torch

        self.network.eval()
        found = np.zeros((len(texts), self.network.get_output_embeddings().weight.shape[1]))
        with torch.inference_mode():
            for rows, states in self._batched(self.tokenizer(list(texts))["input_ids"] if texts else []):
                found[rows] = states.double().cpu().numpy()
        return found

    def _takes_trees(self, prompt: list[int]) -> bool:
        """Whether a prompt and one that differs in its last token get the same answers in one tree."""
        prompts, odds = [prompt, [*prompt[:-1], self.answers[0]]], np.empty(2)
        try:
            for tree in grow_trees(prompts, most_nodes=TREE_NODES):
                self._read_trees([tree], odds)
        except (TypeError, ValueError, RuntimeError):
            return False
        return bool(np.abs(odds - self._in_batches(prompts)).max() < AGREEMENT)

    def _in_trees(self, prompts: list[list[int]]) -> FloatArray:
        trees = sorted(grow_trees(prompts, most_nodes=TREE_NODES), key=len)
        if sum(map(len, trees)) > WORTH_SHARING * sum(map(len, prompts)):
            return self._in_batches(prompts)
        odds = np.empty(len(prompts))
        while trees:
            together = max(1, NODES_AT_ONCE // len(trees[-1]))
            self._read_trees(trees[-together:], odds)
            del trees[-together:]
        return odds

    def _read_trees(self, trees: list[PromptTree], odds: FloatArray) -> None:
        import torch

        size = max(len(tree) for tree in trees)
        tokens = np.zeros((len(trees), size), dtype=np.int64)
        depths = np.zeros((len(trees), size), dtype=np.int64)
        sees = np.broadcast_to(np.eye(size, dtype=np.bool_), (len(trees), size, size)).copy()
        for place, tree in enumerate(trees):
            tokens[place, : len(tree)], depths[place, : len(tree)] = tree.tokens, tree.depths
            sees[place, : len(tree), : len(tree)] = tree.sees
        weights = next(self.network.parameters())
        allowed = torch.from_numpy(sees)[:, None].to(weights.device)
        mask = torch.zeros(allowed.shape, dtype=weights.dtype, device=weights.device)
        states = states_of(
            self.network,
            torch.from_numpy(tokens).to(weights.device),
            attention_mask=mask.masked_fill_(~allowed, torch.finfo(weights.dtype).min),
            position_ids=torch.from_numpy(depths).to(weights.device),
        )
        for place, tree in enumerate(trees):
            odds[tree.prompts] = self._odds(states[place, torch.from_numpy(tree.leaves).to(weights.device)])

    def _in_batches(self, prompts: list[list[int]]) -> FloatArray:
        odds = np.empty(len(prompts))
        for rows, states in self._batched(prompts):
            odds[rows] = self._odds(states)
        return odds

    def _batched(self, prompts: list[list[int]]) -> Iterator[tuple[IntArray, torch.Tensor]]:
        """Prompts of like length together: which they are, and the states after their last tokens."""
        import torch

        order = np.argsort([len(prompt) for prompt in prompts], kind="stable")
        device = next(self.network.parameters()).device
        for start in range(0, len(order), PROMPTS_AT_ONCE):
            rows = order[start : start + PROMPTS_AT_ONCE]
            tokens, last = right_padded([prompts[row] for row in rows])
            states = states_of(self.network, torch.from_numpy(tokens).to(device))
            yield rows, states[torch.arange(len(rows)), torch.from_numpy(last)]

    def _odds(self, states: torch.Tensor) -> FloatArray:
        odds: FloatArray = answer_logits(self.network, states, self.answers).double().cpu().numpy()
        return odds


def states_of(
    network: Any,
    tokens: torch.Tensor,
    *,
    attention_mask: torch.Tensor | None = None,
    position_ids: torch.Tensor | None = None,
) -> torch.Tensor:
    """Last hidden states, shape ``(n, length, hidden)``, with or without adapters around the network."""
    plain = network.get_base_model() if hasattr(network, "get_base_model") else network
    output = plain.get_decoder()(
        input_ids=tokens, attention_mask=attention_mask, position_ids=position_ids, use_cache=False
    )
    states: torch.Tensor = output.last_hidden_state
    return states


def answer_logits(network: Any, states: torch.Tensor, answers: tuple[int, int]) -> torch.Tensor:
    """The raw logit of Yes minus that of No for last-token states of shape ``(n, hidden)``.

    Only two rows of the output layer are used; the vocabulary's other logits cancel in the log-odds.
    """
    head = network.get_output_embeddings()
    yes, no = answers
    difference: torch.Tensor = states @ (head.weight[yes] - head.weight[no])
    return difference if getattr(head, "bias", None) is None else difference + head.bias[yes] - head.bias[no]


def right_padded(prompts: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Token ids padded on the right, and the place of each last token; a causal mask hides the padding."""
    last = np.array([len(prompt) - 1 for prompt in prompts])
    tokens = np.zeros((len(prompts), int(last.max()) + 1), dtype=np.int64)
    for row, prompt in enumerate(prompts):
        tokens[row, : len(prompt)] = prompt
    return tokens, last
