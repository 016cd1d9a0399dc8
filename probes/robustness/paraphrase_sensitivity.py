"""Does the same request get another answer when it is worded differently?

A model that is asked in words has several wordings of one request that mean the same, and was made to know
them all. Each of some held-out users is asked in every wording w = 0, 1, ...; nothing else changes. Of a
model that judges items, the user's answers about items never met are compared, l being the log-odds of
"yes"; of one that makes lists, the lists of k.

answers_turned carries the verdict: the share of what wording 0 says that wording w takes back. Judged items:
the share of answers that turn between yes and no. Lists: 1 - |A and B| / max(|A|, |B|), the share of
recommended items that are not recommended in the other wording. Beside it stand, for judged items,
absolute_change, the mean of |l_w - l_0|, and wording_shift, the mean of l_w - l_0; for lists rbo,
rank-biased overlap, in which the first places count most, jaccard, the items in both over those in either,
and first_item_changed. Each is a mean over users; the rows of one name hold together.

Yardstick: turned_asked_again, the same share between two answers to the very same request (under another
draw, where a model draws its answers). What a model does by itself is not its wording's fault, so a share no
larger than that cannot fail; where a request cannot be asked again, nothing can fail.

Who is affected: users, whose answer rests on which of several sentences a program happened to use; and
everyone who compares models or groups asked in one wording alone. Limits: only the model's own wordings are
tried. Other words, other languages and typing errors may move it further, and wordings that differ in little
move it less. A model that is not asked in words cannot be asked this.

References: Sclar et al. 2024 (sensitivity to prompt formatting); Mizrahi et al. 2024 (many paraphrases);
Webber, Moffat and Zobel 2010 (rank-biased overlap); Jaccard 1912.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ...models.base import Request
from ...models.capabilities import ReadsAttributes
from ...models.data import FloatArray
from .._people import people_and_new_items
from .._rows import joint_rows, mean_row
from ..base import Auditee, Criterion, Evidence, Measurement, NotApplicable, Probe
from ._grid import Grid
from ._list_distance import first_changed, jaccard, rbo, turned
from ._wordings import AGAIN, ask_again, cases_of_lists, cases_of_odds, list_requests, table_of, wording

LIST_FIGURES = {"rbo": rbo, "jaccard": jaccard, "first_item_changed": first_changed}


@dataclass(frozen=True, kw_only=True)
class ParaphraseSensitivity(Probe):
    """Asks the same in the model's other wordings and measures how much of the answer stays.

    Parameters
    ----------
    n_users : held-out people asked, at most.
    n_candidates : items asked about, of a model that judges items.
    length : history items in a request, at most.
    k : places of a list.
    bound : largest share of answers, or of a list's items, that another wording may change.
    """

    n_users: int = 250
    n_candidates: int = 5
    length: int = 10
    k: int = 10
    bound: float = 0.1

    title: ClassVar[str] = "Sensitivity to wording"
    needs: ClassVar[tuple[str, ...]] = ("judges|retrieves|recorded",)
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "the same request gets another answer when it is worded differently"

    def calls(self) -> int:
        """Upper estimate for two wordings, request-candidates."""
        return self.n_users * self.n_candidates * 3

    def criteria(self) -> tuple[Criterion, ...]:
        """A wording may change little of what is said."""
        return (
            Criterion(
                measurement="answers_turned",
                bound=self.bound,
                direction="at_most",
                floor="turned_asked_again",
                because=f"if another wording of the same request changes more than {100 * self.bound:g} of"
                " 100 answers or recommended items, they are about the words and not about the user",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask every person's request in every wording, and once more in the first."""
        model = auditee.model
        wordings = model.wordings() if isinstance(model, ReadsAttributes) else 1
        if wordings < 2:
            raise NotApplicable(
                "the model knows one wording of a request only, or is not asked in words, so there are no"
                " two answers to compare"
            )
        if "judges" in auditee.capabilities:
            return self._ask_odds(auditee, wordings, rng)
        return self._ask_lists(auditee, wordings, rng)

    def _ask_odds(self, auditee: Auditee, wordings: int, rng: np.random.Generator) -> Evidence:
        people = people_and_new_items(
            auditee, n_users=self.n_users, n_items=self.n_candidates, length=self.length, rng=rng
        )
        versions = {wording(w): auditee.log_odds(_worded(people, w)) for w in range(wordings)}
        versions[AGAIN] = auditee.log_odds(people, repeat=1)
        sizes = [len(person.candidates) for person in people]
        columns: dict[str, npt.NDArray[np.generic]] = {
            "cluster": np.tile(np.repeat([p.history.user for p in people], sizes), len(versions)),
            "item": np.tile([item for person in people for item in person.candidates], len(versions)),
            "version": np.repeat(list(versions), sum(sizes)),
            "log_odds": np.concatenate([np.concatenate(odds) for odds in versions.values()]),
        }
        cases = cases_of_odds(auditee, [_worded(people, w) for w in range(wordings)], versions, rng)
        facts = {"kind": "odds", "wordings": wordings}
        return Evidence(columns=columns, facts=facts, exhibits=cases)

    def _ask_lists(self, auditee: Auditee, wordings: int, rng: np.random.Generator) -> Evidence:
        people = list_requests(auditee, n_users=self.n_users, length=self.length, wordings=wordings, rng=rng)
        versions = {wording(w): auditee.recommend(_worded(people, w), self.k) for w in range(wordings)}
        again, caveats = ask_again(auditee, people, self.k)
        if again is not None:
            versions[AGAIN] = again
        tables = {version: table_of(slates, self.k) for version, slates in versions.items()}
        size = len(people) * self.k
        columns: dict[str, npt.NDArray[np.generic]] = {
            "cluster": np.tile(np.repeat([p.history.user for p in people], self.k), len(tables)),
            "version": np.repeat(list(tables), size),
            "place": np.tile(np.arange(self.k), len(people) * len(tables)),
            "item": np.concatenate([table.ravel() for table in tables.values()]),
        }
        cases = cases_of_lists(auditee, [_worded(people, w) for w in range(wordings)], tables, rng)
        facts = {"kind": "lists", "wordings": wordings, "k": self.k, "caveats": caveats}
        return Evidence(columns=columns, facts=facts, exhibits=cases)

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """What each wording turns, what asking again turns, and how far the answers move."""
        others = [wording(w) for w in range(1, int(str(evidence.facts["wordings"])))]
        if evidence.facts["kind"] == "odds":
            return _odds_rows(evidence, others, alpha, rng)
        return _list_rows(evidence, others, alpha, rng)


