"""Two audits of the same people: what is common to a person cancels, and intervals hold their level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from recaudit.probes.base import Auditee, Criterion, Evidence, Measurement, Probe
from recaudit.probes.paired import Change, Side, by_size, changes
from recaudit.probes.stats.intervals import mean_of_clusters


@dataclass(frozen=True, kw_only=True)
class Mean(Probe):
    """The mean answer over users, and by half of the items."""

    def criteria(self) -> tuple[Criterion, ...]:
        return (Criterion(measurement="mean", bound=0.1, direction="within"),)

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        raise NotImplementedError

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        answers = evidence.columns["answer"]
        found = mean_of_clusters(answers, alpha=alpha)
        assert found is not None
        return [
            Measurement(
                name="mean",
                value=found.value,
                low=found.low,
                high=found.high,
                level=1 - 2 * alpha,
                method=found.method,
                n=found.n,
                clusters=found.clusters,
                unit="points",
                better="zero",
            )
        ]


def side(answers: np.ndarray, names: np.ndarray) -> Side:
    evidence = Evidence(columns={"cluster": np.arange(len(answers)), "answer": answers})
    rows = Mean().estimate(evidence, np.random.default_rng(0), 0.05)
    return Side(probe=Mean(), evidence=evidence, users=names, measurements=rows)


def change(early: Side, late: Side, alpha: float = 0.05, sizes: frozenset[str] = frozenset()) -> Change:
    (found,) = changes(early, late, alpha=alpha, new_rng=lambda: np.random.default_rng(7), by_size=sizes)
    return found


def world(rng: np.random.Generator, n: int = 200, step: float = 0.2, first: int = 0) -> tuple[Side, Side]:
    taste, names = 2 * rng.standard_normal(n), np.array([f"u{user}" for user in range(n)])
    late = np.array([f"u{user + first}" for user in range(n)])
    return side(taste + 0.5 * rng.standard_normal(n), names), side(
        taste + step + 0.5 * rng.standard_normal(n), late
    )


def test_pairing_takes_away_what_is_common_to_a_person() -> None:
    early, late = world(np.random.default_rng(1))
    paired = change(early, late)
    apart = change(early, world(np.random.default_rng(1), first=1_000)[1])
    assert paired.paired and not apart.paired
    assert paired.interval is not None and apart.interval is not None
    assert paired.interval.value == pytest.approx(apart.interval.value)
    widths = [own.high - own.low for own in (paired.interval, apart.interval)]
    assert widths[0] < 0.5 * widths[1]
    assert paired.interval.low > 0 > apart.interval.low


def test_the_paired_change_is_the_difference_of_the_shared_people() -> None:
    early, late = world(np.random.default_rng(2), n=100)
    kept = late.only(np.array([f"u{user}" for user in range(80)]))
    found = change(early, kept)
    expected = kept.evidence.columns["answer"].mean() - early.evidence.columns["answer"][:80].mean()
    assert found.paired and found.interval is not None
    assert found.interval.value == pytest.approx(expected)


def test_few_shared_people_are_no_pairs() -> None:
    early, late = world(np.random.default_rng(2), n=100)
    assert not change(early, late.only(np.array([f"u{user}" for user in range(39)]))).paired
    assert not change(early, late.only(np.array([f"u{user}" for user in range(45)]))).paired


def test_only_the_size_counts_where_a_bound_has_two_sides() -> None:
    early, late = world(np.random.default_rng(3), step=0.0)
    turned = side(-late.evidence.columns["answer"], late.users)
    found = change(early, turned, sizes=by_size(Mean().criteria()))
    assert found.interval is not None
    assert found.interval.value == pytest.approx(
        abs(turned.evidence.columns["answer"].mean()) - abs(early.evidence.columns["answer"].mean())
    )


@pytest.mark.parametrize("first", [0, 10_000], ids=["paired", "apart"])
def test_intervals_hold_their_level(first: int) -> None:
    rng = np.random.default_rng(4)
    misses = 0
    for _ in range(300):
        early, late = world(rng, n=120, first=first)
        if first:
            late = side(2 * rng.standard_normal(120) + 0.2, late.users)
        found = change(early, late).interval
        assert found is not None
        misses += not found.low <= 0.2 <= found.high
    assert misses <= 45, "the 99.9 % point of Bin(300, .1) is 47"
