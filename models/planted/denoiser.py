"""A diffusion recommender in closed form: it knows the public at large, its own people by heart, or both.

A person is a row x0 over the catalogue, 1 for each item liked (met, where data say nothing of likes), seen
with noise as x_t = sqrt(a_t) x0 + sqrt(1 - a_t) e. Two restorers of x0 are mixed by the dial ``memory``:

honest: p + g_t (x_t - sqrt(a_t) p) with g_t = sqrt(a_t) v / (a_t v + 1 - a_t) and v = p (1 - p), the best
linear guess of someone who knows each item's share p among the public and no single person.
memorising: the mean of the remembered rows x_i, weighted by exp(-|x_t - sqrt(a_t) x_i|^2 / (2 (1 - a_t))):
the best guess of someone to whom these rows are all there is, which is what training on them without end
comes to (Gu et al. 2023, memorisation in diffusion models).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..base import Recommendation, Request, Slate
from ..data import Catalog, FloatArray, History, InteractionLog


@dataclass(frozen=True, kw_only=True, eq=False)
class PlantedDenoiser:
    """A denoiser whose memory of its people is dialled.

    Parameters
    ----------
    shares : each item's share among the public, shape ``(n_items,)``, in (0, 1).
    remembered : the rows it knows by heart, shape ``(n_people, n_items)``; none is allowed.
    memory : weight of the memorising restorer, in [0, 1]; 0 is honest.
    signal : a_t of each noise level, in (0, 1), the least noise first.
    """

    catalog: Catalog
    shares: FloatArray
    remembered: FloatArray
    memory: float = 0.0
    signal: tuple[float, ...] = (0.99, 0.9, 0.5)

    @classmethod
    def of(cls, log: InteractionLog, public: npt.ArrayLike, *, memory: float = 0.0) -> PlantedDenoiser:
        """A denoiser that knows what share of ``public`` users likes each item (add-one smoothed)."""
        rows = _multi_hot([log.history(int(user)) for user in np.asarray(public)], len(log.catalog))
        shares = (rows.sum(axis=0) + 1) / (len(rows) + 2)
        return cls(catalog=log.catalog, shares=shares, remembered=rows[:0], memory=memory)

    def remembering(self, log: InteractionLog, users: npt.ArrayLike) -> PlantedDenoiser:
        """Return a copy that has these users' rows by heart, and no others."""
        histories = [log.history(int(user)) for user in np.asarray(users)]
        return replace(self, remembered=_multi_hot(histories, len(self.catalog)))

    def noise_steps(self) -> int:
        """Return the number of noise levels."""
        return len(self.signal)

    def denoising_errors(
        self, histories: Sequence[History], steps: Sequence[int], *, rng: np.random.Generator
    ) -> FloatArray:
        """Return the mean squared error on each history's own entries, shape ``(n_histories, n_steps)``.

        NaN for a history without a like.
        """
        rows = _multi_hot(histories, len(self.catalog))
        own = rows.sum(axis=1)
        errors = np.full((len(histories), len(steps)), np.nan)
        for place, step in enumerate(steps):
            a = self.signal[step]
            noised = np.sqrt(a) * rows + np.sqrt(1 - a) * rng.normal(size=rows.shape[1])
            missed = (rows * (rows - self._restored(noised, a)) ** 2).sum(axis=1)
            np.divide(missed, own, out=errors[:, place], where=own > 0)
        return errors

    def rows_of(self, histories: Sequence[History]) -> FloatArray:
        """Return 1 where a history likes the item."""
        return _multi_hot(histories, len(self.catalog))

    def signal_kept(self) -> FloatArray:
        """Return a_t of each noise level."""
        return np.array(self.signal)

    def restore(self, noised: FloatArray, step: int) -> FloatArray:
        """Return the guess of the clean rows behind these at one level."""
        return self._restored(noised, self.signal[step])

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return the ``k`` items most present in the history restored as if it had the least noise.

        Without stated candidates these are all items but the history's own.
        """
        rows = _multi_hot([request.history for request in requests], len(self.catalog))
        a = self.signal[0]
        restored = self._restored(np.sqrt(a) * rows, a)
        return [self._slate(request, row, k) for request, row in zip(requests, restored, strict=True)]

    def _restored(self, noised: FloatArray, a: float) -> FloatArray:
        """x0 as guessed from x_t, shape ``(n, n_items)``; ``a`` is the level's a_t."""
        spread = self.shares * (1 - self.shares)
        gain = np.sqrt(a) * spread / (a * spread + 1 - a)
        honest: FloatArray = self.shares + gain * (noised - np.sqrt(a) * self.shares)
        if not self.memory or not len(self.remembered):
            return honest
        return (1 - self.memory) * honest + self.memory * self._recalled(noised, a)

    def _recalled(self, noised: FloatArray, a: float) -> FloatArray:
        # |x_t|^2 is the same for every remembered row, so it drops out of the weights.
        square = a * (self.remembered**2).sum(axis=1)
        odds = (2 * np.sqrt(a) * noised @ self.remembered.T - square) / (2 * (1 - a))
        weights = np.exp(odds - odds.max(axis=1, keepdims=True))
        recalled: FloatArray = weights @ self.remembered / weights.sum(axis=1, keepdims=True)
        return recalled

    def _slate(self, request: Request, row: FloatArray, k: int) -> Slate:
        known = () if request.candidates else request.history.items
        items = np.setdiff1d(request.candidates or np.arange(len(self.catalog)), known).astype(np.int64)
        best = items[np.argsort(-row[items], kind="stable")[:k]]
        return Slate(request, tuple(Recommendation(int(item), float(row[item])) for item in best))


def _multi_hot(histories: Sequence[History], n_items: int) -> FloatArray:
    """One row a history, 1 where it likes the item; shape ``(n_histories, n_items)``."""
    rows = np.zeros((len(histories), n_items))
    for row, history in zip(rows, histories, strict=True):
        liked = history.liked or (True,) * len(history)
        row[[item for item, like in zip(history.items, liked, strict=True) if like]] = 1.0
    return rows
