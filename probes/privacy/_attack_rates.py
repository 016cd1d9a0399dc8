"""How often an attack is right about people: what its scores come to, with intervals over people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from ...models.data import BoolArray, FloatArray
from .._rows import row
from ..base import Better, Curve, Evidence, Measurement
from ..stats.auc import delong, joint_alpha, paired_delong, user_auc
from ..stats.intervals import Interval, clopper_pearson, z_quantile
from ..stats.roc import banded_roc, tpr_at_fpr


@dataclass(frozen=True)
class Sides:
    """One set of an attack's evidence, split into members and non-members."""

    evidence: Evidence
    member: BoolArray

    @classmethod
    def of(cls, evidence: Evidence, part: str) -> Sides:
        """The lines whose ``set`` is ``part``."""
        lines = evidence.where(evidence.columns["set"] == part)
        return cls(lines, lines.columns["member"].astype(np.bool_))

    def __len__(self) -> int:
        return len(self.evidence)

    def with_scores(self, scores: Mapping[str, FloatArray]) -> Sides:
        """The same lines with these scores besides, one a line."""
        return replace(self, evidence=replace(self.evidence, columns={**self.evidence.columns, **scores}))

    def has(self, score: str) -> bool:
        """Whether this score was asked for."""
        known = len(self) > 0 and score in self.evidence.columns
        return known and bool(np.isfinite(self._column(score)).all())

    def auc(
        self,
        name: str,
        score: str,
        *,
        alpha: float,
        group: str = "overall",
        better: Better = "lower",
    ) -> Measurement:
        """The chance that a member outscores a non-member."""
        interval = delong(*self._split(score), alpha=alpha)
        return self._row(name, interval, alpha=alpha, group=group, better=better)

    def joint_aucs(
        self, name: str, scores: Mapping[str, str], *, alpha: float, rng: np.random.Generator
    ) -> list[Measurement]:
        """The same for several scores of the same people, by group; all intervals hold together."""
        if len(scores) < 2:
            return [self.auc(name, score, alpha=alpha, group=group) for group, score in scores.items()]
        each = joint_alpha(*self._split(*scores.values()), alpha=alpha, rng=rng)
        rows = [self.auc(name, score, alpha=each, group=group) for group, score in scores.items()]
        joint = f", max-T over {len(scores)} attacks"
        return [replace(row, level=1 - 2 * alpha, method=row.method + joint) for row in rows]

    def cross_fitted_auc(self, name: str, score: str, *, alpha: float) -> Measurement:
        """The same for scores that classifiers fitted on the other folds' people gave.

        Every two people of different folds meet twice, each once in the fit and once in the score. At
        chance the AUC is then a degenerate U-statistic with twice the variance that DeLong's formula
        sees; away from chance the doubling is too much, never too little.
        """
        interval = delong(*self._split(score), alpha=_doubled(alpha))
        return self._row(name, interval, alpha=alpha, method=", variance doubled for cross-fitting")

    def lift(self, name: str, score: str, blind: str, *, alpha: float, group: str) -> Measurement:
        """How much better a score tells the sides apart than a cross-fitted one on the same people."""
        (pos, neg), (pos_blind, neg_blind) = self._split(score), self._split(blind)
        interval = paired_delong(pos, neg, pos_blind, neg_blind, alpha=_doubled(alpha))
        lift = self._row(name, interval, alpha=alpha, group=group, method=", variance doubled")
        return replace(lift, unit="AUC difference")

    def row_auc(self, name: str, score: str, *, alpha: float, group: str) -> Measurement:
        """The AUC over single examples, as published attacks count; the interval still counts people."""
        interval = user_auc(self._column(score), self.member, self.evidence.columns["cluster"], alpha=alpha)
        return self._row(name, interval, alpha=alpha, group=group)

    def caught(self, fpr: float, score: str, *, alpha: float, group: str) -> Measurement:
        """The share of members caught while at most a share ``fpr`` of non-members is accused."""
        positive, negative = self._split(score)
        interval = tpr_at_fpr(positive, negative, fpr, alpha=alpha)
        note = f"an attack that guesses catches {100 * fpr:g}%"
        if interval is None:
            note = f"not estimable below {1 / fpr:,.0f} left-out people; there are {len(negative):,}"
        caught = self._row(f"tpr_at_{100 * fpr:g}%_fpr", interval, alpha=alpha, group=group)
        return replace(caught, unit="share", detectable=None, note=note)

    def accused(self, name: str, score: str, *, alpha: float) -> list[Measurement]:
        """The share of each side that is accused, by a threshold settled on other people beforehand."""
        found = []
        for side, group in ((self.member, "trained on"), (~self.member, "left out")):
            hits = self._column(score)[side]
            interval = clopper_pearson(int(hits.sum()), len(hits), alpha=alpha)
            better: Better = "lower" if group == "trained on" else "none"
            share = self._row(name, interval, alpha=alpha, group=group, better=better)
            found.append(replace(share, unit="share", detectable=None))
        return found

    def curve(self, score: str, *, label: str) -> Curve:
        """How many members are caught at each rate of wrong accusations."""
        fpr, tpr, low, high = banded_roc(*self._split(score))
        points = {
            name: tuple(np.round(values, 6).tolist())
            for name, values in zip("xylh", (fpr, tpr, low, high), strict=True)
        }
        return Curve(kind="roc", label=label, x=points["x"], y=points["y"], low=points["l"], high=points["h"])

    def _column(self, name: str) -> FloatArray:
        return self.evidence.columns[name].astype(np.float64)

    def _split(self, *scores: str) -> tuple[FloatArray, FloatArray]:
        """Members' and non-members' scores, shape ``(n,)`` of one score and ``(n, n_scores)`` of several."""
        column = np.stack([self._column(score) for score in scores], axis=1)
        column = column[:, 0] if len(scores) == 1 else column
        return column[self.member], column[~self.member]

    def _row(
        self,
        name: str,
        interval: Interval | None,
        *,
        alpha: float,
        group: str = "overall",
        better: Better = "lower",
        method: str = "",
    ) -> Measurement:
        if interval is not None:
            interval = replace(interval, method=interval.method + method)
        n = int(np.sum(self.evidence.columns["examples"]))
        return row(name, interval, alpha=alpha, unit="AUC", better=better, n=n, group=group)


def _doubled(alpha: float) -> float:
    """The error probability whose normal quantile is sqrt(2) times that of ``alpha``."""
    return NormalDist().cdf(-(2**0.5) * z_quantile(alpha))
