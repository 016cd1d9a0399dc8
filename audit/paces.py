"""Remembers what the jobs of an audit took on this machine, so that the next plan can tell the time."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from .keys import content_key, looks
from .progress import Event
from .session import Session

ASK = "ask "


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What one job took.

    Parameters
    ----------
    seconds : of the job itself, without the training of copies inside it.
    calls : its own upper estimate of model calls, by which another sample size is scaled.
    fits, training : copies that were trained inside it, and the seconds that took.
    """

    seconds: float
    calls: int | None = None
    fits: int = 0
    training: float = 0.0

    def expected(self, calls: int | None) -> float:
        """Seconds for the same job with ``calls`` calls at most."""
        scale = calls / self.calls if calls and self.calls else 1.0
        return self.seconds * scale + self.training


@dataclass(frozen=True)
class Paces:
    """What the jobs of one model on one data set took when they were last done, in a file of the cache."""

    path: Path

    @classmethod
    def of(cls, session: Session) -> Paces:
        """Those of the session's model, whatever its seed and the code it was measured with."""
        recipe, log = session.recipe, session.log
        key = content_key(
            "pace",
            model=f"{recipe.plugin.module}:{recipe.plugin.attribute}",
            settings=looks(recipe.settings),
            data=[log.name, log.n_users, len(log.catalog)],
            processors=os.cpu_count(),
        )
        return cls(session.cache.root / "paces" / f"{key}.json")

    def read(self) -> dict[str, Pace]:
        """Job to pace; empty where none was measured, or the file is damaged."""
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            return {job: Pace(**pace) for job, pace in kept.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def keep(self, job: str, pace: Pace) -> None:
        """Put a pace in the place of the job's last one; training that was not repeated stays known."""
        known = self.read()
        if (before := known.get(job)) and before.fits > pace.fits:
            pace = replace(pace, fits=before.fits, training=before.training)
        known[job] = pace
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(f".{os.getpid()}.draft")
        draft.write_text(json.dumps({name: asdict(own) for name, own in known.items()}), encoding="utf-8")
        os.replace(draft, self.path)


@dataclass
class Stopwatch:
    """Listens to a run, and keeps the pace of every job that was really done."""

    paces: Paces
    _asking: str = ""
    _calls: int | None = None
    _copies: list[float] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        """Hear of one event."""
        if event.state == "started" and event.job.startswith(ASK):
            self._asking, self._calls, self._copies = event.job, event.total, []
        elif event.state in ("done", "skipped") and event.job == self._asking:
            training = sum(self._copies)
            pace = Pace(
                seconds=event.seconds - training,
                calls=self._calls,
                fits=len(self._copies),
                training=training,
            )
            self.paces.keep(event.job, pace)
            self._asking = ""
        elif event.state == "done" and self._asking and event.job.startswith("train "):
            self._copies.append(event.seconds)
        elif event.state == "done":
            self.paces.keep(event.job, Pace(seconds=event.seconds))


def typical(paces: Mapping[str, Pace]) -> float | None:
    """Seconds a call over all questions that were ever put to this model; ``None`` if none was."""
    asked = [pace for job, pace in paces.items() if job.startswith(ASK) and pace.calls]
    calls = sum(pace.calls or 0 for pace in asked)
    return sum(pace.seconds for pace in asked) / calls if calls else None
