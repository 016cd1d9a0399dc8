"""LETTER's additions: codes that follow who meets what, and codes used evenly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..base import ModelError
from ..data import FloatArray, IntArray
from ._codebook import kmeans, squared_distances

if TYPE_CHECKING:
    import torch

CLUSTER_ROUNDS = 10


def alignment_loss(quantised: torch.Tensor, collaborative: torch.Tensor) -> torch.Tensor:
    """``-mean_i log( exp(<z_i, h_i>) / sum_j exp(<z_i, h_j>) )`` in nats, a scalar of 0 or more.

    Wang et al. (2024), equation of L_CF: the quantised vector ``z_i`` of an item shall be found by the
    collaborative vector ``h_i`` among those of the batch. Items whose ``h`` is all zeros, since nobody met
    them, are left out; a batch of such items costs 0.

    Parameters
    ----------
    quantised, collaborative : shape ``(n, d)`` each.
    """
    import torch
    from torch.nn.functional import cross_entropy

    met = collaborative.abs().sum(dim=1) > 0
    if not met.any():
        return quantised.sum() * 0.0
    logits = quantised[met] @ collaborative[met].T
    return cross_entropy(logits, torch.arange(len(logits), device=logits.device))


def diversity_loss(table: torch.Tensor, codes: torch.Tensor, cluster: torch.Tensor) -> torch.Tensor:
    """``-mean_i log( exp(<e_i, e_+>) / sum_(j != i) exp(<e_i, e_j>) )`` in nats, of 0 or more.

    Wang et al. (2024), L_Div of one level: the vector ``e_i`` of an item's code is drawn towards that of
    another code of the same cluster, ``e_+``, drawn at random, and away from all others, so that codes
    come to lie evenly.

    Parameters
    ----------
    table : the level's vectors, ``(K, d)``.
    codes : the items' codes, ``(n,)``.
    cluster : the cluster of each code, ``(K,)``; each has two codes or more, see `balanced_clusters`.
    """
    import torch
    from torch.nn.functional import cross_entropy

    itself = torch.nn.functional.one_hot(codes, len(table)).bool()
    peers = (cluster[codes][:, None] == cluster) & ~itself
    drawn = torch.multinomial(peers.float(), 1).squeeze(1)
    logits = (table[codes] @ table.T).masked_fill(itself, float("-inf"))
    return cross_entropy(logits, drawn)


def balanced_clusters(table: FloatArray, clusters: int, rng: np.random.Generator) -> IntArray:
    """The cluster of each code by k-means whose clusters differ in size by one at most, shape ``(K,)``.

    Raises
    ------
    ModelError
        If a cluster would have fewer than two codes.
    """
    from scipy.optimize import linear_sum_assignment

    if clusters < 1 or len(table) < 2 * clusters:
        raise ModelError(f"{len(table)} codes cannot be put into {clusters} clusters of two or more")
    seats = np.arange(len(table)) % clusters
    centres = kmeans(table, clusters, rng)
    cluster: IntArray = seats
    for _ in range(CLUSTER_ROUNDS):
        before, cluster = (
            cluster,
            seats[linear_sum_assignment(squared_distances(table, centres)[:, seats])[1]],
        )
        if np.array_equal(before, cluster):
            break
        centres = np.stack([table[cluster == place].mean(axis=0) for place in range(clusters)])
    return cluster
