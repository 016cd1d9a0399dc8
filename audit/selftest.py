"""Tries every probe in worlds whose answer is known: silent where it must be, loud where it must be."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from ..probes.testing import Trial
from ._trials import Tally, batches, has_trial, probes_to_try, trial_of, tried
from .executors import local
from .progress import Listener, silent, told

Standing = Literal["holds", "misses", "undecided", "broken", "no known-answer world"]

SEEDS = 200
MOST_ALARMS = 0.08
"""Share of silent worlds that may raise an alarm: the upper 95 % bound of the rate must not exceed it."""
NOMINAL, BAND = 0.05, 0.99
"""At the bound, no more rejections than the 99 % point of a binomial with this rate; fewer are no fault."""
LEAST_FOUND = 0.9

CODES: Mapping[Standing, int] = {
    "holds": 0,
    "misses": 1,
    "undecided": 4,
    "broken": 3,
    "no known-answer world": 1,
}
NOTHING_RAN = 5


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How many worlds at one dial were rejected, with the Clopper-Pearson interval of the share.

    Each end of [low, high] holds at 95 %, so the interval has level 90 %.
    """

    dial: float
    rejected: int
    worlds: int
    low: float
    high: float

    @classmethod
    def of(cls, dial: float, rejected: int, worlds: int) -> Rate:
        """The rate of a count, exact interval (Clopper and Pearson 1934)."""
        from scipy.stats import binomtest

        ends = binomtest(rejected, worlds).proportion_ci(0.9, method="exact")
        return cls(dial=dial, rejected=rejected, worlds=worlds, low=float(ends.low), high=float(ends.high))

    @property
    def share(self) -> float:
        """Rejections a world, in [0, 1]."""
        return self.rejected / self.worlds


@dataclass(frozen=True, kw_only=True)
class Row:
    """One probe's self-test.

    Parameters
    ----------
    gate, dial : the measurement that was judged, and what was turned.
    asked : a planted model answered the probe's own questions, end to end; else answers were sampled and
        the rates are those of its estimate alone.
    alarms, at_bound, found : rejections at dial 0, where the true effect equals the bound (``None``: no
        closed form says where), and where the fault is planted; ``None`` too if nothing was run.
    curve : the rates of all dials that were tried, ascending, where more than those were asked for.
    why : what is missed, undecided or broken.
    seconds : of one process.
    """

    probe: str
    standing: Standing
    gate: str = ""
    dial: str = ""
    asked: bool = False
    alarms: Rate | None = None
    at_bound: Rate | None = None
    found: Rate | None = None
    curve: tuple[Rate, ...] = ()
    why: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Selftest:
    """The self-test of several probes, what it left out, and how long it took in all."""

    rows: tuple[Row, ...]
    not_run: tuple[str, ...]
    seeds: int
    seconds: float

    @property
    def exit_code(self) -> int:
        """0 if every probe holds its bars; 3 broken, 5 nothing ran, 1 missed, 4 too few worlds to tell."""
        if not self.rows or all(row.standing == "no known-answer world" for row in self.rows):
            return NOTHING_RAN
        codes = {CODES[row.standing] for row in self.rows}
        return next((code for code in (3, 1, 4) if code in codes), 0)

    def to_json(self) -> str:
        """Everything as JSON, the bars that were held up included."""
        bars = {"most_alarms": MOST_ALARMS, "nominal": NOMINAL, "band": BAND, "least_found": LEAST_FOUND}
        return json.dumps({"exit_code": self.exit_code, "bars": bars, **asdict(self)}, indent=1) + "\n"


