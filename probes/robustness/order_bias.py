"""Does the order in which a list is written sway it, where the order means nothing?

The published prompt names two lists, what the user liked and what the user disliked, and says nothing of
their order. Each of some held-out users is asked about items i they never met: as given (likes first, both
lists by time), and in other orders. With l the log-odds of "yes", a shift is a mean over users and items.
swap_shift: l with the list of dislikes written first, minus l as given. alike_first_shift: l with the liked
item most like the candidate, by genre, written first in its list, minus l with it written last. flip_rate:
the share of answers that turn between yes and no when the lists are swapped, or the items within each list
are shuffled; a model whose shifts even out on average may still turn many single answers. All three carry
a verdict.

Yardstick: permutation_shift, one shuffle against another, is 0 but for chance whatever the model does; a
shift no larger than that cannot fail. absolute_change shows the size of changes regardless of sign, and that
the order of candidates cannot matter to a model that judges one candidate at a time.

Who is affected: users whose answers rest on how a program happened to write their history down; and anyone
who may choose that order can steer the answers. Limits: histories are stored by time, so a model may have
learnt that what comes last is recent, and use it. It is a fault in this sense: nothing in the prompt says
so, and whoever fills it in any other order gets other answers without warning. A service that means the
order to count should say so in its prompt and set its own bounds for alike_first_shift and flip_rate.
A model that answers differently to any change of text fails here too. Users differ, so intervals count
users; rows of one name hold together.

References: Bao et al. 2023 (TALLRec, the prompt); Lu et al. 2022 (order sensitivity of prompts); Hou et al.
2024 (position bias of language models as rankers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, cast

import numpy as np

from ...models.capabilities import ReadsOrder
from ...models.data import FloatArray
from .._exhibits import cases_to_show, request_text
from .._people import people_and_new_items
from .._rows import joint_rows, mean_row, probability
from ..base import Auditee, Criterion, Evidence, Exhibit, Measurement, Probe
from ._grid import Grid
from ._orders import (
    ALIKE_FIRST,
    ALIKE_LAST,
    CANDIDATES,
    GIVEN,
    SWAPPED,
    Order,
    ask_orders,
    orders_of,
    shuffled,
)

SHUFFLED = "lists shuffled"
SWAP_NOTE = "above 0: says yes more readily when dislikes are written first"
ALIKE_NOTE = "above 0: what is written first counts more than what is written last"
SHUFFLE_NOTE = "one random order against another: what chance alone does"


@dataclass(frozen=True, kw_only=True)
class OrderBias(Probe):
    """Writes the same history in other orders and measures how far the answers move.

    Parameters
    ----------
    n_orders : shuffles of each user's lists, at least 2.
    length : history items in a request.
    bound : largest shift that passes, log-odds.
    flip_bound : largest share of answers that may turn.
    """

    n_users: int = 250
    n_candidates: int = 5
    n_orders: int = 3
    length: int = 10
    bound: float = 0.2
    flip_bound: float = 0.1

    title: ClassVar[str] = "Sensitivity to meaningless order"
    needs: ClassVar[tuple[str, ...]] = ("judges", "reads_order")
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "the order in which a history is written down changes the model's answers"

    def calls(self) -> int:
        """Upper estimate, request-candidates."""
        return self.n_users * (self.n_candidates * (self.n_orders + 3) + 2)

    def criteria(self) -> tuple[Criterion, ...]:
        """No reordering may shift the answers one way, or turn many of them."""
        return (
            *(
                Criterion(
                    measurement=name,
                    bound=self.bound,
                    direction="within",
                    floor="permutation_shift",
                    because=f"{self.bound:g} log-odds move a probability by at most"
                    f" {25 * self.bound:.2g} percentage points",
                )
                for name in ("swap_shift", "alike_first_shift")
            ),
            Criterion(
                measurement="flip_rate",
                bound=self.flip_bound,
                direction="at_most",
                because=f"if more than one answer in {1 / self.flip_bound:.0f} turns with an order that means"
                " nothing, the answer is not about the user",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask every order of every user's request."""
        people = people_and_new_items(
            auditee, n_users=self.n_users, n_items=self.n_candidates, length=self.length, rng=rng
        )
        layouts = cast(ReadsOrder, auditee.model).layouts()
        orders = [
            orders_of(person, layouts=layouts, n_orders=self.n_orders, catalog=auditee.catalog, rng=rng)
            for person in people
        ]
        columns = ask_orders(auditee, [order for own in orders for order in own])
        evidence = Evidence(columns=columns, facts={"layouts": list(layouts), "orders": self.n_orders})
        cases = _cases(auditee, orders, Grid.of(evidence, columns["condition"].astype(str)), rng)
        return Evidence(columns=columns, facts=evidence.facts, exhibits=cases)

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Shifts, the yardstick and the share of turned answers."""
        grid = Grid.of(evidence, evidence.columns["condition"].astype(str))
        numbers = range(1, max(2, int(str(evidence.facts["orders"]))) + 1)
        given, shuffles = grid.at(GIVEN), np.stack([grid.at(shuffled(number)) for number in numbers])
        changed = {SWAPPED: grid.at(SWAPPED)[None], SHUFFLED: shuffles}
        turned = {group: _mean(_turned(odds, given)) for group, odds in changed.items()}
        moved = {group: _mean(np.abs(odds - given)) for group, odds in changed.items()}
        moved[CANDIDATES] = np.abs(grid.at(CANDIDATES) - given)
        shift = partial(mean_row, cluster=grid.user, alpha=alpha, unit="log-odds", better="zero")
        rates = partial(joint_rows, cluster=grid.user, alpha=alpha, rng=rng, better="lower")
        return [
            shift("swap_shift", grid.at(SWAPPED) - given, note=SWAP_NOTE),
            shift("permutation_shift", shuffles[0] - shuffles[-1], note=SHUFFLE_NOTE),
            shift("alike_first_shift", grid.at(ALIKE_FIRST) - grid.at(ALIKE_LAST), note=ALIKE_NOTE),
            *rates("flip_rate", turned, unit="share"),
            *rates("absolute_change", moved, unit="log-odds"),
        ]


def _turned(odds: FloatArray, given: FloatArray) -> FloatArray:
    """1 where the answer turned between yes and no, 0 where it did not, NaN where it was not asked."""
    turned: FloatArray = np.where(np.isnan(odds) | np.isnan(given), np.nan, (odds > 0) != (given > 0))
    return turned


def _mean(values: FloatArray) -> FloatArray:
    """Mean over orders, shape ``(n_pairs,)``; NaN where every order is."""
    counts = (~np.isnan(values)).sum(axis=0)
    means: FloatArray = np.full(values.shape[1], np.nan)
    np.divide(np.nansum(values, axis=0), counts, out=means, where=counts > 0)
    return means


def _cases(
    auditee: Auditee, orders: Sequence[Sequence[Order]], grid: Grid, rng: np.random.Generator
) -> tuple[Exhibit, ...]:
    """Users whose answers move most when the lists are swapped, or else shuffled, and users at random."""
    conditions = [{order.condition: order.request for order in own} for own in orders]
    changed = [SWAPPED if SWAPPED in own else shuffled(1) for own in conditions]
    odds = [np.stack([grid.at(GIVEN), grid.at(name)]) for name in changed]
    rows = [grid.user == own[GIVEN].history.user for own in conditions]
    shown = [probability(pair[:, here]) for pair, here in zip(odds, rows, strict=True)]
    effects = np.array([np.abs(pair[1] - pair[0]).mean() for pair in shown])
    exhibits = []
    for kind, number, place in cases_to_show(effects, rng=rng):
        requests, name = conditions[place], changed[place]
        items = sorted(requests[GIVEN].candidates)
        exhibits.append(
            Exhibit(
                title=f"{'Largest change' if kind == 'worst' else 'Random user'} {number}",
                left_label=GIVEN,
                right_label=name,
                left=request_text(auditee, replace(requests[GIVEN], candidates=tuple(items[:1]))),
                right=request_text(auditee, replace(requests[name], candidates=tuple(items[:1]))),
                answers=tuple(
                    (auditee.catalog.titles[item], float(before), float(after))
                    for item, before, after in zip(items, *shown[place], strict=True)
                ),
                effect=float(effects[place]),
                kind=kind,
            )
        )
    return tuple(exhibits)
