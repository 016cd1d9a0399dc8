"""Many checks, one error budget: p-values adjusted for how many were looked at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...models.data import FloatArray


def holm(p: npt.ArrayLike) -> FloatArray:
    """Adjust p-values so that any false alarm at all is rare, for gates (Holm 1979).

    Any shape of dependence is allowed. NaN stays NaN and is not counted; empty stays empty.
    """
    values, known = _known(p)
    ordered = np.sort(values[known])
    steps = np.maximum.accumulate(np.arange(len(ordered), 0, -1) * ordered)
    values[known] = np.minimum(1.0, steps[np.searchsorted(ordered, values[known])])
    return values


def benjamini_hochberg(p: npt.ArrayLike) -> FloatArray:
    """Adjust p-values so that few of the alarms are false, for exploration (Benjamini and Hochberg 1995).

    Holds under independence and positive dependence. NaN stays NaN and is not counted; empty stays empty.
    """
    from scipy.stats import false_discovery_control

    values, known = _known(p)
    if known.any():
        values[known] = false_discovery_control(values[known], method="bh")
    return values


def _known(p: npt.ArrayLike) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    values = np.array(p, dtype=np.float64)
    known = ~np.isnan(values)
    if np.any((values[known] < 0) | (values[known] > 1)):
        raise ValueError(f"p-values lie in [0, 1], got {values[known].min():g} to {values[known].max():g}")
    return values, known
