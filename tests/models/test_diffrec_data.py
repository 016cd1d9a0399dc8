"""DiffRec's published split, read from a small invented copy and, where at hand, from the real files."""

import os
from pathlib import Path

import numpy as np
import pytest
from recaudit.models.data import DataError
from recaudit.models.datasets import diffrec

REAL = os.environ.get("RECAUDIT_DATA")
NAME = "diffrec-ml-1m"
PARTS = {
    "train": [[0, 2], [0, 1], [1, 0]],
    "valid": [[1, 2], [0, 0]],
    "test": [[0, 3], [1, 1]],
}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RECAUDIT_DATA", raising=False)
    monkeypatch.setenv("RECAUDIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part, rows in PARTS.items():
        np.save(tmp_path / f"{part}_list.npy", np.array(rows))
    return tmp_path


def test_rows_come_person_by_person_and_part_by_part(folder: Path) -> None:
    log = diffrec.load(NAME, where=folder)
    assert log.user.tolist() == [0, 0, 0, 0, 1, 1, 1] and log.item.tolist() == [2, 1, 0, 3, 0, 2, 1]
    assert (log.n_users, len(log.catalog)) == (2, 4) and log.liked is None and log.timestamp is None
    split = diffrec.published_split(NAME, where=folder)
    for rows, part in zip(split, PARTS.values(), strict=True):
        pairs = np.stack([log.user[rows], log.item[rows]], axis=1)
        assert sorted(pairs.tolist()) == sorted(part)


def test_is_found_through_the_data_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert diffrec.locate(NAME) is None
    (folder / "all" / "diffrec").mkdir(parents=True)
    (folder / "all" / "diffrec" / "ml-1m_clean").symlink_to(folder)
    monkeypatch.setenv("RECAUDIT_DATA", str(folder / "all"))
    assert diffrec.locate(NAME) is not None and len(diffrec.load(NAME)) == 7


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_text("no array"), "cannot be read as a numpy array"),
        (lambda path: np.save(path, np.zeros((3, 3), dtype=int)), "must hold pairs of user and item"),
        (lambda path: np.save(path, np.zeros((3, 2))), "must hold pairs of user and item"),
        (lambda path: path.unlink(), "lacks valid_list.npy"),
    ],
)
def test_spoilt_files_are_named(folder: Path, spoil: object, words: str) -> None:
    spoil(folder / "valid_list.npy")
    with pytest.raises(DataError, match=words):
        diffrec.load(NAME, where=folder)


def test_says_where_it_comes_from(folder: Path) -> None:
    assert "git clone" in diffrec.terms(NAME)
    with pytest.raises(DataError, match=r"item_emb.npy is missing"):
        diffrec.item_vectors(NAME, where=folder)
    np.save(folder / "item_emb.npy", np.ones((4, 2), dtype=np.float32))
    assert diffrec.item_vectors(NAME, where=folder).shape == (4, 2)


@pytest.mark.skipif(not REAL, reason="RECAUDIT_DATA names no folder with the real data")
def test_real_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECAUDIT_DATA", str(REAL))
    if diffrec.locate(NAME) is None:
        pytest.skip("RECAUDIT_DATA holds no diffrec/ml-1m_clean")
    log = diffrec.load(NAME)
    assert (log.n_users, len(log.catalog), len(log)) == (5949, 2810, 571531)
    assert [len(rows) for rows in diffrec.published_split(NAME)] == [403277, 110722, 57532]
    assert len(np.unique(log.user * 2810 + log.item)) == len(log)
    assert diffrec.item_vectors(NAME).shape == (2810, 64)
