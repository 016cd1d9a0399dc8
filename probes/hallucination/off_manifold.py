"""Does it make up points that are no item?

Some models do not choose an item: they make a point in the space of items and recommend what lies near it.
The list always holds real items, so an invention cannot be seen in it; it shows in the point. For each of
some held-out people the model makes a point from the earlier 80 % of the history. With d1 the distance to
the nearest item and s the median distance from an item to its nearest neighbour, r = d1 / s says how far
the point lies from any item, in spacings. The yardstick comes from the model: items that these people truly
liked next are put under a little noise, restored, and their r taken. A point is off the manifold if its r
is larger than that of 99 % of the restored items, as far as 95 % confidence needs: hardly any true item would
come out there.
off_manifold_rate is the share of people whose point is off, and carries the verdict.

Beside it stand distance_to_nearest, the mean of r; restored_distance, the same for the restored items; and
nearest_margin, the mean of (d2 - d1) / d2 with d2 the distance to the second nearest item: 1 on an item, 0
halfway between two, where it is a matter of chance which is recommended.

Who is affected: people who are given whatever lies nearest to a point that stands for nothing, and who
cannot tell; providers whose items lie where stray points end up.

Limits: a point on an item may still be the wrong item, and a point between items may be a fair mixture of
tastes: this is about points, not about how good the lists are. Distances are straight lines; a model that
ranks by angle may put points farther out without harm. A model that restores badly gets a wide yardstick,
so restored_distance must be read as well. With few restored items the yardstick is the farthest of them, and
the rate a little low. People are resampled with their points and their restored items, so the interval knows
that another sample gives another yardstick.

References: Yang et al. 2023 (DreamRec, items as points); Ho et al. 2020 (diffusion).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt

from ...models.base import Request
from ...models.capabilities import GeneratesVectors
from ...models.data import Example, FloatArray
from .._exhibits import cases_to_show, request_text
from .._retrieval import Asked, held_out_lists
from .._rows import as_share, mean_row, row
from ..base import Auditee, Criterion, Evidence, Exhibit, Measurement, NotApplicable, Probe
from ..stats.bootstrap import cluster_bootstrap, percentile_interval, quotient
from ..stats.intervals import Interval
from ._spacing import Nearest, nearest, spacing

FEWEST = 10
FAR = 0.01
"""The share of restored items that lie beyond the yardstick."""
BOOTSTRAPS = 500
SAME = 1e-6
"""Spacings within which a point is the item: rounding must not make a difference."""


@dataclass(frozen=True, kw_only=True)
class OffManifold(Probe):
    """Measures how far from any item the points lie that a model makes for people.

    Parameters
    ----------
    n_users : held-out people asked, at most.
    per_user : true next items restored per person, at most.
    n_items : items that the spacing is measured on, at most.
    earlier : share of a person's interactions that is the history.
    bound : largest share of points that may be off.
    """

    n_users: int = 500
    per_user: int = 4
    n_items: int = 2000
    earlier: float = 0.8
    bound: float = 0.1

    title: ClassVar[str] = "Points that are no item"
    needs: ClassVar[tuple[str, ...]] = ("generates_vectors",)
    otherwise: ClassVar[str] = "makes no points in the space of items, so none of them can be off"
    fits: ClassVar[int] = 0
    suite: ClassVar[str] = "quick"
    shows: ClassVar[str] = "the points the model makes lie where no item would come out"

    def calls(self) -> int:
        """Points made and items restored, at most."""
        return self.n_users * (1 + self.per_user)

    def criteria(self) -> tuple[Criterion, ...]:
        """Few points may lie where no true item would come out."""
        return (
            Criterion(
                measurement="off_manifold_rate",
                bound=self.bound,
                direction="at_most",
                because="of true items restored by the model itself 1% lie so far out; more than"
                f" {self.bound:.0%} of points there are made up, not found",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Make a point for every person, and restore what the person truly liked next."""
        asked = held_out_lists(auditee, n_users=self.n_users, earlier=self.earlier, rng=rng)
        if len(asked.requests) < FEWEST:
            raise NotApplicable(
                f"{len(asked.requests)} held-out users can be asked; at least {FEWEST} are needed"
            )
        model = cast(GeneratesVectors, auditee.model)
        items = np.asarray(model.item_vectors(), dtype=np.float64)
        between = _spacing_of(items, n_items=self.n_items, rng=rng)
        answers = self._next_items(asked, rng)
        made = nearest(_finite(model.generate(asked.requests), "made", like=items), items)
        true = nearest(_finite(model.restored(answers, rng=rng), "restored", like=items), items)
        truly = np.array([answer.history.user for answer in answers], dtype=np.int64)
        columns = {
            "cluster": np.concatenate([asked.users, truly]),
            "set": np.repeat(["generated", "restored"], [len(asked.users), len(truly)]),
            "distance": np.concatenate([made.distances[:, 0], true.distances[:, 0]]) / between,
            "margin": np.concatenate([made.margins, true.margins]),
            "nearest": np.concatenate([made.items[:, 0], true.items[:, 0]]),
        }
        facts = {"spacing": between, "items": len(items), "dim": items.shape[1]}
        return Evidence(
            columns=columns, facts=facts, exhibits=_cases(auditee, asked.requests, made, between, rng)
        )

    def _next_items(self, asked: Asked, rng: np.random.Generator) -> list[Example]:
        """A few of the items that each person went on to like, drawn at random."""
        return [
            Example(request.history, int(item), True)
            for request, targets in zip(asked.requests, asked.targets, strict=True)
            for item in rng.choice(targets, min(self.per_user, len(targets)), replace=False)
        ]

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """The share of points beyond the yardstick, and mean distances, over people."""
        made = evidence.where(evidence.columns["set"] == "generated")
        true = evidence.where(evidence.columns["set"] == "restored")
        distances, users = _column(made, "distance"), made.columns["cluster"]
        rate, limit = _off_rate(made, true, alpha=alpha, rng=rng)
        note = f"off: over {limit:.2f} spacings from any item, as at most 1% of {len(true):,} restored ones"
        return [
            row(
                "off_manifold_rate",
                None if rate is None else as_share(rate, alpha=alpha),
                alpha=alpha,
                unit="share",
                better="lower",
                n=len(made),
                note=note if rate else "",
            ),
            mean_row(
                "distance_to_nearest", distances, users, alpha=alpha, unit="item spacings", better="lower"
            ),
            mean_row(
                "restored_distance",
                _column(true, "distance"),
                true.columns["cluster"],
                alpha=alpha,
                unit="item spacings",
                better="none",
                note="the same for true next items that the model restored",
            ),
            mean_row(
                "nearest_margin",
                _column(made, "margin"),
                users,
                alpha=alpha,
                unit="share of d2",
                better="higher",
            ),
        ]


