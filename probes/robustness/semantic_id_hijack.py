"""Can an item get the codes of a popular one by a few words in its own text?

Models that write items as codes make the codes from what is said of each item, so that items alike begin
alike: who shares the first codes with a popular item is written, shown and learnt together with it. Here
some unpopular items i are each paired with a popular item p of another first code. Up to `budget` words of p
are added to i's text, one after another, each time the word that makes i share most leading codes with p,
or, where none does, that brings i's vector closest to p's; the text is coded anew. hijack_rate is, for each
l, the share of items that then share the first l codes with p; random_rate the same with as many random
words of the catalogue; hijack_gain = hijack_rate - random_rate, over the same items. The gain at the first
`level` codes carries the verdict. cosine_gain is how much closer vectors came, by cosine.

Beside it, how far an item is from another first code without any words: with c_1 the nearest centre of first
codes, d_k the distance to centre c_k, boundary_distance = min over k of (d_k^2 - d_1^2)/(2 |c_1 - c_k|), no
change of the vector shorter than that changes the code; word_move, how far one random word moves a vector;
and within_one_word, the share of items whose boundary is nearer than their own word moved them.

Threat model: a provider who edits the words of own items, knows the texts of popular ones, and may ask the
encoder what codes a text would get. Affected: providers of honestly described items, and people who are shown
the best-worded item. Limits: greedy additions to the text alone; taking words away, or writing for another
popular item, could do more. That codes are shared does not by itself show the item: what the model was
trained on counts as well. Where a last code was dealt out so that items do not share it, the code here is
the nearest. A digit that only parts twins is left out. Intervals count items; nobody is asked.

References: Rajput et al. 2023 (semantic ids from texts); Lee et al. 2022 (residual quantisation); the
distance to a boundary between nearest centres is elementary geometry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, cast

import numpy as np

from ...models.capabilities import DecodesSemanticIds, EncodesText
from ...models.data import FloatArray
from .._exhibits import cases_to_show
from .._retrieval import most_met
from .._rows import as_share, row
from ..base import Auditee, Better, Criterion, Evidence, Exhibit, Measurement, NotApplicable, Probe
from ..stats.intervals import mean_of_clusters
from ._rewording import Encoder, Pair, at_random, reworded, robust_radius

MEANT, RANDOM = "words of the other item", "random words"
NAMES = ("cluster", "words", "attack", "added", "shared", "cosine", "radius", "moved")


@dataclass(frozen=True, kw_only=True)
class SemanticIdHijack(Probe):
    """Adds a popular item's words to unpopular items and looks at the codes they then get.

    Parameters
    ----------
    n_items : items whose words are added to, at most.
    budget : words added to each.
    level : how many leading codes count for the verdict.
    popular : the share of items, most met first, that are popular; the others are attacked.
    bound : largest gain over random words that passes, probability points.
    """

    n_items: int = 300
    budget: int = 3
    level: int = 2
    popular: float = 0.05
    bound: float = 0.1

    title: ClassVar[str] = "Codes taken over by words"
    needs: ClassVar[tuple[str, ...]] = ("decodes_semantic_ids", "encodes_text")
    otherwise: ClassVar[str] = "does not make items' codes from their words, so no words can take codes over"
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "a few words in its text give an item the codes of a popular one"

    def calls(self) -> int:
        """Texts encoded, about, with ten words in each."""
        return self.n_items * self.budget * 11

    def criteria(self) -> tuple[Criterion, ...]:
        """Few items may get a popular item's codes."""
        return (
            Criterion(
                measurement="hijack_gain",
                bound=self.bound,
                direction="at_most",
                group=_codes(self.level),
                because=f"beyond it, {self.budget} words of a popular item give more than"
                f" {100 * self.bound:g} of 100 items its {_codes(self.level)}, which random words do not",
            ),
        )

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Add words, encode, and compare codes."""
        model = cast(EncodesText, auditee.model)
        encoder = Encoder.of(model, cast(DecodesSemanticIds, auditee.model).semantic_ids())
        pairs = self._pairs(auditee, encoder, rng)
        meant = reworded(encoder, pairs, self.budget)
        random = at_random(encoder, pairs, [len(own) - 1 for own in meant], rng)
        rows = [
            line
            for kind, texts in ((MEANT, meant), (RANDOM, random))
            for line in _lines(encoder, pairs, texts, kind)
        ]
        columns = {name: np.array(own) for name, own in zip(NAMES, zip(*rows, strict=True), strict=True)}
        facts = {"length": encoder.ids.shape[1], "items": len(pairs), "budget": self.budget}
        return Evidence(
            columns=columns, facts=facts, exhibits=_cases(auditee, encoder, pairs, meant, columns, rng)
        )

    def _pairs(self, auditee: Auditee, encoder: Encoder, rng: np.random.Generator) -> list[Pair]:
        """Less met items, each with a popular one of another first code, both drawn at random."""
        counts = auditee.log.only(auditee.population.members).item_counts
        head, first = most_met(counts, self.popular), encoder.ids[:, 0]
        famous, others = np.flatnonzero(head), np.flatnonzero(~head)
        pairs: list[Pair] = []
        for item in rng.permutation(others).tolist():
            unlike = famous[first[famous] != first[item]]
            if len(unlike) and len(pairs) < self.n_items:
                pairs.append(Pair(item, int(rng.choice(unlike))))
        if not pairs:
            raise NotApplicable(
                "no popular item has another first code than the others, so nothing can be taken"
            )
        return pairs

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """Shares of items whose codes changed so, against random words, and distances."""
        meant, random = (_last(evidence, kind) for kind in (MEANT, RANDOM))
        found, length = [], int(str(evidence.facts["length"]))
        for name, better in (("hijack_gain", "lower"), ("hijack_rate", "lower"), ("random_rate", "none")):
            for level in range(1, length + 1):
                hit, chance = ((rows["shared"] >= level).astype(np.float64) for rows in (meant, random))
                values = {"hijack_gain": hit - chance, "hijack_rate": hit, "random_rate": chance}[name]
                found.append(_row(name, values, alpha, better=better, group=_codes(level)))
        for kind, rows in ((MEANT, meant), (RANDOM, random)):
            gained = rows["cosine"] - _column(evidence, kind, "cosine", 0)
            found.append(_row("cosine_gain", gained, alpha, unit="cosine", better="none", group=kind))
        radius, moved = (_column(evidence, RANDOM, name, 1) for name in ("radius", "moved"))
        crossed = (radius < moved).astype(np.float64)
        return [
            *found,
            _row("boundary_distance", radius, alpha, unit="distance", better="higher"),
            _row("word_move", moved, alpha, unit="distance", better="none"),
            _row("within_one_word", crossed, alpha, unit="share", better="lower"),
        ]


def _codes(level: int) -> str:
    return "first code" if level == 1 else f"first {level} codes"


def _lines(
    encoder: Encoder, pairs: Sequence[Pair], texts: Sequence[Sequence[str]], kind: str
) -> list[tuple[int, str, int, int, int, float, float, float]]:
    """One row a text: words added, leading codes shared, cosine, distances of the item and of the move."""
    radius = robust_radius(
        encoder.vectors[[pair.item for pair in pairs]], np.asarray(encoder.model.first_code_vectors())
    )
    owners = [place for place, own in enumerate(texts) for _ in own]
    added = [count for own in texts for count in range(len(own))]
    others = np.array([pairs[place].other for place in owners])
    shared, cosine, vectors = encoder.reading([text for own in texts for text in own], others)
    moved = np.linalg.norm(vectors - encoder.vectors[[pairs[place].item for place in owners]], axis=1)
    # Rows belong to items and to nobody, so that all name the same position.
    return [
        (0, kind, *line)
        for line in zip(
            owners,
            added,
            shared.tolist(),
            cosine.tolist(),
            radius[owners].tolist(),
            moved.tolist(),
            strict=True,
        )
    ]


def _column(evidence: Evidence, kind: str, name: str, added: int) -> FloatArray:
    """A number of each attack after so many words, shape ``(n_items,)``; NaN where words ran out."""
    column = evidence.columns
    attack = column["attack"].astype(np.int64)
    here = (column["words"] == kind) & (column["added"] == added)
    values = np.full(int(attack.max(initial=-1)) + 1, np.nan)
    values[attack[here]] = column[name][here]
    return values


def _last(evidence: Evidence, kind: str) -> dict[str, FloatArray]:
    """Each attack's figures with all its words added, shape ``(n_items,)`` each."""
    column = evidence.columns
    here = np.flatnonzero(column["words"] == kind)
    order = here[np.lexsort((column["added"][here], column["attack"][here]))]
    attack = column["attack"][order]
    last = order[np.append(np.diff(attack) != 0, True)] if len(order) else order
    return {name: column[name][last].astype(np.float64) for name in ("shared", "cosine")}


