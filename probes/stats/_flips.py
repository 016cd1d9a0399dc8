"""Random signs for whole users: what a difference would look like if it had no direction."""

from __future__ import annotations

import numpy as np

from ...models.data import FloatArray
from .bootstrap import block_sizes
from .intervals import t_quantile


def flip_sums(effects: FloatArray, n_flips: int, rng: np.random.Generator) -> FloatArray:
    """Sums over clusters of sign-flipped effects, one sign a cluster for all its rows.

    Parameters
    ----------
    effects : shape ``(n_clusters, n_rows)``, 0 where a cluster has no value.

    Returns
    -------
    FloatArray
        Shape ``(n_flips, n_rows)``: sum_g s_g x_gr with s uniform on {-1, 1}.
    """
    n_clusters = len(effects)
    total = effects.sum(axis=0)
    blocks = []
    for size in block_sizes(n_flips, n_clusters):
        noise = np.frombuffer(rng.bytes(size * -(-n_clusters // 8)), dtype=np.uint8)
        heads = np.unpackbits(noise.reshape(size, -1), axis=1, count=n_clusters)
        blocks.append(2 * (heads @ effects) - total)
    return np.concatenate(blocks)


def studentised(sums: FloatArray, squares: FloatArray, counts: FloatArray) -> FloatArray:
    """One-sample t statistics from sums, sums of squares and counts, broadcast over rows.

    Flipping signs leaves the squares as they are, so a flip's own spread needs no second pass. 0 for a
    sum of 0 and for a row of fewer than two clusters; infinite where a sum has no spread around it.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        # Rounded, so that equal sums added up in another order still tie.
        cosine = np.round(np.where(sums == 0, 0.0, sums / np.sqrt(counts * squares)), 12)
        t = cosine * np.sqrt((counts - 1) / np.maximum(0.0, 1 - cosine**2))
    return np.where((counts > 1) & (cosine != 0), t, 0.0)


def joint_critical(draws: FloatArray, *, signs: FloatArray, alpha: float) -> float:
    """The ``1 - alpha`` quantile of the largest draw over rows (Westfall and Young 1993, max-T).

    The larger of two: for the lower ends of all rows together, and for the ends that the estimates'
    own ``signs`` turn towards 0. With strongly dependent rows of opposite sign the first alone would
    let up to twice ``alpha`` through. Draws are symmetric, so upper ends need no third.

    Parameters
    ----------
    draws : statistics under the null, shape ``(n_draws, n_rows)``.
    signs : -1 or 1 per row, shape ``(n_rows,)``.
    """
    rank = int(np.ceil((1 - alpha) * (len(draws) + 1))) - 1
    if rank >= len(draws):
        return float("inf")
    largest = ((draws * pattern).max(axis=1) for pattern in (np.ones_like(signs), signs))
    return max(float(np.partition(worst, rank)[rank]) for worst in largest)


def bounded_critical(critical: float, *, df: float, alpha: float, family: int) -> float:
    """Keep a joint critical value between Student's t alone and Bonferroni's t over the family."""
    return min(max(critical, t_quantile(alpha, df)), t_quantile(alpha / family, df))
