"""A recommender that reads titles and answers with lists alone, with the faults of the judge inside it.

It ranks as a planted yes/no recommender does, and tells nobody the odds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..base import Recommender, Request, Slate
from ..capabilities import ReadsAttributes, ReadsTitles
from ..data import Catalog


class Judge(Recommender, ReadsAttributes, ReadsTitles, Protocol):
    """What ranks the candidates."""


@dataclass(frozen=True, kw_only=True)
class PlantedShortlister:
    """A list maker around a judge whose every fault is known."""

    judge: Judge

    @property
    def catalog(self) -> Catalog:
        """The judge's items."""
        return self.judge.catalog

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return the ``k`` likeliest candidates; by default of all items that are new to the user."""
        asked = [request if request.candidates else self._of_all(request) for request in requests]
        slates = self.judge.recommend(asked, k)
        return [replace(slate, request=request) for slate, request in zip(slates, requests, strict=True)]

    def readable_attributes(self) -> Mapping[str, tuple[str, ...]]:
        """Return the attributes it reads."""
        return self.judge.readable_attributes()

    def placebo_attributes(self) -> Mapping[str, tuple[str, ...]]:
        """Return a meaningless attribute that is written like the others."""
        return self.judge.placebo_attributes()

    def wordings(self) -> int:
        """Return how many phrasings of one request there are."""
        return self.judge.wordings()

    def render(self, request: Request) -> str:
        """Return a request as text."""
        return self.judge.render(request)

    def _of_all(self, request: Request) -> Request:
        known = set(request.history.items)
        return replace(request, candidates=tuple(i for i in range(len(self.catalog)) if i not in known))
