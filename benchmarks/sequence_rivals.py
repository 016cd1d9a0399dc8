"""What rules of counting find of people's next item: the figures that any model of sequences must beat.

    python benchmarks/sequence_rivals.py [--data beauty] [--folder FOLDER] [--k 10] [--people 0]

Leave-one-out: everybody's last liked item (last item where the data know no likes) is asked for among all
items that the history lacks, after counting all that came before it. Prints Recall@k with Wilson intervals
over people, how long each rule takes to fit and to answer, and why a rule is left out.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from recaudit.models.base import Request
from recaudit.models.baselines import Baseline, Ease, ItemKNN, ItemTransition, Popularity
from recaudit.models.data import IntArray, InteractionLog
from recaudit.models.datasets import amazon, movielens
from recaudit.probes.stats.intervals import wilson

ALPHA = 0.025
RULES: dict[str, type[Baseline]] = {
    "popularity": Popularity,
    "item_transition": ItemTransition,
    "item_knn": ItemKNN,
    "ease": Ease,
}


def positive_log(name: str, folder: Path | None) -> InteractionLog:
    load = amazon.load if name in amazon.SERVES else movielens.load
    log = load(name, where=folder)
    return log if log.liked is None else log.take(np.flatnonzero(log.liked))


def left_out(log: InteractionLog, people: int) -> tuple[InteractionLog, list[Request], IntArray]:
    """The log without the last items, and requests and answers of ``people`` of them (0: all)."""
    able = np.flatnonzero(np.diff(log.starts) >= 3)
    train = log.take(np.setdiff1d(np.arange(len(log)), log.starts[1:][able] - 1))
    asked = np.sort(np.random.default_rng(0).permutation(able)[: people or None])
    requests = [Request(history=train.history(int(user))) for user in asked]
    return train, requests, log.item[log.starts[1:][asked] - 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=("beauty", "toys", "ml-100k", "ml-1m"), default="beauty")
    parser.add_argument("--folder", type=Path, default=None, help="of the data set")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--people", type=int, default=0, help="how many are asked; 0: all")
    asked = parser.parse_args()
    log = positive_log(asked.data, asked.folder)
    train, requests, answers = left_out(log, asked.people)
    for name, rule in RULES.items():
        start = time.perf_counter()
        try:
            fitted = rule.fitted(train, range(train.n_users))
        except ValueError as reason:
            print(f"{name:16s} left out: {reason}")
            continue
        half = time.perf_counter()
        slates = fitted.recommend(requests, asked.k)
        pairs = zip(slates, answers.tolist(), strict=True)
        found = sum(any(entry.item == answer for entry in slate.entries) for slate, answer in pairs)
        rate = wilson(found, len(answers), alpha=ALPHA)
        seconds = f"fitted in {half - start:.1f} s, answered in {time.perf_counter() - half:.1f} s"
        if rate is not None:
            interval = f"{rate.value:.4f} ({rate.low:.4f} to {rate.high:.4f})"
            print(f"{name:16s} recall@{asked.k} {interval}, {rate.n:,} people, {seconds}", flush=True)


if __name__ == "__main__":
    main()
