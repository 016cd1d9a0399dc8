"""What MCDRec learns from: each like, hidden from its person, must lead over an item not liked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..data import BoolArray, IntArray
from ._conditioned import Denoiser
from ._graph import Graph, kept, root
from ._people import People

if TYPE_CHECKING:
    import torch

REDRAWS = 3


@dataclass(eq=False)
class Likes:
    """The loss of each edge of a graph of likes; the graph's weights are renewed once an epoch.

    In every step each person hides a share of likes, drawn evenly up to ``hide``: asked later, people show
    histories of any length, and a model that always saw all likes but one would learn to spot the gap.

    Parameters
    ----------
    hide, condition_drop, mix, diff_weight, strength : as in the settings.
    renewal : steps between two renewals.
    """

    denoiser: Denoiser
    people: People
    hide: float
    condition_drop: float
    mix: float
    diff_weight: float
    strength: float
    renewal: int
    _steps: int = 0
    _graph: Graph = field(init=False)

    def __post_init__(self) -> None:
        h = self.denoiser.vectors
        self._graph = Graph.of(self.people, h.new_ones(len(self.people.items)))
        self._pairs = np.sort(self.people.owner * self.people.width + self.people.items)
        self._liked = np.unique(self.people.items)

    def __call__(self, edges: IntArray) -> torch.Tensor:
        """Return -log sigmoid of each edge's lead over a drawn item, and the diffusion's squared errors.

        BPR of Rendle et al. 2009 on u . v, both sides of which are taken without the edge itself; shape
        ``(n_edges,)``. The squared errors are means over the vectors of the two items.
        """
        import torch

        graph, h = self._current(), self.denoiser.vectors
        restored = self.denoiser.glimpsed(self.condition_drop)
        error = (restored - h).square().mean(dim=1)
        x = (1 - self.mix) * h + self.mix * restored
        shown = self._shown()
        seen, sent = graph.weights * shown, graph.sent * shown
        gathered, mass = graph.gathered(x, sent), graph.summed(seen)
        u = gathered * root(mass)[:, None]
        v = graph.ranked(x, u)
        row = torch.from_numpy(edges).to(h.device)
        person, item = graph.owner[row], graph.items[row]
        other = torch.from_numpy(self._drawn(self.people.owner[edges])).to(h.device)
        asking = (gathered[person] - sent[row, None] * x[item]) * root(mass[person] - seen[row])[:, None]
        target = v[item] - graph.ties[row, None] * u[person] / 2
        lead = (asking * (target - v[other])).sum(dim=1)
        return torch.nn.functional.softplus(-lead) + self.diff_weight * (error[item] + error[other]) / 2

    def _current(self) -> Graph:
        import torch

        if self._steps and self._steps % self.renewal == 0:
            with torch.no_grad():
                weights = kept(self.people, self.denoiser.denoised(), self.strength)
            self._graph = Graph.of(self.people, weights)
        self._steps += 1
        return self._graph

    def _shown(self) -> torch.Tensor:
        """Which edges are shown in this step, shape ``(n_edges,)``."""
        import torch

        graph = self._graph
        hidden = torch.rand(len(self.people), device=graph.weights.device) * self.hide
        return torch.rand(len(graph.weights), device=hidden.device) >= hidden[graph.owner]

    def _drawn(self, person: IntArray) -> IntArray:
        """For each person an item that somebody likes; redrawn a few times where this one does too."""
        import torch

        found = np.zeros(len(person), dtype=np.int64)
        wrong = np.arange(len(person))
        for _ in range(REDRAWS):
            found[wrong] = self._liked[torch.randint(len(self._liked), (len(wrong),)).numpy()]
            wrong = np.flatnonzero(_holds(self._pairs, person * self.people.width + found))
        return found


def _holds(ordered: IntArray, wanted: IntArray) -> BoolArray:
    """Which of the wanted numbers stand among the ordered ones."""
    place = np.searchsorted(ordered, wanted).clip(max=len(ordered) - 1)
    held: BoolArray = ordered[place] == wanted
    return held
