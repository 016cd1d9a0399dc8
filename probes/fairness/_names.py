"""First names that hint at a gender, in pairs of one length and about one frequency."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from ...models.data import DataError

OWN_PAIRS = (
    *(("Mark", "Mary"), ("Paul", "Lisa"), ("Alan", "Anne"), ("Sean", "Joan"), ("Carl", "Ruth")),
    *(("Joel", "Judy"), ("Kevin", "Linda"), ("Scott", "Karen"), ("Brian", "Susan"), ("Peter", "Laura")),
    *(("Frank", "Diane"), ("Jason", "Nancy"), ("Keith", "Janet"), ("George", "Sandra")),
    *(("Dennis", "Sharon"), ("Gerald", "Amanda"), ("Justin", "Nicole"), ("Walter", "Rachel")),
    *(("Kenneth", "Barbara"), ("Gregory", "Deborah"), ("Douglas", "Rebecca"), ("Patrick", "Melissa")),
    *(("Jonathan", "Margaret"), ("Benjamin", "Virginia")),
)
"""Names common among adults in the United States; our own choice, a man's and a woman's of one length."""


@dataclass(frozen=True)
class NamePairs:
    """Pairs of names, the first of each hinting at the first value, the second at the second."""

    values: tuple[str, str]
    pairs: tuple[tuple[str, str], ...]


def name_pairs(file: str = "") -> NamePairs:
    """Our own list, or a csv file's with the columns name and gender, and count if the file knows it.

    Names of a file are paired with one of the other gender and the same length, the most frequent with the
    most frequent (by ``count``, or else in the order of the file); what finds no partner is left out.

    Raises
    ------
    DataError
        If the file cannot be read, has not exactly two genders, or gives fewer than four pairs.
    """
    if not file:
        return NamePairs(("man", "woman"), OWN_PAIRS)
    found = _read(Path(file).expanduser())
    values = sorted({gender for _, gender, _ in found})
    if len(values) != 2:
        raise DataError(
            f"names file {file} holds {len(values)} genders ({', '.join(values)[:60]}); it must hold two"
        )
    sides = defaultdict[tuple[str, int], list[str]](list)
    for name, gender, _ in sorted(found, key=lambda one: -one[2]):
        sides[gender, len(name)].append(name)
    pairs = [
        pair
        for length in sorted({size for _, size in sides})
        for pair in zip(sides[values[0], length], sides[values[1], length], strict=False)
    ]
    if len(pairs) < 4:
        raise DataError(f"names file {file} gives {len(pairs)} pairs of one length; at least 4 are needed")
    return NamePairs((values[0], values[1]), tuple(pairs))


def _read(path: Path) -> list[tuple[str, str, float]]:
    """Name, gender and count of each row with both, the first row of a name deciding."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as opened:
            rows = list(csv.DictReader(opened))
    except OSError as error:
        raise DataError(f"names file {path} cannot be read ({error.strerror}); give a csv file") from None
    if rows and not {"name", "gender"} <= set(rows[0]):
        raise DataError(f"names file {path} has columns {', '.join(rows[0])}; it needs name and gender")
    known: dict[str, tuple[str, str, float]] = {}
    for row in rows:
        name, gender = row["name"].strip(), row["gender"].strip()
        if name and gender:
            known.setdefault(name, (name, gender, _number(row.get("count") or "")))
    return list(known.values())


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
