"""Amazon reviews of industrial and scientific goods: who reviewed what, in order, with published item codes.

The test part of MiniOneRec's data: each line of its table is a product that a person reviewed between October
2016 and November 2018, after at most ten earlier ones. A person's lines overlap, and are joined into one
history here. Products that appear in no line of the test part are in the catalogue without reviews.
"""

from __future__ import annotations

import csv
import html
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..data import Catalog, DataError, InteractionLog
from . import _files

SERVES: dict[str, str] = {
    "industrial": "Amazon Industrial and Scientific: 13,803 reviews of 3,686 products by 1,987 people,"
    " in order, with MiniOneRec's semantic ids",
}

WINDOW = 10
"""The most earlier products that a line tells."""

_STEM = "Industrial_and_Scientific"
_ITEMS, _INDEX, _ROWS = f"{_STEM}.item.json", f"{_STEM}.index.json", f"{_STEM}_5_2016-10-2018-11.csv"
_SOURCE = _files.Source(
    folder="amazon/industrial",
    needs=((_ITEMS,), (_INDEX,), (_ROWS,)),
    by_hand="run `git clone https://github.com/AkaliKong/MiniOneRec` and put the three files named"
    f" {_STEM} of its folder data (item.json, index.json and the csv of the test part) into one folder",
)


def load(
    name: str,
    *,
    where: Path | None = None,
    rng: np.random.Generator | None = None,
    options: Mapping[str, str] | None = None,
) -> InteractionLog:
    """Read the reviews; an item's id is its number, its provider the brand (``""`` where none is stated).

    Titles lose HTML escapes and doubled spaces, and nothing else.

    Parameters
    ----------
    where : the folder of the files or the one above it; otherwise ``$RECAUDIT_DATA`` and the cache.
    rng, options : unused.

    Returns
    -------
    InteractionLog
        Without likes, ratings, times and attributes; a user's rows are in the order of time.

    Raises
    ------
    DataError
        If files are missing or malformed (with the line).
    """
    _files.served(name, SERVES, options)
    folder = _files.fetch(_SOURCE, where)
    catalog = _catalog(folder / _ITEMS)
    histories = _histories(folder / _ROWS, len(catalog))
    return InteractionLog.build(
        name=name,
        catalog=catalog,
        user_ids=tuple(histories),
        user=np.repeat(np.arange(len(histories)), [len(items) for items in histories.values()]),
        item=[item for items in histories.values() for item in items],
    )


def id_tables(name: str, *, where: Path | None = None) -> dict[str, Path]:
    """The published table of semantic ids, by its maker's name; its keys are item positions."""
    _files.served(name, SERVES, None)
    return {"minionerec": _files.fetch(_SOURCE, where) / _INDEX}


def locate(name: str, *, where: Path | None = None) -> Path | None:
    """The folder that `load` would read, or None where it is not on this machine."""
    _files.served(name, SERVES, None)
    return _files.find(_SOURCE, where)


def terms(name: str) -> str:
    """The licence in short, whom to credit, and how to get the files by hand."""
    _files.served(name, SERVES, None)
    return (
        "Amazon reviews (Ni et al., 2019), for research, as prepared by MiniOneRec under Apache-2.0."
        f" By hand: {_SOURCE.by_hand}."
    )


def _catalog(path: Path) -> Catalog:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        numbers = [int(number) for number in found]
        titles = tuple(" ".join(html.unescape(item["title"]).split()) for item in found.values())
        brands = tuple(html.unescape(item["brand"]).strip() for item in found.values())
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise DataError(
            f"{path} must map product numbers to title and brand ({problem}); get it anew"
        ) from None
    if not numbers or numbers != list(range(len(numbers))):
        raise DataError(f"{path} must number its products from 0 without a gap; get the file anew")
    return Catalog(
        ids=tuple(found),
        titles=titles,
        years=np.zeros(len(numbers), dtype=np.int64),
        genres=((),) * len(numbers),
        providers=brands,
    )


def _histories(path: Path, n_items: int) -> dict[str, list[int]]:
    """Each person's products, oldest first: the first line whole, then the new product of each line."""
    histories: dict[str, list[int]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.DictReader(file)
        for row in lines:
            before, item = _line(path, lines.line_num, row, n_items)
            known = histories.setdefault(row["user_id"], list(before))
            if known[-WINDOW:] != before:
                raise DataError(
                    f"{path}, line {lines.line_num}: the history of {row['user_id']} does not go on from the"
                    f" lines before, {known[-WINDOW:]} there and {before} here; get the file anew"
                )
            known.append(item)
    if not histories:
        raise DataError(f"{path} names no person; get the file anew")
    return histories


def _line(path: Path, number: int, row: Mapping[str, str], n_items: int) -> tuple[list[int], int]:
    try:
        before, item = json.loads(row["history_item_id"]), int(row["item_id"])
        fine = bool(row["user_id"]) and all(type(i) is int and 0 <= i < n_items for i in [*before, item])
    except (KeyError, TypeError, ValueError):
        fine = False
    if not fine:
        raise DataError(
            f"{path}, line {number}: expected user_id, item_id and history_item_id with products from 0 to"
            f" {n_items - 1}, got {str(dict(row))[:80]}; get the file anew"
        )
    return before, item
