"""Cases for the report: one person's request with two stated values, and the answers to both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...models.base import Request
from .._exhibits import cases_to_show, request_text
from .._rows import probability
from ..base import Auditee, Exhibit
from ._attributes import Values
from ._contrasts import Answers


def paired_cases(
    auditee: Auditee,
    people: Sequence[Request],
    answers: Answers,
    attributes: Values,
    rng: np.random.Generator,
) -> tuple[Exhibit, ...]:
    """Up to three people with the largest effect and three at random, for the two values furthest apart.

    ``people`` stand in the order of their user positions, as they do in ``answers``.
    """
    name, low, high = _furthest_apart(answers, attributes)
    sides = np.stack([answers.at(f"{name}={value}") for value in (low, high)], axis=1)
    effects = np.nan_to_num(answers.per_user(sides[:, 1:] - sides[:, :1])[:, 0])
    cases = []
    for kind, number, place in cases_to_show(effects, rng=rng):
        person, shown = people[place], probability(sides[answers.user == place])
        texts = [
            request_text(
                auditee,
                replace(person, candidates=person.candidates[:1], attributes=person.stating(name, value)),
            )
            for value in (low, high)
        ]
        items = answers.candidate[answers.user == place]
        cases.append(
            Exhibit(
                title=f"{'Largest effect' if kind == 'worst' else 'Random case'} {number}",
                left_label=f"{name}: {low}",
                right_label=f"{name}: {high}",
                left=texts[0],
                right=texts[1],
                answers=tuple(
                    (auditee.catalog.titles[item], _seen(left), _seen(right))
                    for item, (left, right) in zip(items.tolist(), shown.tolist(), strict=True)
                ),
                effect=float(effects[place]),
                kind=kind,
            )
        )
    return tuple(cases)


def _furthest_apart(answers: Answers, attributes: Values) -> tuple[str, str, str]:
    """The attribute whose values' mean answers lie furthest apart, with the lowest and highest value."""
    found = []
    for name, values in attributes.items():
        cells = np.stack([answers.at(f"{name}={value}") for value in values], axis=1)
        means = np.nan_to_num(answers.per_user(cells)).mean(axis=0)
        low, high = int(means.argmin()), int(means.argmax())
        if low == high:
            low, high = 0, 1
        found.append((float(means[high] - means[low]), name, values[low], values[high]))
    _, name, low_value, high_value = max(found, key=lambda row: row[0])
    return name, low_value, high_value


def _seen(share: float) -> float | None:
    return None if np.isnan(share) else share
