"""Does a model that was made to forget people still know them?

Some people ask to be erased. The surest way is to train again without them; there are quicker ways, which
claim the same. To test a claim, people E are drawn from those the model was trained on and made to be
forgotten, and a twin is trained without them by the model's own recipe. For each person of E, and for others
whom no model ever saw, s = k(claimed) - k(twin), with k how well a model knows the person: the mean of
log p(answer) over a few examples where it judges, log p of what the person liked last where it writes answers
of its own (nats), minus the log of the error where it restores histories, or the share of what the person
liked last that one list names, where it gives nothing but lists.

A model that has forgotten treats E as it treats strangers. residual_auc is the chance that a person of E has
a higher s than a stranger: it must be shown to lie near 0.5. Above, the people are still known; below, they
are known less than people who were never there, which gives away that they were erased. knowledge_gap is the
mean of s over E less that over strangers.

Which claim: with `unlearn` set, that function is given the model, the data and E, and returns the model that
claims to have forgotten. Without it, the claim is that of the surest way, a second training without E with
other random numbers; it fails where people stay in something that is not trained again. trace_auc is the
same for the model as it is, from which nobody was erased: what there is to forget.

Threat model: someone who holds a person's interactions and may ask the claimed model for probabilities,
histories restored from noise, or lists, with a twin to compare with. Affected: people with a right to be
erased. The unit is the person. Limits: one attack, the one above; indistinguishable to it is not erased from
the weights. Where trace_auc is near 0.5, this attack saw nothing of E to begin with, and forgetting them
proves little. What was worked out before training, such as a base model or items' codes, is not made again.

References: Cao and Yang 2015 and Bourtoule et al. 2021 (unlearning); Chundawat et al. 2023 and Golatkar et
al. 2020 (forgetting too much shows); Hayes et al. 2024 (unlearning evaluated person by person); DeLong et al.
1988.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from ...models.base import Recommender
from ...models.data import BoolArray, FloatArray, IntArray, InteractionLog
from .._people import own_profile
from ..base import Auditee, Criterion, Curve, Evidence, Measurement, NotApplicable, Probe
from ._attack_rates import Sides
from ._denoising_attacks import draw_histories
from ._handed_in import HandedIn, user_means
from ._held_back import hold_back, listed
from ._loss_attacks import draw_rows
from ._sides import gap_row

Unlearner = Callable[[Recommender, InteractionLog, IntArray], Recommender]
RETRAINED = "trained again without them"
UNITS = {"gives_likelihoods": "nats", "denoises": "log error", "retrieves": "share named"}


@dataclass(frozen=True)
class _Asked:
    """Who is asked about, and how well a model knows each, by rows of a user."""

    user: IntArray
    erased: BoolArray
    known: Callable[[Recommender], FloatArray]


@dataclass(frozen=True, kw_only=True)
class Forgetting(Probe):
    """Has people forgotten and looks for what is left of them.

    Parameters
    ----------
    unlearn : "module:function" that is called with the model, the data and the users to forget (positions),
        and returns a model that claims to have forgotten them; empty: training again without them.
    n_users : people to be erased, at most half of those trained on, and as many strangers.
    per_user, window : latest examples a person, and history items of each, for models that judge.
    noise_levels : where in its range of noise a model that restores histories is asked.
    last, k : things that are held back of a person, and items in a list, for other models.
    bound : how far residual_auc may lie from 0.5.
    """

    unlearn: str = ""
    n_users: int = 1000
    per_user: int = 2
    window: int = 10
    noise_levels: tuple[float, ...] = (0.0, 0.5, 1.0)
    last: int = 3
    k: int = 20
    bound: float = 0.05

    title: ClassVar[str] = "Forgetting of erased people"
    needs: ClassVar[tuple[str, ...]] = ("trainable", "gives_likelihoods|denoises|retrieves")
    fits: ClassVar[int] = 2
    shows: ClassVar[str] = "people who were erased can still be told from people who were never there"

    def calls(self) -> int:
        """Answers or noise levels under three models, at most."""
        return 6 * self.n_users * max(self.per_user, len(self.noise_levels))

    def criteria(self) -> tuple[Criterion, ...]:
        """Erased people must be shown to look like strangers, neither better known nor worse."""
        above, below = 0.5 + self.bound, 0.5 - self.bound
        return (
            Criterion(
                measurement="residual_auc",
                bound=above,
                direction="at_most",
                because=f"shown one erased person and one stranger, who is which could be told {above:.0%} of"
                " the time from how well they are known; a coin does 50%",
            ),
            Criterion(
                measurement="residual_auc",
                bound=below,
                direction="at_least",
                because="people who are known less than strangers can be told to have been erased",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Have people forgotten, train the twin, and ask all three models about them and about strangers."""
        asked, who = self._asked(auditee, rng), auditee.population
        erased = np.unique(asked.user[asked.erased])
        rest = np.setdiff1d(who.members, erased)
        twin = asked.known(auditee.fit(rest, label="forgetting:twin"))
        if self.unlearn:
            claimed = _unlearner(self.unlearn)(auditee.model, auditee.log, erased)
        else:
            claimed = auditee.fit(rest, label="forgetting:again")
        users, first, n = np.unique(asked.user, return_index=True, return_counts=True)
        columns = {
            "cluster": users,
            "member": asked.erased[first],
            "set": np.full(len(users), "audit"),
            "examples": n,
            "claimed": user_means(asked.known(claimed) - twin, asked.user),
            "as_it_is": user_means(asked.known(auditee.model) - twin, asked.user),
        }
        unit = next(unit for name, unit in UNITS.items() if name in auditee.capabilities)
        facts = {"unit": "user", "erased": len(erased), "claim": self.unlearn or RETRAINED, "scale": unit}
        return Evidence(columns=columns, facts=facts)

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """How well erased people are told from strangers, under the claim and in the model as it is."""
        sides, scale = Sides.of(evidence, "audit"), str(evidence.facts["scale"])
        rows = [
            sides.auc("residual_auc", "claimed", alpha=alpha, better="zero"),
            sides.auc("trace_auc", "as_it_is", alpha=alpha, better="none"),
        ]
        for group, score in (("claimed", "claimed"), ("as it is", "as_it_is")):
            values = evidence.columns[score].astype(np.float64)
            rows.append(
                gap_row(
                    "knowledge_gap",
                    values,
                    sides.member,
                    alpha=alpha,
                    unit=scale,
                    better="zero",
                    bounded=False,
                    group=group,
                )
            )
        return rows

    def curves(self, evidence: Evidence, rng: np.random.Generator) -> tuple[Curve, ...]:
        """How many erased people are found at each rate of strangers taken for one."""
        sides = Sides.of(evidence, "audit")
        return (
            sides.curve("claimed", label="the model that claims to have forgotten"),
            sides.curve("as_it_is", label="the model as it is"),
        )

    def _asked(self, auditee: Auditee, rng: np.random.Generator) -> _Asked:
        """Draw people to erase, at most half of the members, and as many strangers."""
        log, who = auditee.log, auditee.population
        half = np.sort(rng.permutation(who.members)[: len(who.members) // 2])
        can = auditee.capabilities
        if {"gives_likelihoods", "judges"} <= can:
            rows: HandedIn = draw_rows(
                log,
                half,
                who.held_out,
                n_users=self.n_users,
                per_user=self.per_user,
                window=self.window,
                rng=rng,
            )
            return _Asked(rows.user, rows.member, rows.known)
        if "denoises" in can:
            rows = draw_histories(
                log,
                half,
                who.held_out,
                model=auditee.model,
                n_users=self.n_users,
                noise_levels=self.noise_levels,
                rng=rng,
            )
            return _Asked(rows.user, rows.member, rows.known)
        held = hold_back(log, (half, who.held_out), n_users=self.n_users, last=self.last, least=1, rng=rng)
        if "gives_likelihoods" in can:
            return _Asked(held.user, held.member, held.log_p)
        requests = held.requests([own_profile(auditee, user, rng) for user in held.user.tolist()])
        return _Asked(
            held.user,
            held.member,
            lambda model: held.named(listed(model.recommend(requests, self.k), self.k)),
        )


def _unlearner(name: str) -> Unlearner:
    module, colon, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute) if colon else None
    except (ImportError, AttributeError, ValueError) as problem:
        raise NotApplicable(f"unlearn={name!r} cannot be imported ({problem})") from None
    if not callable(found):
        raise NotApplicable(
            f"unlearn={name!r} names no function; write module:function, called with the model, the data and"
            " the users to forget"
        )
    return cast(Unlearner, found)
