"""What two audits have in common, row by row: how far each figure moved, and how it stands now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..probes.base import Criterion, Measurement, State
from ._forest import Mini, mini
from .record import AuditRecord, ProbeText

Standing = Literal["worse", "better", "alike", "undecided", "no bound"]
ORDER: tuple[Standing, ...] = ("worse", "undecided", "better", "alike", "no bound")
SAID: dict[Standing, tuple[State, str]] = {
    "worse": ("fail", "Worse"),
    "undecided": ("inconclusive", "Not shown"),
    "better": ("pass", "Better"),
    "alike": ("pass", "Shown alike"),
    "no bound": ("reported", "No bound"),
}
"""The shape that stands for it, and the word."""


@dataclass(frozen=True, kw_only=True)
class RowChange:
    """One row in both audits.

    Parameters
    ----------
    change : after minus before with its interval, or of the sizes where the bound has two sides; ``None``
        where it is not estimable.
    criterion, margin : the bound on the row, and how much worse it may be and still count as alike.
    """

    before: Measurement
    after: Measurement
    change: tuple[float, float, float] | None
    paired: bool
    criterion: Criterion | None
    margin: float | None

    @property
    def standing(self) -> Standing:
        """How the row stands against the earlier audit."""
        if self.criterion is None or self.margin is None:
            return "no bound"
        if self.change is None:
            return "undecided"
        _, low, high = self.change
        if self.criterion.direction == "at_least":
            low, high = -high, -low
        if low > 0:
            return "worse"
        if high < 0:
            return "better"
        return "alike" if max(-low, high) < self.margin else "undecided"

    @property
    def drawn(self) -> Mini | None:
        """The change against "no change", with the margin on both sides."""
        if self.change is None:
            return None
        value, low, high = self.change
        row = Measurement(
            name="change",
            value=value,
            low=low,
            high=high,
            level=self.after.level,
            method="",
            n=0,
            clusters=0,
            unit=self.after.unit if self.after.unit.lower() not in ("auc", "ratio", "slope") else "",
            better="none",
        )
        limit = None
        if self.margin is not None:
            limit = Criterion(measurement="change", bound=self.margin, direction="within")
        return mini(row, limit, SAID[self.standing][0])


@dataclass(frozen=True, kw_only=True)
class CheckChange:
    """One check in both audits; ``before`` or ``after`` is ``None`` where an audit did not run it."""

    probe: str
    text: ProbeText
    before: State | None
    after: State | None
    rows: tuple[RowChange, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two audits; ``alpha`` is the error budget that the bounded rows share."""

    before: AuditRecord
    after: AuditRecord
    checks: tuple[CheckChange, ...]
    alpha: float

    @property
    def bounded(self) -> list[tuple[CheckChange, RowChange]]:
        """The rows with a bound, worst first."""
        rows = [(check, row) for check in self.checks for row in check.rows if row.criterion is not None]
        return sorted(rows, key=lambda pair: ORDER.index(pair[1].standing))
