"""Do the lists or texts carry the watermark that they are said to carry?

A watermark of the green-list kind is put on by whoever runs a generator: a secret key splits what may come
next into green and red, anew for each thing that came before, and green is favoured. It is found by anyone
with the key, without the model. Here held-out people are asked for a list of k items each. An entry is green
where the first 64 bits of HMAC-SHA256(key, what came before, the entry), read as a number in [0, 1), are
under gamma; what came before is the entry before it, or nothing, as `context` says. With T different pairs
(before, entry) and g of them green, z = (g - gamma T)/sqrt(T gamma (1 - gamma)). Without this watermark each
different pair is green by the hash's coin, so that g is binomial and z about standard normal; a pair that
comes up again tells nothing new and counts once. green_excess = g/T - gamma has an exact interval; it is
judged only where a watermark is said to be required.

Groups: "listed items" are the owner's item ids of lists, "written words" the words, in small letters, of
answers of a model that writes text.

Who is affected: people and services who want to know whether a list was made by this system, where generated
content must be marked. Limits: only this keyed scheme is looked for, and finding nothing with one key does
not show that there is no other. A mark put on a network's own tokens is not one on words. The key stands in
the record with the other settings: state one made for the audit. With a fixed green set (`context`
"nothing") T is at most the number of items, and few different entries show little.

References: Kirchenbauer et al. 2023 (green lists, z, why repeats count once); Zhao et al. 2024 (a fixed green
set); Clopper and Pearson 1934.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import numpy as np

from ...models.capabilities import WritesText
from ...models.data import BoolArray
from .._retrieval import held_out_lists
from .._rows import row
from ..base import Auditee, Criterion, Evidence, Measurement, NotApplicable, Probe
from ..stats.intervals import Interval, clopper_pearson

ITEMS, WORDS = "listed items", "written words"
Sequences = list[tuple[int, list[str]]]
"""Whose answer it is, and its entries in order."""

Row = tuple[int, str, int, bool, bool]
NAMES = ("cluster", "kind", "place", "green", "new")


@dataclass(frozen=True, kw_only=True)
class WatermarkDetection(Probe):
    """Counts how many entries of lists and texts a key calls green.

    Parameters
    ----------
    key : the watermark's key; without one there is nothing to look for.
    gamma : share of entries that the key calls green, in (0, 1).
    context : what the green set hangs on: the entry "before", or "nothing".
    required : whether a missing watermark fails.
    n_users, k, earlier : held-out people asked, at most; items in a list; share of a person's interactions
        that is the history.
    bound : smallest excess of green entries that passes, where a watermark is required.
    """

    key: str = ""
    gamma: float = 0.5
    context: Literal["before", "nothing"] = "before"
    required: bool = False
    n_users: int = 500
    k: int = 10
    earlier: float = 0.8
    bound: float = 0.1

    title: ClassVar[str] = "Stated watermark"
    needs: ClassVar[tuple[str, ...]] = ("retrieves|recorded|writes_text",)
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "the watermark that lists or texts are said to carry is not in them"

    def __post_init__(self) -> None:
        if not 0 < self.gamma < 1:
            raise ValueError(f"gamma is the share of green entries and lies in (0, 1), got {self.gamma}")

    def calls(self) -> int:
        """Lists and texts, at most."""
        return 2 * self.n_users

    def criteria(self) -> tuple[Criterion, ...]:
        """Where a watermark is required, it must be found; else nothing is judged."""
        if not self.required:
            return ()
        return (
            Criterion(
                measurement="green_excess",
                bound=self.bound,
                direction="at_least",
                because=f"unmarked output is green {self.gamma:.0%} of the time; with less than"
                f" {100 * self.bound:g} points more, a mark is too weak to prove where a list came from",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask for lists, and for texts where the model writes them, and look up what is green."""
        if not self.key:
            raise NotApplicable(
                "no watermark was stated; give its key with --set watermark_detection.key=KEY"
            )
        rows: list[Row] = []
        for kind, sequences in self._written(auditee, rng).items():
            rows += marked_rows(sequences, kind, key=self.key, gamma=self.gamma, context=self.context)
        if not rows:
            raise NotApplicable("the model's answers hold nothing that could be marked")
        columns = {name: np.array(own) for name, own in zip(NAMES, zip(*rows, strict=True), strict=True)}
        return Evidence(columns=columns, facts={"gamma": self.gamma, "context": self.context})

    def _written(self, auditee: Auditee, rng: np.random.Generator) -> dict[str, Sequences]:
        """The entries of each answer, by what they are."""
        asked = held_out_lists(auditee, n_users=self.n_users, earlier=self.earlier, rng=rng)
        found: dict[str, Sequences] = {}
        if {"retrieves", "recorded"} & auditee.capabilities:
            ids = auditee.catalog.ids
            found[ITEMS] = [
                (slate.request.history.user, [ids[e.item] for e in slate.entries if e.item is not None])
                for slate in auditee.recommend(asked.requests, self.k)
            ]
        if "writes_text" in auditee.capabilities:
            texts = cast(WritesText, auditee.model).write(asked.requests)
            found[WORDS] = [
                (int(user), text.lower().split()) for user, text in zip(asked.users, texts, strict=True)
            ]
        return found

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """The excess of green among different pairs, and z, with exact intervals."""
        column, gamma = evidence.columns, float(str(evidence.facts["gamma"]))
        kinds, found = np.unique(column["kind"]).tolist(), []
        for kind in kinds:
            here = column["kind"] == kind
            green = column["green"].astype(np.bool_)[here & column["new"].astype(np.bool_)]
            people = len(np.unique(column["cluster"][here]))
            found += green_rows(green, gamma, alpha=alpha / len(kinds), group=str(kind), people=people)
        return found


