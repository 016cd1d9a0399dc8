"""Can a few invented users push an item into other people's lists?

Whoever can open accounts can make them like an item. Some unpopular items are pushed: m users are invented
who like all of them, and otherwise behave much like people do. The model is trained again by its own recipe,
S times on its members alone and S times on members and invented users, with the same random numbers each
time as far as a training allows. Held-out people then ask for a list of k items. With H_uis = 1 where item i
stands in the list of person u after training s, and N_uis = 1/log2(1 + r) where it stands at place r, else
0: hit_gain = mean over u, i, s of H(attacked) - H(clean), in points of probability; it carries the verdict.
ndcg_gain is the same of N: an item pushed further up gains more. Models that judge items one by one order
the pushed items and others drawn for each person, and a list is the k best of these.

Attacks differ in what else the invented users meet (fillers): anything, liked as often as anything is
(random); anything, each liked as often as people like it (average); half of it the 5 % most met items, all
liked (bandwagon); half of it well-met items of the commonest genre, all liked, and others disliked
(segment). Where the data know no likes, the average attack draws fillers as often as people meet them.

Yardstick: chance_gain compares clean trainings with each other: no one attacked, and other random numbers
are all that differs.

Threat model: someone who can create accounts, a given share of the people trained on, and knows what is
popular, how well items are liked and how active people are; not the model. Affected: people who are served
what someone paid for, and providers whose items make place. Limits: attacks fitted to a model do better,
so a pass bounds these profiles only; pushed items help one another, as all invented users like all of them;
no filter for fake accounts is in the way; an attack meant for one segment is counted over all people. In a
data set of likes alone, the random and the average attack differ in popularity only. Users, pushed items and
trainings are each a sample: intervals count all three, and hold for all attacks together. With one training
a side, what chance in training does is not seen, and chance_gain is missing.

References: Lam and Riedl 2004 (random and average attack); Burke et al. 2005 and Mobasher et al. 2007
(bandwagon and segment attack, hit ratio); Cameron, Gelbach and Miller 2011 (clusters of several kinds).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ...models.base import Recommender, Request
from ...models.data import FloatArray, IntArray
from .._exhibits import cases_to_show, request_text
from .._people import people_and_new_items
from .._retrieval import held_out_lists
from .._rows import row
from ..base import Auditee, Better, Criterion, Evidence, Exhibit, Measurement, NotApplicable, Probe
from ..stats.multiway import multiway_mean
from ._shills import ATTACKS, Crowd, poisoned

CLEAN = "no attack"
FAR = 0
"""The place of an item that is not in a list."""
CHANCE_NOTE = "one clean training against another: what chance in training does"

Answers = Mapping[int, tuple[int, ...]]
"""The list of each person."""


@dataclass(frozen=True, kw_only=True)
class Shilling(Probe):
    """Trains the model with and without invented users and compares where the pushed items stand.

    Parameters
    ----------
    attacks : of "random", "average", "bandwagon", "segment".
    n_seeds : trainings without, and with each attack; at least 5 for a verdict that counts trainings.
    share : invented users, as a share of the people trained on.
    n_targets : items pushed, drawn from the less met half.
    n_users : held-out people asked, at most.
    n_candidates : for models that judge items one by one, items besides the pushed that each person is
        asked about.
    k, earlier, length : items in a list; the share of interactions that is the history; for models that
        judge, its length.
    bound : largest gain that passes, probability points.
    """

    attacks: tuple[str, ...] = ("average", "bandwagon")
    n_seeds: int = 5
    share: float = 0.01
    n_targets: int = 10
    n_users: int = 200
    n_candidates: int = 50
    k: int = 10
    earlier: float = 0.8
    length: int = 10
    bound: float = 0.05

    title: ClassVar[str] = "Pushed by invented users"
    needs: ClassVar[tuple[str, ...]] = ("trainable",)
    fits: ClassVar[int] = 15
    shows: ClassVar[str] = "a few invented users put the items they push into other people's lists"

    def __post_init__(self) -> None:
        if strange := set(self.attacks) - set(ATTACKS):
            raise ValueError(f"attacks are {', '.join(ATTACKS)}; got {', '.join(sorted(strange))}")
        if not self.attacks or min(self.n_seeds, self.n_targets, self.k) < 1 or not 0 <= self.share <= 1:
            raise ValueError("give an attack, n_seeds, n_targets and k of at least 1, and a share in [0, 1]")

    def calls(self) -> int:
        """Lists, at most; for models that judge items one by one, request-candidates."""
        return self.n_users * self.n_seeds * (1 + len(self.attacks)) * (self.n_candidates + self.n_targets)

    def criteria(self) -> tuple[Criterion, ...]:
        """No attack may put pushed items into many lists."""
        return (
            Criterion(
                measurement="hit_gain",
                bound=self.bound,
                direction="at_most",
                because=f"beyond it, each pushed item comes into {100 * self.bound:g} more lists of 100 than"
                f" it would by itself, bought with {100 * self.share:g} % invented users",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Train clean and attacked twins and look where the pushed items stand."""
        crowd = Crowd(auditee.log, auditee.population.members)
        targets = _unpopular(crowd, self.n_targets, rng)
        requests = self._requests(auditee, targets, rng)
        n_fakes = int(np.ceil(self.share * len(crowd.members) - 1e-9))
        lists: dict[str, list[Answers]] = {attack: [] for attack in (CLEAN, *self.attacks)}
        for attack, answered in lists.items():
            for seed in range(self.n_seeds):
                log, users = auditee.log, crowd.members
                if attack != CLEAN:
                    log, users = poisoned(crowd, attack=attack, targets=targets, n_fakes=n_fakes, rng=rng)
                # Twins of one label share their random numbers, whatever they are trained on.
                twin = auditee.fit(users, label=f"shilling:twin {seed}", log=log)
                answered.append(_lists(twin, requests, self.k))
        facts: dict[str, object] = {
            "k": self.k,
            "fake_users": n_fakes,
            "members": len(crowd.members),
            "attacks": list(self.attacks),
            "targets": len(targets),
            "caveats": [] if self.n_seeds > 1 else ["One training a side: chance in training is not seen."],
        }
        columns = _columns(lists, requests, targets)
        cases = _cases(auditee, requests, lists, targets, rng)
        return Evidence(columns=columns, facts=facts, exhibits=cases)

    def _requests(self, auditee: Auditee, targets: IntArray, rng: np.random.Generator) -> list[Request]:
        """Held-out people; where the model judges, each with the pushed items and others to order."""
        if "judges" not in auditee.capabilities:
            return held_out_lists(auditee, n_users=self.n_users, earlier=self.earlier, rng=rng).requests
        people = people_and_new_items(
            auditee, n_users=self.n_users, n_items=self.n_candidates, length=self.length, rng=rng
        )
        return [
            replace(one, candidates=tuple(dict.fromkeys((*one.candidates, *targets.tolist()))))
            for one in people
        ]

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Gains with intervals over people, pushed items and trainings."""
        attacks = [str(name) for name in np.asarray(evidence.facts["attacks"])]
        column = evidence.columns
        found = []
        for name, gain in (("hit_gain", _hit), ("ndcg_gain", _ndcg)):
            for attack in attacks:
                here = column["attack"] == attack
                before, after = gain(column["clean_place"][here]), gain(column["place"][here])
                note = f"from {before.mean():.3g} to {after.mean():.3g}" if here.any() else ""
                own = evidence.where(here)
                found.append(_row(name, after - before, own, attack, alpha / len(attacks), note, "lower"))
        chance = evidence.where(column["attack"] == CLEAN)
        if len(chance):
            moved = _hit(chance.columns["place"]) - _hit(chance.columns["clean_place"])
            found.append(_row("chance_gain", moved, chance, "overall", alpha, CHANCE_NOTE, "zero"))
        return found


def _row(
    name: str, gains: FloatArray, rows: Evidence, group: str, alpha: float, note: str, better: Better
) -> Measurement:
    column = rows.columns
    interval = multiway_mean(gains, [column["cluster"], column["target"], column["training"]], alpha=alpha)
    if interval is not None:
        # What came up with nobody asked may still come up with about three in so many people.
        unseen = 1 - alpha ** (1 / interval.clusters)
        low = -unseen if not gains.any() else interval.low
        interval = replace(interval, low=low, high=max(interval.high, unseen))
    return row(
        name,
        interval,
        alpha=alpha,
        unit="NDCG" if name == "ndcg_gain" else "probability points",
        better=better,
        n=len(rows),
        group=group,
        note=note if interval else "",
    )


def _hit(places: np.ndarray) -> FloatArray:
    hits: FloatArray = (places != FAR).astype(np.float64)
    return hits


def _ndcg(places: np.ndarray) -> FloatArray:
    """The gain of one wanted item at these places: 1/log2(1 + r) (Jarvelin and Kekalainen 2002)."""
    gains: FloatArray = np.where(places == FAR, 0.0, 1 / np.log2(1 + np.maximum(1, places)))
    return gains


def _unpopular(crowd: Crowd, n: int, rng: np.random.Generator) -> IntArray:
    """Items of the less met half, at least one person's if there are such."""
    order = np.argsort(crowd.counts, kind="stable")
    half = order[: max(1, len(order) // 2)]
    met = half[crowd.counts[half] > 0]
    return np.sort(rng.choice(met if len(met) >= n else half, min(n, len(half)), replace=False))


def _lists(twin: Recommender, requests: Sequence[Request], k: int) -> Answers:
    slates = twin.recommend(requests, k)
    return {
        slate.request.history.user: tuple(-1 if e.item is None else e.item for e in slate.entries[:k])
        for slate in slates
    }


def _columns(
    lists: Mapping[str, Sequence[Answers]], requests: Sequence[Request], targets: IntArray
) -> dict[str, np.ndarray]:
    """One row a person, pushed item, attack and training: its place with and without; met items left out."""
    pairs = [
        (request.history.user, number, item)
        for request in requests
        for number, item in enumerate(targets.tolist())
        if item not in request.history.items
    ]
    if not pairs:
        raise NotApplicable("everyone asked has met all the pushed items; set more targets")
    clean, rows = lists[CLEAN], []
    for attack, answered in lists.items():
        for training, own in enumerate(answered):
            if attack == CLEAN:
                if training % 2 or training + 1 == len(clean):
                    continue
                own = clean[training + 1]
            before = clean[training]
            rows += [
                (user, attack, number, training, _place(before[user], item), _place(own[user], item))
                for user, number, item in pairs
            ]
    names = ("cluster", "attack", "target", "training", "clean_place", "place")
    return {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _place(items: Sequence[int], item: int) -> int:
    return items.index(item) + 1 if item in items else FAR


def _cases(
    auditee: Auditee,
    requests: Sequence[Request],
    lists: Mapping[str, Sequence[Answers]],
    targets: IntArray,
    rng: np.random.Generator,
) -> tuple[Exhibit, ...]:
    """People whose list of the first training took in most pushed items, and people at random."""
    attack = list(lists)[1]
    before, after = lists[CLEAN][0], lists[attack][0]
    users, pushed = [request.history.user for request in requests], set(targets.tolist())
    gains = np.array([float(len(pushed & set(after[u])) - len(pushed & set(before[u]))) for u in users])
    titles, exhibits = auditee.catalog.titles, []
    for kind, number, place in cases_to_show(gains, rng=rng):
        one, two = (
            {i: 1 / r for r, i in enumerate(own[users[place]], 1) if i >= 0} for own in (before, after)
        )
        text = request_text(auditee, replace(requests[place], candidates=requests[place].candidates[:1]))
        exhibits.append(
            Exhibit(
                title=f"{'Most pushed items' if kind == 'worst' else 'Random person'} {number}: {attack}",
                left_label="trained without invented users, each item with 1 / place",
                right_label="trained with them, each item with 1 / place",
                left=text,
                right=text,
                answers=tuple(
                    (titles[item] + (" (pushed)" if item in pushed else ""), one.get(item), two.get(item))
                    for item in one | two
                ),
                effect=float(gains[place]),
                kind=kind,
            )
        )
    return tuple(exhibits)
