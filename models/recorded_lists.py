"""Recorded lists: what a recommender has already said, read from a file and audited without the recommender.

One row of the file is one entry of a list: whose list it is, the item's id or its title in the system's own
words, its rank, and, by columns, what the request stated of the user. Shorter lists and repetitions stay as
they are. A list answers the request it was recorded for and no other: requests with items to choose from,
with other item texts or examples, or with attributes, wordings or repeats that are not in the file have no
answer.

Users are matched by the data's own ids. The file does not tell which interactions the system had seen, so a
list stands for the first or the last so many of its user's own interactions, however many. Any other history
is refused, and so are two histories of one user in one question: one list cannot answer both. Nor can anyone
say what the system foretold, so questions about what people went on to like are not put to recorded lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from ._recorded_answers import Layout, Stated
from ._recorded_book import Book, as_words
from ._recorded_file import NOTHING
from .base import Request, Slate, Unanswerable
from .data import BoolArray, Catalog, IntArray, InteractionLog


@dataclass(frozen=True, kw_only=True)
class RecordedListsConfig(Layout):
    """Where the lists lie, and which column holds what.

    Parameters
    ----------
    path : a csv, tsv, parquet or jsonl file.
    user, item, title, rank, score, wording, repeat : names of columns. user is needed, and one of item and
        title; without ranks the rows of a list stand in its order; a repeat is another answer to the same
        question.
    attributes : columns that say what the request stated of the user, empty where it stated nothing.
    separator : between the fields of a csv file.
    placebos : those of the attributes that mean nothing, for the noise floor.
    """

    path: Path
    placebos: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecordedLists:
    """A recommender that repeats what was recorded.

    Parameters
    ----------
    draw : which repeat it answers with.
    """

    book: Book
    config: RecordedListsConfig
    draw: int = 0

    @classmethod
    def of_log(cls, log: InteractionLog, config: RecordedListsConfig) -> RecordedLists:
        """Lists of the users of this data, which nothing is learned from; the file is read when asked."""
        return cls(Book(log, config.path.expanduser(), config), config)

    @property
    def catalog(self) -> Catalog:
        """The data's items."""
        return self.book.log.catalog

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return the first ``k`` entries of each recorded list.

        Raises
        ------
        Unanswerable
            If any of the requests was not recorded.
        """
        places = self._places(requests)
        if refusal := self._refusal(requests, places):
            raise Unanswerable(refusal)
        self.book.read_titles(places)
        return [
            Slate(request, self.book.entries(place, k))
            for request, place in zip(requests, places.tolist(), strict=True)
        ]

    def write(self, requests: Sequence[Request]) -> list[str]:
        """Return each recorded list in the system's own words, one title a line."""
        slates = self.recommend(requests, len(self.book.answers.item))
        return ["\n".join(entry.raw or "" for entry in slate.entries) for slate in slates]

    def redrawn(self, draw: int) -> RecordedLists:
        """Return the lists of another repeat."""
        return replace(self, draw=draw)

    def readable_attributes(self) -> Mapping[str, tuple[str, ...]]:
        """Return what recorded requests stated of users."""
        return {name: found for name, found in self.book.values.items() if name not in self.config.placebos}

    def placebo_attributes(self) -> Mapping[str, tuple[str, ...]]:
        """Return what recorded requests stated that means nothing."""
        return {name: found for name, found in self.book.values.items() if name in self.config.placebos}

    def wordings(self) -> int:
        """Return how many wordings were recorded."""
        return len(self.book.answers.wordings)

    def recorded_users(self) -> IntArray:
        """Return the users of the data with a list in the first wording and repeat, ascending."""
        return np.flatnonzero(self.book.plainest != NOTHING)

    def recorded_profile(self, user: int) -> Stated:
        """Return what the request of this user stated that stated least; empty if one stated nothing."""
        plainest = int(self.book.plainest[user])
        return () if plainest == NOTHING else self.book.answers.conditions[plainest].stated

    def holds(self, requests: Sequence[Request]) -> BoolArray:
        """Return which of the requests were recorded, shape ``(n_requests,)``."""
        found: BoolArray = self._places(requests) != NOTHING
        return found

    def unrecorded(self) -> frozenset[str]:
        """Return what cannot be asked: words or repeats that are not in the file."""
        answers = self.book.answers
        gone = {"writes_text": not answers.titles, "draws": answers.repeats == 1}
        return frozenset(name for name, missing in gone.items() if missing)

    def describe(self) -> Mapping[str, object]:
        """What was recorded, for the record."""
        answers, items = self.book.answers, self.book.items
        strange = np.append(items == NOTHING, False)[answers.item]
        told = [as_words(condition.stated) for condition in answers.conditions]
        return {
            "title": "Recorded lists",
            "settings": {
                "file": self.config.path.name,
                "file_sha256": _digest(self.config.path.expanduser()),
                "rows": answers.rows,
                "lists": len(answers.key),
                "users": len(answers.users),
                "users_in_the_data": len(self.recorded_users()),
                "entries_with_an_unknown_id": int(strange.sum()),
                "titles_as_written": bool(answers.titles),
                "wordings": self.wordings(),
                "repeats": answers.repeats,
                "stated": list(dict.fromkeys(told))[:50],
            },
        }

    def _places(self, requests: Sequence[Request]) -> IntArray:
        """The answer to each request, -1 where there is none."""
        asked = [(NOTHING, NOTHING) if self._strange(one) else self.book.place(one) for one in requests]
        user, condition = np.array(asked, dtype=np.int64).reshape(-1, 2).T
        return self.book.answers.find(user, condition, self.draw)

    def _strange(self, request: Request) -> str:
        """What no recorded list can answer about a request; empty for a plain one."""
        if request.candidates:
            return "items to choose from were put in the request"
        if request.titles or request.demonstrations or request.layout != "as_trained":
            return "texts or the layout of the request were changed"
        if not self.book.is_own(request.history):
            return "the history was changed: it is not the first or last part of the user's own"
        return ""

    def _refusal(self, requests: Sequence[Request], places: IntArray) -> str:
        """Why these requests cannot be answered; empty if they can."""
        asked = {(one.history, one.attributes, one.wording) for one in requests}
        if len(asked) > len({(history.user, *rest) for history, *rest in asked}):
            return "recorded lists cannot tell two histories of one user apart, which this question compares"
        missing = np.flatnonzero(places == NOTHING).tolist()
        if not missing:
            return ""
        request, repeats = requests[missing[0]], self.book.answers.repeats
        if strange := self._strange(request):
            return f"recorded lists answer only what was recorded, and {strange}"
        if self.draw >= repeats:
            return f"repeat {self.draw + 1} was asked for and {repeats} recorded; compare at most {repeats}"
        known = list(dict.fromkeys(as_words(condition.stated) for condition in self.book.answers.conditions))
        return (
            f"no list was recorded for {len(missing):,} of {len(requests):,} requests, such as one in wording"
            f" {request.wording} that states {as_words(request.attributes)}; recorded requests state"
            f" {'; '.join(known[:8])}{' and others' if len(known) > 8 else ''}, not all of them of every user"
        )


def _digest(path: Path) -> str:
    seen = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            seen.update(block)
    return seen.hexdigest()
