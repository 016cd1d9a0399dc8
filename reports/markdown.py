"""A short summary of an audit for a pull request: the answer, the verdicts, the worst finding."""

from __future__ import annotations

from ._marked import summary
from .record import AuditRecord

SUFFIX = ".md"


def render(record: AuditRecord) -> str:
    """Write a record as Markdown; the same record gives the same bytes."""
    return summary(record)
