"""TALLRec's prompt, word for word, and the one line that our `attributes` preset adds to it.

Reference: Bao et al. 2023, TALLRec (RecSys); the texts are those of the released code and data, the frame
with its stray lint mark included, because a tuned model expects the very characters it was tuned on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from ..base import Request
from ..tallrec_text import INSTRUCTION, alpaca_prompt, input_text

PLACEBO: Mapping[str, tuple[str, ...]] = {"handedness": ("left-handed", "right-handed")}
PROFILE_STARTS = ("User Profile: ", "About the user: ")
PROFILE_LINKS = (" is ", ": ")
QUESTION_START = "Whether the user will like the target "


def profile_line(attributes: Sequence[tuple[str, str]], wording: int) -> str:
    """State attributes in one of the trained wordings; every value stands in the same place."""
    stated = ", ".join(f"{name}{PROFILE_LINKS[wording]}{value or 'unknown'}" for name, value in attributes)
    return f"{PROFILE_STARTS[wording]}{stated}.\n"


def prompt(request: Request, titles: Sequence[str], item: int, *, kind: str) -> str:
    """Write a request about one candidate exactly as the model is given it."""
    overrides = dict(request.titles)
    words = [overrides.get(other, titles[other]) for other in request.history.items]
    likes = request.history.liked or (True,) * len(words)
    liked = [word for word, like in zip(words, likes, strict=True) if like]
    disliked = [word for word, like in zip(words, likes, strict=True) if not like]
    text = input_text(liked, disliked, overrides.get(item, titles[item]), kind=kind)
    blocks, question, target = text.partition(QUESTION_START)
    if request.layout == "swapped":
        first, second = blocks.rstrip("\n").split("\n", 1)
        blocks = f"{second}\n{first}\n"
    profile = profile_line(request.attributes, request.wording) if request.attributes else ""
    shown = "".join(f"{demonstration}\n\n" for demonstration in request.demonstrations)
    return shown + alpaca_prompt(INSTRUCTION, blocks + profile + question + target)


def prompt_digest() -> str:
    """Sha256 of every fixed text of the prompt, for the record."""
    fixed = (alpaca_prompt(INSTRUCTION, input_text(["A"], ["B"], "C")), *PROFILE_STARTS, *PROFILE_LINKS)
    return hashlib.sha256("\0".join(fixed).encode()).hexdigest()
