"""Gives every item a vector: from a sentence encoder, from the words of its title, or from who met it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..base import ModelError
from ..data import Catalog, FloatArray, IntArray, InteractionLog

WIDTH = 64
"""Columns of vectors that come from a singular value decomposition, unless told otherwise."""

TEXTS_AT_ONCE = 64
MOST_TOKENS = 128


def item_vectors(
    catalog: Catalog,
    how: str,
    *,
    rng: np.random.Generator,
    log: InteractionLog | None = None,
    users: Sequence[int] | IntArray | None = None,
    width: int = WIDTH,
) -> tuple[FloatArray, str]:
    """The vectors of all items, and one sentence for the record on how they were made.

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

    Raises
    ------
    ModelError
        If ``how`` cannot be followed; with what is allowed.
    """
    if how == "text":
        return _words(texts_of(catalog), width, rng)
    if how == "collaborative":
        if log is None or users is None or not len(users):
            raise ModelError("collaborative item vectors need a log and the users that may be looked at")
        return _met(log.only(users), len(users), width, rng)
    return _encoded(texts_of(catalog), how)


def texts_of(catalog: Catalog) -> list[str]:
    """What is said of each item: its title, its genres and who offers it."""
    providers = catalog.providers or ("",) * len(catalog)
    return [
        ". ".join(part for part in (title, ", ".join(genres), provider) if part)
        for title, genres, provider in zip(catalog.titles, catalog.genres, providers, strict=True)
    ]


def _words(texts: Sequence[str], width: int, rng: np.random.Generator) -> tuple[FloatArray, str]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        rows = TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True).fit_transform(texts)
    except ValueError:
        raise ModelError("no title or genre holds a word, so items have no text vectors") from None
    vectors = _reduced(rows, width, rng)
    return (
        vectors,
        f"TF-IDF of {rows.shape[1]} words of titles, genres and providers, {vectors.shape[1]} columns",
    )


def _met(seen: InteractionLog, n_users: int, width: int, rng: np.random.Generator) -> tuple[FloatArray, str]:
    """``A_iu / sqrt(d_i d_u)``, decomposed, with rows of length 1 so that fame alone makes nobody alike."""
    from scipy.sparse import coo_matrix

    rows = np.ones(len(seen), dtype=np.bool_) if seen.liked is None else seen.liked
    pairs = np.unique(np.stack([seen.item[rows], seen.user[rows]]), axis=1)
    item, user = pairs
    degrees = np.bincount(item, minlength=len(seen.catalog)), np.bincount(user, minlength=seen.n_users)
    weight = 1.0 / np.sqrt(degrees[0][item] * degrees[1][user])
    met = coo_matrix((weight, (item, user)), shape=(len(seen.catalog), seen.n_users)).tocsr()
    vectors = _reduced(met, width, rng)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unmet = int((degrees[0] == 0).sum())
    return (
        np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-9),
        f"who met what among {n_users} users, {vectors.shape[1]} columns, {unmet} items that none met",
    )


def _reduced(rows: object, width: int, rng: np.random.Generator) -> FloatArray:
    """The leading ``width`` columns of ``U S`` of a sparse matrix; a matrix too thin for that as it is."""
    from sklearn.decomposition import TruncatedSVD

    smaller: int = min(rows.shape) - 1  # type: ignore[attr-defined]
    if smaller < 2:
        whole: FloatArray = np.asarray(rows.toarray(), dtype=np.float64)  # type: ignore[attr-defined]
        return whole
    svd = TruncatedSVD(min(width, smaller), random_state=int(rng.integers(2**31)))
    vectors: FloatArray = np.asarray(svd.fit_transform(rows), dtype=np.float64)
    return vectors


def _encoded(texts: Sequence[str], name: str) -> tuple[FloatArray, str]:
    """The mean of the last hidden states over real tokens, as sentence encoders are commonly read."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        network = AutoModel.from_pretrained(name, dtype=torch.float32).eval()
    except (OSError, ValueError) as problem:
        raise ModelError(
            "item vectors are made from 'text', 'collaborative' or the folder or hub name of a sentence"
            f" encoder; {name!r} cannot be loaded: {str(problem).splitlines()[0]}"
        ) from None
    # An encoder-decoder such as sentence-T5 speaks for a sentence through its encoder alone.
    reader = network.get_encoder() if network.config.is_encoder_decoder else network
    most = min(MOST_TOKENS, getattr(network.config, "max_position_embeddings", MOST_TOKENS))
    means = []
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        batch = tokenizer(
            list(texts[start : start + TEXTS_AT_ONCE]),
            padding=True,
            truncation=True,
            max_length=most,
            return_tensors="pt",
        )
        with torch.inference_mode():
            states = reader(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])[0]
        real = batch["attention_mask"][:, :, None].to(states.dtype)
        means.append(((states * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)).numpy())
    vectors = np.concatenate(means).astype(np.float64)
    return vectors, f"sentence encoder {name}, mean of {most} tokens at most, {vectors.shape[1]} columns"
