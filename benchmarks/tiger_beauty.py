"""TIGER on Amazon Beauty with the published semantic ids: does it find the product reviewed next?

    python benchmarks/tiger_beauty.py [--folder FOLDER] [--epochs 30] [--minutes 60] [--users N]
        [--preset beauty] [--set width=128 ...] [--sample 1000] [--permuted] [--seed 0]
    python benchmarks/tiger_beauty.py --chain [--seed 0]

Leave-one-out: everybody's last product is asked for among all products that the history lacks, after
training on all but the last two; the last but one is asked for of a sample after every epoch. Prints
Recall@10 and NDCG@10 with 95 % intervals over people, of TIGER, of popularity, and of item-item transitions
(how often products stand within 3 places of each other, over the roots of their degrees, summed over the
last 5). ``--permuted`` deals the tuples out anew among products, so that codes say nothing of what they stand
for. The folder is the data set's own, with inter.json and index_rqvae.json.

The second form has a truth to compare with: 300 products in 10 groups, where the next group is known with
probability .7 and a member of it with .5. Prints how much of the best possible hit rate the first product
of a list reaches, with codes that tell the groups and with the same codes dealt out anew.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recaudit.models.base import Request
from recaudit.models.baselines import Popularity
from recaudit.models.data import Catalog, FloatArray, IntArray, InteractionLog
from recaudit.models.semid._codebook import Codebook
from recaudit.models.semid.tiger import PRESETS, Tiger, TigerConfig
from recaudit.models.trainers.plain import fit
from recaudit.probes.stats.intervals import wilson
from scipy.sparse import coo_array

K, NEAR, LAST = 10, 3, 5
GROUPS, MEMBERS = 10, 30
STAY = (0.7, 0.5)


def named_log(name: str, sequences: Sequence[Sequence[int]], n_items: int) -> InteractionLog:
    names = tuple(map(str, range(n_items)))
    return InteractionLog.build(
        name=name,
        catalog=Catalog(ids=names, titles=names, years=np.zeros(n_items, dtype=int), genres=((),) * n_items),
        user_ids=tuple(map(str, range(len(sequences)))),
        user=np.repeat(np.arange(len(sequences)), [len(items) for items in sequences]),
        item=np.concatenate([np.array(items) for items in sequences]),
    )


def questions(log: InteractionLog, users: IntArray, back: int) -> tuple[list[Request], np.ndarray]:
    """Each user's history before the item ``back`` places from the end, and that item."""
    histories = [log.history(int(user)) for user in users]
    requests = [Request(history=one.reordered(range(len(one) - back))) for one in histories]
    return requests, np.array([one.items[-back] for one in histories])


def lists(model: Any, requests: list[Request]) -> np.ndarray:
    slates = model.recommend(requests, K)
    found = [[entry.item for entry in slate.entries] for slate in slates]
    return np.array([items + [-1] * (K - len(items)) for items in found])


def show(name: str, found: np.ndarray, answers: np.ndarray, more: str = "") -> None:
    hits = found == answers[:, None]
    gains: FloatArray = hits @ (1 / np.log2(np.arange(2, K + 2)))
    rate = wilson(int(hits.sum()), len(hits), alpha=0.025)
    margin = 1.96 * gains.std() / np.sqrt(len(gains))
    if rate is not None:
        print(
            f"{name:30s} R@10 {rate.value:.4f} ({rate.low:.4f} to {rate.high:.4f})"
            f"  NDCG@10 {gains.mean():.4f} (+-{margin:.4f}), {len(hits)} people  {more}",
            flush=True,
        )


def transitions(log: InteractionLog, requests: list[Request]) -> np.ndarray:
    """Lists by w(i, j) = n(i, j) / sqrt(n(i) n(j)), summed over the last items i of a history."""
    n, pairs = len(log.catalog), []
    for gap in range(1, NEAR + 1):
        same = log.user[:-gap] == log.user[gap:]
        one, other = log.item[:-gap][same], log.item[gap:][same]
        pairs += [np.stack([one, other]), np.stack([other, one])]
    i, j = np.concatenate(pairs, axis=1)
    counts = coo_array((np.ones(len(i)), (i, j)), shape=(n, n)).tocsr()
    root = np.sqrt(np.maximum(counts.sum(axis=1), 1))
    weights = coo_array((counts.data, counts.tocoo().coords), shape=(n, n))
    weights.data = weights.data / (root[weights.coords[0]] * root[weights.coords[1]])
    near, found = weights.tocsr(), np.empty((len(requests), K), dtype=np.int64)
    for place, request in enumerate(requests):
        scores = np.asarray(near[list(request.history.items[-LAST:])].sum(axis=0)).ravel()
        scores[list(request.history.items)] = -1
        found[place] = np.argsort(-scores, kind="stable")[:K]
    return found


def settings(asked: argparse.Namespace) -> TigerConfig:
    preset: Any = PRESETS[asked.preset]
    config = TigerConfig(**preset)
    kinds: dict[str, Any] = {name: type(value) for name, value in vars(config).items()}
    for name, text in (pair.split("=") for pair in asked.set):
        config = replace(config, **{name: kinds[name](text)})
    return replace(config, epochs=asked.epochs or config.epochs)


