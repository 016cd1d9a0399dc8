"""DiffRec: restores a person's row of likes from a noised copy and recommends what the restored row adds.

A person is a row over the catalogue, 1 for every liked item (or every met one, where the data say nothing
of likes). A little Gaussian noise is put on it in T levels, and a perceptron learns to tell the clean row
from the noised one at any level. To recommend, the history is restored level by level without fresh noise,
and the items with the largest restored values that the history does not hold are the list. It reads no
attributes and no order. Reference: Wang et al. 2023, Diffusion Recommender Model (SIGIR).

Network, schedule, loss weights, importance drawing of levels and sampling are those of the published code.
With the published settings the noise put on has a variance of at most 5e-5: in effect a denoising
autoencoder, and no noise that would hide anybody.

Simplified: nothing of the model; the number of epochs is a setting (the paper stops by validation), and
the restored row is worked out by an exact recursion that is as wide as the first hidden layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ._user_vectors import UserVectorDiffusion, VectorSettings

PRESETS: dict[str, dict[str, object]] = {
    "ml-1m": {"epochs": 10},
    "ml-1m-noisy": {"steps": 5, "noise_scale": 0.5, "noise_min": 0.001, "noise_max": 0.01},
    "yelp": {
        "hidden": (1000,),
        "steps": 5,
        "noise_scale": 0.01,
        "noise_min": 0.001,
        "noise_max": 0.01,
        "learning_rate": 1e-5,
        "epochs": 100,
    },
    "amazon-book": {
        "hidden": (1000,),
        "steps": 5,
        "noise_scale": 0.0001,
        "noise_min": 0.0005,
        "noise_max": 0.005,
        "learning_rate": 5e-5,
        "epochs": 100,
    },
}


@dataclass(frozen=True, kw_only=True)
class DiffrecConfig(VectorSettings):
    """Settings of a DiffRec; the defaults are the published ones for MovieLens-1M."""


class Diffrec(UserVectorDiffusion):
    """A diffusion over people's rows of likes."""

    title: ClassVar[str] = "DiffRec"
