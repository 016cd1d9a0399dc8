"""Lets recommenders whose codes come from words give codes to any text: what TIGER, LETTER and LC-Rec share.

What was learnt from the catalogue's texts is kept with the model: words and their weights, directions, the
packing network where there is one, and the vectors of codes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ..base import ModelError
from ..data import FloatArray, IntArray, InteractionLog
from ._codebook import Codebook, residual_codes
from ._generator import Config, Generator
from ._item_vectors import texts_of
from ._text_reader import Packing, TextReader


class TextCoded(Generator[Config]):
    """A generator whose items' codes are made from what is said of them, unless it is told otherwise."""

    def item_texts(self) -> Sequence[str]:
        """Return what is said of each item; nothing where codes come from elsewhere than words."""
        if self._codebook is None:
            by_words = self.config.ids == "made" and self.config.vectors != "collaborative"
        else:
            by_words = self._codebook.reader is not None
        return self._texts if by_words else ()

    def text_vectors(self, texts: Sequence[str]) -> FloatArray:
        """Return where each text lies before it is coded, shape ``(n_texts, d)``."""
        book = self._read_from_words()
        assert book.reader is not None
        vectors = book.reader(texts)
        return vectors if book.packing is None else book.packing(vectors)

    def codes_of(self, vectors: FloatArray) -> IntArray:
        """Return the nearest codes of each vector, level by level, shape ``(n_vectors, L)``.

        A digit that parts twins is left out; where items' last codes were dealt out so that fewer share
        a tuple, an item's own last code may be another than its nearest.
        """
        return residual_codes(vectors, self._read_from_words().tables)[0]

    def first_code_vectors(self) -> FloatArray:
        """Return where the codes of the first place lie among texts, shape ``(n_codes, d)``."""
        return self._read_from_words().tables[0]

    def save(self, folder: Path) -> None:
        """Write what a generator writes, and what gives texts their codes."""
        super().save(folder)
        if self._codebook is not None and self._codebook.reader is not None:
            _write(self._codebook, self._codebook.reader, folder)

    def load(self, folder: Path, log: InteractionLog) -> None:
        """Read what ``save`` wrote."""
        super().load(folder, log)
        if self._codebook is not None and (folder / "words.json").exists():
            self._codebook = _with_reader(self._codebook, folder)

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        return tuple(texts_of(self.catalog))

    def _read_from_words(self) -> Codebook:
        book = self._ids()
        if book.reader is None:
            raise ModelError(f"the codes of this {self.title}'s items were not made from words")
        return book


def _write(book: Codebook, reader: TextReader, folder: Path) -> None:
    said = {"encoder": reader.encoder, "words": reader.words}
    (folder / "words.json").write_text(json.dumps(said), encoding="utf-8")
    arrays = {f"table_{level}": table for level, table in enumerate(book.tables)}
    if reader.weights is not None and reader.directions is not None:
        arrays |= {"weights": reader.weights, "directions": reader.directions}
    if book.packing is not None:
        arrays |= {"mean": book.packing.mean, "scale": np.array(book.packing.scale)}
        for place, (weights, offsets) in enumerate(book.packing.layers):
            arrays |= {f"layer_{place}": weights, f"offset_{place}": offsets}
    np.savez(folder / "text_codes.npz", **arrays)  # type: ignore[arg-type]


def _with_reader(book: Codebook, folder: Path) -> Codebook:
    said = json.loads((folder / "words.json").read_text(encoding="utf-8"))
    with np.load(folder / "text_codes.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    reader = TextReader(
        said["encoder"], tuple(said["words"]), arrays.get("weights"), arrays.get("directions")
    )
    packing = None
    if "mean" in arrays:
        layers = tuple(
            (arrays[f"layer_{at}"], arrays[f"offset_{at}"]) for at in range(_count(arrays, "layer_"))
        )
        packing = Packing(arrays["mean"], float(arrays["scale"]), layers)
    tables = [arrays[f"table_{level}"] for level in range(_count(arrays, "table_"))]
    return replace(book, tables=tables, reader=reader, packing=packing)


def _count(arrays: dict[str, FloatArray], start: str) -> int:
    return sum(name.startswith(start) for name in arrays)
