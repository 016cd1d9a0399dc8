"""What a recommender learns from and is asked about: items, users, and who liked what, in which order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


class DataError(Exception):
    """Data that cannot be used as asked; the message says what was given, what is allowed, what to do."""


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """The items that may be recommended; an item is its position in these columns.

    Parameters
    ----------
    ids : the owner's item ids, one per item, unique.
    titles : what a person reads; need not be unique (remakes share one).
    years : release year per item, shape ``(n_items,)``; 0 where unknown.
    genres : the genres of each item, possibly none.
    providers : who offers each item; empty where the data does not say.
    """

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    years: IntArray
    genres: tuple[tuple[str, ...], ...]
    providers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lengths = {len(self.ids), len(self.titles), len(self.years), len(self.genres)}
        if len(lengths) != 1 or (self.providers and len(self.providers) != len(self.ids)):
            raise ValueError(f"catalogue columns must have one length, got {sorted(lengths)}")
        if len(set(self.ids)) != len(self.ids):
            raise ValueError("catalogue ids must be unique")

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def position(self) -> Mapping[str, int]:
        """The item behind each owner's id."""
        return {item_id: item for item, item_id in enumerate(self.ids)}


@dataclass(frozen=True)
class Interaction:
    """One user's contact with one item; ``None`` where the data does not say."""

    user: int
    item: int
    liked: bool | None = None
    rating: float | None = None
    timestamp: int | None = None


@dataclass(frozen=True)
class History:
    """What a user did, oldest first. ``liked`` is empty for data without likes and dislikes."""

    user: int
    items: tuple[int, ...]
    liked: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if self.liked and len(self.liked) != len(self.items):
            raise ValueError("a history needs one like or dislike per item, or none at all")

    def __len__(self) -> int:
        return len(self.items)

    def reordered(self, order: Sequence[int]) -> History:
        """The same interactions in another order; ``order`` lists positions and may leave some out."""
        liked = tuple(self.liked[i] for i in order) if self.liked else ()
        return replace(self, items=tuple(self.items[i] for i in order), liked=liked)


@dataclass(frozen=True)
class Example:
    """One answer the data knows: after ``history``, the user met ``target`` and liked it or not."""

    history: History
    target: int
    liked: bool