def _worded(people: Sequence[Request], w: int) -> list[Request]:
    return [replace(person, wording=w) for person in people]


def _odds_rows(
    evidence: Evidence, others: Sequence[str], alpha: float, rng: np.random.Generator
) -> list[Measurement]:
    grid = Grid.of(evidence, evidence.columns["version"].astype(str))
    given = grid.at(wording(0))
    versions = [*others, AGAIN]
    flips = {
        name: np.where(np.isnan(grid.at(name)) | np.isnan(given), np.nan, (grid.at(name) > 0) != (given > 0))
        for name in versions
    }
    moves = {name: grid.at(name) - given for name in versions}
    rows = partial(joint_rows, cluster=grid.user, alpha=alpha, rng=rng)
    return [
        *rows("answers_turned", _of(flips, others), unit="share", better="lower"),
        *rows("turned_asked_again", _of(flips, [AGAIN]), unit="share", better="none"),
        *rows("absolute_change", _of(moves, versions, size=True), unit="log-odds", better="lower"),
        *(
            mean_row(
                "wording_shift",
                moves[name],
                grid.user,
                alpha=alpha / len(others),
                unit="log-odds",
                better="zero",
                group=name,
                note="above 0: says yes more readily in this wording than in the first",
            )
            for name in others
        ),
    ]


def _of(
    values: Mapping[str, FloatArray], names: Sequence[str], *, size: bool = False
) -> dict[str, FloatArray]:
    return {name: np.abs(values[name]) if size else values[name].astype(np.float64) for name in names}


def _list_rows(
    evidence: Evidence, others: Sequence[str], alpha: float, rng: np.random.Generator
) -> list[Measurement]:
    column, k = evidence.columns, int(str(evidence.facts["k"]))
    users, user = np.unique(column["cluster"], return_inverse=True)
    tables = {}
    for version in np.unique(column["version"].astype(str)).tolist():
        here = column["version"] == version
        tables[version] = np.full((len(users), k), -1, dtype=np.int64)
        tables[version][user[here], column["place"][here].astype(np.int64)] = column["item"][here]
    none = np.full((len(users), k), -1, dtype=np.int64)
    given = tables.get(wording(0), none)
    rows = partial(joint_rows, cluster=users, alpha=alpha, rng=rng, unit="share")
    changed = {name: turned(given, tables.get(name, none)) for name in [*others, AGAIN]}
    found = [
        *rows("answers_turned", _of(changed, others), better="lower"),
        *(rows("turned_asked_again", _of(changed, [AGAIN]), better="none") if AGAIN in tables else ()),
    ]
    for name, figure in LIST_FIGURES.items():
        values = {other: figure(given, tables.get(other, none)) for other in others}
        found += rows(name, values, better="lower" if figure is first_changed else "higher")
    return found
