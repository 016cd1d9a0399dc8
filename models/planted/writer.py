"""A recommender that writes its answers as text, and gets wrong exactly what is dialled.

The honest part recommends the items whose genres the user liked, as a numbered list of titles, none of
them in the history. Each entry is then spoilt by at most one fault, drawn with the dialled chances.

Asked to explain, it adds to each entry its genre, its year and an item that the user watched: the one whose
genres are most like the entry's, or, with ``constant`` explanations, the first of the history whatever the
entry, which has nothing to do with why it is there. Each of the three is then made untrue with the dialled
chance.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

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
    untrue : a stated genre, year or watched item is a wrong one.
    """

    invented: float = 0.0
    sequels: float = 0.0
    typos: float = 0.0
    duplicates: float = 0.0
    consumed: float = 0.0
    malformed: float = 0.0
    short: float = 0.0
    untrue: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PlantedWriter:
    """A recommender whose every slip of the pen is known.

    Parameters
    ----------
    length : titles per answer.
    explains : what it says of its reasons.
    seed : another one makes other slips at the same rates.
    """

    catalog: Catalog
    dials: WriterDials = WriterDials()
    length: int = 10
    explains: Literal["nothing", "reasons", "constant"] = "nothing"
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
                return title if self.explains == "nothing" else self._explained(item, request, rng)

    def _explained(self, item: int, request: Request, rng: np.random.Generator) -> str:
        """The title with its genre, its year and a watched item, each wrong with the dialled chance."""
        catalog, wrong = self.catalog, rng.random(3) < self.dials.untrue
        names = {genre for genres in catalog.genres for genre in genres}
        genres = sorted(names - set(catalog.genres[item])) if wrong[0] else catalog.genres[item]
        year = int(catalog.years[item]) - (int(rng.integers(1, 10)) if wrong[1] else 0)
        said = [str(rng.choice(genres)) if genres else "film", f"of {year}" if catalog.years[item] else ""]
        cited = self._cited(item, request, wrong=bool(wrong[2]), rng=rng)
        because = f', because you watched "{catalog.titles[cited]}"' if cited is not None else ""
        return f'"{catalog.titles[item]}": a {" ".join(filter(None, said))}{because}.'

    def _cited(self, item: int, request: Request, *, wrong: bool, rng: np.random.Generator) -> int | None:
        history = list(request.history.items)
        if wrong:
            return int(rng.choice(np.setdiff1d(np.arange(len(self.catalog)), [*history, item])))
        if not history or self.explains == "constant":
            return history[0] if history else None
        return history[int((self._genres[history] @ self._genres[item]).argmax())]
