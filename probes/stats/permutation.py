"""Could chance alone have done this: tests that shuffle what would be interchangeable."""

from __future__ import annotations

import numpy as np

from ...models.data import FloatArray
from ._flips import flip_sums, studentised

_ROUNDING = 1e-9


def sign_flip_test(
    effects: FloatArray, *, rng: np.random.Generator, n_flips: int = 9999
) -> tuple[FloatArray, FloatArray]:
    """Test each row's mean against 0 by random signs of whole clusters.

    Parameters
    ----------
    effects : paired differences, shape ``(n_clusters, n_rows)``: one per cluster (user) and row; NaN
        where a cluster has none.

    Returns
    -------
    raw, adjusted : FloatArray
        Two-sided p-values, shape ``(n_rows,)``: each row alone, and adjusted for all rows by the largest
        |t| of a flip (single-step max-T, Westfall and Young 1993). NaN for a row without clusters.

    Notes
    -----
    p = (1 + #{|t*| >= |t|}) / (n_flips + 1), never 0; exact where effects are symmetric about 0 under
    the hypothesis (Fisher 1935; Phipson and Smyth 2010).
    """
    effects = np.asarray(effects, dtype=np.float64)
    known = ~np.isnan(effects)
    filled, counts = np.where(known, effects, 0.0), known.sum(axis=0)
    squares = np.square(filled).sum(axis=0)
    observed = np.abs(studentised(filled.sum(axis=0), squares, counts))
    drawn = np.abs(studentised(flip_sums(filled, n_flips, rng), squares, counts))
    threshold = observed * (1 - _ROUNDING)
    raw = (1 + (drawn >= threshold).sum(axis=0)) / (n_flips + 1)
    largest = np.sort(drawn.max(axis=1, initial=0.0))
    adjusted = (1 + n_flips - np.searchsorted(largest, threshold)) / (n_flips + 1)
    return np.where(counts > 0, raw, np.nan), np.where(counts > 0, adjusted, np.nan)


def mcnemar_exact(b: int, c: int) -> float:
    """Two-sided exact p-value that flips go one way as often as the other (McNemar 1947).

    p = min(1, 2 P[Bin(b + c, 1/2) <= min(b, c)]); 1 where nothing flipped. For one row per user;
    otherwise use ``sign_flip_test`` over users.

    Raises
    ------
    ValueError
        If ``b`` or ``c`` is negative.
    """
    from scipy.special import bdtr

    if b < 0 or c < 0:
        raise ValueError(f"b and c count flips in either direction and cannot be negative, got {b} and {c}")
    return min(1.0, 2 * float(bdtr(min(b, c), b + c, 0.5))) if b + c else 1.0
