"""Does it write codes that mean no item, and are there items that it cannot write?

Some models write an item as a tuple of codes, one after another, and look up which item that is. Not every
tuple is an item's. Such models are run with every other code forbidden, so that a list holds real items
whatever the model would have said; here they are also let off the lead. Held-out people are asked, with the
earlier 80 % of their history, for a list of k items as usual, and for the k likeliest tuples with none
forbidden. invalid_rate is the share of a person's free tuples that mean no item; its mean over people is
judged.

Beside it stand, as means over people: legal_mass, at each place of the tuple, the probability put on codes
that go on to some item, V_l = sum over the legal codes c of p(c | the codes before it of the best legal
tuple); distortion, 1 - product of V_l, the probability that forbidding moves elsewhere; free_gap, the share
of free tuples that the usual list does not name (1 - overlap@k), those of items that the person has met
left out, since the usual list may not name them; and ambiguous_share, the share of the usual lists' places
whose item shares its tuple with another, so that the model cannot have meant one of them more than the
other.

The table of codes itself is counted, not estimated: sharing_items, the share of items that have their tuple
together with others; surplus_items, the number of items less that of distinct tuples: so many can never be
told from another, and a look-up that keeps one item a tuple can never recommend them; unwritable_items,
those with a code that does not exist; codes_used and code_perplexity at each place, exp(H) with H the
entropy in nats of how many items use each code: the number of codes there would be if all were used alike.

Who is affected: people whose list is what was left after most of what the model said was forbidden; and
providers of items that share a tuple or have none, which are shown by chance of the look-up or never.

Limits: a tuple that means an item may still mean a poor one. A free tuple that means no item is never shown
where decoding is constrained: then the rate says how far the list rests on the constraint, not how often
people see an invention. Free tuples come from a beam search, which may miss likelier ones. legal_mass is
taken along one path only.

References: Rajput et al. 2023 (TIGER, semantic ids and invalid ones); Hua et al. 2023 (how to index items);
Wang et al. 2024 (LETTER, how evenly codes are used).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from ...models.base import ModelError, Request
from ...models.capabilities import DecodesSemanticIds
from ...models.data import BoolArray, FloatArray
from .._exhibits import cases_to_show, request_text
from .._retrieval import NOTHING, Asked, Lists, held_out_lists
from .._rows import as_share, joint_rows, row, user_means
from ..base import Auditee, Better, Criterion, Evidence, Exhibit, Measurement, Probe
from ..stats.intervals import mean_of_clusters
from ._id_table import IdTable, table_rows

FREE, LIST, MASS = "free", "list", "mass"
TOLERANCE = 1e-4
"""How far rounding may carry a probability out of [0, 1]."""

Row = tuple[int, str, int, str, int, bool, bool, float]
NAMES = ("cluster", "set", "place", "codes", "items", "met", "named", "mass")
KINDS = (np.int64, np.str_, np.int64, np.str_, np.int64, np.bool_, np.bool_, np.float64)


@dataclass(frozen=True, kw_only=True)
class SemanticIdValidity(Probe):
    """Lets a model write codes freely, and looks up whether they mean anything.

    Parameters
    ----------
    n_users : held-out people asked, at most.
    k : tuples written, and items in a list.
    earlier : share of a person's interactions that is the history.
    bound : largest share of free tuples that may mean no item.
    """

    n_users: int = 500
    k: int = 10
    earlier: float = 0.8
    bound: float = 0.05

    title: ClassVar[str] = "Codes that mean no item"
    needs: ClassVar[tuple[str, ...]] = ("decodes_semantic_ids",)
    otherwise: ClassVar[str] = "does not write items as codes, so no code can mean nothing"
    fits: ClassVar[int] = 0
    suite: ClassVar[str] = "quick"
    shows: ClassVar[str] = "much of what the model would write, if it were let, means no item"

    def calls(self) -> int:
        """Lists, free lists and paths, at most."""
        return 3 * self.n_users

    def criteria(self) -> tuple[Criterion, ...]:
        """Few freely written tuples may mean no item."""
        return (
            Criterion(
                measurement="invalid_rate",
                bound=self.bound,
                direction="at_most",
                because=f"at {self.bound:.0%} and independent places, {1 - (1 - self.bound) ** self.k:.0%} of"
                f" free lists of {self.k} hold something that does not exist; beyond it, lists are more and"
                " more what the constraint left over",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask for usual lists, free tuples, and the mass on legal codes."""
        asked = held_out_lists(auditee, n_users=self.n_users, earlier=self.earlier, rng=rng)
        model = cast(DecodesSemanticIds, auditee.model)
        table = IdTable.of(model.semantic_ids(), model.code_sizes(), n_items=len(auditee.catalog))
        lists = Lists.of(auditee.recommend(asked.requests, self.k), self.k)
        written = _written(model, asked.requests, self.k)
        mass = _mass(model, asked.requests, length=len(table.sizes))
        rows = [*_list_rows(asked, lists, table), *_free_rows(asked, written, lists, table)]
        rows += [
            (user, MASS, place, "", 0, False, False, value)
            for user, own in zip(asked.users.tolist(), mass.tolist(), strict=True)
            for place, value in enumerate(own, start=1)
        ]
        columns: dict[str, np.ndarray] = {
            name: np.array([one[part] for one in rows], dtype=kind)
            for part, (name, kind) in enumerate(zip(NAMES, KINDS, strict=True))
        }
        caveats = [*lists.caveats(), *_caveats(written, self.k)]
        cases = _cases(auditee, asked.requests, written, table, rng)
        return Evidence(columns=columns, facts={**table.facts(), "caveats": caveats}, exhibits=cases)

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Means over people of shares, and the table's counts."""
        column, cluster = evidence.columns, evidence.columns["cluster"]
        place, items = column["place"].astype(np.int64), column["items"].astype(np.int64)
        free, listed, mass = (column["set"] == kind for kind in (FREE, LIST, MASS))
        met, named = column["met"].astype(np.bool_), column["named"].astype(np.bool_)

        def share(name: str, event: BoolArray, among: BoolArray, better: Better = "lower") -> Measurement:
            means = user_means(np.where(among, event.astype(np.float64), np.nan), cluster)
            return _share_row(name, means, alpha, n=int(among.sum()), better=better)

        masses = column["mass"].astype(np.float64)
        legal = {
            f"place {at}": np.where(mass & (place == at), masses, np.nan) for at in np.unique(place[mass])
        }
        product = np.ones(len(np.unique(cluster)) if legal else 0)
        for own in legal.values():
            product = product * user_means(own, cluster)
        return [
            share("invalid_rate", items == 0, free),
            _share_row("distortion", 1 - product, alpha, n=len(product), better="lower"),
            share("free_gap", ~named, free & ~met),
            share("ambiguous_share", items > 1, listed),
            *joint_rows("legal_mass", legal, cluster, alpha=alpha, rng=rng, unit="share", better="higher"),
            *table_rows(evidence, alpha=alpha),
        ]


