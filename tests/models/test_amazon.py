"""Amazon's sequences and products, read from small invented copies and, where at hand, from the real data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from recaudit.models.data import DataError
from recaudit.models.datasets import amazon

REAL = os.environ.get("RECAUDIT_DATA")
real_data = pytest.mark.skipif(not REAL, reason="RECAUDIT_DATA names no folder with the real data")

TITLES = (
    "p5_item_id\tasin\ttitle\tcategories\n"
    "1\tB000000001\tSalt &amp; Sea  Cream\tBeauty > Skin Care > Face\n"
    "2\t1234567890\tNail\t Lacquer,\nred\tBeauty > Makeup\n"
    "3\tB00000000X\tOddment\tBeauty > \n"
)
SEQUENCES = "7 3 1 2\n2 2 3\n"


def write(folder: Path, *, titles: str = TITLES, sequences: str = SEQUENCES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "titles.tsv").write_text(titles)
    (folder / "sequences.txt").write_text(sequences)
    return folder


def test_order_is_kept_and_titles_are_readable(tmp_path: Path) -> None:
    log = amazon.load("beauty", where=write(tmp_path))
    assert log.user_ids == ("7", "2")
    assert log.history(0).items == (2, 0, 1) and log.history(1).items == (1, 2)
    assert (log.liked, log.rating, log.timestamp, dict(log.attributes)) == (None, None, None, {})
    assert log.catalog.ids == ("B000000001", "1234567890", "B00000000X")
    assert log.catalog.titles == ("Salt & Sea Cream", "Nail Lacquer, red", "Oddment")
    assert log.catalog.genres == (("Skin Care",), ("Makeup",), ())


@pytest.mark.parametrize(
    ("titles", "sequences", "message"),
    [
        (TITLES, "7 3 1\n2\n", r"sequences\.txt, line 2: expected a person's number"),
        (TITLES, "7 3 4\n", r"sequences\.txt, line 1: .*from 1 to 3"),
        (TITLES, "7 3 x\n", r"sequences\.txt, line 1"),
        (TITLES, "7 3\n\n", r"sequences\.txt, line 2"),
        (TITLES.replace("\n2\t", "\n5\t"), SEQUENCES, r"titles\.tsv, line 3: expected product 2"),
        ("p5_item_id\tasin\ttitle\tcategories\n", SEQUENCES, r"titles\.tsv names no product"),
    ],
)
def test_a_malformed_file_is_named_with_its_line(
    tmp_path: Path, titles: str, sequences: str, message: str
) -> None:
    write(tmp_path, titles=titles, sequences=sequences)
    with pytest.raises(DataError, match=message):
        amazon.load("toys", where=tmp_path)


def test_it_is_found_in_its_folder_and_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECAUDIT_DATA", str(tmp_path))
    monkeypatch.setenv("RECAUDIT_CACHE", str(tmp_path / "cache"))
    assert amazon.locate("beauty") is None
    with pytest.raises(DataError, match="no download: take the beauty data"):
        amazon.load("beauty")
    assert amazon.locate("beauty") != write(tmp_path / "amazon" / "toys") == amazon.locate("toys")
    assert "By hand: take the toys data" in amazon.terms("toys")
    with pytest.raises(DataError, match="known here: beauty, toys"):
        amazon.load("books")


@real_data
@pytest.mark.parametrize(
    ("name", "rows", "users", "items", "first"),
    [
        ("beauty", 198_502, 22_363, 12_101, "OPI Nail Lacquer, Simmer and Shimmer, 0.5-Fluid Ounce"),
        ("toys", 167_597, 19_412, 11_924, "Hasbro Electronic Catch Phrase"),
    ],
)
def test_real_counts(name: str, rows: int, users: int, items: int, first: str) -> None:
    log = amazon.load(name, where=Path(str(REAL)) / "amazon" / name)
    assert (len(log), log.n_users, len(log.catalog)) == (rows, users, items)
    assert log.catalog.titles[0] == first and log.history(0).items == (0, 1, 2, 3, 4)
    assert not any("\t" in title or "&amp;" in title for title in log.catalog.titles)
    assert np.diff(log.starts).min() >= 5 and log.item_counts.min() >= 5
    assert np.mean([bool(genres) for genres in log.catalog.genres]) > 0.95
