"""A small T5 that reads a history as codes and writes the next item's: the network TIGER was published with.

Raffel et al. 2020, from the configuration alone, with one output layer for each place of a tuple.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ._decoder import Shape
from ._windows import Rows

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True, eq=False)
class Encoded:
    """Histories as the encoder left them, ``(n, T, width)``, and which of their places are real."""

    states: torch.Tensor
    real: torch.Tensor

    def __len__(self) -> int:
        return len(self.states)

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        return self.states.device


@dataclass(frozen=True, eq=False)
class EncoderDecoder:
    """The encoder-decoder over tuples of codes.

    Token 0 starts an answer and fills up; then come the users' tokens, then the codes of each place.
    """

    network: nn.ModuleDict
    sizes: tuple[int, ...]
    shape: Shape
    temperature: float = 1.0

    @classmethod
    def fresh(cls, sizes: tuple[int, ...], shape: Shape, temperature: float = 1.0) -> EncoderDecoder:
        """Build it untrained."""
        from torch import nn
        from transformers import T5Config, T5Model

        settings = T5Config(
            vocab_size=1 + max(1, shape.user_tokens) + sum(sizes),
            d_model=shape.width,
            d_kv=shape.head_width,
            num_heads=shape.heads,
            d_ff=shape.inner,
            num_layers=shape.layers,
            dropout_rate=shape.dropout,
            decoder_start_token_id=0,
            pad_token_id=0,
        )
        heads = nn.ModuleList(nn.Linear(shape.width, size) for size in sizes)
        return cls(nn.ModuleDict({"t5": T5Model(settings), "heads": heads}), sizes, shape, temperature)

    def losses(self, rows: Rows) -> torch.Tensor:
        """Return minus the log-probability of each row's last tuple after those before it, nats."""
        import torch

        place = np.arange(len(rows.lengths))
        last = torch.from_numpy(rows.codes[place, rows.lengths - 1]).to(self._device())
        memory = self.read(Rows(rows.codes, rows.lengths - 1, rows.first, rows.users))
        states = self.follow(memory, last[:, None, :-1])[:, 0]
        lost = [
            torch.nn.functional.cross_entropy(
                self.logits(states[:, level], level), last[:, level], reduction="none"
            )
            for level in range(len(self.sizes))
        ]
        return torch.stack(lost).sum(dim=0)

    def read(self, rows: Rows) -> Encoded:
        """Encode whole histories behind their users' tokens."""
        import torch

        rows = rows.picked(np.arange(len(rows.lengths)))
        n, levels = len(rows.lengths), len(self.sizes)
        tokens = self._tokens(torch.from_numpy(rows.codes).to(self._device())).reshape(n, -1)
        users = 1 + torch.from_numpy(rows.hashed(self.shape.user_tokens)).to(tokens.device)
        tokens = torch.cat([users[:, None], tokens], dim=1)
        ends = 1 + torch.from_numpy(rows.lengths * levels).to(tokens.device)
        real = torch.arange(tokens.shape[1], device=tokens.device) < ends[:, None]
        states = self.network["t5"].encoder(input_ids=tokens, attention_mask=real.long())[0]
        return Encoded(states, real)

    def follow(self, memory: Encoded, prefixes: torch.Tensor) -> torch.Tensor:
        """Return states after 0, 1, ... codes of each beginning, ``(n, beams, length + 1, width)``."""
        import torch

        n, beams, length = prefixes.shape
        start = prefixes.new_zeros(n * beams, 1)
        tokens = torch.cat([start, self._tokens(prefixes).reshape(n * beams, length)], dim=1)
        said: Any = self.network["t5"].decoder(
            input_ids=tokens,
            encoder_hidden_states=memory.states.repeat_interleave(beams, dim=0),
            encoder_attention_mask=memory.real.long().repeat_interleave(beams, dim=0),
            use_cache=False,
        )
        states: torch.Tensor = said[0].reshape(n, beams, length + 1, -1)
        return states

    def logits(self, states: torch.Tensor, level: int) -> torch.Tensor:
        """Return the logits of the codes of a level from the states before it, ``(..., sizes[level])``."""
        found: torch.Tensor = self.network["heads"][level](states) / self.temperature
        return found

    def _tokens(self, codes: torch.Tensor) -> torch.Tensor:
        import torch

        first = 1 + max(1, self.shape.user_tokens)
        offsets = torch.tensor(np.cumsum([first, *self.sizes[:-1]]), device=codes.device)
        return codes + offsets[: codes.shape[-1]]

    def _device(self) -> torch.device:
        found: torch.device = self.network["heads"][0].weight.device
        return found
