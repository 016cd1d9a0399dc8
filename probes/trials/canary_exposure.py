"""Scores of invented people from normal curves: those that were trained on lie a known distance higher."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..privacy.canary_exposure import KINDS, CanaryExposure
from ..testing import Trial

CANARIES, REFERENCES = 40, 199
ONE_BIT = 0.6690
"""The distance at which the expected exposure among 199 references is one bit above chance."""


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """Canaries of both kinds, put in once, ``dial`` standard deviations above the others of their kind.

    The overfitted copy knows its canaries four standard deviations better.
    """
    each = CANARIES + REFERENCES
    copies = np.tile((np.arange(each) < CANARIES).astype(np.int64), len(KINDS))
    scores = rng.normal(0, 1, (2, len(copies)))
    return Evidence(
        columns={
            "cluster": np.arange(len(copies)),
            "member": copies > 0,
            "examples": np.ones(len(copies), dtype=np.int64),
            "set": np.repeat(KINDS, each),
            "copies": copies,
            "score": scores[0] + dial * copies,
            "score_control": scores[1] + 4.0 * copies,
        }
    )


TRIAL = Trial(
    probe=CanaryExposure(copies=(1,)),
    gate="excess_exposure",
    dial="standard deviations by which the history of a canary is known better",
    bound=ONE_BIT,
    planted=1.3,
    evidence=evidence,
)
