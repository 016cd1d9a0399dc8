"""Tries claim_faithfulness on a writer who states as many untruths as is dialled."""

from __future__ import annotations

import numpy as np

from ...models.planted.writer import PlantedWriter, WriterDials
from ..base import Evidence
from ..hallucination.claim_faithfulness import ClaimFaithfulness
from ..testing import Trial
from ._films import MET, film_auditee, film_log

PROBE = ClaimFaithfulness(n_users=40, length=MET)


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """What a writer with a new hand says, and why, to the same people."""
    dials, seed = WriterDials(untrue=dial), int(rng.integers(2**31))
    writer = PlantedWriter(catalog=film_log().catalog, dials=dials, length=3, explains="reasons", seed=seed)
    return PROBE.ask(film_auditee(writer), rng)


TRIAL = Trial(
    probe=PROBE,
    gate="contradicted_rate",
    dial="share of claims that are untrue",
    bound=PROBE.bound,
    planted=0.12,
    evidence=evidence,
)
