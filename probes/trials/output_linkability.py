"""Some people always get a list of their own: those visits are linked, the others by chance alone."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..privacy.output_linkability import OutputLinkability
from ..testing import Trial

PEOPLE, K, ITEMS = 150, 5, 400
BOUND = 0.1


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """Lists of two visits, the same for a share ``dial`` of people; histories are linked by chance."""
    kept = rng.random(PEOPLE) < dial
    first, second = (rng.random((PEOPLE, ITEMS)).argsort(axis=1)[:, :K] for _ in range(2))
    second[kept] = first[kept]
    number, place = (part.ravel() for part in np.indices(first.shape))
    history = (rng.random(PEOPLE) < 1 / PEOPLE).astype(np.float64)
    # What was met lies outside the items that are listed, one item a person.
    listed = {
        "cluster": np.tile(number, 2),
        "visits": np.full(2 * first.size, "two halves of a history"),
        "session": np.repeat([0, 1], first.size),
        "kind": np.full(2 * first.size, "listed"),
        "number": np.tile(number, 2),
        "place": np.tile(place, 2),
        "item": np.concatenate([first.ravel(), second.ravel()]),
        "history_match": np.tile(history[number], 2),
    }
    met = {name: column[np.tile(place == 0, 2)] for name, column in listed.items()}
    met |= {"kind": np.full(2 * PEOPLE, "met"), "item": np.full(2 * PEOPLE, ITEMS)}
    return Evidence(columns={name: np.concatenate([listed[name], met[name]]) for name in listed})


TRIAL = Trial(
    probe=OutputLinkability(n_permutations=199, bound=BOUND),
    gate="link_excess",
    dial="share of people whose two lists are the same",
    bound=BOUND / (1 - 1 / PEOPLE),
    planted=0.25,
    evidence=evidence,
)
