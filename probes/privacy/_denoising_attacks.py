"""Attacks that look at how well a model restores a person's history from noise, and at nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from ...models.base import Recommender
from ...models.capabilities import Denoises, capabilities
from ...models.data import BoolArray, FloatArray, History, IntArray, InteractionLog
from ..base import NotApplicable
from ._handed_in import twins

LEAST_ERROR = 1e-12
FEWEST = 10


@dataclass(frozen=True, kw_only=True)
class WholeHistories:
    """What the attacker is given: everything that each member and non-member did, a row a person.

    Parameters
    ----------
    histories : users ascending within a side.
    member : whether the history's user was trained on, shape ``(n_users,)``.
    dropped : histories left out because the other side holds nearly the same one.
    steps : the noise levels asked about.
    levels : how many the model has.
    seed : of the noise, which every model and person meets alike.
    """

    histories: tuple[History, ...]
    member: BoolArray
    dropped: int
    steps: tuple[int, ...]
    levels: int
    seed: int

    @property
    def user(self) -> IntArray:
        """The user behind each row."""
        return np.array([history.user for history in self.histories], dtype=np.int64)

    @property
    def facts(self) -> Mapping[str, object]:
        """What the attacker holds and sees."""
        return {
            "threat_model": "holds a person's whole history, sees how well the model restores it from noise",
            "noise_levels": list(self.steps),
            "noise_steps": self.levels,
        }

    def people(self) -> list[History]:
        """All that is handed in of each person, users ascending."""
        return sorted(self.histories, key=lambda history: history.user)

    def of_users(self, users: IntArray) -> WholeHistories:
        """The rows of these users alone."""
        kept = np.isin(self.user, users)
        return self._keeping(kept, dropped=0)

    def known(self, model: Recommender) -> FloatArray:
        """Minus the log of the error, as mean over the noise levels; at most 27.6, where the error is 1e-12.

        Errors of different levels differ in scale; their logs count alike.

        Raises
        ------
        NotApplicable
            If the model restores nothing, or answers with something that is no number.
        """
        if "denoises" not in capabilities(model):
            raise NotApplicable("the model, or its copy, does not restore noised histories")
        rng = np.random.default_rng(self.seed)
        errors = cast(Denoises, model).denoising_errors(self.histories, self.steps, rng=rng)
        errors = np.asarray(errors, dtype=np.float64).reshape(len(self.histories), len(self.steps))
        if unknown := int((~np.isfinite(errors)).any(axis=1).sum()):
            raise NotApplicable(f"the model gave no number for {unknown} of {len(errors)} histories")
        known: FloatArray = -np.log(np.maximum(errors, LEAST_ERROR)).mean(axis=1)
        return known

    def plain(self, known: FloatArray) -> FloatArray:
        """The same."""
        return known

    def without_near_duplicates(self, n_items: int, rng: np.random.Generator) -> WholeHistories:
        """The rows that have no near-duplicate on the other side."""
        alike = near_duplicates(self.histories, self.member, n_items=n_items, rng=rng)
        return self._keeping(~alike, dropped=int(alike.sum()))

    def _keeping(self, kept: BoolArray, *, dropped: int) -> WholeHistories:
        return WholeHistories(
            histories=tuple(own for own, keep in zip(self.histories, kept, strict=True) if keep),
            member=self.member[kept],
            dropped=dropped,
            steps=self.steps,
            levels=self.levels,
            seed=self.seed,
        )


def draw_histories(
    log: InteractionLog,
    members: IntArray,
    held_out: IntArray,
    *,
    model: Recommender,
    n_users: int,
    noise_levels: Sequence[float],
    rng: np.random.Generator,
) -> WholeHistories:
    """Draw as many members as non-members with all that they did, near-duplicates removed.

    Only people who like something can be drawn (who met something, where data say nothing of likes).

    Parameters
    ----------
    noise_levels : where in the model's range the levels lie, in [0, 1]: 0 is the least noise.

    Raises
    ------
    NotApplicable
        If fewer than ten people of a side are left.
    """
    able = np.bincount(log.user if log.liked is None else log.user[log.liked], minlength=log.n_users) > 0
    sides = [side[able[side]] for side in (members, held_out)]
    n = min(n_users, *(len(side) for side in sides))
    drawn = np.concatenate([np.sort(rng.choice(side, n, replace=False)) for side in sides])
    levels = cast(Denoises, model).noise_steps()
    rows = WholeHistories(
        histories=tuple(log.history(user) for user in drawn.tolist()),
        member=np.arange(2 * n) < n,
        dropped=0,
        steps=tuple(sorted({round(place * (levels - 1)) for place in noise_levels})),
        levels=levels,
        seed=int(rng.integers(2**63)),
    ).without_near_duplicates(len(log.catalog), rng)
    left = [int(rows.member.sum()), int((~rows.member).sum())]
    if min(left) < FEWEST:
        raise NotApplicable(
            f"{left[0]} members and {left[1]} held-out users have a history of their own"
            f" ({rows.dropped} nearly the same ones left out); at least {FEWEST} of each are needed"
        )
    return rows


def near_duplicates(
    histories: Sequence[History], member: BoolArray, *, n_items: int, rng: np.random.Generator
) -> BoolArray:
    """Histories that hold the same items as one of the other side, but for at most one item of each.

    What counts are the items liked, or met where nothing is said of likes; order and repetition do not.
    Two sets differ so little exactly if they agree whole or after one item is left out of one or both,
    so that n + 1 keys of n items find them without comparing pairs. Keys are sums of random 64-bit codes:
    two different ones collide with probability 2^-64.
    """
    sets = [np.unique(liked_items(history)) for history in histories]
    row = np.repeat(np.arange(len(sets)), [len(items) for items in sets])
    code = rng.integers(0, 2**64, n_items, dtype=np.uint64)
    codes = code[np.concatenate([np.zeros(0, dtype=np.int64), *sets])]
    whole = np.zeros(len(sets), dtype=np.uint64)
    np.add.at(whole, row, codes)
    keys = np.concatenate([whole, whole[row] - codes])
    return twins(keys, np.concatenate([np.arange(len(sets)), row]), member)


def liked_items(history: History) -> IntArray:
    """The items that a history likes, or meets where it says nothing of likes."""
    items = np.array(history.items, dtype=np.int64)
    return items[np.array(history.liked, dtype=np.bool_)] if history.liked else items
