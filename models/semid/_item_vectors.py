"""Gives every item a vector: from a sentence encoder, from the words of its title, or from who met it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..base import ModelError
from ..data import Catalog, FloatArray, IntArray, InteractionLog
from ._text_reader import TextReader, leading_directions, projected

WIDTH = 64
"""Columns of vectors that come from a singular value decomposition, unless told otherwise."""


def item_vectors(
    catalog: Catalog,
    how: str,
    *,
    rng: np.random.Generator,
    log: InteractionLog | None = None,
    users: Sequence[int] | IntArray | None = None,
    width: int = WIDTH,
) -> tuple[FloatArray, str, TextReader | None]:
    """The vectors of all items, one sentence for the record on how they were made, and what read them.

    Parameters
    ----------
    how : ``"text"``: TF-IDF of the words of title, genres and provider, then a truncated singular value
        decomposition (Deerwester et al. 1990). ``"collaborative"``: the same decomposition of who met
        what, with ``users`` of ``log`` alone. Anything else is the folder or hub name of a sentence
        encoder, whose last layer is averaged over the tokens of the text.
    width : the most columns of the first two.

    Returns
    -------
    FloatArray
        Shape ``(n_items, d)``. An item without words, or whom nobody met, is a row of zeros.
    str
        How they were made.
    TextReader or None
        Gives any text a vector alike; None where vectors do not come from words.

    Raises
    ------
    ModelError
        If ``how`` cannot be followed; with what is allowed.
    """
    if how == "collaborative":
        if log is None or users is None or not len(users):
            raise ModelError("collaborative item vectors need a log and the users that may be looked at")
        return *_met(log.only(users), len(users), width, rng), None
    texts = texts_of(catalog)
    reader = TextReader.of_words(texts, width, rng) if how == "text" else TextReader(encoder=how)
    vectors = reader(texts)
    return vectors, f"{reader.said}, {vectors.shape[1]} columns", reader


def texts_of(catalog: Catalog) -> list[str]:
    """What is said of each item: its title, its genres and who offers it."""
    providers = catalog.providers or ("",) * len(catalog)
    return [
        ". ".join(part for part in (title, ", ".join(genres), provider) if part)
        for title, genres, provider in zip(catalog.titles, catalog.genres, providers, strict=True)
    ]


def _met(seen: InteractionLog, n_users: int, width: int, rng: np.random.Generator) -> tuple[FloatArray, str]:
    """``A_iu / sqrt(d_i d_u)``, decomposed, with rows of length 1 so that fame alone makes nobody alike."""
    from scipy.sparse import coo_matrix

    rows = np.ones(len(seen), dtype=np.bool_) if seen.liked is None else seen.liked
    pairs = np.unique(np.stack([seen.item[rows], seen.user[rows]]), axis=1)
    item, user = pairs
    degrees = np.bincount(item, minlength=len(seen.catalog)), np.bincount(user, minlength=seen.n_users)
    weight = 1.0 / np.sqrt(degrees[0][item] * degrees[1][user])
    met = coo_matrix((weight, (item, user)), shape=(len(seen.catalog), seen.n_users)).tocsr()
    vectors = projected(met, leading_directions(met, width, rng))
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unmet = int((degrees[0] == 0).sum())
    return (
        np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-9),
        f"who met what among {n_users} users, {vectors.shape[1]} columns, {unmet} items that none met",
    )
