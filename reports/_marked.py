"""What reports in Markdown share: text from outside made harmless, and an audit in one table."""

from __future__ import annotations

import html
import re

from . import _numbers as numbers
from . import _words as words
from ._reading import WORDS, Check, in_order
from ._text import cut, visible
from .record import AuditRecord

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


def summary(record: AuditRecord) -> str:
    """The answer, the verdicts, the worst finding and how to go on."""
    checks = in_order(record)
    lines = [
        f"### Audit of {safe(record.model.name)} on {safe(record.data.name)}",
        "",
        f"**{safe(words.answer(record, checks), 900)}**",
        "",
        "| Check | Verdict | Estimate (interval) | Bound | Users | Adjusted p |",
        "| --- | --- | --- | --- | ---: | --- |",
        *(_row(check, record.family.alpha) for check in checks),
        "",
        *_worst(checks, record.family.alpha),
        f"Run {safe(record.id)}, {record.created[:10]}, seed {record.seed}. The evidence folder beside "
        "the record holds every answer; with RUN as the run’s folder, <code>audit report RUN</code> renders "
        "again and <code>audit gate RUN</code> judges again.",
    ]
    return "\n".join(lines) + "\n"


def _row(check: Check, alpha: float) -> str:
    row, verdict = check.row, check.verdict
    name = f"{safe(check.finding.text.title)}{_group(check)}"
    state = f"{SHAPES[check.state]} {WORDS[check.state]}"
    if row is None:
        return f"| {name} | {state} | {safe(words.meaning(check), 220)} | | | |"
    bound = numbers.bound(verdict.criterion) if verdict else "none"
    p = numbers.p_value(check.p_value, alpha) if check.p_value is not None else ""
    value = f"{check.estimate(row)} {safe(row.unit)}"
    return f"| {name} | {state} | {value} | {bound} | {row.clusters:,} | {html.escape(p)} |"


def _group(check: Check) -> str:
    group = check.row.group if check.row else "overall"
    return "" if group == "overall" else f" ({safe(group, 40)})"


def _worst(checks: tuple[Check, ...], alpha: float) -> list[str]:
    worst = next((check for check in checks if check.state in ("error", "invalid", "fail")), None)
    if worst is None:
        return []
    return [
        f"**Worst: {safe(worst.finding.text.title)}.** {safe(worst.finding.text.question, 300)} "
        f"{safe(words.meaning(worst), 300)} {safe(words.seen(worst, alpha), 400)}".rstrip(),
        "",
    ]


def safe(text: str, limit: int = 120) -> str:
    """Text from outside as one line that Markdown and HTML leave alone; it mentions and links nothing."""
    line = " ".join(cut(visible(text), limit).split())
    return _CALLS.sub("\\1\u200b", _SPECIAL.sub(r"\\\1", html.escape(line, quote=False)))
