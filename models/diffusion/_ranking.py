"""Turns scores over the catalogue into slates, a batch of people at a time, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..base import Recommendation, Request, Slate
from ..data import FloatArray

if TYPE_CHECKING:
    import torch

CELLS = 2**25
"""Scores held at once: 128 MB of single precision."""

Scorer = Callable[[Sequence[Request]], "torch.Tensor"]


def batches(requests: Sequence[Request], width: int) -> Iterator[Sequence[Request]]:
    """The requests in runs that give at most ``CELLS`` scores over ``width`` items; at most 512 each."""
    size = max(1, min(512, CELLS // max(1, width)))
    for start in range(0, len(requests), size):
        yield requests[start : start + size]


def slates(requests: Sequence[Request], k: int, scorer: Scorer, width: int) -> list[Slate]:
    """The ``k`` best items of each request by a scorer, which gives ``(n_requests, width)`` scores.

    A request that states candidates is answered by those; any other by the whole catalogue less what its
    history holds.
    """
    found: list[Slate] = []
    for run in batches(requests, width):
        scores = _masked(scorer(run), run)
        values, items = scores.topk(min(k, width), dim=1)
        for request, row, own in zip(run, values.tolist(), items.tolist(), strict=True):
            entries = (
                Recommendation(item, value) for item, value in zip(own, row, strict=True) if value > -np.inf
            )
            found.append(Slate(request, tuple(entries)))
    return found


def candidate_scores(requests: Sequence[Request], scorer: Scorer, width: int) -> list[FloatArray]:
    """One score a candidate of each request, or an item where it states none."""
    found: list[FloatArray] = []
    for run in batches(requests, width):
        for request, row in zip(run, scorer(run).double().cpu().numpy(), strict=True):
            found.append(row[list(request.candidates)] if request.candidates else row)
    return found


def _masked(scores: torch.Tensor, requests: Sequence[Request]) -> torch.Tensor:
    """Minus infinity wherever an item may not be recommended."""
    import torch

    known = [request.history.items if not request.candidates else () for request in requests]
    counts = torch.tensor([len(items) for items in known])
    owner = torch.repeat_interleave(torch.arange(len(known)), counts)
    scores[owner, torch.tensor([item for items in known for item in items], dtype=torch.long)] = -torch.inf
    for place, request in enumerate(requests):
        if request.candidates:
            allowed = torch.tensor(request.candidates)
            kept = scores[place, allowed]
            scores[place] = -torch.inf
            scores[place, allowed] = kept
    return scores