def _row(
    name: str,
    values: FloatArray,
    alpha: float,
    *,
    unit: str = "",
    better: str,
    group: str = "overall",
) -> Measurement:
    """A mean over items."""
    gain = name == "hijack_gain"
    share = name in ("hijack_rate", "random_rate", "within_one_word")
    bounds = (-1.0, 1.0) if gain else (0.0, 1.0) if share else None
    interval = mean_of_clusters(values, alpha=alpha, bounds=bounds)
    if interval is not None:
        interval = as_share(interval, alpha=alpha) if share else interval
        interval = replace(interval, method="mean over items, t")
    return row(
        name,
        interval,
        alpha=alpha,
        unit=unit or ("probability points" if gain else "share"),
        better=cast(Better, better),
        n=int((~np.isnan(values)).sum()),
        group=group,
    )


def _cases(
    auditee: Auditee,
    encoder: Encoder,
    pairs: Sequence[Pair],
    texts: Sequence[Sequence[str]],
    columns: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> tuple[Exhibit, ...]:
    """Items that came to share most codes, and items at random, with the words that did it."""
    shared = _last(Evidence(columns=columns), MEANT)["shared"]
    exhibits = []
    for kind, number, place in cases_to_show(shared, rng=rng):
        pair, changed = pairs[place], texts[place][-1]
        codes = encoder.model.codes_of(encoder.model.text_vectors([changed]))[0]
        exhibits.append(
            Exhibit(
                title=f"{'Most codes taken' if kind == 'worst' else 'Random item'} {number}:"
                f" {auditee.catalog.titles[pair.item]}, for {auditee.catalog.titles[pair.other]}",
                left_label=f"its text, codes {_text(encoder.ids[pair.item])}",
                right_label=f"with words added, codes {_text(codes)};"
                f" wanted: {_text(encoder.ids[pair.other])}",
                left=encoder.texts[pair.item],
                right=changed,
                answers=(),
                effect=float(shared[place]),
                kind=kind,
            )
        )
    return tuple(exhibits)


def _text(codes: np.ndarray) -> str:
    return "-".join(str(code) for code in codes)
