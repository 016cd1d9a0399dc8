"""A small recommender to put under a gate: it writes a list of titles, as a language model would.

`build` recommends the best-loved items of the genres a person liked. `build_careless` is the same after an
edit that went wrong: one title in ten is made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from recaudit import Catalog, InteractionLog, Recommendation, Request, Slate
from recaudit.models.grounding import Grounder, read_list


@dataclass(frozen=True)
class Shelf:
    """Ranks items by how many genres they share with the liked ones, then by how many people met them."""

    catalog: Catalog
    counts: np.ndarray
    made_up: float = 0.0

    def write(self, requests: Sequence[Request]) -> list[str]:
        """Return each answer as the text it would be shown as."""
        return [self._written(request, 10) for request in requests]

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return the items that the written titles mean; None where they mean none."""
        texts = [self._written(request, k) for request in requests]
        ground = Grounder(self.catalog).ground
        return [
            Slate(
                request,
                tuple(
                    Recommendation(own.item, None, title)
                    for own, title in zip(ground(titles), titles, strict=True)
                ),
                text,
            )
            for request, text in zip(requests, texts, strict=True)
            for titles in [read_list(text)]
        ]

    def _written(self, request: Request, k: int) -> str:
        rng = np.random.default_rng(abs(hash(request.history.items)))
        titles = [
            f"The Unknown {rng.integers(1000, 9999)} Affair" if rng.random() < self.made_up else title
            for title in (self.catalog.titles[item] for item in self._best(request, k))
        ]
        return "\n".join(f"{place}. {title}" for place, title in enumerate(titles, 1))

    def _best(self, request: Request, k: int) -> list[int]:
        history = request.history
        liked = history.liked or (True,) * len(history)
        wanted = {
            genre
            for item, like in zip(history.items, liked, strict=True)
            for genre in self.catalog.genres[item]
            if like
        }
        shared = np.array([len(wanted & set(genres)) for genres in self.catalog.genres])
        order = np.lexsort((-self.counts, -shared))
        return [int(item) for item in order if int(item) not in history.items][:k]


def build(log: InteractionLog) -> Shelf:
    """Return the recommender as it should be."""
    return Shelf(log.catalog, log.item_counts)


def build_careless(log: InteractionLog) -> Shelf:
    """Return the recommender after the edit that went wrong."""
    return Shelf(log.catalog, log.item_counts, made_up=0.1)
