"""Reads GroupLens' MovieLens files as they are published, and names the file and line of anything amiss."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data import BoolArray, Catalog, DataError, FloatArray, IntArray, InteractionLog
from ._files import Source

LIKE_ABOVE = 3.0
GENDERS = {"M": "man", "F": "woman"}
AGE_BANDS = ((25, "under 25"), (35, "25 to 34"), (50, "35 to 49"))
# ML-1M's README numbers the occupations; these are its words.
OCCUPATIONS_1M = (
    "other or not specified", "academic/educator", "artist", "clerical/admin", "college/grad student",
    "customer service", "doctor/health care", "executive/managerial", "farmer", "homemaker",
    "K-12 student", "lawyer", "programmer", "retired", "sales/marketing", "scientist", "self-employed",
    "technician/engineer", "tradesman/craftsman", "unemployed", "writer",
)  # fmt: skip
_YEAR = re.compile(r"\((\d{4})(?:[-–]\d{0,4})?\)")

ML_100K = Source(
    folder="ml-100k",
    needs=(("u.data",), ("u.item",), ("u.user",), ("u.genre",)),
    url="https://files.grouplens.org/datasets/movielens/ml-100k.zip",
    checksum="md5:0e33842e24a9c977be4e0107933c0723",
    by_hand="download https://files.grouplens.org/datasets/movielens/ml-100k.zip"
    " (md5 0e33842e24a9c977be4e0107933c0723) in a browser and unpack it",
)


@dataclass(frozen=True, kw_only=True)
class Ratings:
    """A rating file's columns in the file's own order, each of shape ``(n_ratings,)``."""

    user: IntArray
    item: IntArray
    rating: FloatArray
    timestamp: IntArray


def year_of(title: str) -> int:
    """The last year in brackets in a title, 0 where there is none."""
    years = _YEAR.findall(title)
    return int(years[-1]) if years else 0


def age_band(age: int) -> str:
    """The band of an age in years; ML-1M's codes are the lower ends of its own bands, which these join."""
    return next((band for end, band in AGE_BANDS if age < end), "50 and over")


def read_100k(folder: Path) -> InteractionLog:
    """MovieLens 100K; see `movielens.load`."""
    genre_names = [line.split("|")[0] for line in _text(folder / "u.genre", "latin-1") if line]
    items = fields(folder / "u.item", "|", 5 + len(genre_names), "latin-1")
    genres = [
        tuple(g for g, flag in zip(genre_names, row[5:], strict=True) if flag == "1" and g != "unknown")
        for row in items
    ]
    people = fields(folder / "u.user", "|", 5, "latin-1")
    attributes = {
        "gender": _genders(folder / "u.user", [row[2] for row in people]),
        "age": _ages(folder / "u.user", [row[1] for row in people]),
        "occupation": tuple(row[3] for row in people),
    }
    catalog = catalog_of(folder / "u.item", [(row[0], row[1]) for row in items], genres)
    ratings = read_ratings(folder / "u.data", "\t")
    return _log("ml-100k", catalog, [row[0] for row in people], ratings, folder / "u.data", attributes)


