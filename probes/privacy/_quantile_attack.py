"""An attack that learns from people who were surely not trained on how well anyone is known anyway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...models.data import BoolArray, FloatArray

FEWEST_STRANGERS = 60
UPPER = 0.9


@dataclass(frozen=True)
class QuantileAttack:
    """Two quantiles of a stranger's signal given what the data say of them, and how strangers lie about.

    Quantile regression in place of copies of the model (Bertran et al. 2023), with the threshold settled
    on strangers that the regression has not seen (conformalised quantile regression, Romano et al. 2019).

    Parameters
    ----------
    middle, upper : regressions of the median and of the 0.9 quantile.
    least : the smallest distance between the two that is believed.
    calibration : scores of the strangers kept aside, ascending, shape ``(n_kept,)``.
    """

    middle: Any
    upper: Any
    least: float
    calibration: FloatArray

    @classmethod
    def fit(cls, features: FloatArray, signal: FloatArray, *, rng: np.random.Generator) -> QuantileAttack:
        """Learn from one half of the strangers and keep the other aside.

        Parameters
        ----------
        features, signal : of people who were not trained on, shapes ``(n, n_features)`` and ``(n,)``.

        Raises
        ------
        ValueError
            If there are fewer than 60 of them.
        """
        if len(signal) < FEWEST_STRANGERS:
            raise ValueError(f"{len(signal)} people are too few; at least {FEWEST_STRANGERS} are needed")
        kept = rng.permutation(len(signal)) < len(signal) // 2
        regressions = [_regression(q, rng).fit(features[~kept], signal[~kept]) for q in (0.5, UPPER)]
        least = 0.1 * float(np.quantile(signal, UPPER) - np.median(signal))
        middle, upper = regressions
        attack = cls(middle, upper, max(least, 1e-9), np.zeros(0))
        calibration = np.sort(attack.scores(features[kept], signal[kept]))
        return cls(attack.middle, attack.upper, attack.least, calibration)

    def scores(self, features: FloatArray, signal: FloatArray) -> FloatArray:
        """(signal - median)/(0.9 quantile - median), both given the features; shape ``(n,)``."""
        middle, upper = self.middle.predict(features), self.upper.predict(features)
        score: FloatArray = (signal - middle) / np.maximum(upper - middle, self.least)
        return score

    def accuses(self, scores: FloatArray, fpr: float) -> BoolArray:
        """Who is accused of having been trained on, strangers with a probability of at most ``fpr``.

        p = (1 + #{strangers kept aside with a score as high})/(n_kept + 1) <= fpr: exact for a stranger
        drawn as those kept aside were, whatever the regressions are worth (Vovk et al. 2005).
        """
        as_high = len(self.calibration) - np.searchsorted(self.calibration, scores, side="left")
        return np.asarray((1 + as_high) / (len(self.calibration) + 1) <= fpr)


def _regression(quantile: float, rng: np.random.Generator) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        loss="quantile",
        quantile=quantile,
        max_iter=60,
        max_leaf_nodes=8,
        early_stopping=False,
        random_state=int(rng.integers(2**31)),
    )
