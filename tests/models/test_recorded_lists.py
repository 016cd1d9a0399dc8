"""Recorded lists: what was said is repeated to the letter, and what was not recorded is never made up."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recaudit.models.base import Request, Unanswerable
from recaudit.models.capabilities import Recorded, capabilities
from recaudit.models.data import Catalog, DataError, History, InteractionLog
from recaudit.models.recorded_lists import RecordedLists, RecordedListsConfig
from recaudit.models.splits import split_around
from recaudit.models.testing import RecommenderContract

TITLES = (
    "Toy Story (1995)",
    "Matrix, The (1999)",
    "Sabrina (1954)",
    "Sabrina (1995)",
    "Heat (1995)",
    "1984 (1984)",
)
LOG = InteractionLog.build(
    name="five",
    catalog=Catalog(
        ids=tuple(f"m{item}" for item in range(6)),
        titles=TITLES,
        years=np.array([1995, 1999, 1954, 1995, 1995, 1984]),
        genres=((),) * 6,
    ),
    user_ids=("ann", "bob", "cy", "dee", "eve"),
    user=[0, 0, 0, 1, 1, 2, 3],
    item=[0, 1, 2, 3, 4, 0, 5],
    liked=[True, False, True, True, True, False, True],
)
CSV = """user,gender,rank,title,score
bob,,2,Heat,0.5
bob,,1,"The Matrix (1999)",0.9
bob,woman,1,Blade Runner 2049,
ann,,1,Sabrina,
ann,,2,Sabrina (1995),
ann,,3,Sabrina (1995),
zoe,,1,Heat,
cy,,1,,
"""


def lists(path: Path, text: str, **columns: object) -> RecordedLists:
    path.write_text(text, encoding="utf-8")
    return RecordedLists.of_log(LOG, RecordedListsConfig(path=path, **columns))


@pytest.fixture
def model(tmp_path: Path) -> RecordedLists:
    return lists(tmp_path / "lists.csv", CSV, attributes=("gender",))


def of(user: int, **changes: object) -> Request:
    return Request(history=LOG.history(user), **changes)


def refused(model: RecordedLists, *requests: Request) -> str:
    with pytest.raises(Unanswerable) as raised:
        model.recommend(requests, 5)
    return str(raised.value)


def data_error(path: Path, text: str, **columns: object) -> str:
    with pytest.raises(DataError) as raised:
        lists(path, text, **columns).recommend([of(0)], 1)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_lists_are_repeated_by_rank_with_words_items_and_scores(model: RecordedLists) -> None:
    bob, ann, cy = model.recommend([of(1), of(0), of(2)], 5)
    assert [(one.item, one.score, one.raw) for one in bob.entries] == [
        (1, 0.9, "The Matrix (1999)"),
        (4, 0.5, "Heat"),
    ]
    assert [(one.item, one.raw) for one in ann.entries] == [
        (None, "Sabrina"),
        (3, "Sabrina (1995)"),
        (3, "Sabrina (1995)"),
    ]
    assert cy.entries == ()
    assert [one.item for one in model.recommend([of(0)], 2)[0].entries] == [None, 3]
    assert model.write([of(1)]) == ["The Matrix (1999)\nHeat"]


def test_attributes_are_those_that_were_stated(model: RecordedLists) -> None:
    assert model.readable_attributes() == {"gender": ("woman",)} and model.wordings() == 1
    (slate,) = model.recommend([of(1, attributes=(("gender", "woman"),))], 5)
    assert [(one.item, one.raw) for one in slate.entries] == [(None, "Blade Runner 2049")]
    assert model.recorded_users().tolist() == [0, 1, 2] and model.recorded_profile(1) == ()
    assert model.holds([of(0), of(0, attributes=(("gender", "woman"),)), of(3)]).tolist() == [
        True,
        False,
        False,
    ]


def test_what_was_not_recorded_is_refused_without_naming_anyone(model: RecordedLists) -> None:
    said = refused(model, of(1), of(0, attributes=(("gender", "woman"),)))
    assert "1 of 2 requests" in said and "states gender=woman" in said and "ann" not in said
    assert "1 of 1 requests" in refused(model, of(3))
    assert "in wording 1" in refused(model, of(0, wording=1))
    assert "items to choose from" in refused(model, of(0, candidates=(1, 2)))
    for changed in ({"titles": ((0, "X"),)}, {"demonstrations": ("y",)}, {"layout": "swapped"}):
        assert "texts or the layout" in refused(model, of(0, **changed))
    assert "repeat 2 was asked for and 1 recorded" in refused(model.redrawn(1), of(0))


@pytest.mark.parametrize(
    "history",
    [
        History(0, (0, 2), (True, True)),
        History(0, (1, 0, 2), (False, True, True)),
        History(0, (0, 1, 2), (True, True, True)),
        History(0, (0, 1, 2)),
        History(0, (0, 1, 3), (True, False, True)),
        History(0, ()),
        History(0, (0, 1, 2, 3), (True, False, True, True)),
    ],
    ids=["one left out", "turned", "like flipped", "likes left out", "swapped", "empty", "longer"],
)
def test_a_changed_history_gets_no_recorded_list(model: RecordedLists, history: History) -> None:
    assert "the history was changed" in refused(model, Request(history=history))


def test_any_first_or_last_part_of_the_own_history_will_do_but_not_two_at_once(model: RecordedLists) -> None:
    parts = [Request(history=LOG.history(0).reordered(order)) for order in ((0, 1), (1, 2), (2,))]
    answers = [model.recommend([part], 5)[0].entries for part in parts]
    assert answers[0] == answers[1] == answers[2]
    assert "two histories of one user" in refused(model, parts[0], parts[2])
    (other,) = model.recommend([replace(parts[0], condition="again")], 1)
    assert other.request.condition == "again"


def test_ids_and_words_may_stand_together_and_unknown_ids_stay_seen(tmp_path: Path) -> None:
    text = "who,film,said\nann,m4,Heat!\nann,1984,\nann,,Heat\nann,x,The Matrix\n"
    model = lists(tmp_path / "l.csv", text, user="who", item="film", title="said")
    (slate,) = model.recommend([of(0)], 9)
    assert [(one.item, one.raw) for one in slate.entries] == [
        (4, "Heat!"),
        (None, "1984"),
        (4, "Heat"),
        (None, "The Matrix"),
    ]
    assert model.describe()["settings"]["entries_with_an_unknown_id"] == 2


def test_only_what_the_file_holds_can_be_asked(model: RecordedLists, tmp_path: Path) -> None:
    assert isinstance(model, Recorded)
    assert capabilities(model) == {"ranks", "recorded", "reads_attributes", "writes_text"}
    ids = lists(tmp_path / "ids.csv", "user,item,repeat\nann,m1,1\nann,m2,2\n")
    assert capabilities(ids) == {"ranks", "recorded", "draws"}


def test_repeats_go_by_their_numbers(tmp_path: Path) -> None:
    model = lists(tmp_path / "l.csv", "user,item,repeat\nann,m3,10\nann,m1,2\nann,m2,2\n")
    answers = [model.redrawn(draw).recommend([of(0)], 5)[0].entries for draw in (0, 1)]
    assert [[one.item for one in own] for own in answers] == [[1, 2], [3]]


def test_wordings_and_conditions_keep_their_lists_apart(tmp_path: Path) -> None:
    rows = [
        (user, wording, age, gender, rank, int(rank * 7 + len(user + wording + age + gender)) % 6)
        for user in LOG.user_ids
        for wording in ("short", "long one")
        for age in ("", "20", "30")
        for gender in ("", "man", "woman")
        for rank in (1, 2, 3)
    ]
    order = np.random.default_rng(0).permutation(len(rows))
    lines = [",".join(map(str, (*rows[at][:5], f"m{rows[at][5]}"))) for at in order]
    text = "user,wording,age,gender,rank,item\n" + "\n".join(lines)
    model = lists(tmp_path / "l.csv", text, attributes=("age", "gender"))
    first = rows[order[0]][1]
    numbers = {first: 0, ({"short", "long one"} - {first}).pop(): 1}
    for user, wording, age, gender, rank, item in rows:
        stated = tuple(pair for pair in (("gender", gender), ("age", age)) if pair[1])
        request = of(LOG.user_ids.index(user), attributes=stated, wording=numbers[wording])
        assert model.recommend([request], 3)[0].entries[rank - 1].item == item
    assert model.wordings() == 2 and model.recorded_profile(0) == ()


def test_every_format_gives_the_same_lists(tmp_path: Path) -> None:
    import pandas as pd

    log = replace(LOG, user_ids=("1", "2", "3", "4", "5"))
    rows = [
        {"user": 2, "gender": None, "rank": 2, "title": "Heat", "score": None},
        {"user": 2, "gender": None, "rank": 1, "title": 'The "Matrix",\n (1999)', "score": 0.5},
        {"user": 1, "gender": "man", "rank": 1, "title": "Sabrina (1954)", "score": 1},
    ]
    table = pd.DataFrame(rows)
    table.to_csv(tmp_path / "l.csv", index=False)
    table.to_csv(tmp_path / "l.tsv", index=False, sep="\t")
    table.to_parquet(tmp_path / "l.parquet", index=False)
    (tmp_path / "l.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    found = []
    for kind in ("csv", "tsv", "parquet", "jsonl"):
        config = RecordedListsConfig(path=tmp_path / f"l.{kind}", attributes=("gender",))
        model = RecordedLists.of_log(log, config)
        slates = model.recommend([of(1), of(0, attributes=(("gender", "man"),))], 5)
        found.append([slate.entries for slate in slates])
    assert found[0][0][0].raw == 'The "Matrix",\n (1999)' and found[0][0][0].score == 0.5
    assert [one.item for one in found[0][0]] == [1, 4]
    assert found[1:] == found[:1] * 3


def test_a_file_is_read_again_once_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    assert lists(path, "user,item\nann,m1\n").recommend([of(0)], 1)[0].entries[0].item == 1
    assert lists(path, "user,item\nann,m2\nann,m3\n").recommend([of(0)], 1)[0].entries[0].item == 2


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("usr,item\nann,m1\n", {}, "no column 'user' for user (did you mean 'usr'?)"),
        ("user;item\nann;m1\n", {}, "no column 'user'"),
        ("user,thing\nann,m1\n", {}, "neither item ids (column 'item') nor titles (column 'title')"),
        ("user,item\nann,m1\n", {"rank": "place"}, "no column 'place' for rank"),
        ("user,item\nann,m1\n", {"attributes": ("gender",)}, "no column 'gender' for attributes"),
        ("user,item\nann,m1\n,m2\n", {}, "column 'user', row 2: a value is missing"),
        ("user,item,rank\nann,m1,1\nann,m2,\n", {}, "column 'rank', row 2: a value is missing"),
        ("user,item,rank\nann,m1,1\nann,m2,best\n", {}, "a rank must be a number, got 'best'"),
        (
            "user,item,rank\nann,m1,1\nbob,m2,1\nann,m2,1\n",
            {},
            "rows 1 and 3: two entries of one list at rank 1",
        ),
        ("user,item,score\nann,m1,much\n", {}, "'much'"),
        ("user,item\nann,m1,2\n", {}, "malformed"),
        ("user,item,item\nann,m1,2\n", {}, "more than one column 'item'"),
        ("user,item\n", {}, "holds no rows"),
        ("user,item\nkim,m1\n", {}, "none of the 1 users"),
        ("user,item\nann,7\n", {}, "none of the 1 items"),
        ("user,item\nann,m1\n", {"separator": ";;"}, "separator must be one character"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(
    text: str, columns: dict[str, object], said: str, tmp_path: Path
) -> None:
    assert said in data_error(tmp_path / "l.csv", text, **columns)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "recorded lists are one of .csv" in data_error(tmp_path / "l.txt", "x")
    assert "no parquet file" in data_error(tmp_path / "l.parquet", "x")
    assert "line 2: malformed json" in data_error(tmp_path / "l.jsonl", '{"user": "ann", "item": "m1"}\n{')
    (tmp_path / "l.csv").write_bytes(b"user,item\nann,\xff\n")
    with pytest.raises(DataError, match=r"UTF-?8"):
        RecordedLists.of_log(LOG, RecordedListsConfig(path=tmp_path / "l.csv")).recorded_users()
    with pytest.raises(DataError, match="there is no file"):
        RecordedLists.of_log(LOG, RecordedListsConfig(path=tmp_path / "none.csv")).recorded_users()


def test_recorded_users_are_asked_and_the_others_counted() -> None:
    rng = np.random.default_rng(0)
    some = split_around(LOG, np.array([0, 1, 4]), rng=rng)
    assert some.held_out.tolist() == [0, 1] and some.members.tolist() == [2, 3]
    everyone = split_around(LOG, np.arange(5), rng=rng)
    assert len(everyone.members) == 1 and len(everyone.held_out) == 3
    assert not {len(everyone.base), len(everyone.reference), len(everyone.canaries)} - {0}


class TestContract(RecommenderContract):
    @pytest.fixture
    def recommender(self, tmp_path: Path) -> RecordedLists:
        rows = [
            f"{user},{ticket},{repeat},{rank},m{(rank + repeat) % 6}"
            for user in LOG.user_ids
            for ticket in ("", "odd", "even")
            for repeat in range(4)
            for rank in range(1, 6)
        ]
        text = "user,ticket,repeat,rank,item\n" + "\n".join(rows)
        return lists(tmp_path / "l.csv", text, attributes=("ticket",), placebos=("ticket",))

    @pytest.fixture
    def requests(self) -> Sequence[Request]:
        return [of(user) for user in range(4)]
