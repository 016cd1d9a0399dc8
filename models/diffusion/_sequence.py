"""What recommenders that denoise the next item's vector share besides their network.

Histories as windows of fixed length, vectors of items before any training, and noise that belongs to a
person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from ..base import ModelError
from ..data import FloatArray, History, IntArray, InteractionLog
from ._gaussian import Kind, Sampler, Schedule, level_features, schedule

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class SequenceConfig:
    """Settings of a recommender that denoises the next item's vector.

    Parameters
    ----------
    history : how many of the last positive items guide it.
    rows_per_user : latest next items of each user to train on; 0: all.
    items : where item vectors come from: "spectral", from who met what, fixed; "normal", drawn and trained.
    dim : of an item's vector.
    steps, noise, low, high : T and the noise schedule, with the ends that "linear" and "exp" need.
    unconditional : share of training rows whose guidance is left out, [0, 1].
    guidance : w, how far an estimate is pushed from the unguided one; 0: not at all.
    sampler : "ddim", with no noise on the way, or "ancestral".
    visited : levels that "ddim" visits, evenly spaced; 0: all.
    hidden : width of the denoiser's two hidden layers; 0: it is one linear layer.
    dropout : in the network that reads the history.
    epochs, batch_size, learning_rate : of the training; the rate falls to zero over it.
    """

    history: int = 10
    rows_per_user: int = 0
    items: Literal["spectral", "normal"] = "spectral"
    dim: int = 64
    steps: int = 100
    noise: Kind = "cosine"
    low: float = 0.0
    high: float = 0.0
    unconditional: float = 0.1
    guidance: float = 2.0
    sampler: Sampler = "ddim"
    visited: int = 20
    hidden: int = 256
    dropout: float = 0.1
    epochs: int = 20
    batch_size: int = 256
    learning_rate: float = 1e-3

    def plan(self) -> Schedule:
        """The noise schedule."""
        return schedule(self.noise, self.steps, low=self.low, high=self.high)

    def levels(self, highest: int) -> list[int]:
        """The levels to visit from ``highest`` down to 0, ascending."""
        count = self.visited if self.sampler == "ddim" and self.visited else self.steps
        spaced = np.linspace(0, self.steps - 1, min(count, self.steps)).round().astype(int)
        return sorted({highest, *spaced[spaced <= highest].tolist()})


def positives(history: History) -> tuple[int, ...]:
    """The liked items, oldest first; all of them where the data knows no likes."""
    if not history.liked:
        return history.items
    return tuple(item for item, liked in zip(history.items, history.liked, strict=True) if liked)


def window(items: Sequence[int], length: int, *, blank: int) -> list[int]:
    """The last ``length`` items, filled up with ``blank`` on the left."""
    kept = list(items[-length:])
    return [blank] * (length - len(kept)) + kept


def next_items(
    log: InteractionLog, users: IntArray, *, length: int, per_user: int
) -> tuple[IntArray, IntArray, IntArray]:
    """Every positive item with the positive items before it, at most ``per_user`` latest of a user (0: all).

    Returns
    -------
    windows, targets, owners
        Shapes ``(n_rows, length)``, ``(n_rows,)``, ``(n_rows,)``; blanks are ``len(log.catalog)``.

    Raises
    ------
    ModelError
        If no user has two positive items.
    """
    rows = [
        (window(items[:end], length, blank=len(log.catalog)), items[end], int(user))
        for user in users
        for items in [positives(log.history(int(user)))]
        for end in range(max(1, len(items) - per_user if per_user else 1), len(items))
    ]
    if not rows:
        raise ModelError("no user to train on has two positive items, so there is no next item to learn")
    windows, targets, owners = zip(*rows, strict=True)
    return np.array(windows), np.array(targets), np.array(owners)


def spectral_vectors(log: InteractionLog, users: IntArray, dim: int, rng: np.random.Generator) -> FloatArray:
    """Where items lie by who met them, mean square 1 a coordinate, shape ``(n_items, dim)``.

    The right singular vectors, times their singular values, of the positive user-item matrix divided by
    the roots of its row and column sums (Dhillon 2001). An item that none of these users met gets
    standard normal numbers.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import svds

    met = [(int(user), item) for user in users for item in positives(log.history(int(user)))]
    shape = (log.n_users, len(log.catalog))
    owner, item = np.array(met, dtype=np.int64).reshape(-1, 2).T
    per_user, per_item = np.bincount(owner, minlength=shape[0]), np.bincount(item, minlength=shape[1])
    vectors = rng.standard_normal((shape[1], dim))
    rank = min(dim, len(np.unique(owner)) - 1, int((per_item > 0).sum()) - 1)
    if rank < 1:
        return vectors
    matrix = csr_array((1 / np.sqrt(per_user[owner] * per_item[item]), (owner, item)), shape=shape)
    _, values, right = svds(matrix, k=rank, v0=rng.standard_normal(min(shape)))
    found = np.zeros_like(vectors)
    found[:, :rank] = (right * values[:, None]).T
    known = per_item > 0
    vectors[known] = found[known] / np.sqrt((found[known] ** 2).mean())
    return vectors


def own_noise(users: Sequence[int], *, draw: int, times: int, dim: int) -> npt.NDArray[np.float32]:
    """Standard normal numbers that a user and a draw determine, shape ``(times, n_users, dim)``.

    Whoever else is asked about, and whatever the history, a user meets the same noise.
    """
    drawn = [np.random.default_rng([draw, user]) for user in users]
    noise = np.array([one.standard_normal((times, dim), dtype=np.float32) for one in drawn])
    return noise.reshape(-1, times, dim).swapaxes(0, 1)


def denoiser(dim: int, width: int, hidden: int) -> nn.ModuleDict:
    """Build f(x_t, h, t) for h of this width: two hidden layers, or one linear layer if ``hidden`` is 0."""
    from torch import nn

    sizes = [2 * dim + width, *([hidden, hidden] if hidden else [])]
    layers: list[nn.Module] = []
    for inside, outside in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(inside, outside), nn.SiLU()]
    level = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
    return nn.ModuleDict({"level": level, "layers": nn.Sequential(*layers, nn.Linear(sizes[-1], dim))})


def estimate(network: nn.ModuleDict, xt: torch.Tensor, h: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """The denoiser's x_0 from x_t, the guidance and the level, shape as ``xt``."""
    import torch

    level = network["level"](level_features(t, xt.shape[1]))
    told: torch.Tensor = network["layers"](torch.cat([xt, h, level], dim=1))
    return told
