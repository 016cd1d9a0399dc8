"""Asks for lists in several wordings, and again in one, and shows the people whose answers move most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from ...models.base import Request, Slate
from ...models.capabilities import Draws, Recorded
from ...models.data import FloatArray, IntArray
from .._exhibits import cases_to_show, request_text
from .._people import own_profile
from .._rows import probability
from ..base import Auditee, Exhibit, NotApplicable
from ._list_distance import list_table, side_by_side, turned

AGAIN = "asked again"


def wording(number: int) -> str:
    """The version of a request in this wording, from 0."""
    return f"wording {number}"


def list_requests(
    auditee: Auditee, *, n_users: int, length: int, wordings: int, rng: np.random.Generator
) -> list[Request]:
    """One request a held-out person, with the last ``length`` items.

    Of recorded answers, of people whose request was recorded in every wording.

    Raises
    ------
    NotApplicable
        If nobody can be asked in every wording.
    """
    log, held_out = auditee.log, auditee.population.held_out
    able = held_out[np.diff(log.starts)[held_out] > 0]
    model = auditee.model
    requests = [
        Request(history=log.history(int(user), last=length), attributes=own_profile(auditee, int(user), rng))
        for user in (able if isinstance(model, Recorded) else _drawn(able, n_users, rng))
    ]
    if isinstance(model, Recorded):
        known = np.array(
            [model.holds([replace(one, wording=w) for one in requests]) for w in range(wordings)]
        ).all(axis=0)
        requests = [requests[at] for at in _drawn(np.flatnonzero(known), n_users, rng)]
    if not requests:
        raise NotApplicable(
            f"none of {len(held_out)} held-out users has a history and can be asked in all {wordings}"
            " wordings"
        )
    return requests


def _drawn(places: IntArray, n: int, rng: np.random.Generator) -> IntArray:
    return np.sort(rng.choice(places, min(n, len(places)), replace=False))


def ask_again(auditee: Auditee, requests: Sequence[Request], k: int) -> tuple[list[Slate] | None, list[str]]:
    """The same requests answered anew, and caveats; ``None`` for recordings, which repeat themselves."""
    if "draws" in auditee.capabilities:
        return cast(Draws, auditee.model).redrawn(1).recommend(requests, k), []
    if isinstance(auditee.model, Recorded):
        return None, ["Each request was recorded once, so what the system changes by itself is not known."]
    return auditee.recommend(requests, k, repeat=1), []


def table_of(slates: Sequence[Slate], k: int) -> IntArray:
    """The items of each list, without those of its own history, shape ``(n_lists, k)``."""
    return list_table(slates, k=k, passed_over=[slate.request.history.items for slate in slates])


def cases_of_odds(
    auditee: Auditee,
    worded: Sequence[Sequence[Request]],
    versions: Mapping[str, Sequence[FloatArray]],
    rng: np.random.Generator,
) -> tuple[Exhibit, ...]:
    """Users whose probabilities move most in another wording, and users at random."""
    shown = [[probability(odds) for odds in versions[wording(w)]] for w in range(len(worded))]
    moved = np.array(
        [[np.abs(a - b).mean() for a, b in zip(shown[0], other, strict=True)] for other in shown[1:]]
    )
    titles = auditee.catalog.titles

    def answers(at: int, other: int) -> list[tuple[str, float | None, float | None]]:
        return [
            (titles[item], float(before), float(after))
            for item, before, after in zip(
                worded[0][at].candidates, shown[0][at], shown[other][at], strict=True
            )
        ]

    firsts = [[replace(one, candidates=one.candidates[:1]) for one in own] for own in worded]
    rows = [answers(at, 1 + int(moved[:, at].argmax())) for at in range(moved.shape[1])]
    return _cases(auditee, firsts, moved, rows, rng)


def cases_of_lists(
    auditee: Auditee,
    worded: Sequence[Sequence[Request]],
    tables: Mapping[str, IntArray],
    rng: np.random.Generator,
) -> tuple[Exhibit, ...]:
    """Users whose lists share least with those in another wording, and users at random."""
    given = tables[wording(0)]
    others = [tables[wording(w)] for w in range(1, len(worded))]
    moved = np.stack([turned(given, other) for other in others])
    titles = auditee.catalog.titles

    rows = [
        side_by_side(given[at], others[int(np.nan_to_num(moved[:, at]).argmax())][at], titles)
        for at in range(len(given))
    ]
    return _cases(auditee, worded, moved, rows, rng, unit=", each item with 1 / place")


def _cases(
    auditee: Auditee,
    worded: Sequence[Sequence[Request]],
    moved: FloatArray,
    answers: Sequence[Sequence[tuple[str, float | None, float | None]]],
    rng: np.random.Generator,
    *,
    unit: str = "",
) -> tuple[Exhibit, ...]:
    """Each in the wording that moves its user most; ``moved`` has shape ``(n_wordings - 1, n_people)``."""
    exhibits = []
    worst = np.nan_to_num(moved).argmax(axis=0)
    effects = moved[worst, np.arange(moved.shape[1])]
    for kind, number, at in cases_to_show(effects, rng=rng):
        other = 1 + int(worst[at])
        exhibits.append(
            Exhibit(
                title=f"{'Largest change' if kind == 'worst' else 'Random user'} {number}",
                left_label=wording(0) + unit,
                right_label=wording(other) + unit,
                left=request_text(auditee, worded[0][at]),
                right=request_text(auditee, worded[other][at]),
                answers=tuple(answers[at]),
                effect=float(effects[at]),
                kind=kind,
            )
        )
    return tuple(exhibits)
