"""TALLRec's published yes-or-no questions about films and books, as data and as the prompts they came as.

The movie part is MovieLens 100K, cut by TALLRec's released preprocessing: users in the order in which they
first occur in u.data, each user's ratings by time (ties as in the file), every row after a user's tenth a
question about it with the ten before as history, a rating above 3 a like, and of all those the last 10,000,
the first 8,000 of them for training, then 1,000 each for validation and test. So neighbouring rows share nine
tenths of their history, and the two users that the cuts fall into stand on both sides of them.

The book part is Book-Crossing, a rating above 5 a like, so that its 0 (no rating given) counts as a dislike;
the released preprocessing shuffles each history, so it is in no order of time. Its ids come without a title
table, and ids and prompts do not match row by row (even their numbers of likes differ), so books have titles
only in the published prompts (validation and test), which cannot be joined to the rows of ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from ..data import Catalog, DataError, IntArray, InteractionLog
from ..tallrec_text import parse_input, split_book
from . import _files, _movielens
from ._published import (
    Prompt,
    PublishedRow,
    as_json,
    prompts_to_rows,
    read_prompts,
    read_rows,
    rows_to_prompts,
    to_examples,
)

__all__ = [
    "SERVES",
    "Prompt",
    "PublishedRow",
    "as_json",
    "load",
    "locate",
    "prompts_to_rows",
    "published_prompts",
    "published_rows",
    "published_users",
    "rebuilt_rows",
    "rows_to_prompts",
    "terms",
    "to_examples",
]

SERVES: dict[str, str] = {
    "tallrec": "the same as tallrec-movie",
    "tallrec-movie": "TALLRec's split of MovieLens 100K: 8,000 train, 1,000 valid and 1,000 test questions",
    "tallrec-book": "TALLRec's 2,427 validation and 2,427 test questions on Book-Crossing books",
}

Split = Literal["train", "valid", "test"]
HISTORY = 10
QUESTIONS: dict[Split, slice] = {
    "train": slice(-10_000, -2_000),
    "valid": slice(-2_000, -1_000),
    "test": slice(-1_000, None),
}

_REPOSITORY = "https://github.com/SAI990323/TALLRec"
_BY_HAND = f"run `git clone {_REPOSITORY} tallrec` (its folders data and baseline are needed)"
_KINDS: dict[str, str] = {"tallrec": "movie", "tallrec-movie": "movie", "tallrec-book": "book"}


def load(
    name: str,
    *,
    where: Path | None = None,
    rng: np.random.Generator | None = None,
    options: Mapping[str, str] | None = None,
) -> InteractionLog:
    """Read the interactions behind the published questions.

    "tallrec-movie" is the whole of MovieLens 100K under this name, so that other users' histories can train
    a base model; keep it from the users of `published_users`. "tallrec-book" is one user per published
    prompt ("valid-0" ...), likes before dislikes, target last, no times; a book's id is its published text,
    its provider is its author.

    Parameters
    ----------
    where : TALLRec's folder or the one above it; ml-100k is looked for in, beside and then outside it.
    rng, options : unused.

    Raises
    ------
    DataError
        If files are missing or malformed.
    """
    _files.served(name, SERVES, options)
    if _KINDS[name] == "book":
        return _book_log(where)
    return replace(_movielens.read_100k(_ml_100k(where)), name="tallrec-movie")


def locate(name: str, *, where: Path | None = None) -> Path | None:
    """The folder that `load` would read, or None where it is not on this machine."""
    _files.served(name, SERVES, None)
    if _KINDS[name] == "book":
        return _files.find(_source("book"), where)
    return _near_ml_100k(where)


def terms(name: str) -> str:
    """The licence in short, whom to credit, and how to get the files by hand."""
    _files.served(name, SERVES, None)
    credit = f"TALLRec (Bao et al., 2023), Apache-2.0. By hand: {_BY_HAND}."
    if _KINDS[name] == "book":
        return credit
    return (
        "MovieLens 100K (Harper and Konstan, 2015), for research, with acknowledgement, no redistribution;"
        f" split by {credit} The split is rebuilt from ml-100k alone where those files are absent; for it,"
        f" {_movielens.ML_100K.by_hand}."
    )


def published_rows(name: str, split: Split, *, where: Path | None = None) -> list[PublishedRow]:
    """The published questions as ids, in published order; ids of the movie part are ML-100K's own.

    The movie part is rebuilt from ML-100K by the released rule where TALLRec's files are absent.

    Raises
    ------
    DataError
        If the split is unknown, or files are missing or malformed.
    """
    kind = _asked(name, split)
    folder = _files.find(_source(kind), where)
    if folder is not None:
        return read_rows(folder / "baseline" / ("movielens" if kind == "movie" else "books") / f"{split}.csv")
    if kind == "book":
        _files.fetch(_source(kind), where)
    return rebuilt_rows(split, where=where)


def rebuilt_rows(split: Split, *, where: Path | None = None) -> list[PublishedRow]:
    """The movie questions, made anew from ML-100K by the rule in this module's first lines."""
    _asked("tallrec-movie", split)
    raw = _movielens.read_ratings(_ml_100k(where) / "u.data", "\t")
    _, first = np.unique(raw.user, return_index=True)
    questions: list[tuple[IntArray, int]] = []
    for user in raw.user[np.sort(first)]:
        mine = np.flatnonzero(raw.user == user)
        mine = mine[np.argsort(raw.timestamp[mine], kind="stable")]
        questions += [(mine[end - HISTORY : end], int(mine[end])) for end in range(HISTORY, len(mine))]
    likes = raw.rating > _movielens.LIKE_ABOVE
    return [
        PublishedRow(
            user=str(raw.user[target]),
            history=tuple(str(item) for item in raw.item[window]),
            likes=tuple(likes[window].tolist()),
            target=str(raw.item[target]),
            liked=bool(likes[target]),
            timestamp=int(raw.timestamp[target]),
        )
        for window, target in questions[QUESTIONS[split]]
    ]


