"""Nought for lists drawn from a person's own taste, however short; loud where one group's lists stray."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.models.capabilities import lacking
from recaudit.models.datasets import world
from recaudit.models.planted.ranker import RankerDials
from recaudit.probes._retrieval import RIVALS
from recaudit.probes.base import Evidence, NotApplicable
from recaudit.probes.fairness._genre_mix import (
    by_chance,
    distances,
    genre_mixes,
    hellinger,
    jensen_shannon,
    steck,
)
from recaudit.probes.fairness.preference_calibration import PreferenceCalibration
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee, ranking_auditee
from recaudit.probes.trials.preference_calibration import TRIAL
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr

PROBE = PreferenceCalibration()
(GATE,) = PROBE.criteria()
MIX = st.lists(st.floats(0.01, 1), min_size=4, max_size=4).map(lambda w: np.array(w) / sum(w))


class TestDistances:
    @given(p=MIX, q=MIX)
    def test_are_what_scipy_says(self, p, q):
        assert steck(p, q) == pytest.approx(rel_entr(p, 0.99 * q + 0.01 * p).sum())
        assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-9)
        assert hellinger(p, q) == pytest.approx(np.sqrt(max(0, 1 - np.sqrt(p * q).sum())), abs=1e-7)

    def test_at_their_ends(self):
        p, other = np.array([0.3, 0.7, 0, 0]), np.array([0, 0, 0.5, 0.5])
        for distance, most in ((steck, np.log(100)), (jensen_shannon, np.log(2)), (hellinger, 1)):
            assert distance(p, p) == 0 and distance(p, other) == pytest.approx(most)
        assert steck(p, other) == pytest.approx(4.605, abs=1e-3)

    def test_a_straying_share_costs_minus_log_of_what_is_left(self):
        p, strayed = np.array([0.5, 0.5, 0]), np.array([0.4, 0.4, 0.2])
        assert steck(p, strayed) == pytest.approx(-np.log(0.99 * 0.8 + 0.01))

    def test_by_chance_is_the_mean_over_all_deals(self):
        mixes = np.eye(3)
        liked, listed = mixes[[0, 0, 1]], mixes[[1, 2]]
        pool, found = np.concatenate([liked, listed]), []
        for a in range(5):
            for b in range(a + 1, 5):
                rest = np.delete(pool, [a, b], axis=0)
                found.append(distances(rest, pool[[a, b]])["c_kl"])
        chance = by_chance(liked, listed, deals=20000, rng=np.random.default_rng(0))
        assert chance["c_kl"] == pytest.approx(np.mean(found), abs=0.02)

    @pytest.mark.parametrize("own", [3, 12, 60])
    def test_lists_of_a_persons_own_taste_have_no_excess(self, own):
        """Items of one to three genres; a floor that sampled lists from the history alone would leave 0.3."""
        rng = np.random.default_rng(own)
        mixes = np.array([rng.multinomial(1, np.full(6, 1 / 6), 3).max(0) for _ in range(100)], dtype=float)
        mixes /= mixes.sum(axis=1, keepdims=True)
        excess = []
        for _ in range(400):
            chances = rng.dirichlet(np.full(100, 0.1))
            items = rng.choice(100, own + 10, p=chances)
            liked, listed = mixes[items[:own]], mixes[items[own:]]
            chance = by_chance(liked, listed, deals=20, rng=rng)
            excess.append(distances(liked, listed)["c_kl"] - chance["c_kl"])
        assert abs(np.mean(excess)) < 3.3 * np.std(excess) / 20


@pytest.fixture(scope="module")
def log():
    settings = world.WorldSettings(users=3000, items=200, per_user=30)
    return world.build_world(settings, name="w", rng=np.random.default_rng(0))


def auditee(log, **dials):
    return ranking_auditee(log, dials=RankerDials(**dials), rng=np.random.default_rng(1))


def measure(evidence, probe=PROBE):
    rows = probe.estimate(evidence, np.random.default_rng(3), 0.05)
    return {(row.name, row.group): row for row in rows}, judge(GATE, rows)


class TestKnownWorlds:
    def test_an_honest_ranker_is_not_failed(self, log):
        rows, verdict = measure(PROBE.ask(auditee(log), np.random.default_rng(2)))
        assert verdict.state in ("pass", "inconclusive")
        gap = rows["miscalibration_gap", "gender: man vs woman"]
        assert -0.1 < gap.low < 0 < gap.high < 0.1
        assert {group for name, group in rows if name == "miscalibration_by_rule"} == set(RIVALS)

    def test_lists_at_random_for_one_group_stray_further(self, log):
        """The dial deals women random items of the catalogue, whatever they like."""
        probe = PreferenceCalibration(deals=10)
        rows, _ = measure(
            probe.ask(auditee(log, group_blindness={("gender", "woman"): 1.0}), np.random.default_rng(2))
        )
        gap = rows["miscalibration_gap", "gender: man vs woman"]
        women, men = (rows["miscalibration", f"gender: {who}"] for who in ("woman", "man"))
        assert gap.high < 0 and gap.value == pytest.approx(men.value - women.value)

    def test_a_planted_stray_is_found_and_its_size_is_right(self):
        rows, verdict = measure(TRIAL.evidence(0.35, np.random.default_rng(0)), TRIAL.probe)
        assert verdict.state == "fail" and verdict.group == "kind: a vs b"
        honest, quiet = measure(TRIAL.evidence(0.0, np.random.default_rng(0)), TRIAL.probe)
        assert quiet.state != "fail" and abs(honest["miscalibration", "overall"].value) < 0.1


class TestAsking:
    def test_every_number_of_the_evidence_is_what_it_says(self, log):
        subject = auditee(log)
        evidence = PreferenceCalibration(n_users=12).ask(subject, np.random.default_rng(2))
        mixes, genres = genre_mixes(log.catalog)
        assert len(genres) == mixes.shape[1] and mixes.sum(axis=1) == pytest.approx(np.ones(200))
        column = evidence.columns
        for place, user in enumerate(column["cluster"].tolist()):
            items, liked = log.item[log.rows(user)][:24], log.liked[log.rows(user)][:24]
            assert np.isfinite(column["c_kl"][place]) == (liked.sum() >= 3)
            assert column["group gender"][place] == log.attributes["gender"][user]
            if liked.sum() >= 3:
                case = [key[1] for key in subject.memo if key[1].history.user == user]
                listed = [entry.item for entry in subject.model.recommend(case, 10)[0].entries]
                found = distances(mixes[items[liked]], mixes[listed])
                assert column["c_kl"][place] == pytest.approx(found["c_kl"])
                assert column["js"][place] == pytest.approx(found["js"])

    def test_cases_show_mixes_of_invented_people_only(self, log):
        subject = auditee(log)
        shown = PROBE.ask(subject, np.random.default_rng(2)).exhibits
        assert [case.kind for case in shown] == ["worst"] * 3 + ["random"] * 3
        assert sum(left for _, left, _ in shown[0].answers) == pytest.approx(1)
        assert sum(right for _, _, right in shown[0].answers) == pytest.approx(1)
        real = replace(subject, log=replace(log, synthetic=False))
        masked = PROBE.ask(real, np.random.default_rng(2)).exhibits[0]
        assert masked.left == "a history of 24 items" and all(left is None for _, left, _ in masked.answers)

    def test_says_what_is_missing(self, log):
        bare = replace(log.catalog, genres=((),) * len(log.catalog))
        subject = auditee(replace(log, catalog=bare))
        with pytest.raises(NotApplicable, match="0 genres"):
            PROBE.ask(subject, np.random.default_rng(0))
        assert lacking(PROBE.needs, planted_auditee(log, rng=np.random.default_rng(0)).capabilities)
        assert not lacking(PROBE.needs, subject.capabilities)

    def test_without_attributes_nothing_is_judged_and_all_else_is_told(self, log):
        plain = replace(log, attributes={}, liked=None)
        rows, verdict = measure(PreferenceCalibration(deals=5).ask(auditee(plain), np.random.default_rng(2)))
        assert verdict.state == "inconclusive"
        assert rows["miscalibration", "overall"].clusters > 500


class TestEstimate:
    @pytest.mark.parametrize("users", [0, 1])
    def test_too_few_users_are_not_estimable(self, users):
        evidence = TRIAL.evidence(0.3, np.random.default_rng(0))
        rows, verdict = measure(evidence.where(evidence.columns["cluster"] < users))
        assert verdict.state == "inconclusive"
        assert all(row.value is None and row.note for row in rows.values())

    def test_one_group_has_no_gap(self):
        evidence = TRIAL.evidence(0.3, np.random.default_rng(0))
        rows, verdict = measure(evidence.where(evidence.columns["group kind"] == "a"))
        assert verdict.state == "inconclusive" and rows["miscalibration", "overall"].value is not None

    def test_does_not_depend_on_row_order_or_storage(self):
        evidence = TRIAL.evidence(0.2, np.random.default_rng(1))
        order = np.random.default_rng(0).permutation(len(evidence))
        stored = Evidence(
            columns={name: column[order] for name, column in evidence.columns.items()},
            facts=json.loads(json.dumps(evidence.facts)),
        )
        before, after = measure(evidence)[0], measure(stored)[0]
        for key in before.keys() | after.keys():
            assert before[key].value == pytest.approx(after[key].value, abs=1e-12) or "range" in key[0]

    def test_raises_no_warning(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            measure(TRIAL.evidence(0.0, np.random.default_rng(0)))


@pytest.mark.slow
def test_rates_of_the_trial():
    for dial, least, most in ((0.0, 0, 2), (TRIAL.planted, 190, 200)):
        found = 0
        for seed in range(200):
            rng = np.random.default_rng(seed)
            rows = TRIAL.probe.estimate(TRIAL.evidence(dial, rng), rng, 0.05)
            found += judge(GATE, rows).state == "fail"
        assert least <= found <= most
