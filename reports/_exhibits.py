"""Shows a pair of requests so that a reader sees at once what differs, and what it did to the answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ..probes.base import Exhibit
from . import _numbers as numbers
from ._text import cut, listed

MOST_WORDS = 1_000
KEPT_AROUND = 180
LONGEST_CHANGE = 600
LONGEST_TEXT = 1_500
LEAST_ALIKE = 0.3
MOST_ANSWERS = 10
MOST_NAMED = 12
TITLE_CHARS = 90
_WORD = re.compile(r"\s*(?:\w+|[^\w\s])\s*")


@dataclass(frozen=True)
class Piece:
    """A run of a request's text; ``gap`` pieces say what was left out of a run that both sides share."""

    text: str
    changed: bool = False
    gap: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """An item in one side's list: where it stands, its score, and how it moved, in words."""

    rank: int
    title: str
    score: str
    move: str


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An exhibit ready to show.

    ``links`` are (place on the left, place on the right, moved) for items shown on both sides;
    ``change`` says in words what differs, empty where more than a few words do or the texts are not two
    versions of one;
    ``hidden`` counts answers that are not shown.
    """

    title: str
    kind: str
    effect: str
    left_label: str
    right_label: str
    left: tuple[Piece, ...]
    right: tuple[Piece, ...]
    change: str
    left_list: tuple[Place, ...]
    right_list: tuple[Place, ...]
    links: tuple[tuple[int, int, bool], ...]
    hidden: int

    @property
    def is_single(self) -> bool:
        """Whether the answer is one item's score, so that there are no places to compare."""
        return len(self.left_list) == len(self.right_list) == len(self.links) == 1


def pairs(exhibits: Iterable[Exhibit], each: int = 3) -> tuple[Pair, ...]:
    """The first ``each`` worst and the first ``each`` random exhibits."""
    every = tuple(exhibits)
    worst = [exhibit for exhibit in every if exhibit.kind == "worst"][:each]
    random = [exhibit for exhibit in every if exhibit.kind == "random"][:each]
    return tuple(pair(exhibit) for exhibit in worst + random)


def pair(exhibit: Exhibit) -> Pair:
    """Mark what differs between the two requests, and align the answers by item."""
    left, right = difference(exhibit.left, exhibit.right)
    comparable = _alike(left) >= LEAST_ALIKE or _alike(right) >= LEAST_ALIKE
    if not comparable:
        left, right = ((Piece(cut(text, LONGEST_TEXT)),) for text in (exhibit.left, exhibit.right))
    left_list, right_list, links, hidden = aligned(exhibit.answers)
    sign = "+" if exhibit.effect > 0 else ""
    return Pair(
        title=cut(exhibit.title, 120),
        kind=exhibit.kind,
        effect=sign + numbers.number(exhibit.effect, 3 if 0.0005 <= abs(exhibit.effect) < 0.1 else 2),
        left_label=cut(exhibit.left_label, 60),
        right_label=cut(exhibit.right_label, 60),
        left=left,
        right=right,
        change=_in_words(left, right) if comparable else "",
        left_list=left_list,
        right_list=right_list,
        links=links,
        hidden=hidden,
    )


def _alike(pieces: Sequence[Piece]) -> float:
    """The share of a text's pieces, by length, that the other text has too."""
    total = sum(len(piece.text) for piece in pieces)
    return sum(len(piece.text) for piece in pieces if not piece.changed) / total if total else 1.0


