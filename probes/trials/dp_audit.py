"""Scores that tell each person's coin as often as a training with a known epsilon allows, and no oftener."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..privacy.dp_audit import DpAudit
from ..testing import Trial

CANARIES = 300
CLAIMED = 1.0


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """Randomised response: the score shows the true coin with chance 1 / (1 + e^-dial), else the other."""
    member = rng.random(CANARIES) < 0.5
    shown = member == (rng.random(CANARIES) < 1 / (1 + np.exp(-dial)))
    return Evidence(
        columns={
            "cluster": np.arange(CANARIES),
            "member": member,
            "examples": np.ones(CANARIES, dtype=np.int64),
            "set": np.full(CANARIES, "canaries"),
            "interactions": np.full(CANARIES, 5),
            "score": shown + rng.random(CANARIES) / 2,
        }
    )


TRIAL = Trial(
    probe=DpAudit(claimed=CLAIMED),
    gate="empirical_epsilon",
    dial="epsilon of the training, nats",
    bound=CLAIMED,
    planted=2.0,
    evidence=evidence,
)
