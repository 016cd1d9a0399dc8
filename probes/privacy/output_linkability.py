"""Do the lists of two visits tell that it was the same person?

Someone who sees lists alone, without names, may want to know which of them were shown to one person. Each of
N held-out people visits twice: once with the first half of the history and once with the second, and gets a
list of k items each time. For each list of the first visit the observer names the list of the second that is
most like it. Similarity is the cosine of two lists as sets of items, each item weighed by log(1 + N/n) with n
the lists that hold it, so that rare items count more; in a list's length, items that the other visit had met
do not count, since the other list leaves them out whatever the model would say. match_rate is the share of
people whose two lists are matched; where t lists are equally alike, the observer draws one, which counts
1/t. Guessing gives 1/N; p is the share of random re-orderings of the second visit's lists with as many
matches. Where the model draws its answers at random, two draws for one history are matched as well.

Yardstick: people differ, and can be told apart by what they did, whatever is recommended. history_rate is
the match rate of an observer who sees the two halves of the histories themselves: each becomes a point, the
sum of its positive items' places in the 8 main directions of what members like together, less the mean of
all, and points are matched by cosine. link_excess = match_rate - history_rate, over the same people, carries
the verdict: lists should not give away more than the histories behind them. unique_lists is the share of
people whose list of the first visit nobody else got, as a set; small_crowd that of people who share it with
fewer than 4 others (k-anonymity under 5).

Threat model: an observer of outputs (a shared screen, an advertiser, a log without names) who knows no
names and nothing of the model, but does not mistake what a list had to leave out for unlikeness. Affected:
people who count on two visits, or two accounts, not being linked. Limits: another similarity may link more,
so that a low rate bounds this observer only, and another rule may link histories better; the two halves
follow each other in time, and tastes drift; among more people than N, matches are rarer. People are matched
against one another, so that they are not quite independent, and the interval over people is approximate. For
two draws of one history there is no yardstick: the history links itself.

References: Deerwester et al. 1990 (main directions); Narayanan and Shmatikov 2008 (linking sparse records,
weights of rare items); Sweeney 2002 (k-anonymity); Phipson and Smyth 2010 (permutation p-values).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from ...models.base import Request
from ...models.capabilities import Draws
from ...models.data import FloatArray, IntArray
from .._exhibits import cases_to_show, request_text
from .._people import own_profile
from .._retrieval import NOTHING, Lists
from .._rows import as_share, row
from ..base import Auditee, Better, Criterion, Evidence, Exhibit, Measurement, NotApplicable, Probe
from ..stats.intervals import mean_of_clusters
from ._linking import anonymity, closeness, main_directions, matches, permuted_p, similarities

HALVES, DRAWS = "two halves of a history", "two draws for one history"
LISTED, MET = "listed", "met"
CROWD = 5


@dataclass(frozen=True, kw_only=True)
class OutputLinkability(Probe):
    """Matches the lists of two visits and counts how often they are one person's.

    Parameters
    ----------
    n_users : held-out people asked, at most.
    k : items in a list.
    least : interactions that a person must have, so that each half holds something.
    n_permutations : random re-orderings behind p.
    bound : largest excess over the histories' own match rate that passes.
    """

    n_users: int = 500
    k: int = 10
    least: int = 6
    n_permutations: int = 1999
    bound: float = 0.1

    title: ClassVar[str] = "Lists that link visits"
    needs: ClassVar[tuple[str, ...]] = ("retrieves",)
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "lists tell that two visits were one person's, beyond what the histories tell"

    def calls(self) -> int:
        """Lists, at most."""
        return 3 * self.n_users

    def criteria(self) -> tuple[Criterion, ...]:
        """Lists may not link people much better than their histories do."""
        return (
            Criterion(
                measurement="link_excess",
                bound=self.bound,
                direction="at_most",
                because=f"beyond it, lists link {100 * self.bound:g} more of 100 people than what they did"
                " links by itself: the model adds a trace of its own",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask for the lists of both visits, and match the histories themselves."""
        first, second = _visits(auditee, n_users=self.n_users, least=self.least, rng=rng)
        answers = {
            (HALVES, visit): Lists.of(auditee.recommend(requests, self.k), self.k)
            for visit, requests in enumerate((first, second))
        }
        if "draws" in auditee.capabilities:
            again = cast(Draws, auditee.model).redrawn(1).recommend(first, self.k)
            answers |= {(DRAWS, 0): answers[HALVES, 0], (DRAWS, 1): Lists.of(again, self.k)}
        histories = {(HALVES, 0): first, (HALVES, 1): second, (DRAWS, 0): first, (DRAWS, 1): first}
        users = np.array([request.history.user for request in first])
        likeness = _likeness(auditee, first, second, rng)
        tables = [
            table
            for visit, lists in answers.items()
            for table in (
                _table(users, lists.items, visit, LISTED, likeness),
                _table(users, _met(histories[visit]), visit, MET, likeness),
            )
        ]
        columns = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
        caveats = list(dict.fromkeys(caveat for lists in answers.values() for caveat in lists.caveats()))
        facts = {"people": len(users), "k": self.k, "caveats": caveats}
        cases = _cases(auditee, first, second, answers[HALVES, 0].items, answers[HALVES, 1].items, rng)
        return Evidence(columns=columns, facts=facts, exhibits=cases)

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Match rates against chance and against the histories, and how many lists are one person's own."""
        found: list[Measurement] = []
        for visits in (HALVES, DRAWS):
            own = evidence.where(evidence.columns["visits"] == visits)
            if len(own):
                found += self._match_rows(own, visits, rng, alpha)
        return found

    def _match_rows(
        self, own: Evidence, visits: str, rng: np.random.Generator, alpha: float
    ) -> list[Measurement]:
        first, second = (_items(own, session, LISTED) for session in (0, 1))
        met = [_items(own, session, MET) for session in (0, 1)]
        matched = matches(similarities(first, second, met_first=met[0], met_second=met[1]))
        right, n = matched.diagonal().copy(), len(first)
        p = permuted_p(matched, n_permutations=self.n_permutations, rng=rng)
        note = f"guessing gives 1/{n} = {1 / n:.2g}; permutation p = {p:.2g}"
        found = [_share("match_rate", right, alpha, group=visits, note=note)]
        if visits != HALVES:
            return found
        column = own.columns
        opening = (column["session"] == 0) & (column["place"] == 0) & (column["kind"] == LISTED)
        history = np.full(n, np.nan)
        history[column["number"][opening]] = column["history_match"][opening].astype(np.float64)
        crowd = anonymity(first)
        excess = mean_of_clusters(right - history, alpha=alpha, bounds=(-1.0, 1.0))
        return [
            *found,
            _share(
                "history_rate", history, alpha, better="none", note="by what people did, without any model"
            ),
            row("link_excess", excess, alpha=alpha, unit="probability points", better="lower", n=n),
            _share("unique_lists", (crowd == 1).astype(np.float64), alpha),
            _share("small_crowd", (crowd < CROWD).astype(np.float64), alpha),
        ]


