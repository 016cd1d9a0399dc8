"""Who is tied to which item, and how firmly: an edge counts by how well its item fits the person's others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..data import IntArray
from ._people import People

if TYPE_CHECKING:
    import torch

SOME = 1e-6
"""A mass below this is none: what is left when equal weights are added and taken away again."""


def kept(people: People, vectors: torch.Tensor, strength: float) -> torch.Tensor:
    """How much each edge counts: e = max(0, 1 + strength x agreement), shape ``(n_edges,)``.

    The agreement is the cosine, [-1, 1], between an item's vector and the sum of those of the person's
    other items, all taken from the catalogue's mean; 0 for an only item. The item itself is left out of the
    sum, since it would agree with itself.
    """
    import torch

    centred = vectors - vectors.mean(dim=0)
    own = centred[_tensor(people.items, vectors)]
    owner = _tensor(people.owner, vectors)
    total = vectors.new_zeros(len(people), vectors.shape[1]).index_add(0, owner, own)
    agreement = torch.cosine_similarity(own, total[owner] - own, dim=1)
    return (1 + strength * agreement).clamp(min=0)


@dataclass(frozen=True, eq=False)
class Graph:
    """People and items with weighed edges between them, in the order of the people's items.

    Parameters
    ----------
    weights : e of each edge, shape ``(n_edges,)``.
    mass : D_i, the sum of e over an item's edges in the graph it was trained in, shape ``(n_items,)``; 1
        for an item that nobody there likes.
    """

    people: People
    weights: torch.Tensor
    mass: torch.Tensor

    @classmethod
    def of(cls, people: People, weights: torch.Tensor) -> Graph:
        """The graph that the items are trained in."""
        import torch

        mass = weights.new_zeros(people.width).index_add(0, _tensor(people.items, weights), weights)
        return cls(people, weights, torch.where(mass > 0, mass, 1.0))

    @cached_property
    def owner(self) -> torch.Tensor:
        """The person of each edge."""
        return _tensor(self.people.owner, self.weights)

    @cached_property
    def items(self) -> torch.Tensor:
        """The item of each edge."""
        return _tensor(self.people.items, self.weights)

    @cached_property
    def sent(self) -> torch.Tensor:
        """What an item's vector counts on its way to a person, e / sqrt(D_i), shape ``(n_edges,)``."""
        return self.weights * self.mass[self.items].rsqrt()

    @cached_property
    def ties(self) -> torch.Tensor:
        """A = e / sqrt(D_u D_i), as in LightGCN (He et al. 2020), shape ``(n_edges,)``."""
        return self.sent * root(self.summed(self.weights))[self.owner]

    def summed(self, weights: torch.Tensor) -> torch.Tensor:
        """The sum of each person's of these weights, shape ``(n_people,)``; of e it is D_u."""
        return weights.new_zeros(len(self.people)).index_add(0, self.owner, weights)

    def gathered(self, x: torch.Tensor, sent: torch.Tensor) -> torch.Tensor:
        """The sum of what their items send to people, shape ``(n_people, size)``."""
        return _bags(self.items, x, self.people.starts[:-1], sent)

    def persons(self, x: torch.Tensor) -> torch.Tensor:
        """Return u = A x, shape ``(n_people, size)``."""
        return self.gathered(x, self.sent) * root(self.summed(self.weights))[:, None]

    def ranked(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """Return v = (x + A' u) / 2, shape ``(n_items, size)``."""
        order, starts = self._by_item
        return (x + _bags(self.owner[order], u, starts, self.ties[order])) / 2

    @cached_property
    def _by_item(self) -> tuple[torch.Tensor, IntArray]:
        order = np.argsort(self.people.items, kind="stable")
        starts = np.searchsorted(self.people.items[order], np.arange(self.people.width))
        return _tensor(order, self.weights), starts


def root(mass: torch.Tensor) -> torch.Tensor:
    """1 / sqrt(mass), and 0 where there is none."""
    import torch

    return torch.where(mass > SOME, mass.clamp(min=SOME).rsqrt(), 0.0)


def _bags(
    places: torch.Tensor, vectors: torch.Tensor, starts: IntArray, weights: torch.Tensor
) -> torch.Tensor:
    import torch

    bags = torch.nn.functional.embedding_bag
    return bags(places, vectors, _tensor(starts, weights), mode="sum", per_sample_weights=weights)


def _tensor(places: IntArray, like: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.from_numpy(places).to(like.device)