def read_1m(folder: Path) -> InteractionLog:
    """MovieLens 1M, rated (ratings.dat) or as bare pairs (ratings.parquet); see `movielens.load`."""
    items = fields(folder / "movies.dat", "::", 3, "latin-1")
    people = fields(folder / "users.dat", "::", 5, "latin-1")
    path = folder / "users.dat"
    codes = [_whole(path, line, row[3]) for line, row in enumerate(people, start=1)]
    if wrong := next((line for line, c in enumerate(codes, 1) if not 0 <= c < len(OCCUPATIONS_1M)), 0):
        raise DataError(f"{path}, line {wrong}: occupation must be 0 to 20, got {codes[wrong - 1]}")
    attributes = {
        "gender": _genders(path, [row[1] for row in people]),
        "age": _ages(path, [row[2] for row in people]),
        "occupation": tuple(OCCUPATIONS_1M[code] for code in codes),
    }
    genres = [tuple(row[2].split("|")) for row in items]
    catalog = catalog_of(folder / "movies.dat", [(row[0], row[1]) for row in items], genres)
    user_ids = [row[0] for row in people]
    if (folder / "ratings.dat").is_file():
        ratings = read_ratings(folder / "ratings.dat", "::")
        return _log("ml-1m", catalog, user_ids, ratings, folder / "ratings.dat", attributes)
    pairs = folder / "ratings.parquet"
    user, item = read_pairs(pairs)
    return InteractionLog.build(
        name="ml-1m",
        catalog=catalog,
        user_ids=tuple(user_ids),
        user=positions(user, user_ids, pairs, "user", header=0),
        item=positions(item, catalog.ids, pairs, "item", header=0),
        attributes=attributes,
    )


def read_latest_small(folder: Path) -> InteractionLog:
    """MovieLens latest-small, which says nothing of its people; see `movielens.load`."""
    path = folder / "movies.csv"
    rows = list(csv.reader(_text(path, "utf-8")))
    if not rows or rows[0] != ["movieId", "title", "genres"]:
        raise DataError(
            f"{path}, line 1: expected movieId,title,genres, got {','.join(rows[0] if rows else [])}"
        )
    items = [row for row in rows[1:] if row]
    for line, row in enumerate(items, start=2):
        if len(row) != 3:
            raise DataError(f"{path}, line {line}: expected 3 fields, got {len(row)}")
    genres = [() if row[2] == "(no genres listed)" else tuple(row[2].split("|")) for row in items]
    catalog = catalog_of(path, [(row[0], row[1]) for row in items], genres, header=1)
    ratings = read_ratings(folder / "ratings.csv", ",", header=1)
    user_ids = [str(user) for user in np.unique(ratings.user)]
    return _log("ml-latest-small", catalog, user_ids, ratings, folder / "ratings.csv", {}, header=1)


def fields(path: Path, separator: str, count: int, encoding: str) -> list[list[str]]:
    """Every line of a small file as its fields.

    Raises
    ------
    DataError
        If a line has another number of fields, or there is no line.
    """
    lines = _text(path, encoding)
    rows = [line.split(separator) for line in lines if line]
    if not rows:
        raise DataError(f"{path} is empty; get the file anew")
    for line, row in enumerate(rows, start=1):
        if len(row) != count:
            raise DataError(
                f"{path}, line {line}: expected {count} fields between {separator!r}, got {len(row)}"
            )
    return rows


def catalog_of(
    path: Path, items: Sequence[tuple[str, str]], genres: Sequence[tuple[str, ...]], *, header: int = 0
) -> Catalog:
    """The catalogue of (id, title) pairs, years taken from the titles."""
    seen: dict[str, int] = {}
    for line, (item, _) in enumerate(items, start=1 + header):
        _whole(path, line, item)
        if seen.setdefault(item, line) != line:
            raise DataError(f"{path}, line {line}: item {item} was already in line {seen[item]}")
    titles = tuple(title for _, title in items)
    years = np.array([year_of(title) for title in titles], dtype=np.int64)
    return Catalog(ids=tuple(seen), titles=titles, years=years, genres=tuple(genres))


def read_ratings(path: Path, separator: str, *, header: int = 0) -> Ratings:
    """A file of user, item, rating and timestamp, in its own order.

    Raises
    ------
    DataError
        Naming the line that is not four numbers, or whose rating is not 0.5 to 5.
    """
    raw = path.read_bytes().replace(separator.encode(), b",")
    if raw.count(b"\n") <= header and not raw.strip():
        raise DataError(f"{path} is empty; get the file anew")
    try:
        table = np.loadtxt(io.BytesIO(raw), delimiter=",", comments=None, skiprows=header, ndmin=2)
    except ValueError:
        table = np.empty((0, 0))
    if table.shape[1:] != (4,):
        raise DataError(_not_four_numbers(path, separator, header))
    whole = table[:, [0, 1, 3]]
    _must(
        np.isfinite(whole).all(1) & (whole == np.floor(whole)).all(1), path, header, "ids and time are whole"
    )
    _must((table[:, 2] >= 0.5) & (table[:, 2] <= 5), path, header, "a rating is 0.5 to 5 stars")
    user, item, timestamp = whole.astype(np.int64).T
    return Ratings(user=user, item=item, rating=table[:, 2], timestamp=timestamp)