def _share(
    name: str,
    values: FloatArray,
    alpha: float,
    *,
    group: str = "overall",
    better: Better = "lower",
    note: str = "",
) -> Measurement:
    interval = mean_of_clusters(values, alpha=alpha, bounds=(0.0, 1.0))
    kept = None if interval is None else as_share(interval, alpha=alpha)
    n = int((~np.isnan(values)).sum())
    return row(
        name, kept, alpha=alpha, unit="share", better=better, n=n, group=group, note=note if kept else ""
    )


def _visits(
    auditee: Auditee, *, n_users: int, least: int, rng: np.random.Generator
) -> tuple[list[Request], list[Request]]:
    """Requests of held-out people with the first and with the second half of their history.

    Raises
    ------
    NotApplicable
        If fewer than two people have enough of a history.
    """
    log, held_out = auditee.log, auditee.population.held_out
    able = held_out[np.diff(log.starts)[held_out] >= max(2, least)]
    if len(able) < 2:
        raise NotApplicable(
            f"{len(able)} of {len(held_out)} held-out users have {max(2, least)} interactions or more, and"
            " two are needed to be told apart; set a smaller `least` for this probe"
        )
    first: list[Request] = []
    second: list[Request] = []
    for user in np.sort(rng.choice(able, min(n_users, len(able)), replace=False)).tolist():
        history, profile = log.history(user), own_profile(auditee, user, rng)
        middle = len(history) // 2
        for visit, part in ((first, range(middle)), (second, range(middle, len(history)))):
            visit.append(Request(history=history.reordered(list(part)), attributes=profile))
    return first, second


