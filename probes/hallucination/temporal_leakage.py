"""Does it recommend things that were not there yet when it was asked?

A held-out user's earlier interactions (the first 80 %, in the order of time) are the history; the moment of
the last of them is when the model is asked. An item of its list is of the future if the catalogue dates it to
a later year. future_rate, the mean over users of the share of the list that is of the future, is judged; a
recommender that keeps to what was there has 0.

Beside it stand, without a verdict: unmet_rate, the share of the list that no one who is not asked here had
met by that moment; both rates for rules that know no time, the most popular items of all training rows
and new items drawn at random; later_training_rows, the share of the rows the model was trained on that are
later than the question; and tied_order, the share of neighbouring entries of the history that have the same
time, so that their order is a matter of storage.

Who is affected: whoever reads an offline evaluation as a promise. A model that was trained on what happened
later has seen the answers, and its figures do not hold for the day it is put to work. Limits: almost every
split by user trains on later rows, so look at the rates beside the judged one; a rate of 0 does not show that
no leak helped the order of older items. A first meeting comes later than the release, and much later where
few people meet an item: so unmet_rate accuses a model that reads titles of knowing what was new, and is for
comparison with the rules alone; items that nobody met in the rows counted are left out of it, since only the
rows of those asked could date them. Years are not used where people of the data met items before them, and
then nothing is judged.

References: Ji et al. 2023 (data leakage in offline evaluation of recommenders); Meng et al. 2020 (splitting
strategies).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from ...models.base import Slate
from ...models.baselines import Popularity
from ...models.data import FloatArray, IntArray, InteractionLog
from .._exhibits import cases_to_show, request_text
from .._retrieval import NOTHING, Asked, Lists, held_out_lists
from .._rows import as_share, joint_rows, known, mean_row, row, user_means
from ..base import Auditee, Criterion, Evidence, Exhibit, Measurement, NotApplicable, Probe
from ..stats.intervals import mean_of_clusters
from ._dates import first_meetings, release_times, seconds

LIST, POPULAR, ANY = "recommended", "most popular", "drawn at random"
TRAINING, TIED = "training rows", "tied entries"
DATES = ("released", "first_met")
LATER = {True: ": released later", False: ": met by nobody until later"}


@dataclass(frozen=True, kw_only=True)
class TemporalLeakage(Probe):
    """Counts recommended items that came out after the moment of the question.

    Parameters
    ----------
    k : items in a list.
    earlier : share of a user's interactions that is the history, in (0, 1).
    bound : largest share of a list that may be of the future.
    """

    n_users: int = 1000
    k: int = 10
    earlier: float = 0.8
    bound: float = 0.02

    title: ClassVar[str] = "Items of the future"
    needs: ClassVar[tuple[str, ...]] = ("retrieves",)
    otherwise: ClassVar[str] = "is not asked to search the whole catalogue at a known moment"
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "the model recommends items that came out only after it was asked"

    def calls(self) -> int:
        """Lists at most: one a user."""
        return self.n_users

    def criteria(self) -> tuple[Criterion, ...]:
        """Hardly any item may be of the future."""
        return (
            Criterion(
                measurement="future_rate",
                bound=self.bound,
                direction="at_most",
                because="no list of the day could have held such an item; a few may be wrongly dated, up to"
                f" {self.bound:.0%} of places",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask one list a held-out user, of the model and of a rule that knows no time."""
        log = auditee.log
        times = seconds(log)
        if times is None:
            raise NotApplicable(f"data {log.name!r} does not say when things happened")
        asked = held_out_lists(auditee, n_users=self.n_users, earlier=self.earlier, rng=rng)
        others = np.flatnonzero(~np.isin(log.user, asked.users))
        released, undated = release_times(log, times, others)
        came_out = {"released": released, "first_met": first_meetings(log, times, others)}
        when = _moments(log, times, asked)
        if not any((when.min() < own).any() for own in came_out.values()):
            raise NotApplicable("every item was out before the first question, so none is of the future")
        slates = auditee.recommend(asked.requests, self.k)
        popular = Popularity.fitted(log, auditee.population.members).recommend(asked.requests, self.k)
        lists = {LIST: Lists.of(slates, self.k), POPULAR: Lists.of(popular, self.k)}
        columns = _columns(asked, lists, came_out, when)
        _add_shares(columns, asked, _shares(auditee, asked, times, when))
        facts = {"undated": undated, "caveats": lists[LIST].caveats()}
        return Evidence(columns=columns, facts=facts, exhibits=_cases(auditee, slates, columns, when, rng))

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Shares as means over users."""
        column, cluster = evidence.columns, evidence.columns["cluster"]
        side = column["side"].astype(np.str_)

        def of(name: str, *, where: str) -> FloatArray:
            return np.where(side == where, column[name].astype(np.float64), np.nan)

        share = partial(mean_row, cluster=cluster, alpha=alpha, better="none")
        joint = partial(joint_rows, cluster=cluster, alpha=alpha, rng=rng, unit="share", better="none")
        return [
            _judged(of("released", where=LIST), cluster, alpha, str(evidence.facts["undated"])),
            *joint("time_blind_future_rate", {rule: of("released", where=rule) for rule in (POPULAR, ANY)}),
            *joint("unmet_rate", {rule: of("first_met", where=rule) for rule in (LIST, POPULAR, ANY)}),
            share("later_training_rows", of("share", where=TRAINING), unit="share of rows"),
            share("tied_order", of("share", where=TIED), unit="share of entries"),
        ]


def _judged(values: FloatArray, cluster: np.ndarray, alpha: float, undated: str) -> Measurement:
    """The judged rate, or why nothing can be judged."""
    n = known(values)
    interval = mean_of_clusters(user_means(values, cluster), alpha=alpha, n=n, bounds=(0.0, 1.0))
    kept = None if interval is None else as_share(interval, alpha=alpha)
    note = undated if interval is None else ""
    return row("future_rate", kept, alpha=alpha, unit="share", better="lower", n=n, note=note)


def _moments(log: InteractionLog, times: FloatArray, asked: Asked) -> FloatArray:
    """When each request is made: at the last entry of its history, shape ``(n_users,)``, seconds."""
    last = [log.rows(one.history.user).start + len(one.history) - 1 for one in asked.requests]
    return times[np.array(last, dtype=np.int64)]


def _columns(
    asked: Asked, lists: Mapping[str, Lists], came_out: Mapping[str, FloatArray], when: FloatArray
) -> dict[str, np.ndarray]:
    """One row an item of a list, and one a person for a new item drawn at random: 1 if of the future."""
    user, item, side = list[IntArray](), list[IntArray](), list[np.ndarray]()
    for name, found in lists.items():
        who, place = np.nonzero(found.items != NOTHING)
        user, item = [*user, who], [*item, found.items[who, place]]
        side.append(np.full(len(who), name))
    people = np.arange(len(when))
    who, items = np.concatenate([*user, people]), np.concatenate([*item, np.full(len(people), NOTHING)])
    columns = {
        "cluster": asked.users[who],
        "side": np.concatenate([*side, np.full(len(people), ANY)]),
        "item": items,
        "share": np.full(len(who), np.nan),
    }
    listed = slice(len(who) - len(people))
    for name, dates in came_out.items():
        later = _later(dates, items[listed], when[who[listed]])
        columns[name] = np.concatenate([later, _any_later(dates, asked, when)])
    return columns


def _later(dates: FloatArray, items: IntArray, when: FloatArray) -> FloatArray:
    """1 where an item came out after its moment, 0 where before, NaN where it has no date."""
    own = dates[items]
    return np.where(np.isnan(own), np.nan, (own > when).astype(np.float64))


def _any_later(dates: FloatArray, asked: Asked, when: FloatArray) -> FloatArray:
    """The share of each person's new items that came out after the moment; NaN without dates."""
    shares = np.full(len(when), np.nan)
    for place, request in enumerate(asked.requests):
        new = dates.copy()
        new[list(request.history.items)] = np.nan
        known = new[~np.isnan(new)]
        shares[place] = (known > when[place]).mean() if len(known) else np.nan
    return shares


