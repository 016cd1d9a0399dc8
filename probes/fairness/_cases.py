"""Cases for the report: one person's request with two stated values, and the answers to both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from ...models.base import ReadsTitles, Request
from ..base import Auditee, Exhibit
from ._contrasts import Answers, probability
from ._people import Values


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
    worst = np.argsort(-effects, kind="stable")[:3]
    others = np.setdiff1d(np.arange(len(people)), worst)
    chosen = rng.choice(others, min(3, len(others)), replace=False)
    cases = []
    for kind, places in (("worst", worst.tolist()), ("random", chosen.tolist())):
        for number, place in enumerate(places, start=1):
            person, shown = people[place], probability(sides[answers.user == place])
            texts = [_text(auditee, replace(person, attributes=person.stating(name, v))) for v in (low, high)]
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
                    kind="worst" if kind == "worst" else "random",
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


def _text(auditee: Auditee, request: Request) -> str:
    """The request as the model reads it, about its first candidate; real people's histories are masked."""
    asked = replace(request, candidates=request.candidates[:1])
    if not auditee.log.synthetic:
        asked = replace(asked, titles=tuple((item, "…") for item in dict.fromkeys(request.history.items)))
    if "reads_titles" in auditee.capabilities:
        return cast(ReadsTitles, auditee.model).render(asked)
    return "; ".join(f"{name}: {value}" for name, value in request.attributes)


def _seen(share: float) -> float | None:
    return None if np.isnan(share) else share
