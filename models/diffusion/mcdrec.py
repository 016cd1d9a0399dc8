"""MCDRec: denoises items' vectors under their features, and the graph of likes by what the denoised say.

Every item has a learnt vector h. Noise is put on it in T levels, and a network learns to tell h from the
noised copy, the level and the item's features (the condition, dropped for a share of the items so that it
also learns to go without). At answering the noise is taken away level by level, guided away from the
estimate without features. The denoised vector h' does two things. Mixed with h it is what the item sends
into a graph of people and liked items; and an edge counts by how well the h' of its item fits those of the
person's other items, so that stray clicks count less. One LightGCN layer over these edges gives both sides
of the score, an inner product:

    e = max(0, 1 + strength x cosine), A = e / sqrt(D_u D_i), x = (1 - mix) h + mix h',
    u = A x, v = (x + A' u) / 2, score = u . v

There is no table of users: a person is the sum of what the history sends, so people whom it never saw can
be asked, and training uses the same rule, each row without its own edge on either side. It reads no order
and no attributes; a person without a like gets the average person's list. Answering starts from the mean of
the noise and adds none, so nothing is drawn. Reference: Ma et al. 2024, Multimodal Conditioned Diffusion
Model for Recommendation (WWW companion).

It offers no errors of denoising: they belong to items, not to people. It makes no points in the space of
items either: a person's vector is a sum and no draw. The loss of one row hangs on every person's edges, so
clipping gradients row by row would not make its training private.

Simplified: a BPR loss on drawn items that the person did not like, instead of BM3's (the published code
works BPR out and leaves it unused); a perceptron instead of a U-Net as denoiser; features reach the ranking
through h' alone instead of also beside it; vectors start as large as the noise; guidance instead of plain
conditional sampling; no random pruning of edges by degree; without feature files, two views of the
catalogue's text stand in for images and text; the number of epochs is a setting (the paper stops by
validation).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .._seeding import seeded
from ..base import ModelError, Request, Slate, TrainingTask
from ..data import Catalog, FloatArray, History, IntArray, InteractionLog
from ._conditioned import Denoiser, conditioned
from ._gaussian import Schedule, schedule
from ._graph import SOME, Graph, kept
from ._likes import Likes
from ._modalities import Modality, modalities
from ._people import People, alike, of_histories, of_log
from ._ranking import candidate_scores, slates

if TYPE_CHECKING:
    import torch

PRESETS: dict[str, dict[str, object]] = {
    "published": {"guidance": 0.0, "edge_strength": 0.3, "hide": 0.1, "epochs": 100},
}


@dataclass(frozen=True, kw_only=True)
class McdrecConfig:
    """Settings of an MCDRec.

    Parameters
    ----------
    features : feature files saved by numpy.save, shape ``(n_items, d)`` each, in the catalogue's order,
        separated by commas; none: two views made from the catalogue's titles, genres and years.
    size, hidden : of the items' vectors, and of the denoiser's hidden layer.
    steps, first_noise, last_noise : T, and beta at its ends; it rises linearly.
    condition_drop : share of items whose features are hidden in a training step, [0, 1].
    guidance : w; 0 is plain conditional, -1 answers without features.
    mix : share of the denoised vector in what an item sends, [0, 1] (w in the published code).
    diff_weight : of the diffusion's squared error beside the ranking loss.
    edge_strength : of the fit in an edge's weight (the temperature of the published code); 0: all alike.
    hide : largest share of a person's likes that is hidden in a training step, [0, 1]; each person's share
        is drawn evenly below it.
    rows_per_user : latest likes of each person to train on; 0: all. The graph holds all of them.
    epochs, batch_size, learning_rate, decay : of the training, AdamW.
    """

    features: tuple[str, ...] = ()
    size: int = 64
    hidden: int = 128
    steps: int = 20
    first_noise: float = 1e-4
    last_noise: float = 0.02
    condition_drop: float = 0.1
    guidance: float = 0.3
    mix: float = 1.0
    diff_weight: float = 0.5
    edge_strength: float = 1.0
    hide: float = 0.5
    rows_per_user: int = 0
    epochs: int = 15
    batch_size: int = 512
    learning_rate: float = 1e-3
    decay: float = 0.01

    def plan(self) -> Schedule:
        """The noise schedule."""
        return schedule("linear", self.steps, low=self.first_noise, high=self.last_noise)


@dataclass(frozen=True, eq=False)
class Known:
    """All that answering needs, worked out from the trained network and its people; nobody's rows.

    Parameters
    ----------
    denoised, sent, ranked : h', x and v of each item, shape ``(n_items, size)``.
    mass : D_i, shape ``(n_items,)``.
    usual : the average person, shape ``(1, size)``.
    """

    denoised: torch.Tensor
    sent: torch.Tensor
    ranked: torch.Tensor
    mass: torch.Tensor
    usual: torch.Tensor


class Mcdrec:
    """A recommender on denoised item vectors and a denoised graph of likes."""

    smallest_history: ClassVar[int] = 5

    def __init__(self, catalog: Catalog, config: McdrecConfig) -> None:
        self.catalog = catalog
        self.config = config
        self._modalities: tuple[Modality, ...] = ()
        self._people: People | None = None
        self._network: Any = None
        self._known: Known | None = None

    def prepare(self, log: InteractionLog, base_users: IntArray, rng: np.random.Generator) -> None:
        """Check the settings and read the features; nothing is learnt before it is known who is a member."""
        own, problems = self.config, []
        if not 0 <= own.condition_drop <= 1 or not 0 <= own.mix <= 1 or not 0 <= own.hide <= 1:
            shares = own.condition_drop, own.mix, own.hide
            problems.append(f"condition_drop, mix and hide are shares between 0 and 1, got {shares}")
        if own.guidance < -1:
            problems.append(f"guidance must be -1 (no features) or more, got {own.guidance}")
        if problems:
            raise ModelError("; ".join(problems))
        own.plan()
        self._modalities = modalities(self.catalog, own.features)

    def twin(self) -> Mcdrec:
        """Return an untrained copy that has read the same features."""
        twin = Mcdrec(self.catalog, self.config)
        twin._modalities = self._modalities
        return twin

    def task(self, log: InteractionLog, users: IntArray, rng: np.random.Generator) -> TrainingTask:
        """Deal out a row for each like of a person with two of them or more, and start a fresh network."""
        if not self._modalities:
            raise ModelError("this MCDRec has not read its features yet; call prepare or load first")
        people, owners = of_log(log, users, alike)
        edges = _latest(people, self.config.rows_per_user)
        if not len(edges):
            raise ModelError(
                "no user to train on likes two items or more; bring more users or longer histories"
            )
        widths = [own.values.shape[1] for own in self._modalities]
        with seeded(rng):
            network = conditioned(len(self.catalog), widths, self.config.size, self.config.hidden)
        self._network = network.to(_device())
        self._people, self._known = people, None
        return TrainingTask(
            module=self._network,
            row_users=owners[people.owner[edges]],
            batch=lambda rows: edges[rows],
            loss=self._likes(people, renewal=-(-len(edges) // self.config.batch_size)),
            epochs=self.config.epochs,
            batch_size=self.config.batch_size,
            learning_rate=self.config.learning_rate,
            decay=self.config.decay,
        )

    def score(self, requests: Sequence[Request]) -> list[FloatArray]:
        """Return the inner products of person and candidate."""
        return candidate_scores(requests, self._scores, len(self.catalog))

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return the ``k`` best candidates, or items of the catalogue that the history does not hold."""
        return slates(requests, k, self._scores, len(self.catalog))

    def kept_weights(self, histories: Sequence[History]) -> list[dict[int, float]]:
        """Return each liked item of each history with how much its edge counts, e."""
        known, people = self._answering(), self._read(histories)
        weights = kept(people, known.denoised, self.config.edge_strength).cpu().numpy()
        return [
            dict(zip(people.items[start:end].tolist(), weights[start:end].tolist(), strict=True))
            for start, end in pairwise(people.starts.tolist())
        ]

    def describe(self) -> Mapping[str, object]:
        """Return what a record says of this model, with the contents of its features."""
        return {
            "title": "MCDRec",
            "settings": asdict(self.config),
            "features": self._digests(),
        }

    def save(self, folder: Path) -> None:
        """Write what the features were and, once it is trained, what answering needs."""
        about = {"features": self._digests(), "settings": asdict(self.config)}
        (folder / "mcdrec.json").write_text(json.dumps(about), encoding="utf-8")
        if self._network is not None or self._known is not None:
            from safetensors.torch import save_file

            known = self._answering()
            parts = {part.name: getattr(known, part.name).contiguous() for part in fields(Known)}
            save_file(parts, folder / "mcdrec.safetensors")

    def load(self, folder: Path, log: InteractionLog) -> None:
        """Read what ``save`` wrote, and the features from where they came.

        Raises
        ------
        ModelError
            If a feature file is gone or holds something else by now.
        """
        self._modalities = self._modalities or modalities(self.catalog, self.config.features)
        saved = json.loads((folder / "mcdrec.json").read_text(encoding="utf-8"))["features"]
        if saved != self._digests():
            raise ModelError(
                f"this MCDRec was made with other features ({', '.join(saved)}) than it finds now"
                f" ({', '.join(self._digests())}); bring their old contents back or train it anew"
            )
        if (folder / "mcdrec.safetensors").exists():
            from safetensors.torch import load_file

            parts = load_file(folder / "mcdrec.safetensors", device=_device())
            self._network, self._known = None, Known(**parts)

    def _digests(self) -> dict[str, str]:
        return {own.name: own.sha256 for own in self._modalities}

    def _scores(self, requests: Sequence[Request]) -> torch.Tensor:
        import torch

        known, people = self._answering(), self._read([request.history for request in requests])
        graph = Graph(people, kept(people, known.denoised, self.config.edge_strength), known.mass)
        silent = graph.summed(graph.weights)[:, None] < SOME
        return torch.where(silent, known.usual, graph.persons(known.sent)) @ known.ranked.T

    def _read(self, histories: Sequence[History]) -> People:
        return of_histories(histories, len(self.catalog), alike)

    def _denoiser(self) -> Denoiser:
        import torch

        features = [torch.from_numpy(own.values).to(_device()) for own in self._modalities]
        return Denoiser(self._network, features, self.config.plan(), self.config.guidance)

    def _likes(self, people: People, *, renewal: int) -> Likes:
        own = self.config
        return Likes(
            denoiser=self._denoiser(),
            people=people,
            hide=own.hide,
            condition_drop=own.condition_drop,
            mix=own.mix,
            diff_weight=own.diff_weight,
            strength=own.edge_strength,
            renewal=renewal,
        )

    def _answering(self) -> Known:
        """What answers hang on, worked out anew where training has gone on since it was last asked."""
        if self._network is not None and (self._known is None or self._network.training):
            self._network.eval()
            self._known = self._worked_out()
        if self._known is None:
            raise ModelError("this MCDRec is not trained yet; train it or load one that is")
        return self._known

    def _worked_out(self) -> Known:
        import torch

        assert self._people is not None
        denoiser, mix = self._denoiser(), self.config.mix
        with torch.no_grad():
            denoised = denoiser.denoised()
            graph = Graph.of(self._people, kept(self._people, denoised, self.config.edge_strength))
            x = (1 - mix) * denoiser.vectors + mix * denoised
            u = graph.persons(x)
            return Known(denoised, x, graph.ranked(x, u), graph.mass, u.mean(dim=0, keepdim=True))


def _latest(people: People, most: int) -> IntArray:
    """The edges to train on: of everyone with two likes or more, the ``most`` latest, or all."""
    counts = people.counts[people.owner]
    left = people.starts[1:][people.owner] - np.arange(len(people.items))
    wanted: IntArray = np.flatnonzero((counts > 1) & ((left <= most) if most else True))
    return wanted


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
