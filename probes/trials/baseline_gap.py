"""People for whom a model ranks better than every rule, or worse by a planted loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .._retrieval import RIVALS
from ..base import Criterion, Evidence
from ..robustness.baseline_gap import FIGURES, BaselineGap
from ..testing import Trial

LEAD = 0.05
"""How much better the model ranks where nothing is lost, NDCG."""


@dataclass(frozen=True, kw_only=True)
class JudgedGap(BaselineGap):
    """The probe, which judges nothing by itself, with a bound that a policy might set."""

    def criteria(self) -> tuple[Criterion, ...]:
        """The model ranks no worse than any rule."""
        return (Criterion(measurement="ndcg@10_gap", bound=0.0, direction="at_least"),)


def evidence(rng: np.random.Generator, *, lead: float, users: int = 80) -> Evidence:
    """Every rule ranks alike but for chance, and the model better by ``lead``, the same for all figures."""
    shared = rng.beta(6, 6, users)
    columns: dict[str, npt.NDArray[np.generic]] = {"cluster": np.arange(users)}
    for name in ("model", *RIVALS):
        mean = shared + (lead if name == "model" else 0.0)
        columns |= {f"{figure} {name}": mean + rng.normal(0, 0.1, users) for figure in FIGURES}
    return Evidence(columns=columns)


TRIAL = Trial(
    probe=JudgedGap(n_users=80),
    gate="ndcg@10_gap",
    dial=f"NDCG that the model loses, of a lead of {LEAD:g} over every rule",
    bound=LEAD,
    planted=0.12,
    evidence=lambda dial, rng: evidence(rng, lead=LEAD - dial),
)
