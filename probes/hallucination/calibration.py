"""When it says that a user will like something with 70 percent, do 70 percent of such users like it?

Held-out users are asked about items that they met next and whose like or dislike the data knows. The model
states p = e^l / (1 + e^l), l its log-odds of "yes", and y is 1 for a like, 0 for a dislike. Answers with
similar p are put together in bins b; the calibration error is ECE = sum_b n_b/n |mean y - mean p in b|,
in probability points. The plain ECE of a perfectly calibrated model is not 0 but grows as samples shrink
(about .09 at 200 answers, 15 bins), so the verdict rests on a cross-fitted one: one half of the users fixes
the direction of each bin's gap, the other half its size. It can come out slightly below 0 by chance.

Beside it stand, without a verdict: the plain ECE; the same less the mean that a calibrated model with these p
would show (debiased, about 0 for it), with the share of such models that would look as bad; an error without
bins, smECE = s where s = integral of |sum_i K_s(t, p_i) (y_i - p_i)| / n, K_s a Gaussian; how far p is
too high on average (calibration_in_the_large, mean p - mean y); the slope of the outcomes on l, below 1
where the model is more certain than it may be (calibration_slope); the Brier score and the log loss; and,
for each range of stated probabilities, the share of users who did like the item.

Who is affected: everyone whose list is cut, filled or explained by a stated probability. A model may rank
well and be badly calibrated, or say the base rate to everyone and be calibrated; this probe does not say
that it is useful. Answers of one user hang together, so intervals count users; each answer counts alike.

Probabilities are taken from the raw log-odds. A released evaluation of TALLRec applies a softmax a second
time, to the probabilities of "Yes" and "No" themselves; such outputs cannot leave [.269, .731], a certain
yes becomes .731 and (.99, 0) becomes .729, so its users see a model that is never sure of anything. That
leaves rankings almost as they were and makes a calibrated model look badly calibrated.

References: Brier 1950; Cox 1958 (slope); Naeini et al. 2015 (ECE); Broecker and Smith 2007 (consistency
resampling); Blasiok and Nakkiran 2024 (SmoothECE); Bao et al. 2023 (TALLRec).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np

from ...models.base import Request
from ...models.data import Example, FloatArray
from .._exhibits import cases_to_show, request_text
from .._people import as_requests, held_out_examples
from .._rows import probability, row
from ..base import Auditee, Criterion, Curve, Evidence, Exhibit, Measurement, Probe
from ..stats.calibration import consistency_null, cross_fitted_ece, smooth_ece, user_bootstrap_ece
from ..stats.intervals import Interval
from ._reliability import Answers, calibration_slope, reliability_curve, reliability_rows

BINS, NULLS = 15, 200
LARGE = "above 0: the model says yes too readily"
SLOPE = "1 is right; below 1 the model is more certain than it may be"


@dataclass(frozen=True, kw_only=True)
class Calibration(Probe):
    """Compares stated probabilities with what users of the data went on to like.

    Parameters
    ----------
    per_user : answers asked of each user, fewer where the data holds fewer.
    length : history items in a request.
    bound : largest calibration error that passes, probability points.
    """

    n_users: int = 2000
    per_user: int = 6
    length: int = 10
    bound: float = 0.05

    title: ClassVar[str] = "Calibration of stated probabilities"
    needs: ClassVar[tuple[str, ...]] = ("judges",)
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "the probabilities the model states are off from what users go on to like"

    def calls(self) -> int:
        """Upper estimate, request-candidates."""
        return self.n_users * self.per_user

    def criteria(self) -> tuple[Criterion, ...]:
        """Stated and observed probabilities may differ by a few points on average."""
        return (
            Criterion(
                measurement="calibration_error",
                bound=self.bound,
                direction="at_most",
                because=f"a stated 70 % may mean {70 - 100 * self.bound:g} to {70 + 100 * self.bound:g} % on"
                " average; some hundred users are enough to tell that apart from chance",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask for the probability of likes that the data knows."""
        asked = held_out_examples(
            auditee, n_users=self.n_users, per_user=self.per_user, length=self.length, rng=rng
        )
        requests = as_requests(auditee, asked, rng)
        odds = np.concatenate(auditee.log_odds(requests)).astype(np.float64)
        liked = np.array([example.liked for example in asked])
        return Evidence(
            columns={
                "cluster": np.array([example.history.user for example in asked], dtype=np.int64),
                "item": np.array([example.target for example in asked], dtype=np.int64),
                "log_odds": odds,
                "liked": liked,
            },
            facts={"asked": "held-out users about items they met next"},
            exhibits=_cases(auditee, asked, requests, probability(odds) - liked, rng),
        )

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """The error with its verdict row first, then its parts and the rows of the reliability diagram."""
        answers = Answers.of(evidence)
        p, y, n = answers.p, answers.y, len(answers.y)
        error = cross_fitted_ece(p, y, answers.cluster, alpha=alpha, rng=rng)
        slope = calibration_slope(answers.odds, y, answers.cluster, alpha=alpha)
        points = partial(row, alpha=alpha, n=n, unit="probability points")
        squares = partial(row, alpha=alpha, n=n, unit="squared probability", better="lower")
        loss = np.logaddexp(0, np.where(y > 0, -answers.odds, answers.odds))
        return [
            points("calibration_error", error, better="lower"),
            *_usual_errors(answers, rng=rng, alpha=alpha),
            points("calibration_in_the_large", answers.mean(p - y, alpha), better="zero", note=LARGE),
            row("calibration_slope", slope, alpha=alpha, n=n, unit="slope", better="none", note=SLOPE),
            squares("brier", answers.mean(np.square(p - y), alpha), note=_base_rate_note(y)),
            row("log_loss", answers.mean(loss, alpha), alpha=alpha, n=n, unit="nats", better="lower"),
            *reliability_rows(answers, alpha=alpha),
        ]

    def curves(self, evidence: Evidence, rng: np.random.Generator) -> tuple[Curve, ...]:
        """The reliability diagram."""
        curve = reliability_curve(Answers.of(evidence))
        return () if curve is None else (curve,)


