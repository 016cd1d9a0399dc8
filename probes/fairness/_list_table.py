"""The same person's lists under each stated value, as one table that lists can be compared in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from ...models.base import Recommendation, Request, Slate
from ...models.capabilities import Draws, ReadsTitles, Recorded
from ...models.data import BoolArray, FloatArray, IntArray
from ..base import Auditee, Evidence, NotApplicable
from ._attributes import Values, common_values, placebos, readable
from ._list_similarity import FAIRLLM, MEANINGLESS

OWN, AGAIN, NOTHING = "own", "own again", -1


@dataclass(frozen=True)
class ListTable:
    """Every list that was asked for.

    Parameters
    ----------
    items : best first, -1 for an empty place, shape ``(n_users, n_conditions, k)``. What is no item has
        a code above all items: the same words, the same code.
    asked : which lists there are, shape ``(n_users, n_conditions)``.
    """

    items: IntArray
    asked: BoolArray
    conditions: Mapping[str, int]

    @classmethod
    def of(cls, evidence: Evidence) -> ListTable:
        """Read the columns ``cluster``, ``condition``, ``place`` and ``item``."""
        column = evidence.columns
        users, user = np.unique(column["cluster"], return_inverse=True)
        names, condition = np.unique(column["condition"].astype(np.str_), return_inverse=True)
        place = column["place"].astype(np.int64)
        items = np.full((len(users), len(names), int(place.max(initial=0)) + 1), NOTHING, dtype=np.int64)
        asked = np.zeros(items.shape[:2], dtype=np.bool_)
        items[user, condition, place] = column["item"]
        asked[user, condition] = True
        return cls(items, asked, {str(name): at for at, name in enumerate(names)})

    def compare(
        self, how: Callable[[IntArray, IntArray], FloatArray], condition: str, other: str
    ) -> FloatArray:
        """Each user's lists under two conditions, shape ``(n_users,)``; NaN where one was not asked."""
        found = np.full(len(self.items), np.nan)
        if condition in self.conditions and other in self.conditions:
            x, y = self.conditions[condition], self.conditions[other]
            both = self.asked[:, x] & self.asked[:, y]
            found[both] = how(self.items[both, x], self.items[both, y])
        return found


@dataclass(frozen=True)
class Stated:
    """What is stated in turn: values per attribute and placebo, and which values were left out."""

    attributes: Values
    placebos: Values
    left_out: Values

    def versions(self, person: Request) -> dict[str, Request]:
        """The person's own request, and for each name the request without it and with each value."""
        found = {OWN: person}
        for name, values in {**self.attributes, **self.placebos}.items():
            kept = tuple(stated for stated in person.attributes if stated[0] != name)
            found[unstated(name)] = replace(person, attributes=kept)
            for value in values:
                found[f"{name}={value}"] = replace(person, attributes=person.stating(name, value))
        return found


def unstated(name: str) -> str:
    """The condition in which an attribute is not stated."""
    return f"no {name}"


def what_to_state(auditee: Auditee, person: Request, *, max_values: int) -> Stated:
    """The attributes that the model reads; of a model that takes any text, those of FaiRLLM.

    Raises
    ------
    NotApplicable
        If nothing with two values can be stated so that it reaches the model.
    """
    known, meaningless = readable(auditee), placebos(auditee)
    if not known and "writes_text" in auditee.capabilities:
        known, meaningless = _reaching(auditee, person, FAIRLLM), _reaching(auditee, person, MEANINGLESS)
    kept = {
        name: common_values(values, auditee.log.attributes.get(name, ()), at_most=max_values)
        for name, values in known.items()
        if len(values) > 1
    }
    if not kept:
        raise NotApplicable(
            "no attribute with two or more values can be stated to this model; one that writes text is asked"
            " about those of FaiRLLM where its render() shows that they stand in what it is given"
        )
    left_out = {name: tuple(v for v in known[name] if v not in values) for name, values in kept.items()}
    return Stated(
        attributes=kept,
        placebos={name: values for name, values in meaningless.items() if len(values) > 1},
        left_out={name: values for name, values in left_out.items() if values},
    )


def _reaching(auditee: Auditee, person: Request, values: Values) -> Values:
    """The attributes whose every value can be read in the text that the model is given of a person."""
    model = auditee.model
    if not isinstance(model, ReadsTitles):
        return {}
    return {
        name: own
        for name, own in values.items()
        if all(value in model.render(replace(person, attributes=((name, value),))) for value in own)
    }


def ask_lists(
    auditee: Auditee, people: Sequence[Request], stated: Stated, k: int
) -> tuple[dict[str, Any], dict[tuple[int, str], Slate]]:
    """All lists as evidence columns, one row a place, and as slates by (user, condition).

    Raises
    ------
    NotApplicable
        If no list of these people was recorded.
    """
    versions = [(condition, request) for own in people for condition, request in stated.versions(own).items()]
    answered = [
        *_answered(auditee, versions, k, repeat=0),
        *_answered(auditee, [(AGAIN, person) for person in people], k, repeat=1),
    ]
    if not answered:
        raise NotApplicable(f"no list was recorded for any of the {len(people)} people that were asked")
    codes = _codes([slate for _, slate in answered], k, len(auditee.catalog))
    keys = [(slate.request.history.user, condition) for condition, slate in answered]
    columns = {
        "cluster": np.repeat([user for user, _ in keys], k).astype(np.int64),
        "condition": np.repeat([condition for _, condition in keys], k),
        "place": np.tile(np.arange(k), len(keys)),
        "item": codes.ravel(),
    }
    return columns, {key: slate for key, (_, slate) in zip(keys, answered, strict=True)}


def _answered(
    auditee: Auditee, versions: Sequence[tuple[str, Request]], k: int, *, repeat: int
) -> list[tuple[str, Slate]]:
    """The slate of each request that the model has an answer to, asked for the first or second time."""
    model, requests = auditee.model, [request for _, request in versions]
    draws = "draws" in auditee.capabilities
    if repeat and draws:
        model = cast(Draws, model).redrawn(repeat)
    elif repeat and isinstance(model, Recorded):
        return []
    if isinstance(model, Recorded):
        holds = model.holds(requests)
        versions = [one for one, held in zip(versions, holds, strict=True) if held]
        requests = [request for _, request in versions]
    slates = (
        model.recommend(requests, k) if repeat and draws else auditee.recommend(requests, k, repeat=repeat)
    )
    return [(condition, slate) for (condition, _), slate in zip(versions, slates, strict=True)]


def _codes(slates: Sequence[Slate], k: int, n_items: int) -> IntArray:
    """What each list holds, none twice and without gaps, shape ``(n_lists, k)``."""
    words: dict[str, int] = {}

    def code(entry: Recommendation) -> int | None:
        if entry.item is not None:
            return entry.item
        said = " ".join((entry.raw or "").lower().split())
        return words.setdefault(said, n_items + len(words)) if said else None

    codes = np.full((len(slates), k), NOTHING, dtype=np.int64)
    for own, slate in zip(codes, slates, strict=True):
        found = [
            item for item in dict.fromkeys(code(entry) for entry in slate.entries[:k]) if item is not None
        ]
        own[: len(found)] = found
    return codes
