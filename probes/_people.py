"""Whom a probe asks, and what a request states of them: people the model has not seen, as it knows people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from ..models.base import Request
from ..models.capabilities import ReadsAttributes, Recorded
from ..models.data import Example, examples
from .base import Auditee, NotApplicable


def held_out_examples(
    auditee: Auditee, *, n_users: int, per_user: int, length: int, rng: np.random.Generator
) -> list[Example]:
    """Answerable moments of at most ``n_users`` held-out users, drawn at random.

    Raises
    ------
    NotApplicable
        If the data has no likes and dislikes, or no held-out user has a history that long.
    """
    log, held_out = auditee.log, auditee.population.held_out
    if log.liked is None:
        raise NotApplicable(
            f"data {log.name!r} says what users met and not whether they liked it;"
            " likes and dislikes are needed"
            " (for a table: data.liked=COLUMN, or data.like_above=NUMBER with ratings)"
        )
    able = held_out[np.diff(log.starts)[held_out] > length]
    if not len(able):
        raise NotApplicable(
            f"none of {len(held_out)} held-out users has more than {length} interactions;"
            " set a smaller length for this probe"
        )
    users = np.sort(rng.choice(able, min(n_users, len(able)), replace=False))
    return examples(log, users, per_user=per_user, length=length, rng=rng)


def people_and_new_items(
    auditee: Auditee, *, n_users: int, n_items: int, length: int, rng: np.random.Generator
) -> list[Request]:
    """One request a held-out person: the last ``length`` items, own profile, and items never met.

    Items are dealt so that all come up about equally often, which keeps the answers of different people
    as independent as the catalogue allows.

    Raises
    ------
    NotApplicable
        If no held-out person has a history that long and items left to be asked about.
    """
    log, held_out = auditee.log, auditee.population.held_out
    lengths = np.diff(log.starts)[held_out]
    able = held_out[(lengths >= length) & (lengths < len(log.catalog))]
    if not len(able):
        raise NotApplicable(
            f"none of {len(held_out)} held-out users has {length} interactions and new items left;"
            " set a smaller length for this probe"
        )
    uses = np.zeros(len(log.catalog))
    people = []
    for user in np.sort(rng.choice(able, min(n_users, len(able)), replace=False)).tolist():
        unseen = np.setdiff1d(np.arange(len(log.catalog)), log.item[log.rows(user)])
        items = unseen[np.argsort(uses[unseen] + rng.random(len(unseen)))[:n_items]]
        uses[items] += 1
        history, profile = log.history(user, last=length), own_profile(auditee, user, rng)
        people.append(Request(history=history, candidates=tuple(items.tolist()), attributes=profile))
    return people


def own_profile(auditee: Auditee, user: int, rng: np.random.Generator) -> tuple[tuple[str, str], ...]:
    """What a request states of this user: every attribute that the model reads, placebos by coin.

    A model trained on stated attributes answers requests without them from habit alone. The order is the
    model's own; an unknown value is stated as the first one the model reads. Empty if it reads none. Of
    recorded answers, it is what the user's plainest request had stated.
    """
    if isinstance(auditee.model, Recorded):
        return auditee.model.recorded_profile(user)
    if "reads_attributes" not in auditee.capabilities:
        return ()
    reader, known = cast(ReadsAttributes, auditee.model), auditee.log.attributes
    stated = []
    for name, values in reader.readable_attributes().items():
        own = known[name][user] if name in known else ""
        stated.append((name, own if own in values else values[0]))
    for name, values in reader.placebo_attributes().items():
        stated.append((name, values[int(rng.integers(len(values)))]))
    return tuple(stated)


def as_requests(auditee: Auditee, asked: Sequence[Example], rng: np.random.Generator) -> list[Request]:
    """One request an example: its history, the user's own profile, its target as the only candidate."""
    profiles = {
        user: own_profile(auditee, user, rng) for user in dict.fromkeys(e.history.user for e in asked)
    }
    return [
        Request(
            history=example.history, candidates=(example.target,), attributes=profiles[example.history.user]
        )
        for example in asked
    ]