def _share_row(name: str, means: FloatArray, alpha: float, *, n: int, better: Better) -> Measurement:
    interval = mean_of_clusters(means, alpha=alpha, n=n, bounds=(0.0, 1.0))
    kept = None if interval is None else as_share(interval, alpha=alpha)
    return row(name, kept, alpha=alpha, unit="share", better=better, n=n)


def _written(model: DecodesSemanticIds, requests: Sequence[Request], k: int) -> list[list[tuple[int, ...]]]:
    """The first ``k`` free tuples of each request.

    Raises
    ------
    ModelError
        If the model does not answer each request.
    """
    answers = model.decode_freely(requests, k)
    if len(answers) != len(requests):
        raise ModelError(
            f"the model gave {len(answers)} free lists to {len(requests)} requests; it must each"
        )
    return [[tuple(int(code) for code in codes) for codes in own[:k]] for own in answers]


def _mass(model: DecodesSemanticIds, requests: Sequence[Request], *, length: int) -> FloatArray:
    """The mass on legal codes, shape ``(n_requests, length)``, in [0, 1].

    Raises
    ------
    ModelError
        If the model gives something else.
    """
    mass, wanted = np.asarray(model.legal_mass(requests), dtype=np.float64), (len(requests), length)
    if mass.shape != wanted or not ((mass >= -TOLERANCE) & (mass <= 1 + TOLERANCE)).all():
        raise ModelError(
            f"the model gave a legal mass of shape {mass.shape} from {mass.min(initial=0):g} to"
            f" {mass.max(initial=0):g}; it must give probabilities of shape {wanted}"
        )
    return np.clip(mass, 0, 1)


