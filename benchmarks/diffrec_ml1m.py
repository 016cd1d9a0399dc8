"""DiffRec on its published split of MovieLens 1M: accuracy, popularity, and what longer training gives away.

    python benchmarks/diffrec_ml1m.py [--data FOLDER] [--model diffrec|ldiffrec] [--seeds 1,2,3] [--epochs N]
    python benchmarks/diffrec_ml1m.py --membership [--seeds 1,2,3]

The first form trains on the training rows of all 5,949 users, keeps the epoch with the best validation
Recall@20, and prints test figures at that epoch. Conventions are the published code's: the input is the
training rows, validation rows are left out of test lists, a figure is the mean over all users, one without
test rows counting 0. Beside it: popularity, ItemKNN and EASE on the same input, the model with histories
dealt out anew among users, and how much of the lists goes to the most popular fifth of the films.

The second form trains on a random half of the users for 10, 20, 40 and 80 epochs and prints the AUC of
telling the two halves apart by the error on a person's own films.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recaudit.models.base import Recommender, Request
from recaudit.models.baselines import Ease, ItemKNN, Popularity
from recaudit.models.data import BoolArray, FloatArray, InteractionLog
from recaudit.models.datasets import diffrec as data
from recaudit.models.diffusion.diffrec import Diffrec, DiffrecConfig
from recaudit.models.diffusion.ldiffrec import Ldiffrec, LdiffrecConfig
from recaudit.models.trainers.plain import fit
from recaudit.probes.stats.auc import delong

NAME, K, MARKS = "diffrec-ml-1m", 20, (10, 20, 40, 80)
PAPER = {"diffrec": (0.1058, 0.1787, 0.0901), "ldiffrec": (None, None, None)}
BARS = {"diffrec": (0.100, 0.170, 0.086), "ldiffrec": (None, 0.160, None)}


@dataclass(frozen=True)
class Split:
    """The published split as matrices; ``hidden`` may not be listed."""

    log: InteractionLog
    valid: BoolArray
    test: BoolArray
    seen: BoolArray

    @classmethod
    def read(cls, where: Path | None) -> Split:
        """Read the owners' files."""
        whole = data.load(NAME, where=where)
        rows = data.published_split(NAME, where=where)
        cells = [np.zeros((whole.n_users, len(whole.catalog)), dtype=np.bool_) for _ in rows]
        for cell, part in zip(cells, rows, strict=True):
            cell[whole.user[part], whole.item[part]] = True
        seen, valid, test = cells
        return cls(whole.take(rows.train), valid, test, seen)


def top(model: Recommender, requests: Sequence[Request], hidden: BoolArray) -> np.ndarray:
    """The best ``K`` items of each request that are not hidden, shape ``(n_requests, K)``."""
    found = np.empty((len(requests), K), dtype=np.int64)
    for start in range(0, len(requests), 500):
        rows = slice(start, start + 500)
        scores = np.array(model.score(requests[rows]))  # type: ignore[attr-defined]
        scores[hidden[rows]] = -np.inf
        found[rows] = torch.from_numpy(scores).topk(K, dim=1).indices.numpy()
    return found


def figures(lists: np.ndarray, truth: BoolArray) -> tuple[float, float, float]:
    """Recall@10, Recall@20 and NDCG@10, means over all users."""
    hits = np.take_along_axis(truth, lists, axis=1)
    sizes = truth.sum(axis=1)
    discounts = 1 / np.log2(np.arange(2, 12))
    ideal = np.cumsum(discounts)[np.minimum(sizes, 10) - 1]
    safe = np.maximum(sizes, 1)
    gains = np.where(sizes > 0, hits[:, :10] @ discounts / ideal, 0)
    return (
        float((hits[:, :10].sum(axis=1) / safe).mean()),
        float((hits.sum(axis=1) / safe).mean()),
        float(gains.mean()),
    )


def show(name: str, found: Sequence[float | None], more: str = "") -> None:
    ten, twenty, gain = ("     -" if figure is None else f"{figure:.4f}" for figure in found)
    print(f"{name:34s} R@10 {ten}  R@20 {twenty}  NDCG@10 {gain}  {more}", flush=True)


def built(kind: str, split: Split, epochs: int, where: Path | None) -> Any:
    """An untrained model with the published settings for this data."""
    if kind == "diffrec":
        return Diffrec(split.log.catalog, DiffrecConfig(epochs=epochs))
    folder = data.locate(NAME, where=where)
    config = LdiffrecConfig(epochs=epochs, item_vectors=f"{folder}/item_emb.npy")
    return Ldiffrec(split.log.catalog, config)


