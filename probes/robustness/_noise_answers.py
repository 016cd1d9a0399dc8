"""What accidents in a history change in a model's answers: in its lists, or in what it says of items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...models.base import Request
from ...models.data import FloatArray, IntArray
from .._exhibits import cases_to_show, request_text
from .._retrieval import ndcg
from .._rows import probability
from ..base import Auditee, Exhibit
from ._list_distance import NOTHING, list_table, rbo, side_by_side, turned
from ._noises import RANDOM, STRANGER, SWAPPED, Noised

Shown = tuple[str, float | None, float | None]


@dataclass(frozen=True)
class Changes:
    """What each noised request changed.

    Parameters
    ----------
    figures : name to one number a noised request, shape ``(n_noised,)``.
    shown : the answers to a noised request, beside those to the person's own.
    """

    figures: Mapping[str, FloatArray]
    shown: Callable[[int], tuple[Shown, ...]]


def changes_of_odds(auditee: Auditee, people: Sequence[Request], noised: Sequence[Noised]) -> Changes:
    """The share of answers that turn between yes and no, and how far log-odds move."""
    own = {person.history.user: odds for person, odds in zip(people, auditee.log_odds(people), strict=True)}
    now = auditee.log_odds([one.request for one in noised])
    given = [own[one.user] for one in noised]
    titles = auditee.catalog.titles

    def shown(row: int) -> tuple[Shown, ...]:
        before, after = probability(given[row]), probability(now[row])
        items = noised[row].request.candidates
        return tuple((titles[i], float(a), float(b)) for i, a, b in zip(items, before, after, strict=True))

    pairs = list(zip(given, now, strict=True))
    turns = np.array([np.mean((a > 0) != (b > 0)) for a, b in pairs])
    return Changes({"turned": turns, "odds_moved": np.array([np.abs(a - b).mean() for a, b in pairs])}, shown)


def changes_of_lists(
    auditee: Auditee,
    people: Sequence[Request],
    noised: Sequence[Noised],
    *,
    targets: Sequence[IntArray],
    k: int,
    rng: np.random.Generator,
) -> Changes:
    """The share of items that leave the list, rank-biased overlap and NDCG that are lost.

    Items of the own history, and those that accidents bring in, are passed over in every list, since they
    can stand in some of them only.
    """
    place = {person.history.user: at for at, person in enumerate(people)}
    out = [set(person.history.items) for person in people]
    for one in noised:
        out[place[one.user]].update(one.fresh)
    depth = k + max((len(one.fresh) for one in noised), default=0)
    whose = np.array([place[one.user] for one in noised], dtype=np.int64)

    def table(requests: Sequence[Request], over: Sequence[set[int]]) -> IntArray:
        return list_table(auditee.recommend(requests, depth), k=k, passed_over=over)

    given = table(people, out)[whose]
    now = table([one.request for one in noised], [out[at] for at in whose])
    for row, one in enumerate(noised):
        if one.kind == RANDOM:
            unmet = np.setdiff1d(np.arange(len(auditee.catalog)), list(out[whose[row]]))
            now[row] = _row(rng.choice(unmet, min(k, len(unmet)), replace=False).tolist(), k)
        elif one.kind == STRANGER:
            # What the stranger has met is kept out of the stranger's list, and says nothing of the model.
            kept = [item for item in given[row].tolist() if item not in one.request.history.items]
            both = min(len(kept), int((now[row] >= 0).sum()))
            given[row], now[row] = _row(kept[:both], k), _row(now[row, :both].tolist(), k)
    wanted = [targets[at] for at in whose]
    figures = {
        "turned": turned(given, now),
        "rbo_lost": 1 - rbo(given, now),
        "ndcg_lost": ndcg(given, wanted) - ndcg(now, wanted),
    }
    titles = auditee.catalog.titles
    return Changes(figures, lambda row: side_by_side(given[row], now[row], titles))


def _row(items: Sequence[int], k: int) -> IntArray:
    return np.array([*items, *[NOTHING] * (k - len(items))], dtype=np.int64)


def exhibits(
    auditee: Auditee,
    people: Sequence[Request],
    noised: Sequence[Noised],
    changes: Changes,
    rng: np.random.Generator,
) -> tuple[Exhibit, ...]:
    """People for whom the fewest accidents changed most, and people at random."""
    own = {person.history.user: person for person in people}
    least = min(one.k for one in noised if one.kind == SWAPPED)
    rows = [at for at, one in enumerate(noised) if (one.kind, one.k) == (SWAPPED, least)]
    effects, found = changes.figures["turned"][rows], []
    for kind, number, place in cases_to_show(effects, rng=rng):
        one = noised[rows[place]]
        found.append(
            Exhibit(
                title=f"{'Largest change' if kind == 'worst' else 'Random person'} {number}",
                left_label="own history",
                right_label=f"own history with {least} entry swapped",
                left=request_text(auditee, own[one.user]),
                right=request_text(auditee, one.request),
                answers=changes.shown(rows[place]),
                effect=float(effects[place]),
                kind=kind,
            )
        )
    return tuple(found)
