"""DiffRec's published split of MovieLens 1M: which likes to train on, to validate on and to test on.

5,949 people's likes (ratings of 4 and 5) of 2,810 films, cut by time into training, validation and test. The
owners re-indexed people and films and published no table back, so films have no titles here and people no
attributes. Rows carry no times; a person's rows come in the order training, validation, test.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..data import Catalog, DataError, FloatArray, IntArray, InteractionLog
from ..split_audit import RowSplit
from . import _files

SERVES: dict[str, str] = {
    "diffrec-ml-1m": "DiffRec's split of MovieLens 1M: 571,531 likes of 2,810 films by 5,949 unnamed people",
}

PARTS = ("train", "valid", "test")
_REPOSITORY = "https://github.com/YiyanXu/DiffRec"
_SOURCE = _files.Source(
    folder="diffrec/ml-1m_clean",
    needs=tuple((f"{part}_list.npy",) for part in PARTS),
    by_hand=f"run `git clone {_REPOSITORY}` and take its folder datasets/ml-1m_clean",
)


def load(
    name: str,
    *,
    where: Path | None = None,
    rng: np.random.Generator | None = None,
    options: Mapping[str, str] | None = None,
) -> InteractionLog:
    """Read the likes of all three parts as one log; every row is a like, so the log states none.

    Parameters
    ----------
    where : the folder of the files or the one above it; otherwise ``$RECAUDIT_DATA`` and the cache.
    rng, options : unused.

    Raises
    ------
    DataError
        If files are missing or malformed.
    """
    _files.served(name, SERVES, options)
    pairs, _ = _pairs(_files.fetch(_SOURCE, where))
    n_users, n_items = (pairs.max(axis=0) + 1).tolist()
    catalog = Catalog(
        ids=tuple(str(item) for item in range(n_items)),
        titles=tuple(f"Film {item}" for item in range(n_items)),
        years=np.zeros(n_items, dtype=np.int64),
        genres=((),) * n_items,
    )
    return InteractionLog.build(
        name=name,
        catalog=catalog,
        user_ids=tuple(str(user) for user in range(n_users)),
        user=pairs[:, 0],
        item=pairs[:, 1],
    )


def published_split(name: str, *, where: Path | None = None) -> RowSplit:
    """The published parts as row positions of what `load` gives."""
    _files.served(name, SERVES, None)
    pairs, part = _pairs(_files.fetch(_SOURCE, where))
    sorted_part = part[np.argsort(pairs[:, 0], kind="stable")]
    return RowSplit(*(np.flatnonzero(sorted_part == place) for place in range(len(PARTS))))


def item_vectors(name: str, *, where: Path | None = None) -> FloatArray:
    """The owners' LightGCN vectors of the films, from which L-DiffRec clusters them: ``(2810, 64)``.

    Raises
    ------
    DataError
        If the file is missing or malformed.
    """
    _files.served(name, SERVES, None)
    path = _files.fetch(_SOURCE, where) / "item_emb.npy"
    if not path.is_file():
        raise DataError(f"{path} is missing; {_SOURCE.by_hand}")
    vectors: FloatArray = _array(path).astype(np.float64)
    return vectors


def locate(name: str, *, where: Path | None = None) -> Path | None:
    """The folder that `load` would read, or None where it is not on this machine."""
    _files.served(name, SERVES, None)
    return _files.find(_SOURCE, where)


def terms(name: str) -> str:
    """The licence in short, whom to credit, and how to get the files by hand."""
    _files.served(name, SERVES, None)
    return (
        "MovieLens 1M (Harper and Konstan, 2015), for research, no redistribution; split by DiffRec (Wang et"
        f" al., 2023), who state no licence. By hand: {_SOURCE.by_hand}."
    )


def _pairs(folder: Path) -> tuple[IntArray, IntArray]:
    """All rows as (user, item), the parts one after another, and each row's part."""
    parts = [_array(folder / f"{part}_list.npy") for part in PARTS]
    for part, rows in zip(PARTS, parts, strict=True):
        if rows.ndim != 2 or rows.shape[1] != 2 or rows.dtype.kind not in "iu" or rows.min(initial=0) < 0:
            raise DataError(f"{folder / f'{part}_list.npy'} must hold pairs of user and item; get it anew")
    return (
        np.concatenate(parts).astype(np.int64),
        np.repeat(np.arange(len(parts)), [len(rows) for rows in parts]),
    )


def _array(path: Path) -> np.ndarray:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (ValueError, OSError, EOFError) as problem:
        raise DataError(f"{path} cannot be read as a numpy array ({problem}); get the file anew") from None
