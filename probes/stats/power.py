"""What this sample could have found: the smallest effect it would not have missed."""

from __future__ import annotations

from .intervals import t_quantile, z_quantile


def minimum_detectable_effect(
    se: float, *, alpha: float, power: float = 0.8, df: float | None = None
) -> float:
    """The true effect beyond a bound that a one-sided test at ``alpha`` finds with ``power``.

    Parameters
    ----------
    se : standard error of the estimate, in its unit.
    alpha : error probability of one end, in (0, 0.5).
    power : probability of finding the effect, in (alpha, 1).
    df : degrees of freedom of Student's t (noncentral t, Cohen 1988); ``None`` for the normal.

    Raises
    ------
    ValueError
        If ``se`` is negative, or ``alpha`` or ``power`` out of range.
    """
    from scipy.special import nctdtrinc, ndtri

    if se < 0 or not alpha < power < 1:
        raise ValueError(f"se must not be negative and power must lie in (alpha, 1), got {se} and {power}")
    if df is None:
        return se * (z_quantile(alpha) + float(ndtri(power)))
    return se * float(nctdtrinc(df, 1 - power, t_quantile(alpha, df)))


def power_of(effect: float, se: float, *, alpha: float, df: float | None = None) -> float:
    """The probability that a one-sided test at ``alpha`` finds a true ``effect`` beyond a bound.

    The inverse of ``minimum_detectable_effect``; the same parameters. With ``se`` 0 any positive effect
    is found.

    Raises
    ------
    ValueError
        If ``se`` is negative or ``alpha`` out of range.
    """
    from scipy.special import nctdtr, ndtr

    if se < 0:
        raise ValueError(f"se must not be negative, got {se}")
    quantile = z_quantile(alpha) if df is None else t_quantile(alpha, df)
    if se == 0:
        return float(effect > 0)
    if df is None:
        return float(ndtr(effect / se - quantile))
    return 1.0 - float(nctdtr(df, effect / se, quantile))
