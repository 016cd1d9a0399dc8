"""Lists of titles as someone wrote them, asked live or recorded, turned into evidence entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...models.base import Slate
from ...models.data import Catalog
from ...models.grounding import Grounder, Grounding

NO_ITEM = -1


@dataclass(frozen=True, kw_only=True)
class WrittenList:
    """One answer: the titles in the words they were written in, best first; none if it was no list.

    Parameters
    ----------
    user : position of the user who asked.
    items : where the answer names items and not words, the item at each place, -1 for what is none;
        ``None`` at a place, or no items at all, lets the words decide.
    consumed : items that the request showed as the user's history.
    """

    user: int
    titles: tuple[str, ...]
    items: tuple[int | None, ...] = ()
    consumed: tuple[int, ...] = ()

    @classmethod
    def of(cls, slate: Slate, catalog: Catalog) -> WrittenList:
        """A slate as it was written; an entry without words is the item it names."""
        entries, n, history = slate.entries, len(catalog), slate.request.history
        named = [NO_ITEM if one.item is None or not 0 <= one.item < n else one.item for one in entries]
        shown = ["" if item == NO_ITEM else catalog.titles[item] for item in named]
        return cls(
            user=history.user,
            titles=tuple(s if one.raw is None else one.raw for one, s in zip(entries, shown, strict=True)),
            items=tuple(i if one.raw is None else None for one, i in zip(entries, named, strict=True)),
            consumed=history.items,
        )

    def places(self) -> list[tuple[str, int | None]]:
        """Each entry's words, and its item where the words do not decide."""
        return list(zip(self.titles, self.items or (None,) * len(self.titles), strict=True))


def list_columns(
    lists: Sequence[WrittenList], *, grounder: Grounder, k: int
) -> dict[str, npt.NDArray[np.generic]]:
    """One row an entry, and one for every place of ``k`` that was left empty.

    ``state`` is the grounding's, or "missing" for a place left empty, or "no_list" in every place of an
    answer without a list; ``item`` is -1 where there is none; ``score`` the similarity to the nearest title.
    """
    words = [title for written in lists for title, item in written.places() if item is None]
    found = iter(grounder.ground(words))
    rows: list[tuple[int, int, str, int, float, str, bool, bool]] = []
    for written in lists:
        seen: set[int] = set()
        for place, (title, named) in enumerate(written.places()):
            grounding = next(found) if named is None else _named(named)
            item = NO_ITEM if grounding.item is None else grounding.item
            repeated, known = item in seen, item in written.consumed
            rows.append((written.user, place, grounding.state, item, grounding.score, title, repeated, known))
            seen |= {item} - {NO_ITEM}
        empty = "missing" if written.titles else "no_list"
        rows += [
            (written.user, p, empty, NO_ITEM, 0.0, "", False, False) for p in range(len(written.titles), k)
        ]
    names = ("cluster", "position", "state", "item", "score", "written", "repeated", "consumed")
    kinds = (np.int64, np.int64, np.str_, np.int64, np.float64, np.str_, np.bool_, np.bool_)
    return {
        name: np.array([entry[place] for entry in rows], dtype=kind)
        for place, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }


def _named(item: int) -> Grounding:
    return Grounding("not_an_item") if item == NO_ITEM else Grounding("exact", item, 1.0)
