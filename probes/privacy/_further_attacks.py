"""Attacks that train no copy of the model and need it to show more than how well it knows a person."""

from __future__ import annotations

from typing import cast

import numpy as np

from ...models.capabilities import GivesTokenLikelihoods, RestoresRows
from ...models.data import FloatArray, InteractionLog
from ..base import Auditee
from ._blind import summaries
from ._denoising_attacks import WholeHistories
from ._handed_in import HandedIn, user_means
from ._loss_attacks import AttackRows
from ._quantile_attack import FEWEST_STRANGERS, QuantileAttack
from ._restoring_attacks import RESTORING_ATTACKS, restoring_scores
from ._token_attacks import TOKEN_ATTACKS, text_scores

FURTHER = ("quantile", *TOKEN_ATTACKS, *RESTORING_ATTACKS)
ACCUSED_AT = 0.05
BEFORE = 2
"""Strangers' examples put before a text to see what that does to it."""


def further_scores(
    auditee: Auditee,
    rows: HandedIn,
    plain: FloatArray,
    strangers: HandedIn | None,
    rng: np.random.Generator,
) -> dict[str, FloatArray]:
    """The scores, one a row, of every further attack that can be tried.

    Parameters
    ----------
    plain : the plain attack's scores of the rows.
    strangers : the same as ``rows`` of people who were surely not trained on, if there are any.
    """
    found: dict[str, FloatArray] = {}
    can = auditee.capabilities
    if isinstance(rows, AttackRows) and "gives_token_likelihoods" in can:
        before = strangers.examples[:BEFORE] if isinstance(strangers, AttackRows) else ()
        found |= text_scores(cast(GivesTokenLikelihoods, auditee.model), rows.examples, before=before)
    if isinstance(rows, WholeHistories) and "restores_rows" in can:
        found |= restoring_scores(cast(RestoresRows, auditee.model), rows.histories)
    if strangers is not None and len(np.unique(strangers.user)) >= FEWEST_STRANGERS:
        _, place = np.unique(rows.user, return_inverse=True)
        known = strangers.plain(strangers.known(auditee.model))
        attack = QuantileAttack.fit(
            _features(auditee.log, strangers), user_means(known, strangers.user), rng=rng
        )
        scores = attack.scores(_features(auditee.log, rows), user_means(plain, rows.user))
        accused = attack.accuses(scores, ACCUSED_AT)
        found |= {"quantile": scores[place], "accused": accused[place].astype(np.float64)}
    return {f"score_{name}": scores for name, scores in found.items()}


def _features(log: InteractionLog, rows: HandedIn) -> FloatArray:
    return summaries(log, np.unique(rows.user), rows.people())
