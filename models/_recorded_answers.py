"""Sorts recorded rows into answers: who was answered, on which condition, how often, and what with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ._recorded_file import NOTHING, Coded, CodedFile, nearest, read
from .data import DataError, FloatArray, IntArray

Stated = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which column of a file holds what; an attribute's column bears the attribute's name."""

    user: str = "user"
    item: str = "item"
    title: str = "title"
    rank: str = "rank"
    score: str = "score"
    wording: str = "wording"
    repeat: str = "repeat"
    attributes: tuple[str, ...] = ()
    separator: str = ""


@dataclass(frozen=True)
class Condition:
    """What a recorded request was besides its user: its wording, by number, and the attributes it stated."""

    wording: int
    stated: Stated


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Recorded answers in the order of ``key``, their entries best first.

    Parameters
    ----------
    users : the users' own ids.
    conditions : those with fewer stated attributes first, within a wording.
    repeats : how often a question was recorded at most.
    key : (user * conditions + condition) * repeats + repeat of each answer, ascending, ``(n_answers,)``.
    starts : where each answer's entries begin, shape ``(n_answers + 1,)``.
    item, title : codes of each entry's item id and title, -1 where not given, shape ``(n_entries,)``.
    items, titles : the texts that these codes stand for.
    score : of each entry, NaN where not given; ``None`` if the file has none.
    rows : rows of the file.
    """

    users: tuple[str, ...]
    conditions: tuple[Condition, ...]
    wordings: tuple[str, ...]
    repeats: int
    key: IntArray
    starts: IntArray
    item: npt.NDArray[np.int32]
    title: npt.NDArray[np.int32]
    items: tuple[str, ...]
    titles: tuple[str, ...]
    score: FloatArray | None
    rows: int

    @property
    def each_user(self) -> int:
        """How many keys each user has."""
        return len(self.conditions) * self.repeats

    def find(self, user: IntArray, condition: IntArray, repeat: int) -> IntArray:
        """The answers with these keys, -1 where there is none; -1 stands for an unknown user or condition."""
        wanted = (user * len(self.conditions) + condition) * self.repeats + repeat
        place = np.minimum(np.searchsorted(self.key, wanted), len(self.key) - 1)
        found = (user >= 0) & (condition >= 0) & (repeat < self.repeats) & (self.key[place] == wanted)
        return np.where(found, place, NOTHING)


def answers_of(path: Path, layout: Layout) -> Answers:
    """Read a file of recorded lists; the one read last is kept, as long as it does not change.

    Raises
    ------
    DataError
        If a column is missing, a user or rank is left out, or two entries claim one place.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path} of recorded lists (looked from {Path.cwd()})")
    seen = path.stat()
    return _answers(path, layout, seen.st_size, seen.st_mtime_ns)


@lru_cache(maxsize=1)
def _answers(path: Path, layout: Layout, size: int, changed: int) -> Answers:
    names = (layout.user, layout.item, layout.title, layout.rank, layout.wording, layout.repeat)
    file = read(path, texts=(*names, *layout.attributes), numbers=(layout.score,), separator=layout.separator)
    _require(file, layout)
    for name in (layout.user, layout.rank, layout.wording, layout.repeat):
        _complete(file, name)
    users = file.texts[layout.user]
    wording, repeat = (_column(file, name) for name in (layout.wording, layout.repeat))
    conditions, condition = _conditions(file, layout, wording)
    n_repeats = max(1, len(repeat.texts))
    key = users.codes.astype(np.int64) * len(conditions) + condition
    key = key * n_repeats + _in_order(repeat)
    rank = _rank(file, layout)
    order = np.argsort(key, kind="stable") if rank is None else np.lexsort((rank, key))
    key = key[order]
    if rank is not None:
        _one_entry_a_place(file, layout, key, rank[order], order)
    item, title = (_column(file, name) for name in (layout.item, layout.title))
    filled = (item.codes[order] != NOTHING) | (title.codes[order] != NOTHING)
    kept, answers = order[filled], np.unique(key)
    score = file.numbers.get(layout.score)
    return Answers(
        users=users.texts,
        conditions=conditions,
        wordings=wording.texts or ("",),
        repeats=n_repeats,
        key=answers,
        starts=np.append(np.searchsorted(key[filled], answers), len(kept)),
        item=item.codes[kept],
        title=title.codes[kept],
        items=item.texts,
        titles=title.texts,
        score=None if score is None else score[kept],
        rows=file.rows,
    )


