"""Trains many small copies of one network at once, each on its own part of the same rows.

For copies that differ only in who they are trained on, as those of a membership attack. Their weights are
stacked, so that one pass over a batch serves all of them, and each copy's loss is the mean over its own rows
of the batch. Steps are those of the plain trainer on these rows: AdamW, a learning rate that falls to zero or
stays. What is saved is the overhead of small networks' many small steps; where a step is long by itself (more
than about 100,000 weights a copy), training them one after another is as quick and needs less memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .._seeding import seeded
from ..base import ModelError
from ..data import BoolArray, FloatArray

if TYPE_CHECKING:
    import torch
    from torch import nn

Network = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class StackedTask:
    """What the copies share.

    Parameters
    ----------
    modules : the copies, of one architecture, each with its first weights; they are trained in place. Without
        buffers that training changes (such as those of batch normalisation).
    rows : what a row is made of, shape ``(n_rows, ...)``.
    trained : which copy is trained on which row, shape ``(n_copies, n_rows)``.
    loss : a network, called like the module, and a batch of rows, to one loss a row.
    decay, schedule : as in ``TrainingTask``.
    noise : random draws in loss and dropout are each copy's own ("different") or shared by all ("same").
    """

    modules: Sequence[nn.Module]
    rows: torch.Tensor
    trained: BoolArray
    loss: Callable[[Network, torch.Tensor], torch.Tensor]
    epochs: int
    batch_size: int
    learning_rate: float
    decay: float = 0.01
    schedule: Literal["linear", "constant"] = "linear"
    noise: Literal["different", "same"] = "different"


def fit_many(task: StackedTask, rng: np.random.Generator) -> FloatArray:
    """Minimise each copy's mean loss over its own rows of every batch; one without any leaves no gradient.

    Parameters
    ----------
    rng : orders the rows, alike for all copies, and seeds the networks' own randomness.

    Returns
    -------
    FloatArray
        Mean loss of each copy's rows in each epoch, as they were met, shape ``(n_copies, epochs)``.

    Raises
    ------
    ModelError
        If shapes do not fit, a copy has no rows, or a loss stops being a number.
    """
    _check(task)
    n_rows, losses = len(task.rows), np.zeros((len(task.modules), task.epochs))
    with seeded(rng):
        stack = _Stack(task, steps=task.epochs * -(-n_rows // task.batch_size))
        for epoch in range(task.epochs):
            order = rng.permutation(n_rows)
            for start in range(0, n_rows, task.batch_size):
                losses[:, epoch] += stack.step(order[start : start + task.batch_size])
            if not np.isfinite(losses[:, epoch]).all():
                raise ModelError(f"training failed in epoch {epoch + 1}: a loss is no number; lower the rate")
        stack.unstack()
    found: FloatArray = losses / task.trained.sum(axis=1, keepdims=True)
    return found


class _Stack:
    """The copies' weights side by side, and one optimiser for all: AdamW treats each weight by itself."""

    def __init__(self, task: StackedTask, *, steps: int) -> None:
        import copy

        import torch
        from torch.func import functional_call, stack_module_state, vmap

        for module in task.modules:
            module.train()
        weights, buffers = stack_module_state(list(task.modules))
        shape = copy.deepcopy(task.modules[0]).to("meta")
        self._task, self._trained = task, torch.from_numpy(task.trained).to(task.rows.device)
        self._weights = {name: own.detach().clone().requires_grad_() for name, own in weights.items()}

        def losses(own: Any, kept: Any, batch: torch.Tensor) -> torch.Tensor:
            return task.loss(lambda *inputs: functional_call(shape, (own, kept), inputs), batch)

        self._losses = vmap(losses, in_dims=(0, 0, None), randomness=task.noise)
        self._buffers = buffers
        self._optimizer = torch.optim.AdamW(
            self._weights.values(), lr=task.learning_rate, weight_decay=task.decay, fused=True
        )
        falls = task.schedule == "linear"
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda done: max(0.0, 1 - done / steps) if falls else 1.0
        )

    def step(self, places: np.ndarray) -> FloatArray:
        """One step of every copy; returns the sums of their rows' losses before it, shape ``(n_copies,)``."""
        import torch

        at = torch.from_numpy(places)
        own = self._trained[:, at]
        losses = torch.where(own, self._losses(self._weights, self._buffers, self._task.rows[at]), 0.0)
        sums = losses.sum(dim=1)
        self._optimizer.zero_grad(set_to_none=True)
        # Copies share no weight, so the gradient of the sum of their means is each one's own.
        (sums / own.sum(dim=1).clamp(min=1)).sum().backward()
        self._optimizer.step()
        self._schedule.step()
        total: FloatArray = sums.detach().double().cpu().numpy()
        return total

    def unstack(self) -> None:
        """Put the weights back into the copies."""
        import torch

        with torch.no_grad():
            for place, module in enumerate(self._task.modules):
                for name, weight in module.named_parameters():
                    weight.copy_(self._weights[name][place])
                module.eval()


def _check(task: StackedTask) -> None:
    wanted = (len(task.modules), len(task.rows))
    if task.trained.shape != wanted or 0 in wanted:
        raise ModelError(
            f"trained has shape {task.trained.shape} for {wanted[0]} copies and {wanted[1]} rows; it says for"
            " each copy and row whether the one is trained on the other, and needs at least one of both"
        )
    if not task.trained.any(axis=1).all():
        raise ModelError("every copy needs at least one row of its own; some have none")
