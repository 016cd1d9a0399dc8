"""TALLRec's published split and prompts: the text letter by letter, the rows in both directions."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from recaudit.models import tallrec_text as text
from recaudit.models.data import Catalog, DataError
from recaudit.models.datasets import tallrec
from recaudit.models.split_audit import audit_split

REAL = os.environ.get("RECAUDIT_DATA")
real_data = pytest.mark.skipif(not REAL, reason="RECAUDIT_DATA names no folder with the real data")
SHELF = Path(str(REAL))

N_USERS, N_ITEMS, N_ROWS = 40, 60, 300


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An invented MovieLens 100K whose users come out of order and have tied times."""
    monkeypatch.delenv("RECAUDIT_DATA", raising=False)
    monkeypatch.setenv("RECAUDIT_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(7)
    folder = tmp_path / "ml-100k"
    folder.mkdir()
    (folder / "u.genre").write_text("unknown|0\nDrama|1\n")
    (folder / "u.item").write_text(
        "".join(f"{i}|Film {i}, The (1990)||||0|1\n" for i in range(1, N_ITEMS + 1))
    )
    (folder / "u.user").write_text("".join(f"{u}|30|F|artist|0\n" for u in range(1, N_USERS + 1)))
    lines = [
        f"{user}\t{item}\t{rng.integers(1, 6)}\t{rng.integers(0, 90)}\n"
        for user in range(1, N_USERS + 1)
        for item in rng.permutation(N_ITEMS)[:N_ROWS] + 1
    ]
    (folder / "u.data").write_text("".join(rng.permutation(lines)))
    return tmp_path


def write_published(folder: Path, *, book_prompt: tallrec.Prompt) -> None:
    for part in ("movielens", "books"):
        (folder / "baseline" / part).mkdir(parents=True)
        for split in ("train", "valid", "test"):
            movie = "user_id,history_movie_id,history_rating,movie_id,rating,timestamp\n"
            movie += "1,\"['2', '3']\",\"[1, 0]\",4,1,9\n"
            book = 'user,history_item_id,history_rating,item_id,rating\n12,"[70, 71]","[0, 1]",72,0\n'
            (folder / "baseline" / part / f"{split}.csv").write_text(movie if part == "movielens" else book)
    (folder / "data" / "book").mkdir(parents=True)
    for split in ("valid", "test"):
        (folder / "data" / "book" / f"{split}.json").write_text(tallrec.as_json([book_prompt]))


BOOK = tallrec.Prompt(
    text.instruction(kind="book"),
    text.input_text(
        [
            text.book_text("Salt, and Other Tides", "A. B. Lindqvist"),
            text.book_text('The "Other" Tin', "Mo, Li"),
        ],
        [],
        text.book_text("Salt, and Other Tides", "Someone Else"),
        kind="book",
    ),
    "No.",
)


# --- the split, on invented data ------------------------------------------------------------------------


def test_the_split_is_rebuilt_by_the_released_rule(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow second writing of the rule, in plain lists, must give the same rows."""
    slices: dict[tallrec.Split, slice] = {
        "train": slice(-1_000, -200),
        "valid": slice(-200, -100),
        "test": slice(-100, None),
    }
    monkeypatch.setattr(tallrec, "QUESTIONS", slices)
    seen: dict[str, list[tuple[int, str, bool]]] = defaultdict(list)
    for line in (shelf / "ml-100k" / "u.data").read_text().splitlines():
        user, item, rating, when = line.split("\t")
        seen[user].append((int(when), item, int(rating) > 3))
    expected = []
    for who, rows in seen.items():
        rows.sort(key=lambda row: row[0])
        for end in range(10, len(rows)):
            history = rows[end - 10 : end]
            items, likes = tuple(r[1] for r in history), tuple(r[2] for r in history)
            expected.append(
                tallrec.PublishedRow(
                    user=who,
                    history=items,
                    likes=likes,
                    target=rows[end][1],
                    liked=rows[end][2],
                    timestamp=rows[end][0],
                )
            )
    assert len(expected) > 1_000
    for split, part in slices.items():
        assert tallrec.published_rows("tallrec", split, where=shelf) == expected[part]


def test_rows_become_prompts_and_examples_and_prompts_become_rows(shelf: Path) -> None:
    log = tallrec.load("tallrec", where=shelf)
    assert log.name == "tallrec-movie" and log.n_users == N_USERS
    rows = tallrec.published_rows("tallrec-movie", "test", where=shelf)[:50]
    prompts = tallrec.rows_to_prompts(rows, log.catalog)
    assert prompts == tallrec.published_prompts("tallrec-movie", "test", where=shelf)[:50]
    back = tallrec.prompts_to_rows(prompts, log.catalog)
    assert [(sorted(zip(r.history, r.likes, strict=True)), r.target, r.liked) for r in back] == [
        (sorted(zip(r.history, r.likes, strict=True)), r.target, r.liked) for r in rows
    ]
    assert back[0].user == "" and back[0].timestamp is None
    assert tallrec.rows_to_prompts(back, log.catalog) == prompts

    example = tallrec.to_examples(rows, log)[0]
    assert log.user_ids[example.history.user] == rows[0].user
    assert tuple(log.catalog.ids[item] for item in example.history.items) == rows[0].history
    assert (example.history.liked, example.liked) == (rows[0].likes, rows[0].liked)

    users = tallrec.published_users(log, "test", where=shelf)
    asked = {row.user for row in tallrec.published_rows("tallrec", "test", where=shelf)}
    assert {log.user_ids[user] for user in users} == asked


def test_tallrecs_own_files_come_first_where_they_are(shelf: Path) -> None:
    write_published(shelf / "tallrec", book_prompt=BOOK)
    row = tallrec.PublishedRow(
        user="1", history=("2", "3"), likes=(True, False), target="4", liked=True, timestamp=9
    )
    assert tallrec.published_rows("tallrec-movie", "valid", where=shelf) == [row]
    assert tallrec.published_rows("tallrec-movie", "valid", where=shelf / "tallrec") == [row]
    assert tallrec.load("tallrec-movie", where=shelf / "tallrec").n_users == N_USERS  # ml-100k lies beside
    book = tallrec.published_rows("tallrec-book", "train", where=shelf)[0]
    assert (book.user, book.history, book.target, book.timestamp) == ("12", ("70", "71"), "72", None)


def test_books_are_read_from_the_prompts(shelf: Path) -> None:
    write_published(shelf / "tallrec", book_prompt=BOOK)
    log = tallrec.load("tallrec-book", where=shelf)
    assert log.user_ids == ("valid-0", "test-0") and log.timestamp is None
    assert log.catalog.titles == ("Salt, and Other Tides", 'The "Other" Tin', "Salt, and Other Tides")
    assert log.catalog.providers == ("A. B. Lindqvist", "Mo, Li", "Someone Else")
    assert log.item.tolist() == [0, 1, 2, 0, 1, 2]
    assert log.liked is not None and log.liked.tolist() == [True, True, False] * 2
    assert tallrec.published_users(log, "test", where=shelf).tolist() == [1]
    rows = tallrec.prompts_to_rows([BOOK], log.catalog)
    assert tallrec.rows_to_prompts(rows, log.catalog, kind="book") == [BOOK]


def test_wrong_questions_are_refused_in_a_sentence(shelf: Path) -> None:
    log = tallrec.load("tallrec", where=shelf)
    row = tallrec.PublishedRow(user="1", history=("999",), likes=(True,), target="1", liked=True)
    with pytest.raises(DataError, match="the catalogue has no item '999'"):
        tallrec.rows_to_prompts([row], log.catalog)
    with pytest.raises(DataError, match="'tallrec-movie' lacks the user or an item"):
        tallrec.to_examples([row], log)
    prompt = tallrec.Prompt("", text.input_text([], [], "Film 1, The (1990)"), "Maybe.")
    with pytest.raises(DataError, match="prompt 1 answers 'Maybe.'; expected Yes. or No."):
        tallrec.prompts_to_rows([prompt], log.catalog)
    with pytest.raises(DataError, match="prompt 1 names 'Film 0', which is not in this catalogue"):
        tallrec.prompts_to_rows([tallrec.Prompt("", text.input_text([], [], "Film 0"), "No.")], log.catalog)
    with pytest.raises(DataError, match="one provider per item"):
        tallrec.rows_to_prompts([tallrec.PublishedRow(user="", history=(), likes=(), target="1", liked=True)],
                                log.catalog, kind="book")  # fmt: skip
    with pytest.raises(DataError, match="no split is called 'dev'; there are train, valid, test"):
        tallrec.published_rows("tallrec", "dev", where=shelf)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no data set is called 'tallrec-song'"):
        tallrec.load("tallrec-song", where=shelf)


def test_missing_and_malformed_files_are_named(shelf: Path) -> None:
    with pytest.raises(
        DataError, match=r"does not hold tallrec: it lacks .*git clone https://github\.com/SAI990323"
    ):
        tallrec.load("tallrec-book", where=shelf)
    empty = shelf / "empty" / "inner"
    empty.mkdir(parents=True)
    assert tallrec.locate("tallrec", where=empty) is None
    with pytest.raises(DataError, match=r"inner does not hold ml-100k: it lacks u\.data"):
        tallrec.load("tallrec", where=empty)
    write_published(shelf / "tallrec", book_prompt=BOOK)
    with pytest.raises(DataError, match="no train prompts on books"):
        tallrec.published_prompts("tallrec-book", "train", where=shelf)
    (shelf / "tallrec" / "baseline" / "movielens" / "test.csv").write_text("a,b\n1,[2]\n")
    with pytest.raises(DataError, match=r"test\.csv, line 2: expected a,b"):
        tallrec.published_rows("tallrec", "test", where=shelf)
    (shelf / "tallrec" / "data" / "book" / "valid.json").write_text('[{"input": "x"}]')
    with pytest.raises(DataError, match=r"valid\.json is not a list of TALLRec prompts"):
        tallrec.load("tallrec-book", where=shelf)


def test_terms_name_the_licences_and_the_steps() -> None:
    assert "no redistribution" in tallrec.terms("tallrec") and "u.data" not in tallrec.terms("tallrec-book")
    assert all("Apache-2.0" in tallrec.terms(name) for name in tallrec.SERVES)


# --- the real data --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return tallrec.load("tallrec-movie", where=SHELF).catalog


@real_data
@pytest.mark.parametrize("split", ["valid", "test"])
def test_real_movie_prompts_are_rebuilt_letter_by_letter(split: tallrec.Split, catalog: Catalog) -> None:
    published = (SHELF / "tallrec" / "data" / "movie" / f"{split}.json").read_text("utf-8")
    rows = tallrec.published_rows("tallrec-movie", split, where=SHELF)
    prompts = tallrec.rows_to_prompts(rows, catalog)
    assert [(p.instruction, p.input, p.output) for p in prompts] == [
        (row["instruction"], row["input"], row["output"]) for row in json.loads(published)
    ]
    assert len(prompts) == 1_000 and tallrec.as_json(prompts) == published
    back = tallrec.prompts_to_rows(prompts, catalog)
    assert tallrec.rows_to_prompts(back, catalog) == prompts


@real_data
@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_real_movie_rows_follow_from_ml_100k_alone(split: tallrec.Split) -> None:
    published = tallrec.published_rows("tallrec-movie", split, where=SHELF)
    assert tallrec.rebuilt_rows(split, where=SHELF) == published


@real_data
def test_real_movie_split_overlaps_as_documented(catalog: Catalog) -> None:
    log = tallrec.load("tallrec-movie", where=SHELF)
    rows = {split: tallrec.published_rows("tallrec", split, where=SHELF) for split in tallrec.QUESTIONS}
    assert {split: len(found) for split, found in rows.items()} == {
        "train": 8_000,
        "valid": 1_000,
        "test": 1_000,
    }
    assert sum(row.liked for row in rows["test"]) == 528
    users = {split: set(tallrec.published_users(log, split, where=SHELF).tolist()) for split in rows}
    assert {split: len(found) for split, found in users.items()} == {"train": 80, "valid": 14, "test": 16}
    train, valid, test = users.values()
    assert [len(train & valid), len(valid & test), len(train & test)] == [1, 1, 0]

    at = {pair: row for row, pair in enumerate(zip(log.user.tolist(), log.item.tolist(), strict=True))}
    where = {
        split: np.array([at[e.history.user, e.target] for e in tallrec.to_examples(found, log)])
        for split, found in rows.items()
    }
    told = audit_split(log, where["train"], where["test"], window=10)
    assert told.user_overlap == 0 and told.train_after_test_rate == 1  # disjoint users, yet no order of time
    assert audit_split(log, where["train"], where["valid"]).user_overlap == 1 / 14


@real_data
@pytest.mark.parametrize(("split", "auc"), [("test", 0.7260), ("valid", 0.6890)])
def test_real_count_ratio_alone_reaches_the_known_auc(split: tallrec.Split, auc: float) -> None:
    from sklearn.metrics import roc_auc_score

    rows = tallrec.published_rows("tallrec-movie", split, where=SHELF)
    ratio = [np.mean(row.likes) for row in rows]
    assert roc_auc_score([row.liked for row in rows], ratio) == pytest.approx(auc, abs=5e-5)


@real_data
def test_real_books_read_back_letter_by_letter() -> None:
    log = tallrec.load("tallrec-book", where=SHELF)
    assert (log.n_users, len(log)) == (4_854, 39_850)
    splits: tuple[tallrec.Split, ...] = ("valid", "test")
    for split in splits:
        prompts = tallrec.published_prompts("tallrec-book", split, where=SHELF)
        assert len(prompts) == 2_427
        rows = tallrec.prompts_to_rows(prompts, log.catalog)
        assert tallrec.rows_to_prompts(rows, log.catalog, kind="book") == prompts
        published = (SHELF / "tallrec" / "data" / "book" / f"{split}.json").read_text("utf-8")
        assert tallrec.as_json(prompts) == published
    counts = [len(tallrec.published_rows("tallrec-book", split, where=SHELF)) for split in tallrec.QUESTIONS]
    assert counts == [19_414, 2_427, 2_427]
