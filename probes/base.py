"""What a probe is: it asks a model, keeps the answers as evidence, and turns them into measured findings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal, Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt

from ..models.base import ModelError, Recommender, Request, Slate
from ..models.capabilities import capabilities
from ..models.data import Catalog, FloatArray, InteractionLog
from ..models.splits import Population

T = TypeVar("T")
Direction = Literal["at_most", "at_least", "within"]
Role = Literal["gate", "validity", "control"]
State = Literal["pass", "fail", "inconclusive", "not_applicable", "invalid", "error", "reported"]
Better = Literal["higher", "lower", "zero", "none"]

SEVERITY: tuple[State, ...] = (
    "error",
    "invalid",
    "fail",
    "inconclusive",
    "pass",
    "reported",
    "not_applicable",
)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One number with everything it needs to be read; ``None`` where it cannot be estimated.

    Parameters
    ----------
    name : what is measured, a variant of a formula being part of the name.
    low, high : ends of the interval; each is exceeded with probability at most ``(1 - level) / 2``.
    level : coverage of this interval alone; within a family it is set so that all hold together.
    method : how value and interval were made, in the field's words.
    n, clusters : rows behind the number, and independent units (users) among them.
    unit : of value, low and high ("probability points", "nats", "share" ...).
    better : which direction is good for the people concerned.
    group : the row's group, attribute contrast or variant; "overall" for the whole.
    detectable : the smallest true effect this sample would have found with 80 % power.
    note : one sentence for a reader, if the number needs one.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    n: int
    clusters: int
    unit: str
    better: Better
    group: str = "overall"
    detectable: float | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """A bound fixed before the run.

    Parameters
    ----------
    measurement : the measurement it judges; every row of that name if ``group`` is "each".
    direction : "at_most" passes below the bound, "at_least" above it, "within" between -bound and bound.
    role : a "gate" gives the verdict; "validity" must hold for the verdict to mean anything; a
        "control" is a planted effect that the method must find.
    floor : a measurement whose interval shows what meaningless changes do; an effect inside it cannot fail.
    because : why this bound, for the reader of a report.
    """

    measurement: str
    bound: float
    direction: Direction
    role: Role = "gate"
    group: str = "each"
    floor: str | None = None
    because: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one criterion came to, from the interval against the bound.

    ``group`` is the row that decided. ``p_value`` is one-sided against the bound, adjusted over the
    declared family, and implied by the interval: it is under the family's level exactly where the
    interval lies beyond the bound, so the two cannot disagree. ``None`` where nothing was estimable.
    """

    criterion: Criterion
    state: State
    reason: str
    group: str = "overall"
    p_value: float | None = None


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """One case a reader can look at: two requests that differ in little, and what came of each.

    ``left`` and ``right`` are request texts, ``answers`` rows of (item text, left score, right score),
    ``effect`` the case's own effect, ``kind`` "worst" or "random".
    """

    title: str
    left_label: str
    right_label: str
    left: str
    right: str
    answers: tuple[tuple[str, float | None, float | None], ...]
    effect: float
    kind: Literal["worst", "random"]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A line that says more than its summary: how rates, frequencies or shares run along a scale.

    Parameters
    ----------
    kind : "roc" (false against true positive rates), "reliability" (stated against observed) or
        "lorenz" (share of items, least first, against their share of the places).
    label : what the line is of.
    x, y, low, high : its points and the band around them; the band holds point by point at ``level``.
    counts : how much stands behind each point; empty where that says nothing.
    """

    kind: Literal["roc", "reliability", "lorenz"]
    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    level: float = 0.95
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was asked and answered: one row an answer, as columns of one length.

    ``columns`` always hold ``cluster`` (int user positions, before they are pseudonymised); the
    others are the probe's own. ``facts`` are small JSON values that hold for all rows.
    ``exhibits`` are complete cases kept for the report.
    """

    columns: Mapping[str, npt.NDArray[np.generic]]
    facts: Mapping[str, object] = field(default_factory=dict)
    exhibits: tuple[Exhibit, ...] = ()

    def __post_init__(self) -> None:
        if "cluster" not in self.columns:
            raise ValueError("evidence needs a 'cluster' column: the users behind its rows")
        if len({len(column) for column in self.columns.values()}) != 1:
            raise ValueError("evidence columns must have one length")

    def __len__(self) -> int:
        return len(self.columns["cluster"])

    def where(self, mask: npt.NDArray[np.bool_]) -> Evidence:
        """The rows where ``mask`` holds."""
        return Evidence(
            columns={name: column[mask] for name, column in self.columns.items()},
            facts=self.facts,
            exhibits=self.exhibits,
        )


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a probe found, or why it could not be asked (then it has no measurements)."""

    probe: str
    measurements: tuple[Measurement, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    caveats: tuple[str, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    not_asked: str = ""
    error: str = ""


class NotApplicable(Exception):
    """A question that cannot be put to this model or data; the message says what is missing."""


class Fit(Protocol):
    """Trains a copy of the audited model by its own recipe and trainer."""

    def __call__(
        self, users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        """Return a copy tuned on these users' rows of ``log``.

        ``label`` names the copy in the store; ``effort`` multiplies the recipe's epochs, for controls
        that must be trained too long or too little.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Auditee:
    """What a probe may touch: the model, its world, who trained it, and fresh copies of it.

    Parameters
    ----------
    fit : trains copies; raises ``NotApplicable`` where the model cannot be trained again. A ``log``
        of its own must keep the user and item positions of this one.
    memo : answers already given, shared between the probes of a run.
    """

    model: Recommender
    log: InteractionLog
    population: Population
    fit: Fit
    memo: dict[object, object] = field(default_factory=dict)

    @property
    def catalog(self) -> Catalog:
        """The items that may be recommended."""
        return self.model.catalog

    @cached_property
    def capabilities(self) -> frozenset[str]:
        """What the model can do."""
        return capabilities(self.model)

    def recommend(self, requests: Sequence[Request], k: int, *, repeat: int = 0) -> list[Slate]:
        """Ask for slates through the memo; another ``repeat`` asks anew, for noise floors."""
        return self._remember("recommend", requests, (k, repeat), lambda new: self.model.recommend(new, k))

    def log_odds(self, requests: Sequence[Request], *, repeat: int = 0) -> list[FloatArray]:
        """Ask for log-odds of a like through the memo."""
        ask = self.model.log_odds  # type: ignore[attr-defined]
        return self._remember("log_odds", requests, (repeat,), lambda new: self._numbers(new, ask(new)))

    def score(self, requests: Sequence[Request], *, repeat: int = 0) -> list[FloatArray]:
        """Ask for scores through the memo."""
        ask = self.model.score  # type: ignore[attr-defined]
        return self._remember("score", requests, (repeat,), lambda new: self._numbers(new, ask(new)))

    def _numbers(self, requests: Sequence[Request], answers: Sequence[object]) -> list[FloatArray]:
        """The answers, each one finite number a candidate; a model that gives others is refused in words."""
        if len(answers) != len(requests):
            raise ModelError(
                f"the model gave {len(answers)} answers to {len(requests)} requests; it must answer each"
            )
        numbers = []
        for request, answer in zip(requests, answers, strict=True):
            wanted = (len(request.candidates or self.catalog.ids),)
            try:
                found = np.asarray(answer, dtype=np.float64)
            except (TypeError, ValueError):
                raise ModelError(
                    f"the model answered {str(answer)[:60]!r} where numbers are needed"
                ) from None
            if found.shape != wanted:
                raise ModelError(
                    f"the model gave numbers of shape {found.shape} for {wanted[0]} candidates;"
                    " it must give one each"
                )
            if not np.isfinite(found).all():
                raise ModelError(
                    "the model gave numbers that are not finite (NaN or infinite); it must score every item"
                )
            numbers.append(found)
        return numbers

    def _remember(
        self,
        method: str,
        requests: Sequence[Request],
        settings: tuple[object, ...],
        ask: Callable[[list[Request]], list[T]],
    ) -> list[T]:
        keys = [(method, request, settings) for request in requests]
        new = {key: request for key, request in zip(keys, requests, strict=True) if key not in self.memo}
        if new:
            self.memo.update(zip(new, ask(list(new.values())), strict=True))
        return [cast(T, self.memo[key]) for key in keys]


