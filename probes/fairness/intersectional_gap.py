"""Does the model serve people worse who belong to two groups at once?

A model can serve women and men alike, and young and old alike, and still fail young women: no comparison by
one attribute shows it. So held-out users are dealt by each pair of attributes at once, such as gender and
age, into cells. One user is one row. Of a model that judges items, the figure is accuracy (the share of
the user's answers that agree with the user's own like or dislike at p(yes) > 1/2); of one that searches the
catalogue, ndcg@10 of a list of ten against what the user went on to like, both worked out as in group_gap and
ranking_gap.

cell_gap is mean(cell) / mean(all users) - 1, for each cell of each pair of attributes. It is judged from
below only: being served better is nobody's harm. Intervals hold together over all cells of all pairs (max-T
by random signs of users, each user one sign in every table). interaction is mean(cell) less the additive
fit mu + a_i + b_j over the table's users: what the two groups do not explain one by one. A cell that is worse
off by as much as its two groups are has none.

Small cells are noisy, and the worst of many looks bad by chance. shrunken_<figure> draws each cell towards
all cells of its table by empirical Bayes (normal), the more so the less is known of it: the better guess of
where a cell stands, with an interval that holds on average over cells. It is shown, not judged.
differential_fairness_over_chance is epsilon, the largest |log(p / q)| between two cells of the rate of an
outcome (a yes, or a list with a hit) and of its absence, after beta-binomial shrinkage, less what dealing
the same users into cells at random gives on average.

Who is affected: people of a cell that is served worse. Cells under min_cell users are not shown and cannot
fail; a caveat counts them. Three attributes at once are not tried, as their cells are smaller still. A gap
says nothing of its cause: a taste that is harder to predict or shorter histories make one too.

References: Kearns et al. 2018 (fairness gerrymandering); Foulds et al. 2020 (differential fairness); Morris
1983 (empirical Bayes); Kleinman 1973 (beta-binomial moments); Westfall and Young 1993 (max-T).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._rows import row
from ..base import Auditee, Criterion, Evidence, Measurement, NotApplicable, Probe
from ..stats.contrasts import simultaneous_contrasts
from ..stats.intervals import mean_of_clusters
from ..stats.shrinkage import shrunken_means
from ._cells import Cells, epsilon_row, interaction_weights, tables_of
from ._checked_answers import judged_columns, listed_columns
from ._gap_rows import SHOWN, overall_rows
from ._joint_rows import against_everyone, spread_of
from ._user_table import UserTable

JUDGED, LISTED = ("correct", "said_yes"), ("ndcg@10", "hit")
"""The figure's column and the outcome's, of a model that judges items and of one that lists them."""


@dataclass(frozen=True, kw_only=True)
class IntersectionalGap(Probe):
    """Compares people by two attributes at once by how well the model serves them.

    Parameters
    ----------
    per_user : answers checked per user, of a model that judges items.
    length : history items in a request to such a model.
    earlier : share of a user's interactions that is the history of a list, in (0, 1).
    min_cell : users that a cell needs to be shown and judged.
    bound : how far below the mean of all users a cell may lie, as a share of that mean.
    resamples : random deals, resamples and sign flips behind an interval.
    """

    n_users: int = 2000
    per_user: int = 6
    length: int = 10
    earlier: float = 0.8
    min_cell: int = 30
    bound: float = 0.1
    resamples: int = 1999

    title: ClassVar[str] = "Gap for people in two groups at once"
    needs: ClassVar[tuple[str, ...]] = ("judges|retrieves",)
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "the model serves people worse who belong to two groups at once"

    def calls(self) -> int:
        """Request-candidates at most, or lists."""
        return self.n_users * self.per_user

    def criteria(self) -> tuple[Criterion, ...]:
        """No cell may lie further below the mean of all users than the bound."""
        because = (
            f"beyond {self.bound:g}, people of two groups at once get less than {1 - self.bound:.0%} of what"
            " people get on average"
        )
        return (Criterion(measurement="cell_gap", bound=-self.bound, direction="at_least", because=because),)

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask held-out users as group_gap or ranking_gap does, and note who is in which groups."""
        if len(auditee.log.attributes) < 2:
            raise NotApplicable(
                f"data {auditee.log.name!r} holds {len(auditee.log.attributes)} attributes of its users, and"
                " two are needed (for a table: data.attributes=COLUMN,COLUMN)"
            )
        caveats: list[str] = []
        if "judges" in auditee.capabilities:
            columns = judged_columns(
                auditee, n_users=self.n_users, per_user=self.per_user, length=self.length, rng=rng
            )
        else:
            columns, lists = listed_columns(auditee, n_users=self.n_users, earlier=self.earlier, rng=rng)
            columns["hit"] = columns["recall@10"].astype(np.float64) > 0
            caveats = lists.caveats()
        tables = tables_of(_table(Evidence(columns=columns)), min_cell=self.min_cell)
        caveats += [
            f"Of {cells.title}, {cells.small} cells under {self.min_cell} users ({cells.hidden} users in all)"
            " are not shown."
            for cells in tables
            if cells.small
        ]
        return Evidence(columns=columns, facts={"caveats": caveats, "min_cell": self.min_cell})

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """All users' figure, each cell's gap, what is beyond the two groups, shrunken figures, epsilon."""
        users = _table(evidence)
        figure, outcome = ("accuracy", "said_yes") if "correct" in users.values else ("ndcg@10", "hit")
        tables = tables_of(users, min_cell=self.min_cell)
        shown = [cells for cells in tables if len(cells.groups) > 1]
        rows = [one for one in overall_rows(users, alpha) if one.name == figure]
        rows += self._gaps(users, shown, figure, alpha, rng)
        rows += self._interactions(users, shown, figure, alpha, rng)
        for cells in tables:
            rows += _cell_rows(users, cells, figure, self.min_cell, alpha)
        return rows + [
            epsilon_row(users, cells, outcome, alpha=alpha, resamples=self.resamples, rng=rng)
            for cells in shown
        ]

    def _gaps(
        self, users: UserTable, tables: Sequence[Cells], figure: str, alpha: float, rng: np.random.Generator
    ) -> list[Measurement]:
        """Every cell against all users, as a share of their mean."""
        places = [(cells, place) for cells in tables for place in range(len(cells.groups))]
        insides = [cells.insides[place] for cells, place in places]
        found = against_everyone(
            users.values[SHOWN[figure][0]],
            insides,
            alpha=alpha,
            rng=rng,
            relative=True,
            n_draws=self.resamples,
        )
        rows = [
            row(
                "cell_gap",
                interval,
                group=cells.label(place),
                n=int(users.rows[cells.insides[place]].sum()),
                unit="share of mean",
                better="higher",
                alpha=alpha,
                note="" if interval else "the mean over all users is 0, so there is no share of it",
            )
            for (cells, place), interval in zip(places, found, strict=True)
        ]
        note = f"no two attributes have two cells of at least {self.min_cell} users"
        none = row("cell_gap", None, n=0, unit="share of mean", better="higher", alpha=alpha, note=note)
        return rows or [none]

    def _interactions(
        self, users: UserTable, tables: Sequence[Cells], figure: str, alpha: float, rng: np.random.Generator
    ) -> list[Measurement]:
        """What a cell has beyond its two groups; a cell that alone decides a term has no such figure."""
        column, unit, _, _ = SHOWN[figure]
        places, weights = interaction_weights(tables)
        if not places:
            return []
        inside = np.stack([own for cells in tables for own in cells.insides], axis=1)
        values = users.values[column]
        found = simultaneous_contrasts(
            values,
            inside,
            weights,
            alpha=alpha,
            rng=rng,
            least_spread=spread_of(values),
            n_draws=self.resamples,
        )
        return [
            row(
                "interaction",
                interval,
                group=cells.label(place),
                n=int(users.rows[cells.insides[place]].sum()),
                unit=unit,
                better="zero",
                alpha=alpha,
            )
            for (cells, place), interval in zip(places, found, strict=True)
        ]