def _shares(auditee: Auditee, asked: Asked, times: FloatArray, when: FloatArray) -> dict[str, FloatArray]:
    """Training rows later than the question, and neighbours in the history without an order."""
    log = auditee.log
    trained = np.sort(times[np.isin(log.user, auditee.population.members)])
    later = 1 - np.searchsorted(trained, when, side="right") / max(1, len(trained))
    tied = np.full(len(when), np.nan)
    for place, request in enumerate(asked.requests):
        start = log.rows(request.history.user).start
        gaps = np.diff(times[start : start + len(request.history)])
        tied[place] = (gaps == 0).mean() if len(gaps) else np.nan
    return {TRAINING: later, TIED: tied}


def _add_shares(columns: dict[str, np.ndarray], asked: Asked, shares: Mapping[str, FloatArray]) -> None:
    for side, values in shares.items():
        n = len(values)
        unknown = np.full(n, np.nan)
        new = {"cluster": asked.users, "side": np.full(n, side), "item": np.full(n, NOTHING), "share": values}
        new |= {name: unknown for name in DATES}
        columns |= {name: np.concatenate([columns[name], new[name]]) for name in columns}


def _cases(
    auditee: Auditee,
    slates: Sequence[Slate],
    columns: Mapping[str, np.ndarray],
    when: FloatArray,
    rng: np.random.Generator,
) -> tuple[Exhibit, ...]:
    """The lists with most items of the future, and lists at random."""
    here = columns["side"] == LIST
    dated = here & ~np.isnan(columns["released"])
    ahead = np.where(dated, columns["released"], columns["first_met"])
    shares = user_means(np.where(here, ahead, np.nan), columns["cluster"])
    exhibits = []
    for kind, number, place in cases_to_show(shares, rng=rng):
        request = slates[place].request
        day = np.datetime64(int(when[place]), "s").astype("datetime64[D]")
        rows = np.flatnonzero(here & (columns["cluster"] == request.history.user))
        shown = [
            auditee.catalog.titles[int(columns["item"][at])]
            + (LATER[bool(dated[at])] if ahead[at] == 1 else "")
            for at in rows
        ]
        exhibits.append(
            Exhibit(
                title=f"{'Most of the future' if kind == 'worst' else 'Random list'} {number}",
                left_label=f"what the model was asked, on {day}",
                right_label="what it recommended",
                left=request_text(auditee, request),
                right="\n".join(shown),
                answers=(),
                effect=float(shares[place]),
                kind=kind,
            )
        )
    return tuple(exhibits)
