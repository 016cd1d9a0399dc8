"""A short summary of an audit for a pull request: the answer, the verdicts, the worst finding."""

from __future__ import annotations

import html
import re

from . import _numbers as numbers
from . import _words as words
from ._reading import WORDS, Check, in_order
from ._text import cut, visible
from .record import AuditRecord

SUFFIX = ".md"
SHAPES = {
    "pass": "●",
    "fail": "■",
    "inconclusive": "◐",
    "invalid": "✕",
    "error": "▲",
    "reported": "◇",
    "not_applicable": "–",
}
_SPECIAL = re.compile(r"([\\`*_{}\[\]!|~])")
_CALLS = re.compile(r"(@|#|:(?=//)|www(?=\.))")


def render(record: AuditRecord) -> str:
    """Write a record as Markdown; the same record gives the same bytes."""
    checks = in_order(record)
    lines = [
        f"### Audit of {_safe(record.model.name)} on {_safe(record.data.name)}",
        "",
        f"**{_safe(words.answer(record, checks), 900)}**",
        "",
        "| Check | Verdict | Estimate (interval) | Bound | Users | Adjusted p |",
        "| --- | --- | --- | --- | ---: | --- |",
        *(_row(check, record.family.alpha) for check in checks),
        "",
        *_worst(checks, record.family.alpha),
        f"Run {_safe(record.id)}, {record.created[:10]}, seed {record.seed}. The evidence folder beside "
        "the record holds every answer; with RUN as the run’s folder, <code>audit report RUN</code> renders "
        "again and <code>audit gate RUN</code> judges again.",
    ]
    return "\n".join(lines) + "\n"


def _row(check: Check, alpha: float) -> str:
    row, verdict = check.row, check.verdict
    name = f"{_safe(check.finding.text.title)}{_group(check)}"
    state = f"{SHAPES[check.state]} {WORDS[check.state]}"
    if row is None:
        return f"| {name} | {state} | {_safe(words.meaning(check), 220)} | | | |"
    bound = numbers.bound(verdict.criterion) if verdict else "none"
    p = numbers.p_value(check.p_value, alpha) if check.p_value is not None else ""
    value = f"{check.estimate(row)} {_safe(row.unit)}"
    return f"| {name} | {state} | {value} | {bound} | {row.clusters:,} | {html.escape(p)} |"


def _group(check: Check) -> str:
    group = check.row.group if check.row else "overall"
    return "" if group == "overall" else f" ({_safe(group, 40)})"


def _worst(checks: tuple[Check, ...], alpha: float) -> list[str]:
    worst = next((check for check in checks if check.state in ("error", "invalid", "fail")), None)
    if worst is None:
        return []
    return [
        f"**Worst: {_safe(worst.finding.text.title)}.** {_safe(worst.finding.text.question, 300)} "
        f"{_safe(words.meaning(worst), 300)} {_safe(words.seen(worst, alpha), 400)}".rstrip(),
        "",
    ]


def _safe(text: str, limit: int = 120) -> str:
    """Text from outside as one line that Markdown and HTML leave alone; it mentions and links nothing."""
    line = " ".join(cut(visible(text), limit).split())
    return _CALLS.sub("\\1\u200b", _SPECIAL.sub(r"\\\1", html.escape(line, quote=False)))
