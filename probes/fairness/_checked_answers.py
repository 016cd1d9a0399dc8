"""Asks held-out users and checks the answers: what a model says of items, or which of them it lists."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...models.data import BoolArray, FloatArray
from .._people import as_requests, held_out_examples
from .._retrieval import Lists, held_out_lists, ndcg, recall
from ..base import Auditee
from ._user_table import INTERACTIONS, group_columns

Columns = dict[str, npt.NDArray[np.generic]]
K = 10


def judged_columns(
    auditee: Auditee, *, n_users: int, per_user: int, length: int, rng: np.random.Generator
) -> Columns:
    """One row an answerable moment of a held-out user: what the model said, and whether it was right."""
    cases = held_out_examples(auditee, n_users=n_users, per_user=per_user, length=length, rng=rng)
    odds = np.concatenate(auditee.log_odds(as_requests(auditee, cases, rng)))
    user = np.array([case.history.user for case in cases], dtype=np.int64)
    liked = np.array([case.liked for case in cases])
    return {
        "cluster": user,
        "liked": liked,
        **checked(odds, liked),
        INTERACTIONS: np.diff(auditee.log.starts)[user],
        **group_columns(auditee.log, user),
    }


def listed_columns(
    auditee: Auditee, *, n_users: int, earlier: float, rng: np.random.Generator
) -> tuple[Columns, Lists]:
    """One row a held-out user: how much of what the user went on to like stands in a list of ten."""
    asked = held_out_lists(auditee, n_users=n_users, earlier=earlier, rng=rng)
    lists = Lists.of(auditee.recommend(asked.requests, K), K)
    columns: Columns = {
        "cluster": asked.users,
        "targets": np.array([len(own) for own in asked.targets], dtype=np.int64),
        "ndcg@10": ndcg(lists.items, asked.targets),
        "recall@10": recall(lists.items, asked.targets),
        INTERACTIONS: np.diff(auditee.log.starts)[asked.users],
        **group_columns(auditee.log, asked.users),
    }
    return columns, lists


def checked(odds: FloatArray, liked: BoolArray) -> dict[str, FloatArray]:
    """Answers against the truth; NaN where the model gave no finite log-odds."""
    usable = np.isfinite(odds)
    towards_truth = np.where(usable, np.where(liked, odds, -odds), 0.0)
    return {
        "correct": np.where(usable, (odds > 0) == liked, np.nan),
        "said_yes": np.where(usable, odds > 0, np.nan),
        "loss": np.where(usable, np.logaddexp(0, -towards_truth), np.nan),
    }
