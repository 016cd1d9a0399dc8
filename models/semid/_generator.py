"""Reads a person's last items as codes and writes the codes of the next: what TIGER and LETTER share.

An answer is a tuple of codes. Items that share one have one probability between them: in a list they stand
one after another, in the catalogue's order, with equal scores; nothing tells which of them was meant.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Generic, Literal, Self, TypeVar

import numpy as np

from .._seeding import seeded
from ..base import ModelError, Recommendation, Request, Slate, TrainingTask
from ..data import Catalog, Example, FloatArray, History, IntArray, InteractionLog
from ._asking import TUPLES, Network, Reading, device, legal_log_probs, runs
from ._beam import legal_mass
from ._codebook import Codebook
from ._decoder import Decoder, Shape
from ._t5 import EncoderDecoder
from ._tables import read_table
from ._trie import Trie
from ._windows import of_histories, of_next_items, of_sequences


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig:
    """Settings that all generators of semantic ids share.

    Parameters
    ----------
    ids : where items' codes come from: "made" from the catalogue, or the path of a JSON table of an item's
        id to its codes.
    levels, codes : how many codes an item has, and how many there are to choose from at each place.
    vectors : what made codes are made from; see `_item_vectors.item_vectors`.
    architecture : "decoder" learns all of a person's items in one pass, "encoder-decoder" a next item a row.
    history : how many of the last positive items are read.
    user_tokens : tokens that users are hashed to, read before their items; 0: none.
    width, heads, head_width, inner, layers, dropout : of the Transformer; an encoder has as many layers as
        its decoder, and a decoder alone shares its width among the heads.
    beams : beginnings kept while an answer is searched; more if the history and k together need more.
    epochs, batch_size, learning_rate : of the training; the rate falls to zero over it.
    """

    ids: str = "made"
    levels: int = 3
    codes: int = 32
    vectors: str = "text"
    architecture: Literal["decoder", "encoder-decoder"] = "decoder"
    history: int = 20
    user_tokens: int = 0
    width: int = 64
    heads: int = 4
    head_width: int = 16
    inner: int = 256
    layers: int = 2
    dropout: float = 0.1
    beams: int = 32
    epochs: int = 15
    batch_size: int = 64
    learning_rate: float = 2e-3

    def shape(self) -> Shape:
        """The sizes of the network."""
        return Shape(
            width=self.width,
            heads=self.heads,
            head_width=self.head_width,
            inner=self.inner,
            layers=self.layers,
            dropout=self.dropout,
            user_tokens=self.user_tokens,
        )


Ranking = list[tuple[int, float]]
"""Items and their scores, best first."""
Config = TypeVar("Config", bound=GeneratorConfig)


class Generator(ABC, Generic[Config]):
    """Recommends the items whose tuples of codes it finds likeliest after a history."""

    smallest_history: ClassVar[int] = 5
    title: ClassVar[str] = ""

    def __init__(self, catalog: Catalog, config: Config) -> None:
        self.catalog = catalog
        self.config = config
        self._codebook: Codebook | None = None
        self._network: Network | None = None

    @abstractmethod
    def made_ids(self, log: InteractionLog, base_users: IntArray, rng: np.random.Generator) -> Codebook:
        """Make the codes of the catalogue's items from what base users and the catalogue say."""

    def temperature(self) -> float:
        """Return what logits are divided by, in training and in answers."""
        return 1.0

    def prepare(self, log: InteractionLog, base_users: IntArray, rng: np.random.Generator) -> None:
        """Give every item its codes."""
        if self.config.ids == "made":
            self.use_ids(self.made_ids(log, base_users, rng))
        else:
            self.use_ids(read_table(Path(self.config.ids), self.catalog))

    def use_ids(self, codebook: Codebook) -> None:
        """Let the items have these codes, in the catalogue's order, instead of prepared ones.

        Raises
        ------
        ModelError
            If there is not one tuple an item.
        """
        if len(codebook.codes) != len(self.catalog):
            raise ModelError(
                f"{len(codebook.codes)} tuples of codes do not fit a catalogue of {len(self.catalog)} items"
            )
        self._codebook, self._network = codebook, None
        self.__dict__.pop("_trie", None)

    def twin(self) -> Self:
        """Return an untrained copy whose items have the same codes."""
        twin = type(self)(self.catalog, self.config)
        twin._codebook = self._codebook
        return twin

    def task(self, log: InteractionLog, users: IntArray, rng: np.random.Generator) -> TrainingTask:
        """Start a fresh network and deal out the training rows; a loss is about a code's, in nats."""
        config, codes = self.config, self._ids().codes
        dealt = of_sequences if config.architecture == "decoder" else of_next_items
        rows = dealt(log, users, codes, length=config.history)
        with seeded(rng):
            network = self._network = self._fresh()
        # Every item of the data weighs the same, however many of them are in its row.
        a_row = float(rows.counted.sum() / len(rows.users)) * codes.shape[1]
        return TrainingTask(
            module=network.network,
            row_users=rows.users,
            batch=rows.picked,
            loss=lambda batch: network.losses(batch) / a_row,
            epochs=config.epochs,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
        )

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return the ``k`` likeliest candidates, or items of the catalogue that the history lacks.

        Candidates are all scored; the catalogue is searched with beams. No more items are found than have
        a tuple among the beams.
        """
        found: dict[int, Ranking] = {}
        stated = [place for place, request in enumerate(requests) if request.candidates]
        for place, scores in zip(stated, self.score([requests[place] for place in stated]), strict=True):
            items = requests[place].candidates
            best = np.lexsort((np.array(items), -scores))[:k].tolist()
            found[place] = [(items[one], float(scores[one])) for one in best]
        needs = {place: self._beams_for(one, k) for place, one in enumerate(requests) if place not in found}
        for beams in sorted(set(needs.values())):
            places = [place for place, need in needs.items() if need == beams]
            lists = self._searched([requests[place] for place in places], k, beams)
            found |= dict(zip(places, lists, strict=True))
        return [Slate(one, self._entries(found[place])) for place, one in enumerate(requests)]

    def score(self, requests: Sequence[Request]) -> list[FloatArray]:
        """Return log p of each candidate's tuple over all tuples, legal or not, nats."""
        import torch

        codes, found = self._ids().codes, list[FloatArray]()
        everything = np.arange(len(self.catalog))
        for run, reading in self._readings(requests, TUPLES):
            items = [np.array(request.candidates) if request.candidates else everything for request in run]
            widest = max(map(len, items))
            padded = np.stack([np.pad(own, (0, widest - len(own))) for own in items])
            with torch.no_grad():
                rows = reading.log_probs(torch.from_numpy(codes[padded]).to(device()))
            found += [row[: len(own)] for row, own in zip(rows.double().cpu().numpy(), items, strict=True)]
        return found

    def log_likelihood(self, examples: Sequence[Example]) -> FloatArray:
        """Return log p(target | history) among the catalogue's items, nats, shape ``(n_examples,)``.

        Each code's probability is taken among the codes that lead to some item, and items that share a
        tuple share its probability evenly, so that p adds up to 1 over the catalogue.
        """
        import torch

        found, codes = [np.zeros(0)], self._ids().codes
        _, tuple_of, sharers = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
        requests = [Request(history=one.history, candidates=(one.target,)) for one in examples]
        for run, reading in self._readings(requests, 1):
            targets = np.array([request.candidates[0] for request in run])
            tuples = torch.from_numpy(codes[targets]).to(device())
            with torch.no_grad():
                total = legal_log_probs(reading.along(tuples[:, None]), self._trie, tuples)
            found.append(total.double().cpu().numpy() - np.log(sharers[tuple_of.reshape(-1)[targets]]))
        return np.concatenate(found)

    def representations(self, histories: Sequence[History]) -> FloatArray:
        """Return the state from which an answer to each history begins, shape ``(n_histories, width)``."""
        import torch

        found = list[FloatArray]()
        for _, reading in self._readings([Request(history=one) for one in histories], 1):
            with torch.no_grad():
                found.append(reading.begun().double().cpu().numpy())
        return np.concatenate(found) if found else np.zeros((0, self.config.width))

    def semantic_ids(self) -> IntArray:
        """Return the codes of each item, shape ``(n_items, L)``."""
        return self._ids().codes

    def code_sizes(self) -> tuple[int, ...]:
        """Return how many codes there are at each place."""
        return self._ids().sizes

    def decode_freely(self, requests: Sequence[Request], k: int) -> list[list[tuple[int, ...]]]:
        """Return the ``k`` likeliest tuples, items or not, found with at least the settings' beams."""
        import torch

        beams, found = max(k, self.config.beams), list[list[tuple[int, ...]]]()
        for _, reading in self._readings(requests, beams):
            with torch.no_grad():
                tuples, _ = reading.likeliest(None, beams)
            found += [[tuple(codes) for codes in own] for own in tuples[:, :k].tolist()]
        return found

    def legal_mass(self, requests: Sequence[Request]) -> FloatArray:
        """Return the probability of codes that lead to an item along the best legal tuple, ``(n, L)``."""
        import torch

        found = [np.zeros((0, len(self.code_sizes())))]
        for _, reading in self._readings(requests, self.config.beams):
            with torch.no_grad():
                best = reading.likeliest(self._trie, self.config.beams)[0][:, 0]
                logits = [row[:, 0] for row in reading.along(best[:, None])]
                found.append(legal_mass(logits, self._trie, best).double().cpu().numpy())
        return np.concatenate(found)

    def describe(self) -> Mapping[str, object]:
        """Return what a record says of this model."""
        said = asdict(self.config)
        if self._codebook is not None:
            said |= {"sizes": self._codebook.sizes, "how": self._codebook.how}
        return {"title": self.title, "settings": said}

    def save(self, folder: Path) -> None:
        """Write the settings, the items' codes, and the network once it is trained."""
        (folder / "settings.json").write_text(json.dumps(asdict(self.config)), encoding="utf-8")
        if self._codebook is not None:
            np.save(folder / "codes.npy", self._codebook.codes)
            said = {"sizes": self._codebook.sizes, "how": self._codebook.how}
            (folder / "codes.json").write_text(json.dumps(said), encoding="utf-8")
        if self._network is not None:
            from safetensors.torch import save_model

            save_model(self._network.network, str(folder / "network.safetensors"))

    def load(self, folder: Path, log: InteractionLog) -> None:
        """Read what ``save`` wrote; the vectors that codes were made from are not kept."""
        if (folder / "codes.npy").exists():
            said = json.loads((folder / "codes.json").read_text(encoding="utf-8"))
            codes = np.load(folder / "codes.npy", allow_pickle=False)
            self.use_ids(Codebook(codes, tuple(said["sizes"]), how=said["how"]))
        if (folder / "network.safetensors").exists():
            from safetensors.torch import load_model

            self._network = self._fresh()
            load_model(self._network.network, str(folder / "network.safetensors"))
            self._network.network.eval()

    @cached_property
    def _trie(self) -> Trie:
        ids = self._ids()
        return Trie.of(ids.codes, ids.sizes).to(device())

    def _beams_for(self, request: Request, k: int) -> int:
        """Beams, a multiple of the settings', of which ``k`` are left when the history's items are gone."""
        return self.config.beams * -(-(k + len(set(request.history.items))) // self.config.beams)

    def _searched(self, requests: Sequence[Request], k: int, beams: int) -> list[Ranking]:
        """The ``k`` likeliest items that each request's history lacks."""
        import torch

        found = list[Ranking]()
        for run, reading in self._readings(requests, beams):
            with torch.no_grad():
                tuples, scores = reading.likeliest(self._trie, beams)
                leaves = self._trie.states(tuples.flatten(0, 1)).view(scores.shape)
            for request, row, own in zip(run, leaves.tolist(), scores.double().tolist(), strict=True):
                known = set(request.history.items)
                ranked = [
                    (item, score)
                    for items, score in zip(self._trie.items(row), own, strict=True)
                    for item in items
                    if item not in known
                ]
                found.append(ranked[:k])
        return found

    def _entries(self, ranked: Ranking) -> tuple[Recommendation, ...]:
        codes = self._ids().codes
        return tuple(
            Recommendation(item, score, "".join(f"<{code}>" for code in codes[item]))
            for item, score in ranked
        )

    def _readings(
        self, requests: Sequence[Request], width: int
    ) -> Iterator[tuple[Sequence[Request], Reading]]:
        """Requests in runs, with their histories read, to be asked about so many tuples each."""
        import torch

        network, codes, length = self._trained(), self._ids().codes, self.config.history
        for run in runs(requests, width=max(width, length), length=codes.shape[1]):
            rows = of_histories([request.history for request in run], codes, length=length)
            with torch.no_grad():
                reading = Reading.of(network, rows)
            yield run, reading

    def _ids(self) -> Codebook:
        if self._codebook is None:
            raise ModelError(f"this {self.title}'s items have no codes yet; call prepare or load first")
        return self._codebook

    def _fresh(self) -> Network:
        kind = Decoder if self.config.architecture == "decoder" else EncoderDecoder
        made: Network = kind.fresh(self._ids().sizes, self.config.shape(), self.temperature())
        made.network.to(device())
        return made

    def _trained(self) -> Network:
        if self._network is None:
            raise ModelError(f"this {self.title} is not trained yet; train it or load one that is")
        self._network.network.eval()
        return self._network
