"""Worlds with known truth to try a probe on: honest, or with one fault planted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..models.data import InteractionLog
from ..models.planted.yes_no import Dials, PlantedYesNo
from ..models.splits import split_population
from .base import Auditee


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
