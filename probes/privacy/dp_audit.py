"""Does the training hide each single person as well as is claimed of it?

A training is (epsilon, delta)-differentially private if no outcome becomes more than e^epsilon times as
likely, but for a remainder of delta, because one person's data was added or left out. Such a claim can be
refuted from outside. m people (canaries) are each put into the training set, or left out, by a fair coin of
our own; the model is trained again by its own recipe and trainer; an attacker sees how well that copy knows
each of them and guesses r of the coins, v of them right. A private training makes v right guesses or more no
likelier than p = P[Bin(r, q) >= v] + 2 m delta max_i P[v - i <= Bin(r, q) < v] / i with
q = 1 / (1 + e^-epsilon). The lower end of empirical_epsilon is the largest epsilon that this refutes: the
true one is larger, but for the error probability; its value would be too high half of the time. It has no
upper end: a better attack may show more, so that nothing here shows a training to be private. The verdict is
"fail" where the claim is refuted and otherwise "inconclusive", with the most that could have been shown, by
guesses that are all right.

The attack: how well the copy knows a person, less how well the audited model does, which was trained on no
canary. For models that give likelihoods that is the mean over the person's latest examples of log p(answer);
for models that restore noised histories, minus the mean over noise levels of the log of the error on the
person's own entries. The attacker guesses "in" for the highest differences and "out" for as many of the
lowest; for how many is settled beforehand, as three shares of the people, whose bounds hold jointly.

The unit is the person: a canary is put in or left out with all that it did. What is claimed for a single
interaction promises a person less: if it is (epsilon, delta)-private for one, it is (k epsilon,
k e^((k-1) epsilon) delta)-private for a person with k of them. The row "interaction" is the largest epsilon
for one that this refutes, k being that of the most active canary. A claim for a training row, such as Opacus
makes, is a claim for neither where an interaction stands in several rows; widen it by as many rows first.

assumed_epsilon holds only under what its group says, which nothing here tests; it is not judged. For a
Gaussian mechanism (noise on clipped gradients, nearly) one training tells more; and the two error rates of
one threshold give a bound if every canary's training had been one of its own.

Threat model: an attacker who asks the model for probabilities or for restored histories, holds what people
did, and may ask another model that did not see them; no weights, no gradients, nothing of the training's
course. Affected: everyone who is trained on and was promised that it makes no difference. Not tested: what
an attacker with more sees, and canaries with odd histories, which stand out more than ordinary people. What
is audited is the recipe and its trainer through one copy, trained on somewhat more people, and not the
audited model's own weights. Where a trainer's noise has a fixed seed, its epsilon is void whatever is found.

References: Dwork and Roth 2014 (group privacy); Jagielski, Ullman and Oprea 2020 (two error rates); Steinke,
Nasr and Jagielski 2023 (one training); Nasr et al. 2023 (Gaussian trade-off); Mahloujifar, Melis and
Chaudhuri 2024 (one training, f-DP).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ...models.data import IntArray
from ..base import Auditee, Criterion, Curve, Evidence, Measurement, NotApplicable, Probe
from ..stats.canary_guesses import (
    EpsilonBound,
    Guesses,
    one_run_bound,
    one_run_gaussian_bound,
    two_sided_bounds,
)
from ._attack_rates import Sides
from ._canaries import can_be_asked, handed_in
from ._handed_in import per_user

CANARIES = "canaries"
FEWEST = 20


@dataclass(frozen=True, kw_only=True)
class DpAudit(Probe):
    """Puts people into a training by coins and guesses the coins from the trained copy.

    Parameters
    ----------
    claimed : the epsilon that is claimed; without a claim, what is found is only reported.
    delta : the delta that goes with it, in (0, 1).
    unit : what the claim hides: one "user", or one "interaction".
    n_canaries : people put in or left out, at most.
    shares : of the canaries guessed about, in (0, 1]; the bounds of all hold jointly. Half of the guesses
        say "in", and coins seldom fall half and half: to guess about everyone costs right guesses.
    per_user, window : examples per person and history items of each, for models that give likelihoods.
    noise_levels : where in the range of a model that restores histories it is asked, in [0, 1].
    """

    claimed: float | None = None
    delta: float = 1e-5
    unit: Literal["user", "interaction"] = "user"
    n_canaries: int = 2000
    shares: tuple[float, ...] = (0.8, 0.4, 0.1)
    per_user: int = 2
    window: int = 10
    noise_levels: tuple[float, ...] = (0.0, 0.5, 1.0)

    title: ClassVar[str] = "Audit of differential privacy"
    needs: ClassVar[tuple[str, ...]] = ("trainable", "gives_likelihoods|denoises")
    fits: ClassVar[int] = 1
    suite: ClassVar[str] = "full"
    shows: ClassVar[str] = "the training gives away more about single people than is claimed"

    def __post_init__(self) -> None:
        if not 0 < self.delta < 1 or not self.shares or not all(0 < share <= 1 for share in self.shares):
            raise ValueError(f"delta lies in (0, 1) and shares in (0, 1], got {self.delta} and {self.shares}")
        if self.unit not in ("user", "interaction") or (self.claimed is not None and self.claimed < 0):
            raise ValueError(
                f'unit is "user" or "interaction" and claimed is 0 or more, got {self.unit!r}, {self.claimed}'
            )

    def calls(self) -> int:
        """Answers or noise levels under the copy and the audited model, at most."""
        return 2 * self.n_canaries * max(self.per_user, len(self.noise_levels))

    def criteria(self) -> tuple[Criterion, ...]:
        """A claim may not be refuted; without one nothing is judged."""
        if self.claimed is None:
            return ()
        return (
            Criterion(
                measurement="empirical_epsilon",
                bound=self.claimed,
                direction="at_most",
                group=self.unit,
                because=f"epsilon = {self.claimed:g} at delta = {self.delta:g} is claimed for each"
                f" {self.unit}; guesses about people that come true more often than that allows refute it",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Train a copy with half of the canaries and ask how well it knows each."""
        canaries = self._canaries(auditee, rng)
        included = rng.random(len(canaries)) < 0.5
        log, model = auditee.log, auditee.model
        trained_on = np.concatenate([auditee.population.members, canaries[included]])
        copy = auditee.fit(np.sort(trained_on), label="canaries by coins")
        rows = handed_in(
            model,
            log,
            canaries,
            included,
            per_user=self.per_user,
            window=self.window,
            noise_levels=self.noise_levels,
            seed=int(rng.integers(2**63)),
        )
        columns = per_user(rows, {"score": rows.known(copy) - rows.known(model)}, part=CANARIES)
        columns["interactions"] = np.diff(log.starts)[columns["cluster"]]
        facts: dict[str, object] = {
            "unit": "user",
            **rows.facts,
            "canaries": len(canaries),
            "trained_on": int(included.sum()),
            "members_besides": len(auditee.population.members),
            "delta": self.delta,
            "caveats": [] if self.claimed is not None else ["Nothing is claimed, so nothing is judged."],
        }
        return Evidence(columns=columns, facts=facts)

    def _canaries(self, auditee: Auditee, rng: np.random.Generator) -> IntArray:
        """People the audited model has not seen: those kept for this, else held-out ones."""
        who = auditee.population
        pool = who.canaries if len(who.canaries) else who.held_out
        able = can_be_asked(auditee.model, auditee.log, pool, window=self.window)
        if len(able) < FEWEST:
            raise NotApplicable(
                f"{len(able)} of {len(pool)} people that the model was not trained on have enough of a"
                f" history to be put into a copy; at least {FEWEST} are needed"
            )
        return np.sort(rng.choice(able, min(self.n_canaries, len(able)), replace=False))

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Lower bounds on epsilon from guesses about the coins, and how well the scores tell them."""
        people = Sides.of(evidence, CANARIES)
        column = people.evidence.columns
        scores, included = column["score"].astype(np.float64), people.member
        guesses = [Guesses.of(scores, included, share, rng) for share in self.shares]
        most = int(column["interactions"].max())
        units = {
            "user": (1, "for a person with all interactions"),
            "interaction": (most, f"for one interaction; canaries have up to {most}"),
        }
        found = []
        for unit, (size, note) in units.items():
            bound = one_run_bound(guesses, delta=self.delta, alpha=alpha, group_size=size)
            found.append(self._row("empirical_epsilon", bound, len(scores), unit, alpha, note))
        gaussian = one_run_gaussian_bound(guesses, delta=self.delta, alpha=alpha)
        apart = two_sided_bounds(scores, included, delta=self.delta, alpha=alpha, rng=rng)
        for group, bound in zip(ASSUMED, (gaussian, *apart), strict=True):
            note = "for a person, and only under this assumption"
            found.append(self._row("assumed_epsilon", bound, len(scores), group, alpha, note))
        return [*found, people.auc("canary_auc", "score", alpha=alpha)]

    def _row(
        self, name: str, bound: EpsilonBound, m: int, group: str, alpha: float, note: str
    ) -> Measurement:
        could = f"guesses that are all right would have shown {bound.largest:.3g}, which is the most"
        return Measurement(
            name=name,
            value=bound.value,
            low=bound.low,
            high=None,
            level=1 - 2 * alpha,
            method=bound.method,
            n=bound.n,
            clusters=m,
            unit="nats",
            better="lower",
            group=group,
            note=f"{note}, at delta = {self.delta:g}; {could}",
        )

    def curves(self, evidence: Evidence, rng: np.random.Generator) -> tuple[Curve, ...]:
        """How many of those trained on are found at each rate of wrong guesses."""
        return (Sides.of(evidence, CANARIES).curve("score", label=CANARIES),)


ASSUMED: Sequence[str] = (
    "Gaussian mechanism",
    "independent canaries",
    "independent canaries, Gaussian mechanism",
)
