"""Tries catalog_memorisation on a look-up table that holds as much of the data as is dialled."""

from __future__ import annotations

import numpy as np

from ...models.planted.reciter import PlantedReciter
from ..base import Evidence
from ..provenance.catalog_memorisation import CatalogMemorisation
from ..testing import Trial
from ._films import film_auditee, film_log

PROBE = CatalogMemorisation(n_users=100)


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """What a table that holds other rows each time goes on with."""
    log, seed = film_log(), int(rng.integers(2**31))
    table = PlantedReciter(catalog=log.catalog, log=log, items=dial, users=dial, seed=seed)
    return PROBE.ask(film_auditee(table), rng)


TRIAL = Trial(
    probe=PROBE,
    gate="recital_gain",
    dial="share of titles and histories known by heart",
    bound=PROBE.bound,
    planted=0.3,
    evidence=evidence,
)