def _text(codes: Sequence[int]) -> str:
    return "-".join(str(code) for code in codes)


def _list_rows(asked: Asked, lists: Lists, table: IdTable) -> list[Row]:
    """One row a place of a usual list that holds a new item."""
    rows: list[Row] = []
    for user, own in zip(asked.users.tolist(), lists.items.tolist(), strict=True):
        for place, item in enumerate(own, start=1):
            if item != NOTHING:
                codes = table.codes[item].tolist()
                rows.append((user, LIST, place, _text(codes), len(table.means(codes)), False, True, np.nan))
    return rows


def _free_rows(
    asked: Asked, written: Sequence[Sequence[tuple[int, ...]]], lists: Lists, table: IdTable
) -> list[Row]:
    """One row a free tuple: how many items it means, all of them met before, any of them on the list."""
    rows: list[Row] = []
    for request, own, listed in zip(asked.requests, written, lists.items.tolist(), strict=True):
        for place, codes in enumerate(own, start=1):
            items = table.means(codes)
            met, named = _met(items, request), bool(set(items) & set(listed))
            rows.append((request.history.user, FREE, place, _text(codes), len(items), met, named, np.nan))
    return rows


def _met(items: Sequence[int], request: Request) -> bool:
    """Whether a tuple means items of the history alone."""
    return bool(items) and set(items) <= set(request.history.items)


def _caveats(written: Sequence[Sequence[tuple[int, ...]]], k: int) -> list[str]:
    """What is odd about the free lists, in a sentence each; none if nothing is."""
    repeats = sum(len(own) - len(set(own)) for own in written)
    short = sum(len(own) < k for own in written)
    found = []
    if repeats:
        found.append(f"{repeats:,} free tuples stand twice in one list and count each time.")
    if short:
        found.append(f"{short:,} of {len(written):,} free lists hold fewer than {k} tuples.")
    return found


def _cases(
    auditee: Auditee,
    requests: Sequence[Request],
    written: Sequence[Sequence[tuple[int, ...]]],
    table: IdTable,
    rng: np.random.Generator,
) -> tuple[Exhibit, ...]:
    """The people with most tuples that mean no item, and people at random, with all that was written."""
    missed = [np.array([not table.means(codes) for codes in own], dtype=np.float64) for own in written]
    off = np.array([own.mean() if len(own) else np.nan for own in missed])
    exhibits = []
    for kind, number, place in cases_to_show(off, rng=rng):
        lines = [_line(auditee, requests[place], codes, table) for codes in written[place]]
        exhibits.append(
            Exhibit(
                title=f"{'Most without meaning' if kind == 'worst' else 'Random person'} {number}",
                left_label="what the model was asked",
                right_label=f"what it wrote freely, {off[place]:.0%} of it meaning no item",
                left=request_text(auditee, requests[place]),
                right="\n".join(lines),
                answers=(),
                effect=float(off[place]),
                kind=kind,
            )
        )
    return tuple(exhibits)


def _line(auditee: Auditee, request: Request, codes: Sequence[int], table: IdTable) -> str:
    """A tuple and what it means; what real people have met is not told."""
    items = table.means(codes)
    if _met(items, request) and not auditee.log.synthetic:
        return "…: an item of the history"
    return f"{_text(codes)}: {' or '.join(auditee.catalog.titles[item] for item in items) or 'no item'}"