def difference(left: str, right: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Cut both texts into runs of words that agree and runs that do not; long shared runs are shortened."""
    ours, theirs = _WORD.findall(left), _WORD.findall(right)
    start = _shared(ours, theirs)
    end = _shared(ours[start:][::-1], theirs[start:][::-1])
    ours_end, theirs_end = len(ours) - end, len(theirs) - end
    lefts, rights = _run(ours[:start]), _run(theirs[:start])
    for changed, mine, yours in _compare(ours[start:ours_end], theirs[start:theirs_end]):
        lefts += _run(mine, changed=changed)
        rights += _run(yours, changed=changed)
    return tuple(lefts + _run(ours[ours_end:])), tuple(rights + _run(theirs[theirs_end:]))


def _shared(ours: list[str], theirs: list[str]) -> int:
    """How many words both begin with."""
    pairs = enumerate(zip(ours, theirs, strict=False))
    unlike = (place for place, (mine, yours) in pairs if mine.strip() != yours.strip())
    return next(unlike, min(len(ours), len(theirs)))


def _compare(ours: list[str], theirs: list[str]) -> list[tuple[bool, list[str], list[str]]]:
    """Runs as (changed, words on the left, words on the right); texts too long to compare are one run."""
    if max(len(ours), len(theirs)) > MOST_WORDS:
        return [(True, ours, theirs)]
    mine, yours = ([word.strip() for word in words] for words in (ours, theirs))
    codes = SequenceMatcher(None, mine, yours, autojunk=False).get_opcodes()
    return [(tag != "equal", ours[a:b], theirs[c:d]) for tag, a, b, c, d in codes]


def _run(words: list[str], *, changed: bool = False) -> list[Piece]:
    text = "".join(words)
    if changed:
        body = text.strip()
        start, end = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
        pieces = (Piece(start), Piece(cut(body, LONGEST_CHANGE), changed=True), Piece(end))
        return [piece for piece in pieces if piece.text]
    if len(text) <= 3 * KEPT_AROUND:
        return [Piece(text)] if text else []
    head, tail = _whole_words(text[:KEPT_AROUND]), _whole_words(text[: -KEPT_AROUND - 1 : -1])[::-1]
    left_out = len(text) - len(head) - len(tail)
    return [Piece(head), Piece(f"{left_out:,} characters, the same on both sides", gap=True), Piece(tail)]


def _whole_words(text: str) -> str:
    """A text without the word that its end cuts in two, if that leaves most of it."""
    short = text[: max(text.rfind(" "), text.rfind("\n")) + 1]
    return short if len(short) > len(text) / 2 else text


def _in_words(left: Sequence[Piece], right: Sequence[Piece]) -> str:
    only_left = _quoted(piece.text for piece in left if piece.changed)
    only_right = _quoted(piece.text for piece in right if piece.changed)
    if not only_left and not only_right:
        return "The two requests are the same."
    if max(_words_changed(left), _words_changed(right)) > MOST_NAMED:
        return ""
    parts = [
        f"only on the {side}: {words}"
        for side, words in (("left", only_left), ("right", only_right))
        if words
    ]
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _words_changed(pieces: Sequence[Piece]) -> int:
    return sum(len(re.findall(r"\w+", piece.text)) for piece in pieces if piece.changed)


def _quoted(texts: Iterable[str]) -> str:
    quoted = [f"“{cut(text, 80)}”" for text in texts]
    return listed(quoted[:4] + ([f"{len(quoted) - 4} more"] if len(quoted) > 4 else []))


def aligned(
    answers: Sequence[tuple[str, float | None, float | None]],
) -> tuple[tuple[Place, ...], tuple[Place, ...], tuple[tuple[int, int, bool], ...], int]:
    """Rank both sides by score and match them by item; ties keep the order of the answers."""
    left, right = _ranked(answers, 1), _ranked(answers, 2)
    places = _score_places(answers)
    shown_left, shown_right = list(left)[:MOST_ANSWERS], list(right)[:MOST_ANSWERS]
    links = tuple(
        (left[index], right[index], left[index] != right[index])
        for index in shown_left
        if index in right and right[index] < MOST_ANSWERS
    )
    return (
        tuple(_place(answers[i], 1, left[i], _left_move(right.get(i)), places) for i in shown_left),
        tuple(
            _place(answers[i], 2, right[i], _right_move(left.get(i), right[i]), places) for i in shown_right
        ),
        links,
        len(answers) - len(set(shown_left) | set(shown_right)),
    )


def _ranked(answers: Sequence[tuple[str, float | None, float | None]], side: int) -> dict[int, int]:
    scored = [(index, answer[side]) for index, answer in enumerate(answers)]
    present = [(index, float(score)) for index, score in scored if isinstance(score, float | int)]
    present.sort(key=lambda entry: -entry[1])
    return {index: rank for rank, (index, _) in enumerate(present)}


def _score_places(answers: Sequence[tuple[str, float | None, float | None]]) -> int:
    largest = max(
        (abs(score) for answer in answers for score in answer[1:] if score is not None), default=1.0
    )
    return 2 if largest >= 0.1 else 4


def _place(
    answer: tuple[str, float | None, float | None], side: int, rank: int, move: str, places: int
) -> Place:
    score = answer[side]
    text = numbers.number(float(score), places) if isinstance(score, float | int) else ""
    return Place(rank=rank + 1, title=cut(answer[0], TITLE_CHARS), score=text, move=move)


def _left_move(right: int | None) -> str:
    if right is None:
        return "dropped"
    return f"falls to {right + 1}" if right >= MOST_ANSWERS else ""


def _right_move(left: int | None, right: int) -> str:
    if left is None:
        return "new"
    if left == right:
        return "same place"
    way = "up" if left > right else "down"
    came = f" from {left + 1}" if left >= MOST_ANSWERS else ""
    return f"{way} {abs(left - right)}{came}"
