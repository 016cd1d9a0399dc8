"""Published tables of semantic ids: read as they are, refused in words, and their known faults found."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from recaudit.models.base import ModelError
from recaudit.models.data import Catalog
from recaudit.models.datasets import amazon, industrial
from recaudit.models.semid._diagnosis import diagnose
from recaudit.models.semid._tables import read_table

CATALOG = Catalog(ids=("a", "b", "c"), titles=("A", "B", "C"), years=np.zeros(3, dtype=int), genres=((),) * 3)
REAL = os.environ.get("RECAUDIT_DATA")


def table(folder: Path, content: object) -> Path:
    path = folder / "ids.json"
    path.write_text(json.dumps(content))
    return path


def test_codes_are_numbers_or_marked_words(tmp_path: Path) -> None:
    plain = read_table(table(tmp_path, {"0": [1, 2], "1": [1, 0], "2": [3, 2]}), CATALOG)
    assert plain.codes.tolist() == [[1, 2], [1, 0], [3, 2]] and plain.sizes == (4, 3)
    marked = read_table(
        table(tmp_path, {"c": ["<a_5>"], "a": ["<a_0>"], "b": ["<a_7>"]}), CATALOG, sizes=(9,)
    )
    assert marked.codes[:, 0].tolist() == [0, 7, 5] and marked.sizes == (9,)
    assert "ids.json" in marked.how


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"0": [1], "1": [2]}, "1 are missing, first '2'"),
        ({"0": [1], "1": [2], "2": [1], "3": [4]}, "are for 4 items and the catalogue has 3"),
        ({"0": [1], "1": [2, 3], "2": [1]}, r"must have one length, got \[1, 2\]"),
        ({"0": [1], "1": ["<a>"], "2": [1]}, "'1' the code '<a>'; it must hold one number"),
        ([1, 2], "must map each item to a list of codes"),
    ],
)
def test_spoilt_tables_are_refused(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        read_table(table(tmp_path, content), CATALOG)
    with pytest.raises(ModelError, match="cannot be read as JSON"):
        read_table(tmp_path / "nowhere.json", CATALOG)


@pytest.mark.skipif(not REAL, reason="RECAUDIT_DATA names no folder with the real data")
@pytest.mark.parametrize(
    ("data", "maker", "distinct", "first", "sharing_three", "largest_three"),
    [
        ("beauty", "letter", 12_088, 197, None, None),
        ("beauty-tiger", "rqvae", 12_101, 256, 0.099, 13),
        ("beauty-tiger", "rqkmeans", 12_101, None, 0.487, 75),
        ("industrial", "minionerec", 3_670, None, None, None),
    ],
)
def test_published_tables_have_their_known_faults(
    data: str,
    maker: str,
    distinct: int,
    first: int | None,
    sharing_three: float | None,
    largest_three: int | None,
) -> None:
    module = industrial if data == "industrial" else amazon
    if module.locate(data) is None:
        pytest.skip(f"RECAUDIT_DATA holds no {data}")
    log = module.load(data)
    book = read_table(module.id_tables(data)[maker], log.catalog)
    found = diagnose(book.codes, book.sizes)
    assert found.prefixes[-1].distinct == distinct
    assert first is None or len(np.unique(book.codes[:, 0])) == first
    if sharing_three is not None:
        assert found.prefixes[2].sharing / len(log.catalog) == pytest.approx(sharing_three, abs=0.0006)
        assert found.prefixes[2].largest == largest_three
