"""Makes hostile text safe to look at: hidden characters become visible, and endless text is cut."""

from __future__ import annotations

import re

ABBREVIATIONS = frozenset({"auc", "dp", "ece", "fpr", "ndcg", "tpr"})
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    r"\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    r"\U000e0000-\U000e0fff]"
)
_STACKED_MARKS = re.compile(r"([\u0300-\u036f]{3})[\u0300-\u036f]+")


def visible(text: str) -> str:
    """Write control, direction, zero-width and tag characters as ``⟨U+202E⟩``; thin stacked accents.

    Line breaks and tabs stay, and so do the joiners that scripts and emoji need.
    """
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.isprintable():
        return text
    shown = _HIDDEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)
    return _STACKED_MARKS.sub(r"\1", shown)


def cut(text: str, limit: int) -> str:
    """The first ``limit`` characters, saying how long the text is where it was cut."""
    if len(text) <= limit:
        return text
    return f"{text[:limit].rstrip()}… ({len(text):,} characters)"


def plain_name(name: str) -> str:
    """A measurement's, attribute's or phase's name as a reader says it."""
    words = name.replace("_", " ").split(" ")
    return " ".join(word.upper() if word in ABBREVIATIONS else word for word in words)


def listed(parts: list[str] | tuple[str, ...]) -> str:
    """Words in a row: "a", "a and b", "a, b and c"."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def paragraphs(text: str) -> list[str]:
    """A docstring's paragraphs, each as one line; indented ones keep their lines."""
    blocks = [block.strip("\n") for block in re.split(r"\n\s*\n", text) if block.strip()]
    return [block if block.startswith(" ") else " ".join(block.split()) for block in blocks]