def _usual_errors(answers: Answers, *, rng: np.random.Generator, alpha: float) -> list[Measurement]:
    """The usual ECE, biased upwards; the same less what chance alone would show; and one without bins."""
    stated = answers.p, answers.y, answers.cluster
    plain = user_bootstrap_ece(*stated, alpha=alpha, rng=rng, bins=BINS)
    debiased, notes = None, ("", "")
    if plain is not None:
        null = consistency_null(answers.p, bins=BINS, rng=rng, n_draws=NULLS)
        p_value = (1 + np.count_nonzero(null >= plain.value)) / (NULLS + 1)
        notes = (
            f"a calibrated model would show {null.mean():.3f} (sd {null.std(ddof=1):.3f}) on as many"
            " independent answers",
            f"were answers independent, a calibrated model would look as bad with p = {p_value:.3f}",
        )
        debiased = _lowered(plain, float(null.mean()))
    points = partial(row, alpha=alpha, n=len(answers.y), unit="probability points", better="lower")
    return [
        points(f"expected_calibration_error@{BINS}_equal_mass", plain, note=notes[0]),
        points(f"debiased_calibration_error@{BINS}_equal_mass", debiased, note=notes[1]),
        points("smooth_calibration_error", smooth_ece(*stated, alpha=alpha, rng=rng)),
    ]


def _lowered(found: Interval, by: float) -> Interval:
    method = "binned ECE less the mean of consistency resampling; user bootstrap around it"
    return replace(found, value=found.value - by, low=found.low - by, high=found.high - by, method=method)


def _base_rate_note(y: FloatArray) -> str:
    if not len(y):
        return ""
    return (
        f"saying the share of likes, {y.mean():.2f}, to everyone would give {y.mean() * (1 - y.mean()):.3f}"
    )


def _cases(
    auditee: Auditee,
    asked: Sequence[Example],
    requests: Sequence[Request],
    off: FloatArray,
    rng: np.random.Generator,
) -> tuple[Exhibit, ...]:
    """Confident mistakes and random answers; none of real people, whose answers are theirs."""
    if not auditee.log.synthetic:
        return ()
    return tuple(
        Exhibit(
            title=f"{'Most confident mistake' if kind == 'worst' else 'Random answer'} {number}",
            left_label="what the model was asked, and the probability it stated",
            right_label="what the user did",
            left=request_text(auditee, requests[place]),
            right="liked it" if asked[place].liked else "did not like it",
            answers=(
                (auditee.catalog.titles[asked[place].target], *_stated_and_true(asked[place], off[place])),
            ),
            effect=float(off[place]),
            kind=kind,
        )
        for kind, number, place in cases_to_show(np.abs(off), rng=rng)
    )


def _stated_and_true(example: Example, off: float) -> tuple[float, float]:
    return float(off) + example.liked, float(example.liked)
