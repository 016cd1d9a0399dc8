"""Prints what the commands have to say: tables that fit the terminal, and errors in one sentence."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from ..reports.record import FindingRecord
    from .gate import GateOutcome
    from .plan import Job
    from .plugins import Kind, Plugin
    from .store import RunFolder

COLOURS = {"pass": "green", "fail": "red", "error": "magenta", "invalid": "magenta", "inconclusive": "yellow"}
WORDS = {"not_applicable": "not asked"}
KINDS: dict[str, Kind] = {
    "models": "model",
    "probes": "probe",
    "data": "data",
    "trainers": "trainer",
    "reports": "report",
}


def explain(problem: Exception) -> int:
    """Say what went wrong; return the exit code."""
    from .errors import DESCRIBED, AuditError, MissingLibrary, UsageError

    if isinstance(problem, ModuleNotFoundError):
        problem = MissingLibrary(problem)
    if isinstance(problem, (AuditError, *DESCRIBED)):
        sentences = problem.problems if isinstance(problem, UsageError) else (str(problem),)
        for sentence in sentences:
            print(f"error: {sentence}", file=sys.stderr)
        return getattr(problem, "exit_code", UsageError.exit_code)
    handle, path = tempfile.mkstemp(prefix="recaudit-error-", suffix=".log")
    with os.fdopen(handle, "w") as file:
        file.write("".join(traceback.format_exception(problem)))
    print(
        f"error: something inside failed ({type(problem).__name__}); the traceback is in {path}",
        file=sys.stderr,
    )
    return AuditError.exit_code


def listing(what: str) -> None:
    """List plug-ins of one kind, or of all."""
    from .errors import UsageError, unknown
    from .plugins import discover

    if what not in (*KINDS, "all"):
        raise UsageError(unknown("list", what, KINDS))
    for title, kind in KINDS.items():
        if what not in (title, "all"):
            continue
        rows = [[own.name, own.area, own.line, _more(own)] for own in discover(kind).values()]
        _table(title, ["name", "from", "what it is", ""], rows)


def _more(plugin: Plugin) -> str:
    """What a probe needs and costs; the presets of a model."""
    presets = plugin.says.get("PRESETS") if plugin.kind == "model" else None
    return "; ".join(
        f"{name}: {', '.join(parts)}"
        for name, parts in (
            ("needs", [need.replace("|", " or ") for need in plugin.needs]),
            ("trains", [str(plugin.fits)] if plugin.fits else []),
            ("presets", list(presets) if isinstance(presets, dict) else []),
        )
        if parts
    )


def datasets(where: Path | None) -> None:
    """List the data sets with their terms and where they were found."""
    from .plugins import discover, load

    rows = []
    for plugin in discover("data").values():
        module = load(plugin)
        found = module.locate(plugin.name, where=where)
        place = (
            str(found) if found else "made here" if "made here" in module.terms(plugin.name) else "not found"
        )
        rows.append([plugin.name, plugin.line, place, module.terms(plugin.name)])
    _table("data", ["name", "what it is", "where", "terms"], rows)


def plan(jobs: Sequence[Job]) -> None:
    """Print what a run would do."""
    rows = [
        [
            job.name,
            "unknown" if job.calls is None else f"{job.calls:,}",
            str(job.fits),
            "in the cache" if job.stored else "to do",
            job.key[:12],
        ]
        for job in jobs
    ]
    _table("plan", ["job", "model calls, at most", "models to train", "state", "key"], rows)


def result(folder: RunFolder, *, gated: bool) -> int:
    """Print how a run came out and where its report is; return the exit code."""
    from ..reports.html import answer
    from .gate import completion, gate

    record = folder.read_record()
    rows = [[*_row(finding)] for finding in record.findings]
    _table("", ["check", "verdict", "estimate (interval)", "users", ""], rows)
    print(answer(record))
    print(f"Report: {folder.path / 'report.html'}")
    return outcome(gate(record, evidence=folder.path)) if gated else completion(record)


def outcome(decided: GateOutcome) -> int:
    """Print what the gate decided, line by line; return the exit code."""
    rows = [[line.about, WORDS.get(line.state, line.state), line.text] for line in decided.lines]
    _table("gate", ["about", "state", "why"], rows)
    print(f"gate: exit code {decided.exit_code}")
    return decided.exit_code


def _row(finding: FindingRecord) -> Iterable[str]:
    from .gate import deciding

    decided = next(iter(deciding(finding)), None)
    name, group = (decided.criterion.measurement, decided.group) if decided else ("", "overall")
    rows = [row for row in finding.measurements if decided is None or (row.name, row.group) == (name, group)]
    yield finding.text.title
    yield WORDS.get(finding.verdict, finding.verdict)
    if not rows or rows[0].value is None or rows[0].low is None or rows[0].high is None:
        yield "not estimable" if rows else ""
    else:
        yield f"{rows[0].value:.3g} ({rows[0].low:.3g} to {rows[0].high:.3g}) {rows[0].unit}"
    yield f"{rows[0].clusters:,}" if rows else ""
    reason = decided.reason if decided else finding.not_asked or finding.error
    yield f"{group}: {reason}" if group != "overall" else reason


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; words from outside are never read as markup."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for place, head in enumerate(heads):
        table.add_column(head, overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*(Text(cell, style=COLOURS.get(cell, "")) for cell in row))
    width = None if sys.stdout.isatty() else 160
    Console(markup=False, highlight=False, width=width).print(table)
