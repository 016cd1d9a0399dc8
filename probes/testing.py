"""Worlds with known truth to try a probe on: honest, or with one fault planted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..models.data import InteractionLog
from ..models.planted.coder import CoderDials, PlantedCoder
from ..models.planted.denoiser import PlantedDenoiser
from ..models.planted.ranker import PlantedRanker, RankerDials
from ..models.planted.yes_no import Dials, PlantedYesNo
from ..models.splits import split_population
from .base import Auditee, Evidence, Probe


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A probe's known-answer world: silent at dial 0, at its bound where said, loud where planted.

    Parameters
    ----------
    probe : the probe as it is tried, its sample sized so that ``planted`` is found in 95 % of worlds.
    gate : the measurement whose criterion is tried; the probe may have others.
    dial : what is turned, in words, with its unit.
    bound : the dial at which the true effect equals the criterion's bound; ``None`` where no closed form
        says so.
    planted : the dial at which the probe must speak.
    evidence : draws what the probe would have been told in a world with the dial set so; no training,
        a few milliseconds.
    """

    probe: Probe
    gate: str
    dial: str
    bound: float | None
    planted: float
    evidence: Callable[[float, np.random.Generator], Evidence]


def planted_auditee(
    log: InteractionLog,
    *,
    dials: Dials | None = None,
    reads: Mapping[str, tuple[str, ...]] | None = None,
    rng: np.random.Generator,
) -> Auditee:
    """An auditee around a closed-form recommender with these faults.

    Parameters
    ----------
    log : its likes should come from ``models.planted.faults.answered_by`` where the truth of answers
        matters.
    reads : attributes the recommender reads when stated; none by default.

    Notes
    -----
    The model remembers its members' rows; that shows only where the ``memory`` dial is turned. Copies
    made by ``fit`` keep the dials, remember their own users, and pick up attribute effects of a log
    that is given to them; trained longer than once over, they remember well (2 logits).
    """
    population = split_population(log, rng=rng)
    model = PlantedYesNo(
        catalog=log.catalog, dials=dials or Dials(), reads=reads or {}, profiles=log.attributes
    )
    rows = log.only(population.members)
    audited = replace(model, remembered=frozenset(zip(rows.user.tolist(), rows.item.tolist(), strict=True)))

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> PlantedYesNo:
        positions = np.asarray(users, dtype=np.int64).tolist()
        copy = audited.tuned(log or audited_log, positions)
        dials = copy.dials if log is not None else audited.dials
        return replace(copy, dials=replace(dials, memory=2.0) if effort > 1 else dials)

    audited_log = log
    return Auditee(model=audited, log=log, population=population, fit=fit)


def ranking_auditee(
    log: InteractionLog, *, dials: RankerDials | None = None, rng: np.random.Generator
) -> Auditee:
    """An auditee around a closed-form recommender of the whole catalogue with these faults.

    What is popular it counts among its members; copies made by ``fit`` count among their own users.
    """
    population = split_population(log, rng=rng)
    model = PlantedRanker(
        catalog=log.catalog,
        log=log,
        counts=log.only(population.members).item_counts,
        dials=dials or RankerDials(),
    )
    audited_log = log

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> PlantedRanker:
        return replace(model, counts=(log or audited_log).only(users).item_counts)

    return Auditee(model=model, log=log, population=population, fit=fit)


def denoising_auditee(log: InteractionLog, *, memory: float = 0.0, rng: np.random.Generator) -> Auditee:
    """An auditee around a closed-form diffusion recommender that has this much of its members by heart.

    What it knows of the public comes from the population's base users, so that at ``memory`` 0 it is
    blind to who is a member. Copies made by ``fit`` keep the dial and have their own users by heart;
    trained longer than once over, they know nothing else.
    """
    population = split_population(log, rng=rng)
    public = PlantedDenoiser.of(log, population.base, memory=memory)
    audited_log = log

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> PlantedDenoiser:
        copy = public.remembering(log or audited_log, users)
        return replace(copy, memory=1.0) if effort > 1 else copy

    model = public.remembering(log, population.members)
    return Auditee(model=model, log=log, population=population, fit=fit)


def coding_auditee(
    log: InteractionLog, *, dials: CoderDials | None = None, rng: np.random.Generator
) -> Auditee:
    """An auditee around a closed-form recommender by semantic ids with these faults; it learns nothing."""
    model = PlantedCoder(catalog=log.catalog, dials=dials or CoderDials())

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> PlantedCoder:
        return model

    return Auditee(model=model, log=log, population=split_population(log, rng=rng), fit=fit)
