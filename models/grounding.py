"""Says which item a written title means: one item, several, or none that exists.

A text is matched in two steps. First its words in a normal form (case, accents, punctuation, "Matrix, The",
"II" for "2") are looked up; the same words are the same title. Otherwise the nearest title counts if it is
near enough: s = 1 - d / max(length), d the number of letters to insert, drop, change or swap with the next
(optimal string alignment), s at least ``threshold`` and ahead of every other item by ``margin``.
A year in brackets must agree, so that a remake is not its original, and so must every number in the title,
so that "Toy Story 7" is not a slip of the pen. A recommender that maps whatever it writes to the nearest
item, however far, can never be caught inventing; that is why the distance is part of every answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from ._title_forms import misspell, numbers, read_list, title_forms, without_article
from .data import Catalog, DataError, FloatArray, IntArray

__all__ = ["Grounder", "Grounding", "Tuning", "choose_threshold", "misspell", "read_list"]

GroundingState = Literal["exact", "grounded", "ambiguous", "not_an_item", "unparsed"]

# Similarities below this are not looked at: no two such titles are taken for one another.
_FAR = 0.6
_CELLS = 4_000_000


@dataclass(frozen=True)
class Grounding:
    """What a written title came to.

    Parameters
    ----------
    state : "exact" (the same words), "grounded" (near enough to one item), "ambiguous" (fits several),
        "not_an_item" (fits none), "unparsed" (no words in it).
    item : the item meant, in the first two states.
    score : similarity to the nearest title, [0, 1]; 0 where none is nearer than 0.6.
    runner_up : similarity to the nearest title of another item.
    """

    state: GroundingState
    item: int | None = None
    score: float = 0.0
    runner_up: float = 0.0


@dataclass(frozen=True)
class _Query:
    text: int
    words: str
    year: int


@dataclass(frozen=True)
class _Block:
    """Titles with the same numbers in them, shortest first."""

    words: list[str]
    lengths: IntArray
    items: IntArray
    years: IntArray


@dataclass(frozen=True, kw_only=True)
class _Index:
    full: dict[str, list[int]]
    bare: dict[str, list[int]]
    years: IntArray
    blocks: dict[tuple[str, ...], _Block]


@dataclass(frozen=True)
class Grounder:
    """Maps written titles to the items of one catalogue.

    Parameters
    ----------
    threshold : the least similarity that counts as the same title, in (0.6, 1];
        ``choose_threshold`` finds it for a catalogue.
    margin : how far the nearest item must be ahead of the next one.
    year_slack : years by which a written year may be off; 0 keeps remakes apart for certain.
    """

    catalog: Catalog
    threshold: float = 0.85
    margin: float = 0.03
    year_slack: int = 0

    def __post_init__(self) -> None:
        if not _FAR < self.threshold <= 1:
            raise DataError(f"a grounding threshold lies above {_FAR} and at most 1, got {self.threshold}")

    def ground(self, texts: Sequence[str]) -> list[Grounding]:
        """Return what each text means, in order."""
        answers: dict[str, Grounding] = {}
        queries: list[_Query] = []
        unique = list(dict.fromkeys(texts))
        for place, text in enumerate(unique):
            forms = title_forms(text)
            same = self._same_words(forms)
            if not forms:
                answers[text] = Grounding("unparsed")
            elif same:
                state: GroundingState = "exact" if len(same) == 1 else "ambiguous"
                item = same[0] if len(same) == 1 else None
                answers[text] = Grounding(state, item, 1.0, 0.0 if len(same) == 1 else 1.0)
            else:
                queries += [_Query(place, words, year) for words, year in forms]
        for place, (item, score, runner_up) in self._nearest(queries).items():
            answers[unique[place]] = self._judge(item, score, runner_up)
        return [answers.get(text, Grounding("not_an_item")) for text in texts]

    @cached_property
    def _index(self) -> _Index:
        years = self.catalog.years.copy()
        full: dict[str, list[int]] = defaultdict(list)
        bare: dict[str, list[int]] = defaultdict(list)
        rows: dict[tuple[str, ...], list[tuple[int, str, int]]] = defaultdict(list)
        for item, title in enumerate(self.catalog.titles):
            for words, year in title_forms(title, aliases=True):
                years[item] = year or years[item]
                full[words].append(item)
                bare[without_article(words)].append(item)
                rows[numbers(words)].append((len(words), words, item))
        blocks = {signature: _block(sorted(own), years) for signature, own in rows.items()}
        return _Index(full=dict(full), bare=dict(bare), years=years, blocks=blocks)

    def _same_words(self, forms: tuple[tuple[str, int], ...]) -> list[int]:
        for words, year in forms:
            for table, key in ((self._index.full, words), (self._index.bare, without_article(words))):
                items = list(dict.fromkeys(table.get(key, ())))
                agreeing = [item for item in items if year and self._index.years[item] == year]
                fitting = agreeing or [item for item in items if self._fits(year, self._index.years[item])]
                if fitting:
                    return fitting
        return []

    def _fits(self, asked: int, own: int) -> bool:
        return not asked or not own or abs(asked - own) <= self.year_slack

    def _nearest(self, queries: Sequence[_Query]) -> dict[int, tuple[int, float, float]]:
        groups: dict[tuple[tuple[str, ...], int], list[_Query]] = defaultdict(list)
        for query in queries:
            groups[numbers(query.words), len(query.words)].append(query)
        best: dict[int, tuple[int, float, float]] = {}
        for (signature, length), group in groups.items():
            block = self._index.blocks.get(signature)
            if block is None:
                continue
            for query, found in _compare(group, _of_length(block, length), self.year_slack):
                if found[1] > best.get(query.text, (0, 0.0, 0.0))[1]:
                    best[query.text] = found
        return best

    def _judge(self, item: int, score: float, runner_up: float) -> Grounding:
        if score < self.threshold:
            return Grounding("not_an_item", None, score, runner_up)
        if score - runner_up < self.margin:
            return Grounding("ambiguous", None, score, runner_up)
        return Grounding("grounded", item, score, runner_up)


@dataclass(frozen=True)
class Tuning:
    """A threshold and what it was seen to do.

    Parameters
    ----------
    threshold : the least similarity that counts as the same title.
    false_grounds : share of titles that are no item and were taken for one, [0, 1].
    typos_grounded : share of misspelt titles that were taken for their item, [0, 1].
    n : titles tried of each kind.
    """

    threshold: float
    false_grounds: float
    typos_grounded: float
    n: int


def choose_threshold(
    catalog: Catalog, *, rng: np.random.Generator, false_ground_rate: float = 0.01, n: int = 1000
) -> Tuning:
    """Find the lowest threshold that takes no more than a share of made-up titles for items.

    Half of the made-up titles are items set aside, which the rest of the catalogue does not hold; half
    are items with one word exchanged for another title's. Misspelt items show what the threshold costs.

    Raises
    ------
    DataError
        If the catalogue has fewer than 20 items, or the rate does not lie in (0, 1).
    """
    if len(catalog) < 20 or not 0 < false_ground_rate < 1:
        raise DataError(
            f"choosing a threshold needs 20 items and a rate in (0, 1), got {len(catalog)} items"
            f" and {false_ground_rate}; set Grounder(catalog, threshold=...) by hand"
        )
    aside = rng.permutation(len(catalog))[: min(n // 2, len(catalog) // 4)]
    kept = _without(catalog, aside)
    absent = [catalog.titles[item] for item in aside]
    absent += _exchange_words(kept, n - len(absent), rng)
    looking = Grounder(kept, threshold=_FAR + 1e-9, margin=0.0)
    # Texts that are an item word for word (remakes, lucky exchanges) say nothing about a threshold.
    scores = np.array([found.score for found in looking.ground(absent) if found.score < 1])
    threshold = _lowest(scores, false_ground_rate)
    tuned = replace(looking, threshold=threshold, margin=Grounder.margin)
    meant = rng.integers(len(kept), size=n)
    found = tuned.ground([misspell(kept.titles[item], rng=rng) for item in meant])
    right = [grounding.item == item for grounding, item in zip(found, meant, strict=True)]
    return Tuning(threshold, float((scores >= threshold).mean()), float(np.mean(right)), n)


def _lowest(scores: FloatArray, rate: float) -> float:
    allowed = int(rate * len(scores))
    highest = np.sort(scores)[::-1]
    edge = float(highest[allowed]) if len(scores) else 0.0
    return min(1.0, max(0.75, float(np.nextafter(edge, 1.0))))


def _exchange_words(catalog: Catalog, n: int, rng: np.random.Generator) -> list[str]:
    """Titles of items with one real word, not a mere "of" or a number, exchanged for another title's."""
    pool = sorted({word for title in catalog.titles for word in title.split() if _is_word(word)})
    drawn = []
    for item in rng.integers(len(catalog), size=n):
        words = catalog.titles[item].split()
        places = [place for place, word in enumerate(words) if _is_word(word)]
        if places:
            words[int(rng.choice(places))] = pool[int(rng.integers(len(pool)))]
            drawn.append(" ".join(words))
    return drawn


