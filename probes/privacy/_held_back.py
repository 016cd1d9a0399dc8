"""What people did last, held back to see whether a model says it of those it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import cast

import numpy as np

from ...models.base import Recommender, Request, Slate
from ...models.capabilities import GivesLikelihoods
from ...models.data import BoolArray, Example, FloatArray, History, IntArray, InteractionLog
from .._retrieval import Lists, hits
from ..base import NotApplicable

LEAST_LOG = float(np.log(1e-12))


@dataclass(frozen=True)
class HeldBack:
    """The last liked things of each person, the history before them, and whether the person was trained on.

    Parameters
    ----------
    histories : what came before the first held-back thing, whole.
    chains : each held-back thing with all that came before it, as many a person.
    member : shape ``(n_people,)``.
    """

    histories: tuple[History, ...]
    chains: tuple[tuple[Example, ...], ...]
    member: BoolArray

    @property
    def user(self) -> IntArray:
        """The people, ascending within a side."""
        return np.array([history.user for history in self.histories], dtype=np.int64)

    @property
    def targets(self) -> list[IntArray]:
        """The held-back items of each person, in the order in which they were met."""
        return [np.array([one.target for one in chain], dtype=np.int64) for chain in self.chains]

    def of_users(self, users: IntArray) -> HeldBack:
        """These users alone."""
        kept = np.flatnonzero(np.isin(self.user, users))
        return HeldBack(
            tuple(self.histories[at] for at in kept), tuple(self.chains[at] for at in kept), self.member[kept]
        )

    def log_p(self, model: Recommender) -> FloatArray:
        """Log of the chance that the model says all that is held back, in order, nats; ``(n_people,)``.

        A sum over the held-back things, each at least log 1e-12, each given all before it.

        Raises
        ------
        NotApplicable
            If the model answers with something that is no number.
        """
        asked = [one for chain in self.chains for one in chain]
        found = np.asarray(cast(GivesLikelihoods, model).log_likelihood(asked), dtype=np.float64)
        if np.isnan(found).any():
            raise NotApplicable(
                f"the model gave no number for {np.isnan(found).sum()} of {len(found)} answers"
            )
        sums: FloatArray = np.maximum(found, LEAST_LOG).reshape(len(self.chains), -1).sum(axis=1)
        return sums

    def requests(self, profiles: Sequence[tuple[tuple[str, str], ...]]) -> list[Request]:
        """A request for each person's list, with what the model is told of the person."""
        return [
            Request(history=history, attributes=profile)
            for history, profile in zip(self.histories, profiles, strict=True)
        ]

    def named(self, items: IntArray) -> FloatArray:
        """Share of each person's held-back things that the list holds, shape ``(n_people,)``."""
        shares: FloatArray = hits(items, self.targets).sum(axis=1) / len(self.chains[0])
        return shares


def hold_back(
    log: InteractionLog,
    sides: Sequence[IntArray],
    *,
    n_users: int,
    last: int,
    least: int,
    rng: np.random.Generator,
) -> HeldBack:
    """Draw as many people of both sides and hold back the ``last`` new things that each liked.

    Parameters
    ----------
    sides : who was trained on, and who was not.
    least : interactions that must come before the first thing held back.

    Raises
    ------
    NotApplicable
        If a side has fewer than ten people with that much.
    """
    found = [
        {int(user): chain for user in side if (chain := _chain(log, int(user), last, least))}
        for side in sides
    ]
    if min(map(len, found)) < 10:
        raise NotApplicable(
            f"{len(found[0])} members and {len(found[1])} held-out users liked {last} new things after"
            f" {least} interactions; at least 10 of each are needed: set a smaller `last` or `least`"
        )
    n = min(n_users, *map(len, found))
    drawn = [np.sort(rng.choice(list(own), n, replace=False)).tolist() for own in found]
    chains = [own[user] for own, users in zip(found, drawn, strict=True) for user in users]
    return HeldBack(tuple(chain[0].history for chain in chains), tuple(chains), np.repeat([True, False], n))


def _chain(log: InteractionLog, user: int, last: int, least: int) -> tuple[Example, ...]:
    """The last new things that a user liked, each after everything before it; none if there are too few."""
    rows, items = log.rows(user), log.item[log.rows(user)].tolist()
    liked = [True] * len(items) if log.liked is None else log.liked[rows].tolist()
    seen = accumulate(items, lambda before, item: before | {item}, initial=cast("set[int]", set()))
    new = [at for at, (item, before) in enumerate(zip(items, seen, strict=False)) if item not in before]
    places = [at for at in new if liked[at]][-last:]
    if len(places) < last or places[0] < least:
        return ()
    likes = () if log.liked is None else tuple(liked)
    return tuple(Example(History(user, tuple(items[:at]), likes[:at]), items[at], True) for at in places)


def listed(slates: Sequence[Slate], k: int) -> IntArray:
    """The new items of each list, -1 for an empty place, shape ``(n_people, k)``."""
    return Lists.of(slates, k).items
