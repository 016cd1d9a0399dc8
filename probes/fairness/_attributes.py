"""Which attributes a model reads, and which of their values are common enough to try."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ...models.capabilities import ReadsAttributes
from ..base import Auditee

Values = Mapping[str, tuple[str, ...]]


def readable(auditee: Auditee) -> Values:
    """The attributes that the model reads; none for a model that reads none."""
    if "reads_attributes" not in auditee.capabilities:
        return {}
    return cast(ReadsAttributes, auditee.model).readable_attributes()


def placebos(auditee: Auditee) -> Values:
    """Attributes that the model reads and that mean nothing."""
    if "reads_attributes" not in auditee.capabilities:
        return {}
    return cast(ReadsAttributes, auditee.model).placebo_attributes()


def common_values(values: tuple[str, ...], seen: tuple[str, ...], *, at_most: int) -> tuple[str, ...]:
    """The values seen most often in a column, in their own order; ties go to the earlier one."""
    ranked = sorted(values, key=lambda value: -seen.count(value))[:at_most]
    return tuple(value for value in values if value in ranked)
