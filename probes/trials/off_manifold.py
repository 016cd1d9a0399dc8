"""Tries off_manifold on a pointer that misses the item it means by what is dialled."""

from __future__ import annotations

import numpy as np

from ...models.planted.pointer import PlantedPointer, PointerDials
from ..base import Evidence
from ..hallucination.off_manifold import OffManifold
from ..testing import Trial
from ._films import film_auditee, film_log

PROBE = OffManifold(n_users=60)
SOFTNESS = PlantedPointer.softness


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """Where a pointer points among films that lie elsewhere each time."""
    dials, seed = PointerDials(miss=dial), int(rng.integers(2**31))
    return PROBE.ask(film_auditee(PlantedPointer(catalog=film_log().catalog, dials=dials, seed=seed)), rng)


TRIAL = Trial(
    probe=PROBE,
    gate="off_manifold_rate",
    dial="how far points lie from the item they mean, in spacings",
    bound=SOFTNESS * 1.166,
    planted=0.25,
    evidence=evidence,
)
