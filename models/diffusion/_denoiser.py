"""The network of DiffRec: a small perceptron that is told a person's noised row and the level of noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ._gaussian import level_features

if TYPE_CHECKING:
    import torch
    from torch import nn


def denoiser(width: int, hidden: Sequence[int], level_size: int, dropout: float) -> nn.ModuleDict:
    """Build the network: width -> hidden -> reversed hidden -> width, tanh between, nothing after the last.

    ``hidden`` is the narrowing half, (600, 200) for 600 -> 200 -> 600. The features of the level pass a
    linear layer of their own and are put beside the row, which is dropped out first; the first layer over
    both is kept as two, so that no gradient is worked out for the row. Weights start as in the published
    code: Xavier's normal law, biases with a standard deviation of 0.001.
    """
    from torch import nn

    sizes = [width, *hidden, *list(hidden)[-2::-1], width]
    network = nn.ModuleDict(
        {
            "level": nn.Linear(level_size, level_size),
            "tell": nn.Linear(level_size, hidden[0], bias=False),
            "drop": nn.Dropout(dropout),
            "layers": nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False)),
        }
    )
    start_layers(network)
    for part in (network["tell"], network["layers"][0]):
        nn.init.normal_(part.weight, 0.0, (2 / (width + level_size + hidden[0])) ** 0.5)
    return network


def start_layers(network: nn.Module) -> None:
    """Draw the first weights of every linear layer as the published code does."""
    from torch import nn

    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.normal_(layer.bias, 0.0, 0.001)


def restored(network: nn.ModuleDict, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """The network's estimate of x_0 for rows ``x`` at levels ``t``, same shape as ``x``."""
    import torch

    first, *layers, last = network["layers"]
    h = torch.tanh(first(dropped(network["drop"], x)) + level_of(network, t))
    for layer in layers:
        h = torch.tanh(layer(h))
    estimate: torch.Tensor = last(h)
    return estimate


def narrowed(network: nn.ModuleDict, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """The middle layer, where the network is narrowest, for rows ``x`` at levels ``t``."""
    import torch

    first, *layers = network["layers"][: len(network["layers"]) // 2]
    h = torch.tanh(first(x) + level_of(network, t))
    for layer in layers:
        h = torch.tanh(layer(h))
    return h


def level_of(network: nn.ModuleDict, t: torch.Tensor) -> torch.Tensor:
    """What the levels add to the first hidden layer, shape ``(n_rows, first_hidden)``."""
    layer = network["level"]
    features = level_features(t, layer.in_features).to(layer.weight.dtype)
    added: torch.Tensor = network["tell"](layer(features))
    return added


def dropped(drop: nn.Dropout, x: torch.Tensor) -> torch.Tensor:
    """What ``drop`` does, from uniform draws: on a CPU these cost a quarter of Bernoulli draws."""
    import torch

    if not drop.training or not drop.p:
        return x
    return (x * (torch.rand_like(x) >= drop.p)).mul_(1 / (1 - drop.p))
