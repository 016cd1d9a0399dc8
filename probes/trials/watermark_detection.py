"""Lists of which fewer and fewer places are marked must be told from lists that are."""

from __future__ import annotations

from functools import cache

import numpy as np

from ...models.data import BoolArray
from ...models.planted.lister import ListerDials, PlantedLister
from ..base import Evidence
from ..provenance.watermark_detection import WatermarkDetection, is_green
from ..testing import Trial
from ._films import film_auditee, film_log

KEY, GAMMA = "trial", 0.5
PROBE = WatermarkDetection(key=KEY, gamma=GAMMA, required=True, n_users=80, k=8)


@cache
def green() -> BoolArray:
    """Which film is green after which, shape ``(n_items, n_items)``."""
    ids = film_log().catalog.ids
    return np.array([[is_green(KEY, before, entry, gamma=GAMMA) for entry in ids] for before in ids])


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """What is green in lists of which a share ``dial`` of places is left unmarked."""
    model = PlantedLister(
        catalog=film_log().catalog,
        dials=ListerDials(marked=1 - dial),
        green=green(),
        seed=int(rng.integers(2**31)),
    )
    return PROBE.ask(film_auditee(model), rng)


TRIAL = Trial(
    probe=PROBE,
    gate="green_excess",
    dial="share of places left unmarked; the excess is half of what is left",
    bound=0.8,
    planted=1.0,
    evidence=evidence,
)
