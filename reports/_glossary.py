"""The words of a report that not every reader knows, each explained in a sentence or two."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ._text import plain_name
from .record import AuditRecord


@dataclass(frozen=True)
class Term:
    """A word with its explanation; ``always`` if every report uses it."""

    name: str
    meaning: str
    always: bool = False

    @property
    def anchor(self) -> str:
        """Its address on the page."""
        return "term-" + re.sub(r"\W+", "-", self.name.lower()).strip("-")


GLOSSARY: tuple[Term, ...] = (
    Term(
        "Adjusted p",
        "How surprising an effect this far beyond its bound would be if the truth lay at the bound, counted "
        "over all bounds of the judged checks. Small means beyond the bound.",
        always=True,
    ),
    Term("AUC", "How often a score ranks a random positive case above a random negative one; 0.5 is chance."),
    Term("Bound", "The largest effect that was declared acceptable before the run.", always=True),
    Term("DP", "Differential privacy: noise added in training so that one record can change little."),
    Term("ECE", "Expected calibration error: the average gap between stated confidence and what happened."),
    Term(
        "Effect", "What a check measures: a difference, a rate or an error, in the unit given.", always=True
    ),
    Term(
        "Evidence",
        "The table of everything that was asked and answered. Each figure can be computed from it again.",
        always=True,
    ),
    Term("Fail", "The whole interval lies beyond the bound.", always=True),
    Term(
        "Floor",
        "What changes without a meaning do to this model: a placebo (an attribute that says nothing) or a "
        "paraphrase (the same request in other words). An effect inside it cannot fail.",
    ),
    Term("FPR", "False positive rate: the share of negative cases that are called positive."),
    Term(
        "Hash", "A fingerprint of a file or setting (sha256): equal fingerprints, equal content.", always=True
    ),
    Term("Inconclusive", "The interval contains the bound: this sample cannot decide.", always=True),
    Term("Interval", "The range of effects that the sample cannot rule out.", always=True),
    Term("Invalid", "The method did not pass its own check in this run, so it decides nothing.", always=True),
    Term("LoRA", "Low-rank adaptation: training a small addition to a large model that stays as it is."),
    Term("NDCG", "How well a ranked list puts the right items first; 1 is the best order."),
    Term("Not asked", "The model or data lacks what the question needs. It is not a pass.", always=True),
    Term("Pass", "The whole interval lies inside the bound.", always=True),
    Term("Positive control", "A planted effect that the method has to find before it may judge."),
    Term("Reported", "Measured, but no bound was fixed before the run, so nothing is judged.", always=True),
    Term("Seed", "The number that all chance in a run is drawn from; the same seed repeats it.", always=True),
    Term(
        "Smallest visible effect",
        "The smallest true effect that a sample of this size would have found four times out of five.",
    ),
    Term("TPR", "True positive rate: the share of positive cases that are called positive."),
    Term(
        "Users", "Independent people behind a number; several answers of one person count once.", always=True
    ),
    Term("Validity check", "Something that must hold before a verdict of this method means anything."),
)
_ABBREVIATIONS = {
    term.name: term for term in GLOSSARY if term.name.upper() == term.name or term.name == "LoRA"
}
_PATTERN = re.compile(rf"\b({'|'.join(_ABBREVIATIONS)})\b")


def linked(text: str) -> list[tuple[str, str]]:
    """Split a text at abbreviations: (words, "") and (abbreviation, its address in the glossary)."""
    parts = _PATTERN.split(text)
    return [
        (part, _ABBREVIATIONS[part].anchor if place % 2 else "") for place, part in enumerate(parts) if part
    ]


def glossary(record: AuditRecord) -> tuple[Term, ...]:
    """The terms that this report uses."""
    used = set(_PATTERN.findall(_prose(record)))
    verdicts = [verdict for finding in record.findings for verdict in finding.verdicts]
    roles = {verdict.criterion.role for verdict in verdicts}
    rows = [row for finding in record.findings for row in finding.measurements]
    used |= {"Floor"} if any(verdict.criterion.floor for verdict in verdicts) else set()
    used |= {"Validity check"} if "validity" in roles else set()
    used |= {"Positive control"} if "control" in roles else set()
    used |= {"Smallest visible effect"} if any(row.detectable is not None for row in rows) else set()
    return tuple(term for term in GLOSSARY if term.always or term.name in used)


def _prose(record: AuditRecord) -> str:
    """Every text of a record in which abbreviations are linked."""
    texts = [record.model.base, record.model.simplified, *record.data.notes]
    for finding in record.findings:
        text = finding.text
        texts += [text.question, text.method, finding.not_asked, *finding.caveats]
        for row in finding.measurements:
            texts += [plain_name(row.name), row.group, row.unit, row.method, row.note]
        texts += [verdict.criterion.because for verdict in finding.verdicts]
    return "\n".join(texts)
