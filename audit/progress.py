"""Tells a person how far an audit is: bars on a terminal, one line a step elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

State = Literal["planned", "started", "advanced", "done", "reused", "skipped", "failed"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a job; for "planned", ``total`` is the number of jobs to come."""

    job: str
    state: State
    done: int = 0
    total: int | None = None
    seconds: float = 0.0
    note: str = ""


Listener = Callable[[Event], None]

WORDS: dict[State, str] = {
    "done": "done",
    "reused": "taken from the cache",
    "skipped": "not asked",
    "failed": "failed",
}


def silent(event: Event) -> None:
    """Tell nobody."""


@contextmanager
def told(job: str, listener: Listener, *, total: int | None = None) -> Iterator[Telling]:
    """Announce a job, and how it ended when the block is left; an error counts as a failure."""
    telling = Telling(job, listener, total)
    listener(Event(job=job, state="started", total=total))
    try:
        yield telling
    except BaseException:
        telling.state = "failed" if telling.state == "done" else telling.state
        raise
    finally:
        telling.seconds = time.perf_counter() - telling.began
        listener(Event(job=job, state=telling.state, seconds=telling.seconds, note=telling.note))


class Telling:
    """One announced job: say how it came out by setting ``state`` and ``note``."""

    def __init__(self, job: str, listener: Listener, total: int | None) -> None:
        self.state: State = "done"
        self.note = ""
        self.seconds = 0.0
        self.began = time.perf_counter()
        self._job, self._listener, self._total = job, listener, total

    def advance(self, done: int, total: int | None = None) -> None:
        """Say how much of the job is done."""
        self._listener(Event(job=self._job, state="advanced", done=done, total=total or self._total))


@contextmanager
def shown(stream: TextIO | None = None) -> Iterator[Listener]:
    """Show progress on a stream, by default standard error, as suits it."""
    stream = stream or sys.stderr
    if not stream.isatty():
        yield lambda event: _line(event, stream)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=stream)) as progress:
        yield _Bars(progress)


def _line(event: Event, stream: TextIO) -> None:
    clock = time.strftime("%H:%M:%S")
    if event.state == "started":
        print(f"{clock} {event.job} ...", file=stream, flush=True)
    elif event.state in WORDS:
        note = f": {event.note}" if event.note else ""
        print(
            f"{clock} {event.job} {WORDS[event.state]} in {event.seconds:.1f} s{note}",
            file=stream,
            flush=True,
        )


class _Bars:
    """One bar for the whole audit, and one for each job."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        match event.state:
            case "planned":
                self._tasks[event.job] = self._progress.add_task(event.job, total=event.total)
            case "started":
                self._tasks[event.job] = self._progress.add_task(f"  {event.job}", total=event.total)
            case "advanced":
                self._progress.update(self._tasks[event.job], completed=event.done, total=event.total)
            case _:
                self._finish(event)

    def _finish(self, event: Event) -> None:
        task = self._tasks[event.job]
        total = self._progress.tasks[task].total or 1
        word = "" if event.state == "done" else f" ({WORDS[event.state]})"
        self._progress.update(task, description=f"  {event.job}{word}", completed=total, total=total)
