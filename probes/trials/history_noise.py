"""People whose list changes by a planted share with every accident in the history."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..robustness.history_noise import NOISES, HistoryNoise
from ..testing import Trial

SIZES = (1, 2, 4)


def evidence(rng: np.random.Generator, *, slope: float, users: int = 100) -> Evidence:
    """After k accidents a list of ten has lost k times each user's own slope, up to chance and whole items.

    Users' slopes are ``slope`` on average, and the same for every kind of accident.
    """
    own = rng.beta(20 * slope, 20 * (0.25 - slope), users) / 4 if slope else np.zeros(users)
    kinds = np.array([(kind, k) for kind in NOISES[:3] for k in SIZES], dtype=object)
    k = kinds[:, 1].astype(np.int64)
    lost = rng.binomial(10, own[:, None] * k) / 10
    return Evidence(
        columns={
            "cluster": np.repeat(np.arange(users), len(kinds)),
            "kind": np.tile(kinds[:, 0].astype(np.str_), users),
            "k": np.tile(k, users),
            "turned": lost.ravel(),
        },
        facts={"entries_of_a_history": 20.0},
    )


TRIAL = Trial(
    probe=HistoryNoise(n_users=100),
    gate="turned_per_item",
    dial="share of the list that an accident changes",
    bound=0.1,
    planted=0.13,
    evidence=lambda dial, rng: evidence(rng, slope=dial),
)