def _table(evidence: Evidence) -> UserTable:
    return UserTable.of(evidence, JUDGED if "correct" in evidence.columns else LISTED)


def _cell_rows(users: UserTable, cells: Cells, figure: str, min_cell: int, alpha: float) -> list[Measurement]:
    """A table's cells drawn towards each other, and one row for those not shown."""
    column, unit, better, _ = SHOWN[figure]
    found = [mean_of_clusters(users.values[column][inside], alpha=alpha) for inside in cells.insides]
    able = [(place, one) for place, one in enumerate(found) if one is not None and one.se]
    rows = []
    if len(able) > 1:
        drawn = shrunken_means([one.value for _, one in able], [one.se or 0.0 for _, one in able])
        for number, (place, one) in enumerate(able):
            n = int(users.rows[cells.insides[place]].sum())
            interval = drawn.interval(number, alpha=alpha, n=n, clusters=one.clusters)
            name, label, note = f"shrunken_{figure}", cells.label(place), f"as measured {one.value:.3f}"
            rows.append(
                row(name, interval, group=label, n=n, unit=unit, better=better, alpha=alpha, note=note)
            )
    if cells.small:
        hidden = f"{cells.title}: cells under {min_cell} users"
        note = f"{cells.small} cells with {cells.hidden} users in all are not shown"
        rows.append(row(figure, None, group=hidden, n=0, unit=unit, better=better, alpha=alpha, note=note))
    return rows
