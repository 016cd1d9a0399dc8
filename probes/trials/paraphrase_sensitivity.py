"""People asked in two wordings, a planted share of whose answers turns with the wording."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..robustness.paraphrase_sensitivity import ParaphraseSensitivity
from ..testing import Trial


def evidence(rng: np.random.Generator, *, flips: float, users: int = 150, items: int = 3) -> Evidence:
    """Answers turn at each user's own rate, ``flips`` on average; asked again, they never do."""
    given = rng.normal(0, 1.5, (users, items))
    rates = rng.beta(9 * flips, 9 * (1 - flips), (users, 1)) if flips else np.zeros((users, 1))
    moved = given + 0.2 * np.abs(given) * rng.uniform(-1, 1, given.shape)
    worded = np.where(rng.random(given.shape) < rates, -moved, moved)
    versions = {"wording 0": given, "wording 1": worded, "asked again": given}
    return Evidence(
        columns={
            "cluster": np.tile(np.repeat(np.arange(users), items), len(versions)),
            "item": np.tile(np.arange(users * items), len(versions)),
            "version": np.repeat(list(versions), users * items),
            "log_odds": np.concatenate([odds.ravel() for odds in versions.values()]),
        },
        facts={"kind": "odds", "wordings": 2},
    )


TRIAL = Trial(
    probe=ParaphraseSensitivity(n_users=150, n_candidates=3),
    gate="answers_turned",
    dial="share of answers that turn with the wording",
    bound=0.1,
    planted=0.2,
    evidence=lambda dial, rng: evidence(rng, flips=dial),
)
