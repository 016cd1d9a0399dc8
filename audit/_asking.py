"""Puts one question to the audited model and turns its answers into a judged finding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..models.base import Unanswerable
from ..probes.base import Auditee, Evidence, Measurement, NotApplicable
from ..reports.record import Family, FindingRecord
from ._evidence import read_evidence, write_evidence
from .gate import judged
from .keys import file_digest, stream
from .plan import answers_key, estimates_key
from .progress import Listener, Telling, told
from .session import Session
from .store import RunFolder
from .suite import Question
from .workshop import Workshop, own_randomness


class CountedMemo(dict[object, object]):
    """The answers given to one question, which tells how many came; each question has its own.

    Answers are not shared between questions: what a model says may depend in the last digits on what is
    asked in the same batch, and no finding may depend on which other questions were asked before it.
    """

    def __init__(self, telling: Telling, expected: int | None) -> None:
        super().__init__()
        self._telling, self._expected, self._given = telling, expected, 0

    def update(self, answers: Any) -> None:  # type: ignore[override]
        """Take answers in; one counts for every candidate of its request."""
        new = dict(answers)
        super().update(new)
        self._given += sum(max(1, len(request.candidates)) for _, request, _ in new)
        self._telling.advance(self._given, max(self._expected, self._given) if self._expected else None)


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Asks, estimates and judges questions about one model."""

    session: Session
    workshop: Workshop
    auditee: Auditee
    family: Family
    folder: RunFolder
    listener: Listener

    def finding(self, question: Question) -> FindingRecord:
        """The judged finding of one question, or why it could not be put to this model."""
        try:
            key, answers = self._answers(question)
        except NotApplicable as reason:
            return FindingRecord(
                probe=question.name,
                verdict="not_applicable",
                text=question.plugin.text,
                not_asked=str(reason),
            )
        evidence = read_evidence(answers)
        measurements = self._measurements(question, key, evidence)
        criteria = self.session.criteria(question)
        verdicts, state = judged(criteria, measurements, family=len(self.family.checks))
        file = self.folder.write_evidence(question.name, answers, self._user_name)
        caveats = evidence.facts.get("caveats", ())
        return FindingRecord(
            probe=question.name,
            verdict=state,
            text=question.plugin.text,
            measurements=measurements,
            verdicts=verdicts,
            caveats=tuple(str(caveat) for caveat in caveats) if isinstance(caveats, list) else (),
            exhibits=evidence.exhibits,
            curves=question.probe.curves(evidence, stream(self.session.config.seed, "curves", question.name)),
            evidence_file=f"{file.parent.name}/{file.name}",
            evidence_sha256=file_digest(file),
            evidence_rows=len(evidence),
        )

    def _user_name(self, user: int) -> str:
        owners = self.session.log.user_ids
        if user >= len(owners):
            return f"invented person {user - len(owners) + 1}"
        own = owners[user]
        return own if self.session.config.show_users else self.session.cache.pseudonym(own)

    def _answers(self, question: Question) -> tuple[str, Path]:
        """The file that holds the answers, and its key."""
        key = answers_key(question, self.session, self.workshop)
        with told(f"ask {question.name}", self.listener, total=question.calls) as telling:
            entry = self.session.cache.find("answers", key)
            if entry is not None:
                telling.state = "reused"
            else:
                try:
                    self._ask(question, key, telling)
                except NotApplicable as reason:
                    telling.state, telling.note = "skipped", str(reason)
                    raise
        return key, self.session.cache.entry("answers", key) / "evidence.parquet"

    def _ask(self, question: Question, key: str, telling: Telling) -> None:
        if refusal := question.refusal(self.auditee.capabilities):
            raise NotApplicable(refusal)
        rng = stream(self.session.config.seed, "ask", question.name)
        auditee = replace(self.auditee, memo=CountedMemo(telling, question.calls))
        with own_randomness(rng):
            try:
                evidence = question.probe.ask(auditee, rng)
            except Unanswerable as reason:
                raise NotApplicable(str(reason)) from reason
        with self.session.cache.making("answers", key) as draft:
            write_evidence(evidence, draft / "evidence.parquet")

    def _measurements(self, question: Question, answers: str, evidence: Evidence) -> tuple[Measurement, ...]:
        alpha = self.family.alpha_each
        key = estimates_key(answers, alpha)
        with told(f"estimate {question.name}", self.listener) as telling:
            entry = self.session.cache.find("estimates", key)
            if entry is not None:
                telling.state = "reused"
            else:
                rng = stream(self.session.config.seed, "estimate", question.name)
                rows = tuple(plain_row(row) for row in question.probe.estimate(evidence, rng, alpha))
                with self.session.cache.making("estimates", key) as draft:
                    (draft / "measurements.json").write_bytes(_rows().dump_json(rows))
        text = (self.session.cache.entry("estimates", key) / "measurements.json").read_bytes()
        measurements: tuple[Measurement, ...] = _rows().validate_json(text)
        return measurements


def plain_row(row: Measurement) -> Measurement:
    """The row with Python's own numbers, and ``None`` for what is not a number."""
    return replace(
        row,
        value=_number(row.value),
        low=_number(row.low),
        high=_number(row.high),
        detectable=_number(row.detectable),
        level=float(row.level),
        n=int(row.n),
        clusters=int(row.clusters),
    )


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


@cache
def _rows() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(tuple[Measurement, ...])
