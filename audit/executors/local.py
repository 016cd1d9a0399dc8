"""Runs jobs on this machine: one after another here, or several at once in processes of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Broken(Generic[Job]):
    """A job that failed, and why in one line."""

    job: Job
    why: str


def map(work: Callable[[Job], Outcome], jobs: Iterable[Job], *, processes: int = 1) -> Iterator[Outcome]:
    """Yield each job's outcome as it lands; with one process, in order and in this very process.

    Parameters
    ----------
    work : with several processes, a function of a module, so that each of them can find it.
    """
    if processes == 1:
        for job in jobs:
            yield work(job)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    with (
        _one_thread_each(),
        ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool,
    ):
        waiting = [pool.submit(work, job) for job in jobs]
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def attempt(work: Callable[[Job], Outcome], job: Job) -> Outcome | Broken[Job]:
    """Do a job; what goes wrong in it is its outcome, so that it stops no other job."""
    try:
        return work(job)
    except Exception as problem:  # the boundary of a job
        words = " ".join(str(problem).split())
        return Broken(job, f"{type(problem).__name__}: {words[:200]}" if words else type(problem).__name__)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes started meanwhile compute with one thread: together they already fill the machine."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