@dataclass(frozen=True, kw_only=True)
class InteractionLog:
    """Every interaction of a data set as columns, sorted by user and, within a user, by time.

    Parameters
    ----------
    name : the data set's name, as on the command line.
    user_ids : the owner's user ids; a user is a position in this tuple.
    attributes : attribute name to one value per user, ``""`` where unknown.
    user, item : positions, shape ``(n_interactions,)``.
    liked, rating, timestamp : shape ``(n_interactions,)``, or ``None`` where the data has none.
    synthetic : True for invented people, whose histories may be shown to anyone.
    planted : the faults that were put into invented data on purpose, by dial.
    """

    name: str
    catalog: Catalog
    user_ids: tuple[str, ...]
    user: IntArray
    item: IntArray
    liked: BoolArray | None = None
    rating: FloatArray | None = None
    timestamp: IntArray | None = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    synthetic: bool = False
    planted: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for column in (self.item, self.liked, self.rating, self.timestamp):
            if column is not None and len(column) != len(self.user):
                raise ValueError("log columns must have one length")
        for name, values in self.attributes.items():
            if len(values) != len(self.user_ids):
                raise ValueError(f"attribute {name!r} needs one value per user")
        if np.any(np.diff(self.user) < 0):
            raise ValueError("a log must be sorted by user; build it with InteractionLog.build")

    @classmethod
    def build(
        cls,
        *,
        name: str,
        catalog: Catalog,
        user_ids: tuple[str, ...],
        user: npt.ArrayLike,
        item: npt.ArrayLike,
        liked: npt.ArrayLike | None = None,
        rating: npt.ArrayLike | None = None,
        timestamp: npt.ArrayLike | None = None,
        attributes: Mapping[str, tuple[str, ...]] | None = None,
        synthetic: bool = False,
        planted: Mapping[str, float] | None = None,
    ) -> InteractionLog:
        """Sort loose columns by user and time (ties keep the order given) into a log."""
        users = np.asarray(user, dtype=np.int64)
        times = None if timestamp is None else np.asarray(timestamp, dtype=np.int64)
        order = np.argsort(users, kind="stable") if times is None else np.lexsort((times, users))
        return cls(
            name=name,
            catalog=catalog,
            user_ids=user_ids,
            user=users[order],
            item=np.asarray(item, dtype=np.int64)[order],
            liked=None if liked is None else np.asarray(liked, dtype=np.bool_)[order],
            rating=None if rating is None else np.asarray(rating, dtype=np.float64)[order],
            timestamp=None if times is None else times[order],
            attributes=attributes or {},
            synthetic=synthetic,
            planted=planted or {},
        )

    def __len__(self) -> int:
        return len(self.user)

    @property
    def n_users(self) -> int:
        """Users in the user table, with interactions or without."""
        return len(self.user_ids)

    @cached_property
    def starts(self) -> IntArray:
        """Where each user's rows begin; shape ``(n_users + 1,)``, the last entry is the row count."""
        return np.searchsorted(self.user, np.arange(self.n_users + 1))

    def rows(self, user: int) -> slice:
        """The rows of one user, oldest first."""
        return slice(int(self.starts[user]), int(self.starts[user + 1]))

    def history(self, user: int, *, last: int | None = None) -> History:
        """The user's interactions, oldest first, or the ``last`` few of them."""
        rows = self.rows(user)
        if last is not None:
            rows = slice(max(rows.start, rows.stop - last), rows.stop)
        liked = () if self.liked is None else tuple(self.liked[rows].tolist())
        return History(user, tuple(self.item[rows].tolist()), liked)

    def only(self, users: npt.ArrayLike) -> InteractionLog:
        """The same data set with the rows of these users alone; user positions keep their meaning."""
        wanted = np.zeros(self.n_users, dtype=np.bool_)
        wanted[np.asarray(users, dtype=np.int64)] = True
        return self.take(np.flatnonzero(wanted[self.user]))

    def take(self, rows: IntArray) -> InteractionLog:
        """The same data set with these rows alone; ``rows`` must ascend."""
        return replace(
            self,
            user=self.user[rows],
            item=self.item[rows],
            liked=None if self.liked is None else self.liked[rows],
            rating=None if self.rating is None else self.rating[rows],
            timestamp=None if self.timestamp is None else self.timestamp[rows],
        )

    def interactions(self) -> Iterator[Interaction]:
        """Row by row, for code that reads better that way; columns are faster."""
        for row in range(len(self)):
            yield Interaction(
                int(self.user[row]),
                int(self.item[row]),
                None if self.liked is None else bool(self.liked[row]),
                None if self.rating is None else float(self.rating[row]),
                None if self.timestamp is None else int(self.timestamp[row]),
            )

    @cached_property
    def item_counts(self) -> IntArray:
        """How many interactions each item has, shape ``(n_items,)``."""
        return np.bincount(self.item, minlength=len(self.catalog))

    @cached_property
    def digest(self) -> str:
        """Sha256 over everything a model or a probe can see of this data."""
        seen = hashlib.sha256()
        for part in (self.name, *self.catalog.ids, *self.catalog.titles, *self.user_ids):
            seen.update(part.encode() + b"\0")
        for genres in self.catalog.genres:
            seen.update("|".join(genres).encode() + b"\0")
        for name in sorted(self.attributes):
            seen.update("\0".join((name, *self.attributes[name])).encode())
        for column in (self.catalog.years, self.user, self.item, self.liked, self.rating, self.timestamp):
            seen.update(b"-" if column is None else np.ascontiguousarray(column).tobytes())
        return seen.hexdigest()


def examples(
    log: InteractionLog,
    users: Sequence[int] | IntArray,
    *,
    per_user: int,
    length: int,
    rng: np.random.Generator | None,
) -> list[Example]:
    """Each user's answerable moments: a full window of ``length`` items and the item met next.

    At most ``per_user`` of them are drawn by ``rng``, or, without one, the latest are taken: what a
    model is tuned on must be told from the log alone, so that an attack can ask about the very rows.
    Users with too few interactions give none. The windows of one user may overlap: treat the user,
    never the example, as the independent unit.

    Raises
    ------
    DataError
        If the data has no likes and dislikes.
    """
    if log.liked is None:
        raise DataError(
            f"data {log.name} has no likes and dislikes, so it holds no answers to learn or check"
        )
    found: list[Example] = []
    for user in users:
        rows = log.rows(int(user))
        ends = np.arange(rows.start + length, rows.stop)
        if rng is None:
            ends = ends[-per_user:]
        elif len(ends) > per_user:
            ends = np.sort(rng.choice(ends, per_user, replace=False))
        for end in ends:
            window = slice(end - length, end)
            history = History(int(user), tuple(log.item[window].tolist()), tuple(log.liked[window].tolist()))
            found.append(Example(history, int(log.item[end]), bool(log.liked[end])))
    return found
