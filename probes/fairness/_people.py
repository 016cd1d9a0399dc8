"""Whom to ask about which items: people the model has not seen, and items new to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np

from ...models.base import ReadsAttributes, Request
from ..base import Auditee, NotApplicable

Values = Mapping[str, tuple[str, ...]]


def people_to_ask(
    auditee: Auditee, *, n_users: int, n_candidates: int, length: int, rng: np.random.Generator
) -> list[Request]:
    """One request a person, each with the person's last ``length`` items and own profile stated.

    Candidates are drawn from the items that the person has never met.

    Raises
    ------
    NotApplicable
        If fewer than two held-out people have a history of that length and items left to be asked about.
    """
    log = auditee.log
    held_out = auditee.population.held_out
    lengths = np.diff(log.starts)[held_out]
    able = held_out[(lengths >= length) & (lengths < len(log.catalog))]
    if len(able) < 2:
        raise NotApplicable(
            f"{len(able)} of {len(held_out)} held-out users have {length} interactions and new items left;"
            " at least 2 are needed"
        )
    requests = []
    for user in np.sort(rng.choice(able, min(n_users, len(able)), replace=False)).tolist():
        unseen = np.setdiff1d(np.arange(len(log.catalog)), log.item[log.rows(user)])
        candidates = rng.choice(unseen, min(n_candidates, len(unseen)), replace=False)
        request = Request(history=log.history(user, last=length), candidates=tuple(candidates.tolist()))
        requests.append(replace(request, attributes=own_profile(auditee, user, rng)))
    return requests


def own_profile(auditee: Auditee, user: int, rng: np.random.Generator) -> tuple[tuple[str, str], ...]:
    """What a request states of this user: every attribute the model reads, placebos by coin.

    The order is the model's own; an unknown value is stated as the first one the model reads. Empty for
    a model that reads no attributes.
    """
    stated = []
    for name, values in readable(auditee).items():
        own = auditee.log.attributes[name][user] if name in auditee.log.attributes else ""
        stated.append((name, own if own in values else values[0]))
    for name, values in placebos(auditee).items():
        stated.append((name, values[int(rng.integers(len(values)))]))
    return tuple(stated)


def readable(auditee: Auditee) -> Values:
    """The attributes that the model reads; none for a model that reads none."""
    if "reads_attributes" not in auditee.capabilities:
        return {}
    return cast(ReadsAttributes, auditee.model).readable_attributes()


def placebos(auditee: Auditee) -> Values:
    """Attributes that the model reads and that mean nothing."""
    if "reads_attributes" not in auditee.capabilities:
        return {}
    return cast(ReadsAttributes, auditee.model).placebo_attributes()


def common_values(values: tuple[str, ...], seen: tuple[str, ...], *, at_most: int) -> tuple[str, ...]:
    """The values seen most often in a column, in their own order; ties go to the earlier one."""
    ranked = sorted(values, key=lambda value: -seen.count(value))[:at_most]
    return tuple(value for value in values if value in ranked)
