"""The parts that every web page of an audit is made with: its style, its filters, and what may run in it."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from . import _numbers as numbers
from . import _words as words
from ._figures import methods
from ._forest import NARROW, WIDE, forest
from ._glossary import linked
from ._reading import WORDS
from ._text import cut, paragraphs, plain_name, visible

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


def asset(name: str) -> str:
    """The text of a style sheet or script."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def digest(text: str) -> str:
    """A content security policy's name for an inline style or script: nothing else may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _shown(value: object) -> object:
    """Make hidden characters visible in whatever a template prints."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


@cache
def environment() -> Environment:
    """The templates, with everything escaped and hidden characters shown."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        asset=Markup,
        cut=cut,
        plain_name=plain_name,
        plain=numbers.plain,
        number=numbers.number,
        setting=numbers.setting,
        bound=numbers.bound,
        count=numbers.count,
        interval=numbers.interval,
        p_value=numbers.p_value,
        percent=numbers.percent,
        linked=linked,
        closed=words.closed,
        sentence=words.sentence,
        paragraphs=paragraphs,
        methods=methods,
        wide=lambda figure, check: forest(figure, WIDE, check.estimate),
        narrow=lambda figure, check: forest(figure, NARROW, check.estimate),
    )
    environment.globals["WORDS"] = WORDS
    return environment
