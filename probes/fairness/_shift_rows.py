"""What a counterfactual's evidence is compared by: which contrasts, their floor, the control, the flips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...models.data import FloatArray
from .._rows import row
from ..base import Measurement
from ..stats.intervals import mean_of_clusters, t_quantile
from ._contrasts import Answers, Contrast, value_contrasts
from ._variants import COPY

Facts = Mapping[str, Any]
PLACEBO = "placebo "


def shift_contrasts(facts: Facts) -> list[Contrast]:
    """Every value of every attribute against the others."""
    return [one for name, values in facts["attributes"].items() for one in value_contrasts(name, values)]


def floor_contrasts(facts: Facts) -> list[Contrast]:
    """Contrasts between requests that mean the same: placebo values and wordings."""
    copied = (("", ""), (COPY, ", in a copy trained anew")) if facts.get("control") else (("", ""),)
    return [
        *(
            Contrast(f"{PLACEBO}{one.label}{where}", one.plus, one.minus)
            for name, values in facts["placebos"].items()
            for prefix, where in copied
            for one in value_contrasts(name, values, prefix=prefix)
        ),
        *(Contrast(f"{word} vs wording 0", word, ("own",)) for word in _wordings(facts)),
    ]


def chance_contrasts(facts: Facts) -> list[Contrast]:
    """The attributes that mean nothing to the copy: all but the planted one."""
    if not facts.get("control"):
        return []
    return [
        one
        for name, values in facts["attributes"].items()
        if name != facts["control"]["attribute"]
        for one in value_contrasts(name, values, prefix=COPY)
    ]


def luck_row(answers: Answers, facts: Facts, alpha: float) -> list[Measurement]:
    """How far training on finite data moves a statement that means nothing, as a prediction interval.

    From the root mean square s of K such contrasts (placebos, and the copy's unplanted attributes)
    with d degrees of freedom: 0 +- s t(alpha / (2 shifts), d), for the largest of as many shifts as are
    judged, in either direction. No row below two degrees of freedom.
    """
    placebos = [one for one in floor_contrasts(facts) if one.label.startswith(PLACEBO)]
    nothing = [*placebos, *chance_contrasts(facts)]
    pairs = answers.differences(nothing)
    users = answers.per_user(pairs)
    asked = np.flatnonzero((~np.isnan(users)).sum(axis=0) > 1).tolist()
    freedom = round(sum(_freedom(nothing[place]) for place in asked))
    if freedom < 2:
        return []
    shifts = np.nanmean(users[:, asked], axis=0)
    spread = float(np.sqrt(np.mean(shifts**2)))
    reach = spread * t_quantile(alpha / (2 * len(shift_contrasts(facts))), freedom)
    return [
        Measurement(
            name="noise_floor",
            value=0.0,
            low=-reach,
            high=reach,
            level=1 - 2 * alpha,
            method="t prediction interval from contrasts that mean nothing",
            n=int((~np.isnan(pairs[:, asked])).sum()),
            clusters=int((~np.isnan(users[:, asked])).any(axis=1).sum()),
            unit="log-odds",
            better="zero",
            group="luck of training",
            note=f"{len(asked)} contrasts that mean nothing moved answers by {spread:.3f} (root mean square,"
            f" {freedom} degrees of freedom)",
        )
    ]


def _freedom(contrast: Contrast) -> float:
    """Degrees of freedom of one contrast: m values against their rest share m - 1, two values have 1."""
    rest = len(contrast.minus)
    return rest / (rest + 1) if rest > 1 else 1.0


def control_contrasts(facts: Facts) -> list[Contrast]:
    """The raised value against the others in the planted copy; none if no copy was tried."""
    if not facts.get("control"):
        return []
    name, raised = facts["control"]["attribute"], facts["control"]["raised"]
    rest = [value for value in facts["attributes"][name] if value != raised]
    label = f"{name}: {raised} vs {rest[0] if len(rest) == 1 else 'the rest'}, planted"
    return [Contrast(label, f"{COPY}{name}={raised}", tuple(f"{COPY}{name}={value}" for value in rest))]


def flip_rows(answers: Answers, facts: Facts, alpha: float) -> Iterator[Measurement]:
    """The share of answers that turn between yes and no against the person's own request."""
    groups = {name: [f"{name}={value}" for value in values] for name, values in facts["attributes"].items()}
    for name, values in facts["placebos"].items():
        groups[f"{PLACEBO}{name}"] = [f"{name}={value}" for value in values]
    groups |= {word: [word] for word in _wordings(facts)}
    for group, conditions in groups.items():
        flips = _flips(answers, conditions)
        interval = mean_of_clusters(answers.per_user(flips)[:, 0], alpha=alpha, bounds=(0, 1))
        n = int(np.count_nonzero(~np.isnan(flips)))
        yield row("flip_rate", interval, group=group, n=n, unit="share", better="lower", alpha=alpha)


def _flips(answers: Answers, conditions: Sequence[str]) -> FloatArray:
    """Share of versions that turn a pair's answer, shape ``(n_pairs, 1)``; NaN without another version."""
    before = answers.at("own")
    after = np.stack([answers.at(name) for name in conditions], axis=1)
    same = np.stack([answers.is_own(name) for name in conditions], axis=1)
    compared = ~(np.isnan(before)[:, None] | np.isnan(after) | same)
    turned = compared & ((before > 0)[:, None] != (after > 0))
    counts = compared.sum(axis=1, keepdims=True)
    shares = np.full(counts.shape, np.nan)
    np.divide(turned.sum(axis=1, keepdims=True), counts, out=shares, where=counts > 0)
    return shares


def _wordings(facts: Facts) -> list[str]:
    return [f"wording {wording}" for wording in range(1, facts["wordings"])]
