"""What stands between a typed command and the audit: which run is meant, with which configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..reports.record import AuditRecord
from . import plugins
from .checks import read_config
from .config import AuditConfig, split_settings
from .errors import UsageError, unknown
from .gate import GateOutcome, Line, Policy, policy_line, read_policy, with_lines
from .gate import gate as judge_run
from .runner import write_reports
from .store import LATEST, RunFolder, find_run, write_text

if TYPE_CHECKING:
    from ._sides import Run

RECORDED = "recorded_lists"


def prepare_run(
    flags: Mapping[str, Any], settings: Sequence[str], *, file: Path | None, resume: bool, which: str | None
) -> tuple[AuditConfig, RunFolder | None]:
    """The configuration of a new run, or that of the run to go on with and its folder.

    Raises
    ------
    UsageError
        For every problem of the configuration, and for a resumed run that should change it.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    if recorded := given.pop("recorded", None):
        if "model" in given:
            raise UsageError("give --model or --recorded, not both: recorded lists need no model")
        given["model"], settings = RECORDED, [f"path={recorded}", *settings]
    if not resume:
        if which is not None:
            raise UsageError(f"`audit run` takes no argument {which!r}; go on with a run by --resume {which}")
        return read_config(given, settings, file=file), None
    problems: list[str] = []
    given |= split_settings(settings, problems)
    if problems:
        raise UsageError(*problems)
    out = given.pop("out", None)
    folder = find_run(which or (str(out) if out else LATEST))
    kept = AuditConfig.model_validate(folder.about["config"])
    wanted = AuditConfig.model_validate({**kept.model_dump(), **given})
    if changed := [name for name in given if getattr(wanted, name) != getattr(kept, name)]:
        raise UsageError(
            f"a resumed run keeps its configuration, so {', '.join(changed)} cannot change;"
            " leave that out, or start a new run without --resume"
        )
    return kept, folder


def rendered(which: str, formats: str) -> tuple[str, ...]:
    """Write a run's reports in these formats; return their paths."""
    known = {report.name: report for report in plugins.discover("report").values()}
    by_suffix = {str(report.says["SUFFIX"]).split(".")[1]: name for name, report in known.items()}
    wanted = [part.strip() for part in formats.split(",") if part.strip()]
    if strange := [name for name in wanted if name not in known and name not in by_suffix]:
        raise UsageError(*(unknown("report", name, known) for name in strange))
    folder = find_run(which)
    names = tuple(name if name in known else by_suffix[name] for name in wanted)
    return tuple(write_reports(folder, folder.read_record(), names).values())


def indexed(folder: Path) -> Path:
    """Write one page over all runs in a folder, and return its path.

    Raises
    ------
    UsageError
        If the folder holds no run.
    """
    from ..reports.history import Entry, render

    runs = sorted(path.parent for path in folder.glob("**/record.json"))
    if not runs:
        raise UsageError(f"no run lies in {folder}; name the folder that holds runs, such as audits")
    entries = [Entry(record=find_run(str(run)).read_record(), link=_link(run, folder)) for run in runs]
    return write_text(folder / "index.html", render(entries))


def _link(run: Path, folder: Path) -> str:
    """Where a run's report lies, as seen from the folder's page."""
    from urllib.parse import quote

    report = run / "report.html"
    return quote(report.relative_to(folder).as_posix()) if report.is_file() else ""


def gated(which: str, policy: Path | None, baseline: str | None = None) -> GateOutcome:
    """Judge a run by a policy, or by the one it was run with, and hold it against an earlier run if named."""
    folder = find_run(which)
    record = folder.read_record()
    wanted = _policy(policy, record)
    decided = judge_run(record, wanted, evidence=folder.path)
    if baseline is None:
        return decided
    from .ratchet import ratchet

    return with_lines(decided, ratchet(_side(which), _side(baseline), wanted))


def gate_explained(which: str, policy: Path | None) -> tuple[Line, ...]:
    """How every bounded row of a run stands."""
    from .explain import explained

    record = find_run(which).read_record()
    return explained(record, _policy(policy, record))


def first_policy(which: str, path: Path | None) -> Path:
    """Write a first policy for a run."""
    from .policy_file import write_policy

    return write_policy(find_run(which).read_record(), path or Path("policy.toml"))


def checked_policies(files: Sequence[Path]) -> tuple[Line, ...]:
    """One line a policy: what it holds, or which waivers have expired.

    Raises
    ------
    UsageError
        Naming every problem of every file.
    """
    problems: list[str] = []
    lines: list[Line] = []
    for path in files:
        try:
            lines.append(policy_line(read_policy(path), str(path)))
        except UsageError as found:
            problems += found.problems
    if problems:
        raise UsageError(*problems)
    return tuple(lines)


def compared(before: str, after: str, out: Path | None) -> tuple[str, Path]:
    """Compare two runs; return the answer in a sentence and the page's path."""
    from ..reports.comparison import answer, render
    from .compare import compare

    early, late = _side(before), _side(after)
    comparison = compare(early, late)
    path = out or late.folder / "comparison.html"
    write_text(path, render(comparison))
    return answer(comparison), path


def _side(which: str) -> Run:
    from ._sides import Run

    folder = find_run(which)
    return Run(record=folder.read_record(), folder=folder.path)


def _policy(path: Path | None, record: AuditRecord) -> Policy:
    if path is None:
        return Policy.model_validate(record.policy)
    return read_policy(path, [finding.probe for finding in record.findings])


def verified(which: str) -> GateOutcome:
    """Compute a run again from its evidence."""
    from .verify import verify

    folder = find_run(which)
    return verify(folder.read_record(), evidence=folder.path)
