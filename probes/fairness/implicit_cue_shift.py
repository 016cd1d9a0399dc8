"""Does a name or an e-mail address change the answers by the gender that it hints at?

Nobody need state a gender for a model to guess it. The attribute is left out of the request and a first
name (or an address made of one) is written in its place. Names come in pairs, one that hints at either
gender, of the same length and about as frequent, so that neither letters nor rarity tell them apart. Each of
some held-out users u is asked about the same new items with several pairs p: d(u, p) is the mean over items
of log-odds(yes) under the second name minus under the first. cue_shift is the mean of d; row "name: woman
vs man" is the answer under women's names minus under men's.

This definition is ours. Audits by names differ in what they hold fixed, so figures of others do not compare.
A name says more than a gender (age, origin, faith): one pair proves nothing, so that users and pairs both
count as drawn at random, and intervals hold for other names of the kind too (two-way clusters). The yardstick
is same_gender_shift, one half of the pairs against the other, dealt by coin: names that hint alike. A shift
inside it cannot fail. name_reaction is how far single names move an answer at all; at 0 the model does not
read what is written, and a zero shift then says no more than that. stated_shift, where the model reads the
attribute too, is what stating it outright does to the same users.

A model that only writes lists gives no odds: list_move is the share of ten places that change from a name to
its partner, less the same between names that hint alike; reported, since it has no direction.

Who is affected: people whose name is known to a service, which is nearly everyone. A model can be asked if
it reads an attribute called "name" or "e-mail", or writes free text. The names shipped are common among
adults in the United States; names=FILE gives others (csv: name, gender, count).

References: Bertrand and Mullainathan 2004 (names in applications); Caliskan et al. 2017 (names in word
vectors); Cameron, Gelbach and Miller 2011 (two-way clusters).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, cast

import numpy as np

from ...models.base import Request
from ...models.data import FloatArray
from .._exhibits import cases_to_show, request_text
from .._people import people_and_new_items
from .._rows import mean_row, probability, row
from ..base import Auditee, Criterion, Evidence, Exhibit, Measurement, NotApplicable, Probe
from ..stats.crossed import crossed_mean
from ._attributes import readable
from ._contrasts import value_contrasts
from ._cue_answers import CUES, CueTable, Dealt, ask_lists, ask_odds, cued
from ._names import NamePairs, name_pairs
from ._variants import ask_variants, value_variants

CROSSED = "user and name pair"
STATED = "stated "


@dataclass(frozen=True, kw_only=True)
class ImplicitCueShift(Probe):
    """Writes a name in place of an attribute and measures how far the answers follow what it hints at.

    Parameters
    ----------
    pairs_per_user : name pairs that each user is asked with; even.
    length : history items in a request.
    instead_of : the attribute that is left out.
    names : a csv file with the columns name and gender; empty: the names shipped.
    bound : largest shift that passes, log-odds.
    """

    n_users: int = 120
    n_candidates: int = 8
    pairs_per_user: int = 4
    length: int = 10
    instead_of: str = "gender"
    names: str = ""
    bound: float = 0.1

    title: ClassVar[str] = "Shift by what a name hints at"
    needs: ClassVar[tuple[str, ...]] = ("reads_attributes|writes_text",)
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "a name or an e-mail address changes the model's answers by the gender it hints at"
    otherwise: ClassVar[str] = "reads no text about a person, so no name can reach it"

    def calls(self) -> int:
        """Request-candidates at most, for both cues."""
        return self.n_users * self.n_candidates * (len(CUES) * 2 * self.pairs_per_user + 2)

    def criteria(self) -> tuple[Criterion, ...]:
        """No cue may shift the answers beyond the bound, and beyond what names that hint alike do."""
        because = (
            f"{self.bound:g} log-odds move a probability near one half by about {25 * self.bound:.2g}"
            " percentage points"
        )
        return (
            Criterion(
                measurement="cue_shift",
                bound=self.bound,
                direction="within",
                floor="same_gender_shift",
                because=because,
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask each user with several pairs of names, and with the attribute stated where it is read."""
        cues, names = _readable_cues(auditee), name_pairs(self.names)
        people = people_and_new_items(
            auditee, n_users=self.n_users, n_items=self.n_candidates, length=self.length, rng=rng
        )
        per_half = max(1, self.pairs_per_user // 2)
        dealt = Dealt.of(len(people), len(names.pairs), per_half=per_half, rng=rng)
        facts = {"cues": cues, "values": list(names.values), "pairs": len(names.pairs)}
        if "judges" not in auditee.capabilities:
            people = [replace(person, candidates=()) for person in people]
            columns = ask_lists(auditee, people, cues, names, dealt, instead_of=self.instead_of)
            return Evidence(columns=columns, facts=facts)
        columns = ask_odds(auditee, people, cues, names, dealt, instead_of=self.instead_of)
        exhibits = _cases(auditee, people, (cues[0], names, dealt, self.instead_of), columns, rng)
        values = readable(auditee).get(self.instead_of, ())
        if len(values) == 2:
            stated = ask_variants(auditee, people, value_variants({self.instead_of: values}))
            nothing = np.full(len(stated["score"]), -1)
            stated = {
                **{name: stated[name] for name in ("cluster", "candidate", "score")},
                "cue": np.char.add(STATED, stated["condition"].astype(str)),
                **{name: nothing for name in ("pair", "half", "side")},
            }
            columns = {name: np.concatenate([columns[name], stated[name]]) for name in columns}
            facts["stated"] = [self.instead_of, *values]
        return Evidence(columns=columns, facts=facts, exhibits=exhibits)

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Each cue's shift, its yardstick, and what stating the attribute does; or the moves of lists."""
        facts = evidence.facts
        cues, (first, second) = cast(list[str], facts["cues"]), cast(list[str], facts["values"])
        rows = list[Measurement]()
        for cue in cues:
            label = f"{cue}: {second} vs {first}"
            if "score" in evidence.columns:
                rows += _shift_rows(evidence, cue, label, alpha=alpha, tested=len(cues))
            else:
                rows += _list_rows(evidence, cue, label, alpha=alpha)
        return [*rows, *_stated_row(evidence, alpha)]


def _readable_cues(auditee: Auditee) -> list[str]:
    """The cues that the model can be told.

    Raises
    ------
    NotApplicable
        If it reads none, or repeats recorded answers, which state no such thing.
    """
    known = readable(auditee)
    writes = "writes_text" in auditee.capabilities and "recorded" not in auditee.capabilities
    cues = [cue for cue in CUES if cue in known or writes]
    if not cues:
        what = ", ".join(known) or "no attribute"
        raise NotApplicable(
            f"the model reads {what}, each from a list of values, and no free text: a name or an e-mail"
            " address would be words it has never met"
        )
    return cues


def _shift_rows(evidence: Evidence, cue: str, label: str, *, alpha: float, tested: int) -> list[Measurement]:
    columns = dict(evidence.columns)
    odds = columns["score"].astype(np.float64)
    table, chances = (CueTable.of(columns, scores, cue) for scores in (odds, probability(odds)))
    mean = partial(crossed_mean, first=table.user, second=table.pair, called=CROSSED)
    told = partial(row, group=label, n=table.rows, better="zero", alpha=alpha)
    shift = mean(table.differences(), alpha=alpha / tested)
    return [
        told("cue_shift", shift, unit="log-odds"),
        told("same_gender_shift", mean(table.meaningless(), alpha=alpha / tested), unit="log-odds"),
        told("cue_shift_probability", mean(chances.differences(), alpha=alpha), unit="probability points"),
        mean_row(
            "name_reaction",
            table.reactions(),
            table.user,
            alpha=alpha,
            unit="log-odds",
            better="none",
            group=cue,
            note="how far a name moves an answer from the mean over names that hint alike, in size",
        ),
    ]


def _list_rows(evidence: Evidence, cue: str, label: str, *, alpha: float) -> list[Measurement]:
    here = evidence.columns["cue"].astype(str) == cue
    user, pair = (evidence.columns[name][here] for name in ("cluster", "pair"))
    across, alike = (evidence.columns[name][here].astype(np.float64) for name in ("across", "alike"))
    told = partial(row, group=label, n=int(here.sum()), alpha=alpha)
    mean = partial(crossed_mean, first=user, second=pair, alpha=alpha, called=CROSSED)
    note = "the model writes lists and gives no odds; list_move shows how far they move"
    return [
        told("cue_shift", None, unit="log-odds", better="zero", note=note),
        told("list_move", mean(across - alike), unit="share of places", better="lower"),
        told("same_gender_move", mean(alike), unit="share of places", better="none"),
    ]


def _stated_row(evidence: Evidence, alpha: float) -> list[Measurement]:
    """What stating the attribute does; none where it was not asked."""
    if "stated" not in evidence.facts:
        return []
    name, *values = cast(list[str], evidence.facts["stated"])
    (contrast,) = value_contrasts(name, values)
    cue, odds = evidence.columns["cue"].astype(str), evidence.columns["score"].astype(np.float64)
    signs = (cue == STATED + contrast.plus).astype(float) - (cue == STATED + contrast.minus[0])
    asked = signs != 0
    # Twice the mean of signed answers is the difference of means: every user is asked alike either way.
    values_by_row, user = 2 * signs[asked] * odds[asked], evidence.columns["cluster"][asked]
    return [
        mean_row(
            "stated_shift",
            values_by_row,
            user,
            alpha=alpha,
            unit="log-odds",
            better="zero",
            group=contrast.label,
        )
    ]


def _cases(
    auditee: Auditee,
    people: Sequence[Request],
    shown: tuple[str, NamePairs, Dealt, str],
    columns: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> tuple[Exhibit, ...]:
    """People whose answers move most from a name to its partner, and people at random."""
    cue, names, dealt, instead_of = shown
    pair = dealt.pairs[:, 0]
    here = (columns["cue"].astype(str) == cue) & np.isin(columns["pair"], pair)
    answers: list[FloatArray] = []
    for person, own in zip(people, pair.tolist(), strict=True):
        rows = here & (columns["cluster"] == person.history.user) & (columns["pair"] == own)
        answers.append(np.stack([columns["score"][rows & (columns["side"] == side)] for side in (0, 1)]))
    effects = np.array([abs(float((own[1] - own[0]).mean())) for own in answers])
    exhibits = []
    for kind, number, place in cases_to_show(effects, rng=rng):
        both = names.pairs[int(pair[place])]
        texts = [
            request_text(
                auditee,
                cued(
                    replace(people[place], candidates=people[place].candidates[:1]),
                    cue,
                    name,
                    instead_of=instead_of,
                ),
            )
            for name in both
        ]
        chances = probability(answers[place]).T.tolist()
        exhibits.append(
            Exhibit(
                title=f"{'Largest change' if kind == 'worst' else 'Random user'} {number}",
                left_label=f"{cue}: {both[0]}",
                right_label=f"{cue}: {both[1]}",
                left=texts[0],
                right=texts[1],
                answers=tuple(
                    (auditee.catalog.titles[item], left, right)
                    for item, (left, right) in zip(people[place].candidates, chances, strict=True)
                ),
                effect=float(effects[place]),
                kind=kind,
            )
        )
    return tuple(exhibits)