def green_rows(green: BoolArray, gamma: float, *, alpha: float, group: str, people: int) -> list[Measurement]:
    """The excess g/T - gamma of different pairs, and z, which is it times sqrt(T/(gamma (1 - gamma))).

    Parameters
    ----------
    green : which of the different pairs are, shape ``(T,)``.
    """
    total = len(green)
    share = clopper_pearson(int(green.sum()), total, alpha=alpha)
    note = f"{int(green.sum()):,} of {total:,} different pairs are green, {gamma:.0%} by chance"
    found = []
    for name, unit, factor in (
        ("green_excess", "share", 1.0),
        ("watermark_z", "standard deviations", float(np.sqrt(total / (gamma * (1 - gamma))))),
    ):
        interval = None
        if share is not None:
            value, low, high = (factor * (end - gamma) for end in (share.value, share.low, share.high))
            interval = Interval(value, low, high, f"{share.method} over different pairs", total, people)
        found.append(
            row(name, interval, alpha=alpha, unit=unit, better="none", n=total, group=group, note=note)
        )
    return found


def marked_rows(
    sequences: Sequence[tuple[int, Sequence[str]]], kind: str, *, key: str, gamma: float, context: str
) -> list[Row]:
    """One row an entry: whose it is, its kind and place, whether it is green, whether its pair is new."""
    seen: set[tuple[str, str]] = set()
    rows: list[Row] = []
    for user, entries in sequences:
        # What nothing comes before has no green set in a scheme that needs a predecessor.
        for place in range(int(context == "before"), len(entries)):
            pair = (entries[place - 1] if context == "before" else "", entries[place])
            rows.append((user, kind, place + 1, is_green(key, *pair, gamma=gamma), pair not in seen))
            seen.add(pair)
    return rows


def is_green(key: str, before: str, entry: str, *, gamma: float) -> bool:
    """Whether a key calls an entry green after what came before it."""
    said = f"{len(before)}:{before}{entry}".encode()
    digest = hmac.digest(key.encode(), said, "sha256")
    return int.from_bytes(digest[:8], "big") < gamma * 2**64
