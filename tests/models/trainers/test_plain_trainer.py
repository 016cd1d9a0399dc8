from typing import Any

import numpy as np
import pytest
from recaudit.models.base import ModelError, TrainingTask
from recaudit.models.trainers.plain import fit

torch = pytest.importorskip("torch")


def task(*, rows: int = 50, epochs: int = 4, dropout: float = 0.0, scale: float = 1.0) -> TrainingTask:
    """A linear regression on made-up rows, its first layer frozen."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(rows, 3, generator=generator)
    y = x @ torch.tensor([1.0, -2.0, 0.5]) + 0.3
    module = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Dropout(dropout), torch.nn.Linear(3, 1))
    for place, parameter in enumerate(module.parameters()):
        torch.nn.init.constant_(parameter, 0.1 * (place + 1))
        parameter.requires_grad_(place >= 2)

    def loss(batch: Any) -> Any:
        return scale * (module(x[batch])[:, 0] - y[batch]) ** 2

    return TrainingTask(
        module=module,
        row_users=np.arange(rows) // 2,
        batch=torch.from_numpy,
        loss=loss,
        epochs=epochs,
        batch_size=16,
        learning_rate=0.05,
    )


def weights(of: TrainingTask) -> np.ndarray[Any, Any]:
    return np.concatenate([parameter.detach().numpy().ravel() for parameter in of.module.parameters()])


def test_it_is_adamw_with_a_rate_that_falls_to_zero() -> None:
    trained, by_hand = task(), task()
    report = fit(trained, np.random.default_rng(0))

    rng = np.random.default_rng(0)
    rng.integers(2**63)
    free = [parameter for parameter in by_hand.module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(free, lr=0.05)
    steps, done, losses = 4 * 4, 0, []
    for _ in range(4):
        order, seen = rng.permutation(50), []
        for start in range(0, 50, 16):
            for group in optimizer.param_groups:
                group["lr"] = 0.05 * (1 - done / steps)
            rows = by_hand.loss(by_hand.batch(order[start : start + 16]))
            seen += rows.detach().tolist()
            optimizer.zero_grad()
            rows.mean().backward()
            optimizer.step()
            done += 1
        losses.append(np.mean(seen))
    np.testing.assert_allclose(weights(trained), weights(by_hand), rtol=1e-6)
    np.testing.assert_allclose(report.losses, losses, rtol=1e-6)


def test_only_what_may_change_changes() -> None:
    one, untouched = task(), task()
    fit(one, np.random.default_rng(0))
    before, after = list(untouched.module.parameters()), list(one.module.parameters())
    changed = [not torch.equal(old, new) for old, new in zip(before, after, strict=True)]
    assert changed == [False, False, True, True]
    assert not one.module.training


def test_the_report_counts_rows_users_and_epochs() -> None:
    told: list[tuple[int, int]] = []
    report = fit(
        task(), np.random.default_rng(0), effort=1.5, on_epoch=lambda done, total: told.append((done, total))
    )
    assert (report.trainer, report.rows, report.users, report.epochs) == ("plain", 50, 25, 6)
    assert told == [(done, 6) for done in range(1, 7)]
    assert len(report.losses) == 6 and report.losses[-1] < report.losses[0]
    assert report.seconds > 0
    assert fit(task(), np.random.default_rng(0), effort=0.01).epochs == 1


def test_chance_comes_from_the_stream_alone() -> None:
    one, same, other = task(dropout=0.5), task(dropout=0.5), task(dropout=0.5)
    torch.manual_seed(1)
    fit(one, np.random.default_rng(7))
    torch.manual_seed(2)
    outside = torch.get_rng_state()
    fit(same, np.random.default_rng(7))
    assert torch.equal(outside, torch.get_rng_state())
    fit(other, np.random.default_rng(8))
    np.testing.assert_array_equal(weights(one), weights(same))
    assert (weights(one) != weights(other)).any()


def test_a_loss_that_is_no_number_stops_with_advice() -> None:
    endless = task(scale=float("inf"))
    outside = torch.get_rng_state()
    with pytest.raises(ModelError, match="epoch 1; lower the learning rate"):
        fit(endless, np.random.default_rng(0))
    assert torch.equal(outside, torch.get_rng_state())


def test_nothing_to_train_is_said_so() -> None:
    with pytest.raises(ModelError, match="at least one row"):
        fit(task(rows=0), np.random.default_rng(0))
    frozen = task()
    frozen.module.requires_grad_(False)
    with pytest.raises(ModelError, match="all are frozen"):
        fit(frozen, np.random.default_rng(0))
