"""Invented users who push items so far on average, while people, items and trainings all differ."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..robustness.shilling import Shilling
from ..testing import Trial

PEOPLE, TARGETS, TRAININGS, K = 60, 12, 5, 10
BEFORE = 0.15


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """Places of pushed items; a share ``dial`` more of them stands in lists, give or take a factor's own."""
    shape = (PEOPLE, TARGETS, TRAININGS)
    user, target, training = (part.ravel() for part in np.indices(shape))
    own = [rng.normal(0, spread, n) for spread, n in zip((0.02, 0.02, 0.01), shape, strict=True)]
    gain = dial + own[0][user] + own[1][target] + own[2][training]
    before = rng.random(len(user)) < BEFORE
    after = rng.random(len(user)) < BEFORE + gain
    place = rng.integers(1, K + 1, (2, len(user)))
    return Evidence(
        columns={
            "cluster": user,
            "attack": np.full(len(user), "average"),
            "target": target,
            "training": training,
            "clean_place": np.where(before, place[0], 0),
            "place": np.where(after, place[1], 0),
        },
        facts={"attacks": ["average"]},
    )


TRIAL = Trial(
    probe=Shilling(attacks=("average",)),
    gate="hit_gain",
    dial="share of lists that pushed items come into besides, probability points",
    bound=0.05,
    planted=0.12,
    evidence=evidence,
)
