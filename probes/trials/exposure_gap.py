"""Tries exposure_gap on a recommender that holds one provider's items back."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from ...models.data import Catalog, InteractionLog
from ...models.planted.gatekeeper import PlantedGatekeeper
from ...models.splits import Population
from ..base import Auditee, Evidence, NotApplicable
from ..fairness.exposure_gap import ExposureGap
from ..testing import Trial

PROBE = ExposureGap(n_users=70)
PROVIDERS = ("North", "South", "West")
MEMBERS, HELD_OUT, ITEMS, EACH = 300, 70, 240, 15


@cache
def _log() -> InteractionLog:
    """People who meet items by how popular each is, and nothing else."""
    rng = np.random.default_rng(0)
    users, popularity = MEMBERS + HELD_OUT, 1 / np.arange(10, ITEMS + 10) ** 0.8
    keys = np.log(popularity) + rng.gumbel(size=(users, ITEMS))
    catalog = Catalog(
        ids=tuple(str(item) for item in range(ITEMS)),
        titles=tuple(f"Item {item}" for item in range(ITEMS)),
        years=np.zeros(ITEMS, dtype=np.int64),
        genres=((),) * ITEMS,
    )
    return InteractionLog.build(
        name="gatekeeper",
        catalog=catalog,
        user_ids=tuple(str(user) for user in range(users)),
        user=np.repeat(np.arange(users), EACH),
        item=np.argsort(-keys, axis=1)[:, :EACH].ravel(),
        synthetic=True,
    )


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """Deal the items to providers anew, and ask a recommender that holds the first one's back."""
    log, nobody = _log(), np.array([], dtype=np.int64)
    catalog = replace(log.catalog, providers=tuple(rng.permutation(np.resize(PROVIDERS, ITEMS)).tolist()))
    people = Population(
        base=nobody,
        members=np.arange(MEMBERS),
        held_out=np.arange(MEMBERS, MEMBERS + HELD_OUT),
        reference=nobody,
        canaries=nobody,
    )
    model = PlantedGatekeeper(
        catalog=catalog,
        counts=log.item_counts,
        provider=PROVIDERS[0],
        held_back=dial,
        seed=int(rng.integers(2**31)),
    )
    world = replace(log, catalog=catalog)
    return PROBE.ask(Auditee(model=model, log=world, population=people, fit=_no_copies), rng)


def _no_copies(*_: object, **__: object) -> PlantedGatekeeper:
    raise NotApplicable("this trial trains no copies")


TRIAL = Trial(
    probe=PROBE,
    gate="exposure_ratio",
    dial="share of a provider's places that go to others",
    bound=1 - PROBE.bound,
    planted=0.85,
    evidence=evidence,
)
