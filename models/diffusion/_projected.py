"""Takes noise away from people's rows without touching the catalogue at every step.

The network reads a row x only through its first layer, W_in x, and its estimate of x_0 is W_out g + b_out
with g the last hidden layer. The mean of x_{t-1} is a x_0 + c x_t, with the schedule's two weights, so that

    W_in x_{t-1} = a ((W_in W_out) g + W_in b_out) + c W_in x_t.

So the recursion runs over W_in x, as wide as the first hidden layer, with W_in W_out worked out once. The
catalogue is touched at the first step, where rows are sparse, and at the last, where a = 1 and c = 0 and
the estimate of x_0 itself is the answer. This is exact: only the order of summation differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._denoiser import level_of
from ._gaussian import Schedule
from ._people import People

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True, eq=False)
class Projected:
    """A denoiser prepared for the recursion; made anew whenever its weights change.

    Parameters
    ----------
    reader : W_in' over the catalogue, shape ``(width, first_hidden)``.
    loop : (W_in W_out)', shape ``(first_hidden, first_hidden)``.
    levels : what each level adds to the first layer, shape ``(T, first_hidden)``: its bias, the features of
        the level, and what W_in b_out has come to on the way down to it, which is the same for everyone.
    inner : the layers between the first hidden layer and the last.
    last : the layer that writes over the catalogue.
    """

    reader: torch.Tensor
    loop: torch.Tensor
    levels: torch.Tensor
    inner: tuple[nn.Linear, ...]
    last: nn.Linear
    plan: Schedule

    @classmethod
    def of(cls, network: nn.ModuleDict, plan: Schedule) -> Projected:
        """Work out everything that people share."""
        import torch

        first, *inner, last = network["layers"]
        w_in = first.weight
        with torch.no_grad():
            told = level_of(network, torch.arange(len(plan), device=w_in.device))
            gathered = torch.tensor(_gathered(plan), device=w_in.device, dtype=w_in.dtype)
            return cls(
                reader=w_in.T.contiguous(),
                loop=(w_in @ last.weight).T.contiguous(),
                levels=told + first.bias + gathered[:, None] * (w_in @ last.bias),
                inner=tuple(inner),
                last=last,
                plan=plan,
            )

    def scores(self, people: People) -> torch.Tensor:
        """The restored row of each person over the catalogue, shape ``(n_people, width)``."""
        import torch

        read = self._read(people)
        for level in reversed(range(1, len(self.plan))):
            a, c = float(self.plan.x0_weight[level]), float(self.plan.xt_weight[level])
            read = torch.addmm(read, self._hidden(read, level), self.loop, beta=c, alpha=a)
        scores: torch.Tensor = self.last(self._hidden(read, 0))
        return scores

    def _read(self, people: People) -> torch.Tensor:
        """W_in x of each person, from the items alone."""
        import torch

        device = self.reader.device
        return torch.nn.functional.embedding_bag(
            torch.from_numpy(people.items).to(device),
            self.reader,
            torch.from_numpy(people.starts[:-1]).to(device),
            mode="sum",
            per_sample_weights=torch.from_numpy(people.values).to(device, self.reader.dtype),
        )

    def _hidden(self, read: torch.Tensor, level: int) -> torch.Tensor:
        import torch

        h = torch.add(read, self.levels[level]).tanh_()
        for layer in self.inner:
            h = layer(h).tanh_()
        return h


def _gathered(plan: Schedule) -> list[float]:
    """How much of W_in b_out the recursion has added by each level: 0 at the top, then a + c x before."""
    found = [0.0]
    for level in reversed(range(1, len(plan))):
        found.append(float(plan.x0_weight[level] + plan.xt_weight[level] * found[-1]))
    return found[::-1]
