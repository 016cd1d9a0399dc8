"""Dreams up the vector of the item a person wants next, and recommends the items in its direction.

What DreamRec and its relatives share: a network reads the last items into a guidance h, a denoiser f tells
x_0, the next item's vector, from its noised copy x_t, h and the level t, and the vector made for a request
is what is left of pure noise after all levels (Yang et al. 2023).
"""

from __future__ import annotations

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt

from .._seeding import seeded
from ..base import ModelError, Request, Slate, TrainingTask
from ..data import Catalog, Example, FloatArray, History, IntArray, InteractionLog
from ._gaussian import guided, noised, reverse
from ._ranking import batches, candidate_scores, slates
from ._sequence import (
    SequenceConfig,
    denoiser,
    estimate,
    next_items,
    own_noise,
    positives,
    spectral_vectors,
    window,
)

if TYPE_CHECKING:
    import torch
    from torch import nn

Config = TypeVar("Config", bound=SequenceConfig)

ERROR_BATCH = 1024
JUDGED = 5
"""Next items of a history, the latest, on which its denoising error is measured."""
LOW_SHARE = 0.1
"""Of all levels, those that a true item is noised through before it is restored."""


class OracleRecommender(ABC, Generic[Config]):
    """Ranks items by the inner product with a vector denoised under the guidance of a history."""

    smallest_history: ClassVar[int] = 5
    title: ClassVar[str] = ""

    def __init__(self, catalog: Catalog, config: Config) -> None:
        self.catalog = catalog
        self.config = config
        self._plan = config.plan()
        self._draw = 0
        self._vectors: FloatArray | None = None
        self._network: Any = None

    @abstractmethod
    def reader(self) -> tuple[nn.ModuleDict, int]:
        """Build what reads a history, and say how wide the guidance is that it gives."""

    @abstractmethod
    def read(self, reader: nn.ModuleDict, entries: torch.Tensor, blank: torch.Tensor) -> torch.Tensor:
        """Return the guidance h, shape ``(n_rows, width)``.

        Parameters
        ----------
        entries : vectors of the last items, oldest first, shape ``(n_rows, history, dim)``.
        blank : where there is none and the vector is zero, shape ``(n_rows, history)``: before the oldest.
            Where all of a row is blank, its guidance is not used.
        """

    def prepare(self, log: InteractionLog, base_users: IntArray, rng: np.random.Generator) -> None:
        """Place the items by what base users met, or at random."""
        dim = self.config.dim
        if self.config.items == "normal":
            self._vectors = rng.standard_normal((len(self.catalog), dim))
        else:
            self._vectors = spectral_vectors(log, base_users, dim, rng)

    def twin(self) -> Self:
        """Return an untrained copy with the same places of items."""
        twin = type(self)(self.catalog, self.config)
        twin._vectors = self._vectors
        return twin

    def redrawn(self, draw: int) -> Self:
        """Return the same network with other noise to start from."""
        other = copy.copy(self)
        other._draw = draw
        return other

    def task(self, log: InteractionLog, users: IntArray, rng: np.random.Generator) -> TrainingTask:
        """Build a fresh network and deal out a row per next item; losses are squared errors."""
        import torch

        config = self.config
        windows, targets, owners = next_items(
            log, users, length=config.history, per_user=config.rows_per_user
        )
        with seeded(rng):
            self._network = self._fresh()
        return TrainingTask(
            module=self._network,
            row_users=owners,
            batch=lambda rows: (torch.from_numpy(windows[rows]), torch.from_numpy(targets[rows])),
            loss=self._loss,
            epochs=config.epochs,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
        )

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return the ``k`` items with the largest inner product, of those that the history lacks."""
        return slates(requests, k, self._scores, len(self.catalog))

    def score(self, requests: Sequence[Request]) -> list[FloatArray]:
        """Return the inner products of the vector made and the candidates' own."""
        return candidate_scores(requests, self._scores, len(self.catalog))

    def item_vectors(self) -> FloatArray:
        """Return where each item lies, shape ``(n_items, dim)``."""
        vectors: FloatArray = self._items().double().numpy()
        return vectors

    def generate(self, requests: Sequence[Request]) -> FloatArray:
        """Return the vector made for each request, shape ``(n_requests, dim)``."""
        made = [self._made(run).double().numpy() for run in batches(requests, len(self.catalog))]
        return np.concatenate([np.zeros((0, self.config.dim)), *made])

    def restored(self, examples: Sequence[Example], *, rng: np.random.Generator) -> FloatArray:
        """Return each true next item after a tenth of the levels and back, shape ``(n_examples, dim)``."""
        import torch

        target = torch.tensor([example.target for example in examples], dtype=torch.long)
        level = max(0, round(LOW_SHARE * len(self._plan)) - 1)
        with torch.no_grad():
            clean = self._items()[target]
            noise = torch.from_numpy(rng.standard_normal(clean.shape, dtype=np.float32))
            start = noised(clean, torch.full_like(target, level), noise, self._plan)
            h = self._guidance(self._windows([positives(example.history) for example in examples]))
            back: FloatArray = self._denoised(start, h, level=level).double().numpy()
        return back

    def noise_steps(self) -> int:
        """Return the number of noise levels."""
        return len(self._plan)

    def denoising_errors(
        self, histories: Sequence[History], steps: Sequence[int], *, rng: np.random.Generator
    ) -> FloatArray:
        """Return the squared error a coordinate on each history's last five items, NaN without any.

        Each is denoised once from level t, guided by the items before it. Shape ``(n_histories, n_steps)``.
        """
        noise = rng.standard_normal((len(steps), JUDGED, self.config.dim), dtype=np.float32)
        runs = [histories[start : start + ERROR_BATCH] for start in range(0, len(histories), ERROR_BATCH)]
        errors = [self._errors([positives(history) for history in run], steps, noise) for run in runs]
        return np.concatenate([np.zeros((0, len(steps))), *errors])

    def _errors(
        self, sequences: Sequence[tuple[int, ...]], steps: Sequence[int], noise: npt.NDArray[np.float32]
    ) -> FloatArray:
        import torch

        pairs = [(own, end) for own, items in enumerate(sequences) for end in _judged(items)]
        owner = np.array([own for own, _ in pairs], dtype=np.int64)
        place = torch.tensor([len(sequences[own]) - 1 - end for own, end in pairs], dtype=torch.long)
        target = torch.tensor([sequences[own][end] for own, end in pairs], dtype=torch.long)
        counts = np.bincount(owner, minlength=len(sequences))
        errors = np.full((len(sequences), len(steps)), np.nan)
        with torch.no_grad():
            clean = self._items()[target]
            h = self._guidance(self._windows([sequences[own][:end] for own, end in pairs]))
            for column, step in enumerate(steps):
                t = torch.full((len(pairs),), step)
                xt = noised(clean, t, torch.from_numpy(noise[column])[place], self._plan)
                off = (self._estimate(xt, h, t) - clean).square().mean(dim=1).double().numpy()
                sums = np.bincount(owner, off, minlength=len(sequences))
                np.divide(sums, counts, out=errors[:, column], where=counts > 0)
        return errors

    def describe(self) -> Mapping[str, object]:
        """Return what a record says of this model."""
        return {"title": self.title, "settings": asdict(self.config)}

    def save(self, folder: Path) -> None:
        """Write the settings, the first places of items, and the network once it is trained."""
        from safetensors.torch import save_file

        (folder / "settings.json").write_text(json.dumps(asdict(self.config)), encoding="utf-8")
        if self._vectors is not None:
            np.save(folder / "vectors.npy", self._vectors)
        if self._network is not None:
            save_file(self._network.state_dict(), folder / "network.safetensors")

    def load(self, folder: Path, log: InteractionLog) -> None:
        """Read what ``save`` wrote."""
        from safetensors.torch import load_file

        if (folder / "vectors.npy").exists():
            self._vectors = np.load(folder / "vectors.npy", allow_pickle=False)
        if (folder / "network.safetensors").exists():
            self._network = self._fresh().eval()
            self._network.load_state_dict(load_file(folder / "network.safetensors"))

    def _fresh(self) -> nn.ModuleDict:
        import torch
        from torch import nn

        if self._vectors is None:
            raise ModelError(f"this {self.title} does not know where items lie; call prepare or load first")
        config, blank = self.config, len(self.catalog)
        vectors = nn.Embedding(blank + 1, config.dim, padding_idx=blank)
        with torch.no_grad():
            vectors.weight[:blank] = torch.from_numpy(self._vectors)
        vectors.weight.requires_grad_(config.items == "normal")
        reader, width = self.reader()
        return nn.ModuleDict(
            {
                "vectors": vectors,
                "nothing": nn.Embedding(1, width),
                "reader": reader,
                "denoiser": denoiser(config.dim, width, config.hidden),
            }
        )

    def _loss(self, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        import torch

        windows, targets = batch
        clean, h = self._network["vectors"](targets), self._guidance(windows)
        left_out = torch.rand(len(h), 1) < self.config.unconditional
        t = torch.randint(len(self._plan), (len(h),))
        xt = noised(clean, t, torch.randn_like(clean), self._plan)
        told = self._estimate(xt, torch.where(left_out, self._nothing(len(h)), h), t)
        return (told - clean).square().mean(dim=1)

    def _estimate(self, xt: torch.Tensor, h: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """The estimate of x_0, f(x_t, h, t)."""
        return estimate(self._network["denoiser"], xt, h, t)

    def _guidance(self, windows: torch.Tensor) -> torch.Tensor:
        """The guidance of each window; that of nobody where it is empty."""
        import torch

        network = self._network
        blank = windows == len(self.catalog)
        h = self.read(network["reader"], network["vectors"](windows), blank)
        return torch.where(blank[:, -1:], self._nothing(len(h)), h)

    def _nothing(self, rows: int) -> torch.Tensor:
        import torch

        nothing: torch.Tensor = self._network["nothing"](torch.zeros(rows, dtype=torch.long))
        return nothing

    def _windows(self, sequences: Sequence[Sequence[int]]) -> torch.Tensor:
        import torch

        length, blank = self.config.history, len(self.catalog)
        rows = [window(items, length, blank=blank) for items in sequences]
        return torch.tensor(rows, dtype=torch.long).reshape(-1, length)

    def _items(self) -> torch.Tensor:
        if self._network is None:
            raise ModelError(f"this {self.title} is not trained yet; train it or load one that is")
        weight: torch.Tensor = self._network.eval()["vectors"].weight.detach()[: len(self.catalog)]
        return weight

    def _scores(self, requests: Sequence[Request]) -> torch.Tensor:
        items = self._items()
        return self._made(requests) @ items.T

    def _made(self, requests: Sequence[Request]) -> torch.Tensor:
        """The vectors of a batch of requests: all levels from pure noise down, under guidance."""
        import torch

        self._items()
        times = 1 + (len(self._plan) if self.config.sampler == "ancestral" else 0)
        users = [request.history.user for request in requests]
        noise = torch.from_numpy(own_noise(users, draw=self._draw, times=times, dim=self.config.dim))
        with torch.no_grad():
            h = self._guidance(self._windows([positives(request.history) for request in requests]))
            return self._denoised(noise[0], h, level=len(self._plan) - 1, noise=noise)

    def _denoised(
        self, x: torch.Tensor, h: torch.Tensor, *, level: int, noise: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The guided reverse chain from ``level``; deterministic where no noise is given."""
        nothing, weight = self._nothing(len(h)), self.config.guidance

        def clean(xt: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            told = self._estimate(xt, h, t)
            return guided(told, self._estimate(xt, nothing, t), weight) if weight else told

        draws = noise is not None and self.config.sampler == "ancestral"
        return reverse(
            x,
            clean,
            self._plan,
            sampler="ancestral" if draws else "ddim",
            noise=(lambda at: noise[1 + at]) if draws else None,  # type: ignore[index]
            levels=self.config.levels(level),
        )


def _judged(items: Sequence[int]) -> range:
    """Which of a history's places its denoising error is measured at."""
    return range(max(0, len(items) - JUDGED), len(items))
