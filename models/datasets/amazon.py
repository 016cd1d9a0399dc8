"""Amazon reviews of beauty products and of toys: who reviewed what, in which order.

The 5-core subsets that work on sequences and on semantic ids has in common: people and products with at
least five reviews each. A row is a product that a person reviewed; the files hold no ratings and no times,
and a person's rows come in the order of time.

Published semantic ids come in a numbering of the products. LETTER's is that of the product table, so its ids
are for "beauty" as it is. The one of the public TIGER code is another, with other numbers for people too;
"beauty-tiger" are the same reviews in it. Its products get their titles by matching who reviewed what, and
the few that this cannot tell apart are called by their number.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..data import Catalog, DataError, InteractionLog
from . import _files
from ._renumbering import matched_items

SERVES: dict[str, str] = {
    "beauty": "Amazon Beauty: 198,502 reviews of 12,101 products by 22,363 unnamed people, in order",
    "toys": "Amazon Toys and Games: 167,597 reviews of 11,924 products by 19,412 unnamed people, in order",
    "beauty-tiger": "Amazon Beauty in the numbering of the public TIGER code, with two semantic-id tables",
}

_PAGE = "https://github.com/jeykigung/P5"
_TIGER = "tiger/inter.json"
_SOURCES = {
    name: _files.Source(
        folder=f"amazon/{name}",
        needs=(("sequences.txt",), ("titles.tsv",)),
        by_hand=f"take the {name} data of {_PAGE}: sequential_data.txt as sequences.txt (a line a person:"
        " number, then product numbers from 1), and from its product table titles.tsv with the columns"
        " p5_item_id, asin, title, categories",
    )
    for name in ("beauty", "toys")
}
_SOURCES["beauty-tiger"] = _files.Source(
    folder=_SOURCES["beauty"].folder,
    needs=(*_SOURCES["beauty"].needs, (_TIGER,)),
    by_hand=f"{_SOURCES['beauty'].by_hand}; and from the Beauty data of https://github.com/NonameUntitled/tiger"
    " inter.json, index_rqvae.json and index_rqkmeans.json into its folder tiger",
)
_ID_TABLES = {
    "beauty": {"letter": "letter/Beauty.index.json"},
    "beauty-tiger": {"rqvae": "tiger/index_rqvae.json", "rqkmeans": "tiger/index_rqkmeans.json"},
}
# A title may hold tabs and line breaks, so a product ends where the next number and ASIN begin.
_PRODUCT = re.compile(r"^(\d+)\t([0-9A-Z]{10})\t", re.MULTILINE)


def load(
    name: str,
    *,
    where: Path | None = None,
    rng: np.random.Generator | None = None,
    options: Mapping[str, str] | None = None,
) -> InteractionLog:
    """Read one of the three; an item's genre is the department below the shop's own.

    An item's id is its ASIN, or in "beauty-tiger" its number there. Titles lose HTML escapes and doubled
    spaces, and nothing else.

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
    folder = _files.fetch(_SOURCES[name], where)
    catalog = _catalog(folder / "titles.tsv")
    user_ids, user, item = _sequences(folder / "sequences.txt", len(catalog))
    log = InteractionLog.build(name=name, catalog=catalog, user_ids=user_ids, user=user, item=item)
    return _renumbered(log, folder / _TIGER) if name == "beauty-tiger" else log


def id_tables(name: str, *, where: Path | None = None) -> dict[str, Path]:
    """The published tables of semantic ids for a data set that are on this machine, by their maker's name.

    The tables' keys are item positions of what `load` gives.
    """
    _files.served(name, SERVES, None)
    folder = _files.fetch(_SOURCES[name], where)
    tables = {maker: folder / file for maker, file in _ID_TABLES.get(name, {}).items()}
    return {maker: path for maker, path in tables.items() if path.is_file()}


