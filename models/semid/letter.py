"""LETTER: writes the next item as codes that also follow who meets what, and that are used evenly.

The generator is TIGER's; its codes are learnt otherwise. A residual-quantised autoencoder packs the vectors
of items' texts, and two more terms shape its codes: what an item is packed into shall be found by its
collaborative vector (weight `alpha`), and the codes of each level shall lie evenly in space (weight `beta`).
The last level's codes are given out by transport that uses all of them alike, so few items share a tuple
and no digit tells them apart. In training the logits are divided by a `temperature`, which below 1 makes
wrong codes that are ranked high count more. Reference: Wang et al. 2024, Learnable Item Tokenization for
Generative Recommendation (CIKM).

Simplified: text vectors are TF-IDF and collaborative ones the singular vectors of who met what among base
users, instead of a large language model's and SASRec's. Answers are read at the temperature of the training,
so that they are the probabilities that were trained; the published code answers at 1. The network is the
decoder alone unless `architecture` says "encoder-decoder"; its output layers, epochs and learning rate are
as in TIGER here. The defaults are sized for the demo world.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ..base import ModelError
from ..data import Catalog, FloatArray, IntArray, InteractionLog
from ._codebook import Codebook
from ._generator import GeneratorConfig
from ._item_vectors import item_vectors
from ._rq_vae import RqVaeConfig, rq_vae
from ._text_coded import TextCoded

PRESETS: dict[str, dict[str, object]] = {
    "published": {
        "architecture": "encoder-decoder",
        "codes": 256,
        "hidden": (2048, 1024, 512, 256, 128, 64),
        "latent": 32,
        "id_epochs": 20_000,
        "id_batch": 1024,
        "alpha": 0.01,
        "beta": 1e-4,
        "width": 128,
        "heads": 6,
        "head_width": 64,
        "inner": 1024,
        "layers": 4,
        "beams": 20,
        "epochs": 200,
        "batch_size": 512,
        "learning_rate": 5e-4,
    },
}


@dataclass(frozen=True, kw_only=True)
class LetterConfig(GeneratorConfig):
    """Settings of a LETTER, beside those of every generator.

    Parameters
    ----------
    hidden, latent, id_epochs, id_batch : of the autoencoder: widths before the packed vector, its own
        width, epochs over the items and items in a batch.
    alpha, beta, clusters : weights of the collaborative and the evenness term, and the clusters of codes
        that the latter draws together; 0 leaves a term out.
    temperature : what logits are divided by, over 0; 1 is the usual cross-entropy.
    """

    levels: int = 4
    hidden: tuple[int, ...] = (64,)
    latent: int = 16
    id_epochs: int = 200
    id_batch: int = 512
    alpha: float = 0.1
    beta: float = 0.01
    clusters: int = 8
    temperature: float = 0.8


class Letter(TextCoded[LetterConfig]):
    """A generator of codes that come from what is said of items and from who meets them."""

    title: ClassVar[str] = "LETTER"

    def __init__(self, catalog: Catalog, config: LetterConfig) -> None:
        super().__init__(catalog, config)
        if not config.temperature > 0:
            raise ModelError(f"temperature must be over 0, got {config.temperature}")

    def temperature(self) -> float:
        """Return what logits are divided by."""
        return self.config.temperature

    def made_ids(self, log: InteractionLog, base_users: IntArray, rng: np.random.Generator) -> Codebook:
        """Train the autoencoder on the items' texts and on what base users met."""
        own = self.config
        vectors, said, reader = item_vectors(self.catalog, own.vectors, rng=rng, log=log, users=base_users)
        settings = RqVaeConfig(
            sizes=(own.codes,) * own.levels,
            hidden=own.hidden,
            latent=own.latent,
            epochs=own.id_epochs,
            batch=own.id_batch,
            last="sinkhorn",
            alpha=own.alpha,
            beta=own.beta,
            clusters=own.clusters,
        )
        met = self._met(log, base_users, rng) if own.alpha else None
        book = rq_vae(vectors, settings, rng=rng, collaborative=met)
        return replace(book, how=f"{book.how}; {said}", reader=reader)

    def _met(self, log: InteractionLog, base_users: IntArray, rng: np.random.Generator) -> FloatArray:
        """Collaborative vectors as wide as packed ones; columns that small data lack are zeros."""
        width = self.config.latent
        found, _, _ = item_vectors(
            self.catalog, "collaborative", rng=rng, log=log, users=base_users, width=width
        )
        return np.pad(found[:, :width], ((0, 0), (0, max(0, width - found.shape[1]))))
