"""The same history written down in several orders, and what each does to the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...models.base import Request
from ...models.data import Catalog
from ..base import Auditee

GIVEN, SWAPPED, CANDIDATES = "as given", "blocks swapped", "candidates in another order"
ALIKE_FIRST, ALIKE_LAST = "most alike first", "most alike last"


def shuffled(number: int) -> str:
    """The condition of the ``number``-th random order, from 1."""
    return f"lists shuffled {number}"


@dataclass(frozen=True)
class Order:
    """One person's request in one order."""

    condition: str
    request: Request


def orders_of(
    person: Request, *, layouts: Sequence[str], n_orders: int, catalog: Catalog, rng: np.random.Generator
) -> list[Order]:
    """The person's request as it is and in every other order that can be tried."""
    history = person.history
    orders = [Order(GIVEN, person)]
    if "swapped" in layouts and len(set(history.liked)) == 2:
        orders.append(Order(SWAPPED, replace(person, layout="swapped")))
    for number in range(1, n_orders + 1):
        order = _another_order(len(history), rng)
        orders.append(Order(shuffled(number), replace(person, history=history.reordered(order))))
    if len(person.candidates) > 1:
        order = _another_order(len(person.candidates), rng)
        candidates = tuple(person.candidates[place] for place in order)
        orders.append(Order(CANDIDATES, replace(person, candidates=candidates)))
    return orders + _alike_first_and_last(person, catalog)


def ask_orders(auditee: Auditee, orders: Sequence[Order]) -> dict[str, npt.NDArray[np.generic]]:
    """Ask every order, as evidence columns: one row a candidate."""
    odds = auditee.log_odds([order.request for order in orders])
    counts = [len(row) for row in odds]
    return {
        "cluster": np.repeat([order.request.history.user for order in orders], counts).astype(np.int64),
        "item": np.array([item for order in orders for item in order.request.candidates], dtype=np.int64),
        "condition": np.repeat([order.condition for order in orders], counts),
        "log_odds": np.concatenate(odds).astype(np.float64),
    }


def _another_order(n: int, rng: np.random.Generator) -> list[int]:
    """A random order of n places that is not the one they have; of fewer than two there is no other."""
    order = [int(place) for place in rng.permutation(n)]
    return order[1:] + order[:1] if order == sorted(order) else order


def _alike_first_and_last(person: Request, catalog: Catalog) -> list[Order]:
    """Asked of the first candidate alone: the liked item nearest to it by genre, moved to either end."""
    history, target = person.history, person.candidates[0]
    likes = [place for place in range(len(history)) if not history.liked or history.liked[place]]
    alike = [_overlap(catalog, history.items[place], target) for place in likes]
    if len(likes) < 2 or max(alike) == 0:
        return []
    chosen = likes[int(np.argmax(alike))]
    rest = [place for place in range(len(history)) if place != chosen]
    asked = replace(person, candidates=(target,))
    return [
        Order(ALIKE_FIRST, replace(asked, history=history.reordered([chosen, *rest]))),
        Order(ALIKE_LAST, replace(asked, history=history.reordered([*rest, chosen]))),
    ]


def _overlap(catalog: Catalog, item: int, other: int) -> float:
    """Jaccard overlap of two items' genres, [0, 1]."""
    own, theirs = set(catalog.genres[item]), set(catalog.genres[other])
    return len(own & theirs) / max(1, len(own | theirs))
