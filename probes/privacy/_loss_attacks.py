"""Attacks that look at how well a model predicts a person's known answers, and at nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import cast

import numpy as np

from ...models.base import Recommender
from ...models.capabilities import GivesLikelihoods, capabilities
from ...models.data import BoolArray, Example, FloatArray, History, IntArray, InteractionLog, examples
from ..base import NotApplicable
from ._handed_in import twins


@dataclass(frozen=True)
class AttackRows:
    """What the attacker is given: members' and non-members' examples, the examples of a user together.

    Parameters
    ----------
    member : whether the example's user was trained on, shape ``(n_rows,)``.
    dropped : examples left out because the other side holds nearly the same one.
    """

    examples: tuple[Example, ...]
    member: BoolArray
    dropped: int

    @property
    def user(self) -> IntArray:
        """The user behind each row."""
        return np.array([example.history.user for example in self.examples], dtype=np.int64)

    @property
    def facts(self) -> Mapping[str, object]:
        """What the attacker holds and sees."""
        return {
            "threat_model": "holds a person's real interactions, sees the model's probabilities",
            "history_length": len(self.examples[0].history) if self.examples else 0,
        }

    def people(self) -> list[History]:
        """The histories and answers of each person's examples as one history, users ascending."""
        ordered = sorted(self.examples, key=lambda example: example.history.user)
        return [
            _together(user, list(own)) for user, own in groupby(ordered, key=lambda one: one.history.user)
        ]

    def of_users(self, users: IntArray) -> AttackRows:
        """The rows of these users alone."""
        kept = np.isin(self.user, users)
        chosen = tuple(example for example, keep in zip(self.examples, kept, strict=True) if keep)
        return AttackRows(chosen, self.member[kept], 0)

    def known(self, model: Recommender) -> FloatArray:
        """Log p(true answer) per row, nats."""
        return likelihoods(model, self.examples)

    def plain(self, known: FloatArray) -> FloatArray:
        """Log-odds of the true answer."""
        return truth_odds(known)


def draw_rows(
    log: InteractionLog,
    members: IntArray,
    held_out: IntArray,
    *,
    n_users: int,
    per_user: int,
    window: int,
    rng: np.random.Generator,
) -> AttackRows:
    """Draw as many members as non-members, and a few examples of each, near-duplicates removed.

    Raises
    ------
    NotApplicable
        If the data has no likes, or a side has fewer than ten users with a full window.
    """
    if log.liked is None:
        raise NotApplicable(f"data {log.name!r} has no likes and dislikes, so there is no answer to recall")
    enough = np.diff(log.starts) > window
    sides = [users[enough[users]] for users in (members, held_out)]
    if min(len(side) for side in sides) < 10:
        raise NotApplicable(
            f"{len(sides[0])} members and {len(sides[1])} held-out users have more than {window}"
            " interactions; at least 10 of each are needed"
        )
    n = min(n_users, *(len(side) for side in sides))
    drawn: list[Example] = []
    for side in sides:
        users = np.sort(rng.choice(side, n, replace=False))
        drawn += examples(log, users, per_user=per_user, length=window, rng=None)
    member = np.isin([example.history.user for example in drawn], sides[0])
    alike = near_duplicates(drawn, member, n_items=len(log.catalog), rng=rng)
    kept = tuple(example for example, twin in zip(drawn, alike, strict=True) if not twin)
    return AttackRows(kept, member[~alike], int(alike.sum()))


def near_duplicates(
    drawn: Sequence[Example], member: BoolArray, *, n_items: int, rng: np.random.Generator
) -> BoolArray:
    """Rows whose target, and all but at most one history item, are those of a row of the other side.

    Histories must be of one length; order does not count. Two of L items agree in L - 1 exactly if they
    agree after one item is left out of each, so that L keys a row find them without comparing pairs.
    Keys are sums of random 64-bit codes: two different ones collide with probability 2^-64.
    """
    if not drawn:
        return np.zeros(0, dtype=np.bool_)
    code = rng.integers(0, 2**64, (2, n_items), dtype=np.uint64)
    history = code[0][np.array([example.history.items for example in drawn])]
    target = code[1][np.array([example.target for example in drawn])]
    keys = history.sum(axis=1, dtype=np.uint64)[:, None] - history + target[:, None]
    return twins(keys.ravel(), np.repeat(np.arange(len(drawn)), keys.shape[1]), member)


def likelihoods(model: Recommender, asked: Sequence[Example]) -> FloatArray:
    """Log p(true answer) per row, nats; at least log 1e-12.

    Raises
    ------
    NotApplicable
        If the model gives none, or answers with something that is no number.
    """
    if "gives_likelihoods" not in capabilities(model):
        raise NotApplicable("the model, or its copy, does not tell the likelihood of a known answer")
    found = np.asarray(cast(GivesLikelihoods, model).log_likelihood(asked), dtype=np.float64)
    if np.isnan(found).any():
        raise NotApplicable(f"the model gave no number for {np.isnan(found).sum()} of {len(found)} answers")
    return np.maximum(found, np.log(1e-12))


def truth_odds(log_likelihood: FloatArray) -> FloatArray:
    """Log-odds of the true answer, log p - log(1 - p), from log p; both in nats.

    Unlike p it is near normal, which makes a mean over a user's rows a fair summary (Carlini et al.
    2022). At most 27.6, where 1 - p is 1e-12.
    """
    bounded = np.minimum(log_likelihood, -1e-12)
    odds: FloatArray = bounded - np.log(-np.expm1(bounded))
    return odds


def _together(user: int, own: Sequence[Example]) -> History:
    items = [item for example in own for item in (*example.history.items, example.target)]
    liked = [like for example in own for like in (*example.history.liked, example.liked)]
    return History(user, tuple(items), tuple(liked))
