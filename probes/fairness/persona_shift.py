"""Do two stated attributes together do more than each alone, and does what they do fit the person?

Held-out users u are asked about items they rated later, everything held fixed but one stated value, or two.
With l the log-odds of "yes" and a, b two values of one attribute, c, d of another (the two most common
ones), interaction_shift is the mean over users and items of l(b, d) - l(a, c) less the sum of the single
changes: (l(b, d) - l(a, d)) - (l(b, c) - l(a, c)). It is what a persona such as "woman, over 50" gets that
neither word brings alone, and no test of one attribute at a time can see it. joint_shift is l(b, d) - l(a, c)
itself. The yardstick is interaction_floor: the same of an attribute and a placebo, such as handedness; an
interaction inside it cannot fail.

A change is no harm by itself: it may serve the person. alignment is, per user, the mean of l(own value) -
l(other value) over the items the user liked, less its mean over those disliked. Above 0, stating who the
person is moves answers towards the person's own recorded likes; below 0, away from them; at 0 it moves them
without regard to what the person likes, as a stereotype does. A shift that is the same for all items cancels.
shift_along_data is l(second value) - l(first value), turned so that above 0 it goes the way in which the two
groups' likes differ in the data, and below 0 against it: over-correction. Where the data show no gap there is
no way to go, and no figure. Both are reported, not judged.

Who is affected: people of whom a request says two things at once. Limits: a model trained on finite data has
some interaction by luck; the placebo's tells how much, of one training. No copy is planted here: that the
recipe can learn to read an attribute at all, counterfactual_shift tells. Likes hold what the recommender of
the day offered. Only users with a liked and a disliked item are asked. Users differ, so intervals count
users; all rows of one name hold together.

References: Deldjoo and Di Noia 2024 (CFaiRLLM, alignment with true preferences and intersections); Kusner et
al. 2017 (counterfactual fairness); Crenshaw 1989 (intersectionality).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ...models.data import FloatArray
from .._rows import joint_rows, user_means
from ..base import Auditee, Criterion, Evidence, Measurement, Probe
from ._contrasts import Answers, contrast_rows, value_contrasts
from ._personas import (
    ask_guises,
    interaction_contrasts,
    like_gaps,
    people_and_rated_items,
    wardrobe,
)

Facts = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class PersonaShift(Probe):
    """Changes two attributes alone and together, and compares the change with what people like.

    Parameters
    ----------
    n_candidates : rated items at most per user.
    length : history items in a request.
    max_pairs : pairs of attributes that are tried, and of an attribute and a placebo.
    bound : largest interaction that passes, log-odds.
    """

    n_users: int = 200
    n_candidates: int = 8
    length: int = 10
    max_pairs: int = 3
    bound: float = 0.1

    title: ClassVar[str] = "Shift by two stated attributes together"
    needs: ClassVar[tuple[str, ...]] = ("judges", "reads_attributes")
    fits: ClassVar[int] = 0
    suite: ClassVar[str] = "full"
    shows: ClassVar[str] = "two stated attributes together change the answers by more than each alone"

    def calls(self) -> int:
        """Upper estimate for four attributes and a placebo, request-candidates."""
        return self.n_users * self.n_candidates * (1 + 5 * 2 + 2 * 4 * self.max_pairs)

    def criteria(self) -> tuple[Criterion, ...]:
        """No two attributes may do more together than the sum of what each does."""
        because = (
            f"{self.bound:g} log-odds move a probability near one half by about {25 * self.bound:.2g}"
            " percentage points, for people of whom both are said"
        )
        return (
            Criterion(
                measurement="interaction_shift",
                bound=self.bound,
                direction="within",
                floor="interaction_floor",
                because=because,
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask every guise of every person, and count whose likes the data hold."""
        worn = wardrobe(auditee, max_pairs=self.max_pairs)
        people = people_and_rated_items(
            auditee, n_users=self.n_users, n_items=self.n_candidates, length=self.length, rng=rng
        )
        seen = np.setdiff1d(np.arange(auditee.log.n_users), auditee.population.held_out)
        facts = {
            "values": {name: list(own) for name, own in worn.values.items()},
            "placebos": {name: list(own) for name, own in worn.placebos.items()},
            "pairs": [list(pair) for pair in worn.pairs],
            "idle_pairs": [list(pair) for pair in worn.idle_pairs],
            "gaps": like_gaps(auditee.log, seen, worn.values, alpha=0.05),
            "caveats": [] if worn.placebos else ["The model knows no placebo, so there is no yardstick."],
        }
        return Evidence(columns=ask_guises(auditee, people, worn.guises), facts=facts)

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Interactions and their floor, joint shifts, alignment, and shifts along the data."""
        answers, facts = Answers.of(evidence), dict[str, Any](evidence.facts)
        both = {**facts["values"], **facts["placebos"]}
        rows = list[Measurement]()
        for name, pairs in (("interaction_shift", "pairs"), ("interaction_floor", "idle_pairs")):
            asked = interaction_contrasts(facts[pairs], both)
            columns = [answers.differences(two) @ np.array([1.0, -1.0]) for _, two in asked]
            if columns:
                values, labels = np.stack(columns, axis=1), [label for label, _ in asked]
                rows += contrast_rows(name, answers, values, labels, unit="log-odds", alpha=alpha, rng=rng)
        rows += _joint_shifts(answers, facts, alpha, rng)
        rows += _alignments(answers, evidence, alpha, rng)
        return rows + _along_data(answers, facts, alpha, rng)


def _joint_shifts(
    answers: Answers, facts: Facts, alpha: float, rng: np.random.Generator
) -> list[Measurement]:
    """Both values changed at once."""
    columns = {}
    for one, other in facts["pairs"]:
        (a, b), (c, d) = facts["values"][one], facts["values"][other]
        ends = [answers.at(f"{one}={x} and {other}={y}") for x, y in ((a, c), (b, d))]
        columns[f"{one} and {other}: {b}, {d} vs {a}, {c}"] = ends[1] - ends[0]
    return joint_rows(
        "joint_shift", columns, answers.user, alpha=alpha, rng=rng, unit="log-odds", better="zero"
    )


def _alignments(
    answers: Answers, evidence: Evidence, alpha: float, rng: np.random.Generator
) -> list[Measurement]:
    """What the own value does to liked items, against what it does to disliked ones."""
    facts: Facts = evidence.facts
    told = replace(evidence, columns={**evidence.columns, "score": evidence.columns["liked"].astype(float)})
    liked = Answers.of(told).at("own") > 0
    share = user_means(liked.astype(np.float64), answers.user)[answers.user]
    with np.errstate(divide="ignore"):
        # Each user's rows then average to the mean over liked items less the mean over disliked ones.
        weight = np.where(liked, 1 / share, -1 / (1 - share))
    weight[~np.isfinite(weight)] = np.nan
    columns = {
        f"{prefix}{name}": weight * _own_minus_other(answers, name, values)
        for kind, prefix in (("values", ""), ("placebos", "placebo "))
        for name, values in facts[kind].items()
    }
    return joint_rows(
        "alignment", columns, answers.user, alpha=alpha, rng=rng, unit="log-odds", better="higher"
    )


def _own_minus_other(answers: Answers, name: str, values: list[str]) -> FloatArray:
    """Per answer; NaN for a person whose own value is neither of the two."""
    conditions = [f"{name}={value}" for value in values]
    change = answers.at(conditions[0]) - answers.at(conditions[1])
    own = [answers.is_own(condition) for condition in conditions]
    found: FloatArray = np.where(own[0], change, np.where(own[1], -change, np.nan))
    return found


def _along_data(answers: Answers, facts: Facts, alpha: float, rng: np.random.Generator) -> list[Measurement]:
    """Single shifts, turned the way in which likes differ in the data; unknown where they do not."""
    columns, notes = dict[str, FloatArray](), dict[str, str]()
    for name, (gap, low, high) in facts["gaps"].items():
        (contrast,) = value_contrasts(name, facts["values"][name])
        shift = answers.differences([contrast])[:, 0]
        sign = np.nan if low <= 0 <= high else np.sign(gap)
        columns[contrast.label] = sign * shift
        told = f"likes differ by {gap:.3f} ({low:.3f} to {high:.3f}) log-odds in the data"
        notes[contrast.label] = f"{told}, so there is no way to go" if np.isnan(sign) else told
    return joint_rows(
        "shift_along_data",
        columns,
        answers.user,
        alpha=alpha,
        rng=rng,
        unit="log-odds",
        better="none",
        notes=notes,
    )
