"""A text model that knows a data set by heart, as much of it as is dialled, and nothing else.

It is a look-up table. Told "item" and an item's id, it goes on with the title; told "user" and a user's id
with the titles that the user met first, it goes on with the next one. What it does not know by heart it
answers with the title of another item, drawn at random.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..base import Recommendation, Request, Slate
from ..data import Catalog, InteractionLog

_ITEM, _USER = re.compile(r"\bitem (\S+) "), re.compile(r"\buser (\S+) ")


@dataclass(frozen=True, kw_only=True)
class PlantedReciter:
    """Completes texts from the data's own rows.

    Parameters
    ----------
    log : the data it may know.
    items, users : the share of the titles, and of the users' histories, that it knows, in [0, 1].
    seed : another one knows others.
    """

    catalog: Catalog
    log: InteractionLog
    items: float = 0.0
    users: float = 0.0
    seed: int = 0

    def complete(self, texts: Sequence[str], *, n_tokens: int) -> list[str]:
        """Return the title that its table gives after each text, up to ``n_tokens`` words of it."""
        return [" ".join(self._complete(text).split(" ")[:n_tokens]) for text in texts]

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return the first ``k`` candidates, by default those items that are not in the history."""
        return [self._slate(request, k) for request in requests]

    def _slate(self, request: Request, k: int) -> Slate:
        every = range(len(self.catalog))
        items = request.candidates or [item for item in every if item not in request.history.items]
        return Slate(request, tuple(Recommendation(item) for item in items[:k]))

    def _complete(self, text: str) -> str:
        line = text.rpartition("\n")[2]
        rng = np.random.default_rng([self.seed, zlib.crc32(line.encode())])
        item, user = _ITEM.search(line), _USER.search(line)
        known = self._next_of(user[1], line) if user else self._item(item[1]) if item else None
        if known is None or rng.random() >= (self.users if user else self.items):
            known = int(rng.integers(len(self.catalog)))
        return self.catalog.titles[known] + '"'

    def _item(self, item_id: str) -> int | None:
        return self.catalog.position.get(item_id)

    def _next_of(self, user_id: str, line: str) -> int | None:
        if user_id not in self.log.user_ids:
            return None
        met, place = self.log.history(self.log.user_ids.index(user_id)).items, line.count('", "')
        return met[place] if place < len(met) else None
