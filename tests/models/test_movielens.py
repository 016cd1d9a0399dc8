"""MovieLens' own file formats, read from small invented copies and, where at hand, from the real data."""

from __future__ import annotations

import hashlib
import os
import socket
import time
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pooch
import pytest
import requests
from recaudit.models.data import DataError
from recaudit.models.datasets import _files, movielens

REAL = os.environ.get("RECAUDIT_DATA")
real_data = pytest.mark.skipif(not REAL, reason="RECAUDIT_DATA names no folder with the real data")

ITEMS_100K = (
    b"1|Lanterns of Ober (1987)|01-Jan-1987||http://x|0|1|0|1\n"
    b"2|Caf\xe9 Ninety, The (1990) (1991) |x||y|0|0|1|0\n"
    b"4|unknown||||1|0|0|0\n"
)
FILES_100K = {
    "u.genre": b"unknown|0\nAction|1\nComedy|2\nDrama|3\n\n",
    "u.item": ITEMS_100K,
    "u.user": b"1|24|M|writer|00000\n2|53|F|none|T8H1N\n3|35|F|artist|1\n",
    "u.data": b"2\t4\t3\t20\n1\t1\t4\t30\n2\t1\t5\t10\n1\t2\t1\t5\n",
}
FILES_1M = {
    "users.dat": b"1::F::1::10::48067\n2::M::56::16::70072\n3::M::45::0::5\n",
    "movies.dat": b"7::Lanterns of Ober (1987)::Drama|War\n3::Tin Orchard (1950)::Comedy\n",
    "ratings.dat": b"2::7::4::300\n1::3::3::200\n1::7::5::100\n",
}
FILES_SMALL = {
    "movies.csv": (
        'movieId,title,genres\n5,"Orchard, The (1950)",Comedy|War\n9,Köln,(no genres listed)\n'.encode()
    ),
    "ratings.csv": b"userId,movieId,rating,timestamp\n8,5,3.5,100\n2,9,3.0,7\n",
}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads this machine's cache, finds data by chance, or reaches the network."""
    monkeypatch.delenv("RECAUDIT_DATA", raising=False)
    monkeypatch.setenv("RECAUDIT_CACHE", str(tmp_path / "cache"))

    def unreachable(*args: object, **kwargs: object) -> str:
        raise requests.exceptions.ConnectionError("no network in tests")

    monkeypatch.setattr(pooch, "retrieve", unreachable)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_ml_100k_keeps_ids_titles_and_order_and_words_the_attributes(tmp_path: Path) -> None:
    log = movielens.load("ml-100k", where=write(tmp_path, FILES_100K))
    assert log.catalog.ids == ("1", "2", "4")
    assert log.catalog.titles == ("Lanterns of Ober (1987)", "Café Ninety, The (1990) (1991) ", "unknown")
    assert log.catalog.years.tolist() == [1987, 1991, 0]
    assert log.catalog.genres == (("Action", "Drama"), ("Comedy",), ())
    assert log.user_ids == ("1", "2", "3")
    assert log.attributes == {
        "gender": ("man", "woman", "woman"),
        "age": ("under 25", "50 and over", "35 to 49"),
        "occupation": ("writer", "none", "artist"),
    }
    assert log.liked is not None and log.rating is not None and log.timestamp is not None
    assert (log.user.tolist(), log.item.tolist()) == ([0, 0, 1, 1], [1, 0, 0, 2])
    assert log.liked.tolist() == [False, True, True, False]  # a rating of 3 is no like
    assert log.timestamp.tolist() == [5, 30, 10, 20]


def test_ml_1m_reads_codes_by_the_words_of_its_readme(tmp_path: Path) -> None:
    log = movielens.load("ml-1m", where=write(tmp_path, FILES_1M))
    assert log.attributes["age"] == ("under 25", "50 and over", "35 to 49")
    assert log.attributes["occupation"] == ("K-12 student", "self-employed", "other or not specified")
    assert log.catalog.ids == ("7", "3")
    assert log.catalog.genres == (("Drama", "War"), ("Comedy",))
    assert (log.user.tolist(), log.item.tolist()) == ([0, 0, 1], [0, 1, 0])
    assert log.rating is not None and log.rating.tolist() == [5, 3, 4]


def test_ml_1m_as_pairs_has_no_likes_ratings_or_times(tmp_path: Path) -> None:
    import pandas as pd

    folder = write(tmp_path, {name: FILES_1M[name] for name in ("users.dat", "movies.dat")})
    pairs = pd.DataFrame({"userID": ["2", "1", "2"], "movieID": ["3", "7", "7"]})
    pairs.to_parquet(folder / "ratings.parquet")
    log = movielens.load("ml-1m", where=folder)
    assert (log.liked, log.rating, log.timestamp) == (None, None, None)
    assert (log.user.tolist(), log.item.tolist()) == ([0, 1, 1], [0, 1, 0])
    assert "pairs alone" in movielens.notes("ml-1m", where=folder)[0]

    pairs.rename(columns={"userID": "who"}).to_parquet(folder / "ratings.parquet")
    with pytest.raises(DataError, match="userID and movieID"):
        movielens.load("ml-1m", where=folder)


