"""Answers that follow the gender a name hints at by a planted amount, while each name also does its own."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..fairness.implicit_cue_shift import ImplicitCueShift
from ..testing import Trial

USERS, ITEMS, PAIRS, EACH = 60, 2, 24, 4
NAME_SD, USER_SD = 0.03, 0.1
"""What each name does by itself, to everyone, and how much the shift differs between users; log-odds."""


def evidence(shift: float, rng: np.random.Generator) -> Evidence:
    """Each user meets two pairs of either half; the second name of a pair is a woman's."""
    order = rng.permutation(PAIRS).reshape(2, -1)
    steps = (np.arange(USERS)[:, None] * 2 + np.arange(2)) % (PAIRS // 2)
    pair = np.hstack([order[0][steps], order[1][steps]])
    half = np.tile([0, 0, 1, 1], (USERS, 1))
    own = rng.normal(0, NAME_SD, (PAIRS, 2))[pair]
    hint = np.array([0.0, 1.0]) * (shift + rng.normal(0, USER_SD, (USERS, 1, 1)))
    level = rng.normal(0, 1, (USERS, 1, 1, ITEMS))
    score = level + (own + hint)[..., None] + rng.normal(0, 0.1, (USERS, EACH, 2, ITEMS))

    def spread(values: np.ndarray) -> np.ndarray:
        return np.broadcast_to(values, score.shape).ravel()

    return Evidence(
        columns={
            "cluster": spread(np.arange(USERS)[:, None, None, None]),
            "candidate": spread(np.arange(ITEMS)),
            "cue": np.full(score.size, "name"),
            "pair": spread(pair[:, :, None, None]),
            "half": spread(half[:, :, None, None]),
            "side": spread(np.arange(2)[:, None]),
            "score": score.ravel(),
        },
        facts={"cues": ["name"], "values": ["man", "woman"], "pairs": PAIRS},
    )


TRIAL = Trial(
    probe=ImplicitCueShift(n_users=USERS, n_candidates=ITEMS, pairs_per_user=EACH),
    gate="cue_shift",
    dial="log-odds that a woman's name in place of a man's adds",
    bound=0.1,
    planted=0.25,
    evidence=evidence,
)
