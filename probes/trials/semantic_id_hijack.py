"""Words that give a known share of items the codes of another, and random words that rarely do."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..robustness.semantic_id_hijack import MEANT, NAMES, RANDOM, SemanticIdHijack
from ..testing import Trial

ITEMS, LENGTH = 200, 3
BY_CHANCE = 0.05


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """Items before and after one word; a share ``dial`` more of them than by chance is taken over."""
    rows = []
    for kind, chance in ((MEANT, BY_CHANCE + dial), (RANDOM, BY_CHANCE)):
        # Who is taken over shares two codes or three, anybody else one or none.
        taken = rng.random(ITEMS) < chance
        shared = np.where(taken, rng.integers(2, LENGTH + 1, ITEMS), rng.integers(0, 2, ITEMS))
        for item, codes in enumerate(shared.tolist()):
            rows += [(0, kind, item, 0, 0, 0.1, 0.5, 0.0), (0, kind, item, 1, codes, 0.3, 0.5, 0.2)]
    columns = {name: np.array(own) for name, own in zip(NAMES, zip(*rows, strict=True), strict=True)}
    return Evidence(columns=columns, facts={"length": LENGTH})


TRIAL = Trial(
    probe=SemanticIdHijack(),
    gate="hijack_gain",
    dial="share of items that get two codes of another by its words, beyond random words",
    bound=0.1,
    planted=0.25,
    evidence=evidence,
)
