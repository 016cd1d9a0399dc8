"""Does the same person get another list when only a stated attribute changes?

Each of some held-out people asks for a list of k items, with the same history and one stated value a changed
at a time; all else that a model is told of a person stays as it is. list_change is the share of places that
differ between the person's lists under two values, 1 - |x and y| / max(|x|, |y|); for an attribute with more
values, one row a value: the mean over the other values. Any change of words moves the lists of some models,
and luck those of others. So the same is done with placebo attributes such as handedness, and excess_change,
which carries the verdict, is the person's list_change less that of the placebos.

placebo_excess is each placebo against the mean of all of them: how far statements that mean nothing differ. A
change no larger than that cannot fail. A model without placebos can pass, if its lists hardly move beyond
those of the same request asked again, and can never fail: nobody knows what any statement does to it.

Beside it stand the published figures, without a verdict. Similarity Sim(a) to the neutral list, in which the
attribute is not stated: jaccard, serp@paper and prag@released, the last two with weight on first places and
on order. SNSR = max_a Sim(a) - min_a Sim(a) and SNSV, the standard deviation of Sim over the values, for
these and for the variants in use (serp@released; prag@langfair). SNSR is above 0 by luck alone and grows with
the number of values; its note says how large pure noise would make it. A row "pairwise" compares values with
each other, each pair by the lesser of both directions.

A model that judges items one by one ranks ``n_candidates`` items the person never met. A model that reads any
text is asked about the 31 values of FaiRLLM. Of recorded lists, those are compared that were recorded. What
is no item of the catalogue is compared by its words.

Who is affected: people who are shown other items for who they are said to be. Limits: a changed list may be
what the person wanted; better or worse is not asked here. Lists with the same items in another order do not
change. A placebo is worded like an attribute, but one of few words cannot stand for all words. Intervals
count people; rows of one name hold together, except for SNSR and SNSV.

References: Zhang et al. 2023 (FaiRLLM: the values, SNSR, SNSV); Bouchard 2024 (LangFair: pairwise, its PRAG);
Kusner et al. 2017 (counterfactual fairness); Westfall and Young 1993 (joint intervals by max-T).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ...models.base import Slate
from ...models.data import FloatArray, IntArray
from .._exhibits import cases_to_show, request_text
from .._people import people_and_new_items
from .._rows import joint_rows, known
from ..base import Auditee, Criterion, Evidence, Exhibit, Measurement, Probe
from ._list_rows import ASKED_AGAIN, ONE_PLACEBO, PLACEBO, Lists, excess_rows, floor_of, spread_rows
from ._list_similarity import SIMILARITIES, list_change
from ._list_table import AGAIN, OWN, ListTable, Stated, ask_lists, what_to_state

SHOWN = ("jaccard", "serp@paper", "prag@released")


@dataclass(frozen=True, kw_only=True)
class ListSimilarity(Probe):
    """Changes one stated attribute at a time and measures how much of the list is replaced.

    Parameters
    ----------
    k : items in a list.
    length : history items in a request.
    n_candidates : items that a model ranks which judges them one by one; half of them at most are listed.
    max_values : values of an attribute that are tried, the most common ones.
    bound : largest share of places, beyond what a placebo changes, that passes.
    """

    n_users: int = 150
    k: int = 10
    length: int = 10
    n_candidates: int = 20
    max_values: int = 7
    bound: float = 0.1

    title: ClassVar[str] = "Similarity of lists across stated attributes"
    needs: ClassVar[tuple[str, ...]] = ("reads_attributes|writes_text",)
    otherwise: ClassVar[str] = "reads nothing that is stated about a person"
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "what a request states about a user's attributes replaces items of the list"

    def calls(self) -> int:
        """Lists, at most, for four attributes and a placebo."""
        return self.n_users * (4 * (self.max_values + 1) + 5)

    def criteria(self) -> tuple[Criterion, ...]:
        """No value may replace more of a list than a statement that means nothing."""
        return (
            Criterion(
                measurement="excess_change",
                bound=self.bound,
                direction="at_most",
                floor="placebo_excess",
                because=f"at {self.bound:g}, {self.k * self.bound:.3g} of {self.k} places go to other items"
                " for who the person is said to be",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask for each person's list under every value, without it, and once more."""
        people = people_and_new_items(
            auditee, n_users=self.n_users, n_items=self.n_candidates, length=self.length, rng=rng
        )
        stated = what_to_state(auditee, people[0], max_values=self.max_values)
        k = self.k
        if "judges" in auditee.capabilities:
            k = min(k, self.n_candidates // 2)
        else:
            people = [replace(person, candidates=()) for person in people]
        columns, slates = ask_lists(auditee, people, stated, k)
        facts = {
            "k": k,
            "attributes": {name: list(values) for name, values in stated.attributes.items()},
            "placebos": {name: list(values) for name, values in stated.placebos.items()},
            "caveats": _caveats(stated, columns["item"], len(auditee.catalog)),
        }
        evidence = Evidence(columns=columns, facts=facts)
        return replace(evidence, exhibits=_cases(auditee, slates, evidence, rng))

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """How much of a list a value replaces, beyond a placebo; and the published figures."""
        lists = Lists(ListTable.of(evidence), evidence.facts)
        users = np.arange(len(lists.table.items))
        changes, placebos = lists.changes(lists.attributes), lists.changes(lists.placebos, PLACEBO)
        again = {ASKED_AGAIN: lists.table.compare(list_change, AGAIN, OWN)}
        floor, note = floor_of(placebos, again)

        def rows(name: str, values: Mapping[str, FloatArray]) -> list[Measurement]:
            return joint_rows(name, values, users, alpha=alpha, rng=rng, unit="share", better="none")

        excess = {label: change - floor for label, change in changes.items()}
        beyond = {label: change - floor for label, change in placebos.items() if known(change)}
        found = [
            *excess_rows("excess_change", excess, note, alpha=alpha, rng=rng),
            *excess_rows(
                "placebo_excess", beyond, ONE_PLACEBO if len(beyond) == 1 else "", alpha=alpha, rng=rng
            ),
            *rows("list_change", {**changes, **placebos, **again}),
        ]
        for name in SHOWN:
            found += rows(name, lists.to_neutral(SIMILARITIES[name]))
            found += rows(f"pairwise_{name}", lists.pairwise(SIMILARITIES[name]))
        return [*found, *spread_rows(lists, alpha)]


def _caveats(stated: Stated, codes: IntArray, n_items: int) -> list[str]:
    caveats = [
        f"Of {name}, the less common values were not tried: {', '.join(values)}."
        for name, values in stated.left_out.items()
    ]
    if strange := int((codes >= n_items).sum()):
        caveats.append(
            f"{strange:,} entries of lists are no item of the catalogue and are compared by words."
        )
    return caveats


def _cases(
    auditee: Auditee,
    slates: Mapping[tuple[int, str], Slate],
    evidence: Evidence,
    rng: np.random.Generator,
) -> tuple[Exhibit, ...]:
    """People whose lists change most and people at random, for the two values that change lists most."""
    lists = Lists(ListTable.of(evidence), evidence.facts)
    pairs = [
        (f"{name}={left}", f"{name}={right}")
        for name, values in lists.attributes.items()
        for at, left in enumerate(values)
        for right in values[at + 1 :]
    ]
    changes = [lists.table.compare(list_change, *pair) for pair in pairs]
    widest = int(np.argmax([np.nansum(change) / max(1, known(change)) for change in changes]))
    left, right = pairs[widest]
    users, exhibits = np.unique(evidence.columns["cluster"]).tolist(), []
    for kind, number, place in cases_to_show(changes[widest], rng=rng):
        sides = [slates[users[place], condition] for condition in (left, right)]
        one, two = (_by_place(auditee, slate) for slate in sides)
        exhibits.append(
            Exhibit(
                title=f"{'Largest change' if kind == 'worst' else 'Random person'} {number}",
                left_label=f"{left}, each item with 1 / place",
                right_label=f"{right}, each item with 1 / place",
                left=request_text(auditee, sides[0].request),
                right=request_text(auditee, sides[1].request),
                answers=tuple((title, one.get(title), two.get(title)) for title in one | two),
                effect=float(changes[widest][place]),
                kind=kind,
            )
        )
    return tuple(exhibits)


def _by_place(auditee: Auditee, slate: Slate) -> dict[str, float]:
    """What stands in a list, with one over its place."""
    titles = auditee.catalog.titles
    said = [entry.raw or "" if entry.item is None else titles[entry.item] for entry in slate.entries]
    return {title: 1 / place for place, title in reversed(list(enumerate(said, 1))) if title}
