"""Tries selective_risk on answers of which the surest are wrong as often as is dialled."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..hallucination.selective_risk import SelectiveRisk
from ..testing import Trial

USERS, OTHERS_WRONG = 1000, 0.45
PROBE = SelectiveRisk()


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """The surest fifth of answers is wrong at the dialled rate, all others nearly as often as a coin."""
    sure = np.linspace(0.1, 4, USERS)
    surest = np.arange(USERS) >= (1 - PROBE.bound) * USERS
    wrong = rng.random(USERS) < np.where(surest, dial, OTHERS_WRONG)
    liked = rng.random(USERS) < 0.5
    return Evidence(
        columns={
            "cluster": np.arange(USERS),
            "item": np.zeros(USERS, dtype=np.int64),
            "log_odds": np.where(liked ^ wrong, sure, -sure),
            "liked": liked,
        },
        facts={"accepted": PROBE.accepted},
    )


TRIAL = Trial(
    probe=PROBE,
    gate="coverage_at_risk",
    dial="share of wrong answers among the surest fifth",
    bound=PROBE.accepted,
    planted=0.35,
    evidence=evidence,
)
