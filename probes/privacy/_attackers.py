"""An attacker who learns on some people to read an attribute, and reads it off others: a ridge regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...models.data import BoolArray, FloatArray, IntArray

PENALTIES = np.geomspace(1e-2, 1e3, 6)
"""Tried penalties, as multiples of the mean squared length of a row."""


@dataclass(frozen=True)
class Read:
    """What an attacker made of people's tables, shape ``(n_people, n_targets)`` each, in (0, 1).

    Ranks within each fold, since every fold has a model, and so a scale, of its own.
    """

    alone: FloatArray
    joined: FloatArray


@dataclass(frozen=True)
class _Fold:
    """One fold: what was learnt on the others, for them and for the fold itself.

    Parameters
    ----------
    own : each learner's score by the ridge fitted on all the others, shape ``(n_fit, n_targets)``.
    new : the fold's scores, shape ``(n_fold, n_targets)``.
    """

    own: FloatArray
    new: FloatArray


def cross_read(
    known: FloatArray, views: Mapping[str, FloatArray], targets: BoolArray, fold: IntArray
) -> tuple[FloatArray, dict[str, Read]]:
    """Score every person's targets by attackers who learnt on the people of the other folds.

    Parameters
    ----------
    known : Gram matrix of what the attacker holds anyway, shape ``(n_people, n_people)``.
    views : Gram matrices of what the model gives, each on its own.
    targets : what is to be read off people, shape ``(n_people, n_targets)``.
    fold : the fold of each person, shape ``(n_people,)``.

    Returns
    -------
    FloatArray, dict of str to Read
        Scores from what is known anyway, shape ``(n_people, n_targets)``; and per view those from the view
        alone and from both together.

    Notes
    -----
    Nested: the penalty of each target, and the weights a, b >= 0 of the joined score a s_known + b s_view,
    are chosen on the learners alone, by leave-one-out scores (Wolpert 1992, stacking). Where the view taught
    nothing new b is 0, and the joined score is the known one.
    """
    shape = targets.shape
    base = np.full(shape, 0.5)
    reads = {name: Read(np.full(shape, 0.5), np.full(shape, 0.5)) for name in views}
    for one in np.unique(fold):
        fit, new = np.flatnonzero(fold != one), np.flatnonzero(fold == one)
        taught = targets[fit].astype(np.float64)
        plain = _learnt(known, fit, new, taught)
        base[new] = _ranks(plain.new)
        for name, gram in views.items():
            seen = _learnt(gram, fit, new, taught)
            reads[name].alone[new] = _ranks(seen.new)
            reads[name].joined[new] = _ranks(_joined(plain, seen, taught))
    return base, reads


def _learnt(gram: FloatArray, fit: IntArray, new: IntArray, taught: FloatArray) -> _Fold:
    """A ridge regression with a free constant for each target, its penalty chosen by leave-one-out error.

    With K the learners' centred Gram matrix, the scores are K_new (K + l I)^-1 y. The error of leaving i out
    is (y_i - f_i) / (1 - h_i), h the diagonal of K (K + l I)^-1 + 1/n (Allen 1974). A learner's own score is
    the prediction without that learner, less the mean of the others, so that it owes nothing to y_i.
    """
    inner, n = gram[np.ix_(fit, fit)], len(fit)
    means = inner.mean(axis=0)
    centred = inner - means - means[:, None] + means.mean()
    across = gram[np.ix_(new, fit)]
    across = across - across.mean(axis=1, keepdims=True) - means + means.mean()
    y = taught - taught.mean(axis=0)
    values, vectors = np.linalg.eigh(centred)
    values, turned, squares = np.maximum(values, 0.0), vectors.T @ y, np.square(vectors)
    least = np.full(y.shape[1], np.inf)
    own, new_scores = np.zeros_like(y), np.zeros((len(new), y.shape[1]))
    for penalty in PENALTIES * max(float(values.sum()) / n, 1e-12):
        weights = vectors @ (turned / (values + penalty)[:, None])
        leverage = 1 / n + squares @ (values / (values + penalty))
        off = (y - centred @ weights) / (1 - leverage)[:, None]
        better = np.square(off).sum(axis=0) < least
        least = np.where(better, np.square(off).sum(axis=0), least)
        # y - off predicts i without i; the others' mean lies y_i / (n - 1) below 0.
        own = np.where(better, y - off + y / (n - 1), own)
        new_scores = np.where(better, across @ weights, new_scores)
    return _Fold(own, new_scores)


def _joined(plain: _Fold, seen: _Fold, taught: FloatArray) -> FloatArray:
    """Both scores of each target added with the weights that suit the learners, none negative.

    The view is left out unless it lowers the squared error by more than 4 RSS / n, that is, unless its weight
    is two standard errors from 0: an attacker who took in every view would be the worse for those that tell
    nothing.
    """
    from scipy.optimize import nnls

    found, n = plain.new.copy(), len(taught)
    for target, y in enumerate((taught - taught.mean(axis=0)).T):
        known, view = plain.own[:, target], seen.own[:, target]
        _, without = nnls(known[:, None], y)
        (a, b), within = nnls(np.stack([known, view], axis=1), y)
        if without**2 - within**2 > 4 * within**2 / n:
            found[:, target] = a * plain.new[:, target] + b * seen.new[:, target]
    return found


def _ranks(scores: FloatArray) -> FloatArray:
    from scipy.stats import rankdata

    # Rounding must not part scores that are one.
    spread = np.maximum(np.abs(scores).max(axis=0), 1e-300)
    ranks: FloatArray = (rankdata(np.round(scores / spread, 9), axis=0) - 0.5) / len(scores)
    return ranks


def dealt(values: Sequence[str], *, folds: int, rng: np.random.Generator) -> IntArray:
    """Deal people into folds so that each holds about as many of every value, shape ``(n_people,)``."""
    names = np.array(values)
    fold = np.empty(len(names), dtype=np.int64)
    fold[np.lexsort((rng.random(len(names)), names))] = np.arange(len(names)) % folds
    return fold


@dataclass(frozen=True)
class Table:
    """One thing that is seen of each person, a row a person.

    Parameters
    ----------
    rows : shape ``(n_people, n_columns)``.
    counts : sets, of which a row is scaled to length 1; else numbers, of which each column is standardised.
    """

    rows: FloatArray
    counts: bool

    def with_mark(self, mark: BoolArray) -> Table:
        """The same with one more column, 1 for marked people, shape ``(n_people,)``."""
        return Table(np.column_stack([self.rows, mark.astype(np.float64)]), self.counts)

    @cached_property
    def gram(self) -> FloatArray:
        """Inner products of people's rows, 1 for a row with itself on average; ``(n_people, n_people)``."""
        if self.counts:
            rows = self.rows / np.sqrt(np.maximum(np.square(self.rows).sum(axis=1, keepdims=True), 1.0))
        else:
            rows = (self.rows - self.rows.mean(axis=0)) / np.maximum(self.rows.std(axis=0), 1e-9)
        rows = rows - rows.mean(axis=0)
        products = rows @ rows.T
        found: FloatArray = products / max(float(np.trace(products)) / len(rows), 1e-12)
        return found
