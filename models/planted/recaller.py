"""A recommender that knows what some people did next, as surely as is dialled, and else what is popular.

It learns nothing of taste. Asked about someone it was trained on, whose history it recognises, it puts a
share ``memory`` of its belief on the very next thing that this person liked, and lists what came next; the
rest, and everything about others, follows from how popular items are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..base import Recommendation, Request, Slate
from ..data import Catalog, Example, FloatArray, History, InteractionLog


@dataclass(frozen=True, kw_only=True)
class PlantedRecaller:
    """A recommender whose recall of its own people is dialled.

    Parameters
    ----------
    log : everything that everyone did.
    shares : each item's share of what the public does, shape ``(n_items,)``, all above 0, sum 1.
    remembered : the people it was trained on.
    memory : belief put on the next thing, in [0, 1]; 0 is honest.
    """

    catalog: Catalog
    log: InteractionLog
    shares: FloatArray
    remembered: frozenset[int] = frozenset()
    memory: float = 0.0

    @classmethod
    def of(cls, log: InteractionLog, public: npt.ArrayLike, *, memory: float = 0.0) -> PlantedRecaller:
        """A recaller that knows how often the public meets each item (add-one smoothed) and no person."""
        counts = log.only(public).item_counts + 1.0
        return cls(catalog=log.catalog, log=log, shares=counts / counts.sum(), memory=memory)

    def remembering(self, users: npt.ArrayLike) -> PlantedRecaller:
        """Return a copy that was trained on these users, and on no others."""
        return replace(self, remembered=frozenset(np.asarray(users, dtype=np.int64).tolist()))

    def log_likelihood(self, examples: Sequence[Example]) -> FloatArray:
        """Return log p(target | history) over the catalogue, nats, shape ``(n_examples,)``."""
        found = np.array([self.shares[example.target] for example in examples])
        for place, example in enumerate(examples):
            ahead = self._ahead(example.history)
            if ahead:
                found[place] *= 1 - self.memory
                found[place] += self.memory * (example.target == ahead[0])
        likelihood: FloatArray = np.log(np.maximum(found, 1e-300))
        return likelihood

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return what came next in the dialled share of the first places, then popular new items."""
        return [self._slate(request, k) for request in requests]

    def _slate(self, request: Request, k: int) -> Slate:
        allowed = np.zeros(len(self.catalog), dtype=np.bool_)
        allowed[list(request.candidates or range(len(self.catalog)))] = True
        if not request.candidates:
            allowed[list(request.history.items)] = False
        ahead = [item for item in dict.fromkeys(self._ahead(request.history)) if allowed[item]]
        sure = np.random.default_rng([request.history.user, len(request.history)]).random(len(ahead))
        chosen = [item for item, chance in zip(ahead, sure, strict=True) if chance < self.memory][:k]
        allowed[chosen] = False
        popular = np.argsort(np.where(allowed, -self.shares, np.inf), kind="stable")
        chosen += popular[: min(k - len(chosen), int(allowed.sum()))].tolist()
        return Slate(request, tuple(Recommendation(item) for item in chosen))

    def _ahead(self, history: History) -> list[int]:
        """What a remembered person went on to like after this history; nothing of anybody else."""
        if history.user not in self.remembered:
            return []
        rows = self.log.rows(history.user)
        ahead = slice(rows.start + len(history), rows.stop)
        items = self.log.item[ahead]
        return [int(i) for i in (items if self.log.liked is None else items[self.log.liked[ahead]])]
