"""Do some providers, genres or rarely met items get less attention than people's interest in them?

A held-out user's earlier interactions (the first 80 %, in the order of time) are the history, and the model
is asked for ten items of its whole catalogue. A list is looked at from the top: place r gets attention
w(r) = 1 / log2(1 + r); or p (1 - p)^(r - 1) with p = 1/2 (geometric), or (1 - g) g^(r - 1) with g = 0.85
(RBP), as set. exposure_share is a group's share of the attention to a list, E_g = sum_r w(r) [item r in g]
/ sum_r w(r), averaged over users; an item of two genres counts half for each. Groups are the providers and
the genres that the catalogue names, and popularity: head, middle and tail, with the first, the middle three
and the last fifth of what members met.

exposure_ratio is E_g / T_g and is judged: under 1/2, a group gets less than half of its due. What is due is
a choice (target): "relevance", T_g the group's share of what users liked after the history, averaged over
users; "history", its share of what they met before; "catalogue", its share of all items. Groups with a T_g
under min_share are taken together. Intervals hold jointly over all groups (Bonferroni, log scale). For
providers and genres they are over users and items: with few items on the lists, whose they are is luck, so
the error counts both ways, and Student's t has as many degrees of freedom as items hold the attention,
(sum x)^2 / sum x^2. Popularity is no label that luck deals, so for its classes, and for every other figure
here, they are over users: what is said holds for this catalogue.

Beside it, without a verdict: group_unfairness, the share of a list's places less that of the history (GU,
with mgu the mean absolute and dgu the widest apart); awrf@total_variation, half the sum over groups of
|E_g - T_g|, the attention that would have to move; eed = sum E_g^2, eer = 2 sum E_g T_g and eel = eed - eer +
sum T_g^2, the expected exposure of groups; eur@lowest_over_highest, the least E_g / T_g over the largest;
coverage@10, the share of all items that is in any list; exposure_gini@all_items_over_n, the Gini coefficient
of all n items' attention, never shown counting as 0, sum (2 r - n - 1) x_r / (n sum x) with x ascending.

Who is affected: makers whose items are not shown, and people who would like them. Likes themselves depend on
what was shown before, so relevance inherits old unfairness; "catalogue" does not, and knows no merit.

References: Singh and Joachims 2018 (exposure and relevance); Diaz et al. 2020 (expected exposure);
Sapiezynski et al. 2019 (AWRF); Raj and Ekstrand 2022 (comparison); Jiang et al. 2024 (MGU, DGU); Cameron,
Gelbach and Miller 2011 (two-way clusters).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, cast

import numpy as np

from ...models.base import Slate
from ...models.data import IntArray
from .._exhibits import cases_to_show, request_text
from .._retrieval import NOTHING, Asked, Lists, held_out_lists
from ..base import Auditee, Criterion, Evidence, Exhibit, Measurement, NotApplicable, Probe
from ._exposure import attention
from ._exposure_rows import group_rows, ratio_rows, spread_rows, summary_rows
from ._exposure_table import HISTORY, LIST, TARGETS, ExposureTable
from ._item_groups import coded, item_groups

K = 10


@dataclass(frozen=True, kw_only=True)
class ExposureGap(Probe):
    """Compares the attention that groups of items get with the attention that is due to them.

    Parameters
    ----------
    earlier : share of a user's interactions that is the history, in (0, 1).
    attention : how attention falls down a list.
    target : what is due to a group: its share of later likes, of histories, or of the catalogue.
    min_share : groups due less than this are taken together, in [0, 1).
    bound : smallest share of what is due that passes.
    """

    n_users: int = 2000
    earlier: float = 0.8
    attention: Literal["log", "geometric", "rbp"] = "log"
    target: Literal["relevance", "history", "catalogue"] = "relevance"
    min_share: float = 0.02
    bound: float = 0.5

    title: ClassVar[str] = "Exposure of groups of items"
    needs: ClassVar[tuple[str, ...]] = ("retrieves|recorded",)
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "some groups of items get far less attention than people's interest in them"
    otherwise: ClassVar[str] = (
        "judges items that are put before it, and is not asked to search the whole catalogue"
    )

    def calls(self) -> int:
        """Lists at most: one a user."""
        return self.n_users

    def criteria(self) -> tuple[Criterion, ...]:
        """No group may get less than a share of what is due to it."""
        because = (
            f"under {self.bound:g}, a group of items lost {1 - self.bound:.0%} of the attention due to it"
        )
        return (
            Criterion(measurement="exposure_ratio", bound=self.bound, direction="at_least", because=because),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask one list a held-out user, and note every item's groups."""
        counts = auditee.log.only(auditee.population.members).item_counts
        groups = item_groups(auditee.catalog, counts)
        if not groups:
            raise NotApplicable(
                f"the catalogue of data {auditee.log.name!r} names no providers or genres, and its items"
                " are met alike, so there are no groups of items to compare"
            )
        asked = held_out_lists(auditee, n_users=self.n_users, earlier=self.earlier, rng=rng)
        slates = auditee.recommend(asked.requests, K)
        lists = Lists.of(slates, K)
        columns = _columns(asked, lists)
        meanings: dict[str, object] = {}
        for name, of_items in groups.items():
            codes, meanings[name] = coded(of_items)
            columns[name] = codes[columns["item"]]
        facts = {
            "items": len(counts),
            "attributes": meanings,
            "wasted": dict(lists.wasted),
            "caveats": lists.caveats(),
        }
        evidence = Evidence(columns=columns, facts=facts)
        return replace(evidence, exhibits=_cases(auditee, slates, lists, groups, rng))

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Every group's attention against its due; then summaries by attribute and over all items."""
        meanings = cast(Mapping[str, Mapping[str, object]], evidence.facts["attributes"])
        table = ExposureTable.of(evidence, self.attention)
        parts = [table.parts(name, meanings[name], self.target, self.min_share) for name in meanings]
        rows = ratio_rows(table, parts, self.target, alpha)
        for one in parts:
            rows += group_rows(table, one, alpha, rng)
            rows += summary_rows(table, one, self.target, alpha, rng)
        return rows + spread_rows(table, int(str(evidence.facts["items"])), alpha)


