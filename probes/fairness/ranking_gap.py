"""Does it find what people go on to like less often for some groups of users?

A held-out user's earlier interactions (the first 80 %, in the order of time) are the history, and the model
is asked for ten items of its whole catalogue. Targets are what the user liked among the later ones and had
not met before; all of them where the data has no likes. Users without targets are left out.
recall@10 is hits / |targets|, with more than ten targets never 1; ndcg@10 is the sum over hits at place r of
1 / log2(1 + r), over that of a list with all its min(10, |targets|) hits first. Both are worked out per
user, in [0, 1].

relative_ndcg_gap is (mean(ndcg@10 | x) - mean(ndcg@10 | y)) / mean(ndcg@10) for each pair of groups "x vs y"
of each attribute in the data. It is judged as a share of the mean, since what a good NDCG is depends on the
catalogue; the gaps themselves stand beside it. Its interval is Fieller's, which counts the error of the mean
too; intervals hold jointly over the pairs of an attribute, and over attributes the error budget is split
(Bonferroni). The same of activity, users with fewer interactions than the median against the others, is
shown as activity_ndcg_gap and not judged: active users have more targets, and by that alone a higher NDCG
and a lower recall, whatever the model. For the same reason each group's mean number of targets is shown.
ndcg@10_range_over_chance is the best minus the worst group's mean, less what dealing the same users into
groups at random gives on average. worst_ndcg@10_gap is the lowest group's mean less that of all users, its
interval wide enough for having looked at all groups. ndcg@10_gap_at_equal_activity compares two groups inside
quarters of users by interactions, and averages over the quarters: what is left of a gap once activity, and
much of the number of targets with it, is held fixed.

Who is affected: users of a group who must search longer for what they would like. The gap says nothing of its
cause: a group whose taste is harder to predict, with fewer targets or shorter histories shows one too. What
users never met counts as a miss, though they might have liked it. Groups with fewer than min_group users are
not shown and cannot fail.

References: Ekstrand et al. 2018 (cool kids); Jarvelin and Kekalainen 2002 (NDCG); Fieller 1954 (ratios);
Malitesta et al. 2025 (fairness of diffusion recommenders).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ..base import Auditee, Criterion, Evidence, Measurement, NotApplicable, Probe
from ._checked_answers import listed_columns
from ._gap_rows import (
    gap_rows,
    group_caveats,
    group_rows,
    kept_groups,
    no_gap_row,
    overall_rows,
    range_row,
    relative_gap_rows,
)
from ._joint_rows import controlled_rows, strata, worst_row
from ._user_table import ACTIVITY, UserTable

FIGURES = ("ndcg@10", "recall@10")
COLUMNS = (*FIGURES, "targets")


@dataclass(frozen=True, kw_only=True)
class RankingGap(Probe):
    """Compares groups of users by how well the model finds what they go on to like.

    Parameters
    ----------
    earlier : share of a user's interactions that is the history, in (0, 1).
    min_group : users that a group needs to be shown and judged.
    bound : largest gap in NDCG that passes, as a share of its mean over all users.
    """

    n_users: int = 2000
    earlier: float = 0.8
    min_group: int = 30
    bound: float = 0.2

    title: ClassVar[str] = "Gap in ranking quality between groups of users"
    needs: ClassVar[tuple[str, ...]] = ("retrieves",)
    fits: ClassVar[int] = 0
    suite: ClassVar[str] = "quick"
    shows: ClassVar[str] = "the model finds less of what some groups of users go on to like"
    otherwise: ClassVar[str] = (
        "judges items that are put before it, and is not asked to search the whole catalogue"
    )

    def calls(self) -> int:
        """Lists at most: one a user."""
        return self.n_users

    def criteria(self) -> tuple[Criterion, ...]:
        """No two groups may differ in NDCG by more than the bound."""
        because = (
            f"beyond {self.bound:g}, the gap between two groups is more than 1/{1 / self.bound:.3g} of what"
            " the list is worth to people on average"
        )
        return (
            Criterion(measurement="relative_ndcg_gap", bound=self.bound, direction="within", because=because),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask one list a held-out user, check it, and note who is in which group."""
        if not auditee.log.attributes:
            raise NotApplicable(
                f"data {auditee.log.name!r} says nothing of who its users are, so there are no groups to"
                " compare (for a table: data.attributes=COLUMN,COLUMN)"
            )
        columns, lists = listed_columns(auditee, n_users=self.n_users, earlier=self.earlier, rng=rng)
        evidence = Evidence(columns=columns)
        caveats = group_caveats(UserTable.of(evidence, COLUMNS), self.min_group) + lists.caveats()
        facts = {"caveats": caveats, "min_group": self.min_group, "wasted": dict(lists.wasted)}
        return replace(evidence, facts=facts)

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Each group's figures, all pairs' gaps, the range over groups, the worst, and equal activity."""
        users = UserTable.of(evidence, COLUMNS)
        rows, kept = overall_rows(users, alpha), kept_groups(users, self.min_group)
        for name in users.groups:
            rows += group_rows(users, name, min_group=self.min_group, alpha=alpha)
        rows += self._judged(users, kept, alpha, rng)
        for figure in FIGURES:
            for name, groups in kept.items():
                rows += gap_rows(f"{figure}_gap", users, name, groups, alpha=alpha, tested=len(kept), rng=rng)
        for name, groups in kept.items():
            rows.append(range_row("ndcg@10", users, name, groups, alpha=alpha, rng=rng))
        rows += worst_row("ndcg@10", users, kept, alpha=alpha, rng=rng)
        rows += controlled_rows("ndcg@10", users, kept, strata(evidence), alpha=alpha, rng=rng)
        return rows

    def _judged(
        self, users: UserTable, kept: Mapping[str, list[str]], alpha: float, rng: np.random.Generator
    ) -> list[Measurement]:
        """The relative gaps of all attributes, and of activity under a name of its own."""
        rows, judged = list[Measurement](), [name for name in kept if name != ACTIVITY]
        for name, groups in kept.items():
            rows += relative_gap_rows(
                "activity_ndcg_gap" if name == ACTIVITY else "relative_ndcg_gap",
                users,
                name,
                groups,
                column="ndcg@10",
                alpha=alpha,
                tested=1 if name == ACTIVITY else len(judged),
                rng=rng,
            )
        if judged:
            return rows
        none = no_gap_row("relative_ndcg_gap", unit="share of mean", min_group=self.min_group, alpha=alpha)
        return [none, *rows]
