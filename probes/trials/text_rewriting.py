"""Items whose rewritten titles gain a planted number of points over titles changed at random."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..robustness.text_rewriting import TextRewriting
from ..testing import Trial


def evidence(rng: np.random.Generator, *, gain: float, users: int = 60, items: int = 24) -> Evidence:
    """Half of the users score, each item before 12 of them; gains differ by item, by user and by chance."""
    scored = users // 2
    user = np.concatenate([rng.choice(scored, 12, replace=False) for _ in range(items)])
    item = np.repeat(np.arange(items), 12)
    before = rng.uniform(0.3, 0.6, len(user))
    moved = rng.normal(0, 0.06, items)[item] + rng.normal(0, 0.03, scored)[user]
    after = before + gain + moved + rng.normal(0, 0.04, len(user))
    versions = {"scored/original": before, "scored/rewritten": after}
    versions |= {f"scored/control {c}": before + rng.normal(0, 0.04, len(user)) for c in (1, 2, 3)}
    p = np.clip(np.concatenate(list(versions.values())), 1e-6, 1 - 1e-6)
    return Evidence(
        columns={
            "cluster": np.tile(user, len(versions)),
            "item": np.tile(item, len(versions)),
            "version": np.repeat(list(versions), len(user)),
            "log_odds": np.log(p / (1 - p)),
        },
        facts={"controls": 3, "words_changed": 2.0, "least": 0.6},
    )


TRIAL = Trial(
    probe=TextRewriting(),
    gate="rewriting_gain",
    dial="what rewriting gains over random changes, probability points",
    bound=0.05,
    planted=0.12,
    evidence=lambda dial, rng: evidence(rng, gain=dial),
)
