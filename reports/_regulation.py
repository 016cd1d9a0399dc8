"""Says to which provisions of law and standards findings are relevant, and to which they are not."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ._reading import Check

FILE = Path(__file__).with_name("regulations.toml")
Standing = Literal["evidenced", "partly", "not by this audit"]
SILENT = ("not_applicable", "error", "invalid")
"""Verdicts that are evidence of nothing."""


@dataclass(frozen=True, kw_only=True)
class Provision:
    """One provision, the checks that are evidence relevant to it, and what is not shown."""

    provision: str
    about: str
    checks: tuple[Check, ...]
    wanted: int
    limits: str

    @property
    def standing(self) -> Standing:
        """Whether all, some or none of the checks that are relevant to it were measured."""
        if not self.checks:
            return "not by this audit"
        return "evidenced" if len(self.checks) == self.wanted else "partly"


@dataclass(frozen=True, kw_only=True)
class Framework:
    """A law or standard: which text, to whom it applies, and its provisions."""

    name: str
    text: str
    applies: str
    rows: tuple[Provision, ...]

    def count(self, standing: Standing) -> int:
        """How many provisions stand so."""
        return sum(row.standing == standing for row in self.rows)


@dataclass(frozen=True, kw_only=True)
class RegulationMap:
    """All frameworks, with the version and date of the data behind them."""

    version: str
    checked: str
    frameworks: tuple[Framework, ...]


def regulation_map(checks: Sequence[Check]) -> RegulationMap:
    """Map an audit's checks to the provisions they are relevant to."""
    data, measured = _data(), {check.finding.probe: check for check in checks if check.state not in SILENT}
    return RegulationMap(
        version=str(data["version"]),
        checked=data["checked"].isoformat(),
        frameworks=tuple(_framework(own, measured) for own in data["framework"]),
    )


def probes_named() -> frozenset[str]:
    """Every probe that the data name."""
    return frozenset(name for own in _data()["framework"] for row in own["rows"] for name in row["probes"])


def _framework(own: Mapping[str, Any], measured: Mapping[str, Check]) -> Framework:
    return Framework(
        name=own["name"],
        text=own["text"],
        applies=own["applies"],
        rows=tuple(
            Provision(
                provision=row["provision"],
                about=row["about"],
                checks=tuple(measured[name] for name in row["probes"] if name in measured),
                wanted=len(row["probes"]),
                limits=row.get("limits", ""),
            )
            for row in own["rows"]
        ),
    )


@cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
