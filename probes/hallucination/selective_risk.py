"""If it answered only where it is sure, how much could it answer without being wrong too often?

Held-out users are asked about one item each that they met next and whose like or dislike the data knows. An
answer is "yes" where the log-odds l are above 0, and wrong where the data disagree; its certainty is |l|.
Keeping the share c of answers that are most certain (the coverage) leaves a risk, the share of wrong ones
among them. coverage_at_risk is the largest of the coverages 5 %, 10 %, ... 100 % whose risk is at most r* =
20 %, and 0 if there is none; it is judged.

Its interval is a guarantee. Low end: the largest coverage at which even the upper Clopper-Pearson end of the
risk, at alpha / 20, is at most r*: with probability 1 - alpha the risk is within r* there. High end: the
largest at which the lower end, at alpha, is at most r*: each larger one is shown to be too risky. Answers of
equal certainty are kept together and shares rounded up, so a coverage may come out a little above its share.

Beside it stand, without a verdict: risk, the share of wrong answers at some coverages, holding together; and
aurc, the mean of the risk over all coverages, with what a random order and the best order of the same answers
would give: between them lies what the certainty is worth.

Who is affected: people who act on answers that the system could have withheld, and whoever must choose where
it should. Limits: 0 where no coverage is safe enough says that certainty does not help, not that all answers
are wrong. The guarantee holds for people like those asked and for one answer a person, and only as long as
the model's certainties are spread as they are here.

References: El-Yaniv and Wiener 2010 (risk and coverage); Geifman and El-Yaniv 2017 (selection with guaranteed
risk); Geifman et al. 2019 (AURC); Clopper and Pearson 1934.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...models.data import BoolArray, FloatArray, IntArray
from .._exhibits import cases_to_show, request_text
from .._people import as_requests, held_out_examples
from .._rows import probability, row
from ..base import Auditee, Criterion, Evidence, Exhibit, Measurement, Probe
from ..stats.bootstrap import cluster_bootstrap, percentile_interval
from ..stats.intervals import Interval, clopper_pearson

COVERAGES = np.arange(1, 21) / 20
SHOWN = (0.1, 0.25, 0.5, 0.75, 1.0)
BOOTSTRAPS = 500


@dataclass(frozen=True, kw_only=True)
class SelectiveRisk(Probe):
    """Sorts answers by certainty and finds how many may be given at an accepted risk.

    Parameters
    ----------
    length : history items in a request.
    accepted : the share of wrong answers that is accepted, r* in (0, 1).
    bound : least share of answers that must be possible at that risk.
    """

    n_users: int = 2000
    length: int = 10
    accepted: float = 0.2
    bound: float = 0.2

    title: ClassVar[str] = "Answers it can be trusted with"
    needs: ClassVar[tuple[str, ...]] = ("judges",)
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "even the answers the model is surest of are wrong too often"

    def calls(self) -> int:
        """Upper estimate, request-candidates."""
        return self.n_users

    def criteria(self) -> tuple[Criterion, ...]:
        """A fair share of answers must be possible at the accepted risk."""
        return (
            Criterion(
                measurement="coverage_at_risk",
                bound=self.bound,
                direction="at_least",
                because=f"a system that may be wrong {self.accepted:.0%} of the time should be able to answer"
                f" {self.bound:.0%} of questions; if not, how sure it says it is helps nobody",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask each person about one item."""
        asked = held_out_examples(auditee, n_users=self.n_users, per_user=1, length=self.length, rng=rng)
        requests = as_requests(auditee, asked, rng)
        odds = np.concatenate(auditee.log_odds(requests)).astype(np.float64)
        liked = np.array([example.liked for example in asked])
        columns = {
            "cluster": np.array([example.history.user for example in asked], dtype=np.int64),
            "item": np.array([example.target for example in asked], dtype=np.int64),
            "log_odds": odds,
            "liked": liked,
        }
        off = np.where((odds > 0) != liked, np.abs(odds), -np.abs(odds))
        cases = [
            Exhibit(
                title=f"{'Surest mistake' if kind == 'worst' else 'Random answer'} {number}",
                left_label="what the model was asked, and the probability it stated",
                right_label="what the user did",
                left=request_text(auditee, requests[at]),
                right="liked it" if liked[at] else "did not like it",
                answers=(
                    (
                        auditee.catalog.titles[asked[at].target],
                        float(probability(odds[at])),
                        float(liked[at]),
                    ),
                ),
                effect=float(off[at]),
                kind=kind,
            )
            for kind, number, at in (cases_to_show(off, rng=rng) if auditee.log.synthetic else ())
        ]
        return Evidence(columns=columns, facts={"accepted": self.accepted}, exhibits=tuple(cases))

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """The guaranteed coverage, the risks behind it and the area under their curve."""
        odds = evidence.columns["log_odds"].astype(np.float64)
        odds, liked = odds[np.isfinite(odds)], evidence.columns["liked"].astype(np.bool_)[np.isfinite(odds)]
        order = np.argsort(-np.abs(odds), kind="stable")
        wrong, sure = ((odds > 0) != liked)[order], np.abs(odds)[order]
        n, accepted = len(wrong), float(str(evidence.facts["accepted"]))
        kept = _kept(sure)
        coverage = _coverage_at(accepted, wrong, kept, alpha=alpha)
        area = _area(wrong, sure, alpha=alpha, rng=rng)
        note = f"share of answers that can be given with at most {accepted:.0%} of them wrong"
        return [
            row(
                "coverage_at_risk",
                coverage,
                alpha=alpha,
                unit="share",
                better="higher",
                n=n,
                note=note if coverage else "",
            ),
            *_risk_rows(wrong, kept, alpha=alpha),
            row(
                "aurc",
                area,
                alpha=alpha,
                unit="share",
                better="lower",
                n=n,
                note=_worth(wrong) if area else "",
            ),
        ]


