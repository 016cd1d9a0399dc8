"""The words of TALLRec's prompts, letter by letter, and back again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.models import tallrec_text as text
from recaudit.models.data import DataError

BOOK_QUESTION = text.input_text(
    [
        text.book_text("Salt, and Other Tides", "A. B. Lindqvist"),
        text.book_text('The "Other" Tin', "Mo, Li"),
    ],
    [],
    text.book_text("Salt, and Other Tides", "Someone Else"),
    kind="book",
)


def test_the_words_are_the_published_ones() -> None:
    assert text.INSTRUCTION == (
        "Given the user's preference and unpreference, identify whether the user will like the target movie"
        ' by answering "Yes." or "No.".'
    )
    assert text.input_text(["A (1990)", "B"], ["C, The"], "D") == (
        'User Preference: "A (1990)", "B"\nUser Unpreference: "C, The"\n'
        'Whether the user will like the target movie "D"?'
    )
    assert text.input_text([], [], "D").startswith("User Preference: \nUser Unpreference: \nWhether")
    assert BOOK_QUESTION == (
        'User Preference: "Salt, and Other Tides" written by A. B. Lindqvist, "The "Other" Tin"'
        " written by Mo, Li\nUser Unpreference: \n"
        'Whether the user will like the target book ""Salt, and Other Tides" written by Someone Else"?'
    )
    assert (text.output_text(True), text.output_text(False)) == ("Yes.", "No.")


def test_the_frame_is_alpacas_with_the_lint_mark_that_was_released() -> None:
    plain = text.alpaca_prompt("I", "Q", lint_mark=False)
    assert plain == (
        "Below is an instruction that describes a task, paired with an input that provides further context."
        " Write a response that appropriately completes the request.\n\n"
        "### Instruction:\nI\n\n### Input:\nQ\n\n### Response:\n"
    )
    assert text.alpaca_prompt("I", "Q") == plain.replace("request.\n", "request.  # noqa: E501\n")


titles = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30).filter(
    lambda title: '", "' not in title and not title.startswith('", ') and "\nUser Unpreference: " not in title
)
awkward = st.sampled_from(
    [
        'He said "no"',
        "Commas, Many, The (1990)",
        "  spaced (1986) ",
        "two\nlines",
        '"',
        ",",
        "<script>",
        "x\x85y",
    ]
)
plain = (titles | awkward).filter(lambda title: "Whether the user" not in title)


@settings(deadline=None)
@given(st.lists(plain, max_size=4), st.lists(plain, max_size=4), plain)
def test_movie_questions_read_back_into_the_same_titles(
    liked: list[str], disliked: list[str], target: str
) -> None:
    question = text.input_text(liked, disliked, target)
    read = text.parse_input(question)
    assert text.input_text(*read) == question
    if not any(title.endswith('"') or title.startswith('"') for title in (*liked, *disliked)):
        assert read == (tuple(liked), tuple(disliked), target)


def test_book_questions_read_back_into_titles_and_authors() -> None:
    liked, disliked, target = text.parse_input(BOOK_QUESTION)
    assert [text.split_book(book) for book in liked] == [
        ("Salt, and Other Tides", "A. B. Lindqvist"),
        ('The "Other" Tin', "Mo, Li"),
    ]
    assert disliked == () and text.split_book(target) == ("Salt, and Other Tides", "Someone Else")
    assert text.kind_of(BOOK_QUESTION) == "book" and text.kind_of(text.input_text([], [], "x")) == "movie"


@pytest.mark.parametrize(
    "question",
    [
        "",
        'User Preference: \nUser Unpreference: \nWhether the user will like the target song "x"?',
        text.input_text([], [], "x").replace("Preference: ", 'Preference: "half', 1),
        text.input_text([], [], "x").replace("Preference: ", 'Preference: "', 1),
        text.input_text(['"Salt" painted by A'], [], '"Tin" written by B', kind="book"),
    ],
)
def test_what_is_no_such_question_is_refused(question: str) -> None:
    with pytest.raises(DataError, match="expected"):
        text.parse_input(question)


def test_what_is_no_book_is_refused() -> None:
    with pytest.raises(DataError, match='expected a book as "TITLE" written by AUTHOR'):
        text.split_book("Salt, and Other Tides")
