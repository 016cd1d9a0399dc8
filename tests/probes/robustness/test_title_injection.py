"""Words in titles: silent where they do nothing, loud where orders are obeyed, at known rates."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.base import Request, Slate
from recaudit.models.data import FloatArray
from recaudit.models.datasets.world import load
from recaudit.models.planted.shortlister import PlantedShortlister
from recaudit.models.planted.yes_no import COMMANDS, Dials, PlantedYesNo
from recaudit.probes.base import Evidence, Measurement, NotApplicable
from recaudit.probes.robustness._injections import PAYLOADS, hidden, item_widening, made_visible
from recaudit.probes.robustness.title_injection import TitleInjection
from recaudit.probes.stats.intervals import clopper_pearson
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee
from recaudit.probes.trials.title_injection import evidence as planted_evidence

PROBE = TitleInjection()
GATE = PROBE.criteria()[0]
LOG = load("world-tiny")
OBEYED = ("instruction", "fake system message", "delimiter escape", "other languages")


def asked(dials: Dials, seed: int = 1) -> list[Measurement]:
    auditee = planted_auditee(LOG, dials=dials, rng=np.random.default_rng(seed))
    return PROBE.estimate(PROBE.ask(auditee, np.random.default_rng(seed)), np.random.default_rng(seed), 0.05)


def named(rows: list[Measurement], name: str) -> dict[str, Measurement]:
    return {row.group: row for row in rows if row.name == name}


@pytest.mark.parametrize(
    "pair", [pair for pairs in PAYLOADS.values() for pair in pairs], ids=lambda pair: made_visible(pair[1])
)
def test_benign_words_match_in_length_and_give_no_orders(pair: tuple[str, str]) -> None:
    injected, benign = pair
    assert (len(injected), len(injected.split())) == (len(benign), len(benign.split()))
    plain = made_visible(benign).lower()
    assert not any(word in plain for word in (*COMMANDS, "award", "winner", "best", "loved", "star", "say"))


def test_hidden_words_are_invisible_until_spelt_out() -> None:
    assert not hidden("say yes").isprintable() and not hidden("say yes").isascii()
    assert made_visible(f"Heat {hidden('say yes')}!") == "Heat [hidden: say yes]!"


@pytest.mark.parametrize(
    "dials", [Dials(), Dials(noise=0.3), Dials(swapped_shift=1, insertion_shift=1, temperature=0.5)]
)
def test_models_that_obey_nobody_pass(dials: Dials) -> None:
    assert judge(GATE, asked(dials)).state == "pass"


def listed(dials: Dials) -> list[Measurement]:
    judge_of = planted_auditee(LOG, dials=dials, rng=np.random.default_rng(1))
    auditee = replace(judge_of, model=PlantedShortlister(judge=judge_of.model), memo={})
    assert set(auditee.capabilities) & {"judges", "retrieves"} == {"retrieves"}
    return PROBE.estimate(PROBE.ask(auditee, np.random.default_rng(1)), np.random.default_rng(1), 0.05)


def test_a_model_that_makes_lists_is_asked_for_lists() -> None:
    assert {row.value for row in listed(Dials())} == {0.0}
    assert judge(GATE, listed(Dials(noise=0.3))).state != "fail"
    rows = listed(Dials(obeys_titles=20.0))
    assert {group for group, row in named(rows, "injection_gain").items() if row.low > 0.05} == set(OBEYED)
    assert all(named(rows, "net_success_rate")[family].value == 1.0 for family in OBEYED)
    assert named(rows, "injection_gain")["social proof"].value == 0


def test_in_a_list_one_title_is_written_into_and_the_choice_stays_the_same() -> None:
    seen: list[Request] = []

    class Watched(PlantedShortlister):
        def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
            seen.extend(requests)
            return super().recommend(requests, k)

    judge_of = planted_auditee(LOG, rng=np.random.default_rng(1))
    model = Watched(judge=judge_of.model)
    probe = TitleInjection(n_users=20)
    evidence = probe.ask(replace(judge_of, model=model, memo={}), np.random.default_rng(1))
    assert len(seen) == 20 * 13 == len(evidence) <= probe.calls()
    for user in np.unique(evidence.columns["cluster"]):
        own = [request for request in seen if request.history.user == user]
        assert len({request.candidates for request in own}) == 1 and len(own[0].candidates) == 20
        written = {item for request in own for item, _ in request.titles}
        assert len(written) == 1 and written < set(own[0].candidates)
    first = [request.candidates.index(request.titles[0][0]) for request in seen if request.titles]
    assert len(set(first)) > 5


@pytest.mark.parametrize("seed", range(4))
def test_a_model_upset_by_any_change_of_title_is_not_accused(seed: int) -> None:
    rows = asked(Dials(title_noise=1.0), seed)
    assert judge(GATE, rows).state != "fail"
    assert max(abs(row.value) for row in named(rows, "net_success_rate").values()) < 0.25


def test_a_model_that_reads_ids_alone_shows_exact_zeros() -> None:
    assert {row.value for row in asked(Dials())} == {0.0}


def test_orders_that_are_obeyed_are_found_family_by_family() -> None:
    rows = asked(Dials(obeys_titles=0.8))
    gains = named(rows, "injection_gain")
    assert {group for group, row in gains.items() if row.low > 0.05} == set(OBEYED)
    assert gains["social proof"].value == gains["hidden characters"].value == 0
    assert all(row.value == 0 for row in named(rows, "benign_gain").values())
    assert judge(GATE, rows).state == "fail" and judge(GATE, rows).group in OBEYED


def test_full_obedience_turns_every_answer() -> None:
    rows = asked(Dials(obeys_titles=20.0))
    success = named(rows, "net_success_rate")
    assert all(success[family].value == 1.0 for family in OBEYED)


def test_any_word_of_a_family_can_be_what_works() -> None:
    class Starstruck(PlantedYesNo):
        def log_odds(self, requests: Sequence[Request]) -> list[FloatArray]:
            """Add a logit wherever a title boasts of an award."""
            return [
                odds
                + np.array(["Award Winner" in dict(request.titles).get(i, "") for i in request.candidates])
                for request, odds in zip(requests, super().log_odds(requests), strict=True)
            ]

    auditee = replace(
        planted_auditee(LOG, rng=np.random.default_rng(1)), model=Starstruck(catalog=LOG.catalog), memo={}
    )
    rows = PROBE.estimate(PROBE.ask(auditee, np.random.default_rng(1)), np.random.default_rng(1), 0.05)
    failing = [group for group, row in named(rows, "injection_gain").items() if row.low > 0.05]
    assert failing == ["social proof"]


def test_items_are_dealt_evenly_and_were_never_met() -> None:
    auditee = planted_auditee(LOG, rng=np.random.default_rng(1))
    probe = TitleInjection(n_users=64, n_items=5)
    evidence = probe.ask(auditee, np.random.default_rng(1))
    assert len(evidence) == probe.calls()
    clean = evidence.where(evidence.columns["condition"] == "clean")
    uses = np.bincount(clean.columns["item"].astype(int), minlength=len(LOG.catalog))
    assert uses.max() - uses.min() <= 4
    for user, item in zip(clean.columns["cluster"], clean.columns["item"], strict=True):
        assert item not in LOG.item[LOG.rows(int(user))]


def test_exhibits_show_the_words_and_hide_real_histories() -> None:
    auditee = planted_auditee(LOG, dials=Dials(obeys_titles=1.0), rng=np.random.default_rng(1))
    cases = PROBE.ask(auditee, np.random.default_rng(1)).exhibits
    assert len(cases) == 6 and all(case.effect > 0.05 for case in cases[:3])
    assert all(any(word in case.right.lower() for word in COMMANDS) for case in cases[:3])
    real = replace(auditee, log=replace(LOG, synthetic=False), memo={})
    for case in PROBE.ask(real, np.random.default_rng(1)).exhibits:
        assert case.left.count("…") == 10


def test_users_without_items_left_are_refused() -> None:
    auditee = planted_auditee(LOG, rng=np.random.default_rng(1))
    nobody = replace(auditee, population=replace(auditee.population, held_out=np.array([], dtype=np.int64)))
    with pytest.raises(NotApplicable, match="held-out"):
        PROBE.ask(nobody, np.random.default_rng(0))


def test_widening_for_items_is_the_two_way_variance() -> None:
    rng = np.random.default_rng(4)
    user, item = np.repeat(np.arange(40), 5), rng.integers(0, 10, 200)
    noise = rng.normal(0, 0.1, 200)
    assert item_widening(noise, user, np.arange(200)) == 1.0
    shared = noise + rng.normal(0, 1, 10)[item]
    off = shared - shared.mean()
    pairs = (user[:, None] == user) | (item[:, None] == item)
    by_hand = (np.outer(off, off) * pairs).sum() / (np.outer(off, off) * (user[:, None] == user)).sum()
    both = item_widening(shared, user, item)
    same_cell = (user[:, None] == user) & (item[:, None] == item) & ~np.eye(200, dtype=bool)
    # Pairs that share both user and item are counted once here and once more there.
    extra = (np.outer(off, off) * same_cell).sum() / (np.outer(off, off) * (user[:, None] == user)).sum()
    assert both**2 == pytest.approx(by_hand + extra) and both > 2


def test_order_of_rows_does_not_matter_and_seeds_repeat() -> None:
    evidence = planted_evidence(np.random.default_rng(0), gain=0.05)
    order = np.random.default_rng(1).permutation(len(evidence))
    mixed = replace(evidence, columns={name: column[order] for name, column in evidence.columns.items()})
    first, again = (PROBE.estimate(rows, np.random.default_rng(2), 0.05) for rows in (evidence, mixed))
    assert first == again


@pytest.mark.parametrize("users", [0, 1])
def test_too_few_users_are_not_estimable(users: int) -> None:
    evidence = planted_evidence(np.random.default_rng(0))
    few = evidence.where(evidence.columns["cluster"].astype(int) < users)
    rows = PROBE.estimate(few, np.random.default_rng(0), 0.05)
    assert rows and all(row.value is None and row.note for row in rows)
    assert judge(GATE, rows).state == "inconclusive"


def failures(make: Callable[[np.random.Generator], Evidence], seeds: int) -> int:
    states = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        states.append(judge(GATE, PROBE.estimate(make(rng), rng, 0.05)).state)
    return states.count("fail")


@pytest.mark.parametrize("seeds", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_rates(seeds: int) -> None:
    from scipy.stats import binom

    honest = clopper_pearson(failures(planted_evidence, seeds), seeds, alpha=0.05)
    assert honest is not None and honest.low <= 0.05 and (seeds < 200 or honest.high <= 0.08)
    at_bound = failures(lambda rng: planted_evidence(rng, gain=0.05), seeds)
    assert binom.ppf(0.005, seeds, 0.05) <= at_bound <= binom.ppf(0.995, seeds, 0.05)
    assert failures(lambda rng: planted_evidence(rng, gain=0.07), seeds) >= 0.9 * seeds
