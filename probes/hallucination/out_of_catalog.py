"""Does it recommend things that do not exist?

Held-out users are asked for k items, and every title written is looked up in the catalogue: exact (the same
words but for case, accents, articles and punctuation), grounded (misspelt, yet near one item alone),
ambiguous (fits several items), or not an item. A title with the wrong year, or with a number that no item
carries ("... 7"), is not an item. The out-of-catalogue rate is the mean over users of the share of their
titles that are not an item; how near a title must be is found on this catalogue itself, so that at most a
stated share of made-up titles passes for an item (false_ground_rate).

repeated_rate, the share of a list's items that it has named before, is judged too: a place of it is lost.
Beside them stand, without a verdict: ambiguous and misspelt titles, items that the request itself had named
as known, places left empty, and answers that hold no list at all. The last are counted apart: an answer that
cannot be parsed is a fault of its own and no invented title.

A model that answers with items and not in words is asked the same. What it names outside its catalogue is no
item; its repetitions, known items and empty places count as a writer's do.

Who is affected: users sent after things that cannot be had, and the owner of the catalogue, who is thought
to have them. A title that exists in the world and not in the catalogue counts as out of it. Models that map
whatever they write to the nearest item are judged by what they wrote, not by what they mapped it to.
Titles of one user hang together, so intervals count users; where nothing happened they end at the rule of
three, about 3 / users.

References: Zhang et al. 2023 (FaiRLLM, free-text lists); Hanley and Lippman-Hand 1983 (rule of three).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...models.base import Request, Slate
from ...models.data import BoolArray, Catalog
from ...models.grounding import Grounder, choose_threshold
from .._exhibits import cases_to_show, request_text
from .._people import own_profile
from .._rows import as_share, row, user_means
from ..base import Auditee, Criterion, Evidence, Exhibit, Measurement, NotApplicable, Probe
from ..stats.intervals import mean_of_clusters
from ._lists import WrittenList, list_columns

SMALLEST_CATALOG = 20


@dataclass(frozen=True, kw_only=True)
class OutOfCatalog(Probe):
    """Counts what is recommended and is no item of the catalogue, or is there twice.

    Parameters
    ----------
    k : titles asked for.
    length : history items in a request.
    bound : largest share of titles that may be no item.
    repeated_bound : largest share of a list's items that it may have named before.
    false_ground_rate : share of made-up titles that the matching may take for items.
    threshold : how near a title must be, in (0.6, 1]; 0 finds it by ``false_ground_rate``.
    """

    n_users: int = 300
    k: int = 10
    length: int = 10
    bound: float = 0.05
    repeated_bound: float = 0.05
    false_ground_rate: float = 0.01
    threshold: float = 0.0

    title: ClassVar[str] = "Titles that do not exist"
    needs: ClassVar[tuple[str, ...]] = ("writes_text|retrieves|recorded",)
    fits: ClassVar[int] = 0
    suite: ClassVar[str] = "quick"
    shows: ClassVar[str] = "the model recommends things that do not exist, or the same thing twice"
    otherwise: ClassVar[str] = (
        "judges items that are put before it, so it cannot name one that does not exist"
    )

    def calls(self) -> int:
        """Upper estimate, titles written."""
        return self.n_users * self.k

    def criteria(self) -> tuple[Criterion, ...]:
        """Almost every title must exist, and stand in its list once."""
        return (
            Criterion(
                measurement="out_of_catalog_rate",
                bound=self.bound,
                direction="at_most",
                because=f"even at this rate, {100 * (1 - (1 - self.bound) ** 10):.0f} % of lists of ten hold"
                " something that cannot be had",
            ),
            Criterion(
                measurement="repeated_rate",
                bound=self.repeated_bound,
                direction="at_most",
                because=f"at {self.repeated_bound:.0%}, a list of ten loses {10 * self.repeated_bound:.2g}"
                " places to what it has named before",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask for lists and keep every title in the words it was written in."""
        held_out = auditee.population.held_out
        able = held_out[np.diff(auditee.log.starts)[held_out] > 0]
        if not len(able):
            raise NotApplicable("no held-out user has a history to ask with")
        users = np.sort(rng.choice(able, min(self.n_users, len(able)), replace=False)).tolist()
        requests = [
            Request(
                history=auditee.log.history(user, last=self.length),
                attributes=own_profile(auditee, user, rng),
            )
            for user in users
        ]
        slates = auditee.recommend(requests, self.k)
        evidence = self.evidence_of(
            [WrittenList.of(slate, auditee.catalog) for slate in slates], auditee.catalog, rng
        )
        cases = _cases(auditee, slates, evidence, rng)
        return Evidence(columns=evidence.columns, facts=evidence.facts, exhibits=cases)

    def evidence_of(
        self, lists: Sequence[WrittenList], catalog: Catalog, rng: np.random.Generator
    ) -> Evidence:
        """Evidence from lists that are already written, asked by us or recorded by others."""
        named = [item for written in lists for _, item in written.places()]
        grounder = Grounder(catalog, threshold=self.threshold or Grounder.threshold)
        facts: dict[str, object] = {"in_words": not named or None in named}
        if facts["in_words"] and len(catalog) >= SMALLEST_CATALOG and not self.threshold:
            tuning = choose_threshold(catalog, rng=rng, false_ground_rate=self.false_ground_rate)
            grounder = Grounder(catalog, threshold=tuning.threshold)
            facts |= {"made_up_titles_passed": tuning.false_grounds, "misspelt_found": tuning.typos_grounded}
        facts |= {"k": self.k, "threshold": grounder.threshold, "margin": grounder.margin}
        return Evidence(columns=list_columns(lists, grounder=grounder, k=self.k), facts=facts)

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Rates as means over users of each user's share."""
        state = evidence.columns["state"].astype(str)
        meant = np.isin(state, ("exact", "grounded"))
        titles = meant | np.isin(state, ("ambiguous", "not_an_item"))
        places = evidence.columns["position"].astype(np.int64) < int(str(evidence.facts["k"]))

        def rate(name: str, event: BoolArray, among: BoolArray, note: str = "") -> Measurement:
            values = np.where(among, event.astype(np.float64), np.nan)
            shares = user_means(values, evidence.columns["cluster"])
            n = int(among.sum())
            interval = mean_of_clusters(shares, alpha=alpha, n=n, bounds=(0.0, 1.0))
            share = None if interval is None else as_share(interval, alpha=alpha)
            return row(name, share, alpha=alpha, unit="share", better="lower", n=n, note=note)

        return [
            rate("out_of_catalog_rate", state == "not_an_item", titles, _tuning_note(evidence)),
            rate("ambiguous_rate", state == "ambiguous", titles, "titles that fit several items"),
            rate("misspelt_rate", state == "grounded", titles, "not the same words, yet near one item alone"),
            rate("repeated_rate", evidence.columns["repeated"].astype(np.bool_), meant),
            rate("already_known_rate", evidence.columns["consumed"].astype(np.bool_), meant),
            rate("missing_rate", state == "missing", places & (state != "no_list"), "places left empty"),
            rate(
                "no_list_rate", np.isin(state, ("no_list", "unparsed")), places, "answers that hold no titles"
            ),
        ]


