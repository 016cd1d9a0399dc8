"""A classifier that never sees the model: what the data alone gives away about who was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...models.data import FloatArray, History, IntArray, InteractionLog
from ._handed_in import HandedIn


def blind_scores(
    log: InteractionLog, rows: HandedIn, *, folds: int = 5, rng: np.random.Generator
) -> FloatArray:
    """Score each user's membership by a logistic regression fitted on the other folds' users.

    Features of a user, from all that is handed in: which items stand in it (a set, scaled to length 1),
    the share of likes, popularity and years of the items, how active the user is, and when, if the data
    says. A user is one row and in one fold, so nothing of a person is in both fit and score. Scores are
    ranks within the fold, in (0, 1): folds have models, and so scales, of their own.

    Returns
    -------
    FloatArray
        Users ascending, shape ``(n_users,)``. All one half where a side has fewer users than folds.

    References
    ----------
    Das, Zhang and Tramer 2024: blind attacks beat published membership inference on shifted data.
    """
    from scipy.stats import rankdata
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    users, first = np.unique(rows.user, return_index=True)
    member = rows.member[first]
    scores = np.full(len(users), 0.5)
    if min(member.sum(), (~member).sum()) < folds:
        return scores
    features = _features(log, users, rows.people())
    dealt = StratifiedKFold(folds, shuffle=True, random_state=int(rng.integers(2**31)))
    for fit, score in dealt.split(scores, member):
        classifier = LogisticRegression(max_iter=2000).fit(features[fit], member[fit])
        ranks = rankdata(classifier.decision_function(features[score]))
        scores[score] = (ranks - 0.5) / len(score)
    return scores


def _features(log: InteractionLog, users: IntArray, people: Sequence[History]) -> Any:
    """A sparse matrix with a row per user, summaries first, then items."""
    from scipy import sparse

    lengths = np.array([len(history) for history in people])
    items = np.array([item for history in people for item in history.items], dtype=np.int64)
    place = (np.repeat(np.arange(len(users)), lengths), items)
    met = sparse.csr_matrix((np.ones(len(items)), place), shape=(len(users), len(log.catalog)))
    met.data[:] = 1.0
    scaled = met.multiply(1 / np.sqrt(met.sum(axis=1)))
    table = summaries(log, users, people)
    standard = (table - table.mean(axis=0)) / np.maximum(table.std(axis=0), 1e-12)
    return sparse.hstack([standard, scaled]).tocsr()


def summaries(log: InteractionLog, users: IntArray, people: Sequence[History]) -> FloatArray:
    """What the data say of each user in a few numbers, shape ``(n_users, n_summaries)``.

    The share of likes, mean, lowest and highest popularity and year of the items handed in, how active the
    user is, and when, if the data says.
    """
    lengths = np.array([len(history) for history in people])
    items = np.array([item for history in people for item in history.items], dtype=np.int64)
    liked = np.array([np.mean(history.liked) if history.liked else 1.0 for history in people])
    starts = np.cumsum(lengths) - lengths
    return np.column_stack([liked, *_of_items(log, items, starts), *_of_users(log, users)])


def _of_items(log: InteractionLog, items: IntArray, starts: IntArray) -> list[FloatArray]:
    """Mean, lowest and highest popularity and year of each user's items, shape ``(n_users,)`` each."""
    dated = log.catalog.years > 0
    years = log.catalog.years[items].astype(float)
    years[~dated[items]] = log.catalog.years[dated].mean() if dated.any() else 0.0
    lengths = np.diff(np.append(starts, len(items)))
    found: list[FloatArray] = []
    for values in (np.log1p(log.item_counts[items]), years):
        ends = [extreme.reduceat(values, starts) for extreme in (np.minimum, np.maximum)]
        found += [np.add.reduceat(values, starts) / lengths, *ends]
    return found


def _of_users(log: InteractionLog, users: IntArray) -> list[FloatArray]:
    """How active each user is, and when, if the data says."""
    first, last = log.starts[users], log.starts[users + 1] - 1
    active = np.log1p(last - first)
    if log.timestamp is None:
        return [active]
    began, ended = log.timestamp[first].astype(float), log.timestamp[last].astype(float)
    return [active, began, ended, np.log1p(ended - began)]
