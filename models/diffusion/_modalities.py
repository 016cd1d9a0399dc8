"""What is known of items besides who liked them: files of the user's own, or what the catalogue says."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..base import ModelError
from ..data import Catalog, FloatArray

WORDS = 256
"""Buckets that the words of titles fall into."""


@dataclass(frozen=True, eq=False)
class Modality:
    """One view of every item.

    Parameters
    ----------
    name : the file, or what it was made from.
    values : shape ``(n_items, d)``; centred and of mean square 1 over the items that have it, a row of
        zeros for each one that lacks it.
    sha256 : of the values as they were given, in single precision, hex.
    """

    name: str
    values: npt.NDArray[np.float32]
    sha256: str

    @classmethod
    def of(cls, name: str, given: FloatArray) -> Modality:
        """Bring values as they were given to one scale; a row of zeros means that the item lacks them."""
        seen = sha256(np.ascontiguousarray(given, dtype="<f4").tobytes()).hexdigest()
        has = given.any(axis=1)
        values = np.zeros(given.shape)
        values[has] = given[has] - given[has].mean(axis=0) if has.any() else 0.0
        size = float(np.sqrt(np.square(values[has]).mean())) if has.any() else 0.0
        return cls(name, (values / size if size else values).astype(np.float32), seen)


def modalities(catalog: Catalog, files: Sequence[str]) -> tuple[Modality, ...]:
    """Read the files, or without any make two views from the catalogue: words of titles, and kinds.

    Raises
    ------
    ModelError
        Naming every file that cannot be used: its shape, and what is wanted.
    """
    if not files:
        return (
            Modality.of("words of titles", words_of(catalog.titles)),
            Modality.of("genres and decades", kinds_of(catalog)),
        )
    read = [_read(file, len(catalog)) for file in files]
    if problems := [found for found in read if isinstance(found, str)]:
        raise ModelError(
            "; ".join(problems)
            + f". A feature file is saved by numpy.save and holds one row of finite numbers per item, in the"
            f" catalogue's order: shape ({len(catalog)}, d). An item without features has a row of zeros"
        )
    return tuple(
        Modality.of(file, values)
        for file, values in zip(files, read, strict=True)
        if not isinstance(values, str)
    )


def words_of(titles: Sequence[str], buckets: int = WORDS) -> FloatArray:
    """TF-IDF of the words of titles, hashed into ``buckets`` with signs, rows of length 1.

    Weinberger et al. 2009 for hashing; idf = 1 + log((1 + n) / (1 + df)) over words, not buckets. A title
    without words is a row of zeros.
    """
    words = [re.findall(r"\w+", title.lower()) for title in titles]
    counts: dict[str, int] = {}
    for own in words:
        for word in set(own):
            counts[word] = counts.get(word, 0) + 1
    rows = np.zeros((len(titles), buckets))
    for item, own in enumerate(words):
        for word in own:
            code = zlib.crc32(word.encode())
            sign = 1.0 if code & 1 else -1.0
            rows[item, (code >> 1) % buckets] += sign * (1 + np.log((1 + len(titles)) / (1 + counts[word])))
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(length > 0, length, 1.0)
    return rows


def kinds_of(catalog: Catalog) -> FloatArray:
    """Genres and decade of each item as zeros and ones; at least one column."""
    kinds = [
        {*own, *([f"{year // 10 * 10}s"] if year else [])}
        for own, year in zip(catalog.genres, catalog.years.tolist(), strict=True)
    ]
    column = {kind: place for place, kind in enumerate(sorted(set().union(*kinds)))}
    rows = np.zeros((len(catalog), max(1, len(column))))
    for item, own in enumerate(kinds):
        rows[item, [column[kind] for kind in own]] = 1.0
    return rows


def _read(file: str, items: int) -> FloatArray | str:
    """A feature file's values, or what is wrong with it."""
    try:
        values = np.load(Path(file).expanduser(), allow_pickle=False)
    except (OSError, ValueError, EOFError) as problem:
        return f"the feature file {file} cannot be read ({problem})"
    if not isinstance(values, np.ndarray):
        return f"the feature file {file} holds several arrays; save one array a file"
    if values.ndim != 2 or len(values) != items or not values.shape[1]:
        return f"the feature file {file} has the shape {values.shape}, wanted ({items}, d)"
    if values.dtype.kind not in "fiub" or not np.isfinite(values).all():
        return f"the feature file {file} holds values of type {values.dtype} that are not all finite numbers"
    found: FloatArray = values.astype(np.float64)
    return found
