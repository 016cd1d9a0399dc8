"""Erased people are known better than strangers by a known number of standard deviations."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from ..base import Evidence
from ..privacy.forgetting import Forgetting
from ..testing import Trial

A_SIDE, BOUND = 250, 0.05


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """Normal scores whose AUC is Phi(dial / sqrt 2) under the claim; as it is, the model knows all erased."""
    member = np.repeat([True, False], A_SIDE)
    claimed, as_it_is = rng.normal(size=(2, 2 * A_SIDE)) + np.array([[dial], [2.0]]) * member
    columns = {
        "cluster": np.arange(2 * A_SIDE),
        "member": member,
        "set": np.full(2 * A_SIDE, "audit"),
        "examples": np.ones(2 * A_SIDE, dtype=np.int64),
        "claimed": claimed,
        "as_it_is": as_it_is,
    }
    return Evidence(columns=columns, facts={"scale": "nats"})


TRIAL = Trial(
    probe=Forgetting(bound=BOUND),
    gate="residual_auc",
    dial="standard deviations by which erased people are known better",
    bound=2**0.5 * NormalDist().inv_cdf(0.5 + BOUND),
    planted=0.6,
    evidence=evidence,
)
