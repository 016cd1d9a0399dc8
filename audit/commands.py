"""What stands between a typed command and the audit: which run is meant, with which configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import plugins
from .checks import read_config
from .config import AuditConfig, split_settings
from .errors import UsageError, unknown
from .gate import GateOutcome, read_policy
from .gate import gate as judge_run
from .runner import write_reports
from .store import LATEST, RunFolder, find_run


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
    by_suffix = {str(report.says["SUFFIX"]).lstrip("."): name for name, report in known.items()}
    wanted = [part.strip() for part in formats.split(",") if part.strip()]
    if strange := [name for name in wanted if name not in known and name not in by_suffix]:
        raise UsageError(*(unknown("report", name, known) for name in strange))
    folder = find_run(which)
    names = tuple(name if name in known else by_suffix[name] for name in wanted)
    return tuple(write_reports(folder, folder.read_record(), names).values())


def gated(which: str, policy: Path | None) -> GateOutcome:
    """Judge a run by a policy, or by the one it was run with."""
    folder = find_run(which)
    record = folder.read_record()
    asked = [finding.probe for finding in record.findings]
    return judge_run(record, read_policy(policy, asked) if policy else None, evidence=folder.path)
