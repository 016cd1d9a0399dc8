"""Copies trained together end where each would have ended alone, and know nothing of each other's rows."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from recaudit.models.base import ModelError
from recaudit.models.trainers.stacked import StackedTask, fit_many

COPIES, ROWS, WIDTH = 5, 70, 12


def networks(n: int = COPIES, *, dropout: float = 0.0) -> list[Any]:
    import torch
    from torch import nn

    torch.manual_seed(0)
    layers = lambda: (nn.Linear(WIDTH, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, WIDTH))  # noqa: E731
    return [nn.Sequential(*layers()) for _ in range(n)]


def restoring(network: Callable[..., Any], batch: Any) -> Any:
    return (network(batch) - batch).square().mean(dim=1)


def task(**settings: Any) -> StackedTask:
    import torch

    rng = np.random.default_rng(1)
    whole = StackedTask(
        modules=networks(),
        rows=torch.from_numpy(rng.normal(0, 1, (ROWS, WIDTH)).astype(np.float32)),
        trained=rng.random((COPIES, ROWS)) < 0.5,
        loss=restoring,
        epochs=3,
        batch_size=16,
        learning_rate=1e-2,
    )
    return replace(whole, **settings)


def one_by_one(job: StackedTask, modules: list[Any], rng: np.random.Generator) -> np.ndarray:
    """The same by a loop: each copy alone, on its own rows of the same batches."""
    import torch

    orders = [rng.permutation(ROWS) for _ in range(job.epochs)]
    found = np.zeros((len(modules), job.epochs))
    steps = job.epochs * -(-ROWS // job.batch_size)
    for place, module in enumerate(modules):
        optimizer = torch.optim.AdamW(module.parameters(), lr=job.learning_rate, weight_decay=job.decay)
        done = 0
        for epoch, order in enumerate(orders):
            for start in range(0, ROWS, job.batch_size):
                batch = order[start : start + job.batch_size]
                own = torch.from_numpy(batch[job.trained[place, batch]])
                optimizer.param_groups[0]["lr"] = job.learning_rate * (
                    1 - done / steps if job.schedule == "linear" else 1
                )
                losses = job.loss(module, job.rows[own])
                optimizer.zero_grad()
                losses.mean().backward()
                optimizer.step()
                found[place, epoch] += float(losses.detach().sum())
                done += 1
    return found / job.trained.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("schedule", ["linear", "constant"])
def test_copies_end_where_each_would_have_ended_alone(schedule: str) -> None:
    job = task(schedule=schedule)
    alone = copy.deepcopy(list(job.modules))
    losses = fit_many(job, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    rng.integers(2**63)  # what seeds the networks' own randomness
    expected = one_by_one(job, alone, rng)
    assert losses == pytest.approx(expected, abs=1e-5)
    assert (losses[:, -1] < losses[:, 0]).all()
    for one, other in zip(job.modules, alone, strict=True):
        assert not one.training
        for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
            assert mine.detach().numpy() == pytest.approx(theirs.detach().numpy(), abs=1e-4)


def test_a_copy_knows_nothing_of_rows_that_are_not_its_own() -> None:
    first = task()
    changed = first.rows.clone()
    changed[~first.trained[2]] = 99.0
    second = replace(first, modules=networks(), rows=changed)
    for job in (first, second):
        fit_many(job, np.random.default_rng(3))
    for one, other in zip(first.modules[2].parameters(), second.modules[2].parameters(), strict=True):
        assert one.detach().numpy() == pytest.approx(other.detach().numpy(), abs=1e-5)


def test_noise_is_each_copys_own_unless_it_is_to_be_shared() -> None:
    import torch

    for noise, same in (("different", False), ("same", True)):
        alike = [copy.deepcopy(networks(1, dropout=0.5)[0]) for _ in range(2)]
        job = task(modules=alike, trained=np.ones((2, ROWS), dtype=np.bool_), noise=noise)
        fit_many(job, np.random.default_rng(3))
        ends = [torch.cat([own.flatten() for own in each.parameters()]) for each in alike]
        assert torch.allclose(ends[0], ends[1], atol=1e-5) is same


def test_what_cannot_be_trained_is_refused_in_words() -> None:
    nobody = np.ones((COPIES, ROWS), dtype=np.bool_)
    nobody[1] = False
    for settings, words in (
        ({"trained": nobody}, "at least one row of its own"),
        ({"trained": nobody[:3]}, r"shape \(3, 70\) for 5 copies and 70 rows"),
        ({"rows": task().rows * float("nan")}, "lower the rate"),
    ):
        with pytest.raises(ModelError, match=words):
            fit_many(task(**settings), np.random.default_rng(0))
