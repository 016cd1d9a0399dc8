"""Reads any text into the space where items get their codes, so that a new or changed item gets codes too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..base import ModelError
from ..data import FloatArray

TEXTS_AT_ONCE = 64
MOST_TOKENS = 128


@dataclass(frozen=True, eq=False)
class Packing:
    """The network that packs a vector, as an autoencoder learnt it: linear layers, ReLU in between.

    Parameters
    ----------
    mean, scale : what is taken from a vector first, shape ``(d,)``, and what it is divided by then.
    layers : weights ``(n_out, n_in)`` and offsets ``(n_out,)`` of each layer.
    """

    mean: FloatArray
    scale: float
    layers: tuple[tuple[FloatArray, FloatArray], ...]

    def __call__(self, vectors: FloatArray) -> FloatArray:
        """Pack vectors, shape ``(n, d)``, to ``(n, latent)``."""
        found = (vectors - self.mean) / self.scale
        for place, (weights, offsets) in enumerate(self.layers):
            found = found @ weights.T + offsets
            if place < len(self.layers) - 1:
                found = np.maximum(found, 0.0)
        return found


@dataclass(frozen=True, eq=False)
class TextReader:
    """Gives texts vectors: by their words, weighed and projected, or by a sentence encoder.

    Parameters
    ----------
    encoder : the folder or hub name of a sentence encoder; empty: by words.
    words : those that count, in the order of the columns.
    weights : the inverse document frequency of each word, shape ``(n_words,)``.
    directions : what the weighed words are projected on, shape ``(d, n_words)``.
    """

    encoder: str = ""
    words: tuple[str, ...] = ()
    weights: FloatArray | None = None
    directions: FloatArray | None = None

    @classmethod
    def of_words(cls, texts: Sequence[str], width: int, rng: np.random.Generator) -> TextReader:
        """Learn the words of texts and at most ``width`` directions in which they vary most.

        TF-IDF, then a truncated singular value decomposition (Deerwester et al. 1990).

        Raises
        ------
        ModelError
            If no text holds a word.
        """
        tfidf = _tfidf()
        try:
            rows = tfidf.fit_transform(texts)  # type: ignore[attr-defined]
        except ValueError:
            raise ModelError("no title or genre holds a word, so items have no text vectors") from None
        words = tuple(str(word) for word in tfidf.get_feature_names_out())  # type: ignore[attr-defined]
        weights = np.asarray(tfidf.idf_, dtype=np.float64)  # type: ignore[attr-defined]
        return cls("", words, weights, leading_directions(rows, width, rng))

    @property
    def said(self) -> str:
        """One sentence for the record."""
        if self.encoder:
            return f"sentence encoder {self.encoder}, mean of {MOST_TOKENS} tokens at most"
        return f"TF-IDF of {len(self.words)} words of titles, genres and providers"

    def __call__(self, texts: Sequence[str]) -> FloatArray:
        """Return where each text lies, shape ``(n_texts, d)``; without a known word at 0."""
        if self.encoder:
            return _encoded(texts, self.encoder)
        assert self.weights is not None and self.directions is not None
        tfidf = _tfidf(self.words)
        tfidf.idf_ = self.weights  # type: ignore[attr-defined]
        rows = tfidf.transform(texts)  # type: ignore[attr-defined]
        return projected(rows, self.directions)


def leading_directions(rows: object, width: int, rng: np.random.Generator) -> FloatArray:
    """The first ``width`` right singular vectors of a sparse matrix; all columns where it is too thin.

    Shape ``(d, n_columns)``.
    """
    from sklearn.decomposition import TruncatedSVD

    smaller: int = min(rows.shape) - 1  # type: ignore[attr-defined]
    if smaller < 2:
        return np.eye(rows.shape[1])  # type: ignore[attr-defined]
    svd = TruncatedSVD(min(width, smaller), random_state=int(rng.integers(2**31))).fit(rows)
    directions: FloatArray = np.asarray(svd.components_, dtype=np.float64)
    return directions


def projected(rows: object, directions: FloatArray) -> FloatArray:
    """A sparse matrix along directions, shape ``(n_rows, d)``."""
    found: FloatArray = np.asarray(rows @ directions.T, dtype=np.float64)  # type: ignore[operator]
    return found


def _tfidf(words: tuple[str, ...] | None = None) -> object:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True, vocabulary=words)


def _encoded(texts: Sequence[str], name: str) -> FloatArray:
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
    vectors: FloatArray = np.concatenate(means).astype(np.float64)
    return vectors
