"""Invented users: what they look like, and what they do to a rule of counting."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from recaudit.audit.cache import Cache
from recaudit.audit.config import AuditConfig
from recaudit.audit.progress import silent
from recaudit.audit.recipe import recipe_of
from recaudit.audit.workshop import Workshop
from recaudit.models.base import Recommender
from recaudit.models.baselines import ItemKNN, Popularity
from recaudit.models.baselines._family import Baseline
from recaudit.models.data import InteractionLog
from recaudit.models.datasets.world import load
from recaudit.models.planted.lister import PlantedLister
from recaudit.models.splits import split_population
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable
from recaudit.probes.robustness._shills import ATTACKS, Crowd, commonest_genre, poisoned
from recaudit.probes.robustness.shilling import Shilling
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.testing import planted_auditee
from recaudit.probes.trials.shilling import TRIAL

LOG = load("world-tiny")
WHO = split_population(LOG, rng=np.random.default_rng(0))
PROBE = Shilling(attacks=("average",), n_seeds=2, n_targets=5, share=0.1)


def counting(rule: type[Baseline], log: InteractionLog = LOG) -> Auditee:
    """An auditee whose copies count anew; nothing in it is drawn at random."""
    own = log

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        return rule.fitted(log or own, users)

    return Auditee(model=rule.fitted(own, WHO.members), log=own, population=WHO, fit=fit)


def measured(probe: Shilling, auditee: Auditee) -> list[Measurement]:
    evidence = probe.ask(auditee, np.random.default_rng(1))
    return probe.estimate(evidence, np.random.default_rng(1), 0.05)


def row(rows: Sequence[Measurement], name: str, group: str = "overall") -> Measurement:
    (found,) = [one for one in rows if one.name == name and one.group == group]
    return found


# Invented users


@pytest.mark.parametrize("attack", ATTACKS)
def test_fake_users_stand_after_the_real_ones_and_like_every_target(attack: str) -> None:
    targets = np.array([3, 70])
    crowd = Crowd(LOG, WHO.members)
    log, users = poisoned(crowd, attack=attack, targets=targets, n_fakes=7, rng=np.random.default_rng(0))
    assert log.user_ids[: LOG.n_users] == LOG.user_ids and log.n_users == LOG.n_users + 7
    np.testing.assert_array_equal(log.item[: len(LOG)], LOG.item)
    np.testing.assert_array_equal(users, [*WHO.members, *range(LOG.n_users, LOG.n_users + 7)])
    for fake in range(LOG.n_users, log.n_users):
        history = log.history(fake)
        assert len(set(history.items)) == len(history) == crowd.common_length
        assert all(history.liked[history.items.index(int(item))] for item in targets)
        assert log.attributes["gender"][fake] in LOG.attributes["gender"]
    assert log.digest != LOG.digest


def test_profiles_are_those_of_their_attack() -> None:
    crowd, free = Crowd(LOG, WHO.members), np.arange(len(LOG.catalog))
    rng = np.random.default_rng(0)
    items, likes = ATTACKS["bandwagon"](crowd, free, 6, rng)
    famous = np.argsort(-crowd.counts, kind="stable")[:4]
    assert set(items[:3].tolist()) <= set(famous.tolist()) and (likes[:3] == 1).all()
    items, likes = ATTACKS["segment"](crowd, free, 10, rng)
    genre = commonest_genre(crowd)
    assert all(genre in LOG.catalog.genres[item] for item in items[:5]) and (likes[:5] == 1).all()
    assert ((likes == 0) | [genre in LOG.catalog.genres[item] for item in items]).all()
    items, likes = ATTACKS["average"](crowd, free, 40, rng)
    np.testing.assert_allclose(likes, crowd.like_rates[items])
    assert np.ptp(ATTACKS["random"](crowd, free, 40, rng)[1]) == 0


def test_columns_that_a_log_lacks_stay_absent_and_those_it_has_are_filled() -> None:
    rating, timestamp = np.where(LOG.liked, 4.0, 2.0), np.arange(len(LOG))
    for log in (
        replace(LOG, rating=rating, timestamp=timestamp),
        replace(LOG, liked=None),
        replace(LOG, liked=None, rating=rating),
    ):
        crowd = Crowd(log, WHO.members)
        for attack in ATTACKS:
            made, _ = poisoned(
                crowd, attack=attack, targets=np.array([1]), n_fakes=3, rng=np.random.default_rng(0)
            )
            for name in ("liked", "rating", "timestamp"):
                assert (getattr(made, name) is None) == (getattr(log, name) is None)
            if made.timestamp is not None:
                assert all(
                    (np.diff(made.timestamp[made.rows(u)]) >= 0).all()
                    for u in range(LOG.n_users, made.n_users)
                )
            if made.rating is not None:
                assert set(np.unique(made.rating[len(log) :])) <= {2.0, 4.0}


def test_nobody_invented_leaves_the_data_as_they_are() -> None:
    log, users = poisoned(
        Crowd(LOG, WHO.members),
        attack="random",
        targets=np.array([1]),
        n_fakes=0,
        rng=np.random.default_rng(0),
    )
    assert log is LOG and users is WHO.members


def test_a_segment_needs_genres() -> None:
    bare = replace(LOG, catalog=replace(LOG.catalog, genres=((),) * len(LOG.catalog)))
    with pytest.raises(NotApplicable, match="knows none"):
        commonest_genre(Crowd(bare, WHO.members))


# What they do


def test_the_more_fake_users_the_more_item_knn_shows_what_they_push() -> None:
    gains: list[float] = []
    for share in (0.0, 0.1, 0.3, 0.6):
        rows = measured(replace(PROBE, share=share), counting(ItemKNN))
        gains.append(row(rows, "hit_gain", "average").value)
        assert np.sign(row(rows, "ndcg_gain", "average").value) == np.sign(gains[-1])
        assert row(rows, "chance_gain").value == 0
    assert gains[0] == 0 and gains == sorted(gains) and gains[-1] > 0.2


def test_attacks_are_judged_together_and_a_strong_one_fails() -> None:
    probe = Shilling(attacks=("random", "average", "bandwagon", "segment"), n_seeds=2, share=0.5, n_targets=5)
    rows = measured(probe, counting(ItemKNN))
    assert {one.group for one in rows if one.name == "hit_gain"} == set(probe.attacks)
    assert overall([judge(criterion, rows) for criterion in probe.criteria()]) == "fail"
    assert row(rows, "hit_gain", "bandwagon").note.startswith("from ")


def test_a_model_that_learns_nothing_passes() -> None:
    model = PlantedLister(catalog=LOG.catalog)

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        return model

    rows = measured(replace(PROBE, bound=0.1), Auditee(model=model, log=LOG, population=WHO, fit=fit))
    found = row(rows, "hit_gain", "average")
    assert found.value == 0 and found.low == -found.high == -(1 - 0.05 ** (1 / found.clusters))
    assert overall([judge(one, rows) for one in replace(PROBE, bound=0.1).criteria()]) == "pass"


def test_gains_are_those_of_a_hand_count() -> None:
    evidence = Evidence(
        columns={
            "cluster": np.array([1, 1, 2, 2]),
            "attack": np.array(["average"] * 4),
            "target": np.array([0, 1, 0, 1]),
            "training": np.zeros(4, dtype=int),
            "clean_place": np.array([0, 1, 0, 0]),
            "place": np.array([3, 1, 0, 1]),
        },
        facts={"attacks": ["average"]},
    )
    rows = PROBE.estimate(evidence, np.random.default_rng(0), 0.05)
    assert row(rows, "hit_gain", "average").value == pytest.approx(2 / 4)
    assert row(rows, "ndcg_gain", "average").value == pytest.approx((1 / np.log2(4) + 0 + 0 + 1) / 4)
    assert row(rows, "hit_gain", "average").clusters == 2


def test_twins_share_a_label_and_as_many_are_trained_as_are_announced() -> None:
    who, labels = counting(Popularity), list[str]()

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        labels.append(label)
        return who.fit(users, label=label, log=log, effort=effort)

    Shilling(n_targets=3, n_users=5).ask(replace(who, fit=fit), np.random.default_rng(0))
    assert len(labels) == Shilling.fits and set(map(labels.count, labels)) == {3}


def test_a_model_that_judges_orders_pushed_items_among_others() -> None:
    auditee = planted_auditee(LOG, rng=np.random.default_rng(1))
    probe = replace(PROBE, n_candidates=12, k=5, n_users=20)
    evidence = probe.ask(auditee, np.random.default_rng(0))
    assert evidence.columns["place"].max() <= 5 and (evidence.columns["place"] > 0).any()
    rows = probe.estimate(evidence, np.random.default_rng(0), 0.05)
    assert row(rows, "hit_gain", "average").value == 0


def test_one_training_a_side_is_said_and_settings_are_checked() -> None:
    probe = replace(PROBE, n_seeds=1)
    evidence = probe.ask(counting(Popularity), np.random.default_rng(0))
    assert "One training" in str(evidence.facts["caveats"])
    assert "chance_gain" not in {one.name for one in probe.estimate(evidence, np.random.default_rng(0), 0.05)}
    with pytest.raises(ValueError, match="attacks are random, average"):
        Shilling(attacks=("love",))
    with pytest.raises(ValueError, match="at least 1"):
        Shilling(n_seeds=0)


def test_exhibits_mark_what_was_pushed() -> None:
    cases = replace(PROBE, share=0.5).ask(counting(ItemKNN), np.random.default_rng(0)).exhibits
    assert cases[0].kind == "worst" and cases[0].effect >= 1
    assert any("(pushed)" in title for title, _, _ in cases[0].answers)


def test_a_trained_model_takes_fake_users_in_and_finds_them_again(tmp_path: Path) -> None:
    config = AuditConfig(model="diffrec", model_settings={"epochs": "1", "hidden": "16,8"})
    workshop = Workshop(
        recipe=recipe_of(config),
        log=LOG,
        population=WHO,
        seed=0,
        cache=Cache(tmp_path),
        run_id="x",
        listener=silent,
    )
    model = workshop.audited().model
    log, users = poisoned(
        Crowd(LOG, WHO.members),
        attack="average",
        targets=np.array([1]),
        n_fakes=5,
        rng=np.random.default_rng(0),
    )
    clean, made, kept = (
        workshop.copies_of(model)(*args, label="shilling:twin 0", log=own)
        for args, own in (((WHO.members,), LOG), ((users,), log), ((users,), log))
    )
    requests = PROBE._requests(
        Auditee(model=model, log=LOG, population=WHO, fit=workshop.copies_of(model)),
        np.array([1]),
        np.random.default_rng(0),
    )
    answers = [
        [[e.item for e in s.entries] for s in one.recommend(requests, 10)] for one in (clean, made, kept)
    ]
    assert answers[1] == answers[2] != answers[0]


def test_the_trial_is_silent_and_loud() -> None:
    for dial, wanted in ((0.0, "pass"), (TRIAL.planted, "fail")):
        states = []
        for seed in range(20):
            rng = np.random.default_rng(seed)
            rows = TRIAL.probe.estimate(TRIAL.evidence(dial, rng), rng, 0.05)
            states.append(judge(TRIAL.probe.criteria()[0], rows).state)
        assert states.count(wanted) >= 19
