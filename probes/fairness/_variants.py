"""The same request in several versions: each stated value changed in turn, and each other wording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import numpy.typing as npt

from ...models.base import Request
from ...models.capabilities import ReadsAttributes
from ...models.data import IntArray, InteractionLog
from ...models.planted.faults import plant_attribute_effect
from ..base import Auditee, NotApplicable
from ._attributes import Values, common_values, placebos, readable

COPY = "copy "


@dataclass(frozen=True)
class Variant:
    """One version of a person's request; without a name it is the person's own, in some wording."""

    condition: str
    name: str = ""
    value: str = ""
    wording: int = 0

    def of(self, request: Request) -> Request:
        """The request in this version; the memo then answers equal versions once."""
        if self.name:
            return replace(request, attributes=request.stating(self.name, self.value))
        return replace(request, wording=self.wording)


@dataclass(frozen=True)
class Plan:
    """What is varied: values per attribute and placebo, wordings, and what was left out."""

    attributes: Values
    placebos: Values
    wordings: int
    left_out: Mapping[str, list[str]]

    @property
    def variants(self) -> list[Variant]:
        """The person's own request first, then one version a value and a wording."""
        return [
            Variant("own"),
            *value_variants(self.attributes),
            *value_variants(self.placebos),
            *(Variant(f"wording {wording}", wording=wording) for wording in range(1, self.wordings)),
        ]


def plan_variants(auditee: Auditee, *, max_values: int) -> Plan:
    """What can be varied for this model: at most ``max_values`` values of an attribute, the most common.

    Raises
    ------
    NotApplicable
        If the model reads no attribute with at least two values.
    """
    known = readable(auditee)
    kept = {
        name: common_values(values, auditee.log.attributes.get(name, ()), at_most=max_values)
        for name, values in known.items()
        if len(values) > 1
    }
    if not kept:
        raise NotApplicable("the model reads no attribute with two or more values, so nothing can be changed")
    left_out = {name: [value for value in known[name] if value not in kept[name]] for name in kept}
    return Plan(
        attributes=kept,
        placebos={name: values for name, values in placebos(auditee).items() if len(values) > 1},
        wordings=cast(ReadsAttributes, auditee.model).wordings(),
        left_out={name: values for name, values in left_out.items() if values},
    )


def value_variants(attributes: Values, *, prefix: str = "") -> list[Variant]:
    """One version a value, named as ``value_contrasts`` expects."""
    return [
        Variant(f"{prefix}{name}={value}", name, value)
        for name, values in attributes.items()
        for value in values
    ]


def ask_variants(
    auditee: Auditee, people: Sequence[Request], variants: Sequence[Variant]
) -> dict[str, npt.NDArray[np.generic]]:
    """Every version of every person's request, as evidence columns: one row a candidate."""
    requests = [variant.of(person) for person in people for variant in variants]
    odds = auditee.log_odds(requests)
    counts = [len(row) for row in odds]
    conditions = [variant.condition for _ in people for variant in variants]
    own = [variant.of(person) == person for person in people for variant in variants]
    return {
        "cluster": np.repeat([request.history.user for request in requests], counts).astype(np.int64),
        "candidate": np.array([item for request in requests for item in request.candidates], dtype=np.int64),
        "condition": np.repeat(conditions, counts),
        "own": np.repeat(own, counts),
        "score": np.concatenate(odds),
    }


def planted_copy(auditee: Auditee, plan: Plan, rng: np.random.Generator) -> tuple[Auditee, str, str]:
    """A copy for which one attribute decides and the others mean nothing, with the one and its raised value.

    It is tuned on the members' own rows, dealt anew among the members, so that no attribute tells
    anything; then one attribute is planted into the answers.

    Raises
    ------
    NotApplicable
        If there is nothing to plant into, or no copy can be trained.
    """
    log, members = auditee.log, auditee.population.members
    name = next((name for name in plan.attributes if name in log.attributes), None)
    if name is None or log.liked is None:
        raise NotApplicable("the data holds no attribute that the model reads, or no likes to plant it into")
    raised = common_values(plan.attributes[name], log.attributes[name], at_most=1)[0]
    dealt = dealt_anew(log, members, rng)
    planted = plant_attribute_effect(dealt, attribute=name, raised=raised, strength=0.3, rng=rng)
    copy = auditee.fit(members, label="control:attribute", log=planted, effort=0.5)
    return replace(auditee, model=copy, memo={}), name, raised


def dealt_anew(log: InteractionLog, users: IntArray, rng: np.random.Generator) -> InteractionLog:
    """The same log, but each of these users has the whole history of a random other one of them."""
    owner = np.arange(log.n_users)
    owner[users] = rng.permutation(users)
    order = np.argsort(owner[log.user], kind="stable")
    return replace(
        log,
        user=owner[log.user][order],
        item=log.item[order],
        liked=None if log.liked is None else log.liked[order],
        rating=None if log.rating is None else log.rating[order],
        timestamp=None if log.timestamp is None else log.timestamp[order],
    )
