"""The log keeps its order, windows come from one user alone, and user sets never overlap."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.models.data import Catalog, DataError, History, InteractionLog, examples
from recaudit.models.datasets.world import WorldSettings, build_world, load
from recaudit.models.splits import Population, split_population


def catalog(n: int) -> Catalog:
    return Catalog(
        ids=tuple(f"i{item}" for item in range(n)),
        titles=tuple(f"Title {item}" for item in range(n)),
        years=np.zeros(n, dtype=np.int64),
        genres=((),) * n,
    )


rows = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 9), st.booleans(), st.integers(0, 50)), max_size=60
)


def log_of(entries: list[tuple[int, int, bool, int]]) -> InteractionLog:
    user, item, liked, time = (
        (list(column) for column in zip(*entries, strict=True)) if entries else ([],) * 4
    )
    return InteractionLog.build(
        name="made",
        catalog=catalog(10),
        user_ids=tuple("abcde"),
        user=user,
        item=item,
        liked=liked,
        timestamp=time,
    )


@given(rows)
def test_a_log_holds_the_same_rows_by_user_and_time(entries: list[tuple[int, int, bool, int]]) -> None:
    log = log_of(entries)
    held = [(row.user, row.item, row.liked, row.timestamp) for row in log.interactions()]
    assert held == sorted(entries, key=lambda entry: (entry[0], entry[3]))
    assert sum(len(log.history(user)) for user in range(5)) == len(entries)


@given(rows, st.sets(st.integers(0, 4)))
def test_only_keeps_whole_users(entries: list[tuple[int, int, bool, int]], users: set[int]) -> None:
    log = log_of(entries)
    part = log.only(sorted(users))
    for user in range(5):
        expected = log.history(user) if user in users else History(user, ())
        assert part.history(user).items == expected.items


@given(rows, st.integers(1, 4), st.integers(1, 5))
def test_windows_are_full_and_end_before_their_target(
    entries: list[tuple[int, int, bool, int]], per_user: int, length: int
) -> None:
    log = log_of(entries)
    for rng in (None, np.random.default_rng(0)):
        for example in examples(log, range(5), per_user=per_user, length=length, rng=rng):
            whole = log.history(example.history.user)
            assert len(example.history) == length
            places = [
                end
                for end in range(length, len(whole))
                if whole.items[end - length : end] == example.history.items
                and whole.items[end] == example.target
                and whole.liked[end] == example.liked
            ]
            assert places


def test_without_a_generator_the_latest_windows_are_taken() -> None:
    log = log_of([(0, item, True, item) for item in range(8)])
    assert [e.target for e in examples(log, [0], per_user=2, length=3, rng=None)] == [6, 7]


def test_answers_need_likes() -> None:
    log = replace(log_of([(0, 1, True, 1)]), liked=None)
    with pytest.raises(DataError, match="no likes and dislikes"):
        examples(log, [0], per_user=1, length=1, rng=None)


def test_the_digest_sees_every_column() -> None:
    log = load("world-tiny", rng=np.random.default_rng(0))
    changed = [
        replace(log, liked=~log.liked),
        replace(log, item=(log.item + 1) % len(log.catalog)),
        replace(log, timestamp=log.timestamp + 1),
        replace(log, attributes={**log.attributes, "gender": log.attributes["gender"][::-1]}),
        replace(log, catalog=replace(log.catalog, titles=log.catalog.titles[::-1])),
    ]
    assert len({log.digest, *(other.digest for other in changed)}) == 6


def test_columns_of_unlike_length_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        replace(log_of([(0, 1, True, 1)]), item=np.array([1, 2]))
    with pytest.raises(ValueError, match="sorted by user"):
        replace(log_of([(0, 1, True, 1), (1, 1, True, 1)]), user=np.array([1, 0]))


@given(st.integers(0, 10_000), st.floats(0, 0.6), st.floats(0, 0.3))
def test_user_sets_are_disjoint_and_complete(seed: int, base: float, reference: float) -> None:
    log = log_of([(user, item, True, item) for user in range(5) for item in range(user + 1)])
    split = split_population(
        log, rng=np.random.default_rng(seed), base=base, reference=reference, smallest_history=2
    )
    everyone = np.concatenate([getattr(split, part.name) for part in fields(split)])
    assert sorted(everyone.tolist()) == [0, 1, 2, 3, 4]
    assert 0 in split.base


def test_withheld_users_are_in_no_set() -> None:
    log = load("world-tiny", rng=np.random.default_rng(0))
    split = split_population(log, rng=np.random.default_rng(0), withheld=np.arange(50))
    assert min(np.concatenate([getattr(split, part.name) for part in fields(split)])) == 50


def test_an_overlap_is_refused_and_digests_tell_splits_apart() -> None:
    empty = np.array([], dtype=np.int64)
    with pytest.raises(ValueError, match="disjoint"):
        Population(base=np.array([1]), members=np.array([1]), held_out=empty, reference=empty, canaries=empty)
    log = load("world-tiny", rng=np.random.default_rng(0))
    one, other = (split_population(log, rng=np.random.default_rng(seed)).digests() for seed in (1, 2))
    assert one["members"] != other["members"] and one["canaries"] == other["canaries"]


class TestWorld:
    def rate(self, settings: WorldSettings, attribute: str, value: str) -> float:
        log = build_world(settings, name="w", rng=np.random.default_rng(0))
        has = np.array([own == value for own in log.attributes[attribute]])[log.user]
        return float(log.liked[has].mean() - log.liked[~has].mean())

    def test_at_zero_no_attribute_matters(self) -> None:
        settings = WorldSettings(users=4000, items=300, per_user=20)
        assert abs(self.rate(settings, "gender", "woman")) < 0.03
        assert abs(self.rate(settings, "age", "under 25")) < 0.03

    def test_the_attribute_dial_raises_what_it_says(self) -> None:
        settings = WorldSettings(users=2000, items=300, per_user=20)
        small, large = (
            self.rate(replace(settings, attribute_effect=dial), "gender", "woman") for dial in (0.3, 1.0)
        )
        assert 0.03 < small < large

    def test_noisy_answers_are_a_coins(self) -> None:
        settings = WorldSettings(users=2000, items=300, per_user=20, noisy_answers=1.0)
        log = build_world(settings, name="w", rng=np.random.default_rng(0))
        man = np.array([own == "man" for own in log.attributes["gender"]])[log.user]
        assert log.liked[man].mean() == pytest.approx(0.5, abs=0.02)
        assert log.liked[~man].mean() > 0.55

    def test_repeats_are_met_again_and_answered_alike(self) -> None:
        settings = WorldSettings(users=50, items=100, per_user=20, repeats=0.5)
        log = build_world(settings, name="w", rng=np.random.default_rng(0))
        answers: dict[tuple[int, int], set[bool]] = {}
        for row in log.interactions():
            answers.setdefault((row.user, row.item), set()).add(bool(row.liked))
        assert len(log) > 50 * 20 and all(len(kinds) == 1 for kinds in answers.values())

    def test_titles_are_unique_and_the_same_seed_gives_the_same_world(self) -> None:
        one, other = (load("world-tiny", rng=np.random.default_rng(3)) for _ in range(2))
        assert one.digest == other.digest and len(set(one.catalog.titles)) == len(one.catalog)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"hats": "1"}, "no setting 'hats'"),
            ({"users": "x"}, "must be a number"),
            ({"users": "1"}, "at least 2"),
        ],
    )
    def test_wrong_settings_are_one_sentence(self, options: dict[str, str], said: str) -> None:
        with pytest.raises(DataError, match=said):
            load("world-tiny", options=options)

    def test_what_is_planted_is_on_record(self) -> None:
        assert load("world-honest", options={"users": "50"}).planted == {}
        assert set(load("world", options={"users": "50"}).planted) == {"attribute_effect", "noisy_answers"}