def test_latest_small_reads_quoted_titles_and_half_stars(tmp_path: Path) -> None:
    log = movielens.load("ml-latest-small", where=write(tmp_path, FILES_SMALL))
    assert log.catalog.titles == ("Orchard, The (1950)", "Köln")
    assert log.catalog.genres == (("Comedy", "War"), ())
    assert log.user_ids == ("2", "8")
    assert log.liked is not None and log.liked.tolist() == [False, True]
    assert log.attributes == {}
    assert "3.5 is a like" in movielens.notes("ml-latest-small", where=tmp_path)[0]


def test_a_ratings_file_is_proved_genuine_by_its_git_blob_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert movielens.git_blob_id(tmp_path / "empty") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"

    folder = write(tmp_path, FILES_1M)
    assert any("NOT byte for byte" in note for note in movielens.notes("ml-1m", where=folder))
    content = FILES_1M["ratings.dat"]
    own = hashlib.sha1(b"blob " + str(len(content)).encode() + b"\x00" + content).hexdigest()
    monkeypatch.setattr(movielens, "OFFICIAL_1M_RATINGS", own)
    assert "ratings.dat is byte for byte GroupLens' official file" in movielens.notes("ml-1m", where=folder)


@pytest.mark.parametrize(
    ("name", "files", "broken", "content", "message"),
    [
        (
            "ml-100k",
            FILES_100K,
            "u.data",
            b"1\t1\t4\t30\n1\t1\t4\n",
            r"u\.data, line 2: expected .*four numbers",
        ),
        ("ml-100k", FILES_100K, "u.data", b"1\t1\t4\t30\n1\tone\t4\t3\n", r"u\.data, line 2"),
        ("ml-100k", FILES_100K, "u.data", b"1\t1\t4\t30\t9\n", r"u\.data, line 1"),
        (
            "ml-100k",
            FILES_100K,
            "u.data",
            b"1\t1\t4\t30\n1\t2\t4\t31\n1\t99\t4\t3\n",
            r"line 3: the item must be in",
        ),
        ("ml-100k", FILES_100K, "u.data", b"77\t1\t4\t30\n", r"line 1: the user must be in the user file"),
        ("ml-100k", FILES_100K, "u.data", b"1\t1\t6\t30\n", r"line 1: a rating is 0\.5 to 5"),
        ("ml-100k", FILES_100K, "u.data", b"1\t1\tnan\t30\n", r"line 1: a rating"),
        ("ml-100k", FILES_100K, "u.data", b"1.5\t1\t4\t30\n", r"line 1: ids and time are whole"),
        ("ml-100k", FILES_100K, "u.data", b"", r"u\.data is empty"),
        ("ml-100k", FILES_100K, "u.item", ITEMS_100K + b"5|short\n", r"u\.item, line 4: expected 9 fields"),
        ("ml-100k", FILES_100K, "u.item", ITEMS_100K + ITEMS_100K, r"line 4: item 1 was already in line 1"),
        ("ml-100k", FILES_100K, "u.item", b"", r"u\.item is empty"),
        ("ml-100k", FILES_100K, "u.user", b"1|24|X|writer|0\n", r"u\.user, line 1: gender must be M or F"),
        (
            "ml-100k",
            FILES_100K,
            "u.user",
            b"1|old|M|writer|0\n",
            r"line 1: expected a whole number, got 'old'",
        ),
        ("ml-1m", FILES_1M, "users.dat", b"1::F::1::21::4\n", r"line 1: occupation must be 0 to 20, got 21"),
        ("ml-1m", FILES_1M, "ratings.dat", b"1::7::5\n", r"ratings\.dat, line 1: expected 'user::item"),
        ("ml-1m", FILES_1M, "movies.dat", b"7:Tin:Drama\n", r"movies\.dat, line 1: expected 3 fields"),
        (
            "ml-latest-small",
            FILES_SMALL,
            "movies.csv",
            b"a,b\n",
            r"line 1: expected movieId,title,genres, got a,b",
        ),
        ("ml-latest-small", FILES_SMALL, "movies.csv", b"movieId,title,genres\n5,x\n", r"line 2: expected 3"),
        (
            "ml-latest-small",
            FILES_SMALL,
            "movies.csv",
            b"movieId,title,genres\n5,\xe9,x\n",
            r"not utf-8 text",
        ),
        ("ml-latest-small", FILES_SMALL, "ratings.csv", b"u,m,r,t\n8,5,4,x\n", r"ratings\.csv, line 2"),
    ],
)
def test_a_malformed_file_is_named_with_its_line(
    tmp_path: Path, name: str, files: dict[str, bytes], broken: str, content: bytes, message: str
) -> None:
    write(tmp_path, files | {broken: content})
    with pytest.raises(DataError, match=message):
        movielens.load(name, where=tmp_path)


