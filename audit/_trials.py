"""Finds the known-answer world of each probe, and tries the probe in it again and again."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from types import CodeType, FrameType

import numpy as np

from ..probes.stats.verdicts import judge
from ..probes.testing import Trial
from . import plugins
from .errors import AuditError, UsageError, unknown
from .executors import local
from .keys import stream

ALPHA = 0.05
"""Error probability of each interval end: the trial is a family of one."""

BATCH = 20


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some worlds of one probe with its dial at one value, by number: the first, and past the last."""

    probe: str
    dial: float
    worlds: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How a batch came out.

    Parameters
    ----------
    rejected : worlds in which the gate was judged "fail".
    asked : the probe was seen to put its question to a planted model; watched in the first world alone.
    seconds : of one process.
    """

    batch: Batch
    rejected: int
    asked: bool
    seconds: float

    @property
    def worlds(self) -> int:
        """How many worlds were tried."""
        first, end = self.batch.worlds
        return end - first


def probes_to_try(names: Iterable[str] = ()) -> tuple[str, ...]:
    """The probes to try: those named, else every built-in one.

    Raises
    ------
    UsageError
        For names that no built-in probe has.
    """
    known = [name for name, plugin in plugins.discover("probe").items() if plugin.built_in]
    wanted = tuple(dict.fromkeys(names))
    if strange := [name for name in wanted if name not in known]:
        raise UsageError(*(unknown("built-in probe", name, known) for name in strange))
    return wanted or tuple(known)


def has_trial(probe: str) -> bool:
    """Whether a probe has a known-answer world; its module is not imported."""
    return (plugins.PRODUCT / "probes" / "trials" / f"{probe}.py").is_file()


def trial_of(probe: str) -> Trial:
    """The known-answer world of a probe.

    Raises
    ------
    AuditError
        If its module holds none, tries another probe, or names a measurement that has no criterion.
    """
    module = importlib.import_module(f"{plugins.PACKAGE}.probes.trials.{probe}")
    trial, place = getattr(module, "TRIAL", None), f"probes/trials/{probe}.py"
    if not isinstance(trial, Trial):
        raise AuditError(f"{place} holds no TRIAL; give it one, of class probes.testing.Trial")
    if not isinstance(trial.probe, plugins.load(plugins.find("probe", probe))):
        raise AuditError(f"{place} tries {type(trial.probe).__name__}, which is another probe")
    named = [criterion.measurement for criterion in trial.probe.criteria()]
    if trial.gate not in named:
        raise AuditError(f"{place}: {unknown('criterion of its probe', trial.gate, named)}")
    return trial


def batches(probe: str, dials: Iterable[float], worlds: int) -> Iterator[Batch]:
    """The work of trying one probe in this many worlds at each dial."""
    for dial in dict.fromkeys(dials):
        for first in range(0, worlds, BATCH):
            yield Batch(probe=probe, dial=dial, worlds=(first, min(first + BATCH, worlds)))


def tried(jobs: Iterable[Batch], *, processes: int = 1) -> Iterator[Tally | local.Broken[Batch]]:
    """Try batch after batch; the outcome is the same in however many processes."""
    return local.map(partial(local.attempt, count), jobs, processes=processes)


def count(batch: Batch) -> Tally:
    """Try one batch."""
    began = time.perf_counter()
    trial = trial_of(batch.probe)
    worlds = range(*batch.worlds)
    asked = worlds.start == 0 and _asks(trial, batch.dial)
    rejected = sum(rejects(trial, batch.dial, _rng(batch.probe, world)) for world in worlds)
    return Tally(batch=batch, rejected=rejected, asked=asked, seconds=time.perf_counter() - began)


def rejects(trial: Trial, dial: float, rng: np.random.Generator) -> bool:
    """Whether the trial's gate is judged "fail" in one world."""
    evidence = trial.evidence(dial, rng)
    rows = trial.probe.estimate(evidence, rng, ALPHA)
    gates = [criterion for criterion in trial.probe.criteria() if criterion.measurement == trial.gate]
    return any(judge(gate, rows).state == "fail" for gate in gates)


def _rng(probe: str, world: int) -> np.random.Generator:
    """A world's own stream: the same at every dial, so that two dials differ by the dial alone."""
    return stream(0, "trial", probe, str(world))


def _asks(trial: Trial, dial: float) -> bool:
    """Whether drawing evidence runs the probe's ``ask``, seen and not declared."""
    seen: set[CodeType] = set()

    def watch(frame: FrameType, event: str, argument: object) -> None:
        seen.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        trial.evidence(dial, _rng("watched", 0))
    finally:
        sys.setprofile(before)
    return type(trial.probe).ask.__code__ in seen
