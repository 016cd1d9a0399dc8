"""Your own data: a csv, tsv, parquet or jsonl file of who met what, with the columns named by you."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ..data import BoolArray, Catalog, DataError, FloatArray, IntArray, InteractionLog
from ._columns import MISSING, Columns, nearest, read

SERVES: dict[str, str] = {
    "table": "your own interactions: a csv, tsv, parquet or jsonl file, with item and user files if any"
}

COLUMNS = ("user", "item", "rating", "liked", "timestamp", "title", "year", "genres", "provider")
SETTINGS = ("path", "items", "users", "attributes", "like_above", "separator", "genre_separator")
ABOUT_ITEMS = ("title", "year", "genres", "provider")
# Whole numbers beyond this lose digits in a column of numbers.
LARGEST = 2.0**53
YES_AND_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def load(
    name: str,
    *,
    where: Path | None = None,
    rng: np.random.Generator | None = None,
    options: Mapping[str, str] | None = None,
) -> InteractionLog:
    """Read a user's own interactions.

    Each of `COLUMNS` is read from the column of that name if there is one, or from the one that
    ``options`` names (``item=isbn``); an empty name (``title=``) leaves it out. user and item are
    needed. Titles are kept letter by letter; an item without one is called by its id.

    Parameters
    ----------
    where : the file of interactions, one per row; or the folder in which the option ``path`` names it.
    rng : unused.
    options : column names, and `SETTINGS`: ``items`` and ``users`` are files of their own with one row
        per item or user (then titles, years, genres, providers or attributes are read there);
        ``attributes`` lists columns about users with commas between; ratings above ``like_above`` are
        likes (without it ratings say nothing of likes, as scales differ); ``separator`` stands between
        csv fields; ``genre_separator`` between genres ("|"). Times are seconds since 1970 or ISO dates,
        UTC unless they say otherwise.

    Raises
    ------
    DataError
        Naming the file, the column and the row, what there is and what to do.
    """
    given = _options(name, options or {})
    path = _main_file(where, given)
    beside = (path.parent, given.get("separator"))
    attributes = [part.strip() for part in given.get("attributes", "").split(",") if part.strip()]
    main = _read(path, given, (*COLUMNS, *attributes), beside)
    items = _read(Path(given["items"]), given, ("item", *ABOUT_ITEMS), beside) if "items" in given else main
    users = _read(Path(given["users"]), given, ("user", *attributes), beside) if "users" in given else main
    _require(main, given, ("user", "item"), ("rating", "liked", "timestamp"))
    _require(items, given, ("item",), ABOUT_ITEMS)
    _require(users, given, ("user", *attributes))

    catalog = _catalog(items, given)
    user_ids = tuple(dict.fromkeys(_ids(users, given.get("user", "user"))))
    rating = _column(main, given, "rating", _number)
    return InteractionLog.build(
        name=name,
        catalog=catalog,
        user_ids=user_ids,
        user=_positions(main, given.get("user", "user"), user_ids, users),
        item=_positions(main, given.get("item", "item"), catalog.ids, items),
        rating=rating,
        liked=_likes(main, given, rating),
        timestamp=_column(main, given, "timestamp", _seconds),
        attributes={about: _attribute(users, given, about, user_ids) for about in attributes},
    )


def locate(name: str, *, where: Path | None = None) -> Path | None:
    """The given path if something is there."""
    return where if where is not None and where.expanduser().exists() else None


def terms(name: str) -> str:
    """Whose data it is."""
    return "Your own data: nothing of it leaves this machine. Give its path, and name its columns by options."


def _options(name: str, options: Mapping[str, str]) -> Mapping[str, str]:
    if name not in SERVES:
        raise DataError(f"no data set is called {name!r}; known here: {', '.join(SERVES)}")
    known = (*COLUMNS, *SETTINGS)
    for option in options:
        if option not in known:
            hint = nearest(option, known)
            raise DataError(f"data {name} has no option {option!r}{hint}; it has {', '.join(known)}")
    if options.get("liked") and "like_above" in options:
        raise DataError("give either liked=COLUMN or like_above=NUMBER, not both")
    return {key: text for key, text in options.items() if text or key in COLUMNS}


def _main_file(where: Path | None, given: Mapping[str, str]) -> Path:
    if "path" in given:
        return (where or Path()).expanduser() / Path(given["path"]).expanduser()
    if where is None:
        raise DataError(
            "data table needs the path of your file (csv, tsv, parquet or jsonl): --data-path FILE"
        )
    if where.is_dir():
        raise DataError(
            f"{where} is a folder: give the file of interactions itself, or its name as path=FILE"
        )
    return where.expanduser()


def _read(
    path: Path, given: Mapping[str, str], wanted: Iterable[str], beside: tuple[Path, str | None]
) -> Columns:
    folder, separator = beside
    path = path.expanduser()
    if not path.is_file() and (folder / path).is_file():
        path = folder / path
    columns = [given.get(part, part) for part in wanted]
    return read(path, filter(None, columns), separator=separator)


def _require(
    table: Columns, given: Mapping[str, str], needed: Sequence[str], optional: Sequence[str] = ()
) -> None:
    asked = [part for part in optional if given.get(part)]
    lacking = [part for part in (*needed, *asked) if given.get(part, part) not in table.names]
    if lacking:
        said = " and ".join(
            f"no column {given.get(part, part)!r} for {part}{nearest(given.get(part, part), table.names)}"
            for part in lacking
        )
        change = ", ".join(f"{part}=COLUMN" if part in COLUMNS else "attributes=COLUMNS" for part in lacking)
        raise DataError(f"{table.path} has {said}; its columns are {', '.join(table.names)}: set {change}")


def _ids(table: Columns, column: str) -> Sequence[str]:
    texts = table[column]
    if missing := MISSING.intersection(texts):
        row = next(row for row, text in enumerate(texts) if text in missing)
        raise table.wrong(row, column, "an id is missing here: fill it in or drop the row")
    return texts


def _positions(table: Columns, column: str, ids: Sequence[str], owner: Columns) -> IntArray:
    known = {text: at for at, text in enumerate(ids)}
    texts = _ids(table, column)
    try:
        return np.array([known[text] for text in texts], dtype=np.int64)
    except KeyError:
        row = next(row for row, text in enumerate(texts) if text not in known)
        raise table.wrong(row, column, f"every id must stand in {owner.path}") from None


def _about(table: Columns, key: str, column: str, ids: Sequence[str]) -> tuple[str, ...]:
    """One value per id, "" where every row leaves it out; two rows of one id must agree."""
    told: dict[str, str] = {}
    for pair in dict.fromkeys(zip(table[key], table[column], strict=True)):
        text, value = pair
        if value and told.setdefault(text, value) != value:
            row = list(zip(table[key], table[column], strict=True)).index(pair)
            raise table.wrong(row, column, f"{key} {text[:60]!r} has {told[text][:60]!r} in an earlier row")
    return tuple(told.get(text, "") for text in ids)


def _attribute(users: Columns, given: Mapping[str, str], column: str, ids: Sequence[str]) -> tuple[str, ...]:
    told = _about(users, given.get("user", "user"), column, ids)
    return tuple("" if value in MISSING else value for value in told)


def _catalog(items: Columns, given: Mapping[str, str]) -> Catalog:
    key = given.get("item", "item")
    ids = tuple(dict.fromkeys(_ids(items, key)))
    told = {
        part: _about(items, key, given.get(part, part), ids)
        for part in ABOUT_ITEMS
        if given.get(part, part) in items.values
    }
    titles = tuple(title or item for item, title in zip(ids, told.get("title", ids), strict=True))
    genres = told.get("genres", ("",) * len(ids))
    mark = given.get("genre_separator", "|")
    if "year" in told:
        _column(items, given, "year", _year)
    return Catalog(
        ids=ids,
        titles=titles,
        years=np.array([_year(year) for year in told.get("year", ("",) * len(ids))], dtype=np.int64),
        genres=tuple(tuple(g.strip() for g in text.split(mark) if g.strip()) for text in genres),
        providers=told.get("provider", ()),
    )


def _likes(main: Columns, given: Mapping[str, str], rating: FloatArray | None) -> BoolArray | None:
    if "like_above" not in given:
        likes = _column(main, given, "liked", _yes_or_no)
        return None if likes is None else likes.astype(np.bool_)
    try:
        bound = _number(given["like_above"])
    except ValueError:
        raise DataError(f"like_above must be a number, got {given['like_above']!r}") from None
    if rating is None:
        raise DataError(
            f"like_above needs ratings; {main.path} has {', '.join(main.names)}: set rating=COLUMN"
        )
    return rating > bound


def _column(
    table: Columns, given: Mapping[str, str], part: str, convert: Callable[[str], float]
) -> FloatArray | None:
    """A column as numbers, or None if it was not given; the first bad value is named."""
    column = given.get(part, part)
    if column not in table.values:
        return None
    texts = table[column]
    if convert in (_number, _seconds):
        with suppress(ValueError):
            numbers = np.array(texts, dtype=np.float64)
            if (np.abs(numbers) < LARGEST).all():
                return numbers
    known: dict[str, float] = {}
    for text in dict.fromkeys(texts):
        try:
            known[text] = convert(text)
        except (ValueError, OverflowError):
            raise table.wrong(texts.index(text), column, EXPECTED[convert]) from None
    return np.array([known[text] for text in texts], dtype=np.float64)


def _number(text: str) -> float:
    number = float(text)
    if not abs(number) < LARGEST:
        raise ValueError(text)
    return number


def _seconds(text: str) -> float:
    try:
        return float(int(_number(text)))
    except ValueError:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() // 1


def _yes_or_no(text: str) -> float:
    if text.strip().lower() not in YES_AND_NO:
        raise ValueError(text)
    return float(YES_AND_NO[text.strip().lower()])


def _year(text: str) -> int:
    if text in MISSING:
        return 0
    year = _number(text)
    if year != int(year) or not 0 <= year <= 9999:
        raise ValueError(text)
    return int(year)


EXPECTED: Mapping[Callable[[str], float], str] = {
    _number: "expected a number",
    _seconds: "expected seconds since 1970 or an ISO date such as 2024-05-31T18:00:00",
    _yes_or_no: "expected true or false, yes or no, 1 or 0",
    _year: "expected a year or nothing",
}
