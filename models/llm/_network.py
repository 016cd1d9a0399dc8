"""Causal language models from disk or hub, with LoRA adapters on and off."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..base import ModelError


def load_network(source: str, *, tokenizer: str | None = None) -> tuple[Any, Any]:
    """Load a tokenizer and a frozen causal language model from a local path or a hub name.

    Raises
    ------
    ModelError
        If it is not there, is no causal language model, or cannot be fetched.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    with _quiet():
        return _loaded(source, tokenizer or source, device)


def _loaded(source: str, tokenizer: str, device: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        words = AutoTokenizer.from_pretrained(tokenizer)
        network = AutoModelForCausalLM.from_pretrained(
            source, dtype=torch.float32 if device == "cpu" else "auto"
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"no causal language model could be loaded from {source!r} ({reason});"
            " give a local folder or a hub name that this machine can reach, or base=tiny"
        ) from None
    return words, network.to(device).eval().requires_grad_(False)


def tuned_network(base: Any, *, rank: int, scaling: int, dropout: float, words: tuple[int, ...]) -> Any:
    """Put fresh LoRA adapters on the query and value projections, and train these words' embeddings."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=rank,
        lora_alpha=scaling,
        lora_dropout=dropout,
        target_modules=["q_proj", "v_proj"],
        task_type="CAUSAL_LM",
        trainable_token_indices={"embed_tokens": list(words)} if words else None,
    )
    with _quiet():
        return get_peft_model(base, config)


def tune(base: Any, adapter: Path | str) -> Any:
    """Put saved adapters on a base."""
    from peft import PeftModel

    with _quiet():
        return PeftModel.from_pretrained(base, str(adapter)).eval()


def write_network(network: Any, folder: Path) -> None:
    """Write a network, or only its adapters where it has some."""
    with _quiet():
        network.save_pretrained(folder)


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars for files of a megabyte, and no warnings about the libraries' own insides."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        if shown:
            logging.enable_progress_bar()
