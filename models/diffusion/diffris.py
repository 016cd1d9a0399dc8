"""DiffRIS: a diffusion like DreamRec's, guided by short patterns and by the long run of a history.

Rebuilt from its abstract, no public code: guidance h is a multi-scale convolution over the last items'
vectors (widths 2, 3 and 4, the largest answer of each filter) beside the last state of a residual two-layer
LSTM; the denoiser tells the next item's vector x_0 from its noised copy x_t, h and the level t, and a
request is answered by denoising pure noise with (1 + w) f(x_t, h, t) - w f(x_t, nothing, t) and ranking
items by the inner product with what comes out. Its results can neither confirm nor contradict the paper's:
on MovieLens 100K and Amazon Beauty the guidance matters much, but leaving out either extractor changes
Recall@20 by less than its interval is wide.
Reference: the abstract of DiffRIS, which names the two extractors as the condition of a diffusion over
sequences; guidance and ranking follow Yang et al. 2023 (DreamRec, NeurIPS).

Simplified: all but the two extractors is DreamRec as it is built here, item vectors fixed at the singular
vectors of who met what among base users included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..base import ModelError
from ._oracle import OracleRecommender
from ._sequence import SequenceConfig

if TYPE_CHECKING:
    import torch
    from torch import nn

WIDTHS = (2, 3, 4)


@dataclass(frozen=True, kw_only=True)
class DiffrisConfig(SequenceConfig):
    """Settings of a DiffRIS, beside those of every recommender of this kind.

    Parameters
    ----------
    convolution, recurrence : whether the convolution and the LSTM are there; one of them must be.
    filters : of each width of the convolution.
    """

    epochs: int = 12

    convolution: bool = True
    recurrence: bool = True
    filters: int = 32


class Diffris(OracleRecommender[DiffrisConfig]):
    """Denoises the next item's vector under the guidance of a convolution and an LSTM."""

    title: ClassVar[str] = "DiffRIS"

    def reader(self) -> tuple[nn.ModuleDict, int]:
        """Build the convolution and the LSTM, as far as the settings want them."""
        from torch import nn

        config, dim = self.config, self.config.dim
        if not config.convolution and not config.recurrence:
            raise ModelError("DiffRIS needs something to guide it; set convolution or recurrence")
        if config.convolution and config.history < max(WIDTHS):
            raise ModelError(f"the convolution needs a history of {max(WIDTHS)}, got {config.history}")
        parts: dict[str, nn.Module] = {"drop": nn.Dropout(config.dropout)}
        if config.convolution:
            parts["convolution"] = nn.ModuleList(nn.Conv1d(dim, config.filters, size) for size in WIDTHS)
        if config.recurrence:
            parts["recurrence"] = nn.ModuleList(nn.LSTM(dim, dim, batch_first=True) for _ in range(2))
        width = len(WIDTHS) * config.filters * config.convolution + dim * config.recurrence
        return nn.ModuleDict(parts), width

    def read(self, reader: nn.ModuleDict, entries: torch.Tensor, blank: torch.Tensor) -> torch.Tensor:
        """Return what the two have found, side by side."""
        import torch

        entries = reader["drop"](entries)
        found = []
        if "convolution" in reader:
            found += [torch.relu(filters(entries.mT)).amax(dim=2) for filters in reader["convolution"]]
        if "recurrence" in reader:
            x = entries
            for layer in reader["recurrence"]:
                x = x + reader["drop"](layer(x)[0])
            found.append(x[:, -1])
        return torch.cat(found, dim=1)