def read_pairs(path: Path) -> tuple[IntArray, IntArray]:
    """The userID and movieID columns of a parquet file that holds who met what and nothing else."""
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path, columns=["userID", "movieID"])
        user, item = (table[name].cast(pyarrow.int64()).to_numpy() for name in ("userID", "movieID"))
    except (pyarrow.ArrowException, KeyError) as problem:
        raise DataError(f"{path} must be parquet with whole numbers userID and movieID: {problem}") from None
    return user, item


def positions(wanted: IntArray, ids: Sequence[str], path: Path, what: str, *, header: int) -> IntArray:
    """The position of each wanted id in ``ids``."""
    known = np.array(ids, dtype=np.int64)
    order = np.argsort(known)
    at = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)]
    _must(known[at] == wanted, path, header, f"the {what} must be in the {what} file")
    return at


def _log(
    name: str,
    catalog: Catalog,
    user_ids: Sequence[str],
    ratings: Ratings,
    path: Path,
    attributes: Mapping[str, tuple[str, ...]],
    header: int = 0,
) -> InteractionLog:
    return InteractionLog.build(
        name=name,
        catalog=catalog,
        user_ids=tuple(user_ids),
        user=positions(ratings.user, user_ids, path, "user", header=header),
        item=positions(ratings.item, catalog.ids, path, "item", header=header),
        liked=ratings.rating > LIKE_ABOVE,
        rating=ratings.rating,
        timestamp=ratings.timestamp,
        attributes=attributes,
    )


def _text(path: Path, encoding: str) -> list[str]:
    # not splitlines: it also breaks at letters that occur inside Latin-1 titles
    try:
        return [line.rstrip("\r") for line in path.read_bytes().decode(encoding).split("\n")]
    except UnicodeDecodeError as problem:
        raise DataError(f"{path} is not {encoding} text (byte {problem.start}); get the file anew") from None


def _whole(path: Path, line: int, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise DataError(f"{path}, line {line}: expected a whole number, got {text[:40]!r}")
    return int(text)


def _genders(path: Path, letters: Sequence[str]) -> tuple[str, ...]:
    for line, letter in enumerate(letters, start=1):
        if letter not in GENDERS:
            raise DataError(f"{path}, line {line}: gender must be M or F, got {letter[:40]!r}")
    return tuple(GENDERS[letter] for letter in letters)


def _ages(path: Path, ages: Sequence[str]) -> tuple[str, ...]:
    return tuple(age_band(_whole(path, line, age)) for line, age in enumerate(ages, start=1))


def _must(good: BoolArray, path: Path, header: int, rule: str) -> None:
    if not good.all():
        line = int(np.argmin(good)) + 1 + header
        raise DataError(f"{path}, line {line}: {rule}, and this one is not; get the file anew")


def _not_four_numbers(path: Path, separator: str, header: int) -> str:
    for line, text in enumerate(_text(path, "latin-1")[header:], start=1 + header):
        parts = text.split(separator)
        try:
            numbers = [float(part) for part in parts]
        except ValueError:
            numbers = []
        if text and len(numbers) != 4:
            shape = separator.join(("user", "item", "rating", "time"))
            return f"{path}, line {line}: expected {shape!r}, four numbers, got {text[:60]!r}"
    return f"{path} is not a rating file; get the file anew"
