"""Is it close enough: tests in which being fine is what has to be shown."""

from __future__ import annotations

from typing import Literal


def tost_p(value: float, se: float, df: float | None, low_bound: float, high_bound: float) -> float:
    """p-value of two one-sided tests that the truth lies in (low_bound, high_bound) (Schuirmann 1987).

    Below ``alpha`` exactly where the interval at level ``1 - 2 * alpha`` lies inside the bounds.

    Parameters
    ----------
    value, se : estimate and its standard error.
    df : degrees of freedom of Student's t; ``None`` for the normal distribution.

    Raises
    ------
    ValueError
        If the bounds are not in order, or ``se`` or ``df`` is out of range.
    """
    if not low_bound < high_bound:
        raise ValueError(f"the low bound must be below the high bound, got {low_bound} and {high_bound}")
    return max(
        non_inferiority_p(value, se, df, low_bound, direction="at_least"),
        non_inferiority_p(value, se, df, high_bound, direction="at_most"),
    )


def non_inferiority_p(
    value: float, se: float, df: float | None, bound: float, *, direction: Literal["at_least", "at_most"]
) -> float:
    """One-sided p-value against the hypothesis that the truth is on the bad side of ``bound``.

    Parameters
    ----------
    value, se : estimate and its standard error; with ``se`` 0 the estimate is taken for the truth.
    df : degrees of freedom of Student's t; ``None`` for the normal distribution.
    direction : "at_least" is shown above the bound, "at_most" below it.

    Raises
    ------
    ValueError
        If ``se`` is negative or ``df`` not positive.
    """
    from scipy.special import ndtr, stdtr

    if se < 0 or (df is not None and df <= 0):
        raise ValueError(f"se must not be negative and df must be positive, got se = {se} and df = {df}")
    short = bound - value if direction == "at_least" else value - bound
    if se == 0:
        return 0.0 if short < 0 else 1.0
    return float(ndtr(short / se) if df is None else stdtr(df, short / se))
