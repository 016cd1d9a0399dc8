"""Lists that link visits: all of them where everybody has an own list, 1/N where all are alike."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from recaudit.models.base import Recommender
from recaudit.models.baselines import Popularity
from recaudit.models.data import History, InteractionLog
from recaudit.models.datasets.world import load
from recaudit.models.planted.lister import ListerDials, PlantedLister
from recaudit.models.splits import split_population
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable
from recaudit.probes.privacy._linking import (
    anonymity,
    closeness,
    main_directions,
    matches,
    permuted_p,
    similarities,
)
from recaudit.probes.privacy.output_linkability import DRAWS, HALVES, OutputLinkability
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.trials.output_linkability import TRIAL

LOG = load("world-tiny")
WHO = split_population(LOG, rng=np.random.default_rng(0))
PROBE = OutputLinkability(n_permutations=199)
NOTHING_MET = np.full((3, 1), -1)


def auditee(model: Recommender, log: InteractionLog = LOG) -> Auditee:
    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        raise NotApplicable("nothing is trained")

    return Auditee(model=model, log=log, population=WHO, fit=fit)


def lister(**dials: float) -> Auditee:
    return auditee(PlantedLister(catalog=LOG.catalog, dials=ListerDials(**dials)))


def measured(who: Auditee, probe: OutputLinkability = PROBE) -> dict[tuple[str, str], Measurement]:
    evidence = probe.ask(who, np.random.default_rng(1))
    return rows_of(evidence, probe)


def rows_of(evidence: Evidence, probe: OutputLinkability = PROBE) -> dict[tuple[str, str], Measurement]:
    rows = probe.estimate(evidence, np.random.default_rng(1), 0.05)
    return {(row.name, row.group): row for row in rows}


def verdict(found: dict[tuple[str, str], Measurement]) -> str:
    return overall([judge(criterion, list(found.values())) for criterion in PROBE.criteria()])


# Matching


def test_likeness_is_that_of_a_hand_count() -> None:
    first, second = np.array([[0, 1], [2, 3]]), np.array([[0, 4], [2, 3]])
    none = np.full((2, 1), -1)
    found = similarities(first, second, met_first=none, met_second=none)
    twice, once = np.log1p(4 / 2) ** 2, np.log1p(4 / 1) ** 2
    np.testing.assert_allclose(found, [[twice / (twice + once), 0], [0, 1]])
    # What the other visit had met does not count in a list's length.
    met = np.array([[1], [-1]])
    found = similarities(first, second, met_first=none, met_second=met)
    assert found[0, 0] == pytest.approx(twice / np.sqrt(twice * (twice + once)))


def test_ties_are_drawn_and_empty_lists_are_like_none() -> None:
    same, empty = np.array([[0, 1]] * 3), np.full((3, 2), -1)
    none = NOTHING_MET
    chances = matches(similarities(same, same, met_first=none, met_second=none))
    np.testing.assert_allclose(chances, np.full((3, 3), 1 / 3))
    chances = matches(similarities(empty, same, met_first=none, met_second=none))
    np.testing.assert_allclose(chances.sum(axis=1), 1)


def test_p_is_small_only_where_matches_are_right() -> None:
    rng = np.random.default_rng(0)
    assert permuted_p(np.eye(20), n_permutations=99, rng=rng) == pytest.approx(0.01)
    assert permuted_p(np.full((20, 20), 0.05), n_permutations=99, rng=rng) == 1
    ps = [permuted_p(np.eye(30)[rng.permutation(30)], n_permutations=99, rng=rng) for _ in range(200)]
    assert np.mean(np.array(ps) <= 0.05) <= 0.09


def test_a_crowd_is_everyone_with_the_same_items_in_any_order() -> None:
    assert anonymity(np.array([[1, 2], [2, 1], [3, 4], [1, -1]])).tolist() == [2, 2, 1, 1]


def test_histories_of_one_taste_lie_close() -> None:
    directions = main_directions(LOG, rng=np.random.default_rng(0))
    histories = [History(0, (1, 2, 3)), History(1, (60, 70, 75))]
    found = closeness(histories, histories, directions)
    np.testing.assert_allclose(found.diagonal(), 1)
    assert directions.shape == (len(LOG.catalog), 8) and found[0, 1] < 0.99
    bare = main_directions(LOG.take(np.array([], dtype=int)), rng=np.random.default_rng(0))
    assert np.isfinite(closeness(histories, histories, bare)).all()


# The probe


def test_lists_of_ones_own_link_everybody() -> None:
    found = measured(lister(personal=1.0))
    assert found["match_rate", HALVES].value > 0.99 and "p = 0.005" in found["match_rate", HALVES].note
    assert found["link_excess", "overall"].low > 0.8 and verdict(found) == "fail"
    assert found["unique_lists", "overall"].value == 1


def test_lists_that_hang_on_luck_link_nobody() -> None:
    found = measured(lister())
    n = found["match_rate", HALVES].clusters
    assert found["match_rate", HALVES].value == pytest.approx(1 / n, abs=0.04)
    assert verdict(found) == "pass"


def test_one_list_for_all_is_a_guess_and_a_crowd() -> None:
    evidence = hand_made(np.tile(np.arange(4), (10, 1)), np.tile(np.arange(4), (10, 1)))
    found = rows_of(evidence)
    assert found["match_rate", HALVES].value == pytest.approx(1 / 10)
    assert found["unique_lists", "overall"].value == found["small_crowd", "overall"].value == 0
    shuffled = measured(lister(alike=True))
    assert shuffled["match_rate", HALVES].value < 0.1 and verdict(shuffled) == "pass"
    popular = measured(auditee(Popularity.fitted(LOG, WHO.members)))
    assert popular["match_rate", HALVES].value < 0.1 and verdict(popular) == "pass"


def test_distinct_constant_lists_link_exactly_all() -> None:
    lists = np.arange(40).reshape(10, 4)
    found = rows_of(hand_made(lists, lists))
    assert found["match_rate", HALVES].value == 1 and found["match_rate", HALVES].high == 1
    assert found["link_excess", "overall"].value == 1
    turned = rows_of(hand_made(lists, np.roll(lists, 1, axis=0)))
    assert turned["match_rate", HALVES].value == 0


def hand_made(first: np.ndarray, second: np.ndarray) -> Evidence:
    """Two visits with these lists, of people who had met one item, a hundred, before."""
    number, place = (part.ravel() for part in np.indices(first.shape))
    sizes = [first.size, second.size, len(first), len(second)]
    people = np.arange(len(first))
    return Evidence(
        columns={
            "cluster": np.concatenate([number, number, people, people]),
            "visits": np.full(sum(sizes), HALVES),
            "session": np.repeat([0, 1, 0, 1], sizes),
            "kind": np.repeat(["listed", "listed", "met", "met"], sizes),
            "number": np.concatenate([number, number, people, people]),
            "place": np.concatenate([place, place, 0 * people, 0 * people]),
            "item": np.concatenate([first.ravel(), second.ravel(), 100 + 0 * people, 100 + 0 * people]),
            "history_match": np.zeros(sum(sizes)),
        }
    )


def test_a_model_that_draws_is_matched_with_its_other_draw() -> None:
    class Drawing(PlantedLister):
        def redrawn(self, draw: int) -> PlantedLister:
            return replace(self, seed=draw)

    found = measured(auditee(Drawing(catalog=LOG.catalog)))
    assert found["match_rate", DRAWS].value < 0.1
    assert ("match_rate", DRAWS) not in measured(lister())


def test_order_of_rows_means_nothing_and_the_same_seed_gives_the_same() -> None:
    who = lister(personal=0.5)
    one, two = (PROBE.ask(who, np.random.default_rng(3)) for _ in range(2))
    for name in one.columns:
        np.testing.assert_array_equal(one.columns[name], two.columns[name])
    order = np.random.default_rng(0).permutation(len(one))
    turned = replace(one, columns={name: column[order] for name, column in one.columns.items()})
    assert rows_of(one) == rows_of(turned)


def test_too_few_people_or_too_short_histories_are_refused() -> None:
    with pytest.raises(NotApplicable, match="smaller `least`"):
        OutputLinkability(least=500).ask(lister(), np.random.default_rng(0))


def test_exhibits_show_both_lists() -> None:
    cases = PROBE.ask(lister(personal=1.0), np.random.default_rng(0)).exhibits
    assert cases[0].kind == "worst" and cases[0].effect > 0.9
    assert sum(left is not None and right is not None for _, left, right in cases[0].answers) >= 5


def test_the_trial_is_silent_and_loud() -> None:
    for dial, wanted in ((0.0, "pass"), (TRIAL.planted, "fail")):
        states = []
        for seed in range(20):
            rng = np.random.default_rng(seed)
            rows = TRIAL.probe.estimate(TRIAL.evidence(dial, rng), rng, 0.05)
            states.append(judge(TRIAL.probe.criteria()[0], rows).state)
        assert states.count(wanted) >= 19