class Probe(ABC):
    """One question about a model, asked in two halves.

    A subclass is a frozen dataclass of its settings. Its class attributes are literals, so that listing
    probes imports none of them: ``title`` is a short name, ``needs`` the capabilities without which it
    cannot be asked, ``otherwise`` what is said of a model that lacks them, ``fits`` how many copies it
    trains, ``shows`` what a failing model does, as half a sentence. ``suite`` is the smallest set that asks
    it: "quick" (cheap, and trains nothing), "standard" or "full"; where it names none, a probe that trains
    more than one copy is in "full" and any other in "standard".
    """

    title: ClassVar[str] = ""
    otherwise: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = ""
    suite: ClassVar[str] = ""

    @abstractmethod
    def criteria(self) -> tuple[Criterion, ...]:
        """Return the bounds this probe judges by, unless a policy sets others; empty: reported only."""

    @abstractmethod
    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Spend model calls.

        Raises
        ------
        NotApplicable
            If this model or data cannot be asked this question; the message says what is missing.
        """

    @abstractmethod
    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Turn evidence into measurements without any model; each interval end holds at ``alpha``."""

    def curves(self, evidence: Evidence, rng: np.random.Generator) -> tuple[Curve, ...]:
        """Return lines for the report, from evidence without any model; none by default."""
        return ()
