"""Tries temporal_leakage on a recommender that looks into the future as often as is dialled."""

from __future__ import annotations

import numpy as np

from ...models.planted.timekeeper import PlantedTimekeeper
from ..base import Evidence
from ..hallucination.temporal_leakage import TemporalLeakage
from ..testing import Trial
from ._films import film_auditee, film_log

PROBE = TemporalLeakage(n_users=80)


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """What it recommends to the same people with new random numbers."""
    log = film_log()
    out_from = (log.catalog.years - 1970).astype("datetime64[Y]").astype("datetime64[s]").astype(float)
    seed = int(rng.integers(2**31))
    model = PlantedTimekeeper(catalog=log.catalog, log=log, out_from=out_from, foresight=dial, seed=seed)
    return PROBE.ask(film_auditee(model), rng)


TRIAL = Trial(
    probe=PROBE,
    gate="future_rate",
    dial="share of places with an item of the future",
    bound=PROBE.bound,
    planted=0.08,
    evidence=evidence,
)
