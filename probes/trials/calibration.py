"""Tries calibration on answers whose stated probability is too high by what is dialled."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..hallucination.calibration import Calibration
from ..testing import Trial

USERS, EACH = 500, 4


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """People who like what is said with p with p less the dial; leanings of one person hang together."""
    stated = rng.uniform(0.2, 0.9, (USERS, EACH))
    leaning = rng.uniform(-0.1, 0.1, (USERS, 1))
    liked = rng.random((USERS, EACH)) < stated - dial + leaning
    return Evidence(
        columns={
            "cluster": np.repeat(np.arange(USERS), EACH),
            "item": np.zeros(USERS * EACH, dtype=np.int64),
            "log_odds": np.log(stated / (1 - stated)).ravel(),
            "liked": liked.ravel(),
        }
    )


TRIAL = Trial(
    probe=Calibration(),
    gate="calibration_error",
    dial="probability points by which likes are overstated",
    bound=Calibration().bound,
    planted=0.11,
    evidence=evidence,
)
