"""Reads a published table of semantic ids, so that an audit sees the very codes that others report on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..base import ModelError
from ..data import Catalog
from ._codebook import Codebook

_CODE = re.compile(r"\D*(\d+)\D*")


def read_table(path: Path, catalog: Catalog, *, sizes: Sequence[int] | None = None) -> Codebook:
    """The codes of every item, from JSON such as ``{"0": [12, 7, 3]}`` or ``{"0": ["<a_12>", ...]}``.

    The keys are the catalogue's ids. Where they are none of them but the numbers from 0 to ``n_items - 1``,
    they are item positions: published tables number the items of a well-known data set.

    Parameters
    ----------
    sizes : how many codes each level has; without it each level has as many as its largest code asks for.

    Raises
    ------
    ModelError
        If the file is no such table, lacks an item of the catalogue or holds others, a code is no number,
        tuples differ in length, or a code is too large for ``sizes``.
    """
    table = _table(path)
    keys: Sequence[str] = catalog.ids
    if not table.keys() & set(keys):
        keys = [str(item) for item in range(len(catalog))]
    missing = [key for key in keys if key not in table]
    if missing or len(table) != len(keys):
        raise ModelError(
            f"the semantic ids of {path} are for {len(table)} items and the catalogue has {len(keys)}"
            + (f", of which {len(missing)} are missing, first {missing[0]!r}" if missing else "")
            + "; give one tuple for each catalogue id, or for each position from 0"
        )
    rows = [[_code(path, key, code) for code in table[key]] for key in keys]
    lengths = sorted({len(row) for row in rows})
    if len(lengths) != 1 or not lengths[0]:
        raise ModelError(f"the tuples of {path} must have one length, got {lengths}")
    codes = np.array(rows, dtype=np.int64)
    found = tuple(sizes) if sizes is not None else tuple((codes.max(axis=0) + 1).tolist())
    return Codebook(codes, found, how=f"read from {path.name}")


def _table(path: Path) -> Mapping[str, Sequence[object]]:
    try:
        table = json.loads(path.expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ModelError(f"the semantic ids {path} cannot be read as JSON: {problem}") from None
    if not isinstance(table, dict) or not all(isinstance(codes, list) for codes in table.values()):
        raise ModelError(f"the semantic ids {path} must map each item to a list of codes")
    return table


def _code(path: Path, key: str, code: object) -> int:
    found = _CODE.fullmatch(str(code))
    if found is None:
        raise ModelError(
            f"the semantic ids {path} give item {key!r} the code {code!r}; it must hold one number"
        )
    return int(found[1])
