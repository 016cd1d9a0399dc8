"""What an answer says of facts and of the person, found by rules, and whether the data agree.

A line of the answer that names a title is about that item, and so are the lines below it, up to the next
title. What follows the title is read: years (but not in brackets, where they are part of a title), genres,
and the titles after "you watched" and the like. A part of a sentence that speaks of "you" says something of
the person and nothing of the item. What is said of a title that is no item is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ...models.data import Catalog, History
from ...models.grounding import Grounder, Grounding, read_list

Kind = Literal["year", "genre", "taste", "watched"]
Verdict = Literal["supported", "contradicted", "unverifiable"]

KINDS: tuple[Kind, ...] = ("year", "genre", "taste", "watched")
NO_ITEM = -1

_PLAIN = r"watch(?:ed)?|saw|seen|read|play(?:ed)?|rat(?:ed|e)|bought|listen(?:ed)? to|view(?:ed)?"
_FOND = r"like[ds]?|love[ds]?|enjoy(?:ed|s)?|appreciated?|preferred"
_YOURS = re.compile(
    rf"\byou(?:['’]ve| have)?(?: \w+ly| also)? (?P<verb>{_PLAIN}|{_FOND})\b:?\s*"
    r"(?P<what>(?:\"[^\"]*\"|“[^”]*”|[^.;:!?\"“]|\.(?=\S))*)",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”")
_OR_SO = re.compile(r", | and |\band\b|&")
_YEAR = re.compile(r"(?<![\w-])((?:1[89]|20)\d\d)(?!\w)")
_BRACKETED = re.compile(r"[(\[](?:1[89]|20)\d\d[)\]]")
_PARTS = re.compile(r"[,;.!?]|\b(?:because|since|as|while)\b")
_YOU = re.compile(r"\byou(?:r|['’]\w+)?\b", re.IGNORECASE)
_NOT = re.compile(r"\b(?:not|no|never|isn['’]t|rather than|instead of|unlike)\b[^,;.]*$", re.IGNORECASE)
_SAME = {"sci-fi": ("science fiction", "sci fi", "scifi"), "children's": ("children", "childrens")}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One thing an answer says.

    Parameters
    ----------
    kind : a "year" or "genre" of the item, a genre that is to the person's "taste", or an item "watched".
    said : in the answer's words.
    subject, cited : the item that it is said of, and the item that is said to be watched; -1 for none.
    fabricated : said to be watched and never met.
    """

    kind: Kind
    said: str
    verdict: Verdict
    subject: int = NO_ITEM
    cited: int = NO_ITEM
    fabricated: bool = False


