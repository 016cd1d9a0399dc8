"""LightLM: a deep and very narrow language model whose words are people and clusters of items met together.

An item's words are the clusters it falls in when the graph of who met what is cut again and again (spectral
collaborative indexing), and its number in the last one; everyone the model is trained on is a word too. It
reads a person's word and last positive items (the liked ones, or all where the data know no likes) and
writes the next item's words, along a tree of the catalogue's, so that every answer is an item. Its inner
layers are 16 wide. Reference: Mei and Zhang 2023, LightLM: A Lightweight Deep and Narrow Language Model for
Generative Recommendation.

A person's word is learnt from that person's rows alone, so what it holds is membership itself. In a share
``hidden_users`` of the training rows it is replaced by the word of unknown people, which answers anybody
else from their items. Items' words come from base users, whoever is trained on.

Simplified: a causal decoder instead of a T5, which reads the last items besides the person; a person is one
word instead of a tuple of clusters of people; a place in the list of items is told by the position alone.
Clusters are cut to a fixed depth, ``levels``. With ``vectors`` "graph" (GCI) the vectors that are cut are
smoothed over the graph as LightGCN's, and not trained.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..base import ModelError, TrainingTask
from ..data import Catalog, IntArray, InteractionLog
from ._asking import device
from ._codebook import Codebook
from ._collaborative_ids import collaborative_ids
from ._decoder import Decoder
from ._generator import Generator, GeneratorConfig
from ._windows import Rows

if TYPE_CHECKING:
    import torch

PRESETS: dict[str, dict[str, object]] = {
    "graph": {"vectors": "graph"},
    "beauty": {"codes": 50, "width": 128, "learning_rate": 1e-3},
}


@dataclass(frozen=True, kw_only=True)
class LightlmConfig(GeneratorConfig):
    """Settings of a LightLM, beside those of every generator of codes.

    Parameters
    ----------
    vectors : what is cut into clusters: "spectral", each cluster's own graph, or "graph".
    codes : clusters into which a group is cut; a group of as many items stays whole.
    user_tokens : is not read: everyone trained on has a word.
    hidden_users : share of training rows that show the word of unknown people, [0, 1].
    """

    vectors: str = "spectral"
    codes: int = 12
    layers: int = 6
    inner: int = 16
    hidden_users: float = 0.2
    epochs: int = 10
    learning_rate: float = 3e-3


@dataclass(frozen=True, eq=False)
class WordRows(Rows):
    """Rows whose users are words already."""

    def hashed(self, buckets: int) -> IntArray:
        """Each row's word."""
        return self.users


@dataclass(frozen=True, eq=False)
class NamedDecoder(Decoder):
    """A decoder that begins with the word of a row's user.

    Parameters
    ----------
    words : the word of each user of the data, then that of nobody, which is 0 as that of unknown people.
    hidden : share of training rows that begin with word 0.
    """

    words: IntArray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    hidden: float = 0.0

    def losses(self, rows: Rows) -> torch.Tensor:
        """Return minus the log-probability of each row, nats, ``(n,)``, some of them as of unknown people."""
        import torch

        hide = (torch.rand(len(rows.users)) < self.hidden).numpy()
        return super().losses(replace(rows, users=np.where(hide, -1, rows.users)))

    def _entries(self, rows: Rows) -> torch.Tensor:
        nobody = len(self.words) - 1
        known = np.where((rows.users >= 0) & (rows.users < nobody), rows.users, nobody)
        return super()._entries(WordRows(rows.codes, rows.lengths, rows.first, self.words[known]))


class Lightlm(Generator[LightlmConfig]):
    """A narrow generator of codes in which everyone trained on is a word."""

    title: ClassVar[str] = "LightLM"

    def __init__(self, catalog: Catalog, config: LightlmConfig) -> None:
        super().__init__(catalog, config)
        self._words = np.zeros(1, dtype=np.int64)

    def made_ids(self, log: InteractionLog, base_users: IntArray, rng: np.random.Generator) -> Codebook:
        """Cut the graph of what base users met.

        Raises
        ------
        ModelError
            If the settings ask for vectors or a network that this model does not have.
        """
        own = self.config
        if own.vectors not in ("spectral", "graph"):
            raise ModelError(f"LightLM's vectors are spectral or graph, got {own.vectors!r}")
        if own.levels < 2 or own.codes < 2:
            raise ModelError(f"levels and codes must be at least 2, got {own.levels} and {own.codes}")
        return collaborative_ids(
            log, base_users, how=own.vectors, clusters=own.codes, levels=own.levels, rng=rng
        )

    def task(self, log: InteractionLog, users: IntArray, rng: np.random.Generator) -> TrainingTask:
        """Give these users a word each, start a fresh network and deal out the rows."""
        self._words = np.zeros(log.n_users + 1, dtype=np.int64)
        self._words[users] = 1 + np.arange(len(users))
        return super().task(log, users, rng)

    def save(self, folder: Path) -> None:
        """Write the settings, the items' codes, people's words, and the network once it is trained."""
        super().save(folder)
        np.save(folder / "words.npy", self._words)

    def load(self, folder: Path, log: InteractionLog) -> None:
        """Read what ``save`` wrote."""
        self._words = np.load(folder / "words.npy", allow_pickle=False)
        super().load(folder, log)

    def _fresh(self) -> NamedDecoder:
        if self.config.architecture != "decoder":
            raise ModelError("LightLM is built here as a decoder alone; set architecture=decoder")
        shape = replace(self.config.shape(), user_tokens=1 + int(self._words.max()))
        made = NamedDecoder.fresh(self._ids().sizes, shape, self.temperature())
        made.network.to(device())
        return NamedDecoder(
            made.network,
            made.sizes,
            made.shape,
            made.temperature,
            words=self._words,
            hidden=self.config.hidden_users,
        )
