"""Reads a large csv, tsv, parquet or jsonl file as columns of small numbers that stand for its texts."""

from __future__ import annotations

import csv
import difflib
import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .data import DataError, FloatArray

if TYPE_CHECKING:
    import pyarrow

KINDS = (".csv", ".tsv", ".parquet", ".jsonl")
NOTHING = -1


@dataclass(frozen=True)
class Coded:
    """A column of texts, each kept once.

    Parameters
    ----------
    codes : which text stands in each row, -1 where it is left out; shape ``(n_rows,)``, int32.
    texts : the different texts, in the order they first come.
    """

    codes: npt.NDArray[np.int32]
    texts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CodedFile:
    """The columns that were wanted, those of them that the file has.

    Parameters
    ----------
    names : every column of the file.
    numbers : columns read as numbers, NaN where left out.
    """

    path: Path
    names: tuple[str, ...]
    texts: Mapping[str, Coded]
    numbers: Mapping[str, FloatArray]
    rows: int


def read(path: Path, *, texts: Iterable[str], numbers: Iterable[str], separator: str = "") -> CodedFile:
    """Read some columns of a file; ten million rows take some hundred megabytes.

    Parameters
    ----------
    separator : what stands between the fields of a csv file; a comma, or a tab in .tsv, unless given.

    Raises
    ------
    DataError
        If the file is missing, of an unknown kind, empty or malformed.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise DataError(f"{path} ends in {kind or 'nothing'!r}; recorded lists are one of {', '.join(KINDS)}")
    if not path.is_file():
        raise DataError(f"there is no file {path} (looked from {Path.cwd()})")
    wanted = (tuple(dict.fromkeys(texts)), tuple(dict.fromkeys(numbers)))
    try:
        if kind == ".jsonl":
            found = _jsonl(path, *wanted)
        elif kind == ".parquet":
            found = _parquet(path, *wanted)
        else:
            found = _delimited(path, *wanted, separator or ("\t" if kind == ".tsv" else ","))
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


def _delimited(path: Path, texts: Sequence[str], numbers: Sequence[str], separator: str) -> CodedFile:
    import pyarrow
    from pyarrow import csv as arrow

    if len(separator) != 1:
        raise DataError(f"separator must be one character, got {separator!r}")
    with path.open(newline="", encoding="utf-8-sig") as lines:
        names = next(csv.reader(lines, delimiter=separator), [])
    _once(path, names)
    types = {name: pyarrow.dictionary(pyarrow.int32(), pyarrow.string()) for name in texts}
    types |= {name: pyarrow.float64() for name in numbers}
    kept = [name for name in names if name in types]
    try:
        table = arrow.read_csv(
            path,
            parse_options=arrow.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=arrow.ConvertOptions(
                column_types=types, include_columns=kept, strings_can_be_null=False
            ),
        )
    except pyarrow.ArrowInvalid as problem:
        raise DataError(f"{path} is malformed: {_words(problem)}") from None
    return _of_table(path, names, table, texts, numbers)


def _parquet(path: Path, texts: Sequence[str], numbers: Sequence[str]) -> CodedFile:
    import pyarrow
    from pyarrow import parquet

    try:
        names = parquet.read_schema(path).names
        _once(path, names)
        kept = [name for name in names if name in (*texts, *numbers)]
        table = parquet.read_table(path, columns=kept, read_dictionary=[n for n in kept if n in texts])
        return _of_table(path, names, table, texts, numbers)
    except pyarrow.ArrowException as problem:
        raise DataError(f"{path} is no parquet file of lists: {_words(problem)}") from None


def _of_table(
    path: Path, names: Sequence[str], table: pyarrow.Table, texts: Sequence[str], numbers: Sequence[str]
) -> CodedFile:
    import pyarrow

    return CodedFile(
        path=path,
        names=tuple(names),
        texts={name: _coded(table[name]) for name in texts if name in table.column_names},
        numbers={
            name: table[name].cast(pyarrow.float64()).to_numpy().astype(np.float64)
            for name in numbers
            if name in table.column_names
        },
        rows=table.num_rows,
    )


def _coded(column: pyarrow.ChunkedArray) -> Coded:
    """A column with each text once: equal values of any chunk get one code."""
    import pyarrow

    if not pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    chunks = column.unify_dictionaries().chunks
    shared = chunks[0].dictionary.to_pylist() if chunks else []
    known: dict[str, int] = {}
    places = np.array([*(_code(_text(value), known) for value in shared), NOTHING], dtype=np.int32)
    parts = [places[chunk.indices.fill_null(NOTHING).to_numpy(zero_copy_only=False)] for chunk in chunks]
    return Coded(np.concatenate([np.empty(0, dtype=np.int32), *parts]), tuple(known))


def _jsonl(path: Path, texts: Sequence[str], numbers: Sequence[str]) -> CodedFile:
    codes = {name: array("i") for name in texts}
    known: dict[str, dict[str, int]] = {name: {} for name in texts}
    values = {name: array("d") for name in numbers}
    names: dict[str, None] = {}
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            row = _object(path, number, line)
            names.update(dict.fromkeys(row))
            for name in texts:
                codes[name].append(_code(_text(row.get(name)), known[name]))
            for name in numbers:
                values[name].append(_number(path, number, name, row.get(name)))
    return CodedFile(
        path=path,
        names=tuple(names),
        texts={
            name: Coded(np.array(codes[name], dtype=np.int32), tuple(known[name]))
            for name in texts
            if name in names
        },
        numbers={name: np.array(values[name]) for name in numbers if name in names},
        rows=max(len(column) for column in codes.values()),
    )


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as problem:
        raise DataError(f"{path}, line {number}: malformed json ({problem})") from None
    if not isinstance(row, dict):
        raise DataError(f"{path}, line {number}: expected an object {{...}}, got {line[:40].strip()!r}")
    return row


def _number(path: Path, line: int, name: str, value: object) -> float:
    try:
        return float(value) if value not in (None, "") else float("nan")  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise DataError(f"{path}, line {line}: {name} must be a number, got {str(value)[:60]!r}") from None


def _code(text: str, known: dict[str, int]) -> int:
    return known.setdefault(text, len(known)) if text else NOTHING


def _text(value: object) -> str:
    if value is None or value != value:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _once(path: Path, names: Sequence[str]) -> None:
    if twice := [name for name in names if list(names).count(name) > 1]:
        raise DataError(f"{path} has more than one column {twice[0]!r}; rename one")


def _words(problem: Exception) -> str:
    return " ".join(str(problem).split())[:200]
