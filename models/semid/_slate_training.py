"""Trains a writer of lists in one task: first to imitate, then by what its own lists are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base import ModelError
from ..data import History, IntArray, InteractionLog
from ._slates_rl import Policy, advantages, clipped_loss, drawn, ndcg_shares
from ._windows import positives

if TYPE_CHECKING:
    import torch

Teacher = Callable[[Sequence[History]], list[list[int]]]
"""Histories to the list that should follow each."""

VALUE_WEIGHT = 0.5


def met_items(history: History) -> tuple[int, ...]:
    """The positive items, each once, oldest first."""
    return tuple(dict.fromkeys(positives(history)))


def windows_of(sequences: Sequence[Sequence[int]], length: int, blank: int) -> torch.Tensor:
    """The last ``length`` of each sequence, filled up on the left, shape ``(n, length)``."""
    import torch

    kept = [list(items[-length:]) for items in sequences]
    rows = [[blank] * (length - len(own)) + own for own in kept]
    return torch.tensor(rows, dtype=torch.long).reshape(-1, length)


def barred_items(sequences: Sequence[Sequence[int]], n_items: int) -> torch.Tensor:
    """Whether each item stands in each sequence, shape ``(n, n_items)``."""
    import torch

    barred = torch.zeros(len(sequences), n_items, dtype=torch.bool)
    owner = [row for row, items in enumerate(sequences) for _ in items]
    barred[owner, [item for items in sequences for item in items]] = True
    return barred


@dataclass(frozen=True, eq=False)
class SlateRows:
    """Moments of people's lives: what was met by then, what was met next, and what to imitate.

    Parameters
    ----------
    known : items met before, oldest first, one tuple a row.
    wanted : up to ``slate`` items met next, -1 where there are fewer, shape ``(n_rows, slate)``.
    taught : the list to imitate, -1 where it is shorter, same shape.
    owners : the user of each row.
    """

    known: tuple[tuple[int, ...], ...]
    wanted: torch.Tensor
    taught: torch.Tensor
    owners: IntArray


def slate_rows(
    log: InteractionLog, users: IntArray, *, slate: int, per_user: int, teacher: Teacher | None
) -> SlateRows:
    """Cut each user's positive items at ``per_user`` evenly spaced places, or at all if there are fewer.

    Raises
    ------
    ModelError
        If no user has two positive items.
    """
    cuts = [
        (items[:end], items[end : end + slate], int(user))
        for user in users
        for items in [met_items(log.history(int(user)))]
        for end in np.unique(np.linspace(0, len(items), per_user + 2).round().astype(int)[1:-1])
        if 0 < end < len(items)
    ]
    if not cuts:
        raise ModelError("no user to train on has two positive items, so there is no next item to learn")
    known, future, owners = zip(*cuts, strict=True)
    histories = [
        History(user, items, (True,) * len(items)) for items, user in zip(known, owners, strict=True)
    ]
    lists = teacher(histories) if teacher else future
    return SlateRows(known, _filled(future, slate), _filled(lists, slate), np.array(owners))


def _filled(lists: Sequence[Sequence[int]], length: int) -> torch.Tensor:
    import torch

    return torch.tensor([[*items[:length], *[-1] * (length - len(items))] for items in lists])


@dataclass(frozen=True, eq=False, kw_only=True)
class SlateTraining:
    """The loss of each row: imitation for so many epochs, PPO's after them.

    Parameters
    ----------
    worth : lists, shape ``(n, slate)``, to what each place is worth beside NDCG, same shape.
    imitation_epochs : epochs of the first stage.
    reuse : how often a drawn list is trained on before the row draws anew.
    clip, discount, trace : epsilon, gamma and lambda of PPO and its advantages.
    guidance : share of the imitation loss that stays in the second stage.
    """

    policy: Policy
    rows: SlateRows
    worth: Callable[[torch.Tensor], torch.Tensor]
    imitation_epochs: int
    reuse: int
    clip: float
    discount: float
    trace: float
    guidance: float
    dropout: float
    kept: dict[str, Any] = field(default_factory=dict)

    def loss(self, places: IntArray) -> torch.Tensor:
        """One loss a row; nats in the first stage, units of reward in the second."""
        import torch

        n_items, length = self.policy.n_items, self.policy.history
        known = [self.rows.known[place] for place in places]
        windows, at = windows_of(known, length, n_items + 1), torch.from_numpy(places)
        if self._imitates(len(places)):
            return self._imitation(replace(self.policy, dropout=self.dropout), windows, at)
        barred = barred_items(known, n_items)
        self._draw(windows, barred, at)
        loss = self._surrogate(windows, barred, at)
        return loss + self.guidance * self._imitation(self.policy, windows, at) if self.guidance else loss

    def _imitates(self, count: int) -> bool:
        met = self.kept.get("met", 0)
        self.kept["met"] = met + count
        return bool(met < self.imitation_epochs * len(self.rows.known))

    def _imitation(self, policy: Policy, windows: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        import torch

        taught = self.rows.taught[at]
        logits = policy.logits(policy.told(windows, taught.masked_fill(taught < 0, policy.n_items + 1)))
        losses = torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), taught, ignore_index=-1, reduction="none"
        )
        mean: torch.Tensor = losses.sum(dim=1) / (taught >= 0).sum(dim=1)
        return mean

    def _draw(self, windows: torch.Tensor, barred: torch.Tensor, at: torch.Tensor) -> None:
        """Draw lists for the rows that have none or have used theirs up, and note what each is worth."""
        import torch

        store = self._store()
        stale = (store["used"][at] >= self.reuse).nonzero()[:, 0]
        if len(stale):
            slate = self.rows.wanted.shape[1]
            with torch.no_grad():
                written = self.policy.write(windows[stale], barred[stale], slate, drawn)
                rewards = ndcg_shares(written.items, self.rows.wanted[at[stale]]) + self.worth(written.items)
                gain = advantages(rewards, written.values, discount=self.discount, trace=self.trace)
            rows = at[stale]
            store["items"][rows], store["log_probs"][rows] = written.items, written.log_probs
            store["gain"][rows], store["returns"][rows] = gain, gain + written.values
            store["used"][rows] = 0
        store["used"][at] += 1

    def _store(self) -> dict[str, torch.Tensor]:
        import torch

        if "items" not in self.kept:
            shape = self.rows.wanted.shape
            for name in ("log_probs", "gain", "returns"):
                self.kept[name] = torch.zeros(shape)
            self.kept["items"] = torch.zeros(shape, dtype=torch.long)
            self.kept["used"] = torch.full(shape[:1], self.reuse)
        return self.kept

    def _surrogate(self, windows: torch.Tensor, barred: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        store = self._store()
        lists, policy = store["items"][at], self.policy
        hidden = policy.told(windows, lists)
        chances = policy.chances(hidden, barred_so_far(barred, lists)).gather(2, lists[:, :, None])[:, :, 0]
        moved = clipped_loss(chances, store["log_probs"][at], store["gain"][at], self.clip)
        guessed = policy.network["value"](hidden.detach())[:, :, 0]
        off = (guessed - store["returns"][at]).square()
        loss: torch.Tensor = (moved + VALUE_WEIGHT * off).sum(dim=1)
        return loss


def barred_so_far(barred: torch.Tensor, lists: torch.Tensor) -> torch.Tensor:
    """What may not be written at each place of lists: the barred and what stands before.

    Shapes ``(n, n_items)`` and ``(n, slate)`` to ``(n, slate, n_items)``.
    """
    import torch

    slate = lists.shape[1]
    found = barred[:, None].repeat(1, slate, 1)
    for place in range(1, slate):
        found[:, place].scatter_(1, lists[:, :place], torch.ones_like(lists[:, :place], dtype=torch.bool))
    return found
