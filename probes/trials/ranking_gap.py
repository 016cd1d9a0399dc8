"""Two groups of users, one of which finds less of what it likes by a planted share of the mean."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..fairness.ranking_gap import RankingGap
from ..testing import Trial

USERS = 300


def evidence(gap: float, rng: np.random.Generator) -> Evidence:
    """Half of the lists hold no hit; the second group's NDCG lies ``gap`` of the mean below the first's."""
    group = np.repeat(np.arange(2), USERS)
    lost = gap / (1 + gap / 2)
    found = np.where(rng.random(len(group)) < 0.5, rng.beta(1.5, 2, len(group)), 0.0)
    found *= 1 - lost * group
    return Evidence(
        columns={
            "cluster": np.arange(len(group)),
            "ndcg@10": found,
            "recall@10": found / 2,
            "targets": rng.integers(1, 5, len(group)),
            "group gender": np.array(["man", "woman"])[group],
        }
    )


TRIAL = Trial(
    probe=RankingGap(n_users=2 * USERS),
    gate="relative_ndcg_gap",
    dial="NDCG that one group lacks, as a share of the mean",
    bound=0.2,
    planted=0.6,
    evidence=evidence,
)
