"""The checks of an audit as SARIF 2.1.0, which code-scanning pages and editors read."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from . import _words as words
from ._reading import WORDS, Check, in_order
from ._text import cut, visible
from .record import AuditRecord, State

SUFFIX = ".sarif"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
KINDS: dict[State, tuple[str, str]] = {
    "fail": ("fail", "error"),
    "invalid": ("fail", "warning"),
    "inconclusive": ("open", "none"),
    "pass": ("pass", "none"),
    "reported": ("informational", "none"),
    "not_applicable": ("notApplicable", "none"),
}
"""SARIF's kind and level of each verdict; only a result of kind "fail" may have a level."""
LIMIT = 2_000


def render(record: AuditRecord) -> str:
    """Write one rule a probe and one result a check; the same record gives the same bytes.

    An inconclusive check is of kind "open" and level "none"; a broken one is a notification of the run
    and no result. A result's fingerprint names probe, measurement and group, so that a later run of the
    same check is matched with it.
    """
    checks = in_order(record)
    run = {
        "tool": {"driver": _driver(checks, record)},
        "automationDetails": {"id": _safe(f"recaudit/{record.model.name}/{record.data.name}/{record.id}")},
        "invocations": [_invocation(checks, record)],
        "results": [_result(check, record) for check in checks if check.state != "error"],
        "columnKind": "unicodeCodePoints",
        "properties": {"seed": record.seed, "data": _safe(record.data.name), "status": record.status},
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _driver(checks: tuple[Check, ...], record: AuditRecord) -> dict[str, Any]:
    return {
        "name": "recaudit",
        "version": record.environment.get("recaudit", "unknown"),
        "rules": [_rule(check) for check in checks],
    }


def _rule(check: Check) -> dict[str, Any]:
    text = check.finding.text
    return {
        "id": _safe(check.finding.probe),
        "name": _safe(text.title),
        "shortDescription": {"text": _safe(text.question)},
        "fullDescription": {"text": _safe(text.method) or _safe(text.question)},
        "properties": {"tags": [_safe(text.area)]},
    }


def _invocation(checks: tuple[Check, ...], record: AuditRecord) -> dict[str, Any]:
    broken = [check for check in checks if check.state == "error"]
    return {
        "executionSuccessful": record.status == "complete" and not broken,
        "commandLine": _safe(words.command(record)),
        "startTimeUtc": record.created.replace("+00:00", "Z"),
        "toolExecutionNotifications": [
            {
                "level": "error",
                "message": {"text": _safe(words.meaning(check))},
                "associatedRule": {"id": _safe(check.finding.probe), "index": place},
            }
            for place, check in enumerate(checks)
            if check.state == "error"
        ],
    }


def _result(check: Check, record: AuditRecord) -> dict[str, Any]:
    kind, level = KINDS[check.state]
    said = [f"{WORDS[check.state]}.", words.meaning(check), words.seen(check, record.family.alpha)]
    return {
        "ruleId": _safe(check.finding.probe),
        "ruleIndex": check.number - 1,
        "kind": kind,
        "level": level,
        "message": {"text": _safe(" ".join(part for part in said if part))},
        "locations": [_location(check, record)],
        "partialFingerprints": {"recauditCheck/v1": _fingerprint(check, record)},
        "properties": _figures(check),
    }


def _location(check: Check, record: AuditRecord) -> dict[str, Any]:
    return {
        "physicalLocation": {"artifactLocation": {"uri": "record.json"}},
        "logicalLocations": [
            {"name": _safe(record.model.name), "kind": "resource"},
            {"name": _safe(check.row.group if check.row else "overall"), "kind": "member"},
        ],
    }


def _fingerprint(check: Check, record: AuditRecord) -> str:
    parts = [record.model.name, record.data.name, check.finding.probe]
    parts += [check.row.name, check.row.group] if check.row else []
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _figures(check: Check) -> dict[str, Any]:
    row, criterion = check.row, check.criterion
    if row is None:
        return {}
    bound = {"bound": criterion.bound, "direction": criterion.direction} if criterion else {}
    return {
        "measurement": row.name,
        "value": row.value,
        "low": row.low,
        "high": row.high,
        "level": row.level,
        "unit": _safe(row.unit),
        "n": row.n,
        "users": row.clusters,
        **bound,
    }


def _safe(text: str) -> str:
    return cut(visible(text), LIMIT)
