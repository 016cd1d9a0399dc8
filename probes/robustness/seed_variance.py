"""Does the same person get another list when only the random numbers change?

Some models draw their answer at random: they start from noise, or sample on the way. One draw is then fixed
for use, so that nobody notices. Here held-out people ask for a list of k items with the same earlier 80 %
of their history, under d = 0 .. D - 1 draws of one and the same trained model; nothing else changes. With
L_ud the set of items that person u gets under draw d, a person's overlap is the mean over all pairs of draws
of the Jaccard index |L_ud and L_ue| / |L_ud or L_ue|, in [0, 1]: 1 if all lists hold the same items.
list_overlap is the mean over people and carries the verdict. Beside it stand first_item_agreement, the mean
over people of the share of pairs of draws with the same first item, and first_item_changed, the share of
people whose first item is not the same under all draws (the more draws, the more such people).

Who is affected: people who are told that a list is theirs when much of it is the draw's; providers who are
shown or not shown by luck; and everyone who compares two versions of a model under one draw each and takes
the difference for an improvement. A service may want variety: then it should say so and set its own bound.

Limits: order within the list does not count, except for the first place. Other random numbers in training
are another question, and usually change more. Two lists of random items from a small catalogue overlap as
well, so that the bound says less there. An empty place is no item; where all lists of a person are empty
the person is left out. Lists of one person hang together, so intervals count people; they are about these
draws, which are the same for everyone.

References: Jaccard 1912 (the index); Ho et al. 2020 and Wang et al. 2023 (diffusion, for images and for
recommendation: where the draws come from).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar, cast

import numpy as np

from ...models.base import Request
from ...models.capabilities import Draws
from ...models.data import BoolArray, FloatArray, IntArray
from .._exhibits import cases_to_show, request_text
from .._retrieval import Lists, held_out_lists
from .._rows import as_share, row
from ..base import Auditee, Better, Criterion, Evidence, Exhibit, Measurement, Probe
from ..stats.intervals import mean_of_clusters

CHANGED_NOTE = "people whose first item is not the same under all {draws} draws"


@dataclass(frozen=True, kw_only=True)
class SeedVariance(Probe):
    """Asks the same requests under several draws and measures how much of the lists stays.

    Parameters
    ----------
    n_users : held-out people asked, at most.
    n_draws : draws each is asked under, at least 2.
    k : items in a list.
    earlier : share of a person's interactions that is the history.
    bound : smallest mean overlap of two lists that passes.
    """

    n_users: int = 500
    n_draws: int = 5
    k: int = 10
    earlier: float = 0.8
    bound: float = 0.5

    title: ClassVar[str] = "Sensitivity to the draw"
    needs: ClassVar[tuple[str, ...]] = ("draws",)
    otherwise: ClassVar[str] = (
        "draws nothing at random when it answers, so a person's list cannot hang on the draw"
    )
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "the same person gets another list when only the random numbers change"

    def __post_init__(self) -> None:
        if self.n_draws < 2:
            raise ValueError(
                f"n_draws must be at least 2, as lists are compared in pairs; got {self.n_draws}"
            )

    def calls(self) -> int:
        """Lists, at most."""
        return self.n_users * self.n_draws

    def criteria(self) -> tuple[Criterion, ...]:
        """At least half of what two lists name must stand in both."""
        return (
            Criterion(
                measurement="list_overlap",
                bound=self.bound,
                direction="at_least",
                because=f"at {self.bound:g}, two full lists of {self.k} for the same person have"
                f" {self.k * 2 * self.bound / (1 + self.bound):.1f} items in common; with fewer, the list is"
                " more the draw's than the person's",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask every person's request under every draw."""
        asked = held_out_lists(auditee, n_users=self.n_users, earlier=self.earlier, rng=rng)
        slates = [auditee.recommend(asked.requests, self.k)]
        for draw in range(1, self.n_draws):
            again = cast(Draws, auditee.model).redrawn(draw)
            slates.append(again.recommend(asked.requests, self.k))
        lists = [Lists.of(own, self.k) for own in slates]
        table = np.stack([own.items for own in lists], axis=1)
        users, draws, places = np.indices(table.shape)
        evidence = Evidence(
            columns={
                "cluster": asked.users[users.ravel()],
                "draw": draws.ravel(),
                "place": places.ravel(),
                "item": table.ravel(),
            },
            facts={
                "k": self.k,
                "draws": self.n_draws,
                "caveats": list(dict.fromkeys(caveat for own in lists for caveat in own.caveats())),
            },
        )
        cases = _cases(auditee, asked.requests, table, rng)
        return Evidence(columns=evidence.columns, facts=evidence.facts, exhibits=cases)

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Means over people of overlaps of pairs of lists."""
        table = _table(evidence)
        first = table[:, :, 0]
        answered = (table >= 0).any(axis=(1, 2))
        same = np.stack([first[:, a] == first[:, b] for a, b in _pairs(table)])
        agreement = np.where(answered, same.mean(axis=0), np.nan)
        changed = np.where(answered, (first != first[:, :1]).any(axis=1), np.nan)
        lists = int(answered.sum()) * table.shape[1]

        def share(name: str, values: FloatArray, unit: str, better: Better, note: str = "") -> Measurement:
            interval = mean_of_clusters(values, alpha=alpha, n=lists, bounds=(0.0, 1.0))
            kept = None if interval is None else as_share(interval, alpha=alpha)
            return row(name, kept, alpha=alpha, unit=unit, better=better, n=lists, note=note if kept else "")

        note = CHANGED_NOTE.format(draws=table.shape[1])
        return [
            share("list_overlap", overlaps(table), "Jaccard index", "higher"),
            share("first_item_agreement", agreement, "share", "higher"),
            share("first_item_changed", changed, "share", "lower", note),
        ]


def overlaps(table: IntArray) -> FloatArray:
    """Each person's mean Jaccard index over pairs of draws, in [0, 1], shape ``(n_users,)``.

    A pair of empty lists says nothing; NaN where every pair is one.

    Parameters
    ----------
    table : items, none twice in a list, -1 for an empty place, shape ``(n_users, n_draws, k)``.
    """
    sums, counts = np.zeros(len(table)), np.zeros(len(table))
    for a, b in _pairs(table):
        shared, either = _shared(table[:, a], table[:, b])
        known = either > 0
        sums[known] += shared[known] / either[known]
        counts += known
    means: FloatArray = np.divide(sums, counts, out=np.full(len(table), np.nan), where=counts > 0)
    return means


def _pairs(table: IntArray) -> list[tuple[int, int]]:
    return list(combinations(range(table.shape[1]), 2))


def _shared(left: IntArray, right: IntArray) -> tuple[IntArray, IntArray]:
    """How many items both lists of each person hold, and how many at least one does."""
    both: BoolArray = (left[:, :, None] == right[:, None, :]) & (left >= 0)[:, :, None]
    shared = both.sum(axis=(1, 2))
    return shared, (left >= 0).sum(axis=1) + (right >= 0).sum(axis=1) - shared


def _table(evidence: Evidence) -> IntArray:
    """The lists as ``(n_users, n_draws, k)``, users ascending; -1 where a place is empty."""
    column = evidence.columns
    users, user = np.unique(column["cluster"], return_inverse=True)
    shape = (len(users), int(str(evidence.facts["draws"])), int(str(evidence.facts["k"])))
    table = np.full(shape, -1, dtype=np.int64)
    table[user, column["draw"].astype(np.int64), column["place"].astype(np.int64)] = column["item"]
    return table


def _cases(
    auditee: Auditee, requests: Sequence[Request], table: IntArray, rng: np.random.Generator
) -> tuple[Exhibit, ...]:
    """People whose lists overlap least, and people at random: their list and the one least like it."""
    titles, exhibits = auditee.catalog.titles, []
    for kind, number, place in cases_to_show(1 - overlaps(table), rng=rng):
        own = table[place]
        with_first = [int(_shared(own[:1], own[draw : draw + 1])[0][0]) for draw in range(1, len(own))]
        other = 1 + int(np.argmin(with_first))
        one, two = ({int(item): 1 / at for at, item in enumerate(own[d], 1) if item >= 0} for d in (0, other))
        text = request_text(auditee, requests[place])
        exhibits.append(
            Exhibit(
                title=f"{'Least overlap' if kind == 'worst' else 'Random person'} {number}",
                left_label="draw 0, each item with 1 / place",
                right_label=f"draw {other}, each item with 1 / place",
                left=text,
                right=text,
                answers=tuple((titles[item], one.get(item), two.get(item)) for item in one | two),
                effect=float(1 - overlaps(table[place : place + 1])[0]),
                kind=kind,
            )
        )
    return tuple(exhibits)
