"""Could someone who trains copies of the model tell whose data it was tuned on?

The strongest known attacks do not ask how well the model knows a person, but whether it knows the person
better than a copy would that never saw them. Here n_shadows copies (shadows) are trained by the model's own
recipe and trainer, each on half of the people by coins of ours, everyone in exactly half of the copies; the
model itself was trained on such a half. Each copy tells its signal phi for everyone: the mean log-odds
of a person's known answers, or, for models that restore noised histories, minus the mean log error.

lira: log N(phi; mu_in, s_in) - log N(phi; mu_out, s_out) with the means of the copies that were and were
not trained on the person, and the spread within people, pooled over all of them while copies are few
(Carlini et al. 2022). bavaria: the same with what few copies leave unknown, by a normal-inverse-gamma prior
fitted to all people, so that normal curves become Student's t, whose tails are compared, and with a person's
gain from training drawn to the mean gain; the one to read first. rmia: LR(x) = p(x | model)/p(x), p(x) the
mean over copies; the score is the share of strangers z with LR(x)/LR(z) >= 1 (Zarifzadeh et al. 2024); p is
exp phi up to a factor, or the probability whose log-odds are phi. attack_r: the share of copies not trained
on the person that know them less well (Ye et al. 2022). loss: phi itself, which needs no copy.

The unit is the person: whole people are in or out, and every interval counts people. The main figure is the
AUC: the probability that a trained-on person scores above a left-out one, 0.5 being chance; the intervals of
all attacks hold together. Beside it stands the share of trained-on people who are caught while at most 1 %
or 0.1 % of the others are accused wrongly: attacks of this kind are at their best there.

The result counts only if a classifier that never sees the model cannot tell the two groups apart, if the
untuned model cannot either, and if a copy trained far too long on a few people is caught by the first attack.

Threat model: the attacker holds a person's real interactions, may ask the model for probabilities or restored
histories, knows its recipe, and holds data of the same kind, from the same people even, to train copies on.
That is more than most attackers have, so that a pass says much and a failure is a worst case. Affected: the
people whose data trained the model. Not tested: attacks on weights or gradients, questions made up for a
person, more copies than were trained, and copies that start from other random numbers for what was trained
before anyone's membership was settled (the base is shared).

References: Carlini et al. 2022 (S&P); Ye et al. 2022 (CCS); Zarifzadeh, Liu and Shokri 2024 (ICML); BaVarIA,
arXiv 2603.11799 (2026), of which the prior is taken; its fit by moments, the gain and the tails are our own;
DeLong et al. 1988; Das, Zhang and Tramer 2024, blind baselines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from ...models.base import Recommender
from ...models.capabilities import HasBase
from ...models.data import BoolArray, FloatArray, IntArray
from ..base import Auditee, Criterion, Curve, Evidence, Measurement, Probe
from ._attack_rates import Sides
from ._blind import blind_scores
from ._both_sides import AskedPeople, attack_rows, check_rows, membership_criteria, overfitted
from ._handed_in import Column, HandedIn, joined, per_user, user_means
from ._shadow_attacks import attack_r, balanced_coins, bavaria, lira, log_ratio, rmia

ATTACKS = ("bavaria", "lira", "rmia", "attack_r", "loss")
LOG_ODDS, LOG_ERROR = "log-odds", "minus log error"


@dataclass(frozen=True, kw_only=True)
class ShadowMembership(Probe):
    """Trains copies on random halves of the people and compares the model with them, person by person.

    Parameters
    ----------
    n_shadows : copies, an even number; 16 tell much, 64 nearly all that is to be told.
    n_users : people asked about per side, at most.
    per_user, window : latest examples per person and history items of each (models with likelihoods).
    noise_levels : where in the range of a model that restores histories it is asked, in [0, 1].
    n_control : people that the overfitted copy is trained on.
    control_effort : how many times longer than by its recipe that copy is trained.
    bound : largest attack AUC that passes; also how far the validity checks may stray from chance.
    """

    n_shadows: int = 16
    n_users: int = 2000
    per_user: int = 2
    window: int = 10
    noise_levels: tuple[float, ...] = (0.0, 0.5, 1.0)
    n_control: int = 120
    control_effort: float = 12.0
    bound: float = 0.55

    title: ClassVar[str] = "Membership inference with copies"
    needs: ClassVar[tuple[str, ...]] = ("trainable", "gives_likelihoods|denoises")
    fits: ClassVar[int] = 17
    suite: ClassVar[str] = "full"
    shows: ClassVar[str] = "the model knows people whose data it was tuned on better than its copies do"

    def __post_init__(self) -> None:
        _ = self._asked
        if self.n_shadows < 4 or self.n_shadows % 2:
            raise ValueError(f"n_shadows is an even number of at least 4, got {self.n_shadows}")

    @property
    def _asked(self) -> AskedPeople:
        return AskedPeople(
            n_users=self.n_users,
            per_user=self.per_user,
            window=self.window,
            noise_levels=self.noise_levels,
        )

    def calls(self) -> int:
        """Answers or noise levels under the model, its base, its copies and the overfitted one, at most."""
        people = 3 * self.n_users * (2 + self.n_shadows) + 2 * self.n_control
        return self._asked.each * people

    def criteria(self) -> tuple[Criterion, ...]:
        """No attack may beat chance by much; neither may anything that does not see the tuned model."""
        return membership_criteria(self.bound)

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Train the copies and ask the model and each of them how well it knows everyone."""
        who, people = self._asked, auditee.population
        pool = np.sort(np.concatenate([people.members, people.held_out]))
        coins = balanced_coins(self.n_shadows, len(pool), rng)
        audit, strangers = who.both_sides(auditee, rng), who.strangers(auditee, rng)
        parts = {"audit": audit} | ({"population": strangers} if strangers is not None else {})
        columns: dict[str, dict[str, Column]] = {
            name: {"signal": _signal(rows, auditee.model)} for name, rows in parts.items()
        }
        columns["audit"]["score_blind"] = blind_scores(auditee.log, audit, rng=rng)
        if "has_base" in auditee.capabilities:
            columns["audit"]["score_base"] = _signal(audit, cast(HasBase, auditee.model).untuned())
        for copy in range(self.n_shadows):
            shadow = auditee.fit(pool[coins[copy]], label=f"shadow {copy + 1} of {self.n_shadows}")
            for name, rows in parts.items():
                trained = np.isin(np.unique(rows.user), pool[coins[copy]])
                columns[name] |= {f"shadow_{copy}": _signal(rows, shadow), f"trained_{copy}": trained}
        tables = [per_user(rows, {}, part=name) | columns[name] for name, rows in parts.items()]
        overfit, users = overfitted(
            auditee, audit, n_control=self.n_control, effort=self.control_effort, rng=rng
        )
        tables.append(_control(audit, tables[0], overfit, users))
        return Evidence(columns=joined(tables), facts=self._facts(auditee, tables, audit))

    def _facts(self, auditee: Auditee, tables: list[dict[str, Column]], audit: HandedIn) -> dict[str, object]:
        likely = "gives_likelihoods" in auditee.capabilities
        caveats = []
        if "has_base" not in auditee.capabilities:
            caveats.append("The model has no untuned base, so whether that knew the data was not checked.")
        if len(tables) < 3:
            caveats.append("Nobody was set aside as the public at large, so rmia was not tried.")
        return {
            "unit": "user",
            **audit.facts,
            "signal": LOG_ODDS if likely else LOG_ERROR,
            "n_shadows": self.n_shadows,
            "members": int(tables[0]["member"].sum()),
            "non_members": int((~tables[0]["member"]).sum()),
            "strangers": 0 if len(tables) < 3 else len(tables[1]["member"]),
            "near_duplicates_dropped": audit.dropped,
            "caveats": caveats,
        }

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """AUCs over people with DeLong's intervals, and how many are caught at a low false positive rate."""
        people = _scored(evidence, "audit")
        tried = tuple(name for name in ATTACKS if people.has(f"score_{name}")) or ATTACKS[:1]
        control = _scored(evidence, "control")
        return [
            *attack_rows(people, tried, alpha=alpha, rng=rng),
            *check_rows(people, control, control_score=f"score_{ATTACKS[0]}"),
        ]

    def curves(self, evidence: Evidence, rng: np.random.Generator) -> tuple[Curve, ...]:
        """How many members each attack catches at each rate of wrong accusations."""
        people = _scored(evidence, "audit")
        tried = [name for name in ATTACKS if people.has(f"score_{name}")]
        return tuple(people.curve(f"score_{name}", label=name) for name in tried)


