"""Two audits side by side as one web page: what became worse, what became better, and what else changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from . import _numbers as numbers
from ._changes import ORDER, SAID, CheckChange, Comparison, RowChange, Standing
from ._page import asset, digest, environment
from ._reading import WORDS
from ._text import listed, plain_name
from .record import AuditRecord

__all__ = ["CheckChange", "Comparison", "RowChange", "Standing", "answer", "differences", "render"]


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
