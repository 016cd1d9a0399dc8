"""What membership attacks cost: token attacks, RMIA's counts, copies trained together.

Run ``python benchmarks/membership_attacks.py``; factors are ratios within one run, each time the
fastest of three. It uses as many threads as PyTorch finds; set OMP_NUM_THREADS to say how many.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from recaudit.models.diffusion._denoiser import denoiser, restored
from recaudit.models.llm._reader import right_padded
from recaudit.models.llm._token_likelihoods import token_likelihoods
from recaudit.models.trainers.stacked import StackedTask, fit_many
from recaudit.probes.privacy._shadow_attacks import rmia
from recaudit.probes.privacy._token_attacks import one_pass_scores
from torch import nn

COPIES, BATCH, ROWS = 32, 32, 512
TEXTS, LENGTH = 128, 60


def seconds(*runs: Callable[[], object], repeats: int = 3) -> list[float]:
    """The fastest time of each, taken in turns so that a busy machine is busy for all."""
    times = np.full((repeats, len(runs)), np.inf)
    for repeat in range(repeats):
        for place, run in enumerate(runs):
            start = time.perf_counter()
            run()
            times[repeat, place] = time.perf_counter() - start
    return times.min(axis=0).tolist()  # type: ignore[no-any-return]


class Words:
    """Stands for a tokenizer: a text is numbers, each a token."""

    def __call__(self, texts: list[str]) -> dict[str, list[list[int]]]:
        """Return the numbers of each text's words."""
        return {"input_ids": [[int(word) for word in text.split()] for text in texts]}


def token_bundle(vocabulary: int, hidden: int, layers: int) -> str:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    network = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=hidden,
            intermediate_size=4 * hidden,
            num_hidden_layers=layers,
            num_attention_heads=4,
            tie_word_embeddings=True,
        )
    ).eval()
    drawn = np.random.default_rng(0).integers(0, vocabulary, (TEXTS, LENGTH)).tolist()
    texts = [" ".join(map(str, words)) for words in drawn]
    tokenizer: Any = Words()

    def loss() -> list[float]:
        """As any library does: all logits of a batch, then cross-entropy."""
        found: list[float] = []
        with torch.inference_mode():
            for start in range(0, TEXTS, 64):
                ids = torch.from_numpy(right_padded(tokenizer(texts[start : start + 64])["input_ids"])[0])
                logits = network(input_ids=ids, use_cache=False).logits[:, :-1]
                each = nn.functional.cross_entropy(
                    logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
                )
                found += each.view(len(ids), -1).mean(dim=1).tolist()
        return found

    def bundle() -> dict[str, np.ndarray]:
        return one_pass_scores(token_likelihoods(network, tokenizer, texts), texts)

    off = np.abs(bundle()["text_loss"] + np.array(loss())).max()
    alone, together = seconds(loss, bundle)
    return (
        f"loss, Min-K, Min-K++ and zlib, {vocabulary:,} words, width {hidden}: {together:.2f} s,"
        f" {together / alone:.2f} x the loss alone ({alone:.2f} s); losses differ by {off:.0e}"
    )


def rmia_counts(n: int) -> str:
    rng = np.random.default_rng(0)
    ratio, population = rng.normal(0.3, 1, n), rng.normal(0, 1, n)

    def pairs() -> np.ndarray:
        return np.concatenate(
            [(own[:, None] >= population).mean(axis=1) for own in np.array_split(ratio, 100)]
        )

    equal = np.array_equal(pairs(), rmia(ratio, population))
    slow, fast = seconds(pairs, lambda: rmia(ratio, population))
    times = f"{fast * 1000:.1f} ms, all pairs {slow:.2f} s ({slow / fast:.0f} x)"
    return f"RMIA, {n:,} x {n:,}: {times}, equal: {equal}"


def perceptron(width: int, hidden: int) -> nn.ModuleDict:
    return denoiser(width, (hidden,), 10, dropout=0.0)


class Restoring(nn.Module):  # type: ignore[misc]
    """DiffRec's network at one level of noise, as a module that takes rows."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.inner = perceptron(width, hidden)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return what the network makes of rows."""
        return restored(self.inner, rows, torch.zeros(len(rows), dtype=torch.long, device=rows.device))


def restoring(network: Callable[..., Any], batch: torch.Tensor) -> torch.Tensor:
    losses: torch.Tensor = (network(batch) - batch).square().mean(dim=1)
    return losses


def together(width: int, hidden: int) -> str:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    first = [Restoring(width, hidden) for _ in range(COPIES)]
    rows = (torch.rand(ROWS, width) < 0.1).float()
    trained = rng.random((COPIES, ROWS)) < 0.5
    found: dict[str, np.ndarray] = {}

    def stacked() -> None:
        task = StackedTask(
            modules=copy.deepcopy(first),
            rows=rows,
            trained=trained,
            loss=restoring,
            epochs=1,
            batch_size=BATCH,
            learning_rate=1e-3,
            schedule="constant",
        )
        found["stacked"] = fit_many(task, np.random.default_rng(1))[:, 0]

    def loop() -> None:
        """Each copy alone, on its own rows of the same batches and no others."""
        order = np.random.default_rng(1)
        order.integers(2**63)
        places = order.permutation(ROWS)
        losses = np.zeros(COPIES)
        for copied, module in enumerate(copy.deepcopy(first)):
            optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
            for start in range(0, ROWS, BATCH):
                batch = places[start : start + BATCH]
                each = restoring(module, rows[torch.from_numpy(batch[trained[copied, batch]])])
                optimizer.zero_grad(set_to_none=True)
                each.mean().backward()
                optimizer.step()
                losses[copied] += float(each.detach().sum())
        found["loop"] = losses / trained.sum(axis=1)

    slow, fast = seconds(loop, stacked)
    off = np.abs(found["loop"] - found["stacked"]).max()
    weights = sum(own.numel() for own in first[0].parameters())
    return (
        f"{COPIES} denoisers over {width} items, {hidden} hidden ({weights:,} weights each), batch {BATCH}:"
        f" loop {slow:.2f} s, stacked {fast:.2f} s, {slow / fast:.1f} x; losses differ by {off:.0e}"
    )


def main() -> None:
    print(f"{torch.get_num_threads()} threads")
    for vocabulary, hidden, layers in ((2000, 96, 2), (32000, 96, 2), (32000, 512, 4)):
        print(token_bundle(vocabulary, hidden, layers))
    print(rmia_counts(10_000))
    for width, hidden in ((50, 16), (100, 32), (150, 64), (300, 64), (300, 200), (1000, 200)):
        print(together(width, hidden))


if __name__ == "__main__":
    main()
