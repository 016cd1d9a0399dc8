"""A small Transformer that reads codes from left to right and says which code comes next.

Pre-norm blocks (Xiong et al. 2020) with rotary positions (Su et al. 2021). One pass over a person's whole
sequence trains every item in it. Asked later, all continuations of a history are read side by side behind
it: each sees the history and itself, so the history is read once however many beams there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import ModelError
from ._windows import Rows

if TYPE_CHECKING:
    import torch
    from torch import nn

    KeysAndValues = list[tuple[torch.Tensor, torch.Tensor]]

PARTS = 4
"""Groups of like length that a training batch is read in, so that little of it is padding."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of a network; ``head_width`` times ``heads`` need not be ``width`` in an encoder-decoder."""

    width: int
    heads: int
    head_width: int
    inner: int
    layers: int
    dropout: float
    user_tokens: int


@dataclass(frozen=True, eq=False)
class Memory:
    """Histories as the network has read them, shapes ``(n, heads, T, head_width)`` and ``(n, width)``."""

    kept: KeysAndValues
    last: torch.Tensor
    tokens: torch.Tensor

    def __len__(self) -> int:
        return len(self.last)

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        return self.last.device


@dataclass(frozen=True, eq=False)
class Decoder:
    """The decoder-only network over tuples of codes."""

    network: nn.ModuleDict
    sizes: tuple[int, ...]
    shape: Shape
    temperature: float = 1.0

    @classmethod
    def fresh(cls, sizes: tuple[int, ...], shape: Shape, temperature: float = 1.0) -> Decoder:
        """Build it untrained.

        Raises
        ------
        ModelError
            If the heads do not share the width evenly, in even parts.
        """
        from torch import nn

        if shape.width % (2 * shape.heads):
            raise ModelError(f"width must be a multiple of twice heads, got {shape.width} and {shape.heads}")
        parts = {
            "codes": nn.Embedding(sum(sizes), shape.width),
            "start": nn.Embedding(max(1, shape.user_tokens), shape.width),
            "drop": nn.Dropout(shape.dropout),
            "blocks": nn.ModuleList(_block(shape) for _ in range(shape.layers)),
            "norm": nn.LayerNorm(shape.width),
            "heads": nn.ModuleList(nn.Linear(shape.width, size) for size in sizes),
        }
        network = nn.ModuleDict(parts)
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
        return cls(network, sizes, shape, temperature)

    def losses(self, rows: Rows) -> torch.Tensor:
        """Return minus the log-probability of the codes that count in each row, nats, ``(n,)``."""
        import torch

        order = np.argsort(rows.lengths, kind="stable")
        parts = [part for part in np.array_split(order, PARTS) if len(part)]
        found = torch.cat([self._losses(rows.picked(part)) for part in parts])
        return found[torch.from_numpy(np.argsort(order)).to(found.device)]

    def read(self, rows: Rows) -> Memory:
        """Read whole histories."""
        import torch

        rows = rows.picked(np.arange(len(rows.lengths)))
        x = self._entries(rows)
        states, kept = self._through(x, torch.arange(x.shape[1], device=x.device))
        tokens = 1 + torch.from_numpy(rows.lengths).to(x.device) * len(self.sizes)
        return Memory(kept, states[torch.arange(len(x), device=x.device), tokens - 1], tokens)

    def follow(self, memory: Memory, prefixes: torch.Tensor) -> torch.Tensor:
        """Return the states after 0, 1, ... codes of each beginning of a tuple.

        Parameters
        ----------
        prefixes : ``(n, beams, length)``; the states are ``(n, beams, length + 1, width)``.
        """
        import torch

        n, beams, length = prefixes.shape
        first = memory.last[:, None, None].expand(n, beams, 1, self.shape.width)
        if not length:
            return first
        x = self._embedded(prefixes).reshape(n, beams * length, -1)
        place = torch.arange(length, device=x.device).repeat(beams)
        past = torch.arange(memory.kept[0][0].shape[2], device=x.device) < memory.tokens[:, None]
        beam = torch.arange(beams, device=x.device).repeat_interleave(length)
        own = (beam[:, None] == beam) & (place[:, None] >= place)
        allowed = torch.cat(
            [past[:, None].expand(n, len(own), past.shape[1]), own.expand(n, *own.shape)], dim=2
        )
        states, _ = self._through(
            x, memory.tokens[:, None] + place, allowed=allowed[:, None], past=memory.kept
        )
        return torch.cat([first, states.reshape(n, beams, length, -1)], dim=2)

    def logits(self, states: torch.Tensor, level: int) -> torch.Tensor:
        """Return the logits of the codes of a level from the states before it, ``(..., sizes[level])``."""
        found: torch.Tensor = self.network["heads"][level](states) / self.temperature
        return found

    def _losses(self, rows: Rows) -> torch.Tensor:
        import torch

        x = self._entries(rows)[:, :-1]
        states, _ = self._through(x, torch.arange(x.shape[1], device=x.device))
        counts, codes = (torch.from_numpy(part).to(x.device) for part in (rows.counted, rows.codes))
        levels = len(self.sizes)
        total = torch.zeros(len(x), device=x.device)
        for level in range(levels):
            asked = states[:, level::levels][counts]
            lost = torch.nn.functional.cross_entropy(
                self.logits(asked, level), codes[:, :, level][counts], reduction="none"
            )
            total = total.index_add(0, counts.nonzero()[:, 0], lost)
        return total

    def _entries(self, rows: Rows) -> torch.Tensor:
        """The start token and the codes, shape ``(n, 1 + T L, width)``."""
        import torch

        weight = self.network["start"].weight
        users = torch.from_numpy(rows.hashed(self.shape.user_tokens)).to(weight.device)
        codes = self._embedded(torch.from_numpy(rows.codes).to(weight.device))
        start = self.network["start"](users)[:, None]
        return torch.cat([start, codes.reshape(len(codes), -1, self.shape.width)], dim=1)

    def _embedded(self, codes: torch.Tensor) -> torch.Tensor:
        import torch

        offsets = torch.tensor(np.cumsum([0, *self.sizes[:-1]]), device=codes.device)
        embedded: torch.Tensor = self.network["codes"](codes + offsets[: codes.shape[-1]])
        return embedded

    def _through(
        self,
        x: torch.Tensor,
        positions: torch.Tensor,
        *,
        allowed: torch.Tensor | None = None,
        past: KeysAndValues | None = None,
    ) -> tuple[torch.Tensor, KeysAndValues]:
        import torch

        drop, heads = self.network["drop"], self.shape.heads
        turns = _turns(positions, self.shape.width // heads)
        kept = []
        x = drop(x)
        for place, block in enumerate(self.network["blocks"]):
            mixed = block["ask"](block["before_ask"](x)).unflatten(2, (3, heads, -1))
            query, key, value = mixed.permute(2, 0, 3, 1, 4)
            query, key = _turned(query, turns), _turned(key, turns)
            kept.append((key, value))
            if past is not None:
                key = torch.cat([past[place][0], key], dim=2)
                value = torch.cat([past[place][1], value], dim=2)
            read = torch.nn.functional.scaled_dot_product_attention(
                query, key, value, attn_mask=allowed, is_causal=allowed is None
            )
            x = x + drop(block["answer"](read.transpose(1, 2).flatten(2)))
            inner = torch.nn.functional.gelu(block["widen"](block["before_widen"](x)))
            x = x + drop(block["narrow"](inner))
        return self.network["norm"](x), kept


def _block(shape: Shape) -> nn.ModuleDict:
    from torch import nn

    width, inner = shape.width, shape.inner
    return nn.ModuleDict(
        {
            "before_ask": nn.LayerNorm(width),
            "ask": nn.Linear(width, 3 * width),
            "answer": nn.Linear(width, width),
            "before_widen": nn.LayerNorm(width),
            "widen": nn.Linear(width, inner),
            "narrow": nn.Linear(inner, width),
        }
    )


def _turns(positions: torch.Tensor, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of positions, ``(..., 1, T, width / 2)``: RoPE's angles (Su et al. 2021)."""
    import torch

    speed = 10000.0 ** (-torch.arange(0, width, 2, device=positions.device) / width)
    angles = (positions[..., None] * speed).unsqueeze(-3)
    return angles.cos(), angles.sin()


def _turned(x: torch.Tensor, turns: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    import torch

    cosine, sine = turns
    left, right = x.chunk(2, dim=-1)
    return torch.cat([left * cosine - right * sine, right * cosine + left * sine], dim=-1)
