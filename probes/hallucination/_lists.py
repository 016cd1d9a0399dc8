"""Lists of titles as someone wrote them, asked live or recorded, turned into evidence entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...models.grounding import Grounder


@dataclass(frozen=True, kw_only=True)
class WrittenList:
    """One answer: the titles in the words they were written in, best first; none if it was no list.

    Parameters
    ----------
    user : position of the user who asked.
    consumed : items that the request showed as the user's history.
    """

    user: int
    titles: tuple[str, ...]
    consumed: tuple[int, ...] = ()


def list_columns(
    lists: Sequence[WrittenList], *, grounder: Grounder, k: int
) -> dict[str, npt.NDArray[np.generic]]:
    """One row an entry, and one for every place of ``k`` that was left empty.

    ``state`` is the grounding's, or "missing" for a place left empty, or "no_list" in every place of an
    answer without a list; ``item`` is -1 where there is none; ``score`` the similarity to the nearest title.
    """
    found = iter(grounder.ground([title for written in lists for title in written.titles]))
    rows: list[tuple[int, int, str, int, float, str, bool, bool]] = []
    for written in lists:
        seen: set[int] = set()
        for place, title in enumerate(written.titles):
            grounding = next(found)
            item = -1 if grounding.item is None else grounding.item
            repeated, known = item in seen, item in written.consumed
            rows.append((written.user, place, grounding.state, item, grounding.score, title, repeated, known))
            seen |= {item} - {-1}
        empty = "missing" if written.titles else "no_list"
        rows += [(written.user, p, empty, -1, 0.0, "", False, False) for p in range(len(written.titles), k)]
    names = ("cluster", "position", "state", "item", "score", "written", "repeated", "consumed")
    kinds = (np.int64, np.int64, np.str_, np.int64, np.float64, np.str_, np.bool_, np.bool_)
    return {
        name: np.array([entry[place] for entry in rows], dtype=kind)
        for place, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }
