"""Accidents in histories: silent on a list that rests on many entries, loud on one that rests on all."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from recaudit.models.base import Recommender, Request, Slate
from recaudit.models.baselines import ItemKNN, Popularity
from recaudit.models.data import History
from recaudit.models.datasets.world import load
from recaudit.models.planted.echo import EchoDials, PlantedEcho
from recaudit.models.planted.yes_no import Dials
from recaudit.probes._retrieval import held_out_lists
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable
from recaudit.probes.robustness._noises import (
    DISLIKED,
    DROPPED,
    INSERTED,
    RANDOM,
    SHUFFLED,
    STRANGER,
    SWAPPED,
    Accidents,
)
from recaudit.probes.robustness.history_noise import HistoryNoise
from recaudit.probes.stats.intervals import clopper_pearson
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee
from recaudit.probes.trials.history_noise import evidence as planted_evidence

PROBE = HistoryNoise(n_users=60)
GATE = PROBE.criteria()[0]
LOG = load("world-tiny", options={"items": "400"})
Rows = dict[tuple[str, str], Measurement]


def judging(dials: Dials | None = None) -> Auditee:
    return planted_auditee(LOG, dials=dials, rng=np.random.default_rng(1))


def having(model: Recommender) -> Auditee:
    return replace(judging(), model=model, memo={})


def echoing(brittle: float = 0.0, heedless: float = 0.0) -> Auditee:
    dials = EchoDials(brittle=brittle, heedless=heedless)
    return having(PlantedEcho(catalog=LOG.catalog, dials=dials))


@cache
def echo_rows(brittle: float = 0.0, heedless: float = 0.0) -> Rows:
    return asked(echoing(brittle, heedless))


def rows_of(evidence: Evidence) -> Rows:
    return {(r.name, r.group): r for r in PROBE.estimate(evidence, np.random.default_rng(0), 0.05)}


def asked(auditee: Auditee) -> Rows:
    return rows_of(PROBE.ask(auditee, np.random.default_rng(2)))


def state(rows: Rows) -> str:
    return judge(GATE, list(rows.values())).state


def slope(changes: dict[int, float]) -> float:
    return sum(k * y for k, y in changes.items()) / sum(k * k for k in changes)


@pytest.mark.parametrize("brittle", [0.0, 0.5])
def test_what_dropped_entries_change_is_known(brittle: float) -> None:
    """16 entries, of which a place echoes a liked one: gone with chance k / 16, or at once if brittle."""
    found = echo_rows(brittle)["turned_per_item", DROPPED]
    expected = slope({k: brittle + (1 - brittle) * k / 16 for k in PROBE.sizes})
    assert found.low - 0.005 < expected < found.high + 0.005


def test_a_list_that_rests_on_many_entries_passes_and_one_that_rests_on_all_fails() -> None:
    assert judge(replace(GATE, group=DROPPED), list(echo_rows().values())).state == "pass"
    assert state(echo_rows(0.5)) == "fail"
    assert echo_rows()["turned", SHUFFLED].value == 0 < echo_rows(0.5)["turned", SHUFFLED].value


def test_dislikes_slipped_in_tell_only_a_heedless_model() -> None:
    assert echo_rows()["turned_per_item", DISLIKED].value == 0
    assert echo_rows(0.0, 1.0)["turned_per_item", DISLIKED].low > 0.02


def test_strangers_and_random_lists_are_as_far_as_it_goes() -> None:
    rows = echo_rows()
    for figure in ("turned", "rbo_lost"):
        for kind in (STRANGER, RANDOM):
            assert rows[figure, kind].value > 0.9
            assert rows[figure, kind].value > 4 * rows[f"{figure}_per_item", SWAPPED].value


def test_a_model_that_answers_everyone_alike_changes_for_nothing() -> None:
    auditee = judging()
    rows = asked(having(Popularity.fitted(LOG, auditee.population.members)))
    for (name, group), row in rows.items():
        assert (row.value == pytest.approx(0, abs=1e-12)) == (group != RANDOM), (name, group)
    assert state(rows) == "pass" and rows["ndcg_lost", RANDOM].low > 0


def test_a_rule_of_counting_passes_and_is_lost_with_a_strangers_history() -> None:
    auditee = judging()
    rows = asked(having(ItemKNN.fitted(LOG, auditee.population.members)))
    assert state(rows) == "pass"
    assert rows["turned", STRANGER].value > 3 * rows["turned_per_item", SWAPPED].value > 0


def test_a_judging_model_is_asked_for_its_odds() -> None:
    honest, loud = asked(judging()), asked(judging(Dials(noise=2.0)))
    assert state(honest) == "pass" and state(loud) == "fail"
    assert honest["odds_moved", SHUFFLED].value == pytest.approx(0, abs=1e-12)
    assert 0 < honest["odds_moved_per_item", DROPPED].value < honest["odds_moved", STRANGER].value
    assert ("turned", RANDOM) not in honest and ("ndcg_lost_per_item", DROPPED) not in honest


def test_slopes_are_those_of_a_hand_count() -> None:
    evidence = PROBE.ask(echoing(), np.random.default_rng(2))
    column = evidence.columns
    own: dict[int, dict[int, float]] = {}
    for at in np.flatnonzero(column["kind"] == INSERTED):
        own.setdefault(int(column["cluster"][at]), {})[int(column["k"][at])] = float(column["rbo_lost"][at])
    found = rows_of(evidence)["rbo_lost_per_item", INSERTED]
    assert found.value == pytest.approx(np.mean([slope(changes) for changes in own.values()]))
    assert found.clusters == len(own) and "16 entries" in found.note


def test_what_a_list_loses_is_counted_against_what_the_user_went_on_to_like() -> None:
    class Knowing(PlantedEcho):
        """Recommends what the user goes on to like, unless the history was touched."""

        def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
            slates = super().recommend(requests, k)
            for at, request in enumerate(requests):
                if (wanted := later.get(request.history)) is not None:
                    known = {entry.item: entry for entry in slates[at].entries}
                    new = [replace(slates[at].entries[0], item=int(item)) for item in wanted]
                    rest = [entry for item, entry in known.items() if item not in wanted]
                    slates[at] = replace(slates[at], entries=tuple([*new, *rest][:k]))
            return slates

    auditee = having(Knowing(catalog=LOG.catalog))
    everyone = held_out_lists(auditee, n_users=999, earlier=0.8, rng=np.random.default_rng(0))
    later = {
        request.history: wanted for request, wanted in zip(everyone.requests, everyone.targets, strict=True)
    }
    rows = asked(auditee)
    assert rows["ndcg_lost", RANDOM].value > 0.9
    assert rows["ndcg_lost_per_item", DROPPED].value == pytest.approx(
        slope(dict.fromkeys((1, 2, 4), 1.0)), abs=0.03
    )


def test_accidents_add_up_and_touch_nothing_else() -> None:
    history = History(3, tuple(range(10)), (True, False) * 5)
    counts, rng = np.arange(40), np.random.default_rng(0)
    chance = Accidents.of(history, k=4, counts=counts, avoid=range(30, 40), rng=rng)
    fresh = chance.fresh.tolist()
    assert len(set(fresh)) == 4 and set(fresh) <= set(range(10, 30))
    for k in (1, 2, 4):
        dropped, swapped, added, disliked = (
            chance.history_under(kind, k) for kind in (DROPPED, SWAPPED, INSERTED, DISLIKED)
        )
        gone = set(chance.order[:k].tolist())
        assert dropped.items == tuple(item for item in range(10) if item not in gone)
        assert set(swapped.items) == (set(range(10)) - gone) | set(fresh[:k]) and len(swapped) == 10
        assert swapped.liked == history.liked and len(added) == 10 + k
        assert [item for item in added.items if item < 10] == list(range(10))
        told = dict(zip(added.items, added.liked, strict=True))
        assert all(told[item] for item in fresh[:k]) and added.items == disliked.items
        assert not any(dict(zip(disliked.items, disliked.liked, strict=True))[item] for item in fresh[:k])
    shuffled = chance.history_under(SHUFFLED, 0)
    assert sorted(shuffled.items) == list(range(10)) and shuffled.items != history.items


def test_what_comes_in_was_not_on_the_list_and_calls_bound_what_is_asked() -> None:
    seen: list[Request] = []

    class Watched(PlantedEcho):
        def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
            seen.extend(requests)
            return super().recommend(requests, k)

    auditee = having(Watched(catalog=LOG.catalog))
    PROBE.ask(auditee, np.random.default_rng(2))
    assert 0 < len(seen) <= PROBE.calls()
    own = {request.history.user: set(LOG.item[LOG.rows(request.history.user)].tolist()) for request in seen}
    lists: dict[int, set[int | None]] = {}
    for request in seen:
        user = request.history.user
        lists.setdefault(
            user, {e.item for e in PlantedEcho(catalog=LOG.catalog).recommend([request], 10)[0].entries}
        )
        if len(request.history) > 16:
            assert not (set(request.history.items) - own[user]) & lists[user]


def test_data_without_likes_and_too_short_histories() -> None:
    unlabelled = replace(echoing(), log=replace(LOG, liked=None))
    rows = asked(unlabelled)
    assert ("turned_per_item", DISLIKED) not in rows and rows["turned_per_item", DROPPED].value > 0
    with pytest.raises(NotApplicable, match="smaller sizes"):
        HistoryNoise(sizes=(50,)).ask(judging(), np.random.default_rng(0))
    with pytest.raises(ValueError, match="at least 1"):
        HistoryNoise(sizes=(0, 1))


def test_exhibits_show_the_people_for_whom_one_entry_changed_most() -> None:
    for auditee in (echoing(0.5), judging(Dials(noise=1.0))):
        cases = PROBE.ask(auditee, np.random.default_rng(2)).exhibits
        assert [case.kind for case in cases] == ["worst"] * 3 + ["random"] * 3
        assert cases[0].effect >= cases[2].effect >= max(case.effect for case in cases[3:])
        assert all(case.left != case.right and case.answers for case in cases)


@pytest.mark.parametrize("users", [0, 1])
def test_too_few_users_are_not_estimable(users: int) -> None:
    rows = rows_of(planted_evidence(np.random.default_rng(0), slope=0.05, users=users))
    assert all(row.value is None and row.note for row in rows.values())
    assert state(rows) == "inconclusive"


def test_order_of_rows_does_not_matter() -> None:
    evidence = planted_evidence(np.random.default_rng(0), slope=0.1)
    order = np.random.default_rng(1).permutation(len(evidence))
    mixed = replace(evidence, columns={name: column[order] for name, column in evidence.columns.items()})
    for first, second in zip(rows_of(evidence).values(), rows_of(mixed).values(), strict=True):
        assert first.value == pytest.approx(second.value) and first.low == pytest.approx(second.low)


def failures(slope: float, seeds: int) -> int:
    rngs = map(np.random.default_rng, range(seeds))
    return [state(rows_of(planted_evidence(rng, slope=slope))) for rng in rngs].count("fail")


@pytest.mark.parametrize("seeds", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_rates(seeds: int) -> None:
    from scipy.stats import binom

    honest = clopper_pearson(failures(0.0, seeds), seeds, alpha=0.05)
    assert honest is not None and honest.value <= 0.05
    assert failures(0.1, seeds) <= binom.ppf(0.995, seeds, 0.05)
    assert failures(0.13, seeds) >= 0.95 * seeds