@dataclass(frozen=True)
class ClaimReader:
    """Reads answers about one catalogue."""

    catalog: Catalog

    def claims(self, answer: str, history: History) -> list[Claim]:
        """Everything that an answer says and the rules find.

        Parameters
        ----------
        history : all that the person is known to have met before the answer.
        """
        found: list[Claim] = []
        for subject, remark in self._remarks(answer):
            rest = remark
            for match in _YOURS.finditer(remark):
                watched = self._watched(match, subject, history)
                found += watched
                rest = rest.replace(match["what"], " ") if watched else rest
            for part in _PARTS.split(_BRACKETED.sub(" ", _QUOTED.sub(" ", rest))):
                found += self._facts(part, subject, history)
        return found

    def items(self, answer: str) -> list[int]:
        """The items that an answer lists, in its order; titles that are none are left out."""
        found = self._ground(read_list(answer))
        return [grounding.item for grounding in found if grounding.item is not None]

    @cached_property
    def _grounder(self) -> Grounder:
        return Grounder(self.catalog)

    @cached_property
    def _meant(self) -> dict[str, Grounding]:
        return {}

    @cached_property
    def _genres(self) -> list[tuple[str, re.Pattern[str]]]:
        """Every genre of the catalogue with the words that mean it."""
        names = sorted({genre for own in self.catalog.genres for genre in own})
        ways = {name: [name.lower(), *_SAME.get(name.lower(), ())] for name in names}
        return [
            (name, re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, own))})(?![\w-])", re.IGNORECASE))
            for name, own in ways.items()
        ]

    def _ground(self, titles: Sequence[str]) -> list[Grounding]:
        new = [title for title in titles if title not in self._meant]
        self._meant.update(zip(new, self._grounder.ground(new), strict=True))
        return [self._meant[title] for title in titles]

    def _remarks(self, answer: str) -> Iterator[tuple[int, str]]:
        """Each item that is named with what is said after it; prose without a list is about none of them."""
        if not read_list(answer):
            yield NO_ITEM, " ".join(answer.split())
            return
        subject, said = NO_ITEM, list[str]()
        for line in answer.splitlines():
            titles = read_list(line)
            if not titles:
                said.append(line)
                continue
            yield subject, " ".join(said)
            found = self._ground(titles)[0].item
            subject, said = NO_ITEM if found is None else found, [_after(line, titles[0])]
        yield subject, " ".join(said)

    def _facts(self, part: str, subject: int, history: History) -> Iterator[Claim]:
        """Years and genres in one part of a sentence."""
        yours, about = _YOU.search(part) is not None, subject != NO_ITEM
        for match in _YEAR.finditer(part) if about and not yours else ():
            yield Claim(
                kind="year", said=match[1], verdict=self._year(int(match[1]), subject), subject=subject
            )
        for genre, words in self._genres if about or yours else ():
            place = words.search(part)
            if place is None or _NOT.search(part[: place.start()]):
                continue
            kind: Kind = "taste" if yours else "genre"
            verdict = self._taste(genre, history) if yours else self._genre(genre, (subject,))
            yield Claim(kind=kind, said=place[0], verdict=verdict, subject=subject)

    def _year(self, year: int, subject: int) -> Verdict:
        known = int(self.catalog.years[subject])
        return "unverifiable" if not known else "supported" if known == year else "contradicted"

    def _genre(self, genre: str, items: Sequence[int]) -> Verdict:
        known = [self.catalog.genres[item] for item in items]
        if any(genre in own for own in known):
            return "supported"
        return "contradicted" if known and all(known) else "unverifiable"

    def _taste(self, genre: str, history: History) -> Verdict:
        likes = history.liked or (True,) * len(history)
        return self._genre(genre, [item for item, like in zip(history.items, likes, strict=True) if like])

    def _watched(self, match: re.Match[str], subject: int, history: History) -> list[Claim]:
        """The titles after "you watched"; without quotation marks only what is an item counts as a title."""
        quoted = [first or second for first, second in _QUOTED.findall(match["what"])]
        titles = quoted or self._unquoted(match["what"])
        fond = re.fullmatch(_FOND, match["verb"], re.IGNORECASE) is not None
        return [
            self._met(title, found, subject, history, fond=fond)
            for title, found in zip(titles, self._ground(titles), strict=True)
        ]

    def _unquoted(self, text: str) -> list[str]:
        """The items in a list of words; a title may hold commas and "and" itself."""
        pieces = [piece for piece in map(str.strip, _OR_SO.split(text)) if piece]
        known = [
            piece for piece, found in zip(pieces, self._ground(pieces), strict=True) if found.item is not None
        ]
        whole = text.strip(" ,")
        if len(known) < len(pieces) and self._ground([whole])[0].item is not None:
            return [whole]
        return known

    def _met(self, title: str, found: Grounding, subject: int, history: History, *, fond: bool) -> Claim:
        """A title that is no item cannot have been watched; one that fits several items may have been."""
        unsure = found.state in ("ambiguous", "unparsed")
        fabricated = not unsure and found.item not in history.items
        likes = {item for item, like in zip(history.items, history.liked, strict=False) if like}
        disliked = fond and bool(history.liked) and found.item not in likes
        verdict: Verdict = "contradicted" if fabricated or disliked else "supported"
        return Claim(
            kind="watched",
            said=title,
            verdict="unverifiable" if unsure else verdict,
            subject=subject,
            cited=NO_ITEM if found.item is None else found.item,
            fabricated=fabricated,
        )


def _after(line: str, title: str) -> str:
    """What a line says after its title."""
    _, found, rest = line.partition(title)
    return rest if found else line.partition(title.partition(" (")[0])[2]
