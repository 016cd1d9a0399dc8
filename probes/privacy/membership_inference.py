"""Can someone tell whose data the model was tuned on?

People were put into the training set, or left out of it, by the toss of a coin. An attacker holds what some
people did and looks at how well the model knows it; a model that has memorised knows it better for people
it was trained on. Two attacks are tried on any model. The plain one takes the figure k as it is (Yeom et al.
2018). The
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

Further attacks are tried where a model shows what they need. quantile: where 60 people or more were set aside
whom nothing was trained on, it learns from them how well anyone like that is known anyway (Bertran et al.
2023); "accused_at_5%" is who its threshold accuses, settled on strangers so that of left-out people 5 % are.
Models that tell the likelihood of each token of an example: text_loss takes the mean over all tokens, min_k
over the least likely fifth, min_k_plus over these less what was expected there, zlib the sum per compressed
byte, recall how much is lost by strangers' examples put before it (Yeom et al. 2018; Shi et al. 2024; Zhang
et al. 2024; Carlini et al. 2021; Xie et al. 2024). Models that restore any noised row: pia puts the model's
own noise on the person's row, secmi follows the model's path to more noise (Kong et al. 2024; Duan et al.
2023); both are measured in restored rows, as these models guess no noise.

The unit is the person, everywhere: whole people are in or out, and every interval counts people. The main
figure is the AUC: the probability that a trained-on person scores above a left-out one, 0.5 being
chance. All attacks are the attacker's to choose from, so their intervals hold jointly. The share of
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

Limits: attacks that train many copies of their own can find more (shadow membership), so a pass bounds
these attacks only. Examples are windows of a trained-on person's data, not always the very rows trained on.
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
from ._both_sides import AskedPeople, attack_rows, check_rows, membership_criteria, overfitted
from ._further_attacks import FURTHER, further_scores
from ._handed_in import HandedIn, joined, per_row, per_user
from ._loss_attacks import AttackRows
from ._restoring_attacks import GUESSES

SCORES = ("score_loss", "score_calibrated", "score_base", "score_blind")
ATTACKS = ("loss", "calibrated", *FURTHER)


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

    n_users: int = 1500
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
        _ = self._asked

    @property
    def _asked(self) -> AskedPeople:
        return AskedPeople(
            n_users=self.n_users,
            per_user=self.per_user,
            window=self.window,
            noise_levels=self.noise_levels,
        )

    def calls(self) -> int:
        """Answers, noise levels or texts under the model, its base or reference and the copy, at most."""
        known = self._asked.each * (5 * self.n_users + 2 * self.n_control)
        return known + 2 * self.n_users * max(2 * self.per_user, GUESSES)

    def criteria(self) -> tuple[Criterion, ...]:
        """No attack may beat chance by much; neither may anything that does not see the tuned model."""
        return membership_criteria(self.bound)

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask how well the model knows both sides' people, and the overfitted copy its own."""
        who = self._asked
        rows = who.both_sides(auditee, rng)
        scores, caveats = attack_scores(auditee, rows)
        blind = blind_scores(auditee.log, rows, rng=rng)
        strangers = who.strangers(auditee, rng)
        scores |= further_scores(auditee, rows, scores["score_loss"], strangers, rng)
        tables = [per_user(rows, scores, part="audit") | {"score_blind": blind}]
        if isinstance(rows, AttackRows):
            tables.append(per_row(rows, scores, part="rows"))
        try:
            tables.append(self._ask_control(auditee, rows, rng))
        except NotApplicable as reason:
            caveats.append(f"No overfitted copy was tried ({reason}), so no pass can be given.")
        columns = joined(tables)
        facts: dict[str, object] = {
            "unit": "user",
            **rows.facts,
            "members": int(tables[0]["member"].sum()),
            "non_members": int((~tables[0]["member"]).sum()),
            "examples": len(rows.member),
            "near_duplicates_dropped": rows.dropped,
            "caveats": caveats,
        }
        return Evidence(columns=columns, facts=facts)

    def _ask_control(
        self, auditee: Auditee, rows: HandedIn, rng: np.random.Generator
    ) -> dict[str, npt.NDArray[Any]]:
        """A copy trained far too long on a few of the members, asked about them and as many others."""
        copy, users = overfitted(auditee, rows, n_control=self.n_control, effort=self.control_effort, rng=rng)
        asked = rows.of_users(users)
        return per_user(asked, {"score_loss": asked.plain(asked.known(copy))}, part="control")

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """AUCs over people with DeLong's intervals, and how many are caught at a low false positive rate."""
        people, rows = Sides.of(evidence, "audit"), Sides.of(evidence, "rows")
        tried = _tried(people)
        found = attack_rows(people, tried, alpha=alpha, rng=rng)
        if len(rows):
            found += [rows.row_auc("row_auc", f"score_{name}", alpha=alpha, group=name) for name in tried]
        if people.has("score_accused"):
            found += people.accused("accused_at_5%", "score_accused", alpha=alpha)
        return found + check_rows(people, Sides.of(evidence, "control"), control_score="score_loss")

    def curves(self, evidence: Evidence, rng: np.random.Generator) -> tuple[Curve, ...]:
        """How many members each attack catches at each rate of wrong accusations."""
        people = Sides.of(evidence, "audit")
        tried = [attack for attack in _tried(people) if people.has(f"score_{attack}")]
        return tuple(people.curve(f"score_{attack}", label=attack) for attack in tried)


def _tried(people: Sides) -> tuple[str, ...]:
    """The attacks that could be tried; the plain one in any case."""
    return tuple(name for name in ATTACKS if people.has(f"score_{name}")) or ATTACKS[:1]


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
