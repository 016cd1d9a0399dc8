"""Attacks that follow a person's row through a diffusion model and see how far it is led astray.

Published for models that predict noise in an image; here for any that guess the clean row x0, as those over
people's histories do. With a_t the share of signal left at level t and x0(x, t) the guess, the noise in x is
e = (x - sqrt(a_t) x0(x, t)) / sqrt(1 - a_t). At one level, and between two points of the deterministic path,
errors in e and in x0 are multiples of each other, so that nothing is lost by measuring in x0, where they
do not blow up where there is hardly any noise. Adapted besides: the first noise e_0 is stretched to the mean
size of normal noise (as in PIAN), for the same reason; only a person's own entries count; and several levels
are asked, whose log errors count alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...models.capabilities import RestoresRows
from ...models.data import FloatArray, History

RESTORING_ATTACKS = ("pia", "secmi")
LEAST_ERROR = 1e-12
ROWS_AT_ONCE = 512
STOPS = 6
GUESSES = 2 * STOPS
"""Rows that the model restores for each person, at most."""
NORMAL_SIZE = float(np.sqrt(2 / np.pi))
"""The mean of |e| for standard normal e."""


def restoring_scores(
    model: RestoresRows, histories: Sequence[History], *, stops: int = STOPS
) -> dict[str, FloatArray]:
    """Each attack's score per history: minus its mean log error, ``(n_histories,)``; NaN without entries.

    Parameters
    ----------
    stops : noise levels asked, evenly from the least to the most noise; both attacks take one guess at each.

    Notes
    -----
    PIA (Kong et al. 2024): x_t = sqrt(a_t) x0 + sqrt(1 - a_t) e_0, with e_0 the model's own noise at the
    least level; the error is the 4-norm of x0(x_t, t) - x0. SecMI (Duan et al. 2023): from x0 on, the
    deterministic path x_s = sqrt(a_s) x0(x_t, t) + sqrt(1 - a_s) e; the error of the step from t to s and
    back is a multiple of |x0(x_s, s) - x0(x_t, t)|.
    """
    kept = model.signal_kept()
    levels = np.unique(np.round(np.linspace(0, len(kept) - 1, stops)).astype(np.int64)).tolist()
    attacks: dict[str, Attack] = {"pia": _pia, "secmi": _secmi}
    found = {name: np.full(len(histories), np.nan) for name in attacks}
    if len(levels) < 2:
        return found
    for start in range(0, len(histories), ROWS_AT_ONCE):
        rows = model.rows_of(histories[start : start + ROWS_AT_ONCE])
        for name, attack in attacks.items():
            errors = np.maximum(attack(model, rows, kept, levels), LEAST_ERROR)
            found[name][start : start + len(rows)] = -np.log(errors).mean(axis=0)
    return found


Attack = Callable[[RestoresRows, FloatArray, FloatArray, list[int]], FloatArray]


def _pia(model: RestoresRows, rows: FloatArray, kept: FloatArray, levels: list[int]) -> FloatArray:
    """The error at each level but the first, shape ``(n_levels - 1, n_rows)``."""
    noise = _first_noise(rows, model.restore(rows, levels[0]), float(kept[levels[0]]))
    errors = []
    for level in levels[1:]:
        noised = np.sqrt(kept[level]) * rows + np.sqrt(1 - kept[level]) * noise
        errors.append(_own(model.restore(noised, level) - rows, rows, power=4))
    return np.stack(errors)


def _secmi(model: RestoresRows, rows: FloatArray, kept: FloatArray, levels: list[int]) -> FloatArray:
    """The error between each level and the next, shape ``(n_levels - 1, n_rows)``."""
    guess = model.restore(rows, levels[0])
    noise = _first_noise(rows, guess, float(kept[levels[0]]))
    errors = []
    for level in levels[1:]:
        noised = np.sqrt(kept[level]) * guess + np.sqrt(1 - kept[level]) * noise
        before, guess = guess, model.restore(noised, level)
        noise = (noised - np.sqrt(kept[level]) * guess) / np.sqrt(1 - kept[level])
        errors.append(_own(guess - before, rows, power=2))
    return np.stack(errors)


def _first_noise(rows: FloatArray, guess: FloatArray, kept: float) -> FloatArray:
    """e_0 stretched so that its mean size is that of normal noise; 0 where the guess leaves none."""
    noise = rows - np.sqrt(kept) * guess
    size = np.abs(noise).mean(axis=1, keepdims=True)
    stretched: FloatArray = noise * np.divide(NORMAL_SIZE, size, out=np.zeros_like(size), where=size > 0)
    return stretched


def _own(off: FloatArray, rows: FloatArray, *, power: int) -> FloatArray:
    """Mean of |off|^power over a row's own entries, to the 1/power; NaN for a row of zeros."""
    own = rows != 0
    total, count = np.where(own, np.abs(off) ** power, 0.0).sum(axis=1), own.sum(axis=1)
    mean = np.divide(total, count, out=np.full(len(rows), np.nan), where=count > 0)
    return np.asarray(mean ** (1 / power))
