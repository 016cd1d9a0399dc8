"""Learns the codes of items: a network packs each item's vector, and codes say what it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .._seeding import seeded
from ..base import ModelError
from ..data import FloatArray, IntArray
from ._codebook import Codebook, kmeans, left_unexplained, nearest, residual_codes
from ._letter_losses import alignment_loss, balanced_clusters, diversity_loss
from ._sinkhorn import uniform_plan
from ._text_reader import Packing

if TYPE_CHECKING:
    import torch
    from torch import nn

START_ITEMS = 4096
"""The most items whose packed vectors k-means starts the codes from."""


@dataclass(frozen=True, kw_only=True)
class RqVaeConfig:
    """How a residual-quantised autoencoder is built and trained.

    Parameters
    ----------
    sizes : the number of codes of each level.
    hidden, latent : the encoder's widths after the item vector, the last for the packed vector; the decoder
        mirrors them.
    epochs, batch, learning_rate, decay : of AdamW; a batch is of items.
    commitment : the weight that draws a packed vector to its codes.
    last : how codes of the last level are given out while training and at the end: to the nearest, or by
        transport that uses all of them alike (Zheng et al. 2024), which keeps items apart.
    start : codes begin at the centres of k-means over the packed vectors, or uniformly in +-1/K about 0.
    restart : whether a code that no item took in an epoch begins anew at what is left of a random item.
    alpha : the weight of LETTER's collaborative alignment (Wang et al. 2024); 0 leaves it out.
    beta, clusters : the weight of LETTER's diversity, and its clusters of codes; 0 leaves it out.
    """

    sizes: tuple[int, ...] = (32, 32, 32)
    hidden: tuple[int, ...] = (64,)
    latent: int = 16
    epochs: int = 100
    batch: int = 512
    learning_rate: float = 1e-3
    decay: float = 1e-4
    commitment: float = 0.25
    last: Literal["nearest", "sinkhorn"] = "nearest"
    start: Literal["kmeans", "uniform"] = "kmeans"
    restart: bool = True
    alpha: float = 0.0
    beta: float = 0.0
    clusters: int = 10


PUBLISHED = RqVaeConfig(sizes=(256, 256, 256), hidden=(512, 256, 128), latent=32, epochs=20_000, batch=1024)
"""TIGER's sizes (Rajput et al. 2023) for item vectors of 768 numbers."""


def rq_vae(
    vectors: FloatArray,
    config: RqVaeConfig = RqVaeConfig(),
    *,
    rng: np.random.Generator,
    collaborative: FloatArray | None = None,
    device: str = "cpu",
) -> Codebook:
    """Train an autoencoder whose packed vector is a sum of one code vector a level, and read off the codes.

    ``L = |x - x'|^2 + sum_l |sg[r_l] - e_l|^2 + commitment |r_l - sg[e_l]|^2``, each a mean over numbers,
    with ``r_(l+1) = r_l - e_l``, gradients passed straight through the codes, and LETTER's terms where they
    have a weight (van den Oord et al. 2017; Lee et al. 2022; Rajput et al. 2023).

    Parameters
    ----------
    vectors : shape ``(n_items, d)``; brought to mean 0 and mean square 1 first.
    collaborative : for ``alpha`` over 0, ``(n_items, latent)``; a row of zeros where nobody met an item.

    Returns
    -------
    Codebook
        Its ``tables`` lie in the space of packed vectors; its ``errors`` are of the decoded item vectors.

    Raises
    ------
    ModelError
        If vectors and configuration do not fit.
    """
    _check(vectors, config, collaborative)
    import torch

    with seeded(rng):
        mean = vectors.mean(axis=0)
        scale = max(float(np.sqrt(np.square(vectors - mean).mean())), 1e-12)
        x = torch.tensor((vectors - mean) / scale, dtype=torch.float32)
        h = None if collaborative is None else torch.tensor(collaborative, dtype=torch.float32)
        quantiser = _Quantiser(config, x.to(device), None if h is None else h.to(device), rng)
        for epoch in range(config.epochs):
            quantiser.epoch(restart=config.restart and epoch < config.epochs - 1)
        return replace(quantiser.codebook(), packing=Packing(mean, scale, quantiser.layers()))


