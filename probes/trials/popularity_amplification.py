"""Tries popularity_amplification on lists with more popular items than people's histories."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..fairness.popularity_amplification import HISTORY, LIST, PopularityAmplification
from ..testing import Trial

PROBE = PopularityAmplification(n_users=200)
OWN, LISTED, HEAD, ITEMS = 24, 10, 20, 100


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """Histories of 24 items and lists of ten; people differ in their share of popular items.

    Lists hold ``dial`` more of them than a person's own share, in expectation.
    """
    share = rng.uniform(0.3, 0.7, (PROBE.n_users, 1))
    mine = rng.random((PROBE.n_users, OWN)) < share
    theirs = rng.random((PROBE.n_users, LISTED)) < share + dial
    head = np.concatenate([mine.ravel(), theirs.ravel()])
    drawn = np.concatenate([np.tile(np.arange(OWN) < LISTED, PROBE.n_users), np.zeros(theirs.size, bool)])
    people = np.arange(PROBE.n_users)
    columns: dict[str, np.ndarray] = {
        "cluster": np.concatenate([people.repeat(OWN), people.repeat(LISTED)]),
        "side": np.repeat([HISTORY, LIST], [mine.size, theirs.size]),
        "item": np.where(head, rng.integers(0, HEAD, len(head)), rng.integers(HEAD, ITEMS, len(head))),
        "drawn": drawn,
        "head": head,
        "tail": ~head,
        "met": np.where(head, 50, 5),
        "fifth": np.where(head, 0, 4),
    }
    return Evidence(columns=columns, facts={"items": ITEMS, "head_items": HEAD})


TRIAL = Trial(
    probe=PROBE,
    gate="head_lift",
    dial="share of places that go to popular items beyond a person's own share",
    bound=PROBE.bound,
    planted=0.2,
    evidence=evidence,
)
