"""Writes lists of items one after another, and learns from what a whole list is worth.

The policy is a causal Transformer over items: the history, a separator, and the list so far. What is in the
history or in the list already cannot be drawn again. Its reward is that of each place: the item's share of
NDCG, and what it adds to the list's diversity or takes from its unpopularity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._causal import Memory, causal, read

if TYPE_CHECKING:
    import torch
    from torch import nn

Choose = Callable[["torch.Tensor"], "torch.Tensor"]
"""Log-probabilities, shape ``(n, n_items)``, to one item a row, shape ``(n,)``."""


def writer(n_items: int, *, history: int, slate: int, dim: int, blocks: int, heads: int) -> nn.ModuleDict:
    """Build the policy and, beside it, a linear guess of the reward to come, which moves it nowhere."""
    from torch import nn

    tokens = nn.Embedding(n_items + 2, dim, padding_idx=n_items + 1)
    places = nn.Embedding(history + 1 + slate, dim)
    for table in (tokens, places):
        nn.init.normal_(table.weight, std=0.05)
    common = nn.Embedding(n_items, 1)
    nn.init.zeros_(common.weight)
    value = nn.Linear(dim, 1)
    nn.init.zeros_(value.weight)
    body = causal(dim, blocks=blocks, heads=heads, inner=4 * dim)
    parts = {"tokens": tokens, "places": places, "common": common, "body": body, "value": value}
    return nn.ModuleDict(parts)


@dataclass(frozen=True, eq=False)
class Written:
    """Lists drawn for some rows, with the log-probability and the guessed value at each place."""

    items: torch.Tensor
    log_probs: torch.Tensor
    values: torch.Tensor
    last: torch.Tensor
    """The log-probabilities of all items at the last place, shape ``(n, n_items)``."""


@dataclass(frozen=True, eq=False)
class Policy:
    """A writer as a policy over ``n_items`` items after windows of ``history`` items."""

    network: Any
    n_items: int
    history: int
    dropout: float = 0.0

    def write(self, windows: torch.Tensor, barred: torch.Tensor, steps: int, choose: Choose) -> Written:
        """Write lists of ``steps`` items, none of them barred or written twice.

        Parameters
        ----------
        windows : last items, filled up with ``n_items + 1`` on the left, shape ``(n, history)``.
        barred : items that may not be written, shape ``(n, n_items)``. Where nothing is left to write,
            the item given is of log-probability minus infinity.
        """
        import torch

        memory = Memory()
        hidden = self._opened(windows, memory)
        items, log_probs, values = [], [], []
        for place in range(steps):
            chances = self.chances(hidden, barred)
            chosen = choose(chances)[:, None]
            items.append(chosen)
            log_probs.append(chances.gather(1, chosen))
            values.append(self.network["value"](hidden))
            barred = barred.scatter(1, chosen, True)
            if place + 1 < steps:
                hidden = self._said(chosen, self.history + 1 + place, memory)[:, -1]
        return Written(torch.cat(items, 1), torch.cat(log_probs, 1), torch.cat(values, 1), chances)

    def first(self, windows: torch.Tensor) -> torch.Tensor:
        """The logits of the list's first item, shape ``(n, n_items)``."""
        return self.logits(self._opened(windows, Memory()))

    def told(self, windows: torch.Tensor, lists: torch.Tensor) -> torch.Tensor:
        """What the network says before each place of given lists, shape ``(n, slate, dim)``."""
        import torch

        tokens = torch.cat([self._with_separator(windows), lists[:, :-1]], dim=1)
        return self._said(tokens, 0, Memory())[:, self.history :]

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """One logit an item, shape ``(..., n_items)``."""
        table = self.network["tokens"].weight[: self.n_items]
        logits: torch.Tensor = hidden @ table.T + self.network["common"].weight[:, 0]
        return logits

    def chances(self, hidden: torch.Tensor, barred: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of the items that are not barred, minus infinity of the others."""
        import torch

        logits = self.logits(hidden).masked_fill(barred, -torch.inf)
        return torch.where(barred, logits, logits - logits.logsumexp(dim=-1, keepdim=True))

    def _opened(self, windows: torch.Tensor, memory: Memory) -> torch.Tensor:
        return self._said(self._with_separator(windows), 0, memory)[:, -1]

    def _with_separator(self, windows: torch.Tensor) -> torch.Tensor:
        import torch

        return torch.cat([windows, torch.full_like(windows[:, :1], self.n_items)], dim=1)

    def _said(self, tokens: torch.Tensor, first: int, memory: Memory) -> torch.Tensor:
        import torch

        places = torch.arange(first, first + tokens.shape[1], device=tokens.device)
        x = self.network["tokens"](tokens) + self.network["places"](places)
        blank = tokens == self.n_items + 1
        return read(
            self.network["body"],
            torch.dropout(x, self.dropout, self.dropout > 0),
            blank=blank,
            memory=memory,
            dropout=self.dropout,
        )


def drawn(chances: torch.Tensor) -> torch.Tensor:
    """One item a row by its probability."""
    return chances.exp().multinomial(1)[:, 0]


def likeliest(chances: torch.Tensor) -> torch.Tensor:
    """The likeliest item of each row, the lower one of two."""
    return chances.argmax(dim=1)


def ndcg_shares(lists: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """What each place adds to NDCG: 1 / log2(1 + place) for a wanted item over the best list's sum.

    Jarvelin and Kekalainen (2002). A row without wanted items gets 0 throughout.

    Parameters
    ----------
    lists : shape ``(n, slate)``.
    wanted : items, shape ``(n, any)``, filled up with an item that is in no list.
    """
    import torch

    discounts = 1 / torch.log2(torch.arange(lists.shape[1], device=lists.device) + 2.0)
    hits = (lists[:, :, None] == wanted[:, None, :]).any(dim=2)
    counts = (wanted >= 0).sum(dim=1).clamp(1, lists.shape[1])
    return hits * discounts / discounts.cumsum(0)[counts - 1][:, None]


def diversity_shares(lists: torch.Tensor, genres: torch.Tensor) -> torch.Tensor:
    """What each place adds to intra-list distance, the mean Jaccard distance of genres over all pairs.

    Two items without genres count as alike. ``genres`` is 0 or 1, shape ``(n_items, n_genres)``.
    """
    import torch

    own = genres[lists]
    common = own @ own.transpose(1, 2)
    sizes = own.sum(dim=2)
    union = sizes[:, :, None] + sizes[:, None, :] - common
    distance = torch.where(union > 0, 1 - common / union.clamp(min=1), torch.zeros(()))
    slate = lists.shape[1]
    shares: torch.Tensor = distance.tril(-1).sum(dim=2) * (2 / (slate * max(1, slate - 1)))
    return shares


def advantages(rewards: torch.Tensor, values: torch.Tensor, *, discount: float, trace: float) -> torch.Tensor:
    """Generalised advantage estimates A_t = d_t + gamma lambda A_(t+1), d_t = r_t + gamma V_(t+1) - V_t.

    Schulman et al. (2016); nothing comes after the last place. Shapes ``(n, slate)``.
    """
    import torch

    found = torch.zeros_like(rewards)
    later, value_after = torch.zeros_like(rewards[:, 0]), torch.zeros_like(rewards[:, 0])
    for place in reversed(range(rewards.shape[1])):
        surprise = rewards[:, place] + discount * value_after - values[:, place]
        later = surprise + discount * trace * later
        found[:, place], value_after = later, values[:, place]
    return found


def clipped_loss(
    log_probs: torch.Tensor, old: torch.Tensor, advantage: torch.Tensor, clip: float
) -> torch.Tensor:
    """Minus the PPO surrogate, min(rho A, clip(rho, 1 - eps, 1 + eps) A), per place.

    Schulman et al. (2017).
    """
    import torch

    ratio = (log_probs - old).exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
