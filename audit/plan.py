"""Lists what an audit will do, job by job, and which jobs are already done.

The order is data, prepare, train, then every question; a question is asked, estimated and judged in one
go, so that a finding is kept as soon as its answers are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .keys import code_digest, content_key, outside_digest
from .session import Session
from .suite import Question
from .workshop import Workshop


@dataclass(frozen=True, kw_only=True)
class Job:
    """One piece of work.

    Parameters
    ----------
    key : names the work by everything it depends on.
    after : the jobs that must be done first, by name.
    calls : an upper estimate of model calls, ``None`` where unknown.
    fits : models to train, copies for a probe included.
    stored : its outcome is in the cache.
    """

    kind: Literal["prepare", "train", "ask"]
    name: str
    key: str
    after: tuple[str, ...] = ()
    calls: int | None = 0
    fits: int = 0
    stored: bool = False


def plan(session: Session, workshop: Workshop) -> tuple[Job, ...]:
    """The jobs of an audit in an order in which they can be done."""
    return (*_making(workshop), *(_ask(question, session, workshop) for question in session.questions))


def answers_key(question: Question, session: Session, workshop: Workshop) -> str:
    """What decides the answers to one question."""
    plugin = question.plugin
    return content_key(
        "ask",
        code=code_digest("models", "probes"),
        probe=f"{plugin.module}:{plugin.attribute}",
        outside=outside_digest(plugin),
        settings=question.settings,
        model=workshop.model_key,
        data=session.log.digest,
        users=session.population.digests(),
        seed=session.config.seed,
    )


def estimates_key(answers: str, alpha: float) -> str:
    """What decides the measurements made from answers."""
    return content_key("estimate", answers=answers, alpha=alpha)


def _making(workshop: Workshop) -> Iterator[Job]:
    if not workshop.trains:
        return
    prepared, trained = workshop.prepared_key, workshop.model_key
    stored = workshop.cache.find("fits", trained) is not None
    ready = stored or workshop.cache.find("prepared", prepared) is not None
    yield Job(kind="prepare", name="prepare the model", key=prepared, stored=ready)
    yield Job(
        kind="train",
        name="train the audited model",
        key=trained,
        after=("prepare the model",),
        fits=1,
        stored=stored,
    )


def _ask(question: Question, session: Session, workshop: Workshop) -> Job:
    key = answers_key(question, session, workshop)
    return Job(
        kind="ask",
        name=f"ask {question.name}",
        key=key,
        after=("train the audited model",) if workshop.trains else (),
        calls=question.calls,
        fits=question.plugin.fits,
        stored=session.cache.find("answers", key) is not None,
    )
