"""Hostile text is shown, not obeyed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.reports._text import cut, listed, plain_name, visible


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("bell\x07", "bell⟨U+0007⟩"),
        ("zero\u200bwidth", "zero⟨U+200B⟩width"),
        ("tag\U000e0041", "tag⟨U+E0041⟩"),
        ("half \ud800 pair", "half ⟨U+D800⟩ pair"),
        ("soft\u00adhyphen", "soft⟨U+00AD⟩hyphen"),
        ("Z" + "\u0301" * 40, "Z" + "\u0301" * 3),
    ],
)
def test_what_hides_is_made_visible(hostile: str, shown: str) -> None:
    assert visible(hostile) == shown


@pytest.mark.parametrize("text", ["Amélie (2001)", "千と千尋の神隠し", "two\nlines\tand a tab", "👩\u200d🚀"])
def test_honest_text_stays(text: str) -> None:
    assert visible(text) == text


@given(st.text())
def test_what_is_shown_hides_nothing_more(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    shown.encode()


def test_endless_text_is_cut_and_says_so() -> None:
    assert cut("a" * 10_000, 5) == "aaaaa… (10,000 characters)"
    assert cut("short", 5) == "short"


def test_names_and_lists_read_as_english() -> None:
    assert plain_name("tpr_at_1_percent") == "TPR at 1 percent"
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
