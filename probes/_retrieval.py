"""Asks people the model has not seen for lists of its whole catalogue; checks what they went on to like.

A person's earlier interactions are the history, in the order of time; the targets are what the person liked
among the later ones (all of them where the data has no likes) and had not met before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..models.base import Request, Slate
from ..models.baselines import Baseline, Ease, ItemKNN, ItemTransition, Popularity
from ..models.data import BoolArray, FloatArray, History, IntArray, InteractionLog
from ._people import own_profile
from .base import Auditee, NotApplicable

RIVALS: Mapping[str, type[Baseline]] = {
    "popularity": Popularity,
    "item_knn": ItemKNN,
    "item_transition": ItemTransition,
    "ease": Ease,
}
NOTHING = -1


@dataclass(frozen=True)
class Asked:
    """One request a person, and what that person went on to like, without repeats."""

    requests: list[Request]
    targets: list[IntArray]

    @property
    def users(self) -> IntArray:
        """Whose requests they are, shape ``(n_users,)``, ascending."""
        return np.array([request.history.user for request in self.requests], dtype=np.int64)


@dataclass(frozen=True)
class Lists:
    """The answers as a table.

    Parameters
    ----------
    items : one row a person, best first, -1 where a place holds nothing new, shape ``(n_users, k)``. A
        wasted place is not closed up: the person has seen it.
    wasted : how many places were wasted, by reason, over all lists.
    """

    items: IntArray
    wasted: Mapping[str, int]

    @classmethod
    def of(cls, slates: Sequence[Slate], k: int) -> Lists:
        """Read the first ``k`` entries of each slate."""
        items = np.full((len(slates), k), NOTHING, dtype=np.int64)
        wasted = {"no item": 0, "already in the history": 0, "twice in one list": 0}
        for own, slate in zip(items, slates, strict=True):
            seen: set[int] = set()
            known = set(slate.request.history.items)
            for place, entry in enumerate(slate.entries[:k]):
                if entry.item is None:
                    wasted["no item"] += 1
                elif entry.item in known:
                    wasted["already in the history"] += 1
                elif entry.item in seen:
                    wasted["twice in one list"] += 1
                else:
                    own[place] = entry.item
                    seen.add(entry.item)
        return cls(items, wasted)

    def caveats(self) -> list[str]:
        """One sentence on wasted places; none if there are none."""
        found = [f"{count:,} ({why})" for why, count in self.wasted.items() if count]
        return [f"Places of lists that hold nothing new were set aside: {', '.join(found)}."] if found else []


def held_out_lists(auditee: Auditee, *, n_users: int, earlier: float, rng: np.random.Generator) -> Asked:
    """Requests of at most ``n_users`` held-out people with something to find, drawn at random.

    Parameters
    ----------
    earlier : the share of a person's interactions that is the history, in (0, 1), rounded down.

    Raises
    ------
    NotApplicable
        If no held-out person has a history and then likes something new.
    """
    log, held_out = auditee.log, auditee.population.held_out
    found = {int(user): split for user in held_out if (split := _split(log, int(user), earlier)) is not None}
    if not found:
        verb = "met" if log.liked is None else "liked"
        raise NotApplicable(
            f"none of {len(held_out)} held-out users has a history and {verb} something new in the last"
            f" {1 - earlier:.0%} of it, so there is nothing to be found"
        )
    users = np.sort(rng.choice(list(found), min(n_users, len(found)), replace=False)).tolist()
    requests = [Request(history=found[user][0], attributes=own_profile(auditee, user, rng)) for user in users]
    return Asked(requests, [found[user][1] for user in users])


def _split(log: InteractionLog, user: int, earlier: float) -> tuple[History, IntArray] | None:
    rows = log.rows(user)
    # A product such as 0.7 * 10 may fall a rounding error short of the whole number it stands for.
    cut = rows.start + int(earlier * (rows.stop - rows.start) + 1e-9)
    later = log.item[cut : rows.stop]
    if log.liked is not None:
        later = later[log.liked[cut : rows.stop]]
    targets = np.setdiff1d(later, log.item[rows.start : cut])
    if cut == rows.start or not len(targets):
        return None
    liked = () if log.liked is None else tuple(log.liked[rows.start : cut].tolist())
    return History(user, tuple(log.item[rows.start : cut].tolist()), liked), targets


def hits(items: IntArray, targets: Sequence[IntArray]) -> BoolArray:
    """Which places of lists hold a target of their person, shape ``(n_users, k)``."""
    found = [np.isin(own, wanted) for own, wanted in zip(items, targets, strict=True)]
    return np.array(found, dtype=np.bool_).reshape(items.shape)


def recall(items: IntArray, targets: Sequence[IntArray]) -> FloatArray:
    """Share of each person's targets that the list holds: hits / |targets|, in [0, 1], shape ``(n_users,)``.

    With more targets than places it cannot reach 1; another convention divides by min(k, |targets|).
    """
    shares: FloatArray = hits(items, targets).sum(axis=1) / _sizes(targets)
    return shares


def ndcg(items: IntArray, targets: Sequence[IntArray]) -> FloatArray:
    """Normalised discounted cumulative gain of each person's list, in [0, 1], shape ``(n_users,)``.

    DCG = sum over hits at place r = 1, 2, ... of 1 / log2(1 + r), over that of a list with all its hits
    first, min(k, |targets|) of them (Jarvelin and Kekalainen 2002, gains of 0 and 1).
    """
    k = items.shape[1]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[np.minimum(k, _sizes(targets)) - 1]
    gains: FloatArray = hits(items, targets) @ discounts / ideal
    return gains


def _sizes(targets: Sequence[IntArray]) -> IntArray:
    return np.array([len(own) for own in targets], dtype=np.int64)


def fitted_rivals(
    auditee: Auditee, names: Sequence[str] = tuple(RIVALS)
) -> tuple[dict[str, Baseline], list[str]]:
    """The rules of counting, fitted on the people the model was trained on, and which could not be."""
    rivals, caveats = dict[str, Baseline](), []
    for name in names:
        try:
            rivals[name] = RIVALS[name].fitted(auditee.log, auditee.population.members)
        except ValueError as reason:
            caveats.append(f"{name} is left out: {reason}.")
    return rivals, caveats


def most_met(counts: npt.ArrayLike, share: float) -> BoolArray:
    """The ``share`` of items with the most interactions, at least one; ties go to the earlier item.

    Parameters
    ----------
    counts : interactions per item, shape ``(n_items,)``.
    """
    found = np.asarray(counts)
    head = np.zeros(len(found), dtype=np.bool_)
    head[np.argsort(-found, kind="stable")[: int(np.ceil(share * len(found) - 1e-9))]] = True
    return head
