"""DreamRec and DiffRIS on real sequences: does the guidance find the next item, and how steady is the draw?

    python benchmarks/dreamrec_sequences.py [--model dreamrec] [--data beauty] [--folder FOLDER] [--epochs 8]
        [--set hidden=512 ...] [--preset NAME] [--ablate] [--people 5000] [--seed 0]

Leave-one-out: everybody's last liked item (last item where the data know no likes) is asked for among all
items that the history lacks, after training on all that came before it. Prints Recall@20 with Wilson
intervals over people, of the model, of popularity, and of the same network under other people's guidance;
then what another draw, w = 0, and no guidance (w = -1) change, and how far the made vectors lie from the
nearest item. With ``--ablate`` DiffRIS is also trained without its LSTM and without its convolution.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from recaudit.models.base import Recommendation, Request, Slate
from recaudit.models.baselines import Popularity
from recaudit.models.data import FloatArray, IntArray, InteractionLog
from recaudit.models.datasets import amazon, movielens
from recaudit.models.diffusion import diffris, dreamrec
from recaudit.models.trainers.plain import fit
from recaudit.probes.stats.intervals import wilson

ALPHA, K, NEAR = 0.025, 20, 1000
MODELS = {
    "dreamrec": (dreamrec.Dreamrec, dreamrec.DreamrecConfig, dreamrec.PRESETS),
    "diffris": (diffris.Diffris, diffris.DiffrisConfig, {}),
}


def positive_log(name: str, folder: Path | None) -> InteractionLog:
    load = amazon.load if name in amazon.SERVES else movielens.load
    log = load(name, where=folder)
    return log if log.liked is None else log.take(np.flatnonzero(log.liked))


def questions(log: InteractionLog, people: int, seed: int) -> tuple[list[Request], IntArray]:
    able = np.flatnonzero(np.diff(log.starts) >= 3)
    asked = np.sort(np.random.default_rng(seed).permutation(able)[:people])
    histories = [log.history(int(user)) for user in asked]
    requests = [Request(history=one.reordered(range(len(one) - 1))) for one in histories]
    return requests, np.array([one.items[-1] for one in histories])


def show(name: str, slates: Sequence[Slate], answers: IntArray) -> None:
    pairs = zip(slates, answers.tolist(), strict=True)
    found = [any(entry.item == answer for entry in slate.entries) for slate, answer in pairs]
    rate = wilson(sum(found), len(found), alpha=ALPHA)
    if rate is not None:
        print(f"{name:44s} {rate.value:.4f} ({rate.low:.4f} to {rate.high:.4f}), {rate.n} people", flush=True)


def trained(model: Any, log: InteractionLog, seed: int) -> Any:
    start = time.perf_counter()
    everyone = np.arange(log.n_users)
    model.prepare(log, everyone, np.random.default_rng(seed))
    report = fit(model.task(log, everyone, np.random.default_rng(seed + 1)), np.random.default_rng(seed + 2))
    print(
        f"{report.rows} rows, {report.epochs} epochs, loss {report.losses[0]:.3f} to {report.losses[-1]:.3f},"
        f" {time.perf_counter() - start:.0f} s",
        flush=True,
    )
    return model


def weighed(model: Any, weight: float) -> Any:
    other = copy.copy(model)
    other.config = replace(model.config, guidance=weight)
    return other


def under_others_guidance(model: Any, requests: Sequence[Request], seed: int) -> list[Slate]:
    """Everybody's own noise and own history left out of the list, but somebody else's history to guide."""
    others = np.random.default_rng(seed).permutation(len(requests))
    turned = [
        replace(request, history=replace(requests[other].history, user=request.history.user))
        for request, other in zip(requests, others, strict=True)
    ]
    slates, items = [], model.item_vectors()
    for request, vector in zip(requests, model.generate(turned), strict=True):
        scores = items @ vector
        scores[list(request.history.items)] = -np.inf
        best = np.argpartition(-scores, K)[:K]
        slates.append(Slate(request, tuple(Recommendation(int(item)) for item in best)))
    return slates


def overlap(left: Sequence[Slate], right: Sequence[Slate], k: int = 10) -> float:
    """Mean Jaccard index of two answers' first ``k`` items."""
    shared = []
    for one, other in zip(left, right, strict=True):
        a, b = ({entry.item for entry in slate.entries[:k]} for slate in (one, other))
        shared.append(len(a & b) / len(a | b))
    return float(np.mean(shared))


def nearest(points: FloatArray, items: FloatArray, *, skip: int) -> FloatArray:
    """Distance of each point to its nearest item, or to the nearest but itself with ``skip`` 1."""
    squares = (points**2).sum(axis=1)[:, None] + (items**2).sum(axis=1) - 2 * points @ items.T
    found: FloatArray = np.sqrt(np.maximum(np.partition(squares, skip, axis=1)[:, skip], 0))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, default="dreamrec")
    parser.add_argument("--data", choices=("beauty", "toys", "ml-100k"), default="beauty")
    parser.add_argument("--folder", type=Path, default=None, help="of the data set")
    parser.add_argument("--preset", default=None)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--ablate", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    kind, settings, presets = MODELS[asked.model]
    config: Any = settings(**presets[asked.preset] if asked.preset else {}, epochs=asked.epochs)
    for name, text in (pair.split("=") for pair in asked.set):
        old = getattr(config, name)
        value = text == "True" if isinstance(old, bool) else type(old)(text)
        config = replace(config, **{name: value})
    log = positive_log(asked.data, asked.folder)
    requests, answers = questions(log, asked.people, asked.seed)
    last = log.starts[1:][np.diff(log.starts) >= 3] - 1
    train = log.take(np.setdiff1d(np.arange(len(log)), last))
    model = trained(kind(log.catalog, config), train, asked.seed)
    own = model.recommend(requests, K)
    show(f"{asked.model} on {asked.data}, recall@{K}", own, answers)
    popular = Popularity.fitted(train, range(log.n_users))
    show("popularity", popular.recommend(requests, K), answers)
    show("under other people's guidance", under_others_guidance(model, requests, asked.seed), answers)
    again, unpushed = model.redrawn(1).recommend(requests, K), weighed(model, 0.0).recommend(requests, K)
    show("another draw", again, answers)
    show("w = 0", unpushed, answers)
    show("no guidance, w = -1", weighed(model, -1.0).recommend(requests, K), answers)
    print(f"jaccard@10 of two draws {overlap(own, again):.3f}, with w = 0 {overlap(own, unpushed):.3f}")
    items, made = model.item_vectors(), model.generate(requests[:NEAR])
    print(
        f"mean distance to the nearest item {nearest(made, items, skip=0).mean():.2f}; between nearest items"
        f" {nearest(items[:NEAR], items, skip=1).mean():.2f}; vectors' root mean square"
        f" {np.sqrt((items**2).sum(axis=1).mean()):.2f}"
    )
    for switch in ("recurrence", "convolution") if asked.ablate else ():
        lesser = trained(kind(log.catalog, replace(config, **{switch: False})), train, asked.seed)
        show(f"without {switch}", lesser.recommend(requests, K), answers)


if __name__ == "__main__":
    main()
