"""Can someone tell whose data the model was tuned on?

People were put into the training set, or left out of it, by the toss of a coin. An attacker holds what some
people did and looks at how well the model knows it; a model that has memorised knows it better for people
it was trained on. Two attacks are tried. The plain one takes the figure k as it is (Yeom et al. 2018). The
calibrated one takes k less the same under a reference model that never saw the person, which takes out how
easy the person is to know (Watson et al. 2022): the model before tuning or, where there is none, a copy
trained on other people. What k is depends on the model.

Models that give likelihoods: the attacker holds a few examples of each person, windows of the history with
the answer to them. k = log p(answer); the plain attack uses log p - log(1 - p). A person's score is the
mean over the examples.

Models that restore noised histories (diffusion): the attacker holds each person's whole history.
k = - mean over noise levels t of log e_t, with e_t the mean squared error on the person's own entries and
the same noise for everyone. Errors on own entries tell far more than errors over the whole catalogue. In
models such as DiffRec the noise is so small that levels hardly differ; where it reaches pure noise they do.
In the published protocol of these models every test user is also a training user, so there is no one to
compare with: here membership is made, by holding whole people out of training.

The unit is the person, everywhere: whole people are in or out, and every interval counts people. The main
figure is the AUC: the probability that a trained-on person scores above a left-out one, 0.5 being
chance. Both attacks are the attacker's to choose from, so their intervals hold jointly. The share of
trained-on people who are caught while at most 1 % or 0.1 % of the others are accused wrongly is shown as
well, because an attack may be sure of a few people and still have a poor AUC.

The result counts only if a classifier that never sees the model cannot tell the two groups apart (if
it can, they differ in something else than training), if the untuned model cannot either (it may have seen
the data before), and if a copy trained far too long on a few people is caught by the plain attack (else
the attack could not have found anything).

Threat model: the attacker holds a person's real interactions and may ask the model for probabilities, or
for histories restored from noise; no access to its weights or to other trained copies of it. Affected: the
people whose data trained the model, most of all where taste is sensitive or being in the data set is itself
a secret.

Limits: attacks that train many copies of their own can find more, so a pass bounds these two attacks
only. Examples are windows of a trained-on person's data, not always the very rows that were trained on.
Left out is what stands on both sides: examples with the same target and all but one history item in common,
whole histories with the same items but for one of each. The classifier that never sees the model is a
linear one, and about 800 people on each side are needed to show with 80 % power that it finds nothing; with
fewer the result is often inconclusive.

References: Yeom et al. 2018 (CSF), privacy risk in machine learning; Watson et al. 2022 (ICLR), difficulty
calibration; Carlini et al. 2022 (S&P), membership inference from first principles; Hu and Pang 2023,
membership inference of diffusion models; Wang et al. 2023 (SIGIR), DiffRec; Das, Zhang and Tramer 2024,
blind baselines; DeLong et al. 1988, intervals of an AUC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from ...models.capabilities import HasBase
from ...models.data import FloatArray
from ..base import Auditee, Criterion, Curve, Evidence, Measurement, NotApplicable, Probe
from ._attack_rates import Sides
from ._blind import blind_scores
from ._denoising_attacks import draw_histories
from ._handed_in import HandedIn, per_row, per_user
from ._loss_attacks import AttackRows, draw_rows

SCORES = ("score_loss", "score_calibrated", "score_base", "score_blind")
ATTACKS = ("loss", "calibrated")
CHECK_ALPHA = 0.05
"""Validity checks and the control are no part of the family that shares the error budget."""


@dataclass(frozen=True, kw_only=True)
class MembershipInference(Probe):
    """Scores trained-on and left-out people by how well the model knows them and sees who is who.

    Parameters
    ----------
    n_users : people asked about per side, at most.
    per_user : latest examples per person; the ones a model is most likely tuned on.
    window : history items of an example.
    noise_levels : where in the range of a model that restores histories it is asked: 0 its least
        noise, 1 its most.
    n_control : people that the overfitted copy is trained on.
    control_effort : how many times longer than by its recipe that copy is trained.
    bound : largest attack AUC that passes; also how far the validity checks may stray from chance.
    """

    n_users: int = 2000
    per_user: int = 2
    window: int = 10
    noise_levels: tuple[float, ...] = (0.0, 0.5, 1.0)
    n_control: int = 120
    control_effort: float = 12.0
    bound: float = 0.55

    title: ClassVar[str] = "Membership inference"
    needs: ClassVar[tuple[str, ...]] = ("gives_likelihoods|denoises",)
    fits: ClassVar[int] = 2
    suite: ClassVar[str] = "standard"
    shows: ClassVar[str] = "the model answers differently about people whose data it was tuned on"

    def __post_init__(self) -> None:
        if not self.noise_levels or not all(0 <= level <= 1 for level in self.noise_levels):
            raise ValueError(
                f"noise_levels are places between 0 (least noise) and 1 (most), got {self.noise_levels}"
            )

    def calls(self) -> int:
        """Answers or noise levels under the model, its base or reference and the overfitted copy, at most."""
        each = max(self.per_user, len(self.noise_levels))
        return 2 * each * (2 * self.n_users + self.n_control)

    def criteria(self) -> tuple[Criterion, ...]:
        """No attack may beat chance by much; neither may anything that does not see the tuned model."""
        return (
            Criterion(
                measurement="attack_auc",
                bound=self.bound,
                direction="at_most",
                because="shown one trained-on and one left-out person, the attacker then picks right"
                f" {self.bound:.0%} of the time, where a coin does 50%",
            ),
            Criterion(
                measurement="blind_auc",
                bound=self.bound,
                direction="at_most",
                role="validity",
                because="if people can be told apart without the model, they differ in more than training,"
                " and an attack's success would prove nothing",
            ),
            Criterion(
                measurement="base_auc",
                bound=self.bound,
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

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask how well the model knows both sides' people, and the overfitted copy its own."""
        rows = self._handed_in(auditee, rng)
        scores, caveats = attack_scores(auditee, rows)
        people = per_user(rows, scores, part="audit")
        people["score_blind"] = blind_scores(auditee.log, rows, rng=rng)
        tables = [people]
        if isinstance(rows, AttackRows):
            tables.append(per_row(rows, scores, part="rows"))
        try:
            tables.append(self._ask_control(auditee, rows, rng))
        except NotApplicable as reason:
            caveats.append(f"No overfitted copy was tried ({reason}), so no pass can be given.")
        columns = {name: np.concatenate([table[name] for table in tables]) for name in people}
        facts: dict[str, object] = {
            "unit": "user",
            **rows.facts,
            "members": int(people["member"].sum()),
            "non_members": int((~people["member"]).sum()),
            "examples": len(rows.member),
            "near_duplicates_dropped": rows.dropped,
            "caveats": caveats,
        }
        return Evidence(columns=columns, facts=facts)

    def _handed_in(self, auditee: Auditee, rng: np.random.Generator) -> HandedIn:
        """Examples for a model that gives likelihoods, else whole histories."""
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

    def _ask_control(
        self, auditee: Auditee, rows: HandedIn, rng: np.random.Generator
    ) -> dict[str, npt.NDArray[Any]]:
        """A copy trained far too long on a few of the members, asked about them and as many others."""
        users = [np.unique(rows.user[side]) for side in (rows.member, ~rows.member)]
        n = min(self.n_control, *(len(side) for side in users))
        trained, others = (np.sort(rng.choice(side, n, replace=False)) for side in users)
        copy = auditee.fit(trained, label="control:overfit", effort=self.control_effort)
        asked = rows.of_users(np.concatenate([trained, others]))
        nothing = np.full(len(asked.member), np.nan)
        scores = dict.fromkeys(SCORES, nothing) | {"score_loss": asked.plain(asked.known(copy))}
        return per_user(asked, scores, part="control")

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """AUCs over people with DeLong's intervals, and how many are caught at a low false positive rate."""
        people, rows = Sides.of(evidence, "audit"), Sides.of(evidence, "rows")
        tried = [attack for attack in ATTACKS if people.has(f"score_{attack}")] or ["loss"]
        found = []
        for attack in tried:
            score = f"score_{attack}"
            found += [
                people.auc("attack_auc", score, alpha=alpha, group=attack, jointly=len(tried)),
                people.caught(0.01, score, alpha=alpha, group=attack),
                people.caught(0.001, score, alpha=alpha, group=attack),
                people.lift("lift_over_blind", score, "score_blind", alpha=alpha, group=attack),
            ]
            if len(rows):
                found.append(rows.row_auc("row_auc", score, alpha=alpha, group=attack))
        found.append(people.cross_fitted_auc("blind_auc", "score_blind", alpha=CHECK_ALPHA))
        if people.has("score_base"):
            found.append(people.auc("base_auc", "score_base", alpha=CHECK_ALPHA))
        control = Sides.of(evidence, "control")
        if len(control):
            found.append(control.auc("control_auc", "score_loss", alpha=CHECK_ALPHA, better="higher"))
        return found

    def curves(self, evidence: Evidence, rng: np.random.Generator) -> tuple[Curve, ...]:
        """How many members each attack catches at each rate of wrong accusations."""
        people = Sides.of(evidence, "audit")
        tried = [attack for attack in ATTACKS if people.has(f"score_{attack}")]
        return tuple(people.curve(f"score_{attack}", label=attack) for attack in tried)


def attack_scores(auditee: Auditee, rows: HandedIn) -> tuple[dict[str, FloatArray], list[str]]:
    """Each attack's score per row, NaN where it could not be tried, and what to say about that."""
    tuned = rows.known(auditee.model)
    scores = dict.fromkeys(SCORES, np.full(len(tuned), np.nan)) | {"score_loss": rows.plain(tuned)}
    if "has_base" in auditee.capabilities:
        base = rows.known(cast(HasBase, auditee.model).untuned())
        return scores | {"score_base": rows.plain(base), "score_calibrated": tuned - base}, []
    caveats = ["The model has no untuned base, so whether that knew the data was not checked."]
    strangers = auditee.population.reference
    try:
        if len(strangers) == 0:
            raise NotApplicable("no users were set aside as a reference population")
        scores["score_calibrated"] = tuned - rows.known(auditee.fit(strangers, label="reference"))
    except NotApplicable as reason:
        caveats.append(f"The calibrated attack was not tried: {reason}.")
    return scores, caveats
