"""Trains a model the ordinary way: shuffled batches, AdamW, a learning rate that falls to zero or stays."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from .._seeding import seeded
from ..base import FitReport, ModelError, TrainingTask

NAME = "plain"


def fit(
    task: TrainingTask,
    rng: np.random.Generator,
    *,
    effort: float = 1.0,
    on_epoch: Callable[[int, int], None] | None = None,
) -> FitReport:
    """Minimise the mean loss of a task over its rows.

    With the schedule "linear" the learning rate falls from the task's to zero over all steps, as in the
    Hugging Face trainer that TALLRec used (Bao et al. 2023); AdamW is Loshchilov and Hutter (2019).

    Parameters
    ----------
    rng : orders the rows and seeds the network's own randomness (dropout).
    effort : multiplies the task's epochs; at least one is done.
    on_epoch : told the number of epochs done and of all.

    Returns
    -------
    FitReport
        ``losses`` holds the mean loss of each epoch's rows, nats, as they were met.

    Raises
    ------
    ModelError
        If there are no rows or nothing to train, or the loss stops being a number.
    """
    started = time.perf_counter()
    rows = len(task.row_users)
    epochs = max(1, round(task.epochs * effort))
    _check(task, rows)
    losses: list[float] = []
    with seeded(rng):
        step = _stepper(task, steps=epochs * -(-rows // task.batch_size))
        for epoch in range(epochs):
            task.module.train()
            order = rng.permutation(rows)
            batches = range(0, rows, task.batch_size)
            losses.append(sum(step(order[start : start + task.batch_size]) for start in batches) / rows)
            if not np.isfinite(losses[-1]):
                raise ModelError(
                    f"training failed: the loss is {losses[-1]} in epoch {epoch + 1}; lower the learning rate"
                )
            if on_epoch is not None:
                on_epoch(epoch + 1, epochs)
        task.module.eval()
    return FitReport(
        trainer=NAME,
        rows=rows,
        users=len(np.unique(task.row_users[task.row_users >= 0])),
        epochs=epochs,
        losses=tuple(losses),
        seconds=time.perf_counter() - started,
    )


def _check(task: TrainingTask, rows: int) -> None:
    if not rows:
        raise ModelError("training needs at least one row; these users have none")
    if not any(parameter.requires_grad for parameter in task.module.parameters()):
        raise ModelError("training needs parameters with requires_grad; all are frozen")


def _stepper(task: TrainingTask, *, steps: int) -> Callable[[np.ndarray], float]:
    """One optimiser step on the given rows; returns the sum of their losses before it."""
    import torch

    trained = [parameter for parameter in task.module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=task.learning_rate, weight_decay=task.decay, fused=True)
    falls = task.schedule == "linear"
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda done: max(0.0, 1 - done / steps) if falls else 1.0
    )

    def step(rows: np.ndarray) -> float:
        losses = task.loss(task.batch(rows))
        optimizer.zero_grad(set_to_none=True)
        losses.mean().backward()
        optimizer.step()
        schedule.step()
        return float(losses.detach().sum())

    return step
