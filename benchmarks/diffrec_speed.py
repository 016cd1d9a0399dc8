"""How much quicker DiffRec is asked and trained here than by the plain loops, in one run.

    python benchmarks/diffrec_speed.py [--users 5949] [--items 2810] [--threads 2] [--repeats 5]
    python benchmarks/diffrec_speed.py --large      # 100,000 users x 100,000 items: time and peak memory

Asking: all users' top 20 at 40 reverse steps, by the projected recursion and by the plain loop over dense
rows, with the same weights; histories are drawn like MovieLens 1M's (68 items each, popular ones more).
Training: one epoch by the trainer here and by a plain loop: a DataLoader of dense rows, and the loss history
kept row by row, as the published code does. The figure is the median of the repeats' ratios.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
import torch
from recaudit.models.base import Request
from recaudit.models.data import Catalog, History, InteractionLog
from recaudit.models.diffusion._denoiser import restored
from recaudit.models.diffusion._gaussian import Schedule, level_features, noised, reverse
from recaudit.models.diffusion.diffrec import Diffrec, DiffrecConfig
from recaudit.models.trainers.plain import fit

K = 20


def drawn_log(users: int, items: int, per_user: int, rng: np.random.Generator) -> InteractionLog:
    """Everyone's distinct items, popular ones more often (Zipf)."""
    weights = 1 / np.arange(1, items + 1) ** 0.8
    pairs = np.stack(
        [
            np.repeat(np.arange(users), 2 * per_user),
            rng.choice(items, 2 * per_user * users, p=weights / weights.sum()),
        ]
    )
    pairs = np.unique(pairs, axis=1)
    catalog = Catalog(
        ids=tuple(map(str, range(items))),
        titles=tuple(map(str, range(items))),
        years=np.zeros(items, dtype=np.int64),
        genres=((),) * items,
    )
    ids = tuple(map(str, range(users)))
    return InteractionLog.build(name="drawn", catalog=catalog, user_ids=ids, user=pairs[0], item=pairs[1])


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def plain_lists(model: Diffrec, requests: Sequence[Request]) -> torch.Tensor:
    """The published way: dense rows, 40 passes over the catalogue, then the best items not in the history."""
    network, found = model._trained(), []
    for start in range(0, len(requests), 400):
        x = torch.zeros(len(requests[start : start + 400]), len(model.catalog))
        for row, request in zip(x, requests[start : start + 400], strict=True):
            row[list(request.history.items)] = 1
        with torch.no_grad():
            scores = reverse(x, lambda x, t: restored(network, x, t), model.plan)
        found.append(scores.masked_fill(x > 0, -torch.inf).topk(K, dim=1).indices)
    return torch.cat(found)


def asking(model: Diffrec, log: InteractionLog, repeats: int) -> None:
    requests = [Request(history=log.history(user)) for user in range(log.n_users)]
    ours = torch.tensor([[e.item for e in slate.entries] for slate in model.recommend(requests, K)])
    plain = plain_lists(model, requests)
    same = (ours == plain).all(dim=1)
    print(f"same top {K} for {int(same.sum())} of {len(same)} users; {swaps(model, requests, ours, plain)}")
    times = [
        (seconds(lambda: model.recommend(requests, K)), seconds(lambda: plain_lists(model, requests)))
        for _ in range(repeats)
    ]
    quick, slow = (median(column) for column in zip(*times, strict=True))
    ratio = median(b / a for a, b in times)
    print(f"asking {len(requests)} users: {quick:.2f} s against {slow:.2f} s, {ratio:.1f} times as quick")


def swaps(model: Diffrec, requests: Sequence[Request], ours: torch.Tensor, plain: torch.Tensor) -> str:
    """How far the scores of places that differ lie apart: a floating tie, or a different answer."""
    rows = torch.nonzero((ours != plain).any(dim=1))[:, 0].tolist()
    if not rows:
        return "none differ"
    scores = model.scores([requests[row] for row in rows])
    apart = (scores.gather(1, ours[rows]) - scores.gather(1, plain[rows])).abs().max()
    return f"scores of swapped places differ by at most {float(apart):.1e}"


