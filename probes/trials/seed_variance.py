"""People who get one list whatever the draw, and a planted share who get another with every draw."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..robustness.seed_variance import SeedVariance
from ..testing import Trial


def evidence(rng: np.random.Generator, *, rough: float, users: int = 300) -> Evidence:
    """That share of people get five lists that have nothing in common; the others get one list."""
    restless = rng.random(users) < rough
    draw, place = np.indices((5, 10))
    item = place + 10 * draw * restless[:, None, None]
    return Evidence(
        columns={
            "cluster": np.repeat(np.arange(users), 50),
            "draw": np.tile(draw.ravel(), users),
            "place": np.tile(place.ravel(), users),
            "item": item.ravel(),
        },
        facts={"k": 10, "draws": 5},
    )


TRIAL = Trial(
    probe=SeedVariance(n_users=150),
    gate="list_overlap",
    dial="share of people whose lists share nothing between draws",
    bound=0.5,
    planted=0.65,
    evidence=lambda dial, rng: evidence(rng, rough=dial, users=150),
)