def _signal(rows: HandedIn, model: Recommender) -> FloatArray:
    """The mean over the rows of each person, users ascending."""
    return user_means(rows.plain(rows.known(model)), rows.user)


def _control(
    audit: HandedIn, asked: Mapping[str, Column], overfit: Recommender, users: IntArray
) -> dict[str, Column]:
    """What the overfitted copy knows of these people, in place of what the model does."""
    kept = np.isin(asked["cluster"], users)
    table = {name: column[kept] for name, column in asked.items()}
    signal = _signal(audit.of_users(users), overfit)
    return table | {"set": np.full(len(signal), "control"), "signal": signal}


def _scored(evidence: Evidence, part: str) -> Sides:
    """One set of the evidence with every attack's scores."""
    sides = Sides.of(evidence, part)
    if not len(sides):
        return sides.with_scores({f"score_{name}": np.zeros(0) for name in ATTACKS})
    target, shadows, trained = _heard(sides.evidence)
    scores = {name: attack(target, shadows, trained) for name, attack in BY_COPIES.items()}
    strangers = Sides.of(evidence, "population").evidence
    if len(strangers):
        likely = evidence.facts.get("signal") == LOG_ODDS
        ratios = [
            log_ratio(*((log_p(own), log_p(copies)) if likely else (own, copies)), coins)
            for own, copies, coins in ((target, shadows, trained), _heard(strangers))
        ]
        scores["rmia"] = rmia(*ratios)
    return sides.with_scores({f"score_{name}": own for name, own in (scores | {"loss": target}).items()})


BY_COPIES = {"bavaria": bavaria, "lira": lira, "attack_r": attack_r}


def _heard(lines: Evidence) -> tuple[FloatArray, FloatArray, BoolArray]:
    """The model's signals, the copies', and which copy was trained on whom."""
    columns = lines.columns
    places = range(sum(name.startswith("shadow_") for name in columns))
    shadows = np.stack([columns[f"shadow_{place}"].astype(np.float64) for place in places])
    trained = np.stack([columns[f"trained_{place}"].astype(np.bool_) for place in places])
    return columns["signal"].astype(np.float64), shadows, trained


def log_p(log_odds: FloatArray) -> FloatArray:
    """Log of the probability with these log-odds, nats."""
    found: FloatArray = -np.logaddexp(0, -log_odds)
    return found
