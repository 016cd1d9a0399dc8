"""Two groups of users, one of which is answered wrongly more often by a planted share."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..fairness.group_gap import GroupGap
from ..testing import Trial

USERS, ANSWERS = 120, 6
"""Users of each group, and answers checked per user."""


def evidence(gap: float, rng: np.random.Generator) -> Evidence:
    """The model is right of 80 % in one group, less in the other, and users differ by up to 15 % each way."""
    group = np.repeat(np.arange(2), USERS)
    skill = 0.8 - gap * group + rng.uniform(-0.15, 0.15, len(group))
    user = np.repeat(np.arange(len(group)), ANSWERS)
    correct, liked = rng.random(len(user)) < skill[user], rng.random(len(user)) < 0.5
    return Evidence(
        columns={
            "cluster": user,
            "liked": liked,
            "correct": correct.astype(np.float64),
            "said_yes": (correct == liked).astype(np.float64),
            "loss": 1.0 - correct,
            "group gender": np.array(["man", "woman"])[group][user],
        }
    )


TRIAL = Trial(
    probe=GroupGap(n_users=2 * USERS, per_user=ANSWERS),
    gate="accuracy_gap",
    dial="share of answers that one group loses",
    bound=0.1,
    planted=0.2,
    evidence=evidence,
)
