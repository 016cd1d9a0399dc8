"""Stated watermarks: found where they are, not where they are not, and z by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from recaudit.models.base import Recommender, Request, Slate
from recaudit.models.data import Catalog, InteractionLog
from recaudit.models.datasets.world import load
from recaudit.models.planted.lister import ListerDials, PlantedLister
from recaudit.models.splits import split_population
from recaudit.probes.base import Auditee, Measurement, NotApplicable
from recaudit.probes.provenance.watermark_detection import (
    ITEMS,
    WORDS,
    WatermarkDetection,
    green_rows,
    is_green,
    marked_rows,
)
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.trials.watermark_detection import TRIAL

LOG = load("world-tiny")
KEY = "a key"
PROBE = WatermarkDetection(key=KEY, required=True)
IDS = LOG.catalog.ids
GREEN = np.array([[is_green(KEY, a, b, gamma=0.5) for b in IDS] for a in IDS])


def auditee(model: Recommender) -> Auditee:
    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        raise NotApplicable("nothing is trained")

    return Auditee(
        model=model, log=LOG, population=split_population(LOG, rng=np.random.default_rng(0)), fit=fit
    )


def lister(marked: float) -> Auditee:
    return auditee(PlantedLister(catalog=LOG.catalog, dials=ListerDials(marked=marked), green=GREEN))


def measured(who: Auditee, probe: WatermarkDetection = PROBE) -> dict[tuple[str, str], Measurement]:
    rows = probe.estimate(probe.ask(who, np.random.default_rng(1)), np.random.default_rng(1), 0.05)
    return {(row.name, row.group): row for row in rows}


def verdict(found: dict[tuple[str, str], Measurement], probe: WatermarkDetection = PROBE) -> str:
    return overall([judge(criterion, list(found.values())) for criterion in probe.criteria()])


@pytest.mark.parametrize("marked", [0.0, 0.5, 1.0])
def test_the_excess_is_half_of_what_is_marked(marked: float) -> None:
    found = measured(lister(marked))
    excess = found["green_excess", ITEMS]
    assert excess.value == pytest.approx(marked / 2, abs=0.05)
    assert verdict(found) == ("fail" if marked == 0 else "pass")
    n = excess.n
    assert found["watermark_z", ITEMS].value == pytest.approx(excess.value * np.sqrt(n) / 0.5)


def test_another_key_finds_nothing() -> None:
    found = measured(lister(1.0), replace(PROBE, key="another key"))
    assert abs(found["watermark_z", ITEMS].value) < 3.5 and verdict(found) == "fail"


def test_z_is_that_of_a_hand_count() -> None:
    excess, z = green_rows(np.arange(25) < 15, 0.25, alpha=0.05, group="g", people=5)
    assert excess.value == pytest.approx(0.6 - 0.25) and (excess.n, excess.clusters) == (25, 5)
    assert z.value == pytest.approx((15 - 0.25 * 25) / np.sqrt(25 * 0.25 * 0.75))
    assert excess.low < excess.value < excess.high
    empty, _ = green_rows(np.zeros(0, dtype=bool), 0.5, alpha=0.05, group="g", people=0)
    assert empty.value is None and empty.note


def test_a_pair_counts_once_and_the_first_entry_has_none_before_it() -> None:
    lists: list[tuple[int, Sequence[str]]] = [(0, ["a", "b", "c"]), (1, ["a", "b"]), (2, [])]
    rows = marked_rows(lists, "k", key=KEY, gamma=0.5, context="before")
    assert [(user, place, new) for user, _, place, _, new in rows] == [
        (0, 2, True),
        (0, 3, True),
        (1, 2, False),
    ]
    rows = marked_rows(lists, "k", key=KEY, gamma=0.5, context="nothing")
    assert [new for *_, new in rows] == [True, True, True, False, False]


def test_without_a_mark_repeated_lists_stay_within_chance() -> None:
    rng, zs = np.random.default_rng(0), []
    for key in range(300):
        lists = [(user, [str(item) for item in rng.permutation(12)[:6]]) for user in range(40)]
        rows = marked_rows(lists, "k", key=str(key), gamma=0.5, context="before")
        green = np.array([green for *_, green, new in rows if new])
        zs.append(green_rows(green, 0.5, alpha=0.05, group="g", people=40)[1].value)
    assert abs(np.mean(zs)) < 0.2 and 0.85 < np.std(zs) < 1.15


def test_a_share_gamma_is_green_and_neighbours_do_not_run_together() -> None:
    shares = np.mean([is_green(KEY, "x", str(n), gamma=0.25) for n in range(4000)])
    assert shares == pytest.approx(0.25, abs=0.03)
    flags = [
        is_green(str(n), "ab", "c", gamma=0.5) == is_green(str(n), "a", "bc", gamma=0.5) for n in range(200)
    ]
    assert not all(flags)


@dataclass(frozen=True)
class Writer:
    """Lists nothing special and writes words, each of them green after the one before."""

    inner: PlantedLister

    @property
    def catalog(self) -> Catalog:
        return self.inner.catalog

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        return self.inner.recommend(requests, k)

    def write(self, requests: Sequence[Request]) -> list[str]:
        texts = []
        for request in requests:
            words = [f"w{request.history.user}"]
            while len(words) < 8:
                words.append(next(w for w in map(str, range(99)) if is_green(KEY, words[-1], w, gamma=0.5)))
            texts.append(" ".join(words).upper())
        return texts


def test_written_words_are_judged_beside_lists() -> None:
    found = measured(auditee(Writer(PlantedLister(catalog=LOG.catalog))))
    assert found["green_excess", WORDS].value == 0.5
    assert abs(found["green_excess", ITEMS].value) < 0.1 and verdict(found) == "fail"


def test_without_a_key_nothing_is_asked_and_without_a_duty_nothing_is_judged() -> None:
    with pytest.raises(NotApplicable, match="no watermark was stated"):
        WatermarkDetection().ask(lister(1.0), np.random.default_rng(0))
    assert verdict(measured(lister(0.0)), replace(PROBE, required=False)) == "reported"
    with pytest.raises(ValueError, match="gamma"):
        WatermarkDetection(gamma=1.0)


def test_the_trial_is_silent_and_loud() -> None:
    for dial, wanted in ((0.0, "pass"), (TRIAL.planted, "fail")):
        states = []
        for seed in range(20):
            rng = np.random.default_rng(seed)
            rows = TRIAL.probe.estimate(TRIAL.evidence(dial, rng), rng, 0.05)
            states.append(judge(TRIAL.probe.criteria()[0], rows).state)
        assert states.count(wanted) >= 19
