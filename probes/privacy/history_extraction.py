"""Can what people did last be drawn out of the model by those who know what they did before?

People were put into the training set, or left out of it, by the toss of a coin. The last L new things that
each of them liked, z = (z_1 ... z_L), are held back; an attacker knows what came before and asks the model.

Every model: the attacker asks for one list of k items and gets the share of the held-back things that it
names. Models that give likelihoods: an attacker who draws answers again and again gets z with probability
p_z = prod_i p(z_i | all before z_i) each time, so one pass tells what n draws would bring, without drawing:
z is (n, p)-extractable if 1 - (1 - p_z)^n >= p. Of each way, extraction_gap is the mean share got of
trained-on people less that of left-out people; both hold together (Bonferroni). attempts is
n* = log(1 - p) / log(1 - p_z), the draws after which z has come with probability p, as a geometric mean over
people. log_p_gap is the gap of log p_z / L, in nats a thing.

The gaps carry the verdict. A high share alone proves nothing: what follows from a history, or what everybody
does, can be named without anyone having been trained on. The coin makes both sides alike, so what is left in
the gap is memory. Checks: a list of what other people's data say is popular must name both sides' things
alike (popular_gap); a copy trained far too long on a few people must name their things more often than
others' (control_gap).

Threat model: the attacker knows a person's earlier history, and may ask for a list or for many drawn answers.
Affected: people whose data trained the model. The unit is the person, in every number. Limits: what is held
back from the question was in the training data of trained-on people on purpose: that is what is looked for.
p_z is of answers drawn as the model's probabilities say, at temperature 1; other ways of drawing differ. A
probability under 1e-12 of a thing counts as that, so n* is at most about 1e12 a thing. Models that read only
the latest items of a history may know less of what came before. Things done twice are not held back.

References: Carlini et al. 2021 and 2023 (extraction, discoverable memorisation); Hayes et al. 2024, measuring
memorisation through probabilistic discoverable extraction; Feldman and Zhang 2020 (counterfactual
memorisation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...models.baselines import Popularity
from ...models.data import BoolArray, FloatArray, IntArray
from .._exhibits import cases_to_show, request_text
from .._people import own_profile
from .._rows import row
from ..base import Auditee, Criterion, Curve, Evidence, Exhibit, Measurement, NotApplicable, Probe
from ..stats.intervals import Interval, mean_of_clusters
from ..stats.roc import banded_roc
from ._held_back import HeldBack, hold_back, listed
from ._sides import SIDES, gap_row, side_rows

AUDIT, CONTROL = "audit", "control"
BY_LIST = "by one list"
CHECK_ALPHA = 0.05
"""Validity checks and the control are no part of the family that shares the error budget."""


@dataclass(frozen=True, kw_only=True)
class HistoryExtraction(Probe):
    """Holds back what people did last and compares what is got of trained-on and of left-out people.

    Parameters
    ----------
    n_users : people asked about per side, at most.
    last : things held back of each person, L.
    least : interactions before the first of them.
    k : items in a list.
    draws, chance : n and p of (n, p)-extractable.
    n_control : people that the overfitted copy is trained on.
    control_effort : how many times longer than by its recipe that copy is trained.
    bound : largest gap that passes.
    """

    n_users: int = 1000
    last: int = 3
    least: int = 5
    k: int = 20
    draws: int = 1000
    chance: float = 0.5
    n_control: int = 60
    control_effort: float = 12.0
    bound: float = 0.05

    title: ClassVar[str] = "Extraction of histories"
    needs: ClassVar[tuple[str, ...]] = ("retrieves",)
    fits: ClassVar[int] = 1
    shows: ClassVar[str] = "what people did last can be drawn out of the model they trained"

    def __post_init__(self) -> None:
        if not 0 < self.chance < 1 or self.draws < 1 or self.last < 1:
            raise ValueError(
                f"chance lies in (0, 1), draws and last are at least 1; got {self.chance}, {self.draws},"
                f" {self.last}"
            )

    def calls(self) -> int:
        """Lists and likelihoods, at most."""
        return 2 * self.n_users * (1 + self.last) + 2 * self.n_control

    def criteria(self) -> tuple[Criterion, ...]:
        """Trained-on people may not be much easier to draw out than people whom the model never saw."""
        return (
            Criterion(
                measurement="extraction_gap",
                bound=self.bound,
                direction="at_most",
                because=f"beyond it, {100 * self.bound:g} of 100 things or people are drawn out only because"
                " they were trained on",
            ),
            Criterion(
                measurement="popular_gap",
                bound=self.bound,
                direction="within",
                role="validity",
                because="where one side's things are more popular, they can be named without any memory",
            ),
            Criterion(
                measurement="control_gap",
                bound=0.0,
                direction="at_least",
                role="control",
                because="a copy trained far too long on a few people must name more of their things: a"
                " method that misses that finds nothing",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask for a list of each person, for the likelihood of what is held back, and the overfitted copy."""
        who = auditee.population
        held = hold_back(
            auditee.log,
            (who.members, who.held_out),
            n_users=self.n_users,
            last=self.last,
            least=self.least,
            rng=rng,
        )
        requests = held.requests([own_profile(auditee, user, rng) for user in held.user.tolist()])
        lists = listed(auditee.recommend(requests, self.k), self.k)
        table = _table(held, AUDIT, held.named(lists))
        if "gives_likelihoods" in auditee.capabilities:
            table["log_p"] = held.log_p(auditee.model)
        others, caveats = np.concatenate([who.base, who.reference]), list[str]()
        if len(others):
            popular = Popularity.fitted(auditee.log, others).recommend(requests, self.k)
            table["popular"] = held.named(listed(popular, self.k))
        else:
            caveats.append(
                "Nobody was set aside to tell what is popular, so that sides are alike is unchecked."
            )
        tables = [table]
        try:
            tables.append(self._ask_control(auditee, held, rng))
        except NotApplicable as reason:
            caveats.append(f"No overfitted copy was tried ({reason}), so no pass can be given.")
        facts = {"unit": "user", "people": len(held.user), "last": self.last, "k": self.k, "caveats": caveats}
        columns = {name: np.concatenate([one[name] for one in tables]) for name in table}
        return Evidence(columns=columns, facts=facts, exhibits=_cases(auditee, held, lists, rng))

    def _ask_control(
        self, auditee: Auditee, held: HeldBack, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """A copy trained far too long on a few of the members, asked about them and as many others."""
        users = [held.user[side] for side in (held.member, ~held.member)]
        n = min(self.n_control, *map(len, users))
        trained, others = (np.sort(rng.choice(side, n, replace=False)) for side in users)
        copy = auditee.fit(trained, label="control:extraction", effort=self.control_effort)
        asked = held.of_users(np.concatenate([trained, others]))
        requests = asked.requests([own_profile(auditee, user, rng) for user in asked.user.tolist()])
        return _table(asked, CONTROL, asked.named(listed(copy.recommend(requests, self.k), self.k)))

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """The gaps between the sides, what is got of each, and how many draws it takes."""
        audit, control = (evidence.where(evidence.columns["set"] == part) for part in (AUDIT, CONTROL))
        member, log_p, named, popular = _read(audit)
        ways = {BY_LIST: named}
        if np.isfinite(log_p).all():
            ways[f"by {self.draws:,} draws"] = self._extractable(log_p)
        found = [
            gap_row("extraction_gap", got, member, alpha=alpha, group=way, jointly=len(ways))
            for way, got in ways.items()
        ]
        for way, got in ways.items():
            found += side_rows("extracted_share", got, member, alpha=alpha, group=way)
        if len(ways) > 1:
            last = int(str(evidence.facts["last"]))
            found += [
                gap_row("log_p_gap", log_p / last, member, alpha=alpha, unit="nats", bounded=False),
                *self._attempts(log_p, member, alpha),
            ]
        if np.isfinite(popular).all():
            found.append(gap_row("popular_gap", popular, member, alpha=CHECK_ALPHA, better="zero"))
        if len(control):
            member, _, named, _ = _read(control)
            found.append(gap_row("control_gap", named, member, alpha=CHECK_ALPHA, better="higher"))
        return found

    def curves(self, evidence: Evidence, rng: np.random.Generator) -> tuple[Curve, ...]:
        """How well the likelihood of what is held back tells trained-on people from left-out ones."""
        member, log_p, *_ = _read(evidence.where(evidence.columns["set"] == AUDIT))
        if not np.isfinite(log_p).all():
            return ()
        x, y, low, high = (
            tuple(np.round(part, 6).tolist()) for part in banded_roc(log_p[member], log_p[~member])
        )
        return (Curve(kind="roc", label="likelihood of what came last", x=x, y=y, low=low, high=high),)

    def _extractable(self, log_p: FloatArray) -> FloatArray:
        """1 where 1 - (1 - p_z)^n >= p, shape as ``log_p``."""
        missed = self.draws * np.log1p(-np.exp(np.minimum(log_p, -1e-12)))
        found: FloatArray = (missed <= np.log1p(-self.chance)).astype(np.float64)
        return found

    def _attempts(self, log_p: FloatArray, member: BoolArray, alpha: float) -> list[Measurement]:
        """n* of each side, a geometric mean over people; a number of draws, so at least 1."""
        # log(1 - p_z) is -p_z where p_z is too small to be taken from 1.
        hit = np.where(log_p < -30, log_p, np.log(-np.log1p(-np.exp(np.clip(log_p, -30, -1e-12)))))
        needed = np.maximum(0.0, np.log(-np.log1p(-self.chance)) - hit)
        rows = []
        for side, own in zip(SIDES, (needed[member], needed[~member]), strict=True):
            logs = mean_of_clusters(own, alpha=alpha)
            interval = logs and Interval(
                value=float(np.exp(logs.value)),
                low=float(np.exp(logs.low)),
                high=float(np.exp(logs.high)),
                method="geometric mean over users, t",
                n=logs.n,
                clusters=logs.clusters,
            )
            rows.append(
                row("attempts", interval, alpha=alpha, unit="draws", better="none", n=len(own), group=side)
            )
        return rows


def _table(held: HeldBack, part: str, named: FloatArray) -> dict[str, np.ndarray]:
    nothing = np.full(len(held.user), np.nan)
    sides = {"cluster": held.user, "member": held.member, "set": np.full(len(held.user), part)}
    return sides | {"named": named, "log_p": nothing, "popular": nothing}


def _read(part: Evidence) -> tuple[BoolArray, FloatArray, FloatArray, FloatArray]:
    log_p, named, popular = (part.columns[name].astype(np.float64) for name in ("log_p", "named", "popular"))
    return part.columns["member"].astype(np.bool_), log_p, named, popular


def _cases(
    auditee: Auditee, held: HeldBack, lists: IntArray, rng: np.random.Generator
) -> tuple[Exhibit, ...]:
    """Trained-on people of whom most was named, and others at random; never of real people."""
    effects = np.where(held.member, held.named(lists), np.nan)
    titles, exhibits = auditee.catalog.titles, []
    for kind, number, place in cases_to_show(effects, rng=rng) if auditee.log.synthetic else ():
        at = {int(item): 1 / rank for rank, item in enumerate(lists[place], 1) if item >= 0}
        last = held.targets[place].tolist()
        exhibits.append(
            Exhibit(
                title=f"{'Most named' if kind == 'worst' else 'Random trained-on person'} {number}",
                left_label="1 / place in the list",
                right_label="held back",
                left=request_text(auditee, held.requests([()] * len(held.histories))[place]),
                right="; ".join(titles[item] for item in last),
                answers=tuple((titles[item], at.get(item), 1.0) for item in last),
                effect=float(effects[place]),
                kind=kind,
            )
        )
    return tuple(exhibits)
