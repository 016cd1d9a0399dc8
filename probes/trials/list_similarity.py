"""Tries list_similarity on a recommender that puts other items on the lists of people who are called women.

Any statement, a placebo included, replaces a fifth of the places as well, so that both of two lists keep
.8 x .8 of them: the true excess_change is .64 times the dial, or a little less, as two lists may be given the
same new item.
"""

from __future__ import annotations

import numpy as np

from ...models.planted.swayed import PlantedLists, SwayedDials
from ..base import Evidence
from ..fairness.list_similarity import ListSimilarity
from ..testing import Trial
from ._films import film_auditee, film_log

PROBE = ListSimilarity(n_users=40, length=5)
READS = {"gender": ("man", "woman")}
INSERTION = 0.2


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """Ask a recommender that replaces this share of the places when "woman" is stated."""
    dials = SwayedDials(sway={("gender", "woman"): dial}, insertion=INSERTION)
    model = PlantedLists(catalog=film_log().catalog, dials=dials, reads=READS, seed=int(rng.integers(2**31)))
    return PROBE.ask(film_auditee(model), rng)


TRIAL = Trial(
    probe=PROBE,
    gate="excess_change",
    dial='share of the places that go to other items when "woman" is stated',
    bound=PROBE.bound / (1 - INSERTION) ** 2,
    planted=0.4,
    evidence=evidence,
)
