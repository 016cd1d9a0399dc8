"""Does the model answer differently when a history looks like that of another group of users?

A history tells about its user. For each held-out user, k items of the history that are typical of the user's
own group are swapped for equally popular ones typical of the other group (for an attribute with more than
two values: of one value against the rest); nothing is stated. Typicality is the log of an item's share
among the group's users over its share among the others, smoothed, counted among people who are not asked.

history_shift is the mean over users of log-odds(yes) after the swap minus after a placebo swap, in which k
items that tell least about the group are swapped for equally popular ones that tell as little; turned so
that above 0 the model says yes more readily to a history that looks more like the group named first.
placebo_history_shift is the placebo swap against the untouched history, turned in the same way.

This is reported, never judged: taste differs between groups, and a model that follows a history does its
job. The effect is mediated by the history; it is not the direct effect of a stated attribute, which is
counterfactual_shift's question. Swapped items keep the likes and dislikes of the places they take, which
some users may not have given them; the mean over candidates hides shifts that cancel between items.

Users differ, so intervals count users; all rows of one name hold together.

References: Kusner et al. 2017 (counterfactual fairness); Zhang and Bareinboim 2018 (direct and
indirect effects).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, cast

import numpy as np

from ...models.base import Request
from ...models.data import InteractionLog
from .._people import people_and_new_items
from ..base import Auditee, Criterion, Evidence, Measurement, NotApplicable, Probe
from ._contrasts import Answers, Contrast, contrast_rows
from ._history_swap import GroupTaste, group_tastes

AS_IT_IS = "as it is"


@dataclass(frozen=True, kw_only=True)
class HistoryCounterfactual(Probe):
    """Makes histories look more like another group's and measures how far the answers move.

    Parameters
    ----------
    length : history items in a request.
    k : items that are swapped.
    max_values : values of an attribute that are tried, the most common ones.
    min_group : users of a group that typicality may be counted among.
    """

    n_users: int = 80
    n_candidates: int = 10
    length: int = 10
    k: int = 3
    max_values: int = 3
    min_group: int = 30

    title: ClassVar[str] = "Counterfactual history shift"
    needs: ClassVar[tuple[str, ...]] = ("judges",)
    fits: ClassVar[int] = 0

    def calls(self) -> int:
        """Upper estimate for four attributes, request-candidates."""
        return self.n_users * self.n_candidates * (1 + 2 * 4 * self.max_values)

    def criteria(self) -> tuple[Criterion, ...]:
        """None: an effect that a history mediates is no fault by itself."""
        return ()

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask about each history as it is, swapped, and placebo-swapped, for each contrast."""
        population = auditee.population
        public = np.sort(np.concatenate([population.base, population.reference]))
        tastes = group_tastes(auditee.log, public, max_values=self.max_values, min_group=self.min_group)
        if not tastes:
            raise NotApplicable(
                f"no attribute has two groups of {self.min_group} users among the {len(public)} people that"
                " are not asked, so there is no telling which items are typical of whom"
            )
        people = people_and_new_items(
            auditee, n_users=self.n_users, n_items=self.n_candidates, length=self.length, rng=rng
        )
        versions = [version for person in people for version in self._versions(auditee.log, person, tastes)]
        odds = auditee.log_odds([request for request, _, _ in versions])
        counts = [len(row) for row in odds]
        columns = {
            "cluster": np.repeat([request.history.user for request, _, _ in versions], counts),
            "candidate": np.concatenate([request.candidates for request, _, _ in versions]),
            "condition": np.repeat([condition for _, condition, _ in versions], counts),
            "own": np.repeat([condition == AS_IT_IS for _, condition, _ in versions], counts),
            "towards": np.repeat([towards for _, _, towards in versions], counts),
            "score": np.concatenate(odds),
        }
        return Evidence(columns=columns, facts={"contrasts": [taste.label for taste in tastes], "k": self.k})

    def _versions(
        self, log: InteractionLog, person: Request, tastes: Sequence[GroupTaste]
    ) -> list[tuple[Request, str, int]]:
        """Requests with their condition and the way they turn: 1 towards the contrast's group, -1 away."""
        versions = [(person, AS_IT_IS, 0)]
        for taste in tastes:
            own = log.attributes[taste.attribute][person.history.user]
            if not own:
                continue
            towards = own != taste.value
            for kind in ("swap", "placebo"):
                history = taste.swapped(
                    person.history,
                    k=self.k,
                    towards=towards,
                    avoid=person.candidates,
                    neutral=kind == "placebo",
                )
                swapped = replace(person, history=history)
                versions.append((swapped, f"{kind} {taste.label}", 1 if towards else -1))
        return versions

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """The shift of each contrast, and of its placebo."""
        answers = Answers.of(evidence)
        signs = Answers.of(
            replace(evidence, columns={**evidence.columns, "score": evidence.columns["towards"]})
        )
        labels = [str(label) for label in cast(Sequence[object], evidence.facts["contrasts"])]

        def rows(name: str, pairs: Sequence[tuple[str, str]]) -> list[Measurement]:
            contrasts = [
                Contrast(label, plus, (minus,)) for label, (plus, minus) in zip(labels, pairs, strict=True)
            ]
            turns = np.stack([signs.at(f"placebo {label}") for label in labels], axis=1)
            values = turns * answers.differences(contrasts)
            return contrast_rows(name, answers, values, labels, unit="log-odds", alpha=alpha, rng=rng)

        return [
            *rows("history_shift", [(f"swap {label}", f"placebo {label}") for label in labels]),
            *rows("placebo_history_shift", [(f"placebo {label}", AS_IT_IS) for label in labels]),
        ]