class _Quantiser:
    """The network, its codes and the items it learns from."""

    def __init__(
        self, config: RqVaeConfig, x: torch.Tensor, h: torch.Tensor | None, rng: np.random.Generator
    ) -> None:
        import torch

        self.config, self.x, self.h, self.rng = config, x, h, rng
        widths = (x.shape[1], *config.hidden, config.latent)
        self.encoder, self.decoder = _layers(widths).to(x.device), _layers(widths[::-1]).to(x.device)
        self.tables = [torch.nn.Parameter(table) for table in self._start()]
        parameters = [*self.encoder.parameters(), *self.decoder.parameters(), *self.tables]
        self.optimiser = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.decay)

    def _start(self) -> list[torch.Tensor]:
        import torch

        if self.config.start == "uniform":
            return [
                (torch.rand(size, self.config.latent) * 2 - 1).to(self.x.device) / size
                for size in self.config.sizes
            ]
        some = self.rng.permutation(len(self.x))[:START_ITEMS]
        left = self.packed()[some]
        tables = []
        for size in self.config.sizes:
            table = kmeans(left, size, self.rng)
            left = left - table[nearest(left, table)]
            tables.append(torch.tensor(table, dtype=torch.float32, device=self.x.device))
        return tables

    def epoch(self, *, restart: bool) -> None:
        """See every item once; then start unused codes anew."""
        import torch

        clusters = self._clusters() if self.config.beta else None
        used = [torch.zeros(size, dtype=torch.bool, device=self.x.device) for size in self.config.sizes]
        lefts: list[torch.Tensor] = []
        for items in torch.randperm(len(self.x)).to(self.x.device).split(self.config.batch):
            lefts, codes = self._step(items, clusters)
            for level, own in enumerate(codes):
                used[level][own] = True
        if restart:
            for table, taken, left in zip(self.tables, used, lefts, strict=True):
                dead = (~taken).nonzero().squeeze(1)
                donors = torch.randint(len(left), (len(dead),)).to(left.device)
                with torch.no_grad():
                    table[dead] = left[donors]

    def _step(
        self, items: torch.Tensor, clusters: Sequence[torch.Tensor] | None
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """One step of the optimiser; what was left before each level, and the codes given."""
        from torch.nn.functional import mse_loss

        own = self.config
        z = self.encoder(self.x[items])
        left, total, loss = z, z.detach() * 0.0, z.new_zeros(())
        lefts, codes = [], []
        for level, table in enumerate(self.tables):
            lefts.append(left.detach())
            codes.append(self._given(lefts[-1], table, level))
            vector = table[codes[-1]]
            loss = loss + mse_loss(vector, left.detach()) + own.commitment * mse_loss(left, vector.detach())
            if clusters is not None:
                loss = loss + own.beta * diversity_loss(table, codes[-1], clusters[level])
            total, left = total + vector.detach(), left - vector.detach()
        quantised = z + (total - z).detach()
        loss = loss + mse_loss(self.decoder(quantised), self.x[items])
        if self.h is not None and own.alpha:
            loss = loss + own.alpha * alignment_loss(quantised, self.h[items])
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return lefts, codes

    def _given(self, left: torch.Tensor, table: torch.Tensor, level: int) -> torch.Tensor:
        import torch

        distances = torch.cdist(left, table.detach())
        if self.config.last == "sinkhorn" and level == len(self.tables) - 1:
            plan = uniform_plan(distances.square().cpu().numpy().astype(np.float64))
            return torch.from_numpy(plan.argmax(axis=1)).to(left.device)
        return distances.argmin(dim=1)

    def _clusters(self) -> list[torch.Tensor]:
        import torch

        return [
            torch.from_numpy(balanced_clusters(_array(table), self.config.clusters, self.rng)).to(
                self.x.device
            )
            for table in self.tables
        ]

    def packed(self) -> FloatArray:
        """The packed vector of every item, ``(n_items, latent)``."""
        import torch

        with torch.inference_mode():
            return _array(self.encoder(self.x))

    def layers(self) -> tuple[tuple[FloatArray, FloatArray], ...]:
        """Weights and offsets of the packing network, first to last."""
        return tuple((_array(one.weight), _array(one.bias)) for one in self.encoder if hasattr(one, "weight"))

    def codebook(self) -> Codebook:
        """The codes of all items by the tables as they now are."""
        own = self.config
        tables = [_array(table) for table in self.tables]
        codes, _ = residual_codes(self.packed(), tables, spread_last=own.last == "sinkhorn")
        how = f"RQ-VAE, {own.epochs} epochs, last level {own.last}, alpha {own.alpha:g}, beta {own.beta:g}"
        return Codebook(codes, own.sizes, tables, how, self._errors(codes, tables))

    def _errors(self, codes: IntArray, tables: list[FloatArray]) -> tuple[float, ...]:
        import torch

        total, x, errors = np.zeros((len(codes), self.config.latent)), _array(self.x), []
        for level, table in enumerate(tables):
            total = total + table[codes[:, level]]
            with torch.inference_mode():
                decoded = self.decoder(torch.tensor(total, dtype=torch.float32, device=self.x.device))
            errors.append(left_unexplained(x - _array(decoded), x))
        return tuple(errors)


def _layers(widths: Sequence[int]) -> nn.Sequential:
    from torch import nn

    layers: list[Any] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _array(values: torch.Tensor) -> FloatArray:
    found: FloatArray = values.detach().cpu().numpy().astype(np.float64)
    return found


def _check(vectors: FloatArray, config: RqVaeConfig, collaborative: FloatArray | None) -> None:
    problems = []
    if vectors.ndim != 2 or not vectors.size or not np.isfinite(vectors).all():
        problems.append(f"item vectors must be finite, of shape (n_items, d), got {vectors.shape}")
    if not config.sizes or min(config.sizes) < 1:
        problems.append(f"there must be one level or more with one code or more, got {config.sizes}")
    if config.last not in ("nearest", "sinkhorn"):
        problems.append(f"last must be nearest or sinkhorn, got {config.last!r}")
    if config.start not in ("kmeans", "uniform"):
        problems.append(f"start must be kmeans or uniform, got {config.start!r}")
    if config.beta and min(config.sizes, default=0) < 2 * config.clusters:
        problems.append(f"beta needs two codes a cluster: {config.clusters} clusters of {config.sizes}")
    wanted = (len(vectors), config.latent)
    if config.alpha and (collaborative is None or collaborative.shape != wanted):
        given = "none" if collaborative is None else str(collaborative.shape)
        problems.append(f"alpha needs collaborative vectors of shape {wanted}, got {given}")
    if problems:
        raise ModelError("an RQ-VAE cannot be trained so: " + "; ".join(problems))
