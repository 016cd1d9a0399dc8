"""Turns what attackers read off people into evidence, and that into AUCs whose intervals hold together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...models.data import BoolArray, FloatArray
from .._rows import row
from ..base import Better, Evidence, Measurement
from ..stats.auc import auc_shares
from ..stats.intervals import Interval
from ..stats.simultaneous import simultaneous_means
from ._attackers import Table, cross_read, dealt
from ._targets import Targets

AUDIT, PLACEBO, PLANTED = "audit", "placebo", "planted"
FOLDS, PLACEBOS = 5, 10

Columns = dict[str, npt.NDArray[Any]]


def read_people(
    targets: Targets, known: FloatArray, views: Mapping[str, Table], rng: np.random.Generator
) -> Columns:
    """Read every target from every view, and try the checks on the target with the most even sides.

    Parameters
    ----------
    known : how alike people are in what the attacker holds anyway, shape ``(n_people, n_people)``.

    Returns
    -------
    dict
        One row a person, view and target: whether the person has it, and the scores by the view ``alone``,
        ``joined`` with what is known, and ``known`` by itself.
    """
    tables: list[Columns] = []
    for places, names, has in targets.groups():
        fold = dealt([" ".join(map(str, own)) for own in has], folds=FOLDS, rng=rng)
        grams = {name: table.gram[np.ix_(places, places)] for name, table in views.items()}
        base, reads = cross_read(known[np.ix_(places, places)], grams, has, fold)
        for view, read in reads.items():
            for at, name in enumerate(names):
                scores = (read.alone[:, at], read.joined[:, at], base[:, at])
                tables.append(_table(targets.people[places], AUDIT, view, name, has[:, at], scores))
    places, name, has = _evenest(targets)
    for view, table in views.items():
        tables += _checks(
            targets.people[places], Table(table.rows[places], table.counts), view, name, has, rng
        )
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _evenest(targets: Targets) -> tuple[npt.NDArray[np.int64], str, BoolArray]:
    """The target whose smaller side is largest: the places of people, its name, who has it."""
    found = [
        (min(int(own.sum()), int((~own).sum())), at, places, name, own)
        for places, names, has in targets.groups()
        for at, (name, own) in enumerate(zip(names, has.T, strict=True))
    ]
    _, _, places, name, own = max(found, key=lambda one: one[0])
    return places, name, own


def _checks(
    people: npt.NDArray[np.int64],
    table: Table,
    view: str,
    name: str,
    has: BoolArray,
    rng: np.random.Generator,
) -> Iterator[Columns]:
    """The view read with attributes dealt out at random, and with an entry that gives the attribute away."""
    dealt_out = np.stack([rng.permutation(has) for _ in range(PLACEBOS)], axis=1)
    random_fold = rng.permutation(np.arange(len(has)) % FOLDS)
    found, _ = cross_read(table.gram, {}, dealt_out, random_fold)
    nothing = np.full(len(has), np.nan)
    for draw in range(PLACEBOS):
        scores = (found[:, draw], nothing, nothing)
        yield _table(people, PLACEBO, view, f"{name}, dealt out {draw}", dealt_out[:, draw], scores)
    marked = table.with_mark(has & (rng.random(len(has)) < 0.5))
    fold = dealt(has.astype(str).tolist(), folds=FOLDS, rng=rng)
    found, _ = cross_read(marked.gram, {}, has[:, None], fold)
    yield _table(people, PLANTED, view, name, has, (found[:, 0], nothing, nothing))


def _table(
    people: npt.NDArray[np.int64],
    part: str,
    view: str,
    target: str,
    has: BoolArray,
    scores: tuple[FloatArray, FloatArray, FloatArray],
) -> Columns:
    alone, joined, known = scores
    said = {"set": part, "view": view, "target": target}
    return {"cluster": people, **{name: np.full(len(people), word) for name, word in said.items()}} | {
        "has": has,
        "alone": alone,
        "joined": joined,
        "known": known,
    }


@dataclass(frozen=True)
class Readings:
    """One set of the evidence: a table a view and target, in the order in which they were read.

    Parameters
    ----------
    people : all people, ascending.
    tables : (view, target) to its rows of evidence.
    """

    people: npt.NDArray[np.generic]
    tables: Mapping[tuple[str, str], Columns]

    @classmethod
    def of(cls, evidence: Evidence, part: str) -> Readings:
        """The lines whose ``set`` is ``part``."""
        columns = evidence.where(evidence.columns["set"] == part).columns
        keys = list(zip(columns["view"].tolist(), columns["target"].tolist(), strict=True))
        places: dict[tuple[str, str], list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key, []).append(place)
        tables = {key: {name: column[own] for name, column in columns.items()} for key, own in places.items()}
        return cls(np.unique(columns["cluster"]), tables)

    def added(self, name: str, *, alpha: float, rng: np.random.Generator) -> list[Measurement]:
        """What each view adds to what is known, per target."""

        def gain(own: Columns) -> FloatArray:
            return self._shares(own, "joined") - self._shares(own, "known")

        rows = {f"{view}, {target}": gain(own) for (view, target), own in self.tables.items()}
        notes = {
            f"{view}, {target}": f"from {np.nanmean(self._shares(own, 'known')):.2f} by the history to"
            f" {np.nanmean(self._shares(own, 'joined')):.2f} with the {view}"
            for (view, target), own in self.tables.items()
        }
        return _joint(
            name, rows, notes=notes, unit="AUC difference", bounds=(-1.0, 1.0), alpha=alpha, rng=rng
        )

    def alone(self, name: str, *, alpha: float, rng: np.random.Generator) -> list[Measurement]:
        """How well each target is read from each view by itself."""
        rows = {
            f"{view}, {target}": self._shares(own, "alone") for (view, target), own in self.tables.items()
        }
        return _joint(name, rows, unit="AUC", bounds=(0.0, 1.0), alpha=alpha, rng=rng)

    def known(self, name: str, *, alpha: float, rng: np.random.Generator) -> list[Measurement]:
        """How well each target is read from what is known anyway."""
        rows = {target: self._shares(own, "known") for (_, target), own in self.tables.items()}
        return _joint(name, rows, unit="AUC", bounds=(0.0, 1.0), alpha=alpha, rng=rng, better="none")

    def by_view(self, name: str, *, alpha: float, rng: np.random.Generator) -> list[Measurement]:
        """How well targets are read from each view by itself, as a mean over the view's targets."""
        views = dict.fromkeys(view for view, _ in self.tables)
        rows = {
            view: np.mean(
                [self._shares(own, "alone") for (of, _), own in self.tables.items() if of == view], axis=0
            )
            for view in views
        }
        return _joint(name, rows, unit="AUC", bounds=(0.0, 1.0), alpha=alpha, rng=rng, better="none")

    def scores(self) -> Iterator[tuple[str, FloatArray, FloatArray]]:
        """Each view and target with the scores of those who have it, and of those who have not."""
        for (view, target), own in self.tables.items():
            has, scores = own["has"].astype(np.bool_), own["alone"].astype(np.float64)
            yield f"{target} by {view}", scores[has], scores[~has]

    def _shares(self, own: Columns, score: str) -> FloatArray:
        """Each person's share in the AUC, NaN for who is not in it; shape ``(n_people,)``.

        Spread by sqrt 2 about the AUC, which doubles its variance: every two people meet twice, each once
        as a learner and once as the one who is read.
        """
        found = np.full(len(self.people), np.nan)
        shares = auc_shares(own[score].astype(np.float64), own["has"])
        if shares is not None:
            spread = shares.mean() + 2**0.5 * (shares - shares.mean())
            found[np.searchsorted(self.people, own["cluster"])] = spread
        return found


def _joint(
    name: str,
    rows: Mapping[str, FloatArray],
    *,
    unit: str,
    bounds: tuple[float, float],
    alpha: float,
    rng: np.random.Generator,
    better: Better = "lower",
    notes: Mapping[str, str] | None = None,
) -> list[Measurement]:
    """Means over people, with intervals that hold together and stay within the bounds."""
    if not rows:
        return []
    found = simultaneous_means(np.stack(list(rows.values()), axis=1), alpha=alpha, rng=rng, bounds=bounds)
    return [
        row(
            name,
            _within(interval, bounds),
            alpha=alpha,
            unit=unit,
            better=better,
            n=int((~np.isnan(shares)).sum()),
            group=group,
            note=(notes or {}).get(group, ""),
        )
        for (group, shares), interval in zip(rows.items(), found, strict=True)
    ]


def _within(interval: Interval | None, bounds: tuple[float, float]) -> Interval | None:
    if interval is None:
        return None
    low, high = max(bounds[0], interval.low), min(bounds[1], interval.high)
    method = (
        interval.method.replace("mean over users", "AUC over users") + ", variance doubled for cross-fitting"
    )
    return Interval(interval.value, low, high, method, interval.n, interval.clusters, interval.se)
