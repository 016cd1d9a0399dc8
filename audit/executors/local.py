"""Runs jobs one after another in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


def map(work: Callable[[Job], Outcome], jobs: Iterable[Job]) -> Iterator[Outcome]:
    """Yield each job's outcome as it lands."""
    for job in jobs:
        yield work(job)
