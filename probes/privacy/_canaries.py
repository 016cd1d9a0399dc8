"""People whom we put into the training set or leave out, and what a model is asked about each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from ...models.base import Recommender
from ...models.capabilities import Denoises, capabilities
from ...models.data import IntArray, InteractionLog, examples
from ..base import NotApplicable
from ._denoising_attacks import WholeHistories
from ._handed_in import HandedIn
from ._loss_attacks import AttackRows


def can_be_asked(model: Recommender, log: InteractionLog, users: IntArray, *, window: int) -> IntArray:
    """The users with enough of a history: longer than a window for likelihoods, else with a like."""
    if "gives_likelihoods" in capabilities(model):
        return users[np.diff(log.starts)[users] > window]
    liked = log.user if log.liked is None else log.user[log.liked]
    return users[np.bincount(liked, minlength=log.n_users)[users] > 0]


def handed_in(
    model: Recommender,
    log: InteractionLog,
    users: IntArray,
    included: npt.NDArray[np.bool_],
    *,
    per_user: int,
    window: int,
    noise_levels: Sequence[float],
    seed: int,
) -> HandedIn:
    """All that is asked of these users, whichever of them were trained on.

    Nothing is left out for looking like somebody else's, since that would depend on who was trained on.

    Parameters
    ----------
    included : who was, shape ``(n_users,)``; everyone of ``users``, ascending, must be able to be asked.
    per_user, window : latest examples of each, and history items of an example (likelihoods).
    noise_levels, seed : where in the model's range, 0 its least noise and 1 its most, and of the noise
        (restored histories).

    Raises
    ------
    NotApplicable
        If answers are to be recalled and the data has none.
    """
    if "gives_likelihoods" in capabilities(model):
        if log.liked is None:
            raise NotApplicable(
                f"data {log.name!r} has no likes and dislikes, so there is no answer to recall"
            )
        rows = tuple(examples(log, users, per_user=per_user, length=window, rng=None))
        of_row = included[np.searchsorted(users, [row.history.user for row in rows])]
        return AttackRows(rows, of_row, dropped=0)
    levels = cast(Denoises, model).noise_steps()
    return WholeHistories(
        histories=tuple(log.history(user) for user in users.tolist()),
        member=included,
        dropped=0,
        steps=tuple(sorted({round(place * (levels - 1)) for place in noise_levels})),
        levels=levels,
        seed=seed,
    )