def published_prompts(name: str, split: Split, *, where: Path | None = None) -> list[Prompt]:
    """The published prompts, in published order; movie prompts that are not here are written anew.

    Raises
    ------
    DataError
        If files are missing or malformed; book training prompts were never published.
    """
    kind = _asked(name, split)
    folder = _files.find(_source(kind), where)
    path = None if folder is None else folder / "data" / kind / f"{split}.json"
    if path is not None and path.is_file():
        return read_prompts(path)
    if kind == "book":
        raise DataError(f"no {split} prompts on books here: only valid and test were published; {_BY_HAND}")
    return rows_to_prompts(published_rows(name, split, where=where), load(name, where=where).catalog)


def published_users(log: InteractionLog, split: Split, *, where: Path | None = None) -> IntArray:
    """The users whose answers a split holds, as ascending positions in ``log``.

    Keep those of "valid" and "test" out of everything that trains; "train" shares one user with "valid",
    and "valid" one with "test".
    """
    if _asked(log.name, split) == "book":
        own = [position for position, user in enumerate(log.user_ids) if user.startswith(f"{split}-")]
        return np.array(own, dtype=np.int64)
    asked = {row.user for row in published_rows(log.name, split, where=where)}
    return np.flatnonzero(np.isin(log.user_ids, sorted(asked)))


def _asked(name: str, split: str) -> str:
    _files.served(name, SERVES, None)
    if split not in get_args(Split):
        raise DataError(f"no split is called {split!r}; there are {', '.join(get_args(Split))}")
    return _KINDS[name]


def _source(kind: str) -> _files.Source:
    table = "movielens" if kind == "movie" else "books"
    needs = [f"baseline/{table}/{split}.csv" for split in get_args(Split)]
    if kind == "book":
        needs += [f"data/book/{split}.json" for split in ("valid", "test")]
    return _files.Source(folder="tallrec", needs=tuple((path,) for path in needs), by_hand=_BY_HAND)


def _near_ml_100k(where: Path | None) -> Path | None:
    if where is None:
        return _files.find(_movielens.ML_100K, None)
    places: list[Path | None] = [where, where.expanduser().absolute().parent]
    if _files.find(_source("movie"), where):
        places.append(None)
    return next((found for place in places if (found := _files.find(_movielens.ML_100K, place))), None)


def _ml_100k(where: Path | None) -> Path:
    outside = where is None or _files.find(_source("movie"), where) is not None
    return _near_ml_100k(where) or _files.fetch(_movielens.ML_100K, None if outside else where)


def _book_log(where: Path | None) -> InteractionLog:
    folder = _files.fetch(_source("book"), where)
    user_ids: list[str] = []
    user: list[int] = []
    liked: list[bool] = []
    texts: list[str] = []
    for split in ("valid", "test"):
        for number, prompt in enumerate(read_prompts(folder / "data" / "book" / f"{split}.json")):
            likes, dislikes, target = parse_input(prompt.input)
            texts += (*likes, *dislikes, target)
            liked += [True] * len(likes) + [False] * len(dislikes) + [prompt.output == "Yes."]
            user += [len(user_ids)] * (len(likes) + len(dislikes) + 1)
            user_ids.append(f"{split}-{number}")
    ids = tuple(dict.fromkeys(texts))
    titles, authors = zip(*(split_book(text) for text in ids), strict=True)
    catalog = Catalog(
        ids=ids,
        titles=titles,
        years=np.zeros(len(ids), dtype=np.int64),
        genres=((),) * len(ids),
        providers=authors,
    )
    item = [catalog.position[text] for text in texts]
    return InteractionLog.build(
        name="tallrec-book", catalog=catalog, user_ids=tuple(user_ids), user=user, item=item, liked=liked
    )
