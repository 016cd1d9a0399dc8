"""One core of Gaussian diffusion for every model here: how noise is put on, weighed, and taken away.

Written as in Ho et al. 2020 (DDPM): levels t = 0 .. T-1, variances beta_t, alpha_t = 1 - beta_t,
abar_t = alpha_0 ... alpha_t with abar_{-1} = 1, and x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..base import ModelError
from ..data import FloatArray

if TYPE_CHECKING:
    import torch

Kind = Literal["linear", "linear-var", "exp", "cosine"]
Sampler = Literal["mean", "ancestral", "ddim"]
LARGEST_BETA = 0.999


@dataclass(frozen=True, eq=False)
class Schedule:
    """How much noise each level adds; ``betas`` in (0, 1), shape ``(T,)``, as are all its arrays."""

    betas: FloatArray

    def __post_init__(self) -> None:
        if not len(self.betas) or not ((self.betas > 0) & (self.betas < 1)).all():
            raise ModelError("a noise schedule needs at least one step, and every variance between 0 and 1")

    def __len__(self) -> int:
        return len(self.betas)

    @cached_property
    def alpha_bar(self) -> FloatArray:
        """The share of the signal's variance that is left."""
        return np.cumprod(1 - self.betas, dtype=np.float64)

    @cached_property
    def alpha_bar_before(self) -> FloatArray:
        """The same one level lower; 1 at level 0."""
        return np.concatenate([[1.0], self.alpha_bar[:-1]])

    @cached_property
    def x0_weight(self) -> FloatArray:
        """What x_0 counts in the mean of x_{t-1} given x_t and x_0; 1 at level 0."""
        weight: FloatArray = self.betas * np.sqrt(self.alpha_bar_before) / (1 - self.alpha_bar)
        return weight

    @cached_property
    def xt_weight(self) -> FloatArray:
        """What x_t counts in it; 0 at level 0."""
        weight: FloatArray = np.sqrt(1 - self.betas) * (1 - self.alpha_bar_before) / (1 - self.alpha_bar)
        return weight

    @cached_property
    def variance(self) -> FloatArray:
        """Of x_{t-1} given x_t and x_0; 0 at level 0."""
        variance: FloatArray = self.betas * (1 - self.alpha_bar_before) / (1 - self.alpha_bar)
        return variance

    @cached_property
    def snr(self) -> FloatArray:
        """Signal to noise, abar / (1 - abar)."""
        ratio: FloatArray = self.alpha_bar / (1 - self.alpha_bar)
        return ratio

    @cached_property
    def snr_loss_weight(self) -> FloatArray:
        """SNR(t-1) - SNR(t), the weight of the squared error of x_0 in the likelihood bound; 1 at level 0.

        Kingma et al. 2021, variational diffusion models; level 0 as in Wang et al. 2023 (DiffRec).
        """
        return np.concatenate([[1.0], self.snr[:-1] - self.snr[1:]])


def schedule(kind: Kind, steps: int, *, low: float = 0.0, high: float = 0.0) -> Schedule:
    """Make a schedule by its name.

    Parameters
    ----------
    steps : T, at least 1.
    low, high : "linear": the first and last beta (Ho et al. 2020). "linear-var": the first and last
        1 - abar_t, so that it is the total variance that rises evenly; beta_0 is then set to 1e-5, which
        makes the first level all but clean (Wang et al. 2023). "exp": a in beta_t = 1 - exp(-low / T -
        (high - low) (2 t + 1) / (2 T^2)), the discretised linear rate of Song et al. 2021 (DreamRec).
        "cosine" takes neither (Nichol and Dhariwal 2021, offset 0.008).

    Raises
    ------
    ModelError
        If a variance would not lie between 0 and 1.
    """
    if steps < 1:
        raise ModelError(f"a diffusion needs at least 1 step, got {steps}; set steps")
    level = np.arange(steps)
    if kind == "linear":
        return Schedule(np.linspace(low, high, steps))
    if kind == "linear-var":
        kept = 1 - np.linspace(low, high, steps)
        betas = 1 - kept / np.concatenate([[1.0], kept[:-1]])
        betas[0] = 1e-5
        return Schedule(np.minimum(betas, LARGEST_BETA))
    if kind == "exp":
        return Schedule(1 - np.exp(-low / steps - (high - low) * (2 * level + 1) / (2 * steps**2)))
    curve = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
    return Schedule(np.minimum(1 - curve[1:] / curve[:-1], LARGEST_BETA))


