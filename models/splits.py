"""Who is trained on and who is not: recorded, disjoint sets of users."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from .data import IntArray, InteractionLog


@dataclass(frozen=True, kw_only=True)
class Population:
    """Disjoint sets of users, each with one job in an audit.

    ``base`` pre-trains a model that we build ourselves; ``members`` tune the audited model;
    ``held_out`` are the audit pool's other half, left out by a coin; ``reference`` stands for the
    public at large (calibration of attacks, validation); ``canaries`` are planted rows' owners.
    """

    base: IntArray
    members: IntArray
    held_out: IntArray
    reference: IntArray
    canaries: IntArray

    def __post_init__(self) -> None:
        everyone = np.concatenate([getattr(self, part.name) for part in fields(self)])
        if len(np.unique(everyone)) != len(everyone):
            raise ValueError("the user sets of a population must be disjoint")

    def digests(self) -> Mapping[str, str]:
        """A sha256 per user set, so that two runs can prove they split alike."""
        return {
            part.name: hashlib.sha256(np.sort(getattr(self, part.name)).astype("<i8").tobytes()).hexdigest()
            for part in fields(self)
        }

    def counts(self) -> Mapping[str, int]:
        """Users per set."""
        return {part.name: len(getattr(self, part.name)) for part in fields(self)}


def split_around(
    log: InteractionLog, asked: IntArray, *, rng: np.random.Generator, counted: float = 0.2
) -> Population:
    """Hold out the users whose answers were recorded; everyone else is a member, to count with.

    Parameters
    ----------
    asked : users with recorded answers; those without interactions are left out.
    counted : share of the users that is counted with at least, in (0, 1); recorded ones drawn by ``rng``
        make it up where too few are left.
    """
    able = np.flatnonzero(np.diff(log.starts) > 0)
    others, known = np.setdiff1d(able, asked), rng.permutation(np.intersect1d(able, asked))
    lacking = max(0, int(np.ceil(counted * len(able))) - len(others))
    nobody = np.array([], dtype=np.int64)
    return Population(
        base=nobody,
        members=np.sort(np.concatenate([others, known[:lacking]])),
        held_out=np.sort(known[lacking:]),
        reference=nobody,
        canaries=nobody,
    )


def split_population(
    log: InteractionLog,
    *,
    rng: np.random.Generator,
    base: float = 0.25,
    reference: float = 0.1,
    smallest_history: int = 1,
    withheld: IntArray | None = None,
) -> Population:
    """Deal users into the sets of a population; a fair coin halves the audit pool.

    Parameters
    ----------
    base, reference : shares of the users, in [0, 1); the rest is the audit pool.
    smallest_history : users with fewer interactions go to ``base``, where they do no harm.
    withheld : users that may be in no set that trains anything (a published test split's).
    """
    if not 0 <= base + reference < 1:
        raise ValueError(f"base and reference shares must sum to less than 1, got {base} + {reference}")
    counts = np.diff(log.starts)
    allowed = counts > 0
    if withheld is not None:
        allowed[withheld] = False
    short = np.flatnonzero(allowed & (counts < smallest_history))
    users = rng.permutation(np.flatnonzero(allowed & (counts >= smallest_history)))
    n_base, n_reference = int(len(users) * base), int(len(users) * reference)
    pool = users[n_base + n_reference :]
    member = rng.random(len(pool)) < 0.5
    return Population(
        base=np.sort(np.concatenate([users[:n_base], short])),
        reference=np.sort(users[n_base : n_base + n_reference]),
        members=np.sort(pool[member]),
        held_out=np.sort(pool[~member]),
        canaries=np.array([], dtype=np.int64),
    )
