"""People asked with their lists in several orders, some shifts and turned answers being planted."""

from __future__ import annotations

import numpy as np

from ...models.data import FloatArray
from ..base import Evidence
from ..robustness.order_bias import OrderBias
from ..testing import Trial


def evidence(
    rng: np.random.Generator,
    *,
    swap: float = 0.0,
    alike: float = 0.0,
    flips: float = 0.0,
    noise: float = 0.0,
    users: int = 250,
    items: int = 5,
) -> Evidence:
    """Users with some items and 3 shuffles; shifts and shares of flips are known, users differ in both."""
    given = rng.normal(0, 1.5, (users, items))
    rates = rng.beta(9 * flips, 9 * (1 - flips), (users, 1)) if flips else np.zeros((users, 1))

    def turned(odds: FloatArray) -> FloatArray:
        return np.where(rng.random(odds.shape) < rates, -odds, odds)

    def spread(mean: float) -> FloatArray:
        return mean + noise * (rng.normal(0, 1, (users, 1)) + rng.normal(0, 1, (users, items)))

    swapped = turned(given) + spread(swap)
    versions = {"as given": given, "blocks swapped": swapped, "most alike last": given}
    versions |= {"most alike first": given + spread(alike), "candidates in another order": given}
    versions |= {f"lists shuffled {number}": turned(given) for number in (1, 2, 3)}
    size = users * items
    return Evidence(
        columns={
            "cluster": np.tile(np.repeat(np.arange(users), items), len(versions)),
            "item": np.tile(np.arange(size), len(versions)),
            "condition": np.repeat(list(versions), size),
            "log_odds": np.concatenate([odds.ravel() for odds in versions.values()]),
        },
        facts={"orders": 3},
    )


TRIAL = Trial(
    probe=OrderBias(n_users=60, n_candidates=2),
    gate="swap_shift",
    dial="added to every answer when the lists are swapped, log-odds",
    bound=0.2,
    planted=0.5,
    evidence=lambda dial, rng: evidence(rng, swap=dial, noise=0.4, users=60, items=2),
)
