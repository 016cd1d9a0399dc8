"""Whole histories and how well they are restored, held against brute force and against known answers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.models.data import FloatArray, History, InteractionLog
from recaudit.models.datasets.world import WorldSettings, build_world
from recaudit.models.planted.denoiser import PlantedDenoiser
from recaudit.models.planted.yes_no import PlantedYesNo
from recaudit.probes.base import Auditee, NotApplicable
from recaudit.probes.privacy._blind import blind_scores
from recaudit.probes.privacy._denoising_attacks import WholeHistories, draw_histories, near_duplicates
from recaudit.probes.stats.auc import auc, delong
from recaudit.probes.testing import denoising_auditee


def world(users: int = 500, per_user: int = 25) -> InteractionLog:
    settings = WorldSettings(users=users, items=300, per_user=per_user)
    return build_world(settings, name="w", rng=np.random.default_rng(3))


def drawn(who: Auditee, *, n_users: int = 500, seed: int = 0) -> WholeHistories:
    return draw_histories(
        who.log,
        who.population.members,
        who.population.held_out,
        model=who.model,
        n_users=n_users,
        noise_levels=(0.0, 0.5, 1.0),
        rng=np.random.default_rng(seed),
    )


@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=6)),
        max_size=10,
    )
)
@settings(max_examples=80, deadline=None)
def test_near_duplicates_are_those_that_comparing_all_pairs_finds(
    rows: list[tuple[bool, list[tuple[int, bool]]]],
) -> None:
    histories = [
        History(user, tuple(item for item, _ in own), tuple(like for _, like in own))
        for user, (_, own) in enumerate(rows)
    ]
    liked = [{item for item, like in own if like} for _, own in rows]
    brute = [
        any(
            mine != theirs and len(one - other) <= 1 and len(other - one) <= 1
            for (theirs, _), other in zip(rows, liked, strict=True)
        )
        for (mine, _), one in zip(rows, liked, strict=True)
    ]
    member = np.array([side for side, _ in rows], dtype=np.bool_)
    found = near_duplicates(histories, member, n_items=6, rng=np.random.default_rng(1))
    assert found.tolist() == brute


def test_without_likes_all_items_count_as_entries() -> None:
    pair = [History(0, (1, 2, 3, 3)), History(1, (3, 2, 4)), History(2, (1, 5, 6))]
    member = np.array([True, False, False])
    found = near_duplicates(pair, member, n_items=9, rng=np.random.default_rng(0))
    assert found.tolist() == [True, True, False]


# What the closed forms say


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_denoiser_that_memorised_gives_everyone_away_and_a_prior_no_one(step: int) -> None:
    log = replace(world(per_user=40), liked=None)
    for memory in (1.0, 0.0):
        who = denoising_auditee(log, memory=memory, rng=np.random.default_rng(2))
        rows = replace(drawn(who), steps=(step,))
        known = rows.known(who.model)
        if memory:
            assert auc(known[rows.member], known[~rows.member]) == 1.0
        else:
            interval = delong(known[rows.member], known[~rows.member], alpha=0.025)
            assert interval is not None and interval.low < 0.5 < interval.high


def test_the_score_is_minus_the_mean_log_error_with_one_noise_for_everyone() -> None:
    who = denoising_auditee(world(), memory=0.1, rng=np.random.default_rng(2))
    rows = drawn(who)
    assert isinstance(who.model, PlantedDenoiser) and rows.steps == (0, 1, 2) and rows.levels == 3
    rng = np.random.default_rng(rows.seed)
    errors = who.model.denoising_errors(rows.histories, [0, 1, 2], rng=rng)
    known = rows.known(who.model)
    assert known == pytest.approx(-np.log(errors).mean(axis=1)) and rows.plain(known) is known
    few = rows.of_users(rows.user[5:9])
    assert few.known(who.model) == pytest.approx(known[5:9])


def test_a_perfect_restoration_scores_finitely() -> None:
    log = replace(world(), liked=None)
    who = denoising_auditee(log, memory=1.0, rng=np.random.default_rng(2))
    known = replace(drawn(who), steps=(0,)).known(who.model)
    assert known.max() == pytest.approx(-np.log(1e-12))


# Who is asked


def test_sides_are_equal_and_hand_in_all_they_did() -> None:
    log = world()
    who = denoising_auditee(log, rng=np.random.default_rng(2))
    rows = drawn(who, n_users=60)
    assert rows.dropped == 0 and rows.member.sum() == 60 and len(rows.member) == 120
    assert np.array_equal(rows.member, np.isin(rows.user, who.population.members))
    assert all(history == log.history(history.user) for history in rows.histories)
    people = rows.people()
    assert [history.user for history in people] == sorted(rows.user.tolist())


def test_people_who_like_nothing_are_not_drawn() -> None:
    log = world()
    assert log.liked is not None
    glum = replace(log, liked=log.liked & (log.user % 2 == 0))
    rows = drawn(denoising_auditee(glum, rng=np.random.default_rng(2)))
    assert len(rows.user) > 100 and not (rows.user % 2).any()


def test_a_copy_on_the_other_side_drops_both() -> None:
    log = world(per_user=40)
    who = denoising_auditee(log, rng=np.random.default_rng(2))
    one, other = who.population.members[0], who.population.held_out[0]
    assert log.liked is not None
    item, liked = log.item.copy(), log.liked.copy()
    item[log.rows(other)], liked[log.rows(other)] = item[log.rows(one)], liked[log.rows(one)]
    rows = drawn(replace(who, log=replace(log, item=item, liked=liked)))
    assert rows.dropped == 2 and not {one, other} & set(rows.user.tolist())


def test_too_few_people_are_refused_in_words() -> None:
    who = denoising_auditee(world(), rng=np.random.default_rng(2))
    alone = replace(who.population, members=who.population.members[:9])
    with pytest.raises(NotApplicable, match="9 members and 9 held-out users have a history of their own"):
        drawn(replace(who, population=alone))
    nobody = replace(who.population, held_out=np.zeros(0, dtype=np.int64))
    with pytest.raises(NotApplicable, match="0 members and 0 held-out users"):
        drawn(replace(who, population=nobody))


def test_models_that_restore_nothing_or_give_no_number_are_refused_in_words() -> None:
    class Broken(PlantedDenoiser):
        def denoising_errors(self, *args: object, **settings: object) -> FloatArray:
            found = super().denoising_errors(*args, **settings)  # type: ignore[arg-type]
            found[3, 1] = np.inf
            return found

    who = denoising_auditee(world(), rng=np.random.default_rng(2))
    rows = drawn(who)
    assert isinstance(who.model, PlantedDenoiser)
    broken = Broken(catalog=who.catalog, shares=who.model.shares, remembered=who.model.remembered, memory=0.0)
    with pytest.raises(NotApplicable, match=f"gave no number for 1 of {len(rows.user)} histories"):
        rows.known(broken)
    with pytest.raises(NotApplicable, match="does not restore noised histories"):
        rows.known(PlantedYesNo(catalog=who.catalog))


def test_the_blind_classifier_reads_whole_histories() -> None:
    log = world()
    who = denoising_auditee(log, rng=np.random.default_rng(2))

    def blind_auc(seed: int, seen: InteractionLog) -> float:
        rng = np.random.default_rng(seed)
        users = rng.permutation(500)
        population = replace(
            who.population,
            base=np.zeros(0, dtype=np.int64),
            reference=np.zeros(0, dtype=np.int64),
            members=users[:250],
            held_out=users[250:],
        )
        if seen is not log:
            place = np.arange(len(log)) - log.starts[log.user]
            seen = log.take(np.flatnonzero(np.isin(log.user, users[:250]) | (place < 22)))
        rows = drawn(replace(who, log=seen, population=population))
        users = np.sort(rows.user)
        scores, member = blind_scores(seen, rows, rng=rng), np.isin(users, population.members)
        value = auc(scores[member], scores[~member])
        assert value is not None
        return value

    # sd .037 at 250 users a side (the doubled variance), so the mean of 6 has .015
    assert abs(np.mean([blind_auc(seed, log) for seed in range(6)]) - 0.5) < 0.045
    assert blind_auc(0, replace(log, name="shorter")) > 0.95
