"""Sets each person's lists side by side and turns what differs into rows of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...models.data import FloatArray
from .._rows import known, row
from ..base import Measurement
from ..stats.simultaneous import simultaneous_means
from ._contrasts import Contrast, value_contrasts
from ._list_similarity import SIMILARITIES, Similarity, list_change, spread
from ._list_table import AGAIN, OWN, ListTable, unstated

PLACEBO, ASKED_AGAIN = "placebo ", "the same request again"
NO_PLACEBO = (
    "the model knows no placebo, so what any statement does is unknown: at most this much is the value's"
)
ONE_PLACEBO = "one placebo has no other to differ from"


@dataclass(frozen=True)
class Lists:
    """The lists with what was stated in them, compared in the ways that are reported."""

    table: ListTable
    facts: Mapping[str, Any]

    @property
    def attributes(self) -> Mapping[str, Sequence[str]]:
        found: Mapping[str, Sequence[str]] = self.facts["attributes"]
        return found

    @property
    def placebos(self) -> Mapping[str, Sequence[str]]:
        found: Mapping[str, Sequence[str]] = self.facts["placebos"]
        return found

    def changes(self, stated: Mapping[str, Sequence[str]], before: str = "") -> dict[str, FloatArray]:
        """Each contrast's mean change per user."""
        contrasts = [one for name, values in stated.items() for one in value_contrasts(name, values)]
        return {before + one.label: self._mean(list_change, one) for one in contrasts}

    def pairwise(self, how: Similarity) -> dict[str, FloatArray]:
        """Each contrast's mean similarity per user, a pair's being the lesser of both directions."""
        contrasts = [one for name, values in self.attributes.items() for one in value_contrasts(name, values)]
        return {
            one.label: self._mean(lambda x, y: np.minimum(how(x, y), how(y, x)), one) for one in contrasts
        }

    def to_neutral(self, how: Similarity) -> dict[str, FloatArray]:
        """Each value's similarity to the list without it, and that of the same request asked again."""
        found = {
            f"{before}{name}: {value}": self.table.compare(how, f"{name}={value}", unstated(name))
            for before, stated in (("", self.attributes), (PLACEBO, self.placebos))
            for name, values in stated.items()
            for value in values
        }
        return found | {ASKED_AGAIN: self.table.compare(how, AGAIN, OWN)}

    def _mean(self, how: Similarity, contrast: Contrast) -> FloatArray:
        found = [self.table.compare(how, contrast.plus, other) for other in contrast.minus]
        mean: FloatArray = np.mean(found, axis=0)
        return mean


def floor_of(placebos: Mapping[str, FloatArray], again: Mapping[str, FloatArray]) -> tuple[FloatArray, str]:
    """What each user's list moves by where nothing means anything, and a note where that is not known."""
    for yardstick, note in ((placebos, ""), (again, NO_PLACEBO)):
        found = [change for change in yardstick.values() if known(change)]
        if found:
            mean: FloatArray = np.mean(found, axis=0)
            return mean, note
    return np.zeros(len(again[ASKED_AGAIN])), NO_PLACEBO


def excess_rows(
    name: str, values: Mapping[str, FloatArray], note: str, *, alpha: float, rng: np.random.Generator
) -> Iterator[Measurement]:
    """Differences of shares, with intervals that hold together."""
    if not values:
        return
    effects = np.stack(list(values.values()), axis=1)
    # What is 0 by construction is known without error; what came out as 0 for all is not.
    bounds = None if note == ONE_PLACEBO else (-1.0, 1.0)
    found = simultaneous_means(effects, alpha=alpha, rng=rng, bounds=bounds)
    for (group, change), interval in zip(values.items(), found, strict=True):
        yield row(
            name,
            interval,
            alpha=alpha,
            unit="share of places",
            better="lower" if name == "excess_change" else "zero",
            n=known(change),
            group=group,
            note=note if interval else "",
        )


def spread_rows(lists: Lists, alpha: float) -> Iterator[Measurement]:
    """SNSR and SNSV of every attribute and placebo in every variant, with what noise would give."""
    for metric, how in SIMILARITIES.items():
        for before, stated in (("", lists.attributes), (PLACEBO, lists.placebos)):
            for name, values in stated.items():
                own = [lists.table.compare(how, f"{name}={value}", unstated(name)) for value in values]
                found = spread(np.stack(own, axis=1), alpha=alpha)
                if found is None:
                    continue
                over = f"over {len(values)} values{'' if found.paired else ', each of other people'}"
                over += "; pure noise would give"
                notes = {
                    "snsr": f"{over} {found.noise_snsr:.4f} on average and more than {found.noise_limit:.4f}"
                    f" in {alpha:.2g} of all audits",
                    "snsv": f"{over} {found.noise_snsv:.4f} on average",
                }
                for kind, interval in (("snsr", found.snsr), ("snsv", found.snsv)):
                    yield row(
                        f"{kind}_{metric}",
                        interval,
                        alpha=alpha,
                        unit="similarity",
                        better="none",
                        n=interval.n,
                        group=before + name,
                        note=notes[kind],
                    )
