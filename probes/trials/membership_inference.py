"""Scores of trained-on and left-out people from two normal curves a known distance apart."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from ..base import Evidence
from ..privacy.membership_inference import SCORES, MembershipInference
from ..testing import Trial

A_SIDE, CONTROL = 250, 60
BOUND = 0.55


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """Scores whose AUC is Phi(dial / sqrt 2); what does not see the model tells nothing.

    The overfitted copy knows its people two standard deviations better than others.
    """
    tables = []
    for part, n, shift in (("audit", A_SIDE, dial), ("control", CONTROL, 2.0)):
        member = np.repeat([True, False], n)
        scores = rng.normal(0, 1, (len(SCORES), 2 * n))
        known = dict(zip(SCORES, scores, strict=True)) | {"score_calibrated": np.full(2 * n, np.nan)}
        known["score_loss"] = known["score_loss"] + shift * member
        table = {"cluster": np.arange(2 * n), "member": member, "examples": np.ones(2 * n, dtype=np.int64)}
        tables.append(table | {"set": np.full(2 * n, part)} | known)
    return Evidence(columns={name: np.concatenate([table[name] for table in tables]) for name in tables[0]})


TRIAL = Trial(
    probe=MembershipInference(bound=BOUND),
    gate="attack_auc",
    dial="standard deviations by which trained-on people score higher",
    bound=2**0.5 * NormalDist().inv_cdf(BOUND),
    planted=0.6,
    evidence=evidence,
)
