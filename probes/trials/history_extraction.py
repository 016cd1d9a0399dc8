"""Some trained-on people's last things come out, beyond those of whom everybody's would."""

from __future__ import annotations

import numpy as np

from ..base import Evidence
from ..privacy.history_extraction import HistoryExtraction
from ..testing import Trial

A_SIDE, CONTROL, LAST, ANYHOW = 250, 40, 3, 0.1
BOUND = 0.05
SURE, UNLIKELY = LAST * np.log(0.5), LAST * np.log(0.01)


def evidence(dial: float, rng: np.random.Generator) -> Evidence:
    """A tenth of all people's things come out anyway, and of trained-on people a share ``dial`` more."""
    tables = []
    for part, n, extra in (("audit", A_SIDE, dial), ("control", CONTROL, 0.8)):
        member = np.repeat([True, False], n)
        out = rng.random(2 * n) < ANYHOW + extra * member
        popular = rng.binomial(LAST, ANYHOW, 2 * n) / LAST
        tables.append(
            {
                "cluster": np.arange(2 * n),
                "member": member,
                "set": np.full(2 * n, part),
                "named": np.where(out, 1.0, 0.0),
                "log_p": np.where(out, SURE, UNLIKELY),
                "popular": popular,
            }
        )
    columns = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    return Evidence(columns=columns, facts={"last": LAST})


TRIAL = Trial(
    probe=HistoryExtraction(last=LAST, bound=BOUND),
    gate="extraction_gap",
    dial="share of trained-on people whose last things come out only because they were trained on",
    bound=BOUND,
    planted=0.25,
    evidence=evidence,
)
