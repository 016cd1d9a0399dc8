"""Adds words to an item's text so that its codes come to be those of another item; and words at random."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...models.capabilities import EncodesText
from ...models.data import FloatArray, IntArray


@dataclass(frozen=True)
class Pair:
    """An item whose words are added to, and the item that it is to be taken for."""

    item: int
    other: int


@dataclass(frozen=True, eq=False)
class Encoder:
    """What is said of items, and how texts become codes.

    Parameters
    ----------
    texts : the words of each item.
    ids : its codes, without a digit that parts twins, shape ``(n_items, length)``.
    vectors : where it lies, shape ``(n_items, dim)``.
    """

    model: EncodesText
    texts: Sequence[str]
    ids: IntArray
    vectors: FloatArray

    @classmethod
    def of(cls, model: EncodesText, ids: IntArray) -> Encoder:
        """Encode the catalogue once."""
        texts = model.item_texts()
        vectors = np.asarray(model.text_vectors(texts), dtype=np.float64)
        length = model.codes_of(vectors[:1]).shape[1]
        return cls(model, texts, ids[:, :length], vectors)

    def reading(self, texts: Sequence[str], others: IntArray) -> tuple[IntArray, FloatArray, FloatArray]:
        """Leading codes shared with the other items, cosine with them, ``(n,)`` each; vectors of texts."""
        vectors = np.asarray(self.model.text_vectors(texts), dtype=np.float64)
        shared = leading(self.model.codes_of(vectors), self.ids[others])
        return shared, cosines(vectors, self.vectors[others]), vectors


def leading(codes: IntArray, wanted: IntArray) -> IntArray:
    """How many codes agree from the first on, shape ``(n,)``."""
    shared: IntArray = np.cumprod(codes == wanted, axis=1).sum(axis=1).astype(np.int64)
    return shared


def cosines(one: FloatArray, two: FloatArray) -> FloatArray:
    """Cosine of each row with its like, shape ``(n,)``; 0 for a vector without length."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    found: FloatArray = np.divide(
        (one * two).sum(axis=1), lengths, out=np.zeros(len(one)), where=lengths > 1e-12
    )
    return found


def robust_radius(vectors: FloatArray, centres: FloatArray) -> FloatArray:
    """How far each vector is from the nearest place where its first code would change, shape ``(n,)``.

    min over k of (d_k^2 - d_1^2)/(2 |c_1 - c_k|), d_k the distance to centre c_k and c_1 the nearest: the
    distance to the plane halfway between the two. Infinite with one centre alone.
    """
    squares = ((vectors[:, None] - centres) ** 2).sum(axis=2)
    nearest = squares.argmin(axis=1)
    apart = np.linalg.norm(centres[nearest][:, None] - centres, axis=2)
    lead = squares - squares.min(axis=1, keepdims=True)
    planes = np.divide(lead, 2 * apart, out=np.full_like(lead, np.inf), where=apart > 1e-12)
    radius: FloatArray = planes.min(axis=1)
    return radius


def words_of(text: str) -> list[str]:
    """The different words of a text in small letters, in order."""
    return list(dict.fromkeys(re.findall(r"\w+", text.lower())))


def reworded(encoder: Encoder, pairs: Sequence[Pair], budget: int) -> list[list[str]]:
    """Each pair's text with 0, 1, ... ``budget`` words of the other item added, the best one each time.

    Best is what shares most leading codes, then what has the largest cosine with the other item. All pairs
    take a step together, so that the encoder is asked once a step. Fewer texts where words run out.
    """
    texts = [[encoder.texts[pair.item]] for pair in pairs]
    for _ in range(budget):
        tried: list[str] = []
        owners: list[int] = []
        for place, pair in enumerate(pairs):
            own = set(words_of(texts[place][-1]))
            new = [
                f"{texts[place][-1]} {word}"
                for word in words_of(encoder.texts[pair.other])
                if word not in own
            ]
            tried += new
            owners += [place] * len(new)
        if not tried:
            break
        others = np.array([pairs[place].other for place in owners])
        shared, cosine, _ = encoder.reading(tried, others)
        order = np.lexsort((-cosine, -shared, np.array(owners)))
        first = np.unique(np.array(owners)[order], return_index=True)[1]
        for chosen in order[first].tolist():
            texts[owners[chosen]].append(tried[chosen])
    return texts


def at_random(
    encoder: Encoder, pairs: Sequence[Pair], lengths: Sequence[int], rng: np.random.Generator
) -> list[list[str]]:
    """Each pair's text with as many random words of the catalogue added, one after another."""
    known = sorted({word for text in encoder.texts for word in words_of(text)})
    texts = []
    for pair, length in zip(pairs, lengths, strict=True):
        text = encoder.texts[pair.item]
        new = sorted(set(known) - set(words_of(text)))
        added = rng.choice(new, min(length, len(new)), replace=False).tolist() if new else []
        texts.append([" ".join([text, *added[:count]]) for count in range(len(added) + 1)])
    return texts
