"""Whose attributes are to be read, and which values of them enough people have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...models.data import BoolArray, IntArray
from ..base import Auditee, NotApplicable


@dataclass(frozen=True)
class Targets:
    """People and what is to be read off them.

    Parameters
    ----------
    people : user positions, ascending, shape ``(n_people,)``.
    values : each person's value of each attribute, ``""`` where unknown.
    read : the values of each attribute that are read, one against the rest.
    """

    people: IntArray
    values: Mapping[str, Sequence[str]]
    read: Mapping[str, Sequence[str]]

    def groups(self) -> Iterator[tuple[IntArray, list[str], BoolArray]]:
        """Attributes that the same people's values are known of: their places, the targets, who has which.

        Targets are named "attribute: value"; who has which has shape ``(n_known, n_targets)``.
        """
        together: dict[bytes, list[str]] = {}
        for name in self.read:
            together.setdefault(self._known(name).tobytes(), []).append(name)
        for names in together.values():
            places = np.flatnonzero(self._known(names[0]))
            pairs = [(name, value) for name in names for value in self.read[name]]
            has = np.array([np.array(self.values[name])[places] == value for name, value in pairs])
            yield places, [f"{name}: {value}" for name, value in pairs], has.T

    def caveats(self) -> list[str]:
        """What is left out."""
        gone = {
            name: len(set(values) - {""}) - max(2, len(self.read.get(name, ())))
            for name, values in self.values.items()
        }
        named = [f"{number} of {name}" for name, number in gone.items() if number > 0]
        return [f"Values that too few people have are not read: {', '.join(named)}."] if named else []

    def _known(self, name: str) -> BoolArray:
        known: BoolArray = np.array(self.values[name]) != ""
        return known


def draw_targets(
    auditee: Auditee, attributes: str, *, n_users: int, least: int, most_values: int, rng: np.random.Generator
) -> Targets:
    """Draw people of the audit, trained on or not, and find what can be read off them.

    Parameters
    ----------
    attributes : names separated by commas; empty: all.
    least : people with a value, and people with another one, that it takes to read it.
    most_values : values of an attribute to read, the most common ones. Of two values one is read: who does
        not have it has the other.

    Raises
    ------
    NotApplicable
        If the data has no such attribute, or none with values that enough people have.
    """
    log, who = auditee.log, auditee.population
    wanted = [name.strip() for name in attributes.split(",") if name.strip()] or list(log.attributes)
    if strange := [name for name in wanted if name not in log.attributes]:
        held = ", ".join(log.attributes) or "none"
        raise NotApplicable(f"data {log.name!r} has no attribute {strange[0]!r}; it has {held}")
    pool = np.concatenate([who.members, who.held_out])
    pool = pool[np.diff(log.starts)[pool] > 0]
    people = np.sort(rng.choice(pool, min(n_users, len(pool)), replace=False))
    values = {name: [log.attributes[name][user] for user in people.tolist()] for name in wanted}
    common = {name: _common(own, least=least, at_most=most_values) for name, own in values.items()}
    read = {name: found for name, found in common.items() if found}
    if not read:
        raise NotApplicable(
            f"data {log.name!r} has no attribute of which {least} of the {len(people)} people asked have one"
            f" value and {least} another; bring attributes or more people, or set a smaller `least`"
        )
    return Targets(people, values, read)


def _common(values: Sequence[str], *, least: int, at_most: int) -> list[str]:
    counts = Counter(value for value in values if value)
    total = sum(counts.values())
    ranked = sorted(counts, key=lambda value: (-counts[value], value))
    enough = [value for value in ranked if least <= counts[value] <= total - least][:at_most]
    return enough[-1:] if len(counts) == 2 else enough