def _is_word(text: str) -> bool:
    return len(text) > 3 and text.isalpha()


def _without(catalog: Catalog, aside: IntArray) -> Catalog:
    kept = np.setdiff1d(np.arange(len(catalog)), aside)
    return Catalog(
        ids=tuple(catalog.ids[item] for item in kept),
        titles=tuple(catalog.titles[item] for item in kept),
        years=catalog.years[kept],
        genres=tuple(catalog.genres[item] for item in kept),
    )


def _block(rows: list[tuple[int, str, int]], years: IntArray) -> _Block:
    items = np.array([item for _, _, item in rows], dtype=np.int64)
    lengths = np.array([length for length, _, _ in rows], dtype=np.int64)
    return _Block([words for _, words, _ in rows], lengths, items, years[items])


def _of_length(block: _Block, length: int) -> _Block:
    """The titles whose length alone does not rule out a similarity of ``_FAR``."""
    part = slice(*np.searchsorted(block.lengths, (length * _FAR, length / _FAR + 1e-9)).tolist())
    return _Block(block.words[part], block.lengths[part], block.items[part], block.years[part])


def _compare(
    queries: Sequence[_Query], block: _Block, slack: int
) -> Iterator[tuple[_Query, tuple[int, float, float]]]:
    """Each query's nearest item, its similarity, and that of the nearest other item."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    if not block.words:
        return
    step = max(1, _CELLS // len(block.words))
    for start in range(0, len(queries), step):
        rows = queries[start : start + step]
        scores = process.cdist(
            [query.words for query in rows],
            block.words,
            scorer=OSA.normalized_similarity,
            score_cutoff=_FAR,
            dtype=np.float64,
        )
        asked = np.array([query.year for query in rows])[:, None]
        scores[(asked > 0) & (block.years > 0) & (np.abs(asked - block.years) > slack)] = 0
        places = scores.argmax(axis=1)
        top = scores[np.arange(len(rows)), places]
        items = block.items[places]
        scores[block.items[None, :] == items[:, None]] = 0
        second = scores.max(axis=1)
        for query, item, score, next_score in zip(rows, items, top, second, strict=True):
            yield query, (int(item), float(score), float(next_score))
