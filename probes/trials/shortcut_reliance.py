"""A model that tells likes from dislikes better than a counting rule, or worse by a planted loss of AUC."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ...models.data import FloatArray
from ..base import Criterion, Evidence
from ..robustness.shortcut_reliance import RULES, ShortcutReliance
from ..testing import Trial

RULE, LEAD, RULE_AUC = "count_ratio", 0.1, 0.65
"""The rule that is compared, how far the model is ahead where nothing is lost, and the rule's AUC."""


@dataclass(frozen=True, kw_only=True)
class JudgedReliance(ShortcutReliance):
    """The probe, which judges nothing by itself, with a bound that a policy might set."""

    def criteria(self) -> tuple[Criterion, ...]:
        """The model tells likes apart no worse than the count ratio does."""
        return (Criterion(measurement="shortcut_gap", bound=0.0, direction="at_least", group=RULE),)


def evidence(rng: np.random.Generator, *, lead: float, users: int = 60, rows: int = 4) -> Evidence:
    """Normal scores of known AUC, Phi(d / sqrt 2) with the means d apart (Green and Swets 1966)."""
    user = np.repeat(np.arange(users), rows)
    liked = rng.random(len(user)) < np.repeat(rng.beta(4, 4, users), rows)

    def scores(auc: float) -> FloatArray:
        return _apart(auc) * liked + rng.normal(0, 1, len(user))

    columns = {"cluster": user, "liked": liked, "balanced": np.zeros(len(user), dtype=np.bool_)}
    columns |= {name: scores(RULE_AUC if name == RULE else 0.5) for name in RULES}
    columns |= {"model": scores(RULE_AUC + lead), "shuffled": np.full(len(user), np.nan)}
    return Evidence(columns=columns)


def _apart(auc: float) -> float:
    return 2**0.5 * NormalDist().inv_cdf(auc)


TRIAL = Trial(
    probe=JudgedReliance(n_users=60, per_user=4),
    gate="shortcut_gap",
    dial=f"AUC that the model loses, of a lead of {LEAD:g} over the count ratio",
    bound=LEAD,
    planted=0.3,
    evidence=lambda dial, rng: evidence(rng, lead=LEAD - dial),
)
