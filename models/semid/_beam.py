"""Writes the likeliest tuples of codes, one code after another, with or without the catalogue's tree.

The network is asked L times and no more: once for the first code, by row of the batch, and L - 1 times for
the codes after it, by row and beam. A step costs the least where the network

- puts the first code's logits into ``start`` before there are beams, so that the encoder, its keys and
  values and the first decoder pass are computed once a request;
- keeps its own key/value cache of the codes written, shape ``(n * width, heads, level, d)``, and at every
  step re-orders it by ``cache.index_select(0, parents)`` before it appends;
- never repeats the encoder's keys and values: seen from one request, its beams are so many positions of
  one query that do not attend to each other, so cross-attention views ``(n * width, 1, d)`` as
  ``(n, width, d)``, meets the keys of shape ``(n, ...)``, and views the result back.

Where the tree is narrow only the children of a state are scored: at most ``Trie.widths[level]`` a beam.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from ..base import ModelError
from ._trie import Trie

if TYPE_CHECKING:
    import torch

Step = Callable[[int, "torch.Tensor", "torch.Tensor"], "torch.Tensor"]
"""``step(level, tokens, parents) -> logits``, asked for levels 1 to L - 1.

``tokens``: the codes so far, shape ``(n * width, level)``, a request's beams one after another.
``parents``: the row of the step before that each row goes on from, shape ``(n * width,)``; at level 1, the
row of ``start``. ``logits``: shape ``(n * width, sizes[level])``. The width is that of the level: the
number of beams, or as many tuples as there are if they are fewer.
"""

Normalise = Literal["all", "legal"]


def beam_search(
    start: torch.Tensor,
    step: Step,
    trie: Trie | None,
    *,
    beams: int,
    sizes: Sequence[int],
    normalise: Normalise = "all",
) -> tuple[torch.Tensor, torch.Tensor]:
    """The likeliest tuples of each request, best first.

    log p(c_1 .. c_L) = sum over l of log p(c_l | c_1 .. c_(l-1)), in nats, each a softmax over all codes of
    its place, or over the legal ones. Of equally likely beginnings the smaller codes go first. With at
    least as many beams as tuples nothing is left out.

    Parameters
    ----------
    start : logits of the first code, shape ``(n, sizes[0])``.
    step : gives the logits of a later code; see :data:`Step`.
    trie : the tuples that may be written; None: any.
    beams : how many beginnings of each request are kept.
    sizes : how many codes there are at each place, L of them.
    normalise : over what a code's probabilities add up to 1; without a tree, over all.

    Returns
    -------
    codes, log_probs
        Shapes ``(n, width, L)`` and ``(n, width)``; ``width`` is ``beams``, or the number of tuples if
        there are fewer.

    Raises
    ------
    ModelError
        If there are no beams, the sizes are not the tree's, or logits have the wrong shape or are not finite.
    """
    import torch

    if beams < 1 or (trie is not None and trie.sizes != tuple(sizes)):
        raise ModelError(
            f"{beams} beams over codes {tuple(sizes)}: give at least 1, and the tree's own sizes"
        )
    n, device = len(start), start.device
    total = torch.zeros((n, 1), device=device)
    tokens = torch.zeros((n, 0), dtype=torch.long, device=device)
    states = parents = torch.zeros(n, dtype=torch.long, device=device)
    for level, size in enumerate(sizes):
        logits = step(level, tokens, parents) if level else start
        _check(logits, (len(tokens), size), level)
        codes, below, scores = _candidates(logits.float(), trie, level, states, normalise)
        choices = codes.shape[1]
        whole = (total[:, :, None] + scores.view(*total.shape, choices)).flatten(1)
        chosen = _best(whole, min(beams, whole.shape[1] if trie is None else len(trie.tokens[level])))
        first = torch.arange(n, device=device)[:, None] * total.shape[1]
        parents, place = (first + chosen // choices).view(-1), (chosen % choices).view(-1)
        tokens = torch.cat([tokens[parents], codes[parents, place][:, None]], dim=1)
        states, total = below[parents, place], whole.gather(1, chosen)
    total, order = total.sort(dim=1, descending=True, stable=True)
    found = tokens.view(*total.shape, len(sizes))
    return found.gather(1, order[:, :, None].expand_as(found)), total


def legal_mass(logits: Sequence[torch.Tensor], trie: Trie, codes: torch.Tensor) -> torch.Tensor:
    """The probability put on the codes that may follow, at each place of a tuple, shape ``(n, L)``, [0, 1].

    Parameters
    ----------
    logits : of each place, given the codes before it of the same tuple, shape ``(n, sizes[level])`` each.
    codes : the tuple of each row, shape ``(n, L)``.

    Raises
    ------
    ModelError
        If a tuple is no allowed item's.
    """
    import torch

    states, masses = codes.new_zeros(len(codes)), []
    for level, row in enumerate(logits):
        masses.append((row.float().softmax(dim=1) * trie.legal(level, states)).sum(dim=1).clamp(max=1))
        states = trie.advance(level, states, codes[:, level])
    return torch.stack(masses, dim=1)


def _check(logits: torch.Tensor, shape: tuple[int, int], level: int) -> None:
    if tuple(logits.shape) != shape:
        raise ModelError(f"the logits of place {level} have shape {tuple(logits.shape)}; needed is {shape}")
    if not bool(logits.isfinite().all()):
        raise ModelError(f"the logits of place {level} are not all finite; look for a diverged training")


def _candidates(
    logits: torch.Tensor, trie: Trie | None, level: int, states: torch.Tensor, normalise: Normalise
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The codes that may follow each row, where they lead, and their log-probabilities; fillings -inf."""
    import torch

    if trie is None:
        codes = torch.arange(logits.shape[1], device=logits.device).expand_as(logits)
        return codes, codes, logits.log_softmax(dim=1)
    codes, below, real = trie.children(level, states)
    kept = logits.gather(1, codes).masked_fill_(~real, -torch.inf)
    norm = (kept if normalise == "legal" else logits).logsumexp(dim=1, keepdim=True)
    return codes, below, kept - norm


def _best(scores: torch.Tensor, k: int) -> torch.Tensor:
    """The places of each row's ``k`` highest scores, in ascending order; of equal ones the first."""
    last = scores.topk(k, dim=1).values[:, -1:]
    above, tied = scores > last, scores == last
    room = k - above.sum(dim=1, keepdim=True)
    kept = above | (tied & (tied.cumsum(dim=1) <= room))
    return kept.nonzero()[:, 1].view(-1, k)
