"""What does GPTRec's second stage pay in accuracy for diverse lists, and would re-ranking pay less?

    python benchmarks/gptrec_frontier.py [--data world] [--folder FOLDER] [--aim diversity] [--weights 2 4 8]
        [--set NAME=VALUE ...] [--people 1500] [--seed 0]

Members train; held-out people are asked for ten items after the first two thirds of what they met, and their
likes in the rest are what NDCG@10 wants. Beside NDCG stand each list's intra-list distance (mean Jaccard
distance of genres, [0, 1]) and the mean popularity rank of its items ([0, 1], 1: the most met). The model of
the first stage alone is compared with models of both stages at several weights, and with its own first
logits re-ranked greedily: MMR (Carbonell and Goldstein 1998) with mean in place of largest similarity, or,
for popularity, the logit less a multiple of the rank. Of the re-rankings the one is shown that reaches the
model's diversity (or unpopularity) and pays least. Differences are paired within people, with Student's t
intervals at 95 %; one training seed each, so they say nothing of how another training would do.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from recaudit.models.base import Recommender, Request, Slate
from recaudit.models.baselines import Ease, Popularity
from recaudit.models.data import FloatArray, InteractionLog
from recaudit.models.datasets import movielens, world
from recaudit.models.semid._slates_rl import diversity_shares, ndcg_shares
from recaudit.models.semid.gptrec import Gptrec, GptrecConfig
from recaudit.models.splits import Population, split_population
from recaudit.models.trainers.plain import fit
from recaudit.probes.stats.intervals import mean_of_clusters

K, POOL, ALPHA = 10, 100, 0.025
TRADES = np.geomspace(0.05, 20, 25)


@dataclass(frozen=True, eq=False)
class Asked:
    """Requests and what is measured of their answers.

    Parameters
    ----------
    genres : 0 or 1, shape ``(n_items, n_genres)``.
    rank : share of items met less often by members, shape ``(n_items,)``.
    """

    requests: list[Request]
    wanted: torch.Tensor
    genres: torch.Tensor
    rank: torch.Tensor

    @classmethod
    def of(cls, log: InteractionLog, population: Population, people: int) -> Asked:
        """The held-out people who like something in the last third of what they met."""
        requests, wanted = [], []
        for user in population.held_out[:people]:
            whole = log.history(int(user))
            cut = 2 * len(whole) // 3
            later = whole.reordered(range(cut, len(whole)))
            likes = later.liked or (True,) * len(later)
            liked = [item for item, like in zip(later.items, likes, strict=True) if like]
            if liked:
                requests.append(Request(history=whole.reordered(range(cut))))
                wanted.append(liked)
        longest = max(map(len, wanted))
        names = sorted({genre for own in log.catalog.genres for genre in own})
        counts = log.only(population.members).item_counts
        below = np.searchsorted(np.sort(counts), counts, side="left") / (len(counts) - 1)
        return cls(
            requests,
            torch.tensor([[*own, *[-1] * (longest - len(own))] for own in wanted]),
            torch.tensor([[float(name in own) for name in names] for own in log.catalog.genres]),
            torch.from_numpy(below),
        )

    def measured(self, lists: torch.Tensor) -> dict[str, FloatArray]:
        """NDCG, distance and popularity of each list, shape ``(n_people,)`` each."""
        return {
            "NDCG@10": ndcg_shares(lists, self.wanted).sum(dim=1).double().numpy(),
            "distance": diversity_shares(lists, self.genres).sum(dim=1).double().numpy(),
            "popularity": self.rank[lists].mean(dim=1).numpy(),
        }


def lists_of(slates: Sequence[Slate]) -> torch.Tensor:
    return torch.tensor([[entry.item for entry in slate.entries] for slate in slates])


def trained(log: InteractionLog, config: GptrecConfig, population: Population, seed: int) -> Gptrec:
    model, rng, started = Gptrec(log.catalog, config), np.random.default_rng(seed), time.perf_counter()
    model.prepare(log, population.base, rng)
    report = fit(model.task(log, population.members, rng), rng)
    print(f"  {report.rows} rows, {report.epochs} epochs, {time.perf_counter() - started:.0f} s", flush=True)
    return model


def pools(model: Gptrec, asked: Asked) -> tuple[torch.Tensor, torch.Tensor]:
    """The likeliest new items of each person and their first log-probabilities, best first."""
    scores = torch.from_numpy(np.stack(model.score(asked.requests)))
    for row, request in zip(scores, asked.requests, strict=True):
        row[list(request.history.items)] = -torch.inf
    best = scores.log_softmax(dim=1).topk(POOL, dim=1)
    return best.indices, best.values


def mmr(items: torch.Tensor, values: torch.Tensor, asked: Asked, trade: float) -> torch.Tensor:
    """Lists grown greedily by log-probability plus ``trade`` times the mean distance to the list so far."""
    own = asked.genres[items].double()
    common, sizes = own @ own.transpose(1, 2), own.sum(dim=2)
    union = sizes[:, :, None] + sizes[:, None, :] - common
    distance = torch.where(union > 0, 1 - common / union.clamp(min=1), torch.zeros_like(union))
    left, total = values.clone(), torch.zeros_like(values)
    rows, chosen = torch.arange(len(items)), []
    for place in range(K):
        best = (left + trade * total / max(1, place)).argmax(dim=1)
        chosen.append(best)
        left[rows, best] = -torch.inf
        total += distance[rows, best]
    return items.gather(1, torch.stack(chosen, dim=1))


def unpopular(items: torch.Tensor, values: torch.Tensor, asked: Asked, trade: float) -> torch.Tensor:
    """The items with the largest log-probability less ``trade`` times their popularity rank."""
    best = (values - trade * asked.rank[items]).topk(K, dim=1).indices
    return items.gather(1, best)


def told(name: str, found: dict[str, FloatArray], than: dict[str, FloatArray] | None = None) -> None:
    said = []
    for measure, values in found.items():
        interval = mean_of_clusters(values if than is None else values - than[measure], alpha=ALPHA)
        share = "" if than is None else f" = {(values.mean() / than[measure].mean() - 1) * 100:+.1f} %"
        low, high = (np.nan, np.nan) if interval is None else (interval.low, interval.high)
        value = np.nan if interval is None else interval.value
        said.append(f"{measure} {value:+.4f}{share} ({low:+.4f} to {high:+.4f})")
    print(f"{name:34s} {'; '.join(said)}; {len(values)} people", flush=True)


def cheapest(
    reached: dict[str, FloatArray], rivals: list[tuple[float, dict[str, FloatArray]]], aim: str
) -> tuple[float, dict[str, FloatArray]] | None:
    """The re-ranking with the highest NDCG of those that reach what the model reached."""
    sign, measure = (1, "distance") if aim == "diversity" else (-1, "popularity")
    able = [one for one in rivals if sign * (one[1][measure].mean() - reached[measure].mean()) >= 0]
    return max(able, key=lambda one: float(one[1]["NDCG@10"].mean())) if able else None


def changed(config: GptrecConfig, pairs: Sequence[str]) -> GptrecConfig:
    for name, text in (pair.split("=") for pair in pairs):
        config = replace(config, **{name: type(getattr(config, name))(text)})
    return config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=("world", "ml-100k", "ml-1m"), default="world")
    parser.add_argument("--folder", type=Path, default=None, help="of the data set")
    parser.add_argument("--aim", choices=("diversity", "unpopular"), default="diversity")
    parser.add_argument("--weights", type=float, nargs="*", default=[2.0, 4.0, 8.0])
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--people", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    load = world.load if given.data == "world" else movielens.load
    log = load(given.data, where=given.folder, rng=np.random.default_rng(given.seed))
    population = split_population(log, rng=np.random.default_rng(given.seed + 1), smallest_history=5)
    asked = Asked.of(log, population, given.people)
    liked = log if log.liked is None else log.take(np.flatnonzero(log.liked))
    rivals: dict[str, Recommender] = {
        "popularity": Popularity.fitted(liked, population.members),
        "EASE, the teacher": Ease.fitted(log, population.members),
    }
    for name, rival in rivals.items():
        told(name, asked.measured(lists_of(rival.recommend(asked.requests, K))))
    config = replace(changed(GptrecConfig(), given.set), aim=given.aim)
    stage1 = trained(log, replace(config, reward_epochs=0), population, given.seed)
    first = asked.measured(lists_of(stage1.recommend(asked.requests, K)))
    told("first stage", first)
    pool, rerank = pools(stage1, asked), mmr if given.aim == "diversity" else unpopular
    reranked = [(trade, asked.measured(rerank(*pool, asked, trade))) for trade in (0.0, *TRADES)]
    for trade, found in reranked[::4]:
        told(f"first stage re-ranked, {trade:.2f}, less it", found, first)
    for weight in given.weights:
        model = trained(log, replace(config, weight=weight), population, given.seed)
        found = asked.measured(lists_of(model.recommend(asked.requests, K)))
        told(f"both stages, weight {weight:g}, less it", found, first)
        if best := cheapest(found, reranked, given.aim):
            told(f"  less re-ranking with {best[0]:.2f}", found, best[1])
        else:
            print("  no re-ranking reaches as far")


if __name__ == "__main__":
    main()
