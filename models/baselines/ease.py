"""Predicts each item from all the others by one linear rule: shallow, in closed form, and hard to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from ..data import FloatArray, History, InteractionLog
from ._family import Baseline
from ._together import baskets, liked_items, liked_together

REGULARISATION = 500.0
ITEMS_AT_MOST = 10_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Ease(Baseline):
    """Scores items by X_u B, where B reconstructs what users like without looking at the item itself.

    B = argmin |X - X B|^2 + lambda |B|^2 subject to diag(B) = 0, so that with P = (X'X + lambda I)^-1,
    B = I - P diag(1 / diag P); X holds one 0/1 row a user (EASE, Steck 2019).

    Parameters
    ----------
    weights : B, shape ``(n_items, n_items)``; row j is what liking j says of each item.
    """

    weights: FloatArray

    @classmethod
    def fitted(cls, log: InteractionLog, users: npt.ArrayLike) -> Self:
        """Solve for these users' likes.

        Raises
        ------
        ValueError
            If the catalogue has more than 10,000 items.
        """
        return cls.with_settings(log, users)

    @classmethod
    def with_settings(
        cls, log: InteractionLog, users: npt.ArrayLike, *, regularisation: float = REGULARISATION
    ) -> Self:
        """Solve for these users' likes; ``regularisation`` is lambda > 0, in users.

        Raises
        ------
        ValueError
            If the catalogue has more than 10,000 items.
        """
        n = len(log.catalog)
        if n > ITEMS_AT_MOST:
            raise ValueError(
                f"EASE inverts a matrix over all pairs of items: {n:,} items would need"
                f" {3 * 8 * n**2 / 1e9:.0f} GB; it takes at most {ITEMS_AT_MOST:,} items, so use ItemKNN"
            )
        gram = liked_together(baskets(log, users), range(n), n)
        gram[np.diag_indices(n)] += regularisation
        inverse = np.linalg.inv(gram)
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0.0)
        return cls(catalog=log.catalog, weights=weights)

    def item_scores(self, history: History) -> FloatArray:
        """Return the sum of the rows of B of the liked items; it may be negative."""
        scores: FloatArray = self.weights[liked_items(history)].sum(axis=0)
        return scores
