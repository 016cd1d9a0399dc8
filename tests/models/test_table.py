"""A user's own files, right and wrong in every way a new user gets them wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from recaudit.models.data import DataError, InteractionLog
from recaudit.models.datasets import table

CSV = (
    "user,item,rating,timestamp,title,genres,year,gender\n"
    'ann,i2,4,300,"Tin Orchard, The",Drama|War,1950,woman\n'
    "bob,i1,2.5,200,=HYPERLINK(1),Comedy,,man\n"
    "ann,i1,5,100,=HYPERLINK(1),Comedy,,woman\n"
)


def load(path: Path, /, **options: str) -> InteractionLog:
    return table.load("table", where=path, options=options)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path, options: Mapping[str, str]) -> str:
    with pytest.raises(DataError) as raised:
        table.load("table", where=path, options=options)
    said = str(raised.value)
    assert "\n" not in said
    return said


def test_a_csv_with_plain_names_needs_no_mapping(tmp_path: Path) -> None:
    log = load(write(tmp_path / "log.csv", CSV), attributes="gender", like_above="3")
    assert log.user_ids == ("ann", "bob") and log.catalog.ids == ("i2", "i1")
    assert log.catalog.titles == ("Tin Orchard, The", "=HYPERLINK(1)")
    assert log.catalog.genres == (("Drama", "War"), ("Comedy",))
    assert log.catalog.years.tolist() == [1950, 0]
    assert log.attributes == {"gender": ("woman", "man")}
    assert log.rating is not None and log.liked is not None and log.timestamp is not None
    assert (log.user.tolist(), log.item.tolist()) == ([0, 0, 1], [1, 0, 1])
    assert (log.rating.tolist(), log.timestamp.tolist()) == ([5, 4, 2.5], [100, 300, 200])
    assert log.liked.tolist() == [True, True, False]
    assert load(tmp_path / "log.csv").liked is None  # a scale says nothing of likes by itself


def test_every_format_gives_the_same_log(tmp_path: Path) -> None:
    import pandas as pd

    rows = [
        {"user": 7, "item": 1, "liked": True, "timestamp": 20, "title": "A", "genres": ["X", "Y"]},
        {"user": 3, "item": 2, "liked": False, "timestamp": 10, "title": "2018-11-13", "genres": []},
        {"user": 7, "item": 2, "liked": True, "timestamp": 5, "title": "2018-11-13", "genres": []},
    ]
    write(tmp_path / "log.jsonl", "\n".join(json.dumps(row) for row in rows) + "\n\n")
    pd.DataFrame(rows).to_parquet(tmp_path / "log.parquet")
    flat = pd.DataFrame(rows).assign(genres=["X|Y", "", ""])
    flat.to_csv(tmp_path / "log.csv", index=False)
    flat.to_csv(tmp_path / "log.tsv", index=False, sep="\t")
    logs = {kind: load(tmp_path / f"log.{kind}") for kind in ("jsonl", "parquet", "csv", "tsv")}
    assert len({log.digest for log in logs.values()}) == 1
    log = logs["csv"]
    assert log.user_ids == ("7", "3") and log.catalog.titles == ("A", "2018-11-13")
    assert log.liked is not None and log.liked.tolist() == [True, True, False]


def test_columns_items_and_users_may_have_other_names_and_files(tmp_path: Path) -> None:
    write(
        tmp_path / "log.csv", "reader;isbn;when\nu1;b1;2024-05-31T18:00:00\nu1;b2;2024-05-31T19:00:00+02:00\n"
    )
    write(
        tmp_path / "books.csv", "isbn;name;author;kind\nb1;Salt;Li;Sea, Sail\nb2;Tin;Mo;\nb3;Never read;Mo;\n"
    )
    write(tmp_path / "people.csv", "reader;age;country\nu1;40;nan\nu2;;NO\n")
    log = load(
        tmp_path / "log.csv",
        user="reader",
        item="isbn",
        timestamp="when",
        title="name",
        provider="author",
        genres="kind",
        genre_separator=",",
        separator=";",
        items="books.csv",
        users="people.csv",
        attributes="age, country",
    )
    assert log.catalog.titles == ("Salt", "Tin", "Never read") and log.catalog.providers == ("Li", "Mo", "Mo")
    assert log.catalog.genres == (("Sea", "Sail"), (), ())
    assert log.user_ids == ("u1", "u2") and log.item_counts.tolist() == [1, 1, 0]
    assert log.attributes == {"age": ("40", ""), "country": ("", "NO")}
    assert log.timestamp is not None and log.rating is None and log.liked is None
    assert np.diff(log.timestamp).tolist() == [3_600] and log.item.tolist() == [1, 0]


def test_an_empty_name_leaves_a_column_out(tmp_path: Path) -> None:
    log = load(write(tmp_path / "log.csv", CSV), title="", rating="", timestamp="")
    assert log.catalog.titles == log.catalog.ids and log.rating is None and log.timestamp is None


HOSTILE = [
    "<script>alert(1)</script>",
    '", "',
    "nan",
    "NULL",
    "два\u202eабв",
    "a\nb",
    "{{ 7*7 }}",
    "  spaced ",
]


def test_hostile_titles_stay_text(tmp_path: Path) -> None:
    import csv

    with (tmp_path / "log.csv").open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["user", "item", "title"])
        writer.writerows(["u", f"i{at}", title] for at, title in enumerate(HOSTILE))
    lines = [json.dumps({"user": "u", "item": f"i{at}", "title": title}) for at, title in enumerate(HOSTILE)]
    write(tmp_path / "log.jsonl", "\n".join(lines))
    for kind in ("csv", "jsonl"):
        assert list(load(tmp_path / f"log.{kind}").catalog.titles) == HOSTILE


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "holds no rows; its columns are none"),
        ("user,item\n", {}, "holds no rows; its columns are user, item"),
        ("user,isbn\nu,b\n", {}, "no column 'item' for item; its columns are user, isbn: set item=COLUMN"),
        (
            "reader,isbn\nu,b\n",
            {},
            "no column 'user' for user and no column 'item' for item; its columns are",
        ),
        ("users,item\nu,b\n", {}, "no column 'user' for user (did you mean 'users'?)"),
        ("user,item\nu,b\n", {"rating": "stars"}, "no column 'stars' for rating"),
        ("user,item\nu,b\n", {"attributes": "age"}, "no column 'age' for age; its columns are user, item"),
        ("user,item\nu,b\n", {"itm": "b"}, "no option 'itm' (did you mean 'item'?); it has user, item"),
        ("user,item\nu,b\n", {"like_above": "3"}, "like_above needs ratings"),
        ("user,item,rating\nu,b,1\n", {"like_above": "high"}, "like_above must be a number, got 'high'"),
        ("user,item\nu,b\n", {"liked": "x", "like_above": "3"}, "either liked=COLUMN or like_above=NUMBER"),
        (
            "user,item\nu,b\n,c\n",
            {},
            "column 'user', row 2: an id is missing here: fill it in or drop the row",
        ),
        ("user,item\nu,b\nu,NaN\n", {}, "column 'item', row 2: an id is missing here"),
        ("user,item,rating\nu,b,1\nu,c,good\n", {}, "column 'rating', row 2: expected a number, got 'good'"),
        ("user,item,rating\nu,b,1\nu,c,\n", {}, "column 'rating', row 2: expected a number, got ''"),
        ("user,item,rating\nu,b,inf\n", {}, "column 'rating', row 1: expected a number, got 'inf'"),
        (
            "user,item,liked\nu,b,perhaps\n",
            {},
            "column 'liked', row 1: expected true or false, yes or no, 1 or 0",
        ),
        ("user,item,timestamp\nu,b,noon\n", {}, "row 1: expected seconds since 1970 or an ISO date"),
        ("user,item,year\nu,b,19x0\n", {}, "column 'year', row 1: expected a year or nothing, got '19x0'"),
        (
            "user,item,title\nu,b,A\nv,b,B\n",
            {},
            "column 'title', row 2: item 'b' has 'A' in an earlier row, got 'B'",
        ),
        (
            "user,item,sex\nu,b,m\nu,c,f\n",
            {"attributes": "sex"},
            "column 'sex', row 2: user 'u' has 'm' in an",
        ),
        ("user,item\nu,b,c\n", {}, "row 1: expected 2 fields as in the header, got 3"),
        ("user,item\nu,b\n\nu\n", {}, "row 2: expected 2 fields as in the header, got 1"),
        ('user,item\nu,"b\n', {}, "malformed csv (unexpected end of data)"),
        ("user;item\nu;b\n", {}, "seems to stand in columns between ';': give separator=;"),
        ("user,item,item\nu,b,c\n", {}, "more than one column 'item'; rename one"),
        ("user,item\nu,b\n", {"separator": "::"}, "separator must be one character, got '::'"),
        ("user,item\nu,b\n", {"items": "no.csv"}, "there is no file no.csv"),
    ],
)
def test_a_wrong_csv_is_named_with_its_place(
    tmp_path: Path, text: str, options: dict[str, str], message: str
) -> None:
    assert message in refused(write(tmp_path / "log.csv", text), options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"user": 1, "item": 2}\n{"user": 1,\n', "log.jsonl, line 2: malformed json"),
        ('{"user": 1, "item": 2}\n[1, 2]\n', "log.jsonl, line 2: expected an object {...}, got '[1, 2]'"),
        ('{"user": 1, "item": 2}\n{"user": null, "item": 2}\n', "column 'user', row 2: an id is missing"),
        ('{"user": 1, "item": 2}\n{"item": 2}\n', "column 'user', row 2: an id is missing"),
        ("\n\n", "holds no rows"),
    ],
)
def test_a_wrong_jsonl_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    assert message in refused(write(tmp_path / "log.jsonl", text), {})


def test_a_wrong_parquet_is_named(tmp_path: Path) -> None:
    import pandas as pd

    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    assert "bad.parquet is not a readable parquet file" in refused(tmp_path / "bad.parquet", {})
    pd.DataFrame({"user": [1.0, None], "item": [1, 2]}).to_parquet(tmp_path / "nan.parquet")
    assert "column 'user', row 2: an id is missing" in refused(tmp_path / "nan.parquet", {})
    pd.DataFrame({"reader": [1], "book": [2]}).to_parquet(tmp_path / "other.parquet")
    assert "its columns are reader, book: set user=COLUMN, item=COLUMN" in refused(
        tmp_path / "other.parquet", {}
    )
    pd.DataFrame(
        {"user": [1.0, 2.0], "item": [1, 2], "timestamp": pd.to_datetime(["2024-01-01", "2024-01-02"])}
    ).to_parquet(tmp_path / "fine.parquet")
    log = load(tmp_path / "fine.parquet")
    assert log.user_ids == ("1", "2") and log.timestamp is not None
    assert log.timestamp.tolist() == [1_704_067_200, 1_704_153_600]


def test_wrong_paths_say_what_to_give(tmp_path: Path) -> None:
    assert "there is no file" in refused(tmp_path / "none.csv", {})
    assert "is a folder: give the file of interactions itself" in refused(tmp_path, {})
    assert "ends in '.xlsx'; a table must be one of .csv" in refused(write(tmp_path / "log.xlsx", "x"), {})
    (tmp_path / "latin.csv").write_bytes(b"user,item\nu,\xe9\n")
    assert "latin.csv is not UTF-8 text (byte 12); save it as UTF-8" in refused(tmp_path / "latin.csv", {})
    with pytest.raises(DataError, match="needs the path of your file"):
        table.load("table")
    write(tmp_path / "log.csv", CSV)
    assert len(table.load("table", where=tmp_path, options={"path": "log.csv"})) == 3
    assert table.locate("table", where=tmp_path / "log.csv") == tmp_path / "log.csv"
    assert table.locate("table") is None and table.locate("table", where=tmp_path / "no.csv") is None


def test_ids_must_stand_in_the_files_that_describe_them(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "user,item\nu1,b1\nu2,b2\n")
    write(tmp_path / "items.csv", "item,title\nb1,Salt\n")
    assert "column 'item', row 2: every id must stand in" in refused(log, {"items": "items.csv"})
    write(tmp_path / "items.csv", "item,title\nb1,Salt\nb2,Tin\nb1,Pepper\n")
    assert "column 'title', row 3: item 'b1' has 'Salt' in an earlier row, got 'Pepper'" in refused(
        log, {"items": "items.csv"}
    )
    write(tmp_path / "items.csv", "item,title\n")
    assert "items.csv holds no rows" in refused(log, {"items": "items.csv"})
    write(tmp_path / "users.csv", "user,age\nu1,4\n")
    assert "column 'user', row 2: every id must stand in" in refused(log, {"users": "users.csv"})


def test_other_names_are_refused() -> None:
    with pytest.raises(DataError, match="known here: table"):
        table.load("tables")
    assert "nothing of it leaves this machine" in table.terms("table")
