"""Does it recommend popular items more than people's own histories hold them?

A held-out user's earlier interactions (the first 80 %, in the order of time) are the history, and the model
is asked for ten items of its whole catalogue. The head is the fifth of all items with the most interactions
among the people the model was trained on. head_share is the share of a user's list, or history, that is of
the head; head_lift is the first less the second, per user, and its mean over users is judged: a recommender
that mirrors people's own interest in popular items has 0.

Beside it stand, without a verdict: popularity_lift, (ARP(list) - ARP(history)) / ARP(history) per user with
ARP the mean number of interactions of the items; aplt@10, the share of a list or history that is of the tail,
the least met items that together hold the last fifth of all interactions, with tail_lift the list's less the
history's, and aclt@10 the number of tail items on a list; popularity_shift, the share of the list less that
of the history that falls into each fifth of the items by popularity (mean absolute: MGU, widest apart: DGU);
coverage@10, the share of the catalogue that is in any list; gini@10, the Gini coefficient of how often each
of all n items is recommended, never counting as 0, sum (2 r - n - 1) x_r / (n sum x) with x ascending, so
at most (n - 1) / n. For the last two, histories are thinned to as many items as the lists: both figures
depend on how many people are asked and how long their lists are. The same lists of rules of counting,
fitted on the same people as the model, show how far any recommender on this data would go.

Who is affected: users whose taste is not the crowd's, who are shown the crowd's; and the providers of items
that few have met, who stay unseen. A lift can serve users well, since popular items are liked by many; it
says nothing of quality, and lists of new items alone cannot repeat the popular ones a user has met.

References: Abdollahpouri et al. 2019 (unfairness of popularity bias; APLT and ACLT); Jiang et al. 2024
(IFairLRS, MGU and DGU); Efron and Stein 1981 (jackknife).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ...models.base import Slate
from ...models.data import BoolArray, FloatArray, IntArray
from .._exhibits import cases_to_show, request_text
from .._retrieval import NOTHING, RIVALS, Asked, Lists, fitted_rivals, held_out_lists, most_met
from .._rows import joint_rows, known, row, user_means, user_sums
from ..base import Auditee, Better, Criterion, Curve, Evidence, Exhibit, Measurement, NotApplicable, Probe
from ..stats.intervals import Interval, mean_of_clusters
from ._exposure import TAIL, coverage, gini, lorenz, popularity_classes, popularity_fifths

K = 10
LIST, HISTORY, THINNED = "recommended", "histories", "histories, as many items each"
FIFTHS = ("most popular fifth", "second fifth", "middle fifth", "fourth fifth", "least popular fifth")


@dataclass(frozen=True, kw_only=True)
class PopularityAmplification(Probe):
    """Compares how popular recommended items are with how popular a person's own items are.

    Parameters
    ----------
    earlier : share of a user's interactions that is the history, in (0, 1).
    head : share of the items, most met first, that is the head, in (0, 1).
    bound : largest mean rise of the head's share that passes.
    """

    n_users: int = 2000
    earlier: float = 0.8
    head: float = 0.2
    bound: float = 0.1

    title: ClassVar[str] = "Popularity amplification"
    needs: ClassVar[tuple[str, ...]] = ("retrieves|recorded",)
    fits: ClassVar[int] = 0
    suite: ClassVar[str] = "quick"
    shows: ClassVar[str] = "the model recommends popular items more than people choose them"
    otherwise: ClassVar[str] = (
        "judges items that are put before it, and is not asked to search the whole catalogue"
    )

    def calls(self) -> int:
        """Lists at most: one a user."""
        return self.n_users

    def criteria(self) -> tuple[Criterion, ...]:
        """Lists may hold only so much more of the head than histories do."""
        because = (
            f"at {self.bound:g}, {K * self.bound:.3g} of {K} places went from all other items to the head"
        )
        return (Criterion(measurement="head_lift", bound=self.bound, direction="at_most", because=because),)

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask one list a held-out user, of the model and of the rules of counting."""
        counts = auditee.log.only(auditee.population.members).item_counts
        if not counts.any():
            raise NotApplicable("no member has an interaction, so no item is more popular than another")
        asked = held_out_lists(auditee, n_users=self.n_users, earlier=self.earlier, rng=rng)
        slates = auditee.recommend(asked.requests, K)
        rivals, caveats = fitted_rivals(auditee)
        lists = {LIST: Lists.of(slates, K)}
        lists |= {name: Lists.of(rival.recommend(asked.requests, K), K) for name, rival in rivals.items()}
        columns = _columns(asked, lists, rng)
        items, head = columns["item"], most_met(counts, self.head)
        columns["met"] = counts[items]
        columns["head"] = head[items]
        columns["tail"] = (popularity_classes(counts) == TAIL)[items]
        columns["fifth"] = popularity_fifths(counts)[items]
        facts = {
            "items": len(counts),
            "head_items": int(head.sum()),
            "wasted": dict(lists[LIST].wasted),
            "caveats": caveats + lists[LIST].caveats(),
        }
        evidence = Evidence(columns=columns, facts=facts)
        return replace(evidence, exhibits=_cases(auditee, slates, evidence, rng))

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Shares and lifts as means over users; coverage and Gini over all lists together."""
        table = _Sides.of(evidence)
        rivals = [name for name in RIVALS if name in table.sides]
        shares = {side: table.column("head", side) for side in (LIST, HISTORY, *rivals)}
        rows = joint_rows(
            "head_share", shares, table.cluster, alpha=alpha, rng=rng, unit="share", better="none"
        )
        rows.append(_head_lift(table, alpha))
        lifts = {name: table.per_user("head", name) - table.per_user("head", HISTORY) for name in rivals}
        rows += joint_rows(
            "rival_head_lift",
            lifts,
            table.users,
            alpha=alpha,
            rng=rng,
            unit="share of places",
            better="lower",
        )
        rows.append(_popularity_lift(table, alpha))
        rows += _tail(table, rivals, alpha, rng)
        rows += _shifts(table, alpha, rng)
        n_items = int(str(evidence.facts["items"]))
        for side in (LIST, THINNED, *rivals):
            rows += _spread(table, side, n_items, alpha)
        return rows

    def curves(self, evidence: Evidence, rng: np.random.Generator) -> tuple[Curve, ...]:
        """How evenly items share the places of the lists, of the histories and of the rule of popularity."""
        table = _Sides.of(evidence)
        sides = [side for side in (LIST, THINNED, "popularity") if len(table.places(side)[1])]
        return tuple(_lorenz(table, side, int(str(evidence.facts["items"]))) for side in sides)


@dataclass(frozen=True)
class _Sides:
    """Evidence by side: the lists, the histories, the thinned histories, and each rival's lists."""

    evidence: Evidence
    sides: dict[str, BoolArray]
    users: IntArray

    @classmethod
    def of(cls, evidence: Evidence) -> _Sides:
        side = evidence.columns["side"].astype(np.str_)
        sides = {str(name): side == name for name in np.unique(side)}
        thinned = sides.get(HISTORY, np.zeros(len(side), dtype=np.bool_))
        sides[THINNED] = thinned & evidence.columns["drawn"].astype(np.bool_)
        return cls(evidence, sides, np.unique(evidence.columns["cluster"]).astype(np.int64))

    @property
    def cluster(self) -> IntArray:
        """The user of each row."""
        return self.evidence.columns["cluster"].astype(np.int64)

    def rows(self, side: str) -> BoolArray:
        """Which rows belong to a side."""
        return self.sides.get(side, np.zeros(len(self.evidence), dtype=np.bool_))

    def column(self, name: str, side: str) -> FloatArray:
        """A column as numbers, NaN outside the side."""
        return np.where(self.rows(side), self.evidence.columns[name].astype(np.float64), np.nan)

    def per_user(self, name: str, side: str) -> FloatArray:
        """Each user's mean on a side, NaN for a user without rows there; shape ``(n_users,)``."""
        return user_means(self.column(name, side), self.cluster)

    def places(self, side: str) -> tuple[IntArray, IntArray]:
        """The user (as a position among all users) and item of each row of a side."""
        rows = self.rows(side)
        user = np.searchsorted(self.users, self.cluster[rows])
        return user.astype(np.int64), self.evidence.columns["item"][rows].astype(np.int64)