def _columns(asked: Asked, lists: Lists) -> dict[str, np.ndarray]:
    """One row an item of a history, of what was liked later, or of a list with its place from 1 on."""
    histories = [np.unique(request.history.items) for request in asked.requests]
    user, place = np.nonzero(lists.items != NOTHING)
    parts: list[tuple[str, IntArray, IntArray]] = [
        (HISTORY, asked.users.repeat([len(own) for own in histories]), np.concatenate(histories)),
        (TARGETS, asked.users.repeat([len(own) for own in asked.targets]), np.concatenate(asked.targets)),
        (LIST, asked.users[user], lists.items[user, place]),
    ]
    sizes = [len(items) for _, _, items in parts]
    return {
        "cluster": np.concatenate([users for _, users, _ in parts]),
        "side": np.repeat([side for side, _, _ in parts], sizes),
        "item": np.concatenate([items for _, _, items in parts]),
        "place": np.concatenate([np.zeros(sum(sizes[:2]), dtype=np.int64), place + 1]),
    }


def _cases(
    auditee: Auditee,
    slates: Sequence[Slate],
    lists: Lists,
    groups: Mapping[str, Sequence[tuple[str, ...]]],
    rng: np.random.Generator,
) -> tuple[Exhibit, ...]:
    """The lists of the most shown items, and lists at random."""
    titles, looked = auditee.catalog.titles, attention("log", np.arange(1, K + 1))
    filled = lists.items != NOTHING
    shown = np.bincount(lists.items[filled], minlength=len(titles)) / max(1, len(slates))
    weights = filled * looked
    known = weights.sum(axis=1) > 0
    usual = np.full(len(slates), np.nan)
    usual[known] = (weights * shown[lists.items])[known].sum(axis=1) / weights[known].sum(axis=1)
    exhibits = []
    for kind, number, place in cases_to_show(usual, rng=rng):
        lines = [
            f"{titles[item]}: {', '.join(' and '.join(of[item]) for of in groups.values())};"
            f" on {shown[item]:.0%} of lists"
            for item in lists.items[place][filled[place]].tolist()
        ]
        exhibits.append(
            Exhibit(
                title=f"{'Most usual list' if kind == 'worst' else 'Random list'} {number}",
                left_label="the request",
                right_label="the list: whose items, and how many lists hold them",
                left=request_text(auditee, slates[place].request),
                right="\n".join(lines),
                answers=(),
                effect=float(usual[place]),
                kind=kind,
            )
        )
    return tuple(exhibits)
