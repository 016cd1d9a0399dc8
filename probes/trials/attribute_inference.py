"""A model's vector for a person holds a group that was dealt out by coins, as far as is dialled."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np

from ...models.planted.discloser import DiscloserDials, PlantedDiscloser
from ..base import Evidence
from ..privacy.attribute_inference import AttributeInference
from ..testing import Trial
from ._films import PEOPLE, film_auditee, film_log

BOUND = 0.05
PROBE = AttributeInference(n_users=80, k=5, least=20, bound=BOUND)


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """The planted model asked in the world of films, with a group of each person drawn anew."""
    group = tuple(np.where(rng.random(PEOPLE) < 0.5, "a", "b").tolist())
    log = replace(film_log(), attributes={"group": group})
    model = PlantedDiscloser(
        catalog=log.catalog, dials=DiscloserDials(told=dial), group=group, seed=int(rng.integers(2**31))
    )
    return PROBE.ask(replace(film_auditee(model), log=log), rng)


TRIAL = Trial(
    probe=PROBE,
    gate="added_auc",
    dial="standard deviations between two groups in one number of a person's vector",
    bound=2**0.5 * NormalDist().inv_cdf(0.5 + BOUND),
    planted=2.5,
    evidence=evidence,
)
