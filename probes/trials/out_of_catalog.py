"""Tries out_of_catalog on a writer who invents as many titles as is dialled."""

from __future__ import annotations

import numpy as np

from ...models.planted.writer import PlantedWriter, WriterDials
from ..base import Evidence
from ..hallucination.out_of_catalog import OutOfCatalog
from ..testing import Trial
from ._films import film_auditee, film_log

PROBE = OutOfCatalog(n_users=50, threshold=0.85)


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """What a writer with a new hand says to the same people."""
    dials, seed = WriterDials(invented=dial), int(rng.integers(2**31))
    writer = PlantedWriter(catalog=film_log().catalog, dials=dials, seed=seed)
    return PROBE.ask(film_auditee(writer), rng)


TRIAL = Trial(
    probe=PROBE,
    gate="out_of_catalog_rate",
    dial="share of titles that do not exist",
    bound=PROBE.bound,
    planted=0.12,
    evidence=evidence,
)
