"""Writes a first policy for an organisation to edit: the probes' own bounds, each with its reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ..probes.base import Criterion
from ..reports.record import AuditRecord
from ._sides import probe_of
from .errors import UsageError

HEAD = """\
# What an audit must show to pass. Judge a run by it with `audit gate RUN --policy {name}`, or run with it:
# `audit run ... --policy {name}`. The bounds below are the probes' own defaults, none was read off a run:
# change them to what you can answer for, before you look at the next result.

# The chance that an audit fails anything whose true effect lies inside its bound, over all bounds together.
alpha = {alpha:g}

# What an undecided check does: "fail" (exit code 4), "warn" or "pass" (both 0).
inconclusive = "fail"

# With `audit gate RUN --baseline OLD`: the share of a bound by which a figure may be worse than it was.
baseline_margin = 0.2

# Probes that must have been asked; one that was not fails the gate.
required = {required}

# A known shortfall that somebody answers for, until a day; after it the gate fails.
# [[waivers]]
# probe = "{example}"
# reason = "why it is accepted for now"
# owner = "who answers for it"
# expires = 2027-01-31
"""


def policy_text(record: AuditRecord, name: str = "policy.toml") -> str:
    """A policy in TOML for the probes of a run, with their own bounds.

    Raises
    ------
    UsageError
        If the run judged nothing.
    """
    asked = [own.probe for own in record.findings if own.verdict not in ("not_applicable", "error")]
    bounds = [(probe, own) for probe in asked for own in _gates(probe, record)]
    if not bounds:
        raise UsageError(f"run {record.id} judged no check, so there is no bound to write down")
    required = list(dict.fromkeys(probe for probe, _ in bounds))
    head = HEAD.format(name=name, alpha=record.family.alpha, required=_array(required), example=required[0])
    return head + "".join(text for probe, own in bounds for text in _bound(probe, own))


def write_policy(record: AuditRecord, path: Path) -> Path:
    """Write a first policy; an existing file is never replaced.

    Raises
    ------
    UsageError
        If the file is there already or cannot be written.
    """
    text = policy_text(record, path.name)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already; name another file by --policy, or remove it") from None
    except OSError as problem:
        raise UsageError(f"{path} cannot be written: {problem.strerror}") from None
    return path


def _gates(probe: str, record: AuditRecord) -> list[Criterion]:
    return [own for own in probe_of(probe, record).criteria() if own.role == "gate"]


def _bound(probe: str, own: Criterion) -> Iterator[str]:
    yield "\n[[criteria]]\n"
    yield f"probe = {json.dumps(probe)}\n"
    yield f"measurement = {json.dumps(own.measurement)}\n"
    yield f"bound = {own.bound!r}\n"
    yield f"direction = {json.dumps(own.direction)}\n"
    if own.group != "each":
        yield f"group = {json.dumps(own.group)}\n"
    if own.because:
        yield f"because = {json.dumps(own.because, ensure_ascii=False)}\n"


def _array(names: list[str]) -> str:
    return "[\n" + "".join(f"    {json.dumps(name)},\n" for name in names) + "]"
