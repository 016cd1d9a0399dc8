"""How MCDRec's features earn their keep: recall with them, without, and permuted, on invented people.

    python benchmarks/mcdrec_modalities.py [--seeds 3] [--users 800] [--items 400]

In each invented world what people like shows in feature A and not in feature B; items differ in popularity
(Zipf), most have few likes, and three in ten are cold: no member ever met them. Half of the people train,
the others are asked with 8 items each for their other 4. Differences are paired within people, with Student's
t intervals over the people of a seed; the seeds are worlds of their own. A content rule that is told that A
alone matters stands beside as what could be had, popularity as the least. Then a quarter of all rows are
made random, and the weights that the graph gives to those and to the true ones are compared. With --demo it
also trains the default model on demo worlds and compares it with popularity and EASE.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from recaudit.models.base import Recommender, Request
from recaudit.models.baselines import Ease, Popularity
from recaudit.models.data import BoolArray, Catalog, FloatArray, History, IntArray, InteractionLog
from recaudit.models.datasets.world import load
from recaudit.models.diffusion.mcdrec import Mcdrec, McdrecConfig
from recaudit.models.splits import split_population
from recaudit.models.trainers.plain import fit
from recaudit.probes.stats.auc import auc
from recaudit.probes.stats.intervals import mean_of_clusters

SHOWN, ASKED, K, ALPHA = 8, 4, 20, 0.025
CONFIG = McdrecConfig(batch_size=256)
BLIND = replace(CONFIG, condition_drop=1.0, guidance=-1.0)


@dataclass(frozen=True, eq=False)
class World:
    """Items with two features, what people met, shape ``(n_users, 12)``, and which items are cold."""

    a: FloatArray
    b: FloatArray
    met: IntArray
    cold: BoolArray

    @classmethod
    def drawn(cls, users: int, items: int, rng: np.random.Generator) -> World:
        """Items and people from the true tastes that A shows with noise."""
        true = rng.normal(size=(items, 6))
        a = true @ rng.normal(size=(6, 32)) / 6**0.5 + 0.3 * rng.normal(size=(items, 32))
        appeal = 3 * rng.normal(size=(users, 6)) @ true.T / 6**0.5 - np.log(1 + rng.permutation(items))
        met = np.argsort(-(appeal + rng.gumbel(size=appeal.shape)), axis=1)[:, : SHOWN + ASKED]
        return cls(a, rng.normal(size=(items, 32)), rng.permuted(met, axis=1), rng.random(items) < 0.3)

    @property
    def members(self) -> IntArray:
        """The people who train."""
        return np.arange(len(self.met) // 2)

    @property
    def asked(self) -> IntArray:
        """The people who are asked."""
        return np.arange(len(self.met) // 2, len(self.met))

    def log(self, met: IntArray, *, cold_too: bool = False) -> InteractionLog:
        """What people met, as data; without the cold items unless told."""
        names = tuple(f"i{item}" for item in range(len(self.a)))
        years = np.zeros(len(names), dtype=np.int64)
        catalog = Catalog(ids=names, titles=names, years=years, genres=((),) * len(names))
        user, item = np.repeat(np.arange(len(met)), met.shape[1]), met.ravel()
        rows = np.full(len(item), True) if cold_too else ~self.cold[item]
        return InteractionLog.build(
            name="two views",
            catalog=catalog,
            user_ids=tuple(f"u{user}" for user in range(len(met))),
            user=user[rows],
            item=item[rows],
        )

    def requests(self) -> list[Request]:
        """One request for each asked person."""
        return [
            Request(history=History(int(user), tuple(self.met[user, :SHOWN].tolist()))) for user in self.asked
        ]

    def recalls(self, lists: Sequence[set[int]]) -> tuple[FloatArray, FloatArray]:
        """Recall@20 of each asked person over all items and over cold ones, NaN where there are none."""
        wanted = [set(self.met[user, SHOWN:].tolist()) for user in self.asked]
        cold = [{item for item in own if self.cold[item]} for own in wanted]
        shares = [
            np.array([len(w & found) / len(w) if w else np.nan for w, found in zip(part, lists, strict=True)])
            for part in (wanted, cold)
        ]
        return shares[0], shares[1]

    def content(self) -> list[set[int]]:
        """Lists by likeness to the history in A alone."""
        a = self.a - self.a.mean(axis=0)
        lists = []
        for user in self.asked:
            scores = a @ a[self.met[user, :SHOWN]].mean(axis=0)
            scores[self.met[user, :SHOWN]] = -np.inf
            lists.append(set(np.argsort(-scores)[:K].tolist()))
        return lists


def trained(log: InteractionLog, config: McdrecConfig, users: IntArray, seed: int) -> Mcdrec:
    model, rng = Mcdrec(log.catalog, config), np.random.default_rng(seed)
    model.prepare(log, np.arange(0), rng)
    fit(model.task(log, users, rng), rng)
    return model


def lists_of(model: Recommender, requests: Sequence[Request]) -> list[set[int]]:
    slates = model.recommend(requests, K)
    return [{entry.item for entry in slate.entries if entry.item is not None} for slate in slates]


def shown(values: FloatArray) -> str:
    found = mean_of_clusters(values, alpha=ALPHA)
    if found is None:
        return "not estimable"
    return f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f}), {found.clusters} people"


def saved(folder: Path, values: FloatArray) -> str:
    file = folder / f"{len(list(folder.iterdir()))}.npy"
    np.save(file, values)
    return str(file)


def features(world: World, folder: Path, seed: int) -> None:
    mixed = np.random.default_rng([seed, 1]).permutation(len(world.a))
    a, b, pa, pb = (saved(folder, part) for part in (world.a, world.b, world.a[mixed], world.b[mixed]))
    log = world.log(world.met)
    makers: dict[str, Callable[[], list[set[int]]]] = {
        "popularity": lambda: lists_of(Popularity.fitted(log, world.members), world.requests()),
        "likeness in A": world.content,
    }
    for name, files, config in (
        ("with features", (a, b), CONFIG),
        ("without", (a, b), BLIND),
        ("A permuted", (pa, b), CONFIG),
        ("B permuted", (a, pb), CONFIG),
    ):
        makers[name] = lambda files=files, config=config: lists_of(  # type: ignore[misc]
            trained(log, replace(config, features=files), world.members, seed), world.requests()
        )
    found = {name: world.recalls(make()) for name, make in makers.items()}
    for name, (every, cold) in found.items():
        print(f"  recall@20 {name:14s} {shown(every)}; cold items {shown(cold)}", flush=True)
    for name in ("without", "A permuted", "B permuted", "popularity"):
        print(f"  with features less {name:11s} {shown(found['with features'][0] - found[name][0])}")


def stray_clicks(world: World, folder: Path, seed: int) -> None:
    rng = np.random.default_rng([seed, 2])
    stray = rng.random(world.met.shape) < 0.25
    met = np.where(stray, rng.integers(len(world.a), size=stray.shape), world.met)
    files = (saved(folder, world.a), saved(folder, world.b))
    for name, config in (("with features", CONFIG), ("without", BLIND)):
        model = trained(world.log(met, cold_too=True), replace(config, features=files), world.members, seed)
        for people, which in ((world.members, "members"), (world.asked, "new people")):
            weights = model.kept_weights([History(int(user), tuple(met[user].tolist())) for user in people])
            rows = np.array(
                [[own[int(item)] for item in met[user]] for user, own in zip(people, weights, strict=True)]
            )
            own_auc = np.array(
                [
                    np.nan if (value := auc(row[~off], row[off])) is None else value
                    for row, off in zip(rows, stray[people], strict=True)
                ]
            )
            print(f"  weight of true rows over stray ones, AUC within people, {name}, {which}:"
                  f" {shown(own_auc)}", flush=True)  # fmt: skip


def demo(seed: int) -> None:
    log = load("world", rng=np.random.default_rng(seed))
    population = split_population(log, rng=np.random.default_rng(seed + 1), smallest_history=5)
    started = time.perf_counter()
    model = trained(log, McdrecConfig(), population.members, seed)
    print(f"  trained on {len(population.members)} members in {time.perf_counter() - started:.0f} s")
    requests, wanted = [], []
    for user in population.held_out:
        history = log.history(int(user))
        cut = 2 * len(history) // 3
        liked = {i for i, like in zip(history.items[cut:], history.liked[cut:], strict=True) if like}
        if liked:
            requests.append(Request(history=History(int(user), history.items[:cut], history.liked[:cut])))
            wanted.append(liked)
    liked_log = log.take(np.flatnonzero(log.liked)) if log.liked is not None else log
    rivals: dict[str, Recommender] = {
        "MCDRec": model,
        "popularity": Popularity.fitted(liked_log, population.members),
        "EASE": Ease.fitted(liked_log, population.members),
    }
    found = {
        name: np.array(
            [len(w & own) / min(K, len(w)) for w, own in zip(wanted, lists_of(rival, requests), strict=True)]
        )
        for name, rival in rivals.items()
    }
    for name, values in found.items():
        print(f"  recall@20 {name:10s} {shown(values)}; MCDRec less it {shown(found['MCDRec'] - values)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--users", type=int, default=800)
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--demo", action="store_true", help="also as many demo worlds")
    asked = parser.parse_args()
    for seed in range(asked.seeds):
        print(f"world {seed}", flush=True)
        world = World.drawn(asked.users, asked.items, np.random.default_rng(seed))
        with tempfile.TemporaryDirectory() as folder:
            features(world, Path(folder), seed)
            stray_clicks(world, Path(folder), seed)
    if asked.demo:
        for seed in range(asked.seeds):
            print(f"demo world {seed}")
            demo(seed)


if __name__ == "__main__":
    main()
