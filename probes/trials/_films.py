"""A small invented world of films for trials: people meet films only after their release."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from ...models.base import Recommender
from ...models.data import Catalog, InteractionLog
from ...models.splits import Population
from ..base import Auditee, NotApplicable

GENRES = ("comedy", "drama", "crime", "western", "romance", "fantasy")
FIRST = ("Crimson", "Silent", "Golden", "Broken", "Winter", "Hollow", "Distant", "Velvet")
SECOND = ("Harbour", "Orchard", "Station", "Letters", "Kingdom", "Mirror", "Voyage", "Promise")
FILMS, PEOPLE, MET, MEMBERS = 64, 120, 16, 40
YEAR = 365 * 24 * 3600
FIRST_YEAR = 2001


@cache
def film_log() -> InteractionLog:
    """120 people who met 16 of 64 films each, one a few weeks after another."""
    rng = np.random.default_rng(0)
    catalog = _catalog(rng)
    fits = rng.normal(size=(PEOPLE, len(GENRES))) @ _genre_table(catalog).T
    start = rng.uniform(0, 8 * YEAR, PEOPLE)
    when = start[:, None] + np.cumsum(rng.uniform(0, YEAR / MET, (PEOPLE, MET)), axis=1)
    met = np.array([_meet(catalog, own, rng) for own in when])
    liked = rng.random((PEOPLE, MET)) < 1 / (1 + np.exp(-np.take_along_axis(fits, met, axis=1)))
    return InteractionLog.build(
        name="films",
        catalog=catalog,
        user_ids=tuple(f"p{user}" for user in range(PEOPLE)),
        user=np.repeat(np.arange(PEOPLE), MET),
        item=met.ravel(),
        liked=liked.ravel(),
        timestamp=(_seconds(FIRST_YEAR) + when).ravel().astype(np.int64),
        synthetic=True,
    )


def film_auditee(model: Recommender) -> Auditee:
    """An auditee around a model of these films; 40 people are its members, 80 are held out."""

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        raise NotApplicable("a trial trains nothing")

    nobody, people = np.array([], dtype=np.int64), np.arange(PEOPLE)
    population = Population(
        base=nobody, members=people[:MEMBERS], held_out=people[MEMBERS:], reference=nobody, canaries=nobody
    )
    return Auditee(model=model, log=film_log(), population=population, fit=fit)


def _catalog(rng: np.random.Generator) -> Catalog:
    years = np.sort(rng.integers(1990, 2011, FILMS))
    names = [f"{first} {second}" for first in FIRST for second in SECOND]
    return Catalog(
        ids=tuple(f"f{film}" for film in range(FILMS)),
        titles=tuple(f"{names[at]} ({year})" for at, year in zip(rng.permutation(FILMS), years, strict=True)),
        years=years,
        genres=tuple(
            tuple(rng.choice(GENRES, rng.integers(1, 3), replace=False).tolist()) for _ in range(FILMS)
        ),
    )


def _genre_table(catalog: Catalog) -> npt.NDArray[np.float64]:
    return np.array([[float(genre in own) for genre in GENRES] for own in catalog.genres])


def _meet(catalog: Catalog, when: npt.NDArray[np.float64], rng: np.random.Generator) -> list[int]:
    """One new film a moment, of those that were out a year before, so that dates leave no doubt."""
    met: list[int] = []
    for moment in when:
        out = np.flatnonzero(catalog.years < FIRST_YEAR + moment / YEAR - 1)
        met.append(int(rng.choice(np.setdiff1d(out, met))))
    return met


def _seconds(year: int) -> int:
    return int(np.datetime64(f"{year}-01-01", "s").astype(np.int64))