def _columns(asked: Asked, lists: Mapping[str, Lists], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One row an item of a history or list; ``drawn`` marks as many of each history as its list holds."""
    histories = [np.unique(request.history.items) for request in asked.requests]
    lengths = (lists[LIST].items != NOTHING).sum(axis=1)
    drawn = [
        np.isin(np.arange(len(own)), rng.permutation(len(own))[:length])
        for own, length in zip(histories, lengths, strict=True)
    ]
    parts = [(HISTORY, asked.users.repeat([len(own) for own in histories]), np.concatenate(histories))]
    for side, found in lists.items():
        user, place = np.nonzero(found.items != NOTHING)
        parts.append((side, asked.users[user], found.items[user, place]))
    marks = np.concatenate(drawn)
    sizes = [len(items) for _, _, items in parts]
    return {
        "cluster": np.concatenate([users for _, users, _ in parts]),
        "side": np.repeat([side for side, _, _ in parts], sizes),
        "item": np.concatenate([items for _, _, items in parts]),
        "drawn": np.concatenate([marks, np.zeros(sum(sizes) - len(marks), dtype=np.bool_)]),
    }


def _over_users(name: str, values: FloatArray, alpha: float, *, unit: str, note: str = "") -> Measurement:
    bounds = (-1.0, 1.0) if unit == "share of places" else None
    interval = mean_of_clusters(values, alpha=alpha, bounds=bounds)
    return row(name, interval, alpha=alpha, unit=unit, better="lower", n=known(values), note=note)


def _head_lift(table: _Sides, alpha: float) -> Measurement:
    facts = table.evidence.facts
    lift = table.per_user("head", LIST) - table.per_user("head", HISTORY)
    note = f"the head is {facts['head_items']} of {facts['items']} items"
    return _over_users("head_lift", lift, alpha, unit="share of places", note=note)


def _popularity_lift(table: _Sides, alpha: float) -> Measurement:
    mine, theirs = table.per_user("met", HISTORY), table.per_user("met", LIST)
    lift = np.divide(theirs - mine, mine, out=np.full(len(mine), np.nan), where=mine > 0)
    return _over_users("popularity_lift", lift, alpha, unit="relative change")


def _tail(table: _Sides, rivals: Sequence[str], alpha: float, rng: np.random.Generator) -> list[Measurement]:
    """The tail's share of lists and histories, and how many of its items lists hold."""
    shares = {side: table.column("tail", side) for side in (LIST, HISTORY, *rivals)}
    rows = joint_rows("aplt@10", shares, table.cluster, alpha=alpha, rng=rng, unit="share", better="none")
    lift = table.per_user("tail", LIST) - table.per_user("tail", HISTORY)
    found = _over_users("tail_lift", lift, alpha, unit="share of places")
    rows.append(replace(found, better="zero", detectable=None))
    listed = ~np.isnan(table.per_user("tail", LIST))
    held = np.where(listed, user_sums(shares[LIST], table.cluster), np.nan)
    number = mean_of_clusters(held, alpha=alpha, bounds=(0.0, float(K)))
    rows.append(row("aclt@10", number, alpha=alpha, unit="items", better="none", n=known(shares[LIST])))
    return rows


def _shifts(table: _Sides, alpha: float, rng: np.random.Generator) -> list[Measurement]:
    """What each fifth of the items by popularity gains in lists over histories."""
    fifth = table.evidence.columns["fifth"].astype(np.int64)
    values = {}
    for place, label in enumerate(FIFTHS):
        share = {
            side: user_means(np.where(table.rows(side), fifth == place, np.nan), table.cluster)
            for side in (LIST, HISTORY)
        }
        values[label] = share[LIST] - share[HISTORY]
    rows = joint_rows(
        "popularity_shift", values, table.users, alpha=alpha, rng=rng, unit="share of places", better="zero"
    )
    found = np.array([one.value for one in rows if one.value is not None])
    if len(found) < len(FIFTHS):
        return rows
    mean, widest = np.abs(found).mean(), np.ptp(found)
    note = f"over the fifths, mean absolute shift (MGU) {mean:.3f}, widest apart (DGU) {widest:.3f}"
    return [replace(rows[0], note=note), *rows[1:]]


def _spread(table: _Sides, side: str, n_items: int, alpha: float) -> list[Measurement]:
    """Coverage and Gini of one side."""
    user, item = table.places(side)
    note = f"{len(np.unique(user)):,} people with up to {K} items each; more of them would reach further"
    figures: tuple[tuple[str, Interval | None, str, Better], ...] = (
        ("coverage@10", coverage(user, item, n_items, alpha=alpha), "share of the catalogue", "higher"),
        ("gini@10", gini(user, item, n_items, alpha=alpha), "Gini", "lower"),
    )
    return [
        row(
            name,
            interval,
            alpha=alpha,
            unit=unit,
            better=better if side == LIST else "none",
            n=len(item),
            group=side,
            note=note if interval else "",
        )
        for name, interval, unit, better in figures
    ]


def _lorenz(table: _Sides, side: str, n_items: int) -> Curve:
    items, places = lorenz(table.places(side)[1], n_items)
    x, y = (tuple(np.round(values, 6).tolist()) for values in (items, places))
    return Curve(kind="lorenz", label=side, x=x, y=y)


def _cases(
    auditee: Auditee, slates: Sequence[Slate], evidence: Evidence, rng: np.random.Generator
) -> tuple[Exhibit, ...]:
    """The lists that rise furthest above their histories, and lists at random."""
    table, titles = _Sides.of(evidence), auditee.catalog.titles
    lifts = table.per_user("head", LIST) - table.per_user("head", HISTORY)
    mine = table.per_user("head", HISTORY)
    exhibits = []
    for kind, number, place in cases_to_show(lifts, rng=rng):
        rows = np.flatnonzero(table.rows(LIST) & (table.cluster == table.users[place]))
        column = evidence.columns
        shown = [
            f"{titles[int(column['item'][at])]}: met by {int(column['met'][at]):,}"
            f"{', of the head' if column['head'][at] else ''}"
            for at in rows
        ]
        exhibits.append(
            Exhibit(
                title=f"{'Largest rise' if kind == 'worst' else 'Random list'} {number}",
                left_label=f"the history, {mine[place]:.0%} of it from the head",
                right_label="the list, and how many members met each item",
                left=request_text(auditee, slates[place].request),
                right="\n".join(shown),
                answers=(),
                effect=float(lifts[place]),
                kind=kind,
            )
        )
    return tuple(exhibits)
