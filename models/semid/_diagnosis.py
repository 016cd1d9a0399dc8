"""What the codes of a catalogue are worth: how many are used, and which items nothing tells apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..base import ModelError
from ..data import FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class Level:
    """How one level's codes are used by the items.

    Parameters
    ----------
    used, size : codes that some item has, of those there are.
    perplexity : ``exp(-sum_k p_k log p_k)`` over the share ``p_k`` of items with code ``k``; in [1, used].
    top : the share of items with the commonest code, in (0, 1].
    """

    used: int
    size: int
    perplexity: float
    top: float

    @property
    def utilisation(self) -> float:
        """``used / size``, in (0, 1]."""
        return self.used / self.size


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """How far the first ``length`` codes tell items apart, and where what people did falls.

    Parameters
    ----------
    items, distinct : items of the catalogue, and different prefixes among them.
    sharing : items whose prefix another item has too.
    largest : items of the commonest prefix.
    busiest, busiest_share : the prefix whose items have most interactions, and its share of all in [0, 1];
        None without counts.
    popularity_perplexity : ``exp`` of the entropy of the interactions over prefixes, in [1, distinct]; None
        without counts.
    """

    length: int
    items: int
    distinct: int
    sharing: int
    largest: int
    busiest: tuple[int, ...] | None = None
    busiest_share: float | None = None
    popularity_perplexity: float | None = None

    @property
    def collision(self) -> float:
        """``1 - distinct / items``: the items too many for their prefixes, in [0, 1)."""
        return 1.0 - self.distinct / self.items

    @property
    def sharing_share(self) -> float:
        """``sharing / items``, in [0, 1]; at least `collision`."""
        return self.sharing / self.items


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The figures of each level and of each prefix length, from the first code to the whole tuple."""

    levels: tuple[Level, ...]
    prefixes: tuple[Prefix, ...]


def diagnose(codes: IntArray, sizes: Sequence[int], counts: IntArray | None = None) -> Diagnosis:
    """Count what the codes of a catalogue use up and tell apart.

    These are figures of the whole catalogue, not estimates: they have no interval.

    Parameters
    ----------
    codes : shape ``(n_items, L)``.
    counts : the interactions of each item, shape ``(n_items,)``.

    Raises
    ------
    ModelError
        If there are no items, or shapes do not fit.
    """
    if codes.ndim != 2 or not len(codes) or codes.shape[1] != len(sizes):
        raise ModelError(f"codes of shape {codes.shape} do not fit {len(sizes)} levels and one item or more")
    if counts is not None and counts.shape != (len(codes),):
        raise ModelError(f"counts must have one number per item, got {counts.shape} for {len(codes)} items")
    return Diagnosis(
        levels=tuple(_level(codes[:, level], size) for level, size in enumerate(sizes)),
        prefixes=tuple(_prefix(codes[:, : level + 1], counts) for level in range(len(sizes))),
    )


def prefix_popularity(codes: IntArray, length: int, counts: IntArray) -> tuple[IntArray, FloatArray]:
    """The different prefixes, ``(n, length)`` in order, and the share of interactions of each, ``(n,)``.

    Raises
    ------
    ModelError
        If there are no interactions, so that shares are not defined.
    """
    total = int(counts.sum())
    if not total:
        raise ModelError("nobody met any item, so prefixes have no popularity; give the counts of a log")
    prefixes, group = np.unique(codes[:, :length], axis=0, return_inverse=True)
    shares: FloatArray = np.bincount(group.reshape(-1), weights=counts, minlength=len(prefixes)) / total
    return prefixes, shares


def perplexity(shares: FloatArray) -> float:
    """``exp(-sum_k p_k log p_k)`` in natural logarithms, with ``0 log 0 = 0``."""
    some = shares[shares > 0]
    return float(np.exp(-(some * np.log(some)).sum()))


def _level(codes: IntArray, size: int) -> Level:
    shares = np.bincount(codes, minlength=size) / len(codes)
    return Level(
        used=int((shares > 0).sum()), size=size, perplexity=perplexity(shares), top=float(shares.max())
    )


def _prefix(codes: IntArray, counts: IntArray | None) -> Prefix:
    _, group_sizes = np.unique(codes, axis=0, return_counts=True)
    length = codes.shape[1]
    busiest, busiest_share, popularity = None, None, None
    if counts is not None and counts.any():
        prefixes, shares = prefix_popularity(codes, length, counts)
        first = int(shares.argmax())
        busiest = tuple(prefixes[first].tolist())
        busiest_share, popularity = float(shares[first]), perplexity(shares)
    return Prefix(
        length=length,
        items=len(codes),
        distinct=len(group_sizes),
        sharing=int(group_sizes[group_sizes > 1].sum()),
        largest=int(group_sizes.max()),
        busiest=busiest,
        busiest_share=busiest_share,
        popularity_perplexity=popularity,
    )
