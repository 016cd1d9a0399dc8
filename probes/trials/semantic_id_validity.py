"""Tries semantic_id_validity on a coder whose free tuples mean no item as often as is dialled."""

from __future__ import annotations

import numpy as np

from ...models.planted.coder import CoderDials, PlantedCoder
from ..base import Evidence
from ..hallucination.semantic_id_validity import SemanticIdValidity
from ..testing import Trial
from ._films import film_auditee, film_log

PROBE = SemanticIdValidity(n_users=60)


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """What a coder with other codes writes of the same films."""
    dials, seed = CoderDials(stray=dial), int(rng.integers(2**31))
    return PROBE.ask(film_auditee(PlantedCoder(catalog=film_log().catalog, dials=dials, seed=seed)), rng)


TRIAL = Trial(
    probe=PROBE,
    gate="invalid_rate",
    dial="share of free tuples that mean no item",
    bound=PROBE.bound,
    planted=0.12,
    evidence=evidence,
)
