"""Does the model remember the history of a single invented person?

Invented people (canaries) are put into the training set: each met, in a random order, items drawn at random
from the whole catalogue (random) or as often as people meet them (popularity-matched), as many as the median
person. A canary is put in once, or several times as several people. R more people are drawn in the same way
and put in nowhere. The model is trained again by its own recipe, with the canaries and without, and asked
how well it knows each invented person. What parts canaries from the others is our own draw and nothing else,
so that any difference was learnt, and no blind classifier could tell them apart.

A canary's score is how much better the copy with canaries knows its history than the copy without does: log
p(answer), mean over its latest examples, for models that give likelihoods; for models that restore histories,
minus the mean over noise levels of the log of the error on the history's own entries. With its rank among
the R others and itself, exposure = log2(R + 1) - log2(rank), in bits, averaged over the ranks it may have
where scores are equal. By chance P(exposure >= e) <= 2^-e, so that 2^-exposure is a p-value, and the mean is
1 / ln 2 = 1.44 bits for large R.

excess_exposure is the mean exposure of canaries put in once less what chance gives; it carries the verdict.
The p-value beside it is that of the sum of ranks. A bit halves the people among whom a canary would have to
be looked for. repeated_exposure is the same for canaries put in several times; it is not judged, since a
history that several people share is less of a secret. rising_with_copies is how often, of two canaries, the
one that was put in more often scores higher. A copy trained far too long on the canaries alone must expose
them (control_exposure), or else the attack could have found nothing.

Threat model: someone who guesses that a person with a certain history was trained on, can ask the model for
probabilities or for restored histories, and can train a like model without that person; no access to
weights. The unit is the person. Affected: people with rare histories, whom a model can only know by heart.
Not tested: other attacks; what the audited model's own weights hold of real people; whether a history can be
had from the model without being guessed. Random histories are unlike anybody's and so the worst case;
popularity-matched ones come nearer. Canaries are trained on together and may expose or hide one another.
Canaries of a kind share their references, which the intervals count.

References: Carlini et al. 2019 (exposure); Watson et al. 2022 (comparing with a model without the person);
Mann and Whitney 1947 (sum of ranks); Jonckheere 1954 and Terpstra 1952 (trend).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import ClassVar

import numpy as np

from ...models.data import FloatArray, IntArray, InteractionLog
from .._invented import with_invented
from .._rows import row
from ..base import Auditee, Better, Criterion, Curve, Evidence, Measurement, NotApplicable, Probe
from ..stats.exposure import chance_exposure, excess_exposure, ordered_share, rank_sum_p
from ._attack_rates import Sides
from ._canaries import handed_in
from ._handed_in import per_user

KINDS = ("random", "popularity-matched")
FEWEST = 8
CHECK_ALPHA = 0.05
"""The control is no part of the family that shares the error budget."""


@dataclass(frozen=True, kw_only=True)
class CanaryExposure(Probe):
    """Trains the model with invented people and ranks how well it knows them among others drawn alike.

    Parameters
    ----------
    n_canaries : of each kind, for each number of copies, at most.
    copies : how many times a canary is put in; the first number carries the verdict.
    share : invented people that are trained on, as a share of the real ones, at most.
    n_references : people of each kind that are drawn alike and not trained on.
    per_user, window : latest examples of a history and history items of each, for models that give
        likelihoods.
    noise_levels : where in the range of a model that restores histories it is asked, in [0, 1].
    control_effort : how many times longer than by its recipe the control is trained.
    bound : largest excess that passes, bits.
    """

    n_canaries: int = 40
    copies: tuple[int, ...] = (1, 3)
    share: float = 0.5
    n_references: int = 499
    per_user: int = 2
    window: int = 10
    noise_levels: tuple[float, ...] = (0.0, 0.5, 1.0)
    control_effort: float = 12.0
    bound: float = 1.0

    title: ClassVar[str] = "Exposure of invented people"
    needs: ClassVar[tuple[str, ...]] = ("trainable", "gives_likelihoods|denoises")
    fits: ClassVar[int] = 3
    suite: ClassVar[str] = "full"
    shows: ClassVar[str] = "the model knows by heart what a single person did"

    def __post_init__(self) -> None:
        if not self.copies or min(self.copies) < 1 or len(set(self.copies)) < len(self.copies):
            raise ValueError(f"copies are different numbers of at least 1, got {self.copies}")
        if self.n_references < 2 or not self.share > 0:
            raise ValueError(
                f"at least 2 references and a share above 0 are needed, got {self.n_references}, {self.share}"
            )

    def calls(self) -> int:
        """Answers or noise levels under the three copies, at most."""
        asked = len(KINDS) * (self.n_references + self.n_canaries * len(self.copies))
        return 3 * asked * max(self.per_user, len(self.noise_levels))

    def criteria(self) -> tuple[Criterion, ...]:
        """Canaries put in once may not stand out by much; those trained on far too long must."""
        return (
            Criterion(
                measurement="excess_exposure",
                bound=self.bound,
                direction="at_most",
                because="beyond it, one who was trained on once has to be looked for among"
                f" {2**self.bound:.3g} times fewer people than chance would leave",
            ),
            Criterion(
                measurement="control_exposure",
                bound=0.0,
                direction="at_least",
                role="control",
                because="a copy trained far too long on the canaries alone must know them: an attack that"
                " cannot see that sees nothing",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Train copies with and without canaries, and ask how well each knows every invented person."""
        plan = self._plan(len(auditee.population.members))
        log, invented = self._invented(auditee, plan, rng)
        first = plan["first"]
        rows = handed_in(
            auditee.model,
            log,
            invented[first],
            plan["copies"][first] > 0,
            per_user=self.per_user,
            window=self.window,
            noise_levels=self.noise_levels,
            seed=int(rng.integers(2**63)),
        )
        members, canaries = auditee.population.members, invented[plan["copies"] > 0]
        # Twins of one label share their random numbers, whatever they are trained on.
        clean = rows.known(auditee.fit(members, label="canaries:twin", log=log))
        copy = auditee.fit(np.concatenate([members, canaries]), label="canaries:twin", log=log)
        each = invented[first & (plan["copies"] > 0)]
        control = auditee.fit(each, label="control:canaries", log=log, effort=self.control_effort)
        scores = {"score": rows.known(copy) - clean, "score_control": rows.known(control) - clean}
        columns = per_user(rows, scores, part="")
        columns |= {"set": np.array(KINDS)[plan["kind"][first]], "copies": plan["copies"][first]}
        facts: dict[str, object] = {
            "unit": "user",
            **rows.facts,
            "invented_people_trained_on": len(canaries),
            "members": len(members),
            "caveats": [],
        }
        return Evidence(columns=columns, facts=facts)

    def _plan(self, n_members: int) -> dict[str, np.ndarray]:
        """Who is invented, in order: kind, copies put in (0: a reference), and whether the first of them.

        Raises
        ------
        NotApplicable
            If too few canaries may be put among so few people.
        """
        each = len(KINDS) * sum(self.copies)
        n = min(self.n_canaries, int(self.share * n_members / each))
        if n < FEWEST:
            raise NotApplicable(
                f"among {n_members} people trained on, {n} canaries of each sort may be put;"
                f" {FEWEST} are needed: give more users or a larger share"
            )
        copies = np.repeat([*self.copies, 0], [n] * len(self.copies) + [self.n_references])
        times = np.maximum(1, copies)
        own = np.repeat(np.arange(len(copies)), times)
        first = np.diff(own, prepend=-1) > 0
        kind = np.repeat(np.arange(len(KINDS)), len(own))
        history = np.concatenate([own + place * len(copies) for place in range(len(KINDS))])
        return {
            "kind": kind,
            "copies": np.tile(copies[own], len(KINDS)),
            "first": np.tile(first, len(KINDS)),
            "history": history,
        }

    def _invented(
        self, auditee: Auditee, plan: dict[str, np.ndarray], rng: np.random.Generator
    ) -> tuple[InteractionLog, IntArray]:
        log, members = auditee.log, auditee.population.members
        real, n = log.only(members), int(plan["history"].max()) + 1
        length = max(int(np.median(np.diff(log.starts)[members])), self.window + self.per_user)
        if length > len(log.catalog):
            raise NotApplicable(f"a canary needs {length} items, and there are {len(log.catalog)}")
        weights = np.ones((len(KINDS), len(log.catalog)))
        weights[1] = real.item_counts + 1e-9
        items = np.concatenate([_drawn(weight, n // len(KINDS), length, rng) for weight in weights])
        likes = rng.random(items.shape) < (1.0 if real.liked is None else float(real.liked.mean()))
        likes[:, 0] = True
        own = plan["history"]
        return with_invented(log, members, items[own], likes[own], rng=rng)

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Excess exposure by kind and number of copies, its trend, and that of the control."""
        found: list[Measurement] = []
        for kind in KINDS:
            column = evidence.where(evidence.columns["set"] == kind).columns
            score, copies = column["score"].astype(np.float64), column["copies"].astype(np.int64)
            drawn, control = score[copies == 0], column["score_control"].astype(np.float64)
            for times in self.copies:
                own = score[copies == times]
                if times == self.copies[0]:
                    found.append(_row("excess_exposure", own, drawn, alpha, kind, jointly=len(KINDS)))
                else:
                    found.append(_row("repeated_exposure", own, drawn, alpha, f"{kind}, {times} copies"))
            if len(self.copies) > 1:
                found.append(_trend(score[copies > 0], copies[copies > 0], alpha, kind))
            sides = control[copies > 0], control[copies == 0]
            found.append(_row("control_exposure", *sides, CHECK_ALPHA, kind, better="higher"))
        return found

    def curves(self, evidence: Evidence, rng: np.random.Generator) -> tuple[Curve, ...]:
        """How many canaries put in once are found at each rate of mistaken references."""
        sides = evidence.where(np.isin(evidence.columns["copies"], (0, self.copies[0])))
        return tuple(Sides.of(sides, kind).curve("score", label=kind) for kind in KINDS)


def _row(
    name: str,
    canaries: FloatArray,
    references: FloatArray,
    alpha: float,
    group: str,
    *,
    jointly: int = 1,
    better: Better = "lower",
) -> Measurement:
    """Excess exposure of these canaries; ``jointly`` many such rows hold at ``alpha``."""
    excess = excess_exposure(canaries, references, alpha=alpha / jointly)
    most, chance = log2(len(references) + 1), chance_exposure(len(references))
    note = ""
    if excess is not None:
        note = (
            f"mean exposure {excess.value + chance:.2f} of at most {most:.2f} bits, {chance:.2f} by chance;"
            f" rank-sum p = {rank_sum_p(canaries, references):.2g}"
        )
    n = len(canaries) + len(references)
    return row(name, excess, alpha=alpha, unit="bits", better=better, n=n, group=group, note=note)


def _trend(scores: FloatArray, copies: IntArray, alpha: float, group: str) -> Measurement:
    share = ordered_share(scores, copies, alpha=alpha)
    return row(
        "rising_with_copies",
        share,
        alpha=alpha,
        unit="share",
        better="none",
        n=len(scores),
        group=group,
        note="0.5 by chance",
    )


def _drawn(weights: FloatArray, n: int, length: int, rng: np.random.Generator) -> IntArray:
    """Rows of different items, drawn one after another with these weights, shape ``(n, length)``."""
    keys = np.log(weights) + rng.gumbel(size=(n, len(weights)))
    return np.argsort(-keys, axis=1)[:, :length]
