"""Answers that move by a planted amount when a request says woman in place of man, and by little else."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..fairness.counterfactual_shift import CounterfactualShift
from ..testing import Trial

USERS, ITEMS = 40, 3
USER_SD, OTHER_SD = 0.2, 0.1
"""How much the shift differs between users, and what a statement that means nothing does; log-odds."""


def evidence(shift: float, rng: np.random.Generator) -> Evidence:
    """Two genders, a placebo and a planted copy whose shift is 1; handedness moves single users, not all."""
    level = rng.normal(0, 1, (USERS, ITEMS))

    def moved(mean: float, sd: float) -> np.ndarray:
        return level + mean + rng.normal(0, sd, (USERS, 1))

    cells = {"own": level}
    for copy, planted in (("", shift), ("copy ", 1.0)):
        cells |= {f"{copy}gender=man": level, f"{copy}gender=woman": moved(planted, USER_SD)}
        cells |= {f"{copy}handedness=left": level, f"{copy}handedness=right": moved(0.0, OTHER_SD)}
    conditions = np.repeat(list(cells), USERS * ITEMS)
    return Evidence(
        columns={
            "cluster": np.tile(np.repeat(np.arange(USERS), ITEMS), len(cells)),
            "candidate": np.tile(np.arange(ITEMS), USERS * len(cells)),
            "condition": conditions,
            "own": conditions == "own",
            "score": np.concatenate([values.ravel() for values in cells.values()]),
        },
        facts={
            "attributes": {"gender": ["man", "woman"]},
            "placebos": {"handedness": ["left", "right"]},
            "wordings": 1,
            "control": {"attribute": "gender", "raised": "woman"},
        },
    )


TRIAL = Trial(
    probe=CounterfactualShift(n_users=USERS, n_candidates=ITEMS, n_control=USERS),
    gate="shift",
    dial="log-odds that saying woman in place of man adds",
    bound=0.1,
    planted=0.3,
    evidence=evidence,
)