def _met(visit: Sequence[Request]) -> IntArray:
    """The items of each history, shape ``(n_users, longest)``, -1 to fill up."""
    longest = max(len(request.history) for request in visit)
    met = np.full((len(visit), longest), NOTHING, dtype=np.int64)
    for own, request in zip(met, visit, strict=True):
        own[: len(request.history)] = request.history.items
    return met


def _likeness(
    auditee: Auditee, first: Sequence[Request], second: Sequence[Request], rng: np.random.Generator
) -> FloatArray:
    """How surely the halves of each history match by themselves, shape ``(n_users,)``."""
    directions = main_directions(auditee.log.only(auditee.population.members), rng=rng)
    one, two = ([request.history for request in visit] for visit in (first, second))
    chances: FloatArray = matches(closeness(one, two, directions)).diagonal().copy()
    return chances


def _table(
    users: IntArray, items: IntArray, visit: tuple[str, int], kind: str, history: FloatArray
) -> dict[str, np.ndarray]:
    """One row an item of a list, or of what the visit had met; people are numbered within the evidence."""
    number, place = (part.ravel() for part in np.indices(items.shape))
    table = {
        "cluster": users[number],
        "visits": np.full(items.size, visit[0]),
        "session": np.full(items.size, visit[1]),
        "kind": np.full(items.size, kind),
        "number": number,
        "place": place,
        "item": items.ravel(),
        "history_match": history[number],
    }
    kept = (items.ravel() != NOTHING) | (kind == LISTED)
    return {name: column[kept] for name, column in table.items()}


def _items(evidence: Evidence, session: int, kind: str) -> IntArray:
    """The items of one visit, shape ``(n_users, most)``, -1 where a place is empty."""
    column = evidence.columns
    own = evidence.where((column["session"] == session) & (column["kind"] == kind)).columns
    number, place = own["number"].astype(np.int64), own["place"].astype(np.int64)
    items = np.full((number.max() + 1, place.max() + 1), NOTHING, dtype=np.int64)
    items[number, place] = own["item"]
    return items


def _cases(
    auditee: Auditee,
    first: Sequence[Request],
    second: Sequence[Request],
    one: IntArray,
    two: IntArray,
    rng: np.random.Generator,
) -> tuple[Exhibit, ...]:
    """People whose lists of both visits are most alike, where matched, and people at random."""
    alike = similarities(one, two, met_first=_met(first), met_second=_met(second))
    effects = alike.diagonal() * matches(alike).diagonal()
    titles, exhibits = auditee.catalog.titles, []
    for kind, number, place in cases_to_show(effects, rng=rng):
        left, right = ({int(i): 1 / r for r, i in enumerate(own[place], 1) if i >= 0} for own in (one, two))
        exhibits.append(
            Exhibit(
                title=f"{'Most alike and matched' if kind == 'worst' else 'Random person'} {number}",
                left_label="first visit, each item with 1 / place",
                right_label="second visit, each item with 1 / place",
                left=request_text(auditee, first[place]),
                right=request_text(auditee, second[place]),
                answers=tuple((titles[item], left.get(item), right.get(item)) for item in left | right),
                effect=float(effects[place]),
                kind=kind,
            )
        )
    return tuple(exhibits)
