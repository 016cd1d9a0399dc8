"""Tries preference_calibration on lists that give one group of users genres that it never likes."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..fairness.preference_calibration import PreferenceCalibration
from ..testing import Trial

PROBE = PreferenceCalibration(deals=8, min_group=30)
USERS, GENRES, OWN, LISTED = 120, 6, 20, 10


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """Histories and lists drawn from one taste a person; every other person's list strays.

    Items are of one genre, 20 a genre. People like five of six genres; ``dial`` of the strayed places
    go to the sixth.
    """
    mixes = np.eye(GENRES).repeat(20, axis=0)
    tastes = rng.dirichlet(np.full(GENRES - 1, 2.0), USERS)
    bounds = np.cumsum(tastes, axis=1)[:, None, :-1]
    genres = (rng.random((USERS, OWN + LISTED, 1)) > bounds).sum(axis=2)
    strays = rng.random((USERS, LISTED)) < dial * (np.arange(USERS) % 2)[:, None]
    genres[:, OWN:][strays] = GENRES - 1
    items = genres * 20 + rng.integers(0, 20, genres.shape)
    columns = PROBE.compared([mixes[own] for own in items[:, :OWN]], items[:, OWN:], mixes, rng)
    group = np.where(np.arange(USERS) % 2, "b", "a")
    return Evidence(columns={"cluster": np.arange(USERS), **columns, "group kind": group})


TRIAL = Trial(
    probe=PROBE,
    gate="miscalibration_gap",
    dial="share of one group's places that go to a genre that it never likes",
    bound=None,
    planted=0.35,
    evidence=evidence,
)