def best_epoch(model: Any, split: Split, requests: Sequence[Request], seed: int) -> tuple[int, float]:
    """Train, keep the weights of the best epoch on validation, and say which it was and how long it took."""
    kept: dict[str, Any] = {"recall": -1.0}
    rng = np.random.default_rng(seed)
    model.prepare(split.log, np.arange(split.log.n_users), rng)
    task = model.task(split.log, np.arange(split.log.n_users), rng)

    def check(done: int, _: int) -> None:
        recall = figures(top(model, requests, split.seen), split.valid)[1]
        if recall > kept["recall"]:
            kept.update(recall=recall, epoch=done, weights=copy.deepcopy(task.module.state_dict()))

    began = time.perf_counter()
    fit(task, rng, on_epoch=check)
    task.module.load_state_dict(kept["weights"])
    task.module.train()  # the model works its shortcuts out anew when it is next asked
    return int(kept["epoch"]), time.perf_counter() - began


def accuracy(kind: str, split: Split, seeds: Sequence[int], epochs: int, where: Path | None) -> None:
    users = range(split.log.n_users)
    requests = [Request(history=split.log.history(user)) for user in users]
    hidden = split.seen | split.valid
    popular = Popularity.fitted(split.log, users)
    floor = figures(top(popular, requests, hidden), split.test)
    show("popularity", floor)
    rivals: dict[str, Callable[..., Recommender]] = {"item_knn": ItemKNN.fitted, "ease": Ease.fitted}
    for name, fitted in rivals.items():
        show(name, figures(top(fitted(split.log, users), requests, hidden), split.test))
    dealt = np.random.default_rng(0).permutation(split.log.n_users)
    strangers = [
        replace(request, history=replace(requests[other].history, user=request.history.user))
        for request, other in zip(requests, dealt.tolist(), strict=True)
    ]
    found = []
    for seed in seeds:
        model = built(kind, split, epochs, where)
        epoch, seconds = best_epoch(model, split, requests, seed)
        lists = top(model, requests, hidden)
        found.append(figures(lists, split.test))
        show(f"{kind}, seed {seed}", found[-1], f"best epoch {epoch} of {epochs}, {seconds:.0f} s")
        show("  with strangers' histories", figures(top(model, strangers, hidden), split.test))
        print(f"  {heads(lists, split)}", flush=True)
    mean = tuple(float(np.mean(column)) for column in zip(*found, strict=True))
    show(f"{kind}, mean of {len(seeds)} seeds", mean, f"R@10 {mean[0] / floor[0]:.2f} times popularity's")  # type: ignore[arg-type]
    show("  to be reached", BARS[kind])
    show("  published", PAPER[kind])


def heads(lists: np.ndarray, split: Split) -> str:
    counts = split.log.item_counts
    head = np.argsort(-counts, kind="stable")[: round(0.2 * len(counts))]
    share = np.isin(lists[:, :10], head).mean()
    trained = counts[head].sum() / counts.sum()
    covered = len(np.unique(lists[:, :10])) / len(counts)
    return (
        f"the most popular fifth has {share:.1%} of top-10 places and {trained:.1%} of training rows;"
        f" {covered:.1%} of films are in some top 10"
    )


def membership(split: Split, seed: int) -> None:
    """AUC by the mean of -log error on a person's own films, with DeLong's 95 % interval over people."""
    rng = np.random.default_rng(seed)
    member = rng.permutation(split.log.n_users) < split.log.n_users // 2
    histories = [split.log.history(user) for user in range(split.log.n_users)]
    model = Diffrec(split.log.catalog, DiffrecConfig(epochs=max(MARKS)))

    def check(done: int, _: int) -> None:
        if done not in MARKS:
            return
        errors = model.denoising_errors(histories, (0, 20, 39), rng=np.random.default_rng(0))
        scores: FloatArray = -np.log(errors).mean(axis=1)
        interval = delong(scores[member], scores[~member], alpha=0.025)
        assert interval is not None
        print(
            f"seed {seed}, {done:2d} epochs: membership AUC {interval.value:.3f}"
            f" ({interval.low:.3f} to {interval.high:.3f}), {member.sum()} in and {(~member).sum()} out",
            flush=True,
        )

    fit(model.task(split.log, np.flatnonzero(member), rng), rng, on_epoch=check)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="DiffRec's folder ml-1m_clean; else $RECAUDIT_DATA")
    parser.add_argument("--model", choices=("diffrec", "ldiffrec"), default="diffrec")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--epochs", type=int, help="at most; 40 for diffrec, 100 for ldiffrec")
    parser.add_argument("--membership", action="store_true")
    given = parser.parse_args()
    split, seeds = Split.read(given.data), [int(seed) for seed in given.seeds.split(",")]
    if given.membership:
        for seed in seeds:
            membership(split, seed)
    else:
        epochs = given.epochs or {"diffrec": 40, "ldiffrec": 100}[given.model]
        accuracy(given.model, split, seeds, epochs, given.data)


if __name__ == "__main__":
    main()
