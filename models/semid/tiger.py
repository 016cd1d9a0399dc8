"""TIGER: writes the next item as a short tuple of codes, in which items alike begin alike.

Every item gets a tuple of codes by quantising its text's vector level by level: the first code says roughly
what it is, each further one what is left over. Where several items have one tuple, a last digit tells them
apart. A Transformer reads the codes of the last positive items (the liked ones, or all where the data know
no likes) and is trained to write the next item's. To recommend, the likeliest tuples are searched with
beams along a tree of the catalogue's tuples, so that every answer is an item. Reference: Rajput et al. 2023,
Recommender Systems with Generative Retrieval (NeurIPS).

Simplified: by default codes come from k-means on what each level leaves over, on TF-IDF vectors of titles,
genres and providers, instead of a residual-quantised autoencoder on a sentence encoder's; `vectors` and
`ids` name other vectors and a table of finished codes. The default network is a decoder alone, which learns
all items of a person in one pass; `architecture` "encoder-decoder" is the paper's T5, which learns one next
item a row, and the preset `published` gives it the paper's size and users' tokens. Each place of a tuple has
its own output layer, so a code of another place can never be written. Epochs are a setting, the learning
rate falls to zero, and the tree is always used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ..data import IntArray, InteractionLog
from ._codebook import Codebook, residual_kmeans, with_digit
from ._generator import GeneratorConfig
from ._item_vectors import item_vectors
from ._text_coded import TextCoded

PRESETS: dict[str, dict[str, object]] = {
    "published": {
        "architecture": "encoder-decoder",
        "codes": 256,
        "user_tokens": 2000,
        "width": 128,
        "heads": 6,
        "head_width": 64,
        "inner": 1024,
        "layers": 4,
        "beams": 100,
        "epochs": 100,
        "batch_size": 256,
        "learning_rate": 3e-4,
    },
    "beauty": {
        "codes": 256,
        "width": 128,
        "inner": 512,
        "layers": 3,
        "dropout": 0.1,
        "beams": 50,
        "epochs": 30,
        "batch_size": 64,
        "learning_rate": 2e-3,
    },
}


@dataclass(frozen=True, kw_only=True)
class TigerConfig(GeneratorConfig):
    """Settings of a TIGER; the defaults are sized for the demo world."""


class Tiger(TextCoded[TigerConfig]):
    """A generator of codes that come from what is said of items."""

    title: ClassVar[str] = "TIGER"

    def made_ids(self, log: InteractionLog, base_users: IntArray, rng: np.random.Generator) -> Codebook:
        """Quantise the items' vectors by residual k-means and tell apart those that share a tuple."""
        own = self.config
        vectors, said, reader = item_vectors(self.catalog, own.vectors, rng=rng, log=log, users=base_users)
        book = with_digit(residual_kmeans(vectors, (own.codes,) * own.levels, rng))
        return replace(book, how=f"{book.how}; {said}", reader=reader)
