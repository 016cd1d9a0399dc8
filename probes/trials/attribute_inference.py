"""People's vectors hold their group as far as is dialled; their histories say nothing of it."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from ..base import Evidence
from ..privacy._attackers import Table
from ..privacy._reading_rows import read_people
from ..privacy._targets import Targets
from ..privacy.attribute_inference import AttributeInference
from ..testing import Trial

PEOPLE, SEEN, BOUND = 120, 6, 0.05


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """Histories of noise; a vector of noise whose last number is higher by ``dial`` for half of the people."""
    people, has = np.arange(PEOPLE), np.arange(PEOPLE) % 2 == 1
    known, vectors = (rng.normal(size=(PEOPLE, SEEN)) for _ in range(2))
    vectors[:, -1] += dial * has
    targets = Targets(people, {"group": np.where(has, "b", "a").tolist()}, {"group": ["b"]})
    views = {"representations": Table(vectors, counts=False)}
    return Evidence(columns=read_people(targets, Table(known, counts=False).gram, views, rng))


TRIAL = Trial(
    probe=AttributeInference(bound=BOUND),
    gate="added_auc",
    dial="standard deviations between two groups in one number of a person's vector",
    bound=2**0.5 * NormalDist().inv_cdf(0.5 + BOUND),
    planted=1.6,
    evidence=evidence,
)
