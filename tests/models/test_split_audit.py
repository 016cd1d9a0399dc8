"""Splits and what they leak, on logs small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.models.data import Catalog, DataError, InteractionLog
from recaudit.models.split_audit import audit_split, global_time, leave_one_out, user_hold_out


def make_log(user: list[int], item: list[int], times: list[int] | None) -> InteractionLog:
    n_items = max(item) + 1
    catalog = Catalog(
        ids=tuple(str(i) for i in range(n_items)),
        titles=tuple(f"Item {i}" for i in range(n_items)),
        years=np.zeros(n_items, dtype=np.int64),
        genres=((),) * n_items,
    )
    users = tuple(f"u{u}" for u in range(max(user) + 1))
    return InteractionLog.build(
        name="hand-made", catalog=catalog, user_ids=users, user=user, item=item, timestamp=times
    )


# user 0 lives at times 1, 2, 3; user 1 at 4, 5, 6; item 3 is first met at time 5.
LOG = make_log([0, 0, 0, 1, 1, 1], [0, 1, 2, 1, 3, 0], [1, 2, 3, 4, 5, 6])


def test_global_time_cuts_once_for_everyone() -> None:
    split = global_time(LOG, 0.5)
    assert split.train.tolist() == [0, 1, 2] and split.test.tolist() == [3, 4, 5] and len(split.valid) == 0


def test_global_time_trains_on_no_row_of_a_tie() -> None:
    tied = make_log([0, 1, 2, 3], [0, 0, 0, 0], [1, 2, 2, 3])
    split = global_time(tied, 0.6)  # the cut falls on the second row with time 2
    assert split.train.tolist() == [0] and split.test.tolist() == [1, 2, 3]
    with pytest.raises(DataError, match="earlier than the cut at 50%: raise the share"):
        global_time(make_log([0, 1], [0, 0], [7, 7]), 0.5)


def test_leave_one_out_takes_the_last_two_rows_of_each_user() -> None:
    log = make_log([0, 0, 0, 1, 1, 2, 2, 2, 2], [0] * 9, [1, 2, 3, 1, 2, 1, 2, 3, 4])
    split = leave_one_out(log)
    assert split.test.tolist() == [2, 8] and split.valid.tolist() == [1, 7]
    assert split.train.tolist() == [0, 3, 4, 5, 6]  # user 1 has too few rows to be asked


def test_user_hold_out_keeps_users_apart() -> None:
    log = make_log([0, 0, 1, 3, 3], [0] * 5, None)
    split = user_hold_out(log, 0.34, rng=np.random.default_rng(0))
    assert len(np.unique(log.user[split.test])) == 1  # a third of the three users who have rows
    assert audit_split(log, split.train, split.test).user_overlap == 0
    assert sorted([*split.train.tolist(), *split.test.tolist()]) == list(range(5))


def test_splits_by_time_refuse_data_without_times() -> None:
    log = make_log([0, 0, 0], [0, 1, 2], None)
    with pytest.raises(DataError, match="'hand-made' has no times, and a split by time needs them"):
        global_time(log, 0.5)
    with pytest.raises(DataError, match="has no times, and leave-one-out needs them"):
        leave_one_out(log)
    told = audit_split(log, np.array([0]), np.array([1]))
    unknown = (told.train_after_test_rate, told.train_after_test_share, told.future_item_rate)
    assert unknown == (None, None, None)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_outside_0_and_1_is_refused(share: float) -> None:
    with pytest.raises(DataError, match="between 0 and 1"):
        global_time(LOG, share)
    with pytest.raises(DataError, match="between 0 and 1"):
        user_hold_out(LOG, share, rng=np.random.default_rng(0))


def test_audit_of_a_split_by_time_is_clean() -> None:
    split = global_time(LOG, 0.5)
    told = audit_split(LOG, split.train, split.test)
    assert (told.train, told.test, told.row_overlap, told.user_overlap) == (3, 3, 0, 0)
    leaks = (told.train_after_test_rate, told.train_after_test_share, told.future_item_rate)
    assert leaks == (0, 0, 0)
    assert told.near_duplicate_rate is None


def test_audit_counts_what_leave_one_out_leaks() -> None:
    split = leave_one_out(LOG)  # trains on rows 0 (time 1) and 3 (time 4), asks at times 3 and 6
    told = audit_split(LOG, split.train, split.test)
    assert told.user_overlap == 1
    assert told.train_after_test_rate == 1 / 2  # time 4 is after 3, nothing is after 6
    assert told.train_after_test_share == 1 / 4  # one of the four pairs
    assert told.future_item_rate == 0  # items 0 and 1 were there by time 2

    everything_else = np.array([0, 1, 3, 4])  # times 1 2 4 5, items 0 1 1 3, first met at 1 2 2 5
    told = audit_split(LOG, everything_else, split.test)
    assert told.train_after_test_share == 2 / 8
    assert told.future_item_rate == 1 / 8  # item 3 alone, and only seen from time 3


def test_audit_counts_rows_on_both_sides_and_shared_users() -> None:
    told = audit_split(LOG, np.array([0, 1, 2]), np.array([2, 3]))
    assert told.row_overlap == 1 / 2 and told.user_overlap == 1 / 2


def test_near_duplicates_are_windows_that_share_most_of_their_history() -> None:
    log = make_log([0] * 8 + [1] * 4, [0] * 12, list(range(12)))
    train, test = np.array([2, 8]), np.array([3, 4, 7, 9, 11])
    # distances to the nearest training row of the same user: 1, 2, 5, 1, 3
    for window, near, rate in [
        (10, 0.8, 3 / 5),
        (10, 0.9, 2 / 5),
        (10, 0.7, 4 / 5),
        (5, 0.8, 2 / 5),
        (5, 1, 0),
    ]:
        assert audit_split(log, train, test, window=window, near=near).near_duplicate_rate == rate
    # row 7 belongs to user 0 though row 8, of user 1, is next to it
    assert audit_split(log, np.array([8]), np.array([7]), window=5, near=0.2).near_duplicate_rate == 0


def test_audit_refuses_rows_that_are_not_there() -> None:
    with pytest.raises(DataError, match="the training rows must be some of the rows 0 to 5"):
        audit_split(LOG, np.array([], dtype=np.int64), np.array([1]))
    with pytest.raises(DataError, match="the test rows"):
        audit_split(LOG, np.array([1]), np.array([6]))
    with pytest.raises(DataError, match="window must be at least 1"):
        audit_split(LOG, np.array([1]), np.array([2]), window=0)


rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 9)), min_size=2, max_size=20)


@settings(max_examples=60, deadline=None)
@given(rows, st.data())
def test_audit_equals_counting_every_pair(table: list[tuple[int, int, int]], data: st.DataObject) -> None:
    log = make_log(*(list(column) for column in zip(*table, strict=True)))
    assert log.timestamp is not None
    sides = data.draw(st.lists(st.booleans(), min_size=len(log) - 2, max_size=len(log) - 2))
    in_train = np.array([True, *sides, False])
    train, test = np.flatnonzero(in_train), np.flatnonzero(~in_train)
    told = audit_split(log, train, test, window=4, near=0.5)

    time, item, user = log.timestamp.tolist(), log.item.tolist(), log.user.tolist()
    first = {x: min(t for t, y in zip(time, item, strict=True) if y == x) for x in item}
    pairs = [(i, j) for i in train for j in test]
    assert told.train_after_test_share == pytest.approx(np.mean([time[i] > time[j] for i, j in pairs]))
    assert told.future_item_rate == pytest.approx(np.mean([first[item[i]] > time[j] for i, j in pairs]))
    later = [any(time[i] > time[j] for i in train) for j in test]
    assert told.train_after_test_rate == pytest.approx(np.mean(later))
    close = [any(user[i] == user[j] and abs(i - j) <= 2 for i in train) for j in test]
    assert told.near_duplicate_rate == pytest.approx(np.mean(close))
