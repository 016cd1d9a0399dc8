"""What all questions about membership share: who is asked about, what must hold, and how that is judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...models.base import Recommender
from ...models.data import IntArray
from ..base import Auditee, Criterion, Measurement
from ._attack_rates import Sides
from ._canaries import can_be_asked, handed_in
from ._denoising_attacks import draw_histories
from ._handed_in import HandedIn
from ._loss_attacks import draw_rows

CHECK_ALPHA = 0.05
"""Validity checks and the control are no part of the family that shares the error budget."""


@dataclass(frozen=True, kw_only=True)
class AskedPeople:
    """How many people are asked about, and what is handed in of each; see ``MembershipInference``."""

    n_users: int
    per_user: int
    window: int
    noise_levels: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.noise_levels or not all(0 <= level <= 1 for level in self.noise_levels):
            raise ValueError(
                f"noise_levels are places between 0 (least noise) and 1 (most), got {self.noise_levels}"
            )

    @property
    def each(self) -> int:
        """Answers asked for of a person, at most."""
        return max(self.per_user, len(self.noise_levels))

    def both_sides(self, auditee: Auditee, rng: np.random.Generator) -> HandedIn:
        """Examples for a model that gives likelihoods, else whole histories, of members and others."""
        log, who = auditee.log, auditee.population
        if "gives_likelihoods" in auditee.capabilities:
            return draw_rows(
                log,
                who.members,
                who.held_out,
                n_users=self.n_users,
                per_user=self.per_user,
                window=self.window,
                rng=rng,
            )
        return draw_histories(
            log,
            who.members,
            who.held_out,
            model=auditee.model,
            n_users=self.n_users,
            noise_levels=self.noise_levels,
            rng=rng,
        )

    def strangers(self, auditee: Auditee, rng: np.random.Generator) -> HandedIn | None:
        """The same of people who were set aside as the public at large; ``None`` if there are none."""
        log = auditee.log
        able = can_be_asked(auditee.model, log, auditee.population.reference, window=self.window)
        if not len(able):
            return None
        users = np.sort(rng.choice(able, min(self.n_users, len(able)), replace=False))
        return handed_in(
            auditee.model,
            log,
            users,
            np.zeros(len(users), dtype=np.bool_),
            per_user=self.per_user,
            window=self.window,
            noise_levels=self.noise_levels,
            seed=int(rng.integers(2**63)),
        )


def overfitted(
    auditee: Auditee, rows: HandedIn, *, n_control: int, effort: float, rng: np.random.Generator
) -> tuple[Recommender, IntArray]:
    """A copy trained far too long on a few of the members, and these with as many others.

    Raises
    ------
    NotApplicable
        If the model cannot be trained again.
    """
    sides = [np.unique(rows.user[side]) for side in (rows.member, ~rows.member)]
    n = min(n_control, *(len(side) for side in sides))
    trained, others = (np.sort(rng.choice(side, n, replace=False)) for side in sides)
    copy = auditee.fit(trained, label="control:overfit", effort=effort)
    return copy, np.concatenate([trained, others])


def membership_criteria(bound: float) -> tuple[Criterion, ...]:
    """No attack may beat chance by much; neither may anything that does not see the tuned model."""
    return (
        Criterion(
            measurement="attack_auc",
            bound=bound,
            direction="at_most",
            because="shown one trained-on and one left-out person, the attacker then picks right"
            f" {bound:.0%} of the time, where a coin does 50%",
        ),
        Criterion(
            measurement="blind_auc",
            bound=bound,
            direction="at_most",
            role="validity",
            because="if people can be told apart without the model, they differ in more than training,"
            " and an attack's success would prove nothing",
        ),
        Criterion(
            measurement="base_auc",
            bound=bound,
            direction="at_most",
            role="validity",
            because="a model that was not tuned yet cannot know who will be trained on, unless it saw the"
            " data before",
        ),
        Criterion(
            measurement="control_auc",
            bound=0.5,
            direction="at_least",
            role="control",
            because="a copy trained far too long on a few people must be caught: an attack that cannot"
            " find that finds nothing",
        ),
    )


def attack_rows(
    people: Sides, attacks: tuple[str, ...], *, alpha: float, rng: np.random.Generator
) -> list[Measurement]:
    """AUCs that hold jointly, how many are caught at low false positive rates, the lift over blindness."""
    scores = {attack: f"score_{attack}" for attack in attacks}
    found = people.joint_aucs("attack_auc", scores, alpha=alpha, rng=rng)
    for attack, score in scores.items():
        found += [
            people.caught(0.01, score, alpha=alpha, group=attack),
            people.caught(0.001, score, alpha=alpha, group=attack),
            people.lift("lift_over_blind", score, "score_blind", alpha=alpha, group=attack),
        ]
    return found


def check_rows(people: Sides, control: Sides, *, control_score: str) -> list[Measurement]:
    """What must hold for an attack's outcome to count."""
    found = [people.cross_fitted_auc("blind_auc", "score_blind", alpha=CHECK_ALPHA)]
    if people.has("score_base"):
        found.append(people.auc("base_auc", "score_base", alpha=CHECK_ALPHA))
    if len(control):
        found.append(control.auc("control_auc", control_score, alpha=CHECK_ALPHA, better="higher"))
    return found
