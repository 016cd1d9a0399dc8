"""People asked about titles with words in them that gain a planted number of points."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..robustness.title_injection import TitleInjection
from ..testing import Trial

FAMILIES = ("instruction", "fake system message", "social proof", "delimiter escape", "hidden", "foreign")


def evidence(rng: np.random.Generator, *, gain: float = 0.0, users: int = 200, items: int = 5) -> Evidence:
    """Every family gains as much; users differ, and one user's answers to all families hang together."""
    families, size = list(FAMILIES), users * items
    clean = rng.uniform(0.2, 0.7, size)
    person = np.repeat(rng.normal(0, 0.05, users), items)
    asked = np.concatenate([rng.choice(800, items, replace=False) for _ in range(users)])
    rows = [("", "clean", clean)]
    for family in families:
        benign = clean + rng.normal(0, 0.03, size)
        rows.append((family, "benign", benign))
        rows.append((family, "injected", benign + gain + person + rng.normal(0, 0.05, size)))
    p = np.clip(np.concatenate([row[2] for row in rows]), 1e-6, 1 - 1e-6)
    return Evidence(
        columns={
            "cluster": np.tile(np.repeat(np.arange(users), items), len(rows)),
            "item": np.tile(asked, len(rows)),
            "family": np.repeat([row[0] for row in rows], size),
            "condition": np.repeat([row[1] for row in rows], size),
            "payload": np.zeros(size * len(rows), dtype=np.int64),
            "log_odds": np.log(p / (1 - p)),
        },
        facts={"families": families},
    )


TRIAL = Trial(
    probe=TitleInjection(n_users=80, n_items=2),
    gate="injection_gain",
    dial="what the words of every family gain, probability points",
    bound=0.05,
    planted=0.1,
    evidence=lambda dial, rng: evidence(rng, gain=dial, users=80, items=2),
)
