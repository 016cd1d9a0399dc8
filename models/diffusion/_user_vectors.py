"""Diffusion over people's whole rows of likes: what DiffRec and its relatives share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from .._seeding import seeded
from ..base import ModelError, Request, Slate, TrainingTask
from ..data import Catalog, FloatArray, History, IntArray, InteractionLog
from ._denoiser import denoiser, narrowed, restored
from ._gaussian import Kind, LevelDraw, Schedule, noised, reverse, schedule, without
from ._people import People, Weigh, alike, of_histories, of_log
from ._projected import Projected
from ._ranking import candidate_scores, slates

if TYPE_CHECKING:
    import torch

ERROR_BATCH = 512


@dataclass(frozen=True, kw_only=True)
class VectorSettings:
    """Settings that all diffusions over people's rows share; the names are the paper's.

    Parameters
    ----------
    hidden : widths of the narrowing half of the network; the other half mirrors it.
    level_size : features of the noise level.
    dropout : share of the input that is dropped while training.
    steps : noise levels T.
    noise_schedule : how the noise rises; see `_gaussian.schedule`.
    noise_scale, noise_min, noise_max : first and last noise are scale x min and scale x max.
    predicts : whether the network tells the clean row or the noise in it; the noise is unweighted.
    sampling_steps : levels of noise put on a history before it is restored; 0: none, as published.
    reweight : weigh squared errors by SNR(t-1) - SNR(t) instead of alike.
    levels : draw training levels by the size of their losses ("importance", as published) or evenly.
    epochs, batch_size, learning_rate : of the training, AdamW at a constant rate without decay.
    """

    hidden: tuple[int, ...] = (600, 200)
    level_size: int = 10
    dropout: float = 0.5
    steps: int = 40
    noise_schedule: Kind = "linear-var"
    noise_scale: float = 0.005
    noise_min: float = 0.005
    noise_max: float = 0.01
    predicts: Literal["x0", "noise"] = "x0"
    sampling_steps: int = 0
    reweight: bool = True
    levels: Literal["importance", "uniform"] = "importance"
    epochs: int = 10
    batch_size: int = 400
    learning_rate: float = 1e-3


class UserVectorDiffusion:
    """Restores a person's row of likes and recommends what the restored row holds besides.

    A subclass may give interactions other values than 1, and put the noise on something else than the row.
    """

    smallest_history: ClassVar[int] = 10
    title: ClassVar[str] = ""

    def __init__(self, catalog: Catalog, config: VectorSettings) -> None:
        self.catalog = catalog
        self.config = config
        self._network: Any = None
        self._projected: Projected | None = None

    @property
    def plan(self) -> Schedule:
        """The noise schedule."""
        own = self.config
        low, high = own.noise_scale * own.noise_min, own.noise_scale * own.noise_max
        return schedule(own.noise_schedule, own.steps, low=low, high=high)

    def weigh(self) -> Weigh:
        """Return what an interaction is worth by its place in time."""
        return alike

    def prepare(self, log: InteractionLog, base_users: IntArray, rng: np.random.Generator) -> None:
        """Check the settings; nothing is learnt before it is known who is a member."""
        own, steps = self.config, len(self.plan)
        problems = {
            f"hidden must be widths of at least 1, got {own.hidden or 'none'}": min(own.hidden, default=0)
            < 1,
            f"level_size must be at least 2, got {own.level_size}": own.level_size < 2,
            f"dropout must lie between 0 and 1, got {own.dropout:g}": not 0 <= own.dropout < 1,
            f"sampling_steps must lie between 0 and {steps}, got {own.sampling_steps}": not (
                0 <= own.sampling_steps <= steps
            ),
            f"epochs and batch_size must be at least 1, got {own.epochs} and {own.batch_size}": (
                min(own.epochs, own.batch_size) < 1
            ),
            f"learning_rate must be above 0, got {own.learning_rate:g}": own.learning_rate <= 0,
        }
        if any(problems.values()):
            raise ModelError("; ".join(words for words, wrong in problems.items() if wrong))

    def twin(self) -> Self:
        """Return an untrained copy."""
        return type(self)(self.catalog, self.config)

    def task(self, log: InteractionLog, users: IntArray, rng: np.random.Generator) -> TrainingTask:
        """Deal out one training row a user and start a fresh network."""
        people, owners = of_log(log, users, self.weigh())
        if not len(people):
            raise ModelError("no user to train on likes anything; bring more users or data with likes")
        with seeded(rng):
            self._network = self.fresh().to(device())
        self._projected = None
        draw = LevelDraw(self.config.steps, importance=self.config.levels == "importance")
        return TrainingTask(
            module=self._network,
            row_users=owners,
            batch=lambda places: people.picked(places).dense().to(device()),
            loss=self.loss(draw),
            epochs=self.config.epochs,
            batch_size=self.config.batch_size,
            learning_rate=self.config.learning_rate,
            decay=0.0,
            schedule="constant",
        )

    def fresh(self) -> Any:
        """Build an untrained network."""
        own = self.config
        return denoiser(len(self.catalog), own.hidden, own.level_size, own.dropout)

    def loss(self, draw: LevelDraw) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the mean squared error of what the network tells, one a row, at levels drawn for each."""
        import torch

        network, plan, weighs = self._network, self.plan, self.config.reweight
        tells_noise = self.config.predicts == "noise"
        weights = plan.snr_loss_weight if weighs and not tells_noise else np.ones(len(plan))
        weight_of = torch.from_numpy(weights).float()

        def losses(x0: torch.Tensor) -> torch.Tensor:
            t, correction = draw.draw(len(x0))
            level, noise = t.to(x0.device), torch.randn_like(x0)
            told = restored(network, noised(x0, level, noise, plan), level)
            truth = noise if tells_noise else x0
            error = torch.nn.functional.mse_loss(told, truth, reduction="none").mean(dim=1)
            loss = weight_of[t].to(x0.device) * error
            draw.remember(t, loss)
            return loss * correction.to(x0.device)

        return losses

    def estimate(self, xt: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Return the network's estimate of the clean rows."""
        told = restored(self._network, xt, t)
        return told if self.config.predicts == "x0" else without(xt, told, t, self.plan)

    def scores(self, requests: Sequence[Request]) -> torch.Tensor:
        """Return the restored row of each request's history, shape ``(n_requests, n_items)``."""
        import torch

        self._trained()
        with torch.no_grad():
            return self.restored_rows(self._read([request.history for request in requests]))

    def restored_rows(self, people: People) -> torch.Tensor:
        """Restore rows level by level, from the noise that the settings put on them."""
        if not self.config.sampling_steps and self.config.predicts == "x0":
            if self._projected is None:
                self._projected = Projected.of(self._network, self.plan)
            return self._projected.scores(people)
        start = self._noised(people.dense().to(device()))
        levels = range(self.config.sampling_steps or len(self.plan))
        return reverse(start, self.estimate, self.plan, levels=levels)

    def _noised(self, x0: torch.Tensor) -> torch.Tensor:
        """Rows under the settings' noise; everyone meets the same, so that no answer hangs on company."""
        import torch

        if not self.config.sampling_steps:
            return x0
        t = torch.full((len(x0),), self.config.sampling_steps - 1, device=x0.device)
        noise = torch.randn(1, x0.shape[1], generator=torch.Generator().manual_seed(0))
        return noised(x0, t, noise.to(x0.device), self.plan)

    def score(self, requests: Sequence[Request]) -> list[FloatArray]:
        """Return the restored row at the candidates, about 1 for what a person likes and 0 for the rest."""
        return candidate_scores(requests, self.scores, len(self.catalog))

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return the ``k`` items that the restored row holds most of, less what the history holds."""
        return slates(requests, k, self.scores, len(self.catalog))

    def noise_steps(self) -> int:
        """Return the number of noise levels."""
        return self.config.steps

    def denoising_errors(
        self, histories: Sequence[History], steps: Sequence[int], *, rng: np.random.Generator
    ) -> FloatArray:
        """Return each person's mean error over the own likes at these levels, NaN without a like.

        Shape ``(n_histories, n_steps)``.
        """
        import torch

        self._trained()
        noise = torch.from_numpy(rng.standard_normal((len(steps), 1, self.noise_width()))).float()
        errors = np.full((len(histories), len(steps)), np.nan)
        for start in range(0, len(histories), ERROR_BATCH):
            people = self._read(histories[start : start + ERROR_BATCH])
            x0, counts = people.dense().to(device()), people.counts
            for place, step in enumerate(steps):
                t = torch.full((len(x0),), step, device=x0.device)
                with torch.no_grad():
                    off = self.entry_errors(x0, t, noise[place].to(x0.device)).cpu().numpy()
                sums = np.bincount(people.owner, off[people.owner, people.items], minlength=len(people))
                mean = np.divide(sums, counts, out=np.full(len(people), np.nan), where=counts > 0)
                errors[start : start + len(people), place] = mean
        return errors

    def noise_width(self) -> int:
        """Return how many numbers the noise is put on."""
        return len(self.catalog)

    def entry_errors(self, x0: torch.Tensor, t: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return the squared error of every entry of rows noised to their level, shape as ``x0``."""
        return (self.estimate(noised(x0, t, noise, self.plan), t) - x0).square()

    def representations(self, histories: Sequence[History]) -> FloatArray:
        """Return each history's code: what is left of it where the network is narrowest, ``(n, width)``."""
        import torch

        self._trained()
        runs = range(0, max(1, len(histories)), ERROR_BATCH)
        with torch.no_grad():
            codes = [self.code_rows(self._read(histories[start : start + ERROR_BATCH])) for start in runs]
        found: FloatArray = torch.cat(codes).double().cpu().numpy()
        return found

    def code_rows(self, people: People) -> torch.Tensor:
        """Return the code of each person's row."""
        import torch

        x0 = people.dense().to(device())
        return narrowed(self._network, x0, torch.zeros(len(x0), dtype=torch.long, device=x0.device))

    def rows_of(self, histories: Sequence[History]) -> FloatArray:
        """Return what the noise is put on, one row a history."""
        self._trained()
        rows: FloatArray = self._read(histories).dense().double().numpy()
        return rows

    def signal_kept(self) -> FloatArray:
        """Return the share of the signal's variance that each level leaves."""
        return self.plan.alpha_bar

    def restore(self, noised: FloatArray, step: int) -> FloatArray:
        """Return the clean rows behind these, as estimated at one level."""
        import torch

        self._trained()
        xt = torch.from_numpy(noised).float().to(device())
        with torch.no_grad():
            told = self.estimate(xt, torch.full((len(xt),), step, device=xt.device))
        rows: FloatArray = told.double().cpu().numpy()
        return rows

    def describe(self) -> Mapping[str, object]:
        """Return what a record says of this model."""
        return {"title": self.title, "settings": asdict(self.config)}

    def save(self, folder: Path) -> None:
        """Write the settings, and the network once it is trained."""
        (folder / "settings.json").write_text(json.dumps(asdict(self.config)), encoding="utf-8")
        if self._network is not None:
            from safetensors.torch import save_file

            save_file(self._network.state_dict(), folder / "network.safetensors")

    def load(self, folder: Path, log: InteractionLog) -> None:
        """Read what ``save`` wrote."""
        file = folder / "network.safetensors"
        if file.exists():
            from safetensors.torch import load_file

            self._network, self._projected = self.fresh(), None
            self._network.load_state_dict(load_file(file))
            self._network.to(device()).eval()

    def _read(self, histories: Sequence[History]) -> People:
        return of_histories(histories, len(self.catalog), self.weigh())

    def _trained(self) -> Any:
        if self._network is None:
            raise ModelError(f"this {self.title} is not trained yet; train it or load one that is")
        if self._network.training:
            # Training has gone on since it was last asked, so what was worked out from its weights is old.
            self._network.eval()
            self._projected = None
        return self._network


def device() -> str:
    """Where networks are trained and asked: the GPU if there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