def _off_rate(
    made: Evidence, true: Evidence, *, alpha: float, rng: np.random.Generator
) -> tuple[Interval | None, float]:
    """The share of points beyond the yardstick, and the yardstick: the 99 % point of restored distances.

    People are resampled with their points and their restored items, so that the interval knows that another
    sample would give another yardstick. ``None`` with points of fewer than two people or nothing restored.
    """
    people = np.unique(np.concatenate([made.columns["cluster"], true.columns["cluster"]]))
    if len(np.unique(made.columns["cluster"])) < 2 or not len(true):
        return None, float("nan")
    whose = {
        name: np.searchsorted(people, one.columns["cluster"])
        for name, one in (("made", made), ("true", true))
    }
    order = np.argsort(_column(true, "distance"), kind="stable")
    restored, points = _column(true, "distance")[order], _column(made, "distance")

    def rate(weights: FloatArray) -> FloatArray:
        below = np.cumsum(weights[:, whose["true"][order]], axis=1)
        place = (below < far_level(len(restored)) * below[:, -1:] - 1e-9).sum(axis=1)
        limits = np.maximum(restored[np.minimum(place, len(restored) - 1)], SAME)
        own = weights[:, whose["made"]]
        return quotient((own * (points > limits[:, None])).sum(axis=1), own.sum(axis=1))

    value = float(rate(np.ones((1, len(people))))[0])
    draws = cluster_bootstrap(
        rate, len(people), rng=rng, n_boot=BOOTSTRAPS, width=len(points) + len(restored)
    )
    interval = percentile_interval(value, draws, alpha=alpha, n=len(points), clusters=len(people))
    limit = float(np.quantile(restored, far_level(len(restored)), method="higher"))
    return interval, limit


def far_level(n: int) -> float:
    """The share of ``n`` restored items that lie within the yardstick, in (0, 1].

    The least at which, with 95 % confidence, at most a share ``FAR`` of all of them lies beyond: Wilks'
    (1941) limit by the normal distribution. With few items it is the farthest of them.
    """
    return min(1.0, 1 - FAR + 1.645 * float(np.sqrt(FAR * (1 - FAR) / n)))


def _spacing_of(items: FloatArray, *, n_items: int, rng: np.random.Generator) -> float:
    """The spacing of items that lie apart.

    Raises
    ------
    NotApplicable
        If there are fewer than ten items, or half of them lie on another one.
    """
    if len(items) < FEWEST:
        raise NotApplicable(
            f"the model has {len(items)} items; at least {FEWEST} are needed to tell distances"
        )
    between = spacing(_finite(items, "has for items", like=items), n_items=n_items, rng=rng)
    if between == 0:
        raise NotApplicable("half of the items or more lie on the point of another one, so none is near")
    return between


def _finite(points: npt.ArrayLike, which: str, *, like: FloatArray) -> FloatArray:
    found = np.asarray(points, dtype=np.float64).reshape(-1, like.shape[1])
    if wrong := int((~np.isfinite(found)).any(axis=1).sum()):
        raise NotApplicable(f"{wrong} of {len(found)} points that the model {which} are not finite numbers")
    return found


def _column(evidence: Evidence, name: str) -> FloatArray:
    return evidence.columns[name].astype(np.float64)


def _cases(
    auditee: Auditee, requests: Sequence[Request], made: Nearest, between: float, rng: np.random.Generator
) -> tuple[Exhibit, ...]:
    """The points farthest from any item, and points at random, with the items nearest to them."""
    exhibits = []
    distances = made.distances / between
    for kind, number, place in cases_to_show(distances[:, 0], rng=rng):
        exhibits.append(
            Exhibit(
                title=f"{'Farthest point' if kind == 'worst' else 'Random point'} {number}",
                left_label="what the model was asked",
                right_label="the items nearest to its point, with minus their distance in spacings",
                left=request_text(auditee, requests[place]),
                right=f"a point {distances[place, 0]:.2f} spacings from the nearest item",
                answers=tuple(
                    (auditee.catalog.titles[item], None, -float(far))
                    for item, far in zip(made.items[place].tolist(), distances[place], strict=True)
                ),
                effect=float(distances[place, 0]),
                kind=kind,
            )
        )
    return tuple(exhibits)
