"""Keeps one run's results in its folder, written so that a kill at any moment leaves nothing half done."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..reports.record import SCHEMA_VERSION, AuditRecord, from_json, to_json
from .config import AuditConfig
from .errors import UsageError, unknown

AUDITS = Path("audits")
LATEST = "latest"
RUN, RECORD, ERRORS = "run.json", "record.json", "error.log"


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """The folder of one run.

    Parameters
    ----------
    record_path : where its record lies or will lie.
    """

    path: Path
    record_path: Path

    @property
    def about(self) -> Mapping[str, Any]:
        """The run's id, time, command and configuration, as they were when it began."""
        about: Mapping[str, Any] = json.loads((self.path / RUN).read_text(encoding="utf-8"))
        return about

    def write_record(self, record: AuditRecord) -> None:
        """Replace the record in one step."""
        write_text(self.record_path, to_json(record))

    def read_record(self) -> AuditRecord:
        """Read the record.

        Raises
        ------
        UsageError
            If there is none, or this release cannot read it.
        """
        try:
            text = self.record_path.read_text(encoding="utf-8")
            version = json.loads(text)["schema_version"]
        except OSError as problem:
            raise UsageError(f"the record {self.record_path} cannot be read: {problem.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise UsageError(f"{self.record_path} is no audit record") from None
        if version != SCHEMA_VERSION:
            raise UsageError(
                f"{self.record_path} has schema version {version}; this release reads {SCHEMA_VERSION}"
            )
        try:
            return from_json(text)
        except ValueError as invalid:
            raise UsageError(f"{self.record_path} is no valid audit record: {_first(invalid)}") from None

    def write_evidence(self, probe: str, answers: Path, name: Callable[[int], str]) -> Path:
        """Write the evidence of a probe, its users under these names."""
        from ._evidence import rename_users

        path = self.path / "evidence" / f"{probe}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        rename_users(answers, draft, name)
        os.replace(draft, path)
        return path

    def write_report(self, name: str, text: str) -> Path:
        """Write a rendered report."""
        return write_text(self.path / name, text)

    def log_error(self, text: str) -> Path:
        """Keep a traceback."""
        self.path.mkdir(parents=True, exist_ok=True)
        path = self.path / ERRORS
        with path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
        return path


def begin(config: AuditConfig, command: str) -> RunFolder:
    """Make a new run's folder: ``--out``, or one under ``audits`` that becomes the latest.

    Raises
    ------
    UsageError
        If the folder already holds a run.
    """
    now = datetime.now(UTC)
    short = sha256(f"{config.model_dump_json()}{time.time_ns()}".encode()).hexdigest()[:6]
    model = "".join(letter if letter.isalnum() else "-" for letter in config.model.rpartition(":")[2])
    run_id = f"{now:%Y%m%d-%H%M%S}-{model}-{short}"
    path = config.out or AUDITS / run_id
    if (path / RUN).exists():
        raise UsageError(f"{path} already holds a run; continue it with --resume, or give another --out")
    folder = RunFolder(path=path, record_path=path / RECORD)
    about = {
        "id": run_id,
        "created": now.isoformat(timespec="seconds"),
        "command": command,
        "config": config.model_dump(mode="json"),
    }
    try:
        path.mkdir(parents=True, exist_ok=True)
        write_text(path / RUN, json.dumps(about, indent=2) + "\n")
    except OSError as problem:
        raise UsageError(
            f"nothing can be written to {path} ({problem.strerror}); give a folder of your own by --out"
        ) from None
    if config.out is None:
        write_text(AUDITS / LATEST, run_id + "\n")
    return folder


def find_run(name: str = LATEST) -> RunFolder:
    """A run by its id, its folder, its record file, or "latest".

    Raises
    ------
    UsageError
        If there is none.
    """
    path = Path(name)
    if path.is_file() and path.suffix == ".json":
        return RunFolder(path=path.parent, record_path=path)
    pointer = AUDITS / LATEST
    if name == LATEST and pointer.is_file():
        path = AUDITS / pointer.read_text(encoding="utf-8").strip()
    for folder in (path, AUDITS / name):
        if (folder / RUN).is_file() or (folder / RECORD).is_file():
            return RunFolder(path=folder, record_path=folder / RECORD)
    if name == LATEST:
        raise UsageError(
            f"there is no run in {AUDITS.resolve()}; name its folder, or start one with `audit run`"
        )
    raise UsageError(unknown("run", name, (run.parent.name for run in AUDITS.glob(f"*/{RUN}"))))


def load_record(run: str | Path = LATEST) -> AuditRecord:
    """Read the record of a run: its id, its folder, its record file, or the latest one.

    Raises
    ------
    UsageError
        If there is no such run, or its record cannot be read.
    """
    return find_run(str(run)).read_record()


def write_text(path: Path, text: str) -> Path:
    """Write a file in one step, so that a kill at any moment leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)
    return path


def _first(invalid: ValueError) -> str:
    return str(invalid).splitlines()[0]