def locate(name: str, *, where: Path | None = None) -> Path | None:
    """The folder that `load` would read, or None where it is not on this machine."""
    _files.served(name, SERVES, None)
    return _files.find(_SOURCES[name], where)


def terms(name: str) -> str:
    """The licence in short, whom to credit, and how to get the files by hand."""
    _files.served(name, SERVES, None)
    return (
        "Amazon reviews (McAuley et al., 2015; He and McAuley, 2016), for research, in the numbering of P5"
        f" (Geng et al., 2022). By hand: {_SOURCES[name].by_hand}."
    )


def _catalog(path: Path) -> Catalog:
    text = path.read_text(encoding="utf-8")
    starts = list(_PRODUCT.finditer(text))
    if not starts:
        raise DataError(f"{path} names no product; get the file anew")
    ends = [found.start() for found in starts[1:]] + [len(text)]
    titles, genres = [], []
    for place, (found, end) in enumerate(zip(starts, ends, strict=True)):
        title, tab, categories = text[found.end() : end].rstrip("\n").rpartition("\t")
        if int(found[1]) != place + 1 or not tab:
            line = text.count("\n", 0, found.start()) + 1
            raise DataError(
                f"{path}, line {line}: expected product {place + 1} as number, asin, title and categories"
                f" between tabs, got {found[0].strip()!r}; get the file anew"
            )
        titles.append(" ".join(html.unescape(title).split()))
        genres.append(tuple(part.strip() for part in categories.split(" > ")[1:2] if part.strip()))
    return Catalog(
        ids=tuple(found[2] for found in starts),
        titles=tuple(titles),
        years=np.zeros(len(starts), dtype=np.int64),
        genres=tuple(genres),
    )


def _sequences(path: Path, n_items: int) -> tuple[tuple[str, ...], list[int], list[int]]:
    """The people's numbers, and each row's user and item."""
    ids: list[str] = []
    user: list[int] = []
    item: list[int] = []
    for place, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        numbers = line.split()[1:]
        if not numbers or not all(part.isdigit() and 0 < int(part) <= n_items for part in numbers):
            raise DataError(
                f"{path}, line {place + 1}: expected a person's number and then products from 1 to {n_items},"
                f" got {line[:60]!r}; get the file anew"
            )
        ids.append(line.split()[0])
        user += [place] * len(numbers)
        item += [int(part) - 1 for part in numbers]
    return tuple(ids), user, item


def _renumbered(log: InteractionLog, path: Path) -> InteractionLog:
    """The same reviews with the people and products of another file's numbering."""
    sequences = _people(path, len(log.catalog))
    user = np.repeat(np.arange(len(sequences)), [len(items) for items in sequences.values()])
    item = np.array([item for items in sequences.values() for item in items], dtype=np.int64)
    ours = matched_items((log.user, log.item), (user, item), len(log.catalog)).tolist()
    known = log.catalog
    catalog = Catalog(
        ids=tuple(str(number) for number in range(len(ours))),
        titles=tuple(known.titles[o] if o >= 0 else f"Product {n}" for n, o in enumerate(ours)),
        years=np.zeros(len(ours), dtype=np.int64),
        genres=tuple(known.genres[o] if o >= 0 else () for o in ours),
    )
    return InteractionLog.build(
        name=log.name, catalog=catalog, user_ids=tuple(sequences), user=user, item=item
    )


def _people(path: Path, n_items: int) -> dict[str, list[int]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise DataError(f"{path} is not JSON ({problem}); get the file anew") from None
    if not isinstance(found, dict) or not found:
        raise DataError(f"{path} must map each person's number to a list of products; get the file anew")
    for person, items in found.items():
        if not isinstance(items, list) or not items or not all(_is_item(item, n_items) for item in items):
            raise DataError(
                f"{path}, person {person}: expected a list of products from 0 to {n_items - 1}, got"
                f" {str(items)[:60]}; get the file anew"
            )
    return found


def _is_item(value: object, n_items: int) -> bool:
    return type(value) is int and 0 <= value < n_items
