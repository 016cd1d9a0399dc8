"""Which cases a report shows, and how a request reads there without telling what real people did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, cast

import numpy as np

from ..models.base import Request
from ..models.capabilities import ReadsTitles
from ..models.data import FloatArray
from .base import Auditee


def cases_to_show(
    effects: FloatArray, *, rng: np.random.Generator, each: int = 3
) -> Iterator[tuple[Literal["worst", "random"], int, int]]:
    """Pick the largest effects and as many others at random: (kind, number within it, place).

    ``effects`` has shape ``(n_cases,)``, larger being worse; unknown ones are never picked.
    """
    known = np.flatnonzero(np.isfinite(effects))
    worst = known[np.argsort(-effects[known], kind="stable")[:each]]
    others = np.setdiff1d(known, worst)
    drawn = rng.choice(others, min(each, len(others)), replace=False)
    yield from (("worst", number, int(place)) for number, place in enumerate(worst, 1))
    yield from (("random", number, int(place)) for number, place in enumerate(drawn, 1))


def request_text(auditee: Auditee, request: Request) -> str:
    """The request as the model reads it; the histories of real people are masked.

    A model that reads no titles shows what it is given: the titles of the history, or how many there are.
    """
    history, titles = request.history, auditee.catalog.titles
    if not auditee.log.synthetic:
        masked = {item: "…" for item in history.items if item not in request.candidates}
        request = replace(request, titles=(*request.titles, *masked.items()))
    if "reads_titles" in auditee.capabilities:
        return cast(ReadsTitles, auditee.model).render(request)
    if not auditee.log.synthetic:
        return f"a history of {len(history)} items"
    liked = history.liked or (True,) * len(history)
    return "; ".join(
        f"{'liked' if like else 'disliked'} {titles[item]}"
        for item, like in zip(history.items, liked, strict=True)
    )
