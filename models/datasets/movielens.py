"""MovieLens, three editions of real people's film ratings, read from GroupLens' own files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..data import InteractionLog
from . import _files, _movielens

SERVES: dict[str, str] = {
    "ml-100k": "MovieLens 100K: 100,000 ratings of 1,682 films by 943 people with gender, age and occupation",
    "ml-1m": "MovieLens 1M: 1,000,209 ratings of 3,883 films by 6,040 people with gender, age and occupation",
    "ml-latest-small": "MovieLens latest-small: 100,836 ratings of 9,742 films by 610 unknown people",
}

OFFICIAL_1M_RATINGS = "77a7c4b150f588c23bb9e1f068aa996c0b413695"

_SITE = "https://files.grouplens.org/datasets/movielens"
_SOURCES = {
    "ml-100k": _movielens.ML_100K,
    "ml-1m": _files.Source(
        folder="ml-1m",
        needs=(("users.dat",), ("movies.dat",), ("ratings.dat", "ratings.parquet")),
        url=f"{_SITE}/ml-1m.zip",
        checksum="md5:c4d9eecfca2ab87c1945afe126590906",
        by_hand=f"download {_SITE}/ml-1m.zip (md5 c4d9eecfca2ab87c1945afe126590906)"
        " in a browser and unpack it",
    ),
    "ml-latest-small": _files.Source(
        folder="ml-latest-small",
        needs=(("ratings.csv",), ("movies.csv",)),
        url=f"{_SITE}/ml-latest-small.zip",
        by_hand=f"download {_SITE}/ml-latest-small.zip (GroupLens may renew it, so it has no fixed checksum)"
        " in a browser and unpack it",
    ),
}
_READERS = {
    "ml-100k": _movielens.read_100k,
    "ml-1m": _movielens.read_1m,
    "ml-latest-small": _movielens.read_latest_small,
}
_STRICT = "For research, with acknowledgement; no redistribution or commercial use without permission."
_LICENCES = {
    "ml-100k": _STRICT,
    "ml-1m": _STRICT,
    "ml-latest-small": "For research, with acknowledgement; may be redistributed under the same terms.",
}


def load(
    name: str,
    *,
    where: Path | None = None,
    rng: np.random.Generator | None = None,
    options: Mapping[str, str] | None = None,
) -> InteractionLog:
    """Read one edition; items and users keep the data's ids, order and titles, odd ones included.

    A rating above 3 is a like, the rule of TALLRec (Bao et al., 2023) for ML-100K; where ratings come in
    half stars the same rule makes 3.5 a like. Gender is "man" or "woman" for the files' M and F. Age is
    "under 25", "25 to 34", "35 to 49" or "50 and over", into which ML-1M's own age codes fall without
    remainder. Occupation is the data's word. A year is the last one in brackets in the title.

    Parameters
    ----------
    where : the folder of the files or the one above it; otherwise ``$RECAUDIT_DATA``, the cache, a download.
    rng : unused, real data has no chance in it.
    options : none are known.

    Returns
    -------
    InteractionLog
        Sorted by user and time. ML-1M from ratings.parquet has neither likes, ratings nor times.

    Raises
    ------
    DataError
        If files are missing and cannot be downloaded, or a file is malformed (with its line).
    """
    _files.served(name, SERVES, options)
    return _READERS[name](_files.fetch(_SOURCES[name], where))


def locate(name: str, *, where: Path | None = None) -> Path | None:
    """The folder that `load` would read, or None where it would have to download."""
    _files.served(name, SERVES, None)
    return _files.find(_SOURCES[name], where)


def terms(name: str) -> str:
    """The licence in short, whom to credit, and how to get the files by hand."""
    _files.served(name, SERVES, None)
    return (
        f"GroupLens, University of Minnesota (Harper and Konstan, 2015). {_LICENCES[name]}"
        f" By hand: {_SOURCES[name].by_hand}."
    )


def notes(name: str, *, where: Path | None = None) -> tuple[str, ...]:
    """What a reader of results on this data must know, one sentence each; empty where it is not here."""
    folder = locate(name, where=where)
    if folder is None:
        return ()
    if name == "ml-1m" and not (folder / "ratings.dat").is_file():
        return (
            "ratings.parquet holds pairs alone: no likes, ratings or times, so nothing may be split by time",
        )
    half = " (ratings come in half stars: 3.5 is a like)" if name == "ml-latest-small" else ""
    said = [f"a rating above 3 counts as a like{half}"]
    if name == "ml-1m":
        genuine = git_blob_id(folder / "ratings.dat") == OFFICIAL_1M_RATINGS
        said.append(f"ratings.dat is {'' if genuine else 'NOT '}byte for byte GroupLens' official file")
    return tuple(said)


def git_blob_id(path: Path) -> str:
    """The id that git gives a file's content: sha1 of ``blob``, its size, a zero byte and the bytes."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
