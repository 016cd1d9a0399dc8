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
    from .check_model import ModelCheck
    from .gate import GateOutcome, Line
    from .plan import Job
    from .plugins import Kind, Plugin
    from .selftest import Rate, Selftest
    from .store import RunFolder

COLOURS = {
    "pass": "green",
    "holds": "green",
    "fail": "red",
    "misses": "red",
    "broken": "magenta",
    "error": "magenta",
    "invalid": "magenta",
    "inconclusive": "yellow",
}
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
            ("suite", [plugin.suite] if plugin.kind == "probe" else []),
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
            "not asked" if job.refusal else "in the cache" if job.stored else "to do",
            "" if job.refusal or job.stored else _duration(job.seconds),
            job.refusal or ("" if job.stored else job.basis),
        ]
        for job in jobs
    ]
    _table("plan", ["job", "calls, at most", "trains", "state", "time", "how that is known"], rows)
    print(_in_all(jobs))


def _in_all(jobs: Sequence[Job]) -> str:
    """How long everything takes, and how far that is known."""
    known = sum(job.seconds or 0.0 for job in jobs if not job.basis.startswith("at most"))
    at_most = sum(job.seconds or 0.0 for job in jobs)
    if any(job.seconds is None for job in jobs):
        return f"At least {_duration(known)}; a first run of this model on these data tells the rest."
    if known < at_most:
        return f"Between {_duration(known)} and {_duration(at_most)} in all."
    return f"About {_duration(known)} in all, as measured here before."


def _duration(seconds: float | None) -> str:
    """Seconds as people say them: two digits are all that an estimate is good for."""
    if seconds is None:
        return "unknown"
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds >= 1 or not seconds else "under 1 s"
    minutes = seconds / 60
    return f"{minutes:.1f} min" if minutes < 60 else f"{minutes / 60:.1f} h"


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


def model_check(found: ModelCheck) -> int:
    """Print what a model keeps and what it can be asked; return the exit code."""
    rows = [["breaks" if own.broken else "keeps", own.sentence, own.broken] for own in found.promises]
    _table("promises", ["", "what a recommender promises", "what broke it"], rows)
    print(f"It {'; '.join(found.able) or 'recommends, and nothing more'}.")
    print(f"It can be asked by {len(found.askable)} probes: {', '.join(found.askable) or 'none'}.")
    locked = [[own.what, ", ".join(own.methods), ", ".join(own.probes)] for own in found.locked]
    if locked:
        _table("what would unlock more", ["a model that", "has the methods", "can also be asked by"], locked)
    return 0 if found.holds else 1


def outcome(decided: GateOutcome, name: str = "gate") -> int:
    """Print what the gate or another judge decided, line by line; return the exit code."""
    lines(name, decided.lines)
    print(f"{name}: exit code {decided.exit_code}")
    return decided.exit_code


def lines(title: str, looked_at: Sequence[Line]) -> None:
    """Print what was looked at, one line each."""
    rows = [[line.about, WORDS.get(line.state, line.state), line.text] for line in looked_at]
    _table(title, ["about", "state", "why"], rows)


def selftested(result: Selftest) -> int:
    """Print how every probe did in its known-answer worlds; return the exit code."""
    heads = ["probe", "bars", "false alarms (95 % ends)", "at the bound", "planted fault found", "how", ""]
    rows = [
        [
            row.probe,
            row.standing,
            _rate(row.alarms),
            _rate(row.at_bound) or ("no closed form" if row.found else ""),
            _rate(row.found),
            "" if not row.found else "end to end" if row.asked else "estimate alone",
            row.why,
        ]
        for row in result.rows
    ]
    _table("self-test", heads, rows)
    if result.not_run:
        print(f"Not tried: {', '.join(result.not_run)}.")
    print(
        f"{result.seeds} worlds a dial, {result.seconds:.0f} s. “End to end”: a planted model answered the"
        " probe's own questions; “estimate alone”: answers were sampled with the truth known."
    )
    print(f"selftest: exit code {result.exit_code}")
    return result.exit_code


def _rate(rate: Rate | None) -> str:
    return f"{rate.rejected}/{rate.worlds} ({rate.low:.1%} to {rate.high:.1%})" if rate else ""


def _row(finding: FindingRecord) -> Iterable[str]:
    from .gate import deciding

    decided = next(iter(deciding(finding)), None)
    name, group = (decided.criterion.measurement, decided.group) if decided else ("", "overall")
    rows = [row for row in finding.measurements if decided is None or (row.name, row.group) == (name, group)]
    yield finding.text.title
    yield WORDS.get(finding.verdict, finding.verdict)
    if not rows or rows[0].value is None or rows[0].low is None:
        yield "not estimable" if rows else ""
    else:
        ends = "or more" if rows[0].high is None else f"to {rows[0].high:.3g}"
        yield f"{rows[0].value:.3g} ({rows[0].low:.3g} {ends}) {rows[0].unit}"
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
