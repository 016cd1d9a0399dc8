"""Signals of a model and its copies from normal curves: those trained on lie a known distance up."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..privacy.shadow_membership import LOG_ERROR, ShadowMembership
from ..testing import Trial

A_SIDE, CONTROL, STRANGERS, COPIES = 250, 60, 100, 8
EASE = 0.85**0.5
"""How far people differ in how easy they are to know, in standard deviations of one training to another."""
AT_BOUND = 0.186
"""Where the best attack's AUC is 0.55, by simulation of 200,000 people; the others' are lower."""


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """Draw phi = ease of the person + dial if trained on + noise, ease ~ N(0, .85) and noise ~ N(0, 1).

    The overfitted copy knows its people four standard deviations better.
    """
    audit = _part("audit", 2 * A_SIDE, dial, rng)
    strangers = _part("population", STRANGERS, dial, rng, trained=False)
    control = _part("control", 2 * CONTROL, dial, rng)
    control["signal"] = control["signal"] + (4.0 - dial) * control["member"]
    tables = (audit, strangers, control)
    columns = {name: np.concatenate([table[name] for table in tables]) for name in audit}
    return Evidence(columns=columns, facts={"signal": LOG_ERROR})


def _part(
    part: str, n: int, dial: float, rng: np.random.Generator, *, trained: bool = True
) -> dict[str, np.ndarray]:
    member = (np.arange(n) < n // 2) & trained
    half = np.repeat([[True], [False]], COPIES // 2, axis=0).repeat(n, axis=1)
    coins = rng.permuted(half, axis=0) & trained
    ease = rng.normal(0, EASE, n)
    heard = ease + dial * np.vstack([member, coins]) + rng.normal(0, 1, (COPIES + 1, n))
    table = {
        "cluster": np.arange(n),
        "member": member,
        "examples": np.ones(n, dtype=np.int64),
        "set": np.full(n, part),
        "score_blind": rng.normal(0, 1, n),
        "signal": heard[0],
    }
    table |= {f"shadow_{place}": own for place, own in enumerate(heard[1:])}
    return table | {f"trained_{place}": own for place, own in enumerate(coins)}


TRIAL = Trial(
    probe=ShadowMembership(n_shadows=COPIES),
    gate="attack_auc",
    dial="standard deviations by which a training makes people known better",
    bound=AT_BOUND,
    planted=0.7,
    evidence=evidence,
)
