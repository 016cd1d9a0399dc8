"""A gerrymandered world: women and men fare alike, so do young and old, and two cells of the four do not."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..fairness.intersectional_gap import IntersectionalGap
from ..testing import Trial

USERS, ANSWERS = 120, 6
"""Users of each cell, and answers checked per user."""


def evidence(gap: float, rng: np.random.Generator) -> Evidence:
    """Accuracy 75 % on every margin; young women and old men lie ``gap`` of it below, the others above."""
    cell = np.repeat(np.arange(4), USERS)
    woman, young = cell % 2, cell // 2
    skill = 0.75 * (1 + np.where(woman == young, -gap, gap)) + rng.uniform(-0.05, 0.05, len(cell))
    user = np.repeat(np.arange(len(cell)), ANSWERS)
    correct, liked = rng.random(len(user)) < skill[user], rng.random(len(user)) < 0.5
    return Evidence(
        columns={
            "cluster": user,
            "liked": liked,
            "correct": correct.astype(np.float64),
            "said_yes": (correct == liked).astype(np.float64),
            "loss": 1.0 - correct,
            "group gender": np.array(["man", "woman"])[woman][user],
            "group age": np.array(["old", "young"])[young][user],
        }
    )


TRIAL = Trial(
    probe=IntersectionalGap(n_users=4 * USERS, per_user=ANSWERS, resamples=499),
    gate="cell_gap",
    dial="accuracy that two of four cells lose, as a share of the mean",
    bound=0.1,
    planted=0.2,
    evidence=evidence,
)
