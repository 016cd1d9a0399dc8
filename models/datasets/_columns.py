"""Reads a user's csv, tsv, parquet or jsonl file into columns of text, and says which row is broken."""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from ..data import DataError

READERS = (".csv", ".tsv", ".parquet", ".jsonl")
# What data tools write where a value is missing.
MISSING = frozenset({"", "nan", "NaN", "None", "<NA>", "NaT"})


@dataclass(frozen=True, kw_only=True)
class Columns:
    """A file as text: every name it has, and the values of the columns that were asked for."""

    path: Path
    names: tuple[str, ...]
    values: Mapping[str, Sequence[str]]
    rows: int

    def __getitem__(self, name: str) -> Sequence[str]:
        return self.values[name]

    def wrong(self, row: int, column: str, problem: str) -> DataError:
        """An error about one value; ``row`` counts from 0, people and the message from 1, header apart."""
        given = self.values[column][row]
        return DataError(f"{self.path}, column {column!r}, row {row + 1}: {problem}, got {given[:60]!r}")


def read(path: Path, wanted: Iterable[str], *, separator: str | None = None) -> Columns:
    """Read the ``wanted`` columns of a file, those that it has.

    Parameters
    ----------
    separator : what stands between the fields of a csv file; a comma, or a tab in .tsv, unless given.

    Raises
    ------
    DataError
        If the file is missing, of an unknown kind, empty or malformed; with the line.
    """
    kind = path.suffix.lower()
    if kind not in READERS:
        raise DataError(f"{path} ends in {kind or 'nothing'!r}; a table must be one of {', '.join(READERS)}")
    if not path.is_file():
        raise DataError(f"there is no file {path} (looked from {Path.cwd()})")
    try:
        if kind == ".parquet":
            found = _parquet(path, frozenset(wanted))
        elif kind == ".jsonl":
            found = _jsonl(path, frozenset(wanted))
        else:
            found = _delimited(path, frozenset(wanted), separator or ("\t" if kind == ".tsv" else ","))
    except UnicodeDecodeError as problem:
        raise DataError(f"{path} is not UTF-8 text (byte {problem.start}); save it as UTF-8") from None
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror or problem}") from None
    if not found.rows:
        raise DataError(f"{path} holds no rows; its columns are {', '.join(found.names) or 'none'}")
    return found


def nearest(given: str, known: Iterable[str]) -> str:
    """A hint at what a misspelt name may have meant, or nothing."""
    close = difflib.get_close_matches(given, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _delimited(path: Path, wanted: frozenset[str], separator: str) -> Columns:
    if len(separator) != 1:
        raise DataError(f"separator must be one character, got {separator!r}")
    with path.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.reader(lines, delimiter=separator, strict=True)
        try:
            names = next(reader, [])
            if len(names) == 1 and (other := next((c for c in ";\t|," if c in names[0]), None)):
                raise DataError(f"{path} seems to stand in columns between {other!r}: give separator={other}")
            kept = [at for at, name in enumerate(names) if name in wanted]
            columns, rows = _transposed(reader, path, len(names), kept)
        except csv.Error as problem:
            raise DataError(f"{path}, line {reader.line_num}: malformed csv ({problem})") from None
    return _columns(path, names, dict(zip((names[at] for at in kept), columns, strict=True)), rows)


def _transposed(reader: Any, path: Path, width: int, kept: Sequence[int]) -> tuple[list[list[str]], int]:
    """The kept columns of the rows that are not blank, and their number; blocks that fit a cache are fast."""
    columns: list[list[str]] = [[] for _ in kept]
    done = 0
    while block := list(islice(reader, 100)):
        rows = [row for row in block if row]
        for at, row in enumerate(rows, start=done + 1):
            if len(row) != width:
                raise DataError(
                    f"{path}, row {at}: expected {width} fields as in the header, got {len(row)};"
                    " put fields that hold a separator or a quote in quotes"
                )
        done += len(rows)
        fields = list(zip(*rows, strict=True))
        for column, at in zip(columns, kept, strict=True):
            column.extend(fields[at] if fields else ())
    return columns, done


def _jsonl(path: Path, wanted: frozenset[str]) -> Columns:
    rows: list[dict[str, Any]] = []
    names: dict[str, None] = {}
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as problem:
                raise DataError(f"{path}, line {number}: malformed json ({problem})") from None
            if not isinstance(row, dict):
                raise DataError(
                    f"{path}, line {number}: expected an object {{...}}, got {line[:40].strip()!r}"
                )
            names.update(dict.fromkeys(row))
            rows.append({name: row[name] for name in wanted & row.keys()})
    values = {name: [_text(row.get(name)) for row in rows] for name in names if name in wanted}
    return _columns(path, list(names), values, len(rows))


def _parquet(path: Path, wanted: frozenset[str]) -> Columns:
    import pyarrow
    import pyarrow.parquet

    try:
        names = pyarrow.parquet.read_schema(path).names
        table = pyarrow.parquet.read_table(path, columns=[name for name in names if name in wanted])
    except pyarrow.ArrowException as problem:
        raise DataError(f"{path} is not a readable parquet file ({problem})") from None
    values: dict[str, list[str]] = {}
    for name in table.column_names:
        column = table[name]
        if pyarrow.types.is_timestamp(column.type):
            column = column.cast(pyarrow.timestamp("us", column.type.tz), safe=False)
        values[name] = [_text(value) for value in column.to_pylist()]
    return _columns(path, names, values, table.num_rows)


def _columns(path: Path, names: Sequence[str], values: Mapping[str, Sequence[str]], rows: int) -> Columns:
    twice = [name for name in values if list(names).count(name) > 1]
    if twice:
        raise DataError(f"{path} has more than one column {twice[0]!r}; rename one")
    return Columns(path=path, names=tuple(names), values=values, rows=rows)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return ""
    if isinstance(value, list | tuple):
        return "|".join(_text(part) for part in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, date) else str(value)
