"""T-DiffRec: DiffRec in which a person's later likes count more than the earlier ones.

The n likes of a person, oldest first, enter the row with weights that rise evenly from w_min to w_max, so
that the restored row leans towards what was liked last. With w_min = w_max = 1 it is DiffRec, number for
number. Reference: Wang et al. 2023, Diffusion Recommender Model (SIGIR), section 4.

Simplified: nothing of the model; as in DiffRec here, epochs are a setting. The paper publishes settings for
Amazon-book and Yelp alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..base import ModelError
from ..data import FloatArray, IntArray, InteractionLog
from ._people import Weigh
from ._user_vectors import UserVectorDiffusion, VectorSettings

PRESETS: dict[str, dict[str, object]] = {
    "amazon-book": {
        "hidden": (1000,),
        "steps": 10,
        "noise_scale": 0.0005,
        "noise_min": 0.0005,
        "noise_max": 0.005,
        "w_min": 0.1,
        "learning_rate": 5e-5,
        "epochs": 100,
    },
    "yelp": {
        "hidden": (1000,),
        "steps": 5,
        "noise_scale": 0.005,
        "noise_min": 0.001,
        "noise_max": 0.01,
        "w_min": 0.5,
        "learning_rate": 1e-5,
        "epochs": 100,
    },
}


@dataclass(frozen=True, kw_only=True)
class TdiffrecConfig(VectorSettings):
    """Settings of a T-DiffRec.

    Parameters
    ----------
    w_min, w_max : weight of a person's first and last like, above 0.
    """

    w_min: float = 0.1
    w_max: float = 1.0


class Tdiffrec(UserVectorDiffusion):
    """A diffusion over rows that remember when a like was given."""

    title: ClassVar[str] = "T-DiffRec"
    config: TdiffrecConfig

    def prepare(self, log: InteractionLog, base_users: IntArray, rng: np.random.Generator) -> None:
        """Check the settings."""
        super().prepare(log, base_users, rng)
        if not 0 < self.config.w_min <= self.config.w_max:
            raise ModelError(
                f"weights must be above 0 and w_min at most w_max, got {self.config.w_min:g} and"
                f" {self.config.w_max:g}; with a weight of 0 the first like would be none"
            )

    def weigh(self) -> Weigh:
        """Return weights that rise evenly over a person's likes; a single one has the last one's."""
        low, high = self.config.w_min, self.config.w_max

        def rising(place: IntArray, count: IntArray) -> FloatArray:
            weight: FloatArray = high - (high - low) * (count - 1 - place) / np.maximum(count - 1, 1)
            return weight

        return rising
