"""Requests that hint at who somebody is, by a name or an e-mail address, and what was answered to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...models.base import Request
from ...models.data import FloatArray, IntArray
from .._rows import user_means
from ..base import Auditee
from ._list_moves import moved
from ._names import NamePairs

Columns = dict[str, npt.NDArray[np.generic]]
CUES = {"name": "{name}", "e-mail": "{lower}@example.org"}
"""What a cue is called in a request, and how a first name is written in it."""

K = 10


def cued(request: Request, cue: str, name: str, *, instead_of: str) -> Request:
    """The request with the cue where the attribute stood, or else at the end, and no other cue."""
    dropped = {instead_of, *CUES}
    places = [place for place, (key, _) in enumerate(request.attributes) if key == instead_of]
    place = sum(key not in dropped for key, _ in request.attributes[: places[0]]) if places else None
    kept = [stated for stated in request.attributes if stated[0] not in dropped]
    written = CUES[cue].format(name=name, lower=name.lower())
    kept.insert(len(kept) if place is None else place, (cue, written))
    return replace(request, attributes=tuple(kept))


@dataclass(frozen=True)
class Dealt:
    """Which name pairs each person is asked with: as many of either half, and all pairs about as often.

    Parameters
    ----------
    pairs : shape ``(n_people, 2 * per_half)``, the first ``per_half`` of half 0.
    half : of each pair, 0 or 1 by coin, shape ``(n_pairs,)``: what a contrast that means nothing rests on.
    """

    pairs: IntArray
    half: IntArray

    @classmethod
    def of(cls, n_people: int, n_pairs: int, *, per_half: int, rng: np.random.Generator) -> Dealt:
        """Deal pairs to people."""
        order = rng.permutation(n_pairs)
        halves = order[: n_pairs // 2], order[n_pairs // 2 :]
        steps = np.arange(n_people)[:, None] * per_half + np.arange(per_half)
        half = np.zeros(n_pairs, dtype=np.int64)
        half[halves[1]] = 1
        return cls(np.hstack([own[steps % len(own)] for own in halves]), half)


def ask_odds(
    auditee: Auditee,
    people: Sequence[Request],
    cues: Sequence[str],
    names: NamePairs,
    dealt: Dealt,
    *,
    instead_of: str,
) -> Columns:
    """One row an answer about a candidate, under one name of one pair."""
    keys = [
        (place, cue, int(pair), side)
        for place in range(len(people))
        for cue in cues
        for pair in dealt.pairs[place]
        for side in (0, 1)
    ]
    requests = [
        cued(people[place], cue, names.pairs[pair][side], instead_of=instead_of)
        for place, cue, pair, side in keys
    ]
    odds = auditee.log_odds(requests)
    counts = [len(row) for row in odds]
    return {
        "cluster": np.repeat([request.history.user for request in requests], counts).astype(np.int64),
        "candidate": np.array([item for request in requests for item in request.candidates], dtype=np.int64),
        "cue": np.repeat([cue for _, cue, _, _ in keys], counts),
        "pair": np.repeat([pair for _, _, pair, _ in keys], counts).astype(np.int64),
        "half": np.repeat([dealt.half[pair] for _, _, pair, _ in keys], counts).astype(np.int64),
        "side": np.repeat([side for _, _, _, side in keys], counts).astype(np.int64),
        "score": np.concatenate(odds),
    }


def ask_lists(
    auditee: Auditee,
    people: Sequence[Request],
    cues: Sequence[str],
    names: NamePairs,
    dealt: Dealt,
    *,
    instead_of: str,
) -> Columns:
    """One row a person, cue and pair: how far the list moves to the partner, or a name that hints alike."""
    found: list[tuple[int, str, int, float, float]] = []
    for place, person in enumerate(people):
        for cue in cues:
            own = dealt.pairs[place].tolist()
            asked = [
                cued(person, cue, names.pairs[pair][side], instead_of=instead_of)
                for pair in own
                for side in (0, 1)
            ]
            slates = auditee.recommend(asked, K)
            for number, pair in enumerate(own):
                here, there = 2 * number, 2 * ((number + 1) % len(own))
                across = moved(slates[here], slates[here + 1], beside=(), k=K)
                alike = [moved(slates[here + s], slates[there + s], beside=(), k=K) for s in (0, 1)]
                found.append((person.history.user, cue, pair, across, float(np.mean(alike))))
    return {
        "cluster": np.array([row[0] for row in found], dtype=np.int64),
        "cue": np.array([row[1] for row in found], dtype=np.str_),
        "pair": np.array([row[2] for row in found], dtype=np.int64),
        "across": np.array([row[3] for row in found], dtype=np.float64),
        "alike": np.array([row[4] for row in found], dtype=np.float64),
    }


@dataclass(frozen=True)
class CueTable:
    """One row a person and pair.

    Parameters
    ----------
    sides : the mean answer over candidates under either name, shape ``(n_rows, 2)``.
    user, pair, half : of each row, shape ``(n_rows,)``.
    rows : answers behind the table.
    """

    sides: FloatArray
    user: IntArray
    pair: IntArray
    half: IntArray
    rows: int

    @classmethod
    def of(cls, columns: Columns, scores: FloatArray, cue: str) -> CueTable:
        """Read one cue's answers, on any scale."""
        here = columns["cue"].astype(str) == cue
        user, pair, side = (columns[name][here].astype(np.int64) for name in ("cluster", "pair", "side"))
        keys, first, place = np.unique(
            np.stack([user, pair], axis=1), axis=0, return_index=True, return_inverse=True
        )
        means = [user_means(np.where(side == s, scores[here], np.nan), place.ravel()) for s in (0, 1)]
        half = columns["half"][here].astype(np.int64)[first]
        return cls(np.stack(means, axis=1), keys[:, 0], keys[:, 1], half, int(here.sum()))

    def differences(self) -> FloatArray:
        """Second name minus first, shape ``(n_rows,)``."""
        found: FloatArray = self.sides[:, 1] - self.sides[:, 0]
        return found

    def meaningless(self) -> FloatArray:
        """Rows whose mean is pairs of half 1 minus pairs of half 0, per person: names that hint alike."""
        middle = self.sides.mean(axis=1)
        place = np.unique(self.user, return_inverse=True)[1].ravel()
        around: FloatArray = middle - user_means(middle, self.user)[place]
        return np.where(self.half == 1, 2.0, -2.0) * around

    def reactions(self) -> FloatArray:
        """How far a person's answers lie from their mean over names that hint alike, in size."""
        place = np.unique(self.user, return_inverse=True)[1].ravel()
        means = [user_means(own, self.user)[place] for own in self.sides.T]
        found: FloatArray = np.abs(self.sides - np.stack(means, axis=1)).mean(axis=1)
        return found
