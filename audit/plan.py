"""Lists what an audit will do, job by job, and which jobs are already done.

The order is data, prepare, train, then every question; a question is asked, estimated and judged in one
go, so that a finding is kept as soon as its answers are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ..models.capabilities import ReadsAttributes, capabilities
from .keys import code_digest, content_key, outside_digest
from .paces import ASK, Pace, Paces, typical
from .session import Session
from .suite import Question
from .workshop import AUDITED, Workshop

MAKE, PREPARE, TRAIN = "make the model", "prepare the model", f"train the {AUDITED}"


Basis = Literal["measured before", "at most, by its calls", "unknown: first run", "nothing to do"]


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
    refusal : why it will not be asked, where that is known before the model is made.
    seconds : how long it will take; ``None`` where nothing tells.
    basis : what tells.
    """

    kind: Literal["make", "prepare", "train", "ask"]
    name: str
    key: str
    after: tuple[str, ...] = ()
    calls: int | None = 0
    fits: int = 0
    stored: bool = False
    refusal: str = ""
    seconds: float | None = None
    basis: Basis = "unknown: first run"


def plan(session: Session, workshop: Workshop) -> tuple[Job, ...]:
    """The jobs of an audit in an order in which they can be done."""
    can, paces = _known_capabilities(workshop), Paces.of(session).read()
    asking = (_ask(question, session, workshop, can) for question in session.questions)
    return tuple(_timed(job, paces) for job in (*_making(workshop), *asking))


def _known_capabilities(workshop: Workshop) -> frozenset[str] | None:
    """What the model will be able to do; ``None`` for a user's function, which is not called for a plan.

    Which attributes an untrained model will read, the data may yet have to tell it.
    """
    if not workshop.recipe.trained_here:
        return None
    model = workshop.recipe.build(workshop.log)
    may_read = {"reads_attributes"} if isinstance(model, ReadsAttributes) and workshop.trains else set()
    return capabilities(model) | may_read


def _timed(job: Job, paces: Mapping[str, Pace]) -> Job:
    """The job with how long it will take: as before, or by its calls at the pace of the model's others."""
    if job.stored or job.refusal:
        return replace(job, seconds=0.0, basis="nothing to do")
    if pace := paces.get(job.name):
        estimate = paces.get(f"estimate {job.name.removeprefix(ASK)}")
        seconds = pace.expected(job.calls) + (estimate.seconds if estimate else 0.0)
        return replace(job, seconds=seconds, basis="measured before")
    each, training = typical(paces), paces.get(TRAIN)
    if job.kind != "ask" or each is None or job.calls is None or (job.fits and training is None):
        return job
    copies = job.fits * training.seconds if training else 0.0
    return replace(job, seconds=each * job.calls + copies, basis="at most, by its calls")


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
        yield Job(kind="make", name=MAKE, key=workshop.made_key)
        return
    prepared, trained = workshop.prepared_key, workshop.model_key
    stored = workshop.cache.find("fits", trained) is not None
    ready = stored or workshop.cache.find("prepared", prepared) is not None
    yield Job(kind="prepare", name=PREPARE, key=prepared, stored=ready)
    yield Job(
        kind="train",
        name=TRAIN,
        key=trained,
        after=(PREPARE,),
        fits=1,
        stored=stored,
    )


def _ask(question: Question, session: Session, workshop: Workshop, can: frozenset[str] | None) -> Job:
    key = answers_key(question, session, workshop)
    return Job(
        kind="ask",
        name=f"{ASK}{question.name}",
        key=key,
        after=(TRAIN if workshop.trains else MAKE,),
        calls=question.calls,
        fits=question.plugin.fits,
        stored=session.cache.find("answers", key) is not None,
        refusal="" if can is None else question.refusal(can),
    )
