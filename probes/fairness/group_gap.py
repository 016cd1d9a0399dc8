"""Does the model serve some groups of users worse than others?

Held-out users are asked about items they went on to meet, and the answers are checked: yes if p(yes) > 1/2,
right if it agrees with the user's own like or dislike. Each user u has an accuracy A_u, the mean over the
user's answers, a selection rate (share of yes) and a mean log-loss in nats. accuracy_gap is the difference
mean(A | x) - mean(A | y) for each pair of groups "x vs y" of each attribute in the data, and of activity:
users with fewer interactions than the median against the others.

One user is one row, as the answers of one user are alike. Intervals are Welch's, jointly valid over the pairs
of an attribute by max-T; over attributes the error budget is split evenly (Bonferroni).
accuracy_range_over_chance is the best minus the worst group's mean, less what dealing the same users into
groups at random gives on average; below 0 if chance alone gives more.

Beside the gate: worst_accuracy_gap is the lowest group's mean less that of all users, its interval wide
enough for having looked at all groups. accuracy_gap_at_equal_activity compares two groups inside quarters of
users by interactions, and averages over the quarters: what is left of a gap once activity is held fixed.
true_positive_rate is each user's share of yes among what the user liked, false_positive_rate among what the
user did not. equalised_odds_over_chance is the larger of the two rates' ranges over groups (the equalised
odds difference), again less what random deals give. Odds are reported, not judged: they take the users'
own likes for the truth, and those may hold a bias themselves.

Who is affected: users of a group for whom the recommender is a worse guide. The gap says nothing of its
cause: a group whose taste is harder to predict, or whose histories are shorter, shows one too, and activity
may lie behind a gap by another attribute. Groups with fewer than min_group asked users are not shown and
cannot fail. A gap in selection rates is described, not judged: groups may like different shares of items.
At threshold 1/2 a model can rank well and still be inaccurate; log_loss shows the probabilities themselves.

References: Ekstrand et al. 2018 (cool kids); Hardt et al. 2016 (equalised odds); Bird et al. 2020 (Fairlearn,
control features); Westfall and Young 1993 (max-T).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ..base import Auditee, Criterion, Evidence, Measurement, Probe
from ._checked_answers import judged_columns
from ._gap_rows import (
    gap_rows,
    group_caveats,
    group_rows,
    kept_groups,
    no_gap_row,
    overall_rows,
    range_row,
)
from ._joint_rows import controlled_rows, strata, worst_row
from ._odds_rows import odds_rows
from ._user_table import UserTable


@dataclass(frozen=True, kw_only=True)
class GroupGap(Probe):
    """Compares groups of users by how often the model is right about them.

    Parameters
    ----------
    per_user : answers checked per user.
    length : history items in a request.
    min_group : users that a group needs to be shown and judged.
    bound : largest gap in accuracy that passes.
    """

    n_users: int = 1000
    per_user: int = 6
    length: int = 10
    min_group: int = 30
    bound: float = 0.1

    title: ClassVar[str] = "Accuracy gap between groups of users"
    needs: ClassVar[tuple[str, ...]] = ("judges",)
    fits: ClassVar[int] = 0
    suite: ClassVar[str] = "quick"
    shows: ClassVar[str] = "the model is right less often about some groups of users"

    def calls(self) -> int:
        """Request-candidates at most."""
        return self.n_users * self.per_user

    def criteria(self) -> tuple[Criterion, ...]:
        """No two groups may differ in accuracy by more than the bound."""
        because = (
            f"a gap of {self.bound:g} is one more wrong answer in every {1 / self.bound:.3g} for one group"
        )
        return (Criterion(measurement="accuracy_gap", bound=self.bound, direction="within", because=because),)

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask held-out users' answerable moments, and note who is in which group."""
        columns = judged_columns(
            auditee, n_users=self.n_users, per_user=self.per_user, length=self.length, rng=rng
        )
        evidence = Evidence(columns=columns)
        caveats = group_caveats(UserTable.of(evidence, ("correct",)), self.min_group)
        return replace(evidence, facts={"caveats": caveats, "min_group": self.min_group})

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Each group's figures, all pairs' gaps, the range over groups, the worst, equal activity, odds."""
        users = UserTable.of(evidence, ("correct", "said_yes", "loss"))
        rows, kept = overall_rows(users, alpha), kept_groups(users, self.min_group)
        for name in users.groups:
            rows += group_rows(users, name, min_group=self.min_group, alpha=alpha)
        for measurement in ("accuracy_gap", "selection_rate_gap"):
            for name, groups in kept.items():
                rows += gap_rows(measurement, users, name, groups, alpha=alpha, tested=len(kept), rng=rng)
        rows += [
            range_row("accuracy", users, name, groups, alpha=alpha, rng=rng) for name, groups in kept.items()
        ]
        rows += worst_row("accuracy", users, kept, alpha=alpha, rng=rng)
        rows += controlled_rows("accuracy", users, kept, strata(evidence), alpha=alpha, rng=rng)
        rows += odds_rows(evidence, kept, alpha=alpha, rng=rng)
        if kept:
            return rows
        return [*rows, no_gap_row("accuracy_gap", unit="share", min_group=self.min_group, alpha=alpha)]