def at(values: FloatArray, t: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """The values of each row's level, shaped to multiply ``like``, whose rows they are."""
    import torch

    picked = torch.from_numpy(values).to(like.device)[t].to(like.dtype)
    return picked.reshape(-1, *[1] * (like.dim() - 1))


def noised(x0: torch.Tensor, t: torch.Tensor, noise: torch.Tensor, plan: Schedule) -> torch.Tensor:
    """x_t of each row at its own level ``t``, shape ``(n_rows,)``."""
    import torch

    kept, added = np.sqrt(plan.alpha_bar), np.sqrt(1 - plan.alpha_bar)
    return torch.addcmul(at(kept, t, x0) * x0, at(added, t, x0), noise)


def noise_in(xt: torch.Tensor, x0: torch.Tensor, t: torch.Tensor, plan: Schedule) -> torch.Tensor:
    """The noise that lies between x_0 and x_t."""
    kept, added = np.sqrt(plan.alpha_bar), np.sqrt(1 - plan.alpha_bar)
    return (xt - at(kept, t, xt) * x0) / at(added, t, xt)


def without(xt: torch.Tensor, noise: torch.Tensor, t: torch.Tensor, plan: Schedule) -> torch.Tensor:
    """x_0 where a network tells the noise instead (eps-prediction)."""
    kept, added = np.sqrt(plan.alpha_bar), np.sqrt(1 - plan.alpha_bar)
    return (xt - at(added, t, xt) * noise) / at(kept, t, xt)


def guided(conditional: torch.Tensor, unconditional: torch.Tensor, weight: float) -> torch.Tensor:
    """(1 + w) f(x, c) - w f(x, nothing): classifier-free guidance (Ho and Salimans 2022)."""
    return (1 + weight) * conditional - weight * unconditional


def reverse(
    x: torch.Tensor,
    denoise: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    plan: Schedule,
    *,
    sampler: Sampler = "mean",
    noise: Callable[[int], torch.Tensor] | None = None,
    levels: Sequence[int] | None = None,
) -> torch.Tensor:
    """Take the noise away level by level.

    Parameters
    ----------
    x : x_t at the highest of ``levels``, one row a sample.
    denoise : x_t and each row's level to the estimate of x_0.
    sampler : "mean" takes the mean of x_{t-1} each time and adds nothing (DiffRec); "ancestral" draws
        x_{t-1} (Ho et al. 2020); "ddim" keeps the estimated noise and is deterministic (Song et al. 2021).
    noise : level to standard normal noise of x's shape, for "ancestral".
    levels : ascending levels to visit, for "ddim"; all by default.

    Returns
    -------
    torch.Tensor
        The estimate of x_0.
    """
    import torch

    visited = list(range(len(plan)) if levels is None else levels)
    for place in reversed(range(len(visited))):
        level = visited[place]
        t = torch.full((len(x),), level, device=x.device)
        x0 = denoise(x, t)
        if place == 0:
            return x0
        if sampler == "ddim":
            before = float(plan.alpha_bar[visited[place - 1]])
            x = before**0.5 * x0 + (1 - before) ** 0.5 * noise_in(x, x0, t, plan)
            continue
        x = float(plan.x0_weight[level]) * x0 + float(plan.xt_weight[level]) * x
        if sampler == "ancestral":
            if noise is None:
                raise ModelError("ancestral sampling needs noise; give it, or use ddim")
            x = x + float(plan.variance[level]) ** 0.5 * noise(level)
    return x


class LevelDraw:
    """Draws the noise level of each training row, and keeps what the losses were.

    With ``importance`` a level comes up in proportion to the root mean square of its last losses, once
    every level has ``remembered`` of them, mixed with a share ``floor`` of uniform draws (Nichol and
    Dhariwal 2021); a drawn row's loss is divided by T times its chance, so that its mean stays what it
    was. Losses of single people decide what is drawn next, so private training must draw uniformly.
    """

    def __init__(self, steps: int, *, importance: bool, remembered: int = 10, floor: float = 0.001) -> None:
        self._floor, self._importance = floor, importance
        self._losses = np.zeros((steps, remembered))
        self._seen = np.zeros(steps, dtype=np.int64)

    def chances(self) -> FloatArray:
        """The chance of each level, shape ``(T,)``."""
        steps, remembered = self._losses.shape
        if not self._importance or (self._seen < remembered).any():
            return np.full(steps, 1 / steps)
        size = np.sqrt((self._losses**2).mean(axis=1))
        if not size.sum():
            return np.full(steps, 1 / steps)
        chances: FloatArray = size / size.sum() * (1 - self._floor) + self._floor / steps
        return chances

    def draw(self, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Each row's level and what to multiply its loss by, shapes ``(rows,)``; torch's own randomness."""
        import torch

        chance = torch.from_numpy(self.chances())
        level = torch.multinomial(chance, rows, replacement=True)
        return level, (1 / (chance[level] * len(chance))).float()

    def remember(self, level: torch.Tensor, losses: torch.Tensor) -> None:
        """Keep these rows' losses, the latest of each level; as they were before any re-weighting."""
        if not self._importance:
            return
        levels, values = level.numpy(), losses.detach().double().numpy()
        order = np.argsort(levels, kind="stable")
        levels, values = levels[order], values[order]
        remembered = self._losses.shape[1]
        place = np.arange(len(levels)) - np.searchsorted(levels, levels)
        count = np.bincount(levels, minlength=len(self._losses))
        late = place >= count[levels] - remembered
        slot = (self._seen[levels] + place) % remembered
        self._losses[levels[late], slot[late]] = values[late]
        self._seen += count


def level_features(t: torch.Tensor, size: int) -> torch.Tensor:
    """Cosines and sines of the level at ``size`` / 2 frequencies, shape ``(n_rows, size)``.

    Vaswani et al. 2017, as in Ho et al. 2020; an odd size ends with a zero.
    """
    import torch

    half = size // 2
    frequency = torch.exp(-np.log(10000.0) * torch.arange(half, device=t.device) / half)
    angle = t[:, None].float() * frequency[None]
    features = torch.cat([torch.cos(angle), torch.sin(angle)], dim=1)
    return torch.nn.functional.pad(features, (0, size % 2))