def _kept(sure: FloatArray) -> IntArray:
    """How many answers each coverage keeps, those of equal certainty together; shape ``(m,)``."""
    if not len(sure):
        return np.zeros(0, dtype=np.int64)
    least = sure[np.ceil(COVERAGES * len(sure) - 1e-9).astype(np.int64) - 1]
    kept: IntArray = np.searchsorted(-sure, -least, side="right").astype(np.int64)
    return kept


def _coverage_at(accepted: float, wrong: BoolArray, kept: IntArray, *, alpha: float) -> Interval | None:
    """The largest coverage with a risk of at most ``accepted``, 0 if none has, and its ends.

    ``None`` with fewer than two answers.
    """
    n, errors = len(wrong), np.cumsum(wrong)
    if n < 2:
        return None
    value = low = high = 0.0
    for size in np.unique(kept).tolist():
        count, coverage = int(errors[size - 1]), size / n
        strict = clopper_pearson(count, size, alpha=alpha / len(COVERAGES))
        loose = clopper_pearson(count, size, alpha=alpha)
        value = coverage if count <= accepted * size else value
        low = coverage if strict is not None and strict.high <= accepted else low
        high = coverage if loose is not None and loose.low <= accepted else high
    method = "selection with guaranteed risk, Clopper-Pearson, Bonferroni over 20 coverages"
    return Interval(value, min(low, value), max(high, value), method, n, n)


def _risk_rows(wrong: BoolArray, kept: IntArray, *, alpha: float) -> list[Measurement]:
    """The share of wrong answers at some coverages, with intervals that hold together."""
    errors, rows = np.cumsum(wrong), []
    for share in SHOWN if len(wrong) >= 2 else ():
        size = int(kept[round(share * len(COVERAGES)) - 1])
        interval = clopper_pearson(int(errors[size - 1]), size, alpha=alpha / len(SHOWN))
        group = f"most certain {share:.0%}"
        rows.append(row("risk", interval, alpha=alpha, unit="share", better="lower", n=size, group=group))
    return rows


def _area(wrong: BoolArray, sure: FloatArray, *, alpha: float, rng: np.random.Generator) -> Interval | None:
    """AURC = mean over i = 1 .. n of the risk among the i most certain answers (Geifman et al. 2019)."""
    n = len(wrong)
    if n < 2:
        return None
    errors = wrong.astype(np.float64)

    def area(weights: FloatArray) -> FloatArray:
        answered = np.cumsum(weights, axis=1)
        risk = np.cumsum(weights * errors, axis=1) / np.maximum(answered, 1e-12)
        mean: FloatArray = (risk * weights).sum(axis=1) / n
        return mean

    value = float(area(np.ones((1, n)))[0])
    draws = cluster_bootstrap(area, n, rng=rng, n_boot=BOOTSTRAPS)
    return percentile_interval(value, draws, alpha=alpha, n=n, clusters=n)


def _worth(wrong: BoolArray) -> str:
    """What the same answers would give in a random and in the best order."""
    n, errors = len(wrong), int(wrong.sum())
    best = np.concatenate([np.zeros(n - errors), np.arange(1, errors + 1)]) / np.arange(1, n + 1)
    return f"{errors / n:.3f} in a random order, {best.mean():.3f} in the best one"
