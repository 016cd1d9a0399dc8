"""The network of MCDRec: items' vectors, and a perceptron that restores them under the items' features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._gaussian import Schedule, guided, level_features, noised, reverse

if TYPE_CHECKING:
    import torch
    from torch import nn

LEVEL_SIZE = 16


def conditioned(n_items: int, widths: Sequence[int], size: int, hidden: int) -> nn.ModuleDict:
    """Build it: a vector per item, a projection per modality, and two layers that take noise away.

    Vectors start with a variance of 1, as large as the noise: smaller ones would drown in it. Projections
    have no offset: an item that lacks features and one whose features are hidden are alike.
    """
    from torch import nn

    return nn.ModuleDict(
        {
            "vectors": nn.Embedding(n_items, size),
            "project": nn.ModuleList(nn.Linear(width, size, bias=False) for width in widths),
            "inward": nn.Linear(size * (1 + len(widths)) + LEVEL_SIZE, hidden),
            "outward": nn.Linear(hidden, size),
        }
    )


@dataclass(frozen=True, eq=False)
class Denoiser:
    """A network with all it reads.

    Parameters
    ----------
    features : one view of all items each, shape ``(n_items, d)``.
    guidance : w of classifier-free guidance; 0 is plain conditional, -1 goes without features.
    """

    network: nn.ModuleDict
    features: Sequence[torch.Tensor]
    plan: Schedule
    guidance: float

    @property
    def vectors(self) -> torch.Tensor:
        """Return h, shape ``(n_items, size)``."""
        vectors: torch.Tensor = self.network["vectors"].weight
        return vectors

    def glimpsed(self, drop: float) -> torch.Tensor:
        """Every h restored from one drawn level of noise, a share ``drop`` of them without features."""
        import torch

        h, condition = self.vectors, self._condition()
        seen = torch.rand(len(h), 1, device=h.device) >= drop
        t = torch.randint(len(self.plan), (len(h),), device=h.device)
        return self._estimate(noised(h, t, torch.randn_like(h), self.plan), t, condition * seen)

    def denoised(self) -> torch.Tensor:
        """Every h after the noise's mean is taken away, from the highest level down; nothing is drawn."""
        import torch

        condition = self._condition()
        nothing = torch.zeros_like(condition)

        def clean(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            blind = self._estimate(x, t, nothing)
            return guided(self._estimate(x, t, condition), blind, self.guidance)

        return reverse(float(self.plan.alpha_bar[-1]) ** 0.5 * self.vectors, clean, self.plan)

    def _condition(self) -> torch.Tensor:
        """The projected modalities side by side, shape ``(n_items, n_modalities * size)``."""
        import torch

        pairs = zip(self.network["project"], self.features, strict=True)
        return torch.cat([project(values) for project, values in pairs], dim=1)

    def _estimate(self, x: torch.Tensor, t: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        import torch

        read = torch.cat([x, level_features(t, LEVEL_SIZE), condition], dim=1)
        hidden = torch.nn.functional.silu(self.network["inward"](read))
        found: torch.Tensor = self.network["outward"](hidden)
        return found
