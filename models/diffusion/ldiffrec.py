"""L-DiffRec: DiffRec on short codes of people's rows, one autoencoder per cluster of items.

Items are clustered by their vectors; a variational autoencoder for each cluster packs a person's likes into
a few numbers; noise is put on these codes and taken off, and the decoders turn the restored code into a
score for every item. So the diffusion does not grow with the catalogue. Reference: Wang et al. 2023,
Diffusion Recommender Model (SIGIR), section 3.3.

The loss of a row is the multinomial likelihood of its likes under the decoded code, plus the divergence of
the code from a standard normal (its weight rising from 0 to kl over the first kl_steps batches), plus the
diffusion's error (its weight falling from diffusion to diffusion_floor over diffusion_steps batches).

Simplified: one learning rate where the published code has one for the autoencoders and one for the
diffusion; epochs are a setting. Without item_vectors, items are clustered by who likes them together among
people who are in no other part of the audit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ..base import ModelError
from ..data import Catalog, FloatArray, History, IntArray, InteractionLog
from ._denoiser import denoiser, restored
from ._gaussian import LevelDraw, noised, reverse
from ._latent import autoencoder, cluster_items, co_liked_vectors, packed
from ._people import People, of_log
from ._user_vectors import UserVectorDiffusion, VectorSettings, device

if TYPE_CHECKING:
    import torch

PRESETS: dict[str, dict[str, object]] = {
    "ml-1m": {"noise_max": 0.02},
    "ml-1m-noisy": {"noise_max": 0.02, "steps": 100},
}


@dataclass(frozen=True, kw_only=True)
class LdiffrecConfig(VectorSettings):
    """Settings of an L-DiffRec; the defaults are the published ones for MovieLens-1M.

    Parameters
    ----------
    clusters : of items, each with an autoencoder of its own.
    latent, code_dropout : numbers that a row is packed into, and the share of it that is dropped before.
    item_vectors : a .npy file with one row an item to cluster them by; without one they come from who
        likes them together.
    kl, kl_steps : final weight of the codes' divergence, and the batches over which it rises.
    diffusion, diffusion_floor, diffusion_steps : first and last weight of the diffusion's error, and the
        batches over which it falls.
    """

    hidden: tuple[int, ...] = (300,)
    noise_max: float = 0.02
    clusters: int = 2
    latent: int = 300
    code_dropout: float = 0.1
    item_vectors: str = ""
    kl: float = 0.3
    kl_steps: int = 200
    diffusion: float = 0.03
    diffusion_floor: float = 0.005
    diffusion_steps: int = 500
    epochs: int = 20


class Ldiffrec(UserVectorDiffusion):
    """A diffusion over codes of people's rows."""

    title: ClassVar[str] = "L-DiffRec"
    config: LdiffrecConfig

    def __init__(self, catalog: Catalog, config: LdiffrecConfig) -> None:
        super().__init__(catalog, config)
        self._cluster: IntArray | None = None

    def prepare(self, log: InteractionLog, base_users: IntArray, rng: np.random.Generator) -> None:
        """Cluster the items, by the vectors given or by the likes of people who are not audited."""
        super().prepare(log, base_users, rng)
        if self.config.predicts != "x0":
            raise ModelError("L-DiffRec decodes the clean code, so it predicts x0 alone; leave predicts out")
        if self.config.item_vectors:
            vectors = _read_vectors(Path(self.config.item_vectors), len(self.catalog))
        else:
            people, _ = of_log(log, base_users, self.weigh())
            rows = np.zeros((len(people), len(self.catalog)))
            rows[people.owner, people.items] = people.values
            vectors = co_liked_vectors(rows, 64, rng=rng)
        self._cluster = cluster_items(vectors, self.config.clusters, rng=rng)

    def twin(self) -> Self:
        """Return an untrained copy with the same clusters."""
        twin = super().twin()
        twin._cluster = self._cluster
        return twin

    def fresh(self) -> Any:
        """Build untrained autoencoders and a denoiser of their codes."""
        from torch import nn

        if self._cluster is None:
            raise ModelError("this L-DiffRec has no clusters of items yet; call prepare or load first")
        own = self.config
        codes = autoencoder(self._cluster, own.latent, own.code_dropout)
        inner = denoiser(codes["out"].in_features, own.hidden, own.level_size, own.dropout)
        return nn.ModuleDict({"codes": codes, "denoiser": inner})

    def loss(self, draw: LevelDraw) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return likelihood, divergence and diffusion error of each row, nats."""
        import torch

        network, plan, own, order = self._network, self.plan, self.config, self._order()
        weights = plan.snr_loss_weight if own.reweight else np.ones(len(plan))
        weight_of = torch.from_numpy(weights).float()
        batches = 0

        def losses(rows: torch.Tensor) -> torch.Tensor:
            nonlocal batches
            mean, log_variance = packed(network["codes"], rows, order)
            codes = mean + torch.randn_like(mean) * (log_variance / 2).exp()
            t, correction = draw.draw(len(rows))
            level = t.to(rows.device)
            found = restored(network["denoiser"], noised(codes, level, torch.randn_like(codes), plan), level)
            error = weight_of[t].to(rows.device) * (found - codes).square().mean(dim=1)
            draw.remember(t, error)
            logits = network["codes"]["out"](found)
            unlikely = -(torch.log_softmax(logits, dim=1) * rows).sum(dim=1)
            divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)
            rising = own.kl * min(1.0, batches / max(1, own.kl_steps))
            falling = max(own.diffusion_floor, own.diffusion * (1 - batches / max(1, own.diffusion_steps)))
            batches += network.training
            total: torch.Tensor = (
                unlikely + rising * divergence + falling * error * correction.to(rows.device)
            )
            return total

        return losses

    def restored_rows(self, people: People) -> torch.Tensor:
        """Pack rows, restore their codes level by level, and unpack them to logits."""
        network, order = self._network, self._order()
        codes, _ = packed(network["codes"], people.dense().to(device()), order)
        levels = range(self.config.sampling_steps or len(self.plan))
        found = reverse(self._noised(codes), self.estimate, self.plan, levels=levels)
        return network["codes"]["out"](found)

    def code_rows(self, people: People) -> torch.Tensor:
        """Return the packed row of each person."""
        return packed(self._network["codes"], people.dense().to(device()), self._order())[0]

    def estimate(self, xt: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Return the denoiser's estimate of the clean codes."""
        return restored(self._network["denoiser"], xt, t)

    def rows_of(self, histories: Sequence[History]) -> FloatArray:
        """Return the code of each history."""
        return self.representations(histories)

    def noise_width(self) -> int:
        """Return how many numbers a code has."""
        return int(self._network["codes"]["out"].in_features)

    def entry_errors(self, x0: torch.Tensor, t: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return minus the log-probability of every item under the restored code, nats."""
        import torch

        network, order = self._network, self._order()
        codes, _ = packed(network["codes"], x0, order)
        found = restored(network["denoiser"], noised(codes, t, noise, self.plan), t)
        return -torch.log_softmax(network["codes"]["out"](found), dim=1)

    def describe(self) -> Mapping[str, object]:
        """Return what a record says of this model."""
        said = dict(super().describe())
        if self._cluster is None:
            return said
        return said | {
            "settings": {
                **self.config.__dict__,
                "cluster_sizes": np.bincount(self._cluster).tolist(),
                "clusters_sha256": hashlib.sha256(self._cluster.tobytes()).hexdigest(),
            }
        }

    def save(self, folder: Path) -> None:
        """Write the clusters, and the network once it is trained."""
        super().save(folder)
        if self._cluster is not None:
            np.save(folder / "clusters.npy", self._cluster)

    def load(self, folder: Path, log: InteractionLog) -> None:
        """Read what ``save`` wrote."""
        self._cluster = np.load(folder / "clusters.npy")
        super().load(folder, log)

    def _order(self) -> torch.Tensor:
        """The items, cluster by cluster."""
        import torch

        assert self._cluster is not None
        return torch.from_numpy(np.argsort(self._cluster, kind="stable")).to(device())


def _read_vectors(path: Path, n_items: int) -> FloatArray:
    try:
        vectors = np.load(path.expanduser(), allow_pickle=False)
    except (OSError, ValueError) as problem:
        raise ModelError(f"item_vectors {path} cannot be read as a .npy file: {problem}") from None
    if vectors.ndim != 2 or len(vectors) != n_items or not np.isfinite(vectors).all():
        raise ModelError(
            f"item_vectors {path} has shape {vectors.shape}; it needs one row of finite numbers for each of"
            f" the {n_items} items, in catalogue order"
        )
    found: FloatArray = vectors.astype(np.float64)
    return found