def beauty(asked: argparse.Namespace) -> None:
    table = json.loads((asked.folder / "inter.json").read_text(encoding="utf-8"))
    sequences = [items for items in table.values() if len(items) > 2][: asked.users]
    ids = json.loads((asked.folder / "index_rqvae.json").read_text(encoding="utf-8"))
    log = named_log("beauty", sequences, len(ids))
    everyone = np.arange(log.n_users)
    last = log.starts[1:]
    train = log.take(np.setdiff1d(np.arange(len(log)), np.concatenate([last - 1, last - 2])))
    known = log.take(np.setdiff1d(np.arange(len(log)), last - 1))
    requests, answers = questions(log, everyone, 1)
    show("popularity", lists(Popularity.fitted(known, everyone), requests), answers)
    show("item-item transitions", transitions(known, requests), answers)
    codes = np.array([ids[name] for name in log.catalog.ids])
    if asked.permuted:
        codes = codes[np.random.default_rng(asked.seed).permutation(len(codes))]
    model = Tiger(log.catalog, settings(asked))
    model.use_ids(Codebook(codes, tuple((codes.max(axis=0) + 1).tolist()), how="published"))
    train_and_watch(model, train, log, asked)
    show("tiger" + ", permuted ids" * asked.permuted, lists(model, requests), answers)


def train_and_watch(
    model: Tiger, train: InteractionLog, log: InteractionLog, asked: argparse.Namespace
) -> None:
    """Fit for the epochs set, or as many as the first one says there is time for."""
    rng = np.random.default_rng(asked.seed)
    sample = np.sort(rng.permutation(log.n_users)[: asked.sample])
    held_out = questions(log, sample, 2)
    task = model.task(train, np.arange(log.n_users), rng)
    parameters = sum(part.numel() for part in task.module.parameters())
    print(f"{len(task.row_users)} rows, {parameters} parameters, {torch.get_num_threads()} threads")
    if asked.minutes:
        rows = np.random.default_rng(0).permutation(len(task.row_users))[: 10 * task.batch_size]
        start = time.perf_counter()
        for part in np.array_split(rows, 10):
            task.loss(task.batch(part)).mean().backward()
        epoch = (time.perf_counter() - start) * len(task.row_users) / len(rows)
        task = replace(task, epochs=max(1, min(task.epochs, int(60 * asked.minutes / (1.1 * epoch)))))
        task.module.zero_grad()
        print(f"about {epoch:.0f} s an epoch, so {task.epochs} epochs")
    began = [time.perf_counter(), time.process_time()]

    def check(done: int, _: int) -> None:
        wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
        if done % asked.every == 0:
            show(f"  validation, epoch {done}", lists(model, held_out[0]), held_out[1])
        print(f"    epoch took {wall:.0f} s, {cpu:.0f} s of processor time", flush=True)
        began[:] = [time.perf_counter(), time.process_time()]

    report = fit(task, rng, on_epoch=check)
    print("loss, nats a code: " + " ".join(f"{loss:.3f}" for loss in report.losses))
    print(f"{report.seconds / 60:.1f} minutes, checks included")


def chain(seed: int) -> None:
    """Share of the Bayes optimum that the first item reaches: expected hits over the truth's best."""
    rng, n, users, length = np.random.default_rng(seed), GROUPS * MEMBERS, 1250, 12
    group, member = rng.integers(GROUPS, size=users), rng.integers(MEMBERS, size=users)
    rows = []
    for _ in range(length):
        group = np.where(rng.random(users) < STAY[0], (group + 1) % GROUPS, rng.integers(GROUPS, size=users))
        member = np.where(rng.random(users) < STAY[1], member, rng.integers(MEMBERS, size=users))
        rows.append(group * MEMBERS + member)
    items = np.stack(rows, axis=1)
    log = named_log("chain", items.tolist(), n)
    truth = np.kron(
        STAY[0] * np.roll(np.eye(GROUPS), 1, axis=1) + (1 - STAY[0]) / GROUPS,
        STAY[1] * np.eye(MEMBERS) + (1 - STAY[1]) / MEMBERS,
    )
    asked = [Request(history=log.history(user)) for user in range(users - 1000, users)]
    everything = [replace(one, candidates=tuple(range(n))) for one in asked]
    for name, order in (("codes that tell", np.arange(n)), ("dealt out anew", rng.permutation(n))):
        codes = np.column_stack([order // MEMBERS, order % MEMBERS])
        model = Tiger(log.catalog, TigerConfig(epochs=15, batch_size=16))
        model.use_ids(Codebook(codes, (GROUPS, MEMBERS), how=name))
        report = fit(model.task(log, np.arange(users - 1000), rng), rng)
        first = [slate.entries[0].item for slate in model.recommend(everything, 1)]
        found = truth[items[-1000:, -1], np.array(first)].mean()
        best = truth.max(axis=1).mean()
        print(
            f"{name:16s} expected top-1 {found:.4f} of {best:.4f} at best, a share of {found / best:.3f};"
            f" {report.seconds:.0f} s",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    data = Path(os.environ.get("RECAUDIT_DATA", ".")) / "amazon" / "beauty" / "tiger"
    parser.add_argument("--folder", type=Path, default=data)
    parser.add_argument("--epochs", type=int, help="at most; else the preset's")
    parser.add_argument("--minutes", type=float, help="fewer epochs if the time does not reach")
    parser.add_argument("--users", type=int, help="the first so many only")
    parser.add_argument("--preset", choices=PRESETS, default="beauty")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--sample", type=int, default=1000, help="people asked between epochs")
    parser.add_argument("--every", type=int, default=1, help="epochs between two of these checks")
    parser.add_argument("--permuted", action="store_true")
    parser.add_argument("--chain", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chain(asked.seed) if asked.chain else beauty(asked)


if __name__ == "__main__":
    main()
