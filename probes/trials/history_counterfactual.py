"""Answers that move by a planted amount when a history is made to look like that of another group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..base import Criterion, Evidence
from ..fairness.history_counterfactual import AS_IT_IS, HistoryCounterfactual
from ..testing import Trial

USERS, ITEMS, BOUND = 40, 3, 0.1
LABEL = "gender: woman vs man"


@dataclass(frozen=True, kw_only=True)
class JudgedHistory(HistoryCounterfactual):
    """The probe, which judges nothing by itself, with a bound that a policy might set."""

    def criteria(self) -> tuple[Criterion, ...]:
        """A history that looks like another group's moves no answer by more than the bound."""
        return (Criterion(measurement="history_shift", bound=BOUND, direction="within"),)


def evidence(shift: float, rng: np.random.Generator) -> Evidence:
    """Half of the people are turned towards the group, half away; any swap moves an answer a little."""
    level = rng.normal(0, 1, (USERS, ITEMS))
    towards = np.where(np.arange(USERS) % 2, 1.0, -1.0)
    placebo = level + rng.normal(0, 0.1, level.shape)
    swap = placebo + (towards * (shift + rng.normal(0, 0.2, USERS)))[:, None]
    cells = {AS_IT_IS: level, f"swap {LABEL}": swap, f"placebo {LABEL}": placebo}
    conditions = np.repeat(list(cells), USERS * ITEMS)
    return Evidence(
        columns={
            "cluster": np.tile(np.repeat(np.arange(USERS), ITEMS), len(cells)),
            "candidate": np.tile(np.arange(ITEMS), USERS * len(cells)),
            "condition": conditions,
            "own": conditions == AS_IT_IS,
            "towards": np.where(conditions == AS_IT_IS, 0.0, np.tile(np.repeat(towards, ITEMS), len(cells))),
            "score": np.concatenate([values.ravel() for values in cells.values()]),
        },
        facts={"contrasts": [LABEL], "k": 3},
    )


TRIAL = Trial(
    probe=JudgedHistory(n_users=USERS, n_candidates=ITEMS),
    gate="history_shift",
    dial="log-odds that a history more like a woman's adds",
    bound=BOUND,
    planted=0.3,
    evidence=evidence,
)