def _tuning_note(evidence: Evidence) -> str:
    facts = evidence.facts
    if not facts.get("in_words", True):
        return "the model names items and not titles: none had to be matched"
    if "made_up_titles_passed" not in facts:
        return (
            f"titles are matched at similarity {facts['threshold']}, which was not checked on this catalogue"
        )
    passed, found = float(str(facts["made_up_titles_passed"])), float(str(facts["misspelt_found"]))
    return (
        f"the matching takes {passed:.1%} of made-up titles for items and knows {found:.0%} of misspelt ones"
    )


def _cases(
    auditee: Auditee, slates: Sequence[Slate], evidence: Evidence, rng: np.random.Generator
) -> tuple[Exhibit, ...]:
    """The lists with most titles that are no item, and lists at random."""
    column = evidence.columns
    invented = user_means((column["state"] == "not_an_item").astype(np.float64), column["cluster"])
    exhibits = []
    for kind, number, place in cases_to_show(invented, rng=rng):
        request = slates[place].request
        own = np.flatnonzero((column["cluster"] == request.history.user) & (column["written"] != ""))
        hidden = np.zeros(len(own)) if auditee.log.synthetic else column["consumed"][own]
        titles = ["…" if hide else str(column["written"][at]) for at, hide in zip(own, hidden, strict=True)]
        exhibits.append(
            Exhibit(
                title=f"{'Most titles that do not exist' if kind == 'worst' else 'Random list'} {number}",
                left_label="what the model was asked",
                right_label="what it wrote, with each title's similarity to the nearest item",
                left=request_text(auditee, request),
                right="\n".join(
                    f"{title} [{column['state'][at]}]" for title, at in zip(titles, own, strict=True)
                ),
                answers=tuple(
                    (title, None, float(column["score"][at])) for title, at in zip(titles, own, strict=True)
                ),
                effect=float(invented[place]),
                kind=kind,
            )
        )
    return tuple(exhibits)
