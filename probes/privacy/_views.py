"""What is seen of people: what they did, and what a model gives when it is asked about them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from ...models.base import Request
from ...models.capabilities import ExposesRepresentations, WritesText
from ...models.data import FloatArray, History, IntArray, InteractionLog
from .._retrieval import NOTHING, Lists
from ..base import Auditee
from ._attackers import Table
from ._linking import main_directions

RAREST_WORD = 3
"""People whose answers must hold a word for it to count."""


def views_of(
    auditee: Auditee, requests: Sequence[Request], *, k: int, panel: Sequence[int]
) -> Mapping[str, Table]:
    """A table of everything that the model gives of people, a request a person.

    Parameters
    ----------
    k : items in a list.
    panel : items that everybody is scored or judged on.
    """
    can, model, found = auditee.capabilities, auditee.model, dict[str, Table]()
    if "retrieves" in can:
        found["lists"] = Table(listed(auditee, requests, k=k), counts=True)
    if "judges" in can or "scores" in can:
        about = [
            Request(history=one.history, candidates=tuple(panel), attributes=one.attributes)
            for one in requests
        ]
        scores = auditee.log_odds(about) if "judges" in can else auditee.score(about)
        found["scores"] = Table(np.array(scores).reshape(len(requests), -1), counts=False)
    if "writes_text" in can:
        found["texts"] = Table(_words(cast(WritesText, model).write(requests)), counts=True)
    if "exposes_representations" in can:
        inside = cast(ExposesRepresentations, model).representations([one.history for one in requests])
        found["representations"] = Table(np.asarray(inside, dtype=np.float64), counts=False)
    return found


def listed(auditee: Auditee, requests: Sequence[Request], *, k: int) -> FloatArray:
    """1 where a person's list holds the item, shape ``(n_people, n_items)``."""
    lists = Lists.of(auditee.recommend(requests, k), k).items
    return _multi_hot([own[own != NOTHING] for own in lists], len(auditee.catalog))


def history_gram(auditee: Auditee, histories: Sequence[History], rng: np.random.Generator) -> FloatArray:
    """How alike people are in what they did, shape ``(n_people, n_people)``; no model is asked.

    Four things that weigh alike: which items were met; which were liked; where the liked ones lie among the
    main directions of what members like together; and counts: length, share of likes, how popular and how
    old the items are.
    """
    log, n = auditee.log, len(auditee.catalog)
    directions = main_directions(log.only(auditee.population.members), rng=rng)
    liked = [_liked(history) for history in histories]
    tables = [
        Table(_multi_hot([np.array(history.items, dtype=np.int64) for history in histories], n), counts=True),
        Table(_multi_hot(liked, n), counts=True),
        Table(np.array([directions[own].sum(axis=0) for own in liked]), counts=False),
        Table(_summaries(log, histories), counts=False),
    ]
    alike: FloatArray = np.mean([table.gram for table in tables], axis=0)
    return alike


def _summaries(log: InteractionLog, histories: Sequence[History]) -> FloatArray:
    popularity = np.log1p(log.item_counts)
    dated = log.catalog.years > 0
    usual = log.catalog.years[dated].mean() if dated.any() else 0.0
    years = np.where(dated, log.catalog.years, usual)
    rows = []
    for history in histories:
        items = list(history.items)
        middle = [popularity[items].mean(), years[items].mean(), years[items].std()] if items else [0.0] * 3
        rows.append([np.log1p(len(items)), np.mean(history.liked) if history.liked else 1.0, *middle])
    return np.array(rows)


def _liked(history: History) -> IntArray:
    items = np.array(history.items, dtype=np.int64)
    return items[np.array(history.liked, dtype=np.bool_)] if history.liked else items


def _multi_hot(items: Sequence[IntArray], n_items: int) -> FloatArray:
    rows = np.zeros((len(items), n_items))
    for row, own in zip(rows, items, strict=True):
        row[own] = 1.0
    return rows


def _words(texts: Sequence[str]) -> FloatArray:
    """1 where an answer holds a word that others use too, shape ``(n_texts, n_words)``."""
    held = [set(re.findall(r"\w+", text.lower())) for text in texts]
    everyone = [word for own in held for word in own]
    words, counts = np.unique(np.array(everyone, dtype=np.str_), return_counts=True)
    place = {word: at for at, word in enumerate(words[counts >= RAREST_WORD].tolist())}
    return _multi_hot(
        [np.array([place[word] for word in own if word in place], dtype=np.int64) for own in held],
        max(1, len(place)),
    )
