"""How much does its answer change when a few entries of a history are wrong?

Histories hold accidents: a click by mistake, a film for a guest, an entry that was never recorded. Each of
some held-out users is asked with the own history, and with k = 1, 2, 4 accidents: k random entries dropped;
k random items, drawn by how often they are met, inserted as if liked; inserted as disliked; or put in the
place of entries. The accidents of a larger k include those of a smaller one. Of a model that makes lists,
the lists of ten are compared, over items of no version of the history; of one that judges items, its
answers about items the user never met.

With y(k) what changed, the slope b = sum_k k y(k) / sum_k k^2 is the change an accident brings, the line
going through 0, where nothing changed; a mean over users, for each kind. turned_per_item carries the verdict:
y is the share of recommended items that are no longer recommended, or of answers that turn between yes and
no. Beside it: for lists rbo_lost_per_item, y = 1 - rank-biased overlap, and ndcg_lost_per_item, y the loss of
NDCG@10 on what the user went on to like; for judged items odds_moved_per_item, y = mean |change of
log-odds|. Rows of one name hold together.

Yardsticks, as y: turned, rbo_lost, ndcg_lost or odds_moved by shuffling the history's times, by another
person's history (over items that person has not met), which is as wrong as a history can be, and, for
lists, by a random list. A model that answers everyone alike shows 0 for accidents and strangers; so read the
strangers' row first.

Who is affected: people who share an account, or whose one odd click is held against them; and anyone whose
list a stranger can steer by slipping items into a history. Limits: noise is at random, an attacker's is not.
What matters is k against the length of the history, so slopes of data sets with longer histories are
smaller. Models of sequences lean on the last entries; an accident there does more than the mean over places
says. A slope is less than the first accident's effect where changes saturate.

References: Oh et al. 2022 (rank list sensitivity to small changes of training data, RBO); Webber, Moffat and
Zobel 2010 (rank-biased overlap); Jarvelin and Kekalainen 2002 (NDCG).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ...models.base import Request
from ...models.data import FloatArray
from .._people import people_and_new_items
from .._retrieval import held_out_lists
from .._rows import joint_rows
from ..base import Auditee, Criterion, Evidence, Measurement, NotApplicable, Probe
from ._noise_answers import Changes, changes_of_lists, changes_of_odds, exhibits
from ._noises import DISLIKED, DROPPED, INSERTED, RANDOM, SHUFFLED, STRANGER, SWAPPED, Noised, noised

K = 10
NOISES, YARDSTICKS = (DROPPED, INSERTED, SWAPPED, DISLIKED), (SHUFFLED, STRANGER, RANDOM)
FIGURES = {"turned": "share", "rbo_lost": "share", "ndcg_lost": "NDCG difference", "odds_moved": "log-odds"}


@dataclass(frozen=True, kw_only=True)
class HistoryNoise(Probe):
    """Puts accidents into histories and measures what each changes.

    Parameters
    ----------
    n_users : held-out people asked, at most.
    n_candidates : items asked about, of a model that judges items.
    length : history items in a request to such a model.
    earlier : share of a person's interactions that is the history otherwise, in (0, 1).
    sizes : how many accidents are tried.
    bound : largest share of answers, or of a list's items, that one accident may change.
    """

    n_users: int = 150
    n_candidates: int = 5
    length: int = 10
    earlier: float = 0.8
    sizes: tuple[int, ...] = (1, 2, 4)
    bound: float = 0.1

    title: ClassVar[str] = "Sensitivity to noise in a history"
    needs: ClassVar[tuple[str, ...]] = ("judges|retrieves",)
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "one accidental entry of a history changes much of the answer"

    def __post_init__(self) -> None:
        if not self.sizes or min(self.sizes) < 1:
            raise ValueError(f"sizes are numbers of accidents, each at least 1; got {self.sizes}")

    def calls(self) -> int:
        """Upper estimate, request-candidates."""
        return self.n_users * self.n_candidates * (3 + 4 * len(self.sizes))

    def criteria(self) -> tuple[Criterion, ...]:
        """One accident may change little of what is said."""
        return (
            Criterion(
                measurement="turned_per_item",
                bound=self.bound,
                direction="at_most",
                because=f"if one accidental entry changes more than {100 * self.bound:g} of 100 answers or"
                " recommended items, a few of them make the answer somebody else's",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask every version of every person's request."""
        judged = "judges" in auditee.capabilities
        return self._ask_odds(auditee, rng) if judged else self._ask_lists(auditee, rng)

    def _ask_odds(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        people = self._long_enough(
            people_and_new_items(
                auditee, n_users=self.n_users, n_items=self.n_candidates, length=self.length, rng=rng
            )
        )
        avoid = [person.candidates for person in people]
        versions = self._noised(auditee, people, avoid, rng)
        return _evidence(auditee, people, versions, changes_of_odds(auditee, people, versions), rng)

    def _ask_lists(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        asked = held_out_lists(auditee, n_users=self.n_users, earlier=self.earlier, rng=rng)
        wanted = dict(zip(asked.users.tolist(), asked.targets, strict=True))
        people = self._long_enough(asked.requests)
        targets = [wanted[person.history.user] for person in people]
        # An item that comes in should not have been on the list, from which it would then be missing.
        tops = auditee.recommend(people, K + max(self.sizes))
        avoid = [
            [*own.tolist(), *(entry.item for entry in slate.entries if entry.item is not None)]
            for own, slate in zip(targets, tops, strict=True)
        ]
        versions = self._noised(auditee, people, avoid, rng)
        versions += [Noised(RANDOM, 0, person) for person in people]
        changes = changes_of_lists(auditee, people, versions, targets=targets, k=K, rng=rng)
        return _evidence(auditee, people, versions, changes, rng)

    def _long_enough(self, people: Sequence[Request]) -> list[Request]:
        most = max(self.sizes)
        kept = [person for person in people if len(person.history) > most]
        if len(kept) < 2:
            raise NotApplicable(
                f"{len(kept)} of {len(people)} people have more than {most} entries in their history, and at"
                " least 2 are needed; set smaller sizes for this probe"
            )
        return kept

    def _noised(
        self,
        auditee: Auditee,
        people: Sequence[Request],
        avoid: Sequence[Sequence[int]],
        rng: np.random.Generator,
    ) -> list[Noised]:
        met = auditee.log.only(auditee.population.members).item_counts
        return noised(people, sizes=self.sizes, avoid=avoid, counts=met, rng=rng)

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """The change an accident brings, by kind of accident; then what the yardsticks change."""
        column = evidence.columns
        kind, k, cluster = column["kind"].astype(str), column["k"].astype(np.float64), column["cluster"]
        measured = [name for name in FIGURES if name in column]
        rows = partial(joint_rows, cluster=cluster, alpha=alpha, rng=rng)
        entries = f"histories hold {float(str(evidence.facts['entries_of_a_history'])):g} entries (median)"
        notes, found = dict.fromkeys(NOISES, entries), []
        for name in measured:
            values = column[name].astype(np.float64)
            slopes = {one: _slope_terms(values, k, cluster, kind == one) for one in NOISES if one in kind}
            unit = FIGURES[name]
            found += rows(f"{name}_per_item", slopes, unit=unit, better="lower", notes=notes)
        for name in measured:
            values = column[name].astype(np.float64)
            whole = {one: np.where(kind == one, values, np.nan) for one in YARDSTICKS if one in kind}
            found += rows(name, whole, unit=FIGURES[name], better="none")
        return found


def _slope_terms(
    values: FloatArray, k: FloatArray, cluster: npt.NDArray[np.generic], here: npt.NDArray[np.bool_]
) -> FloatArray:
    """Numbers whose mean over a user's rows is the user's slope, sum k y / sum k^2; NaN elsewhere.

    Parameters
    ----------
    values : y, NaN where it is not known; such rows take no part.
    """
    users, place = np.unique(cluster, return_inverse=True)
    known = here & ~np.isnan(values)
    count = np.bincount(place, known, minlength=len(users))
    square = np.bincount(place, np.where(known, k * k, 0.0), minlength=len(users))
    terms: FloatArray = np.full(len(values), np.nan)
    terms[known] = (values * k * count[place] / np.maximum(square[place], 1.0))[known]
    return terms


def _evidence(
    auditee: Auditee,
    people: Sequence[Request],
    versions: Sequence[Noised],
    changes: Changes,
    rng: np.random.Generator,
) -> Evidence:
    columns: dict[str, npt.NDArray[np.generic]] = {
        "cluster": np.array([one.user for one in versions], dtype=np.int64),
        "kind": np.array([one.kind for one in versions], dtype=np.str_),
        "k": np.array([one.k for one in versions], dtype=np.int64),
        **changes.figures,
    }
    lengths = [len(person.history) for person in people]
    facts = {"entries_of_a_history": float(np.median(lengths)), "people": len(people)}
    return Evidence(columns=columns, facts=facts, exhibits=exhibits(auditee, people, versions, changes, rng))
