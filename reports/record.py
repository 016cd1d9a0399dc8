"""The record of one audit: what was audited, how, what was found and decided. Every report renders this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from ..probes.base import SEVERITY, Criterion, Curve, Exhibit, Measurement, State, Verdict

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ProbeText:
    """What a reader needs to know of a probe, from its docstring, kept so that a record reads alone."""

    title: str
    question: str
    method: str
    area: str
    shows: str = ""


@dataclass(frozen=True, kw_only=True)
class FindingRecord:
    """One probe's finding with its verdicts and where its evidence lies."""

    probe: str
    verdict: State
    text: ProbeText
    measurements: tuple[Measurement, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    caveats: tuple[str, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    curves: tuple[Curve, ...] = ()
    not_asked: str = ""
    error: str = ""
    evidence_file: str = ""
    evidence_sha256: str = ""
    evidence_rows: int = 0


@dataclass(frozen=True, kw_only=True)
class AuditedModel:
    """The audited model: its name, what it was built from, and what it can and cannot do."""

    name: str
    title: str
    base: str
    settings: Mapping[str, Any]
    sha256: str
    prompt_sha256: str
    capabilities: tuple[str, ...]
    lacks: tuple[str, ...]
    simplified: str = ""
    fit: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AuditedData:
    """The data behind an audit: how much, how it was split, and what was planted in it."""

    name: str
    sha256: str
    users: int
    items: int
    interactions: int
    attributes: Mapping[str, Mapping[str, int]]
    split_counts: Mapping[str, int]
    split_sha256: Mapping[str, str]
    synthetic: bool
    planted: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Family:
    """How many checks share the error budget, and what that leaves for each."""

    alpha: float
    checks: tuple[str, ...]
    alpha_each: float


@dataclass(frozen=True, kw_only=True)
class AuditRecord:
    """One audit, complete or stopped part-way, as plain data."""

    schema_version: int
    id: str
    created: str
    status: Literal["complete", "partial"]
    command: str
    seed: int
    config: Mapping[str, Any]
    model: AuditedModel
    data: AuditedData
    family: Family
    findings: tuple[FindingRecord, ...]
    environment: Mapping[str, str]
    seconds: Mapping[str, float]
    policy: Mapping[str, Any] = field(default_factory=dict)
    shows_users: bool = False


@cache
def adapter() -> TypeAdapter[AuditRecord]:
    """The pydantic adapter of a record, built once."""
    from pydantic import TypeAdapter

    return TypeAdapter(AuditRecord)


def to_json(record: AuditRecord) -> str:
    """Write a record as indented JSON; the same record gives the same bytes."""
    return adapter().dump_json(record, indent=2).decode() + "\n"


def from_json(text: str | bytes) -> AuditRecord:
    """Read a record.

    Raises
    ------
    ValueError
        If the text is no record of a schema version this release can read.
    """
    return adapter().validate_json(text)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a record."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **adapter().json_schema()}


def worst(states: tuple[State, ...]) -> State:
    """A probe's verdict: the worst of its criteria's; "reported" if nothing was judged."""
    return min(states, key=SEVERITY.index, default="reported")


__all__ = [
    "SCHEMA_VERSION",
    "AuditRecord",
    "AuditedData",
    "AuditedModel",
    "Criterion",
    "Curve",
    "Exhibit",
    "Family",
    "FindingRecord",
    "Measurement",
    "ProbeText",
    "State",
    "Verdict",
    "adapter",
    "from_json",
    "json_schema",
    "to_json",
    "worst",
]
