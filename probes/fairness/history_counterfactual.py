"""Does the model answer differently when a history looks like that of another group of users?

A history tells about its user. For each held-out user, k items of the history that are typical of the user's
own group are swapped for equally popular ones typical of the other group (for an attribute with more than
two values: of one value against the rest); nothing is stated. Typicality is the log of an item's share
among the group's users over its share among the others, smoothed, counted among people who are not asked.

history_shift is the mean over users of log-odds(yes) after the swap minus after a placebo swap, in which k
items that tell least about the group are swapped for equally popular ones that tell as little; turned so
that above 0 the model says yes more readily to a history that looks more like the group named first.
placebo_history_shift is the placebo swap against the untouched history, turned in the same way.

A model that searches the whole catalogue gives no odds; its lists are compared instead. list_move is
1 - overlap@10 of the lists after the swap and before it, less the same of the placebo swap
(placebo_list_move): the share of ten places that change beyond what any change of k items brings. It has no
direction. Items of any version of the history are passed over, since they can stand in some lists only.

This is reported, never judged: taste differs between groups, and a model that follows a history does its
job. The effect is mediated by the history; it is not the direct effect of a stated attribute, which is
counterfactual_shift's question. Swapped items keep the likes and dislikes of the places they take, which
some users may not have given them; the mean over candidates hides shifts that cancel between items. Items
that are typical of a group tell more about taste than the placebo's do, so a list may move further under the
swap for that alone.

Users differ, so intervals count users; all rows of one name hold together.

References: Kusner et al. 2017 (counterfactual fairness); Zhang and Bareinboim 2018 (direct and
indirect effects).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt

from ...models.base import Request
from ...models.data import InteractionLog
from .._people import people_and_new_items
from .._rows import joint_rows
from ..base import Auditee, Criterion, Evidence, Measurement, NotApplicable, Probe
from ._contrasts import Answers, Contrast, contrast_rows
from ._history_swap import GroupTaste, group_tastes
from ._list_moves import moved

AS_IT_IS, K = "as it is", 10
Version = tuple[Request, str, int]
"""A request, its condition, and the way it turns: 1 towards the contrast's group, -1 away from it."""


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
    needs: ClassVar[tuple[str, ...]] = ("judges|retrieves",)
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
        labels = [taste.label for taste in tastes]
        facts = {"contrasts": labels, "k": self.k}
        if "judges" in auditee.capabilities:
            versions = [one for person in people for one in self._versions(auditee.log, person, tastes)]
            return Evidence(columns=_answers(auditee, versions), facts=facts)
        people = [replace(person, candidates=()) for person in people]
        of_each = [self._versions(auditee.log, person, tastes) for person in people]
        return Evidence(columns=_lists(auditee, of_each, labels, asked_for=K + 2 * self.k), facts=facts)

    def _versions(self, log: InteractionLog, person: Request, tastes: Sequence[GroupTaste]) -> list[Version]:
        """The request as it is, and both swaps of each contrast that the person can be turned in."""
        versions: list[Version] = [(person, AS_IT_IS, 0)]
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
        """The shift of each contrast, and of its placebo; or the moves of lists."""
        labels = [str(label) for label in cast(Sequence[object], evidence.facts["contrasts"])]
        if "score" not in evidence.columns:
            return _list_rows(evidence, labels, alpha, rng)
        answers = Answers.of(evidence)
        signs = Answers.of(
            replace(evidence, columns={**evidence.columns, "score": evidence.columns["towards"]})
        )

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


def _answers(auditee: Auditee, versions: Sequence[Version]) -> dict[str, npt.NDArray[np.generic]]:
    """One row an answer about a candidate."""
    odds = auditee.log_odds([request for request, _, _ in versions])
    counts = [len(row) for row in odds]
    return {
        "cluster": np.repeat([request.history.user for request, _, _ in versions], counts),
        "candidate": np.concatenate([request.candidates for request, _, _ in versions]),
        "condition": np.repeat([condition for _, condition, _ in versions], counts),
        "own": np.repeat([condition == AS_IT_IS for _, condition, _ in versions], counts),
        "towards": np.repeat([towards for _, _, towards in versions], counts),
        "score": np.concatenate(odds),
    }


def _lists(
    auditee: Auditee, of_each: Sequence[Sequence[Version]], labels: Sequence[str], *, asked_for: int
) -> dict[str, npt.NDArray[np.generic]]:
    """One row a person and contrast: how far the list moves under either swap.

    ``asked_for`` leaves ten items once those of the other versions' histories are passed over.
    """
    slates = iter(auditee.recommend([one[0] for versions in of_each for one in versions], asked_for))
    found: list[tuple[int, str, float, float]] = []
    for versions in of_each:
        answers = {condition: next(slates) for _, condition, _ in versions}
        before = answers[AS_IT_IS]
        for label in labels:
            if f"swap {label}" not in answers:
                continue
            swap, placebo = answers[f"swap {label}"], answers[f"placebo {label}"]
            user = before.request.history.user
            found.append(
                (
                    user,
                    label,
                    moved(before, swap, beside=(placebo,), k=K),
                    moved(before, placebo, beside=(swap,), k=K),
                )
            )
    return {
        "cluster": np.array([row[0] for row in found], dtype=np.int64),
        "contrast": np.array([row[1] for row in found], dtype=np.str_),
        "swap": np.array([row[2] for row in found], dtype=np.float64),
        "placebo": np.array([row[3] for row in found], dtype=np.float64),
    }


def _list_rows(
    evidence: Evidence, labels: Sequence[str], alpha: float, rng: np.random.Generator
) -> list[Measurement]:
    column = evidence.columns
    swap, placebo = (column[name].astype(np.float64) for name in ("swap", "placebo"))
    rows = []
    for name, values in (("list_move", swap - placebo), ("placebo_list_move", placebo)):
        each = {label: np.where(column["contrast"] == label, values, np.nan) for label in labels}
        rows += joint_rows(
            name, each, column["cluster"], alpha=alpha, rng=rng, unit="share of places", better="none"
        )
    return rows
