"""A small causal Transformer that keeps what it has read, so that a list grows by one token at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..base import ModelError

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(eq=False)
class Memory:
    """What a Transformer has read of each row: keys and values per block, and which places are blank.

    Parameters
    ----------
    read : per block, keys and values, shape ``(n_rows, heads, n_places, dim / heads)`` each.
    blank : places that hold nothing, shape ``(n_rows, n_places)``.
    """

    read: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)
    blank: torch.Tensor | None = None

    def picked(self, rows: torch.Tensor) -> Memory:
        """The memories of these rows, in that order; a row may be picked many times."""
        kept = [(key.index_select(0, rows), value.index_select(0, rows)) for key, value in self.read]
        return Memory(kept, None if self.blank is None else self.blank.index_select(0, rows))


def causal(dim: int, *, blocks: int, heads: int, inner: int) -> nn.ModuleDict:
    """Build it, with norms before attention and before the inner layer of width ``inner``.

    Raises
    ------
    ModelError
        If the heads do not divide the width.
    """
    from torch import nn

    if dim % heads:
        raise ModelError(f"dim must be a multiple of heads, got {dim} and {heads}")
    parts = [_block(dim, heads, inner) for _ in range(blocks)]
    return nn.ModuleDict({"blocks": nn.ModuleList(parts), "norm": nn.LayerNorm(dim)})


def _block(dim: int, heads: int, inner: int) -> nn.ModuleDict:
    from torch import nn

    return nn.ModuleDict(
        {
            "before_attend": nn.LayerNorm(dim),
            "offer": nn.Linear(dim, 3 * dim),
            "split": nn.Unflatten(2, (3, heads, dim // heads)),
            "answer": nn.Linear(dim, dim),
            "before_widen": nn.LayerNorm(dim),
            "widen": nn.Linear(dim, inner),
            "narrow": nn.Linear(inner, dim),
        }
    )


def read(
    network: nn.ModuleDict,
    x: torch.Tensor,
    *,
    blank: torch.Tensor | None = None,
    memory: Memory | None = None,
    dropout: float = 0.0,
) -> torch.Tensor:
    """What the Transformer says at each place of x, shape ``(n_rows, n_places, dim)``, as x.

    A place sees itself and what stands before it, here and in the memory, less what is blank
    (Vaswani et al. 2017). The memory then holds these places too. Without a ``dropout`` nothing is drawn.
    """
    import torch

    memory = memory if memory is not None else Memory()
    fresh = blank if blank is not None else x.new_zeros(x.shape[:2], dtype=torch.bool)
    memory.blank = fresh if memory.blank is None else torch.cat([memory.blank, fresh], dim=1)
    allowed = _visible(memory.blank, x.shape[1])
    for place, block in enumerate(network["blocks"]):
        mixed = _attended(block, block["before_attend"](x), allowed, memory, place)
        x = x + torch.dropout(mixed, dropout, dropout > 0)
        inner = torch.nn.functional.gelu(block["widen"](block["before_widen"](x)))
        x = x + torch.dropout(block["narrow"](inner), dropout, dropout > 0)
    said: torch.Tensor = network["norm"](x)
    return said


def _visible(blank: torch.Tensor, asking: int) -> torch.Tensor:
    """Which places the last ``asking`` ones see, shape ``(n_rows, 1, asking, n_places)``."""
    import torch

    places = blank.shape[1]
    past = torch.ones(places, places, dtype=torch.bool, device=blank.device).tril()[-asking:]
    # A place may always look at itself: a row of attention must sum to one somewhere.
    itself = torch.eye(places, dtype=torch.bool, device=blank.device)[-asking:]
    return ((past & ~blank[:, None, :]) | itself)[:, None]


def _attended(
    block: nn.ModuleDict, x: torch.Tensor, allowed: torch.Tensor, memory: Memory, place: int
) -> torch.Tensor:
    import torch

    query, key, value = block["split"](block["offer"](x)).permute(2, 0, 3, 1, 4)
    if place < len(memory.read):
        before_key, before_value = memory.read[place]
        key, value = torch.cat([before_key, key], dim=2), torch.cat([before_value, value], dim=2)
        memory.read[place] = (key, value)
    else:
        memory.read.append((key, value))
    mixed = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
    answer: torch.Tensor = block["answer"](mixed.transpose(1, 2).flatten(2))
    return answer
