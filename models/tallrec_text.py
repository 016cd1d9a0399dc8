"""The words of TALLRec's published prompts: a user's likes and dislikes in, one yes-or-no question out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .data import DataError

_QUESTION = re.compile(
    r"User Preference: (.*)\nUser Unpreference: (.*)\n"
    r'Whether the user will like the target (movie|book) "(.*)"\?',
    re.DOTALL,
)
_BOOK = re.compile(r'"(.*?)" written by (.*?)(?=, "|$)', re.DOTALL)


def instruction(*, kind: str = "movie") -> str:
    """The instruction line of every published prompt of that kind."""
    return (
        "Given the user's preference and unpreference, identify whether the user will like the"
        f' target {kind} by answering "Yes." or "No.".'
    )


INSTRUCTION = instruction()


def input_text(
    liked_titles: Sequence[str], disliked_titles: Sequence[str], target_title: str, *, kind: str = "movie"
) -> str:
    """The question about one target; titles go in as they are, an empty list leaves its line blank.

    A movie's title is put in quotation marks. A book's text is a `book_text`, which brings its own, so the
    published question about a book has two pairs of them.
    """
    likes, dislikes = (_listed(titles, kind) for titles in (liked_titles, disliked_titles))
    return (
        f"User Preference: {likes}\nUser Unpreference: {dislikes}\n"
        f'Whether the user will like the target {kind} "{target_title}"?'
    )


def output_text(liked: bool) -> str:
    """The published answer."""
    return "Yes." if liked else "No."


def book_text(title: str, author: str) -> str:
    """A book as the published prompts write it."""
    return f'"{title}" written by {author}'


def split_book(text: str) -> tuple[str, str]:
    """Title and author of a `book_text`.

    Raises
    ------
    DataError
        If the text is none.
    """
    match = re.fullmatch(r'"(.*)" written by (.*)', text, re.DOTALL)
    if match is None:
        raise DataError(f'expected a book as "TITLE" written by AUTHOR, got {text[:80]!r}')
    return match[1], match[2]


def alpaca_prompt(instruction: str, input: str, *, lint_mark: bool = True) -> str:
    """The frame around instruction and question that TALLRec takes from Alpaca (Taori et al., 2023).

    TALLRec's released code, in training as in evaluation, ends the first paragraph with a stray
    ``  # noqa: E501`` that its adapters therefore know; ``lint_mark=False`` gives Alpaca's own frame.
    """
    stray = "  # noqa: E501" if lint_mark else ""
    return (
        "Below is an instruction that describes a task, paired with an input that provides further context."
        f" Write a response that appropriately completes the request.{stray}\n\n"
        f"### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
    )


def kind_of(text: str) -> str:
    """What a question asks about: "movie" or "book"."""
    return _matched(text)[3]


def parse_input(text: str) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Likes, dislikes and target of a question: the inverse of `input_text`.

    Books come back as `book_text`. The format escapes nothing, so a movie title that itself holds
    ``", "`` reads as two titles; all others, with quotes, commas or line breaks, come back whole.

    Raises
    ------
    DataError
        If the text is not such a question.
    """
    match = _matched(text)
    split = _books if match[3] == "book" else _movies
    return split(match[1]), split(match[2]), match[4]


def _listed(titles: Sequence[str], kind: str) -> str:
    return ", ".join(titles if kind == "book" else (f'"{title}"' for title in titles))


def _matched(text: str) -> re.Match[str]:
    match = _QUESTION.fullmatch(text)
    if match is None:
        raise DataError(f"expected a TALLRec question (User Preference: ...), got {text[:80]!r}")
    return match


def _movies(listed: str) -> tuple[str, ...]:
    if not listed:
        return ()
    if len(listed) < 2 or listed[0] != '"' or listed[-1] != '"':
        raise DataError(f'expected movies as "TITLE", "TITLE", got {listed[:80]!r}')
    return tuple(listed[1:-1].split('", "'))


def _books(listed: str) -> tuple[str, ...]:
    books = tuple(match[0] for match in _BOOK.finditer(listed))
    if ", ".join(books) != listed:
        raise DataError(f'expected books as "TITLE" written by AUTHOR, got {listed[:80]!r}')
    return books
