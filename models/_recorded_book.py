"""Lays recorded answers beside the data they are about: which users, items and conditions they speak of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ._recorded_answers import Answers, Layout, Stated, answers_of
from ._recorded_file import NOTHING
from .base import Recommendation, Request
from .data import DataError, History, IntArray, InteractionLog
from .grounding import Grounder

UNREAD = -2


@dataclass(frozen=True)
class Book:
    """A file of recorded answers and the data; read when it is first looked into."""

    log: InteractionLog
    path: Path
    layout: Layout

    @cached_property
    def answers(self) -> Answers:
        """The answers of the file.

        Raises
        ------
        DataError
            If the file cannot be read, or speaks of no user or no item of the data.
        """
        answers, log = answers_of(self.path, self.layout), self.log
        if not set(answers.users) & set(log.user_ids):
            raise DataError(
                f"none of the {len(answers.users):,} users of {self.path} (such as {answers.users[0]!r}) is"
                f" in data {log.name} (such as {log.user_ids[0]!r}): users are matched by the data's own ids;"
                " name the right column by user=COLUMN"
            )
        if answers.items and not answers.titles and not set(answers.items) & log.catalog.position.keys():
            raise DataError(
                f"none of the {len(answers.items):,} items of {self.path} (such as {answers.items[0]!r}) is"
                f" in data {log.name} (such as {log.catalog.ids[0]!r}): items are matched by the data's own"
                " ids; name the right column by item=COLUMN, or that of titles by title=COLUMN"
            )
        return answers

    @cached_property
    def user_codes(self) -> IntArray:
        """The file's number of each user of the data, -1 where it has none."""
        codes = {text: code for code, text in enumerate(self.answers.users)}
        return np.array([codes.get(name, NOTHING) for name in self.log.user_ids], dtype=np.int64)

    @cached_property
    def items(self) -> IntArray:
        """The item behind each id of the file, -1 where the data has none."""
        position = self.log.catalog.position
        return np.array([position.get(text, NOTHING) for text in self.answers.items], dtype=np.int64)

    @cached_property
    def plainest(self) -> IntArray:
        """Each user's condition in the first wording that states least, -1 for a user without a list."""
        answers = self.answers
        condition, repeat = np.divmod(answers.key % answers.each_user, answers.repeats)
        first = np.array([one.wording == 0 for one in answers.conditions])
        rows = np.flatnonzero(first[condition] & (repeat == 0))
        users, place = np.unique(answers.key[rows] // answers.each_user, return_index=True)
        found = np.full(len(answers.users) + 1, NOTHING)
        found[users] = condition[rows[place]]
        return found[self.user_codes]

    @cached_property
    def values(self) -> Mapping[str, tuple[str, ...]]:
        """Every stated attribute with its values."""
        stated = sorted({pair for one in self.answers.conditions for pair in one.stated})
        return {name: tuple(value for own, value in stated if own == name) for name in self.layout.attributes}

    def place(self, request: Request) -> tuple[int, int]:
        """The file's numbers of a request's user and condition, -1 where it has none."""
        key = (request.wording, frozenset(request.attributes))
        return int(self.user_codes[request.history.user]), self._conditions.get(key, NOTHING)

    def is_own(self, history: History) -> bool:
        """Whether a history is the first or the last so many of its user's own interactions."""
        own, n = self.log.history(history.user), len(history)
        ends = (
            [own.reordered(range(n)), own.reordered(range(len(own) - n, len(own)))] if n <= len(own) else []
        )
        return history in ends and (n > 0 or not len(own))

    def read_titles(self, places: IntArray) -> None:
        """Look up what the titles of these answers mean; the titles of others may never be asked for."""
        answers = self.answers
        rows = [np.arange(answers.starts[place], answers.starts[place + 1]) for place in places]
        entries = np.concatenate([*rows, np.empty(0, dtype=np.int64)])
        titles = np.unique(answers.title[entries[answers.item[entries] == NOTHING]])
        new = titles[self._meant[titles] == UNREAD]
        found = self._grounder.ground([answers.titles[title] for title in new])
        self._meant[new] = [NOTHING if one.item is None else one.item for one in found]

    def entries(self, place: int, k: int) -> tuple[Recommendation, ...]:
        """The first ``k`` entries of an answer."""
        starts = self.answers.starts
        return tuple(
            self._entry(row) for row in range(starts[place], min(starts[place] + k, starts[place + 1]))
        )

    def _entry(self, row: int) -> Recommendation:
        """An item with its words where they were recorded, or with its id where no item has that."""
        answers = self.answers
        code, title = int(answers.item[row]), int(answers.title[row])
        raw = None if title == NOTHING else answers.titles[title]
        item = int(self._meant[title] if code == NOTHING else self.items[code])
        if item == NOTHING and raw is None:
            raw = answers.items[code]
        score = np.nan if answers.score is None else float(answers.score[row])
        return Recommendation(None if item == NOTHING else item, None if np.isnan(score) else score, raw)

    @cached_property
    def _conditions(self) -> dict[tuple[int, frozenset[tuple[str, str]]], int]:
        return {
            (one.wording, frozenset(one.stated)): place for place, one in enumerate(self.answers.conditions)
        }

    @cached_property
    def _meant(self) -> IntArray:
        """The item that each written title means, -1 for none or several; ``read_titles`` fills it."""
        return np.full(len(self.answers.titles), UNREAD)

    @cached_property
    def _grounder(self) -> Grounder:
        return Grounder(self.log.catalog)


def as_words(stated: Stated) -> str:
    """What a request states, for a reader."""
    return ", ".join(f"{name}={value}" for name, value in stated) or "nothing"
