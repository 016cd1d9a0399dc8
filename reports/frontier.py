"""Mitigations side by side as one web page: what each gives up in accuracy, and what it gains for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..probes.base import Measurement
from . import _numbers as numbers
from ._changes import Comparison
from ._forest import Scale, scale_over, ticks_on
from ._page import asset, digest, environment
from ._reading import WORDS, counts
from ._text import plain_name
from .record import AuditRecord

LEFT, RIGHT, TOP, BOTTOM = 70.0, 446.0, 16.0, 276.0
ROOM = 70.0
"""Pixels kept free beside a point for its name."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A figure that variants are held against: where it stands in a record, and which way is good."""

    probe: str
    measurement: str
    group: str
    title: str
    good: str


UTILITY = (
    Axis(
        probe="baseline_gap",
        measurement="ndcg@10",
        group="model",
        title="ranking quality, NDCG@10",
        good="further right is better",
    ),
    Axis(
        probe="shortcut_reliance",
        measurement="model_auc",
        group="overall",
        title="accuracy, AUC",
        good="further right is better",
    ),
)
"""What a model is for; the first that an audit measured is taken."""
HARMS = (
    Axis(
        probe="membership_inference",
        measurement="attack_auc",
        group="loss",
        title="membership attack, AUC",
        good="lower is better",
    ),
    Axis(
        probe="ranking_gap",
        measurement="relative_ndcg_gap",
        group="",
        title="widest gap between groups, share of the mean",
        good="lower is better",
    ),
    Axis(
        probe="group_gap",
        measurement="accuracy_gap",
        group="",
        title="widest accuracy gap between groups",
        good="lower is better",
    ),
    Axis(
        probe="popularity_amplification",
        measurement="head_lift",
        group="overall",
        title="rise of the most popular fifth",
        good="lower is better",
    ),
)
"""What a mitigation may lower; an empty group is the row that is farthest from 0."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One trained model with its audit, a link to its report, and how it compares with the plain one."""

    label: str
    record: AuditRecord
    link: str
    comparison: Comparison | None = None


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One variant in a chart: its point and both intervals (pixels), and where its name stands."""

    label: str
    x: float
    y: float
    left: float
    right: float
    top: float
    bottom: float
    text_y: float


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Accuracy against one harm."""

    title: str
    x: Axis
    y: Axis
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    marks: tuple[Mark, ...]


def render(variants: Sequence[Variant]) -> str:
    """Write the variants, the plain one first, as an HTML page; the same variants give the same bytes."""
    style, script = asset("report.css"), asset("report.js")
    utility = next((axis for axis in UTILITY if _all_have(variants, axis)), None)
    harms = [axis for axis in HARMS if _all_have(variants, axis)]
    return (
        environment()
        .get_template("frontier.html.j2")
        .render(
            variants=variants,
            charts=[_chart(variants, utility, harm) for harm in harms] if utility else [],
            rows=[_row(variant, utility, harms) for variant in variants],
            heads=[axis.title for axis in ([utility] if utility else []) + harms],
            counts={variant.label: counts(variant.record) for variant in variants},
            WORDS=WORDS,
            style=style,
            script=script,
            style_hash=digest(style),
            script_hash=digest(script),
        )
    )


def figure(record: AuditRecord, axis: Axis) -> Measurement | None:
    """The row of an axis in a record, by its size where it is the worst of many; ``None`` if none is."""
    rows = [
        row
        for finding in record.findings
        if finding.probe == axis.probe
        for row in finding.measurements
        if row.name == axis.measurement and (not axis.group or row.group == axis.group)
    ]
    known = [row for row in rows if row.value is not None and row.low is not None and row.high is not None]
    if not known:
        return None
    if axis.group:
        return known[0]
    return _by_size(max(known, key=lambda row: abs(row.value or 0.0)))


def _by_size(row: Measurement) -> Measurement:
    """The row without its sign."""
    assert row.value is not None and row.low is not None and row.high is not None
    low, high = sorted((abs(row.low), abs(row.high)))
    return replace(row, value=abs(row.value), low=0.0 if row.low <= 0 <= row.high else low, high=high)


def _all_have(variants: Sequence[Variant], axis: Axis) -> bool:
    return all(figure(variant.record, axis) is not None for variant in variants)


def _chart(variants: Sequence[Variant], x: Axis, y: Axis) -> Chart:
    across = [_ends(figure(variant.record, x)) for variant in variants]
    up = [_ends(figure(variant.record, y)) for variant in variants]
    x_scale = scale_over([end for ends in across for end in ends], LEFT, RIGHT - ROOM)
    y_scale = scale_over([end for ends in up for end in ends], BOTTOM, TOP)
    return Chart(
        title=f"{plain_name(y.title)} against {plain_name(x.title)}",
        x=x,
        y=y,
        x_ticks=_ticks(x_scale),
        y_ticks=_ticks(y_scale),
        marks=tuple(
            Mark(
                label=variant.label,
                x=x_scale(own[1]),
                y=y_scale(theirs[1]),
                left=x_scale(own[0]),
                right=x_scale(own[2]),
                top=y_scale(theirs[2]),
                bottom=y_scale(theirs[0]),
                text_y=y_scale(theirs[1]) + (-7 if place % 2 == 0 else 17),
            )
            for place, (variant, own, theirs) in enumerate(zip(variants, across, up, strict=True))
        ),
    )


def _ticks(scale: Scale) -> tuple[tuple[float, str], ...]:
    return ticks_on(scale, 5)


def _ends(row: Measurement | None) -> tuple[float, float, float]:
    assert row is not None and row.value is not None and row.low is not None and row.high is not None
    return row.low, row.value, row.high


def _row(variant: Variant, utility: Axis | None, harms: Sequence[Axis]) -> Mapping[str, object]:
    axes = ([utility] if utility else []) + list(harms)
    fit = variant.record.model.fit
    return {
        "label": variant.label,
        "link": variant.link,
        "figures": [_said(figure(variant.record, axis)) for axis in axes],
        "changes": [_changed(variant.comparison, axis) for axis in axes],
        "privacy": _privacy(fit),
        "seconds": numbers.duration(float(fit.get("seconds", 0.0))) if fit else "not trained here",
    }


def _said(row: Measurement | None) -> str:
    return numbers.NOT_ESTIMABLE if row is None else numbers.estimate(row, max(3, numbers.places_of([row])))


def _changed(comparison: Comparison | None, axis: Axis) -> str:
    """The paired change against the plain model, where the row is one and the same in both."""
    if comparison is None or not axis.group:
        return ""
    for check in comparison.checks:
        for row in check.rows:
            same = (check.probe, row.after.name, row.after.group) == (
                axis.probe,
                axis.measurement,
                axis.group,
            )
            if same and row.change is not None:
                value, low, high = (numbers.number(each, 3) for each in row.change)
                return f"{value} ({low} to {high})"
    return ""


def _privacy(fit: Mapping[str, object]) -> str:
    privacy = fit.get("privacy") if fit else None
    if not isinstance(privacy, Mapping) or not privacy:
        return "none claimed"
    return "; ".join(f"{plain_name(str(name))} {numbers.setting(value)}" for name, value in privacy.items())