def selftest(
    names: Iterable[str] = (),
    *,
    seeds: int = SEEDS,
    processes: int = 2,
    grid: Callable[[Trial], tuple[float, ...]] | None = None,
    listener: Listener = silent,
) -> Selftest:
    """Try these probes, or all built-in ones, in ``seeds`` worlds at each of two or three dials.

    Parameters
    ----------
    grid : further dials to try, for a curve.

    Raises
    ------
    UsageError
        For a name that no built-in probe has.
    """
    began, wanted = time.perf_counter(), probes_to_try(names)
    trials, broken = load_trials(name for name in wanted if has_trial(name))
    jobs = [
        job
        for name, trial in trials.items()
        for job in batches(name, (*_dials(trial), *(grid(trial) if grid else ())), seeds)
    ]
    tallies: list[Tally] = []
    with told("try the probes", listener, total=len(jobs)) as telling:
        for place, outcome in enumerate(tried(jobs, processes=processes), start=1):
            if isinstance(outcome, local.Broken):
                broken.setdefault(outcome.job.probe, outcome.why)
            else:
                tallies.append(outcome)
            telling.advance(place)
    rows = tuple(row_of(name, trials.get(name), tallies, broken.get(name, "")) for name in wanted)
    everyone = probes_to_try()
    return Selftest(
        rows=rows,
        not_run=tuple(name for name in everyone if name not in wanted),
        seeds=seeds,
        seconds=time.perf_counter() - began,
    )


def load_trials(names: Iterable[str]) -> tuple[dict[str, Trial], dict[str, str]]:
    """The trials of these probes, and why others cannot be loaded."""
    trials, broken = dict[str, Trial](), dict[str, str]()
    for name, found in zip(names := tuple(names), map(_loaded, names), strict=True):
        if isinstance(found, local.Broken):
            broken[name] = found.why
        else:
            trials[name] = found
    return trials, broken


def rates(probe: str, tallies: Iterable[Tally]) -> dict[float, Rate]:
    """The rate of each dial that was tried."""
    counts: dict[float, tuple[int, int]] = {}
    for tally in tallies:
        if tally.batch.probe == probe:
            rejected, worlds = counts.get(tally.batch.dial, (0, 0))
            counts[tally.batch.dial] = rejected + tally.rejected, worlds + tally.worlds
    return {dial: Rate.of(dial, rejected, worlds) for dial, (rejected, worlds) in counts.items()}


def row_of(probe: str, trial: Trial | None, tallies: Sequence[Tally], broken: str) -> Row:
    """What a probe's tallies come to."""
    if broken:
        return Row(probe=probe, standing="broken", why=broken)
    if trial is None:
        return Row(probe=probe, standing="no known-answer world")
    own = [tally for tally in tallies if tally.batch.probe == probe]
    found = rates(probe, own)
    standing, why = _standing(trial, found)
    return Row(
        probe=probe,
        standing=standing,
        gate=trial.gate,
        dial=trial.dial,
        asked=any(tally.asked for tally in own),
        alarms=found[0.0],
        at_bound=None if trial.bound is None else found[trial.bound],
        found=found[trial.planted],
        curve=tuple(found[dial] for dial in sorted(found)) if len(found) > len(_dials(trial)) else (),
        why=why,
        seconds=sum(tally.seconds for tally in own),
    )


def _loaded(probe: str) -> Trial | local.Broken[str]:
    return local.attempt(trial_of, probe)


def _dials(trial: Trial) -> tuple[float, ...]:
    return tuple(dial for dial in (0.0, trial.bound, trial.planted) if dial is not None)


def _standing(trial: Trial, found: Mapping[float, Rate]) -> tuple[Standing, str]:
    """Whether the bars hold, and which do not."""
    from scipy.stats import binom

    alarms, loud = found[0.0], found[trial.planted]
    missed: list[str] = []
    open_questions: list[str] = []
    if alarms.high > MOST_ALARMS:
        text = f"false alarms may reach {alarms.high:.1%}, over {MOST_ALARMS:.0%}"
        could_hold = Rate.of(0.0, 0, alarms.worlds).high <= MOST_ALARMS
        (missed if could_hold or alarms.low > MOST_ALARMS else open_questions).append(text)
    if trial.bound is not None:
        edge, most = found[trial.bound], int(binom.ppf(BAND, found[trial.bound].worlds, NOMINAL))
        if edge.rejected > most:
            missed.append(f"{edge.rejected} rejections at the bound, over {most}")
    if loud.share < LEAST_FOUND:
        missed.append(f"finds {loud.share:.0%} of planted faults, under {LEAST_FOUND:.0%}")
    if missed:
        return "misses", "; ".join(missed)
    return ("undecided", f"{open_questions[0]}: too few worlds") if open_questions else ("holds", "")
