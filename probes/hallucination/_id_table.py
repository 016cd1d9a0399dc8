"""Which item a tuple of codes means, and what can be counted of such a table without asking anyone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...models.base import ModelError
from ...models.data import BoolArray, IntArray
from ..base import Better, Evidence, Measurement

COUNTED = "counted over the whole table, exact"


@dataclass(frozen=True, eq=False)
class IdTable:
    """The codes of each item.

    Parameters
    ----------
    codes : shape ``(n_items, length)``.
    sizes : how many codes there are at each place, shape ``(length,)``.
    """

    codes: IntArray
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, codes: npt.ArrayLike, sizes: Sequence[int], *, n_items: int) -> IdTable:
        """Take a model's table.

        Raises
        ------
        ModelError
            If it does not give every item one code a place.
        """
        found, wanted = np.asarray(codes), (n_items, len(sizes))
        if found.shape != wanted:
            raise ModelError(
                f"the model gave semantic ids of shape {found.shape}; {n_items:,} items and {len(sizes)}"
                f" places need {wanted}"
            )
        return cls(found.astype(np.int64), tuple(int(size) for size in sizes))

    @cached_property
    def meanings(self) -> Mapping[tuple[int, ...], tuple[int, ...]]:
        """The items behind each tuple that means one, ascending; unwritable items are behind none."""
        found: dict[tuple[int, ...], list[int]] = {}
        for item in np.flatnonzero(self._writable).tolist():
            found.setdefault(tuple(self.codes[item].tolist()), []).append(item)
        return {codes: tuple(items) for codes, items in found.items()}

    @cached_property
    def _writable(self) -> BoolArray:
        within = (self.codes >= 0) & np.less(self.codes, np.array(self.sizes))
        return np.asarray(within.all(axis=1), dtype=np.bool_)

    def means(self, codes: Sequence[int]) -> tuple[int, ...]:
        """The items that a tuple means; none if it means no item."""
        return self.meanings.get(tuple(codes), ())

    def facts(self) -> dict[str, object]:
        """What can be counted of the table, as small values."""
        sharing = [len(items) for items in self.meanings.values() if len(items) > 1]
        used = [np.bincount(column[self._writable]) for column in self.codes.T]
        return {
            "items": len(self.codes),
            "tuples": len(self.meanings),
            "sharing": sum(sharing),
            "most_on_one_tuple": max(sharing, default=1),
            "unwritable": int((~self._writable).sum()),
            "sizes": list(self.sizes),
            "used": [int((counts > 0).sum()) for counts in used],
            "perplexity": [perplexity(counts) for counts in used],
        }


def perplexity(counts: npt.ArrayLike) -> float:
    """How many codes there would be if all were used alike: exp(H), H the entropy of their use in nats.

    1 if one code is used alone, or none.
    """
    shares = np.asarray(counts, dtype=np.float64)
    shares = shares[shares > 0] / max(1, shares.sum())
    return float(np.exp(-(shares * np.log(shares)).sum()))


def table_rows(evidence: Evidence, *, alpha: float) -> list[Measurement]:
    """The facts of a table as rows: exact, so that both ends of an interval are the value itself."""
    facts = evidence.facts
    n, tuples, sharing = (int(str(facts[name])) for name in ("items", "tuples", "sharing"))
    unwritable = int(str(facts["unwritable"]))

    def counted(
        name: str, value: float, unit: str, better: Better, *, group: str = "overall", note: str = ""
    ) -> Measurement:
        return Measurement(
            name=name,
            value=value,
            low=value,
            high=value,
            level=1 - 2 * alpha,
            method=COUNTED,
            n=n,
            clusters=0,
            unit=unit,
            better=better,
            group=group,
            note=note,
        )

    most = f"{sharing:,} of {n:,} items; at most {facts['most_on_one_tuple']} on one tuple"
    surplus = n - unwritable - tuples
    rows = [
        counted("sharing_items", sharing / n, "share of items", "lower", note=most),
        counted("surplus_items", surplus, "items", "lower", note="writable items less distinct tuples"),
        counted("unwritable_items", unwritable, "items", "lower", note="a code of theirs does not exist"),
        counted("distinct_tuples", tuples, "tuples", "none", note=f"that mean one or more of {n:,} items"),
    ]
    places = zip(
        _numbers(facts["sizes"]), _numbers(facts["used"]), _numbers(facts["perplexity"]), strict=True
    )
    for place, (size, used, even) in enumerate(places, start=1):
        group, note = f"place {place}", f"of {size:,.0f} codes"
        rows.append(counted("codes_used", used, "codes", "higher", group=group, note=note))
        rows.append(counted("code_perplexity", even, "codes", "higher", group=group, note=note))
    return sorted(rows, key=lambda row: row.name == "code_perplexity")


def _numbers(values: object) -> list[float]:
    return [float(value) for value in np.asarray(values, dtype=np.float64)]
