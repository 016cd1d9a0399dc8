"""The audit report as one self-contained web page: the answer first, every figure with its origin."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..probes.base import Measurement
from . import _numbers as numbers
from . import _words as words
from ._exhibits import Pair, pairs
from ._figures import Figure, counted, figures, gate_figures, methods
from ._forest import NARROW, WIDE, Mini, forest, mini
from ._glossary import glossary, linked
from ._reading import WORDS, Check, counts, in_order
from ._text import cut, plain_name, visible
from .record import AuditRecord

if TYPE_CHECKING:
    from jinja2 import Environment

SUFFIX = ".html"
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, kw_only=True)
class Section:
    """One check as the page shows it: its row in the verdict table and its section."""

    check: Check
    mini: Mini | None
    meaning: str
    seen: str
    not_meant: str
    held_back: str
    could_have_seen: str
    would_help: str
    figures: tuple[Figure, ...]
    counted: tuple[Measurement, ...]
    gates: tuple[Figure, ...]
    pairs: tuple[Pair, ...]


def answer(record: AuditRecord) -> str:
    """The whole audit in one sentence, as the page begins."""
    return words.answer(record, in_order(record))


def render(record: AuditRecord) -> str:
    """Write a record as an HTML page; the same record gives the same bytes."""
    checks = in_order(record)
    style, script = _asset("report.css"), _asset("report.js")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            record=record,
            answer=answer(record),
            counts=counts(record),
            sections=[_section(check, record) for check in checks],
            broken=words.ended_in_errors(record),
            typed=words.command(record),
            time_spent=words.time_spent(record),
            footing=words.footing(record),
            terms=glossary(record),
            settings=_settings(record),
            style=style,
            script=script,
            style_hash=_digest(style),
            script_hash=_digest(script),
        )
    )


def _section(check: Check, record: AuditRecord) -> Section:
    return Section(
        check=check,
        mini=mini(check.row, check.criterion, check.state) if check.row else None,
        meaning=words.meaning(check),
        seen=words.seen(check, record.family.alpha),
        held_back=words.held_back(check, record.family.alpha),
        not_meant=words.NOT_MEANT[check.state],
        could_have_seen=words.could_have_seen(check) if check.state == "inconclusive" else "",
        would_help=words.would_help(check),
        figures=figures(check.finding),
        counted=counted(check.finding),
        gates=gate_figures(check.finding),
        pairs=pairs(check.finding.exhibits),
    )


def _settings(record: AuditRecord) -> str:
    settings = {
        "config": record.config,
        "model_settings": record.model.settings,
        "policy": record.policy,
        "environment": record.environment,
    }
    return json.dumps(settings, indent=2, sort_keys=True, ensure_ascii=False, default=str)


def paragraphs(text: str) -> list[str]:
    """A docstring's paragraphs, each as one line; indented ones keep their lines."""
    blocks = [block.strip("\n") for block in re.split(r"\n\s*\n", text) if block.strip()]
    return [block if block.startswith(" ") else " ".join(block.split()) for block in blocks]


def _asset(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """A content security policy's name for an inline style or script: nothing else may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _shown(value: object) -> object:
    """Make hidden characters visible in whatever a template prints."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


@cache
def _environment() -> Environment:
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
