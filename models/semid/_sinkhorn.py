"""Shares codes out among items so that each code gets as much as any other, at little cost."""

from __future__ import annotations

import numpy as np

from ..data import FloatArray

EPSILON = 0.003
ROUNDS = 50


def uniform_plan(costs: FloatArray, epsilon: float = EPSILON, rounds: int = ROUNDS) -> FloatArray:
    """How much of each item goes to each code, shape ``(n, K)``; rows sum to 1, columns to about ``n / K``.

    ``min_Q <Q, C> - epsilon H(Q)`` over such plans by Sinkhorn's scaling of rows and columns (Cuturi 2013),
    as LC-Rec gives out its last code (Zheng et al. 2024).

    Parameters
    ----------
    costs : shape ``(n, K)``; brought to [-1, 1] first, so that ``epsilon`` means the same for any scale.
    """
    low, high = float(costs.min()), float(costs.max())
    scaled = (costs - (low + high) / 2) / max((high - low) / 2, 1e-12)
    # Taking the least cost of each row away changes no plan, and keeps every row from vanishing.
    plan: FloatArray = np.exp(-(scaled - scaled.min(axis=1, keepdims=True)) / epsilon)
    share = len(costs) / costs.shape[1]
    for _ in range(rounds):
        plan *= share / np.maximum(plan.sum(axis=0, keepdims=True), 1e-300)
        plan /= np.maximum(plan.sum(axis=1, keepdims=True), 1e-300)
    return plan
