"""Runs an audit from its configuration to its closed record, and goes on with one that was stopped."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from ..models.base import ModelError
from ..models.capabilities import capabilities
from ..probes.base import Auditee
from ..reports.record import SCHEMA_VERSION, AuditedData, AuditRecord, Family, FindingRecord
from . import plugins
from ._asking import Asker
from ._describing import describe_data, describe_model, environment
from .config import AuditConfig
from .errors import DESCRIBED, AuditError, Interrupted, MissingLibrary
from .executors import local
from .paces import Paces, Stopwatch
from .plan import Job, plan
from .progress import Event, Listener, State, silent
from .session import Session, open_session
from .store import RunFolder, begin
from .suite import Question
from .workshop import Made, workshop_of


def run(config: AuditConfig, *, listener: Listener = silent) -> AuditRecord:
    """Audit a model and return the record; its folder is ``config.out`` or under ``audits``.

    Raises
    ------
    UsageError, DataError, ModelError
        If the audit cannot be done as asked.
    AuditError
        If something inside it failed; a probe that fails is a finding, not an error.
    """
    return conduct(config, command="recaudit.run", listener=listener).read_record()


def conduct(
    config: AuditConfig, *, command: str, listener: Listener = silent, folder: RunFolder | None = None
) -> RunFolder:
    """Audit a model; return the folder with its record and report.

    Parameters
    ----------
    folder : of a run that was stopped, to go on with; its finished jobs are not repeated.
    """
    session = open_session(config, listener)
    folder = folder or begin(config, command)
    try:
        record = _Run(session=session, folder=folder, listener=listener).complete()
        write_reports(folder, record, ("html",))
    except KeyboardInterrupt:
        raise Interrupted(f"stopped; go on with `audit run --resume {folder.path}`") from None
    except (AuditError, *DESCRIBED) as problem:
        if isinstance(problem, ModelError) and problem.__cause__ is not None:
            path = folder.log_error(traceback.format_exc())
            raise ModelError(f"{problem}; the traceback is in {path}") from problem.__cause__
        raise
    except ModuleNotFoundError as missing:
        raise MissingLibrary(missing) from missing
    except Exception as problem:  # the boundary of the run: whatever happened is kept and named
        path = folder.log_error(traceback.format_exc())
        raise AuditError(f"the audit failed ({_short(problem)}); the traceback is in {path}") from problem
    return folder


def planned(config: AuditConfig, *, listener: Listener = silent) -> tuple[Job, ...]:
    """What an audit would do, without doing it; the data are read for it."""
    session = open_session(config, listener)
    return plan(session, workshop_of(session, "", listener))


def write_reports(folder: RunFolder, record: AuditRecord, names: tuple[str, ...]) -> dict[str, str]:
    """Render a record in these formats into its folder; return the path of each."""
    paths = {}
    for name in names:
        module = plugins.load(plugins.find("report", name))
        paths[name] = str(folder.write_report(f"report{module.SUFFIX}", module.render(record)))
    return paths


@dataclass(kw_only=True)
class _Run:
    """One run as it goes: what is known so far, from which a record can be written at any moment."""

    session: Session
    folder: RunFolder
    listener: Listener
    made: Made | None = None
    family: Family = field(default_factory=lambda: Family(alpha=0.05, checks=(), alpha_each=0.05))
    findings: list[FindingRecord] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    stopwatch: Stopwatch = field(init=False)

    def __post_init__(self) -> None:
        self.stopwatch = Stopwatch(Paces.of(self.session))

    def complete(self) -> AuditRecord:
        """Make the model, put every question to it, and write the record after each."""
        began = time.perf_counter()
        workshop = workshop_of(self.session, str(self.folder.about["id"]), self._tell)
        self._step("planned")
        self._write("partial")
        self.made = workshop.audited()
        self._step("advanced")
        self.family = self.session.family(capabilities(self.made.model))
        self._write("partial")
        auditee = Auditee(
            model=self.made.model,
            log=self.session.log,
            population=self.session.population,
            fit=workshop.copies_of(self.made.model),
        )
        asker = Asker(
            session=self.session,
            workshop=workshop,
            auditee=auditee,
            family=self.family,
            folder=self.folder,
            listener=self._tell,
        )
        for finding in local.map(lambda question: self._answered(asker, question), self.session.questions):
            self.findings.append(finding)
            self._step("advanced")
            self._write("partial")
        self.seconds["total"] = time.perf_counter() - began
        broken = any(finding.verdict == "error" for finding in self.findings)
        return self._write("partial" if broken else "complete")

    def _answered(self, asker: Asker, question: Question) -> FindingRecord:
        try:
            return asker.finding(question)
        except ModuleNotFoundError as missing:
            error = str(MissingLibrary(missing))
        except DESCRIBED as problem:
            error = str(problem)
        except Exception as problem:  # the boundary of a job: one broken probe must not stop the others
            path = self.folder.log_error(traceback.format_exc())
            error = f"the probe failed ({_short(problem)}); the traceback is in {path.name}"
        return FindingRecord(probe=question.name, verdict="error", text=question.plugin.text, error=error)

    def _write(self, status: Literal["complete", "partial"]) -> AuditRecord:
        about, session = self.folder.about, self.session
        record = AuditRecord(
            schema_version=SCHEMA_VERSION,
            id=about["id"],
            created=about["created"],
            status=status,
            command=about["command"],
            seed=session.config.seed,
            config=session.config.model_dump(mode="json"),
            model=describe_model(session.recipe, self.made),
            data=self._data,
            family=self.family,
            findings=tuple(self.findings),
            environment=environment(),
            seconds={job: round(seconds, 3) for job, seconds in self.seconds.items()},
            policy=session.policy.model_dump(mode="json") if session.policy else {},
            shows_users=session.config.show_users,
        )
        self.folder.write_record(record)
        return record

    @cached_property
    def _data(self) -> AuditedData:
        return describe_data(self.session)

    def _step(self, state: State) -> None:
        done, total = len(self.findings) + (self.made is not None), len(self.session.questions) + 1
        self.listener(Event(job="audit", state=state, done=done, total=total))

    def _tell(self, event: Event) -> None:
        if event.state in ("done", "reused"):
            self.seconds[event.job] = event.seconds
        self.stopwatch(event)
        self.listener(event)


def _short(problem: Exception) -> str:
    words = " ".join(str(problem).split())
    return f"{type(problem).__name__}: {words[:200]}" if words else type(problem).__name__
