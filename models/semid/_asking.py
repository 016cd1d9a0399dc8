"""Asks a trained generator about histories: how likely tuples are, and which are the likeliest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ._beam import beam_search
from ._trie import Trie
from ._windows import Rows

if TYPE_CHECKING:
    import torch
    from torch import nn

Asked = TypeVar("Asked")

TOKENS = 2**13
"""Codes that are read at once when many are asked about."""
TUPLES = 64
"""Tuples of one history that are scored side by side."""


class Network(Protocol):
    """What reads tuples of codes and tells the next; a memory is its own and only handed back to it."""

    @property
    def network(self) -> nn.ModuleDict:
        """What is trained."""
        ...

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many codes there are at each place."""
        ...

    def losses(self, rows: Rows) -> torch.Tensor:
        """Return minus the log-probability of the codes that count in each row, nats, ``(n,)``."""
        ...

    def read(self, rows: Rows) -> Any:
        """Read whole histories."""
        ...

    def follow(self, memory: Any, prefixes: torch.Tensor) -> torch.Tensor:
        """Return the states after 0, 1, ... codes of each beginning, ``(n, beams, length + 1, width)``."""
        ...

    def logits(self, states: torch.Tensor, level: int) -> torch.Tensor:
        """Return the logits of a level's codes from the states before it, ``(..., sizes[level])``."""
        ...


@dataclass(frozen=True, eq=False)
class Reading:
    """Histories that a network has read, ready to be asked about."""

    network: Network
    memory: Any

    @classmethod
    def of(cls, network: Network, rows: Rows) -> Reading:
        """Read the histories."""
        return cls(network, network.read(rows))

    def begun(self) -> torch.Tensor:
        """The state from which each history's answer begins, shape ``(n, width)``."""
        return self.network.follow(self.memory, self._nothing())[:, 0, 0]

    def along(self, tuples: torch.Tensor) -> list[torch.Tensor]:
        """Logits of each place given the codes before it.

        Parameters
        ----------
        tuples : shape ``(n, beams, L)``; the logits are ``(n, beams, sizes[level])`` each.
        """
        states = self.network.follow(self.memory, tuples[:, :, :-1])
        return [self.network.logits(states[:, :, level], level) for level in range(tuples.shape[2])]

    def log_probs(self, tuples: torch.Tensor) -> torch.Tensor:
        """Log p of tuples, shape ``(n, n_tuples, L)``, over all tuples of codes, shape ``(n, n_tuples)``."""
        import torch

        found = []
        for part in tuples.split(TUPLES, dim=1):
            rows = [row.log_softmax(dim=2) for row in self.along(part)]
            each = [row.gather(2, part[:, :, place, None])[:, :, 0] for place, row in enumerate(rows)]
            found.append(torch.stack(each).sum(dim=0))
        return torch.cat(found, dim=1)

    def likeliest(self, trie: Trie | None, beams: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The likeliest tuples, best first, and their log p: shapes ``(n, width, L)`` and ``(n, width)``."""
        network, memory, sizes = self.network, self.memory, self.network.sizes

        def logits(level: int, tokens: torch.Tensor) -> torch.Tensor:
            states = network.follow(memory, tokens)
            return network.logits(states[:, :, -1], level).flatten(0, 1)

        first = network.logits(self.begun(), 0)
        n = len(first)
        return beam_search(
            first,
            lambda level, tokens, parents: logits(level, tokens.view(n, -1, level)),
            trie,
            beams=beams,
            sizes=sizes,
        )

    def _nothing(self) -> torch.Tensor:
        import torch

        return torch.zeros(len(self.memory), 1, 0, dtype=torch.long, device=self.memory.device)


def legal_log_probs(logits: Sequence[torch.Tensor], trie: Trie, tuples: torch.Tensor) -> torch.Tensor:
    """Log p of one tuple each, shape ``(n, L)``, with every code's taken over the legal ones, ``(n,)``."""
    import torch

    total, states = torch.zeros(len(tuples), device=tuples.device), tuples.new_zeros(len(tuples))
    for level, row in enumerate(logits):
        kept = row[:, 0].masked_fill(~trie.legal(level, states), -torch.inf).log_softmax(dim=1)
        total = total + kept.gather(1, tuples[:, level, None])[:, 0]
        states = trie.advance(level, states, tuples[:, level])
    return total


def runs(asked: Sequence[Asked], *, width: int, length: int) -> Iterator[Sequence[Asked]]:
    """What is asked in runs of at most ``TOKENS`` codes, with ``width`` tuples of ``length`` codes each."""
    size = max(1, min(512, TOKENS // (width * length)))
    for start in range(0, len(asked), size):
        yield asked[start : start + size]


def device() -> str:
    """Where networks are trained and asked: the GPU if there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