def plain_network(items: int) -> torch.nn.ModuleDict:
    """The network as published: row and level features side by side in one first layer."""
    sizes = [items + 10, 600, 200, 600]
    inner = [(torch.nn.Linear(a, b), torch.nn.Tanh()) for a, b in zip(sizes, sizes[1:], strict=False)]
    return torch.nn.ModuleDict(
        {
            "level": torch.nn.Linear(10, 10),
            "drop": torch.nn.Dropout(0.5),
            "layers": torch.nn.Sequential(*(part for pair in inner for part in pair)),
            "last": torch.nn.Linear(600, items),
        }
    )


def plain_restored(network: torch.nn.ModuleDict, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    told = network["level"](level_features(t, 10))
    out: torch.Tensor = network["last"](network["layers"](torch.cat([network["drop"](x), told], dim=1)))
    return out


def plain_epoch(
    network: torch.nn.ModuleDict, plan: Schedule, rows: torch.Tensor, optimizer: torch.optim.Optimizer
) -> None:
    """One epoch as in the published code: a DataLoader of dense rows and a loss history kept row by row."""
    steps, kept = len(plan), 10
    weights = torch.from_numpy(plan.snr_loss_weight).float()
    history, counts = torch.zeros(steps, kept, dtype=torch.float64), torch.zeros(steps, dtype=torch.int64)
    loader = torch.utils.data.DataLoader(rows, batch_size=400, shuffle=True)
    for x0 in loader:
        if bool((counts == kept).all()):
            size = history.square().mean(dim=1).sqrt()
            chance = size / size.sum() * 0.999 + 0.001 / steps
        else:
            chance = torch.full((steps,), 1 / steps, dtype=torch.float64)
        t = torch.multinomial(chance, len(x0), replacement=True)
        found = plain_restored(network, noised(x0, t, torch.randn_like(x0), plan), t)
        loss = weights[t] * (found - x0).square().mean(dim=1)
        for level, value in zip(t, loss.detach(), strict=True):
            if counts[level] == kept:
                history[level] = torch.cat([history[level, 1:], value[None].double()])
            else:
                history[level, counts[level]] = value
                counts[level] += 1
        optimizer.zero_grad()
        (loss / (chance[t] * steps)).mean().backward()
        optimizer.step()


def training(log: InteractionLog, repeats: int) -> None:
    model, rng = Diffrec(log.catalog, DiffrecConfig(epochs=1)), np.random.default_rng(0)
    task = model.task(log, np.arange(log.n_users), rng)
    rows = torch.zeros(log.n_users, len(log.catalog))
    rows[torch.from_numpy(log.user), torch.from_numpy(log.item)] = 1
    network = plain_network(len(log.catalog))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.0)
    times = []
    for _ in range(repeats + 1):
        ours = seconds(lambda: fit(task, rng))
        times.append((ours, seconds(lambda: plain_epoch(network, model.plan, rows, optimizer))))
    quick, slow = (median(column) for column in zip(*times[1:], strict=True))
    ratio = median(b / a for a, b in times[1:])
    print(f"an epoch of {log.n_users} users: {quick:.2f} s against {slow:.2f} s, {ratio:.2f} times as quick")


def large(users: int, items: int) -> None:
    rng = np.random.default_rng(0)
    log = drawn_log(1, items, 10, rng)
    model = Diffrec(log.catalog, DiffrecConfig())
    model.task(log, np.array([0]), rng)
    drawn = rng.integers(0, items, (users, 50))
    requests = [Request(history=History(user, tuple(own))) for user, own in enumerate(drawn.tolist())]
    began = time.perf_counter()
    slates = model.recommend(requests, K)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{len(slates):,} users x {items:,} items: {time.perf_counter() - began:.0f} s,"
        f" peak memory of the whole program {peak:.2f} GB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--users", type=int, default=5949)
    parser.add_argument("--items", type=int, default=2810)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--large", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.large:
        large(100_000, 100_000)
        return
    rng = np.random.default_rng(0)
    log = drawn_log(given.users, given.items, 68, rng)
    model = Diffrec(log.catalog, DiffrecConfig(epochs=3))
    fit(model.task(log, np.arange(log.n_users), rng), rng)
    asking(model, log, given.repeats)
    training(log, given.repeats)


if __name__ == "__main__":
    main()