def _require(file: CodedFile, layout: Layout) -> None:
    given = {part: getattr(layout, part) for part in ("rank", "score", "wording", "repeat")}
    named = [(part, name) for part, name in given.items() if name != getattr(Layout, part)]
    named += [("user", layout.user), *(("attributes", name) for name in layout.attributes)]
    for part, name in named:
        if name not in file.names:
            raise DataError(
                f"{file.path} has no column {name!r} for {part}{nearest(name, file.names)}; its columns are"
                f" {', '.join(file.names)}: set {part}=COLUMN, or separator= if they are not divided by it"
            )
    if layout.item not in file.names and layout.title not in file.names:
        raise DataError(
            f"{file.path} has neither item ids (column {layout.item!r}) nor titles (column {layout.title!r});"
            f" its columns are {', '.join(file.names)}: set item=COLUMN or title=COLUMN"
        )


def _column(file: CodedFile, name: str) -> Coded:
    """A column, or one that is left out everywhere."""
    return file.texts.get(name) or Coded(np.full(file.rows, NOTHING, dtype=np.int32), ())


def _complete(file: CodedFile, name: str) -> None:
    if name in file.texts and (missing := file.texts[name].codes == NOTHING).any():
        row = int(np.argmax(missing)) + 1
        raise DataError(f"{file.path}, column {name!r}, row {row}: a value is missing; fill it in")


def _conditions(file: CodedFile, layout: Layout, wording: Coded) -> tuple[tuple[Condition, ...], IntArray]:
    """The different conditions, and which of them each row is of."""
    columns = [wording, *(_column(file, name) for name in layout.attributes)]
    mixed = np.zeros(file.rows, dtype=np.int64)
    for column in columns:
        mixed = mixed * (len(column.texts) + 1) + column.codes + 1
    _, first, of_row = np.unique(mixed, return_index=True, return_inverse=True)
    found = [
        Condition(max(0, int(wording.codes[row])), _stated(layout.attributes, columns[1:], row))
        for row in first.tolist()
    ]
    order = sorted(range(len(found)), key=lambda at: (found[at].wording, len(found[at].stated), at))
    place = np.empty(len(found), dtype=np.int64)
    place[order] = np.arange(len(found))
    return tuple(found[at] for at in order), place[of_row.reshape(-1)]


def _stated(names: Sequence[str], columns: Sequence[Coded], row: int) -> Stated:
    told = [(name, column, int(column.codes[row])) for name, column in zip(names, columns, strict=True)]
    return tuple((name, column.texts[code]) for name, column, code in told if code != NOTHING)


def _in_order(repeat: Coded) -> IntArray:
    """Repeats numbered from 0 by their own numbers if they have some, else in the order they come."""
    numbers = np.array([_number(text) for text in repeat.texts])
    ranks = np.argsort(np.argsort(numbers, kind="stable"), kind="stable")
    return np.append(ranks, 0).astype(np.int64)[repeat.codes]


def _rank(file: CodedFile, layout: Layout) -> FloatArray | None:
    """Each row's place in its list; ``None`` where the rows stand in the order of the lists."""
    if layout.rank not in file.texts:
        return None
    column = file.texts[layout.rank]
    ranks = np.array([_number(text) for text in column.texts])
    if not np.isfinite(ranks).all():
        strange = column.texts[int(np.argmin(np.isfinite(ranks)))]
        raise DataError(f"{file.path}, column {layout.rank!r}: a rank must be a number, got {strange[:60]!r}")
    return ranks[column.codes]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _one_entry_a_place(
    file: CodedFile, layout: Layout, key: IntArray, rank: FloatArray, order: IntArray
) -> None:
    twice = np.flatnonzero((np.diff(key) == 0) & (np.diff(rank) == 0))
    if len(twice):
        one, other = sorted(int(order[at]) + 1 for at in (twice[0], twice[0] + 1))
        raise DataError(
            f"{file.path}, rows {one} and {other}: two entries of one list at rank {rank[twice[0]]:g}; name"
            " the columns that tell their lists apart: attributes=COLUMNS, wording=COLUMN or repeat=COLUMN"
        )
