"""Two audits side by side as one web page: what became worse, what became better, and what else changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..probes.base import Criterion, Measurement, State
from . import _numbers as numbers
from ._forest import Mini, mini
from ._page import asset, digest, environment
from ._reading import WORDS
from ._text import listed, plain_name
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


def answer(comparison: Comparison) -> str:
    """The comparison in one sentence."""
    standings = [row.standing for _, row in comparison.bounded]
    if not standings:
        return "The two audits have no bounded figure in common, so nothing can be said of their difference."
    words = {"worse": "worse", "better": "better", "alike": "shown alike", "undecided": "undecided"}
    counts = [(standings.count(name), word) for name, word in words.items()]  # type: ignore[arg-type]
    parts = [f"{count} {'is' if count == 1 else 'are'} {word}" for count, word in counts if count]
    total = f"{len(standings)} bounded figure{'s' if len(standings) != 1 else ''}"
    names = [plain_name(row.after.name) for _, row in comparison.bounded if row.standing == "worse"]
    worse = f" Worse: {listed(list(dict.fromkeys(names))[:4])}." if names else ""
    return f"Of {total} that both audits have, {listed(parts)}.{worse}"


def differences(comparison: Comparison) -> list[tuple[str, str, str]]:
    """What is not the same in both: model, data, seed, settings, versions; (what, before, after)."""
    before, after = (_settings(record) for record in (comparison.before, comparison.after))
    names = sorted(before.keys() | after.keys())
    return [
        (plain_name(name), before.get(name, "none"), after.get(name, "none"))
        for name in names
        if before.get(name) != after.get(name)
    ]


def render(comparison: Comparison) -> str:
    """Write a comparison as an HTML page; the same comparison gives the same bytes."""
    style, script = asset("report.css"), asset("report.js")
    page = environment().get_template("comparison.html.j2")
    return page.render(
        comparison=comparison,
        answer=answer(comparison),
        bounded=comparison.bounded,
        counts=[(name, sum(row.standing == name for _, row in comparison.bounded)) for name in ORDER[:4]],
        differences=differences(comparison),
        SAID=SAID,
        WORDS=WORDS,
        estimate=_estimate,
        change=_change,
        style=style,
        script=script,
        style_hash=digest(style),
        script_hash=digest(script),
    )


def _places(row: RowChange) -> int:
    rows = [row.before, row.after]
    return numbers.places_of(rows, [row.criterion] if row.criterion else [])


def _estimate(row: RowChange, side: Literal["before", "after"]) -> str:
    return numbers.estimate(getattr(row, side), _places(row))


def _change(row: RowChange) -> str:
    if row.change is None:
        return numbers.NOT_ESTIMABLE
    places = max(2, _places(row))
    value, low, high = (numbers.number(each, places) for each in row.change)
    return f"{value} ({low} to {high})"


def _settings(record: AuditRecord) -> dict[str, str]:
    plain: dict[str, Any] = {
        "model": record.model.name,
        "model_sha256": record.model.sha256[:16],
        "data": record.data.name,
        "data_sha256": record.data.sha256[:16],
        "seed": record.seed,
        **_flat("setting", {name: own for name, own in record.config.items() if name != "out"}),
        **_flat("model", record.model.settings),
        **_flat("training", {name: record.model.fit.get(name) for name in ("trainer", "epochs", "privacy")}),
        **_flat("policy", record.policy),
        **_flat("version", record.environment),
        **{f"users {part}": sha[:16] for part, sha in record.data.split_sha256.items()},
    }
    return {name: numbers.setting(value) for name, value in plain.items()}


def _flat(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings as one level of names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{prefix} {name}"
        if isinstance(value, Mapping):
            found |= _flat(path, value)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            found[path] = ", ".join(map(str, value))
        elif value is not None:
            found[path] = value
    return found
