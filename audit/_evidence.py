"""Writes evidence as a table that other tools can open, and reads it back exactly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..probes.base import Evidence, Exhibit

FACTS, EXHIBITS = b"recaudit.facts", b"recaudit.exhibits"


def write_evidence(evidence: Evidence, path: Path) -> None:
    """Write evidence as parquet: columns as they are, facts and exhibits as JSON in its metadata."""
    import pyarrow as pa
    from pyarrow import parquet

    columns = {
        title: pa.array(column.tolist(), pa.string()) if column.dtype.kind == "U" else pa.array(column)
        for title, column in evidence.columns.items()
    }
    table = pa.table(columns)
    metadata = {FACTS: _json(dict(evidence.facts)), EXHIBITS: _exhibits().dump_json(evidence.exhibits)}
    parquet.write_table(table.replace_schema_metadata(metadata), path, compression="zstd")


def rename_users(source: Path, target: Path, name: Callable[[int], str]) -> None:
    """Copy evidence whose ``cluster`` column holds positions, with a name for each user instead."""
    import pyarrow as pa
    from pyarrow import parquet

    table = parquet.read_table(source)
    users, place = np.unique(table["cluster"].to_numpy(), return_inverse=True)
    names = np.array([name(int(user)) for user in users], dtype=np.str_)[place.ravel()]
    column = table.column_names.index("cluster")
    parquet.write_table(table.set_column(column, "cluster", pa.array(names)), target, compression="zstd")


def read_evidence(path: Path) -> Evidence:
    """Read evidence; users are numbered by first appearance, whatever they are called in the file.

    So an estimate does not depend on whether positions, pseudonyms or the owner's ids were written.
    """
    from pyarrow import parquet

    table = parquet.read_table(path)
    metadata = table.schema.metadata or {}
    columns = {title: _plain(table[title].to_numpy()) for title in table.column_names}
    columns["cluster"] = _by_appearance(columns["cluster"])
    return Evidence(
        columns=columns,
        facts=json.loads(metadata[FACTS]),
        exhibits=_exhibits().validate_json(metadata[EXHIBITS]),
    )


def read_users(path: Path) -> npt.NDArray[np.str_]:
    """Whose each row is, by the name in the file, shape ``(n_rows,)``."""
    from pyarrow import parquet

    column = parquet.read_table(path, columns=["cluster"])["cluster"].to_numpy()
    names: npt.NDArray[np.str_] = column.astype(np.str_)
    return names


def _by_appearance(users: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    _, first, place = np.unique(users, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    numbered: npt.NDArray[np.int64] = rank[place.ravel()]
    return numbered


def _plain(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return column.astype(np.str_) if column.dtype == object else column


def _json(facts: dict[str, object]) -> bytes:
    return json.dumps(facts, sort_keys=True, default=_number).encode()


def _number(value: object) -> object:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"facts of evidence must be JSON values, got {type(value).__name__}")


def _exhibits() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(tuple[Exhibit, ...])
