"""How a title may be written: case, accents, articles, years, numerals, list markers and slips of the pen."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

_ARTICLES = frozenset(
    ("the", "a", "an", "la", "le", "les", "l", "el", "il", "lo", "gli", "los", "las")
    + ("der", "die", "das", "den", "det", "un", "une", "una")
)
_ROMAN = dict(ii="2", iii="3", iv="4", vi="6", vii="7", viii="8", ix="9", xi="11", xii="12", xiii="13")
_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_COUNTS = {word: str(number) for number, word in enumerate(_WORDS, 1)} | {"i": "1", "v": "5", "x": "10"}
_PARTS = frozenset({"part", "episode", "chapter", "volume", "vol"})
_YEAR = re.compile(r"[(\[]\s*((?:1[89]|20)\d\d)(?!\d)[^)\]]*[)\]]")
_BRACKETS = re.compile(r"[(\[]([^)\]]*)[)\]]")
_APOSTROPHES = re.compile(r"['’‘`´]")
_MARKER = re.compile(r"^\s*\[?\s*(?:\(?\d{1,3}[.)]|[-*•–])\s+")
_QUOTED = re.compile(r'^\s*(?:\*\*|["“”«_])+\s*(.+?)\s*(?:\*\*|["“”»_])+(?=\W|$)')


def title_forms(text: str, *, aliases: bool = False) -> tuple[tuple[str, int], ...]:
    """The ways to read one written title, most literal first.

    Parameters
    ----------
    aliases : also read each bracket as a title of its own, as catalogues note other names.

    Returns
    -------
    tuple of (words, year)
        Words in one normal form (``""`` never occurs); year 0 where none is written in brackets.
    """
    text = _plain(text)
    found = _YEAR.search(text)
    year = int(found.group(1)) if found else 0
    whole = text[: found.start()] + " " + text[found.end() :] if found else text
    ways = [whole, _BRACKETS.sub(" ", whole)]
    if found:
        ways += [text[: found.start()], _BRACKETS.sub(" ", text[: found.start()])]
    if aliases:
        ways += [re.sub(r"^\s*a\.?k\.?a\.?\s+", "", inner) for inner in _BRACKETS.findall(whole)]
    keys = dict.fromkeys(_words(way) for way in ways)
    return tuple((key, year) for key in keys if key)


def without_article(words: str) -> str:
    """The words less a leading English article."""
    first, _, rest = words.partition(" ")
    return rest if rest and first in ("the", "a", "an") else words


def numbers(words: str) -> tuple[str, ...]:
    """Every number in the words, in order: what tells a sequel from its original."""
    return tuple(re.findall(r"\d+", words))


def read_list(answer: str) -> list[str]:
    """The titles in a written answer, one a line: numbering, bullets, quotes and remarks taken off.

    Prose without a list in it gives no titles: an answer that cannot be parsed is no invented title.
    """
    lines = [line.strip() for line in answer.splitlines() if line.strip()]
    marked = [line for line in lines if _MARKER.match(line) or _QUOTED.match(line)]
    if not marked and (len(lines) < 2 or any(len(line) > 120 for line in lines)):
        return []
    return [_title_of(line) for line in marked or lines]


def misspell(title: str, *, rng: np.random.Generator) -> str:
    """The title with one slip for every ten letters: a letter dropped, doubled, swapped or mistaken.

    Numbers and whatever stands in brackets stay as they are; a title with fewer than two letters too.
    """
    found = _BRACKETS.search(title)
    head, tail = (title[: found.start()], title[found.start() :]) if found else (title, "")
    for _ in range(max(1, sum(letter.isalpha() for letter in head) // 10)):
        places = [place for place, letter in enumerate(head) if letter.isalpha()]
        if len(places) < 2:
            break
        head = _slip(head, int(rng.choice(places)), rng)
    return head + tail


def _slip(text: str, place: int, rng: np.random.Generator) -> str:
    letter, following = text[place], text[place + 1 : place + 2]
    match int(rng.integers(4)):
        case 0:
            return text[:place] + text[place + 1 :]
        case 1:
            return text[:place] + letter + text[place:]
        case 2 if following.isalpha():
            return text[:place] + following + letter + text[place + 2 :]
        case _:
            return text[:place] + str(rng.choice(list("aeinorst"))) + text[place + 1 :]


def _title_of(line: str) -> str:
    line = _MARKER.sub("", line).strip().rstrip("],. ")
    quoted = _QUOTED.match(line)
    if quoted:
        after = _YEAR.match(line[quoted.end() :].strip(' *"'))
        return f"{quoted.group(1)} ({after.group(1)})" if after else quoted.group(1)
    found = _YEAR.search(line)
    return line[: found.end()] if found else line


def _plain(text: str) -> str:
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(letter for letter in letters if unicodedata.category(letter) not in ("Mn", "Cf"))


def _words(text: str) -> str:
    text = _APOSTROPHES.sub("", text.strip(" .")).replace("&", " and ")
    before, comma, last = text.rpartition(",")
    if comma and last.strip() in _ARTICLES:
        text = f"{last} {before}"
    tokens = re.sub(r"[\W_]+", " ", text).split()
    return " ".join(_numeral(tokens, place) for place in range(len(tokens)))


def _numeral(tokens: list[str], place: int) -> str:
    token = tokens[place]
    counted = place > 0 and tokens[place - 1] in _PARTS
    if counted and token in _COUNTS:
        return _COUNTS[token]
    if place > 0 and place == len(tokens) - 1 and token in ("v", "x"):
        return _COUNTS[token]
    return _ROMAN.get(token, token)
