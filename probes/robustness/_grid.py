"""Answers side by side: one row a user and item, one column a version of the question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...models.data import FloatArray, IntArray
from ..base import Evidence


@dataclass(frozen=True)
class Grid:
    """Answers by version of the question, NaN where a version was not asked or not answered.

    Parameters
    ----------
    cells : version to answers, log-odds in nats unless said, each of shape ``(n_pairs,)``.
    user, item : whose answer it is and about what, shape ``(n_pairs,)``.
    """

    cells: Mapping[str, FloatArray]
    user: IntArray
    item: IntArray

    @classmethod
    def of(cls, evidence: Evidence, version: npt.NDArray[np.str_], *, answer: str = "log_odds") -> Grid:
        """Read the columns ``cluster``, ``item`` and ``answer``; ``version`` has one label a row."""
        column = evidence.columns
        pairs = np.stack([column["cluster"], column["item"]], axis=1).astype(np.int64)
        unique, place = np.unique(pairs, axis=0, return_inverse=True)
        odds = column[answer].astype(np.float64)
        odds = np.where(np.isfinite(odds), odds, np.nan)
        cells = {}
        for label in np.unique(version).tolist():
            here = version == label
            cells[label] = np.full(len(unique), np.nan)
            cells[label][place.ravel()[here]] = odds[here]
        return cls(cells, unique[:, 0], unique[:, 1])

    def at(self, version: str) -> FloatArray:
        """Answers to one version, shape ``(n_pairs,)``; all NaN if it was never asked."""
        return self.cells.get(version, np.full(len(self.user), np.nan))
