"""Answers that two stated attributes move together by a planted amount, beyond what each does alone."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..fairness.persona_shift import PersonaShift
from ..testing import Trial

USERS, ITEMS = 40, 4
VALUES = {"gender": ["man", "woman"], "age": ["young", "old"], "handedness": ["left", "right"]}


def evidence(shift: float, rng: np.random.Generator) -> Evidence:
    """A woman gets .3 more, the old .2 less, old women ``shift`` besides; a placebo moves single users."""
    level = rng.normal(0, 1, (USERS, ITEMS))
    alone = {"woman": 0.3, "old": -0.2, "right": 0.0}
    cells = {"own": level}
    for name, values in VALUES.items():
        cells |= {f"{name}={value}": level + alone.get(value, 0.0) for value in values}
    for one, other, together in (("gender", "age", shift), ("gender", "handedness", 0.0)):
        for a in VALUES[one]:
            for b in VALUES[other]:
                both = together * (a == "woman" and b == VALUES[other][1])
                own = rng.normal(0, 0.1 if other == "age" else 0.02, (USERS, 1))
                cells[f"{one}={a} and {other}={b}"] = (
                    level + alone.get(a, 0.0) + alone.get(b, 0.0) + both + own
                )
    conditions = np.repeat(list(cells), USERS * ITEMS)
    return Evidence(
        columns={
            "cluster": np.tile(np.repeat(np.arange(USERS), ITEMS), len(cells)),
            "candidate": np.tile(np.arange(ITEMS), USERS * len(cells)),
            "condition": conditions,
            "own": np.isin(conditions, ["own", "gender=man", "age=young", "handedness=left"]),
            "liked": np.tile(np.arange(ITEMS) % 2 == 0, USERS * len(cells)),
            "score": np.concatenate([values.ravel() for values in cells.values()]),
        },
        facts={
            "values": {name: VALUES[name] for name in ("gender", "age")},
            "placebos": {"handedness": VALUES["handedness"]},
            "pairs": [["gender", "age"]],
            "idle_pairs": [["gender", "handedness"]],
            "gaps": {"gender": [0.3, 0.2, 0.4]},
        },
    )


TRIAL = Trial(
    probe=PersonaShift(n_users=USERS, n_candidates=ITEMS),
    gate="interaction_shift",
    dial="log-odds that saying woman and old together adds to what each adds",
    bound=0.1,
    planted=0.3,
    evidence=evidence,
)
