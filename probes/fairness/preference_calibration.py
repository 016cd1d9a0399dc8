"""Do lists miss the mix of genres that people like more for some groups of users than for others?

A held-out user's earlier interactions (the first 80 %, in the order of time) are the history, and the model
is asked for ten items of its whole catalogue. p(g|u) is the mix of genres of what the user liked in the
history (of all of it where the data has no likes), an item of two genres counting half for each; q(g|u) that
of the list. c_kl@0.01 is sum_g p log(p / q~) with q~ = 0.99 q + 0.01 p, in nats: 0 where the mixes agree, and
log 100 = 4.605 where they share no genre. js and hellinger are the Jensen-Shannon divergence and the
Hellinger distance of the same mixes.

Ten items cannot mirror a taste, nor can a short history show it: both are samples. So miscalibration is c_kl
less what it would be by chance: likes and list are put together and dealt anew at random, per user. Lists
drawn from a user's own taste have a mean of 0, however short the history; a list nearer to the history than
chance would make it is below. miscalibration_gap is its mean for one group of users less that for another,
"x vs y" for each pair of groups of each attribute, and is judged. If a share s of a list's places goes to
genres that a user never likes and the rest is in proportion, c_kl is about -log(1 - s). Intervals hold
jointly over the pairs of an attribute; over attributes the error budget is split (Bonferroni).
miscalibration_by_rule is that of rules of counting, fitted on the same people as the model.

Who is affected: people whose lesser interests are crowded out by their main one or by other people's, and
groups to whom that happens more. A list may leave a person's mix with good reason, to show something new; the
gap asks whether all groups are treated alike. With a short history less straying can be told from chance: of
two groups whose lists stray alike, the one with longer histories shows more. So activity is shown and not
judged, and a gap between groups that differ in activity should be read beside it. Users with fewer than
min_liked liked items of a genre, and groups with fewer than min_group users, are left out.

References: Steck 2018 (calibrated recommendations); Lin 1991 (Jensen-Shannon); Lin et al. 2020 (calibration
and popularity by group of users); Abdollahpouri et al. 2020 (miscalibration and popularity bias).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ...models.base import Slate
from ...models.data import FloatArray, History, IntArray
from .._exhibits import cases_to_show, request_text
from .._retrieval import NOTHING, RIVALS, Lists, fitted_rivals, held_out_lists
from .._rows import joint_rows, mean_row
from ..base import Auditee, Better, Criterion, Evidence, Exhibit, Measurement, NotApplicable, Probe
from ._gap_rows import gap_rows, group_caveats, group_rows, kept_groups, no_gap_row, range_row
from ._genre_mix import by_chance, distances, genre_mixes, mixed
from ._user_table import ACTIVITY, UserTable, group_columns

K = 10
RAW: Mapping[str, tuple[str, str]] = {
    "c_kl@0.01": ("c_kl", "nats"),
    "js": ("js", "nats"),
    "hellinger": ("hellinger", "Hellinger distance"),
}
"""Each distance as it is called in a report, its column and unit."""


@dataclass(frozen=True, kw_only=True)
class PreferenceCalibration(Probe):
    """Compares groups of users by how far their lists lie from the mix of genres that they like.

    Parameters
    ----------
    earlier : share of a user's interactions that is the history, in (0, 1).
    min_liked : liked items with a genre that a history needs, at least 1.
    min_group : users that a group needs to be shown and judged.
    deals : random deals behind each user's distance by chance.
    bound : largest difference of means that passes, nats.
    """

    n_users: int = 2000
    earlier: float = 0.8
    min_liked: int = 3
    min_group: int = 30
    deals: int = 50
    bound: float = 0.1

    title: ClassVar[str] = "Calibration to people's tastes"
    needs: ClassVar[tuple[str, ...]] = ("retrieves|recorded",)
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "lists stray further from what people like for some groups of users"
    otherwise: ClassVar[str] = (
        "judges items that are put before it, and is not asked to search the whole catalogue"
    )

    def calls(self) -> int:
        """Lists at most: one a user."""
        return self.n_users

    def criteria(self) -> tuple[Criterion, ...]:
        """No two groups of users may differ by more than the bound."""
        places = K * (1 - np.exp(-self.bound))
        because = (
            f"{self.bound:g} nats are as if {places:.2g} more places of {K} went to genres that a user never"
            " likes"
        )
        return (
            Criterion(
                measurement="miscalibration_gap", bound=self.bound, direction="within", because=because
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask one list a held-out user, and compare its genres with those the user likes."""
        mixes, genres = genre_mixes(auditee.catalog)
        if len(genres) < 2:
            raise NotApplicable(
                f"the catalogue of data {auditee.log.name!r} names {len(genres)} genres and a mix needs two"
                " (for a table: a column of genres in the item file)"
            )
        asked = held_out_lists(auditee, n_users=self.n_users, earlier=self.earlier, rng=rng)
        slates = auditee.recommend(asked.requests, K)
        lists = Lists.of(slates, K)
        tastes = [mixed(mixes, _liked(request.history)) for request in asked.requests]
        columns = {"cluster": asked.users, **self.compared(tastes, lists.items, mixes, rng)}
        rivals, caveats = fitted_rivals(auditee)
        for name, rival in rivals.items():
            items = Lists.of(rival.recommend(asked.requests, K), K).items
            found = self.compared(tastes, items, mixes, rng)
            columns[name] = found["c_kl"] - found["c_kl by chance"]
        columns |= group_columns(auditee.log, asked.users)
        evidence = Evidence(columns=columns)
        caveats += group_caveats(_table(evidence), self.min_group) + lists.caveats()
        unknown = int(np.isnan(columns["c_kl"].astype(np.float64)).sum())
        if unknown:
            caveats.append(
                f"{unknown} of {len(asked.users)} users have fewer than {self.min_liked} liked items with a"
                " genre, or a list without one, and are left out."
            )
        exhibits = _cases(auditee, slates, lists, genres, mixes, _excess(evidence, "c_kl"), rng)
        facts = {"caveats": caveats, "wasted": dict(lists.wasted)}
        return replace(evidence, facts=facts, exhibits=exhibits)

    def compared(
        self, tastes: Sequence[FloatArray], items: IntArray, mixes: FloatArray, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Each distance and its mean by chance, NaN for users who cannot be compared.

        Parameters
        ----------
        tastes : the mixes of the items that each user likes, ``(n_liked, n_genres)`` each.
        items : the users' lists, -1 where a place holds nothing, shape ``(n_users, k)``.
        mixes : the mix of every item of the catalogue, shape ``(n_items, n_genres)``.
        """
        names = [column for column, _ in RAW.values()]
        columns = {name: np.full(len(tastes), np.nan) for name in names}
        columns |= {f"{name} by chance": np.full(len(tastes), np.nan) for name in names}
        for user, (liked, own) in enumerate(zip(tastes, items, strict=True)):
            listed = mixed(mixes, own[own != NOTHING])
            if len(liked) < max(1, self.min_liked) or not len(listed):
                continue
            found, chance = distances(liked, listed), by_chance(liked, listed, deals=self.deals, rng=rng)
            for name in names:
                columns[name][user], columns[f"{name} by chance"][user] = found[name], chance[name]
        return columns

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Distances over all users, miscalibration by group, and all pairs' gaps."""
        users = _table(evidence)
        kept, rows = kept_groups(users, self.min_group), _overall(evidence, alpha, rng)
        for name in users.groups:
            rows += group_rows(users, name, min_group=self.min_group, alpha=alpha)
        judged = [name for name in kept if name != ACTIVITY]
        for name, groups in kept.items():
            tested = 1 if name == ACTIVITY else len(judged)
            gaps = gap_rows("miscalibration_gap", users, name, groups, alpha=alpha, tested=tested, rng=rng)
            own = "activity_miscalibration_gap" if name == ACTIVITY else "miscalibration_gap"
            rows += [replace(gap, name=own) for gap in gaps]
            rows.append(range_row("miscalibration", users, name, groups, alpha=alpha, rng=rng))
        if not judged:
            rows.append(no_gap_row("miscalibration_gap", unit="nats", min_group=self.min_group, alpha=alpha))
        return rows


def _liked(history: History) -> list[int]:
    """What was liked, or met where the data has no likes; each item once."""
    liked = history.liked or (True,) * len(history)
    return list(dict.fromkeys(item for item, like in zip(history.items, liked, strict=True) if like))


def _excess(evidence: Evidence, name: str) -> FloatArray:
    """A distance less what it is by chance, per user."""
    columns = evidence.columns
    return columns[name].astype(np.float64) - columns[f"{name} by chance"].astype(np.float64)


def _table(evidence: Evidence) -> UserTable:
    columns = dict(evidence.columns) | {"miscalibration": _excess(evidence, "c_kl")}
    return UserTable.of(replace(evidence, columns=columns), ("miscalibration",))


def _overall(evidence: Evidence, alpha: float, rng: np.random.Generator) -> list[Measurement]:
    """Every distance over all users: as it is, by chance, and the difference; rules of counting beside it."""
    user, rows = evidence.columns["cluster"], list[Measurement]()
    for name, (column, unit) in RAW.items():
        excess = "miscalibration" if column == "c_kl" else f"miscalibration_{column}"
        parts: tuple[tuple[str, FloatArray, Better], ...] = (
            (name, evidence.columns[column].astype(np.float64), "none"),
            (f"{name}_by_chance", evidence.columns[f"{column} by chance"].astype(np.float64), "none"),
            (excess, _excess(evidence, column), "lower"),
        )
        rows += [
            mean_row(title, values, user, alpha=alpha, unit=unit, better=better)
            for title, values, better in parts
        ]
    rivals = {name: evidence.columns[name] for name in RIVALS if name in evidence.columns}
    return rows + joint_rows(
        "miscalibration_by_rule",
        {name: values.astype(np.float64) for name, values in rivals.items()},
        user,
        alpha=alpha,
        rng=rng,
        unit="nats",
        better="none",
    )


def _cases(
    auditee: Auditee,
    slates: Sequence[Slate],
    lists: Lists,
    genres: Sequence[str],
    mixes: FloatArray,
    excess: FloatArray,
    rng: np.random.Generator,
) -> tuple[Exhibit, ...]:
    """The lists furthest from their user's mix, and some at random; real people's mixes are not shown."""
    titles, exhibits = auditee.catalog.titles, []
    for kind, number, place in cases_to_show(excess, rng=rng):
        request, own = slates[place].request, lists.items[place]
        own = own[own != NOTHING]
        p = mixed(mixes, _liked(request.history)).mean(axis=0)
        q = mixed(mixes, own).mean(axis=0)
        shown = np.flatnonzero((p > 0) | (q > 0)) if auditee.log.synthetic else np.flatnonzero(q > 0)
        exhibits.append(
            Exhibit(
                title=f"{'Furthest list' if kind == 'worst' else 'Random list'} {number}",
                left_label="share of what the user likes",
                right_label="share of the list",
                left=request_text(auditee, request),
                right="\n".join(
                    f"{titles[item]} ({', '.join(auditee.catalog.genres[item])})" for item in own.tolist()
                ),
                answers=tuple(
                    (genres[genre], float(p[genre]) if auditee.log.synthetic else None, float(q[genre]))
                    for genre in shown.tolist()
                ),
                effect=float(excess[place]),
                kind=kind,
            )
        )
    return tuple(exhibits)
