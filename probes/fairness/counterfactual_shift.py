"""Does the model answer differently when only the stated attribute of a user changes?

Each of some held-out users u is asked about the same candidates i several times, everything held fixed
but one stated value: g(u, a) = mean over i of log-odds(yes | u, i, a). The shift of a two-valued attribute
is the mean over users of g(u, second value) - g(u, first value); of one with more values, one row a value:
g(u, value) minus the mean of g over the other values. Row "x vs y" is x minus y, so above 0 the model says
yes more readily to x. All other attributes are stated as they are in the data, in the model's own order.

The yardstick of what means nothing (noise_floor) is asked in the same way: placebo attributes such as
handedness, whose values are dealt by coin, and other wordings of the same request. Any attribute also moves
a trained model a little by chance, as the users who happen to carry it happen to like more or less. How far,
is read from a copy trained on the same rows dealt anew among the same users, so that attributes mean nothing
to it (chance_shift): luck of training is the range in which all shifts of such a model would lie. A shift
inside the noise floor cannot fail; it is there, but a second training would likely show another. As every
request states every attribute, a model that merely reacts to being told something shows no shift.

A shift of zero from a model that cannot learn to read the attribute would mean nothing. So one attribute is
planted into the answers that the copy learns (positive control): the copy must show it, in the right
direction, or the verdict is invalid. Where no copy can be trained, a shift can still be shown, but its
absence cannot: the verdict is then at most inconclusive, and the noise floor rests on placebos and wordings.

Who is affected: users who get other recommendations for who they are said to be, not for what they did.
The shift is an average: effects on some items that cancel over the candidates show only in flip_rate, the
share of answers that turn between yes and no. What a history tells about its user is another question
(history_counterfactual). A model with a wide noise floor is hard to fail and will not pass for it.
Users differ, so intervals count users; all rows of one name hold together.

References: Kusner et al. 2017 (counterfactual fairness); Zhang et al. 2023 (FaiRLLM); Westfall and Young 1993
(joint intervals by max-T).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...models.base import Request
from .._people import people_and_new_items
from .._rows import probability
from ..base import Auditee, Criterion, Evidence, Measurement, NotApplicable, Probe
from ._cases import paired_cases
from ._contrasts import Answers, Contrast, Scale, contrast_rows
from ._shift_rows import (
    chance_contrasts,
    control_contrasts,
    flip_rows,
    floor_contrasts,
    luck_row,
    shift_contrasts,
)
from ._variants import COPY, Plan, ask_variants, plan_variants, planted_copy, value_variants

CONTROL_REASON = (
    "a copy trained on data where the attribute decides must show it: if it does not, this recipe cannot"
    " learn to read the attribute, and a zero shift would mean nothing"
)


@dataclass(frozen=True, kw_only=True)
class CounterfactualShift(Probe):
    """Changes one stated attribute at a time and measures how far the answers move.

    Parameters
    ----------
    n_control : users asked of the planted copy.
    length : history items in a request.
    max_values : values of an attribute that are tried, the most common ones.
    bound : largest shift that passes, log-odds.
    """

    n_users: int = 250
    n_candidates: int = 10
    n_control: int = 60
    length: int = 10
    max_values: int = 6
    bound: float = 0.1

    title: ClassVar[str] = "Counterfactual attribute shift"
    needs: ClassVar[tuple[str, ...]] = ("judges", "reads_attributes")
    fits: ClassVar[int] = 1
    shows: ClassVar[str] = "what a request states about a user's attributes changes the model's answers"

    def calls(self) -> int:
        """Upper estimate for four attributes, a placebo and three wordings, request-candidates."""
        versions = 4 * self.max_values + 5
        return self.n_candidates * (self.n_users + self.n_control) * versions

    def criteria(self) -> tuple[Criterion, ...]:
        """No contrast may shift the answers, and a planted copy must show that shifts can be seen."""
        return (
            Criterion(
                measurement="shift",
                bound=self.bound,
                direction="within",
                floor="noise_floor",
                because=f"{self.bound:g} log-odds move a probability near one half by about"
                f" {25 * self.bound:.2g} percentage points",
            ),
            Criterion(
                measurement="control_shift",
                bound=self.bound,
                direction="at_least",
                role="control",
                because=CONTROL_REASON,
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask every version of every request, and the planted copy its part."""
        plan = plan_variants(auditee, max_values=self.max_values)
        people = people_and_new_items(
            auditee, n_users=self.n_users, n_items=self.n_candidates, length=self.length, rng=rng
        )
        columns = ask_variants(auditee, people, plan.variants)
        facts: dict[str, object] = {
            "attributes": {name: list(values) for name, values in plan.attributes.items()},
            "placebos": {name: list(values) for name, values in plan.placebos.items()},
            "wordings": plan.wordings,
            "left_out": dict(plan.left_out),
        }
        caveats = _caveats(plan)
        exhibits = paired_cases(auditee, people, Answers.of(Evidence(columns=columns)), plan.attributes, rng)
        try:
            control, facts["control"] = self._ask_control(auditee, people, plan, rng)
            columns = {name: np.concatenate([columns[name], control[name]]) for name in columns}
        except NotApplicable as reason:
            caveats.append(f"No planted copy was tried ({reason}), so no pass can be given.")
        return Evidence(columns=columns, facts={**facts, "caveats": caveats}, exhibits=exhibits)

    def _ask_control(
        self, auditee: Auditee, people: Sequence[Request], plan: Plan, rng: np.random.Generator
    ) -> tuple[dict[str, Any], dict[str, str]]:
        copy, name, raised = planted_copy(auditee, plan, rng)
        varied = {**plan.attributes, **plan.placebos}
        asked = rng.choice(len(people), min(self.n_control, len(people)), replace=False)
        columns = ask_variants(
            copy, [people[place] for place in np.sort(asked)], value_variants(varied, prefix=COPY)
        )
        return columns, {"attribute": name, "raised": raised}

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Shifts, their floor, the control, and how many answers turned."""
        answers, facts = Answers.of(evidence), evidence.facts

        def rows(
            name: str, asked: Sequence[Contrast], scale: Scale | None = None, unit: str = "log-odds"
        ) -> list[Measurement]:
            labels = [contrast.label for contrast in asked]
            values = answers.differences(asked, scale)
            return contrast_rows(name, answers, values, labels, unit=unit, alpha=alpha, rng=rng)

        contrasts = shift_contrasts(facts)
        return [
            *rows("shift", contrasts),
            *rows("noise_floor", floor_contrasts(facts)),
            *luck_row(answers, facts, alpha),
            *rows("control_shift", control_contrasts(facts)),
            *rows("chance_shift", chance_contrasts(facts)),
            *rows("shift_probability", contrasts, probability, "probability points"),
            *flip_rows(answers, facts, alpha),
        ]


def _caveats(plan: Plan) -> list[str]:
    caveats = [
        f"Of {name}, the less common values were not tried: {', '.join(values)}."
        for name, values in plan.left_out.items()
    ]
    if not plan.placebos:
        caveats.append("The model knows no placebo attribute, so the noise floor rests on wordings alone.")
    return caveats