def test_data_is_found_by_path_then_environment_then_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert movielens.locate("ml-100k") is None and movielens.notes("ml-100k") == ()
    cached = write(tmp_path / "cache" / "data" / "ml-100k", FILES_100K)
    assert movielens.locate("ml-100k") == cached
    shelf = write(tmp_path / "shelf" / "ml-100k", FILES_100K)
    monkeypatch.setenv("RECAUDIT_DATA", str(tmp_path / "shelf"))
    assert movielens.locate("ml-100k") == shelf
    given = write(tmp_path / "given", FILES_100K)
    assert movielens.locate("ml-100k", where=given) == given
    assert movielens.locate("ml-100k", where=tmp_path / "shelf") == shelf
    assert movielens.locate("ml-100k", where=tmp_path) is None


def test_a_wrong_path_says_which_files_are_missing(tmp_path: Path) -> None:
    write(tmp_path, {"users.dat": b"x"})
    with pytest.raises(
        DataError, match=r"lacks movies\.dat, ratings\.dat or ratings\.parquet; download https"
    ):
        movielens.load("ml-1m", where=tmp_path)


def test_offline_gives_one_sentence_with_the_steps_by_hand() -> None:
    with pytest.raises(DataError) as failed:
        movielens.load("ml-1m")
    said = str(failed.value)
    assert "no answer: ConnectionError" in said and "md5 c4d9eecfca2ab87c1945afe126590906" in said
    assert "$RECAUDIT_DATA as ml-1m" in said and "\n" not in said
    assert failed.value.__suppress_context__


def test_a_download_is_checked_unpacked_whole_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []

    def retrieve(url: str, **how: object) -> str:
        asked.append({"url": url, **how})
        archive = Path(str(how["path"])) / str(how["fname"])
        archive.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive, "w") as packed:
            for name, content in FILES_100K.items():
                packed.writestr(f"ml-100k/{name}", content)
        return str(archive)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert len(movielens.load("ml-100k")) == 4
    assert asked[0]["url"] == "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
    assert asked[0]["known_hash"] == "md5:0e33842e24a9c977be4e0107933c0723"
    assert [entry.name for entry in (tmp_path / "cache" / "data").iterdir()] == ["ml-100k"]
    assert len(movielens.load("ml-100k")) == 4 and len(asked) == 1

    with pytest.raises(DataError, match="BadZipFile"):  # the archive holds ml-100k, not ml-1m
        movielens.load("ml-1m")


def test_a_download_with_another_checksum_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def retrieve(url: str, **how: object) -> str:
        raise ValueError("MD5 hash of downloaded file does not match")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(DataError, match="its checksum is not the published one"):
        movielens.load("ml-100k")


def test_a_real_download_that_fails_is_prompt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("RECAUDIT_CACHE", str(tmp_path / "cache"))
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    url = f"http://127.0.0.1:{port}/x.zip"
    started = time.monotonic()
    with pytest.raises(DataError, match=rf"could not download {url} .*; by hand: fetch it"):
        _files.fetch(_files.Source(folder="x", needs=(("x",),), url=url, by_hand="fetch it"), None)
    assert time.monotonic() - started < 10


def test_unknown_names_and_options_are_refused() -> None:
    with pytest.raises(DataError, match="ml-100k, ml-1m, ml-latest-small"):
        movielens.load("ml-10m")
    with pytest.raises(DataError, match="takes no options, got colour"):
        movielens.load("ml-1m", options={"colour": "red"})
    for name in movielens.SERVES:
        assert "By hand: download https://files.grouplens.org" in movielens.terms(name)


@real_data
@pytest.mark.parametrize(
    ("name", "rows", "users", "items", "years_unknown"),
    [
        ("ml-100k", 100_000, 943, 1_682, 1),
        ("ml-1m", 1_000_209, 6_040, 3_883, 0),
        ("ml-latest-small", 100_836, 610, 9_742, 12),
    ],
)
def test_real_counts(name: str, rows: int, users: int, items: int, years_unknown: int) -> None:
    log = movielens.load(name, where=Path(str(REAL)))
    assert (len(log), log.n_users, len(log.catalog)) == (rows, users, items)
    assert int((log.catalog.years == 0).sum()) == years_unknown
    assert 1900 <= np.median(log.catalog.years) <= 2018
    women = Counter(log.attributes.get("gender", ()))["woman"]
    assert women == {"ml-100k": 273, "ml-1m": 1_709, "ml-latest-small": 0}[name]


@real_data
def test_real_ml_100k_keeps_duplicate_titles_and_sorts_by_time() -> None:
    log = movielens.load("ml-100k", where=Path(str(REAL)))
    assert len(log.catalog.titles) - len(set(log.catalog.titles)) == 18
    assert log.timestamp is not None and log.liked is not None
    within = np.diff(log.user) == 0
    assert np.all(np.diff(log.timestamp)[within] >= 0)
    assert int(log.liked.sum()) == 55_375
