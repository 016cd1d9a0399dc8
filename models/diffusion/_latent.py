"""Packs a person's row into a few numbers and unpacks it, with one autoencoder per cluster of items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..base import ModelError
from ..data import FloatArray, IntArray
from ._denoiser import dropped, start_layers

if TYPE_CHECKING:
    import torch
    from torch import nn


def cluster_items(vectors: FloatArray, clusters: int, *, rng: np.random.Generator) -> IntArray:
    """The cluster of each item by k-means over its vector, shape ``(n_items,)``.

    Raises
    ------
    ModelError
        If there are fewer different vectors than clusters.
    """
    from sklearn.cluster import KMeans

    if clusters < 1 or len(np.unique(vectors, axis=0)) < clusters:
        raise ModelError(f"{len(vectors)} items cannot be put into {clusters} clusters; set clusters lower")
    seed = int(rng.integers(2**31))
    found = KMeans(clusters, n_init=4, random_state=seed).fit_predict(vectors)
    labels: IntArray = found.astype(np.int64)
    return labels


def co_liked_vectors(rows: FloatArray, size: int, *, rng: np.random.Generator) -> FloatArray:
    """Items' vectors by who likes them together: a truncated SVD, shape ``(n_items, size)``."""
    from sklearn.decomposition import TruncatedSVD

    size = min(size, min(rows.shape) - 1)
    if size < 1:
        return rows.T
    svd = TruncatedSVD(size, random_state=int(rng.integers(2**31))).fit(rows)
    vectors: FloatArray = (svd.components_ * svd.singular_values_[:, None]).T
    return vectors


def autoencoder(cluster: IntArray, latent: int, dropout: float) -> nn.ModuleDict:
    """Build an encoder to mean and log-variance for each cluster, and one linear decoder of all codes.

    ``latent`` numbers in all are dealt out in proportion to the clusters' sizes, at least one each.
    """
    from torch import nn

    sizes = np.bincount(cluster)
    shares = np.maximum(1, np.floor(latent * sizes / sizes.sum())).astype(int).tolist()
    network = nn.ModuleDict(
        {
            "drop": nn.Dropout(dropout),
            "into": nn.ModuleList(nn.Linear(n, 2 * z) for n, z in zip(sizes.tolist(), shares, strict=True)),
            "out": nn.Linear(sum(shares), len(cluster)),
        }
    )
    start_layers(network)
    return network


def packed(
    network: nn.ModuleDict, rows: torch.Tensor, order: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and log-variance of each row's code, shapes ``(n_rows, latent)``, both in (-1, 1).

    ``order`` lists the items cluster by cluster.
    """
    import torch

    sizes = [layer.in_features for layer in network["into"]]
    parts = dropped(network["drop"], rows[:, order]).split(sizes, dim=1)
    both = [
        torch.tanh(layer(part)).chunk(2, dim=1) for layer, part in zip(network["into"], parts, strict=True)
    ]
    return torch.cat([mean for mean, _ in both], dim=1), torch.cat([spread for _, spread in both], dim=1)
