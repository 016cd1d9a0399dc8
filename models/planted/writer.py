"""A recommender that writes its answers as text, and gets wrong exactly what is dialled.

The honest part recommends the items whose genres the user liked, as a numbered list of titles, none of
them in the history. Each entry is then spoilt by at most one fault, drawn with the dialled chances.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..base import Recommendation, Request, Slate
from ..data import Catalog
from ..grounding import Grounder, misspell, read_list

REFUSAL = "I am sorry, but I cannot help with that."


@dataclass(frozen=True, kw_only=True)
class WriterDials:
    """What is wrong with a planted writer; all zero is honest. Every dial is a chance in [0, 1].

    Parameters
    ----------
    invented : an entry is a title that does not exist, in words that no item has.
    sequels : an entry is an item's title with a number that no item has ("... 7").
    typos : an entry is misspelt.
    duplicates : an entry repeats the entry before it.
    consumed : an entry is an item of the history.
    malformed : the whole answer is a sentence and no list.
    short : an entry is left out.
    """

    invented: float = 0.0
    sequels: float = 0.0
    typos: float = 0.0
    duplicates: float = 0.0
    consumed: float = 0.0
    malformed: float = 0.0
    short: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PlantedWriter:
    """A recommender whose every slip of the pen is known.

    Parameters
    ----------
    length : titles per answer.
    seed : another one makes other slips at the same rates.
    """

    catalog: Catalog
    dials: WriterDials = WriterDials()
    length: int = 10
    seed: int = 0

    def write(self, requests: Sequence[Request]) -> list[str]:
        """Return a numbered list of titles for each request, as one text."""
        return [self._write(request, self.length) for request in requests]

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return its written answers, parsed and grounded; ``item`` is None where the words are no item."""
        return [self._slate(request, self._write(request, k)) for request in requests]

    @cached_property
    def _grounder(self) -> Grounder:
        return Grounder(self.catalog)

    @cached_property
    def _genres(self) -> np.ndarray:
        names = sorted({genre for genres in self.catalog.genres for genre in genres})
        return np.array([[float(name in genres) for name in names] for genres in self.catalog.genres])

    def _slate(self, request: Request, answer: str) -> Slate:
        titles = read_list(answer)
        found = self._grounder.ground(titles)
        entries = [
            Recommendation(grounding.item, None, title)
            for title, grounding in zip(titles, found, strict=True)
        ]
        return Slate(request, tuple(entries), answer)

    def _write(self, request: Request, k: int) -> str:
        rng = np.random.default_rng([self.seed, zlib.crc32(repr(request.history).encode())])
        if rng.random() < self.dials.malformed:
            return REFUSAL
        lines: list[str] = []
        for item in self._best(request, k):
            line = self._entry(item, request, lines, rng)
            lines += [line] if line else []
        return "\n".join(f"{place}. {line}" for place, line in enumerate(lines, 1))

    def _best(self, request: Request, k: int) -> list[int]:
        history = request.history
        candidates = np.array(request.candidates or range(len(self.catalog)), dtype=np.int64)
        candidates = candidates[~np.isin(candidates, history.items)]
        likes = np.array([1.0 if like else -1.0 for like in history.liked or (True,) * len(history)])
        taste = likes @ self._genres[list(history.items)] if len(history) else np.zeros(self._genres.shape[1])
        order = np.argsort(-(self._genres[candidates] @ taste), kind="stable")
        return [int(item) for item in candidates[order[:k]]]

    def _entry(self, item: int, request: Request, before: list[str], rng: np.random.Generator) -> str:
        """One line of the list; empty if it is left out."""
        dials, title = self.dials, self.catalog.titles[item]
        chances = (dials.invented, dials.sequels, dials.typos, dials.duplicates, dials.consumed, dials.short)
        match int(np.searchsorted(np.cumsum(chances), rng.random(), side="right")):
            case 0:
                return f"The Unmade {title.split(' (')[0][::-1].title()} {rng.integers(1000, 1800)}"
            case 1:
                return f"{title.split(' (')[0]} {rng.integers(7, 100)}"
            case 2:
                return misspell(title, rng=rng)
            case 3 if before:
                return before[-1]
            case 4 if request.history.items:
                return self.catalog.titles[int(rng.choice(request.history.items))]
            case 5:
                return ""
            case _:
                return title
