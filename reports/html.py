"""The audit report as one self-contained web page: the answer first, every figure with its origin."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..probes.base import Measurement
from . import _words as words
from ._curves import Picture, pictures
from ._exhibits import Pair, pairs
from ._figures import Figure, counted, figures, gate_figures
from ._forest import Mini, mini
from ._glossary import glossary
from ._page import asset, digest, environment
from ._reading import Check, counts, in_order
from ._regulation import regulation_map
from .record import AuditRecord

SUFFIX = ".html"


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
    further: tuple[Figure, ...]
    counted: tuple[Measurement, ...]
    curves: tuple[Picture, ...]
    gates: tuple[Figure, ...]
    pairs: tuple[Pair, ...]


def answer(record: AuditRecord) -> str:
    """The whole audit in one sentence, as the page begins."""
    return words.answer(record, in_order(record))


def render(record: AuditRecord) -> str:
    """Write a record as an HTML page; the same record gives the same bytes."""
    checks = in_order(record)
    asked = [check for check in checks if check.state != "not_applicable"]
    style, script = asset("report.css"), asset("report.js")
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            record=record,
            answer=answer(record),
            counts=counts(record),
            sections=[_section(check, record) for check in asked],
            silent=[check for check in checks if check.state == "not_applicable"],
            broken=words.ended_in_errors(record),
            typed=words.command(record),
            time_spent=words.time_spent(record),
            footing=words.footing(record),
            regulation=regulation_map(checks),
            terms=glossary(record),
            settings=_settings(record),
            style=style,
            script=script,
            style_hash=digest(style),
            script_hash=digest(script),
        )
    )


def _section(check: Check, record: AuditRecord) -> Section:
    drawn = figures(check.finding)
    shown = tuple(figure for figure in drawn if figure.is_judged) or drawn
    return Section(
        check=check,
        mini=mini(check.row, check.criterion, check.state) if check.row else None,
        meaning=words.meaning(check),
        seen=words.seen(check, record.family.alpha),
        held_back=words.held_back(check, record.family.alpha),
        not_meant=words.NOT_MEANT[check.state],
        could_have_seen=words.could_have_seen(check) if check.state == "inconclusive" else "",
        would_help=words.would_help(check),
        figures=shown,
        further=tuple(figure for figure in drawn if figure not in shown),
        counted=counted(check.finding),
        curves=pictures(check.finding.curves),
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
