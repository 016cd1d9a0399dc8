"""Industrial goods and renumbered products, from small invented files and, where at hand, the real ones."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from recaudit.models.data import DataError
from recaudit.models.datasets import amazon, industrial
from recaudit.models.datasets._renumbering import matched_items

REAL = os.environ.get("RECAUDIT_DATA")
NAME, STEM = "industrial", "Industrial_and_Scientific"
HEADER = "user_id,history_item_id,item_id\n"
LINES = 'u,"[0, 2]",1\nu,"[0, 2, 1]",3\nv,"[3]",0\n'


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RECAUDIT_DATA", raising=False)
    monkeypatch.setenv("RECAUDIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    items = {str(n): {"title": f"Gauge &amp;  {n}", "brand": "Acme" if n else ""} for n in range(4)}
    (tmp_path / f"{STEM}.item.json").write_text(json.dumps(items))
    (tmp_path / f"{STEM}.index.json").write_text(json.dumps({str(n): ["<a_1>"] for n in range(4)}))
    (tmp_path / f"{STEM}_5_2016-10-2018-11.csv").write_text(HEADER + LINES)
    return tmp_path


def test_overlapping_lines_become_one_history(folder: Path) -> None:
    log = industrial.load(NAME, where=folder)
    assert (
        log.user_ids == ("u", "v") and log.history(0).items == (0, 2, 1, 3) and log.history(1).items == (3, 0)
    )
    assert log.catalog.titles[1] == "Gauge & 1" and log.catalog.providers == ("", "Acme", "Acme", "Acme")
    assert industrial.id_tables(NAME, where=folder)["minionerec"].name == f"{STEM}.index.json"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('u,"[0]",1\nu,"[0, 2]",3\n', "line 3: the history of u does not go on"),
        ('u,"[0]",9\n', "products from 0 to 3"),
        ('u,"zero",1\n', "line 2: expected user_id"),
        ("", "names no person"),
    ],
)
def test_spoilt_lines_are_named(folder: Path, lines: str, words: str) -> None:
    (folder / f"{STEM}_5_2016-10-2018-11.csv").write_text(HEADER + lines)
    with pytest.raises(DataError, match=words):
        industrial.load(NAME, where=folder)


def test_renumbered_items_are_found_by_who_met_them() -> None:
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(200), 6)
    item = np.concatenate([rng.choice(40, 6, replace=False) for _ in range(200)])
    items, users = rng.permutation(40), rng.permutation(200)
    order = rng.permutation(len(user))
    found = matched_items((user, item), (users[user][order], items[item][order]), 40)
    assert (found[items] == np.arange(40)).all()


def test_items_that_cannot_be_told_apart_are_left_open() -> None:
    user, item = np.array([0, 0, 1]), np.array([0, 1, 2])
    assert matched_items((user, item), (user, item), 3).tolist() == [-1, -1, 2]


@pytest.mark.skipif(not REAL, reason="RECAUDIT_DATA names no folder with the real data")
def test_real_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECAUDIT_DATA", str(REAL))
    if industrial.locate(NAME) is None or amazon.locate("beauty-tiger") is None:
        pytest.skip("RECAUDIT_DATA holds no amazon/industrial or amazon/beauty/tiger")
    log = industrial.load(NAME)
    assert (log.n_users, len(log.catalog), len(log)) == (1_987, 3_686, 13_803)
    tiger = amazon.load("beauty-tiger")
    assert (tiger.n_users, len(tiger.catalog), len(tiger)) == (22_363, 12_101, 198_502)
    unknown = sum(title.startswith("Product ") for title in tiger.catalog.titles)
    assert unknown < 0.01 * len(tiger.catalog)
