"""TALLRec on its published film questions: what the model adds to leniency and to item quality.

    python benchmarks/tallrec_movie.py [--data FOLDER] [--shuffles 10] [--seed 0]

Tunes on all 8,000 published training rows over a tiny base that is pre-trained on MovieLens 100K users who
are in neither the validation nor the test split, and prints AUCs on the 1,000 test rows with intervals over
their 16 users. The interval, not the third digit, is the result: 16 users are few. Each label-shuffled
training has a base of its own: the direction in which a base happens to read the count ratio is random, and
trainings on one base would share it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from recaudit.models.base import Request
from recaudit.models.baselines import CountRatio, CountRatioItemMean
from recaudit.models.data import Example, FloatArray, InteractionLog
from recaudit.models.datasets import tallrec
from recaudit.models.llm.tallrec import Tallrec, TallrecConfig
from recaudit.models.trainers.plain import fit
from recaudit.probes.stats.auc import auc, user_auc

PUBLISHED = 0.7198
ALPHA = 0.05


def requests_of(rows: Sequence[Example]) -> list[Request]:
    return [Request(history=row.history, candidates=(row.target,)) for row in rows]


def show(name: str, scores: FloatArray, rows: Sequence[Example]) -> None:
    liked = np.array([row.liked for row in rows])
    found = user_auc(scores, liked, np.array([row.history.user for row in rows]), alpha=ALPHA)
    if found is None:
        print(f"{name:44s} not estimable")
        return
    print(f"{name:44s} {found.value:.3f} ({found.low:.3f} to {found.high:.3f}), {found.n} rows,"
          f" {found.clusters} users", flush=True)  # fmt: skip


def tuned(base: Tallrec, rows: Sequence[Example], seed: int) -> Tallrec:
    model = base.twin()
    fit(model.task_on(rows, np.random.default_rng(seed)), np.random.default_rng(seed + 1))
    return model


def prepared(log: InteractionLog, config: TallrecConfig, where: Path | None, seed: int) -> Tallrec:
    kept_out = np.concatenate(
        [tallrec.published_users(log, split, where=where) for split in ("valid", "test")]
    )
    base_users = np.setdiff1d(np.unique(log.user), kept_out)
    model, rng = Tallrec(log.catalog, config), np.random.default_rng(seed)
    model.prepare(log, base_users, rng)
    return model


def shuffled(rows: Sequence[Example], rng: np.random.Generator) -> list[Example]:
    likes = rng.permutation([row.liked for row in rows])
    return [replace(row, liked=bool(like)) for row, like in zip(rows, likes, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=None, help="folder of the tallrec data set")
    parser.add_argument("--shuffles", type=int, default=10, help="label-shuffled trainings")
    parser.add_argument("--base-epochs", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    log = tallrec.load("tallrec-movie", where=asked.data)
    train, valid, test = (
        tallrec.to_examples(tallrec.published_rows("tallrec-movie", split, where=asked.data), log)
        for split in ("train", "valid", "test")
    )
    config = TallrecConfig(states="", base_epochs=asked.base_epochs, epochs=asked.epochs)
    start = time.perf_counter()
    base = prepared(log, config, asked.data, asked.seed)
    based = time.perf_counter()
    model = tuned(base, train, asked.seed)
    done = time.perf_counter()
    print(f"base {based - start:.0f} s, tuning {done - based:.0f} s")
    odds = {
        name: np.concatenate(model.log_odds(requests_of(rows)))
        for name, rows in (("test", test), ("valid", valid))
    }
    show("tallrec, test", odds["test"], test)
    show("tallrec, validation", odds["valid"], valid)
    print(f"{'published (LLaMA-7B, 256 rows), test':44s} {PUBLISHED:.4f}")
    users = tallrec.published_users(log, "train", where=asked.data)
    for name, rule in (("count ratio", CountRatio), ("count ratio + item mean", CountRatioItemMean)):
        scores = np.concatenate(rule.fitted(log, users).score(requests_of(test)))
        show(f"{name}, test", scores, test)
    show("base before tuning, test", np.concatenate(base.untuned().log_odds(requests_of(test))), test)
    even = [place for place, row in enumerate(test) if 2 * sum(row.history.liked) == len(row.history)]
    show("tallrec, rows with as many likes as dislikes", odds["test"][even], [test[place] for place in even])
    found = []
    for turn in range(asked.shuffles):
        own_base = prepared(log, config, asked.data, asked.seed + turn + 1)
        control = tuned(own_base, shuffled(train, np.random.default_rng([asked.seed, turn])), turn + 100)
        scores, liked = (
            np.concatenate(control.log_odds(requests_of(test))),
            np.array([row.liked for row in test]),
        )
        found.append(float(auc(scores[liked], scores[~liked]) or np.nan))
        print(f"  shuffled training {turn + 1}: {found[-1]:.3f}", flush=True)
    if len(found) > 1:
        error = 2.26 * np.std(found, ddof=1) / np.sqrt(len(found))
        print(f"{'label-shuffled trainings, mean':44s} {np.mean(found):.3f} ({np.mean(found) - error:.3f} to"
              f" {np.mean(found) + error:.3f}), sd {np.std(found, ddof=1):.3f}, lowest {min(found):.3f},"
              f" highest {max(found):.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
