"""A classifier that never sees the model: what the data alone gives away about who was trained on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...models.data import FloatArray, IntArray, InteractionLog
from ._loss_attacks import AttackRows, user_means


def blind_scores(
    log: InteractionLog, rows: AttackRows, *, folds: int = 5, rng: np.random.Generator
) -> FloatArray:
    """Score each user's membership by a logistic regression fitted on the other folds' users.

    Features of a user: which items stand in the histories and targets (each block scaled to length 1),
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
    features = _features(log, rows, users)
    dealt = StratifiedKFold(folds, shuffle=True, random_state=int(rng.integers(2**31)))
    for fit, score in dealt.split(scores, member):
        classifier = LogisticRegression(max_iter=2000).fit(features[fit], member[fit])
        ranks = rankdata(classifier.decision_function(features[score]))
        scores[score] = (ranks - 0.5) / len(score)
    return scores


def _features(log: InteractionLog, rows: AttackRows, users: IntArray) -> Any:
    """A sparse matrix with a row per user, summaries first, then items of histories, then targets."""
    from scipy import sparse

    histories = np.array([example.history.items for example in rows.examples])
    targets = np.array([[example.target] for example in rows.examples])
    blocks: list[Any] = [_summaries(log, rows, users, np.hstack([histories, targets]))]
    owner = np.searchsorted(users, rows.user)
    for items in (histories, targets):
        place = (np.repeat(owner, items.shape[1]), items.ravel())
        met = sparse.csr_matrix((np.ones(items.size), place), shape=(len(users), len(log.catalog)))
        met.data[:] = 1.0
        blocks.append(met.multiply(1 / np.sqrt(met.sum(axis=1))))
    return sparse.hstack(blocks).tocsr()


def _summaries(log: InteractionLog, rows: AttackRows, users: IntArray, items: IntArray) -> FloatArray:
    """Standardised numbers about each user, shape ``(n_users, n_features)``."""
    popularity = np.log1p(log.item_counts[items])
    dated = log.catalog.years > 0
    years = log.catalog.years[items].astype(float)
    years[~dated[items]] = log.catalog.years[dated].mean() if dated.any() else 0.0
    per_row = [
        np.array([np.mean(example.history.liked) for example in rows.examples]),
        np.array([float(example.liked) for example in rows.examples]),
        *(statistic(popularity, axis=1) for statistic in (np.mean, np.min, np.max)),
        *(statistic(years, axis=1) for statistic in (np.mean, np.min, np.max)),
    ]
    per_user = [user_means(values, rows.user) for values in per_row]
    first, last = log.starts[users], log.starts[users + 1] - 1
    per_user.append(np.log1p(last - first))
    if log.timestamp is not None:
        began, ended = log.timestamp[first].astype(float), log.timestamp[last].astype(float)
        per_user += [began, ended, np.log1p(ended - began)]
    table = np.column_stack(per_user)
    standard: FloatArray = (table - table.mean(axis=0)) / np.maximum(table.std(axis=0), 1e-12)
    return standard
