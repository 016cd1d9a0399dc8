import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.audit._evidence import read_evidence, rename_users, write_evidence
from recaudit.audit.cache import Cache
from recaudit.audit.config import AuditConfig
from recaudit.audit.errors import UsageError
from recaudit.audit.store import begin, find_run, load_record
from recaudit.probes.base import Evidence, Exhibit

EXHIBIT = Exhibit(
    title="one",
    left_label="a",
    right_label="b",
    left="x",
    right="y",
    answers=(("film", 0.1, None),),
    effect=0.5,
    kind="worst",
)


@given(users=st.lists(st.integers(0, 5), max_size=30), data=st.data())
@settings(max_examples=15, deadline=None)
def test_evidence_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, users: list[int], data: st.DataObject
) -> None:
    n = len(users)
    numbers = data.draw(st.lists(st.floats(width=32), min_size=n, max_size=n))
    words = data.draw(st.lists(st.text(st.characters(codec="utf-8"), max_size=5), min_size=n, max_size=n))
    columns: dict[str, Any] = {
        "cluster": np.array(users, dtype=np.int64),
        "score": np.array(numbers, dtype=np.float64),
        "small": np.array(numbers, dtype=np.float32),
        "yes": np.array(users, dtype=np.int64) > 2,
        "word": np.array([word.rstrip("\0") for word in words], dtype=np.str_),
    }
    path = tmp_path_factory.mktemp("evidence") / "e.parquet"
    facts = {"caveats": ["one"], "n": np.int64(3), "deep": {"x": np.array([1.5])}}
    write_evidence(Evidence(columns=columns, facts=facts, exhibits=(EXHIBIT,)), path)
    back = read_evidence(path)
    for name in ("score", "small", "yes", "word"):
        np.testing.assert_array_equal(back.columns[name], columns[name])
        assert back.columns[name].dtype.kind == columns[name].dtype.kind
    assert back.facts == {"caveats": ["one"], "n": 3, "deep": {"x": [1.5]}}
    assert back.exhibits == (EXHIBIT,)


def test_what_users_are_called_changes_nothing_but_their_names(tmp_path: Path) -> None:
    users = np.array([7, 2, 7, 9, 2])
    plain, named = tmp_path / "plain.parquet", tmp_path / "named.parquet"
    write_evidence(Evidence(columns={"cluster": users, "x": np.arange(5)}), plain)
    rename_users(plain, named, lambda user: f"z{9 - user}")
    assert b"z7" in named.read_bytes()
    for path in (plain, named):
        np.testing.assert_array_equal(read_evidence(path).columns["cluster"], [0, 1, 0, 2, 1])
    np.testing.assert_array_equal(read_evidence(named).columns["x"], np.arange(5))


def test_equal_evidence_gives_equal_bytes(tmp_path: Path) -> None:
    evidence = Evidence(columns={"cluster": np.arange(4)}, facts={"b": 1, "a": 2})
    for name in "xy":
        write_evidence(evidence, tmp_path / name)
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()


def test_an_entry_is_whole_or_not_there(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with pytest.raises(RuntimeError), cache.making("fits", "key") as draft:
        (draft / "half").write_text("x")
        assert cache.find("fits", "key") is None
        raise RuntimeError
    assert cache.find("fits", "key") is None
    assert not list(tmp_path.glob(".draft-*"))
    with cache.making("fits", "key") as draft:
        (draft / "whole").write_text("x")
    found = cache.find("fits", "key")
    assert found is not None and [path.name for path in found.iterdir()] == ["whole"]


def test_the_first_to_finish_keeps_its_entry(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with cache.making("fits", "key") as slow:
        with cache.making("fits", "key") as fast:
            (fast / "fast").write_text("x")
        (slow / "slow").write_text("x")
    found = cache.find("fits", "key")
    assert found is not None and [path.name for path in found.iterdir()] == ["fast"]


def test_pseudonyms_need_the_secret(tmp_path: Path) -> None:
    one, same, other = Cache(tmp_path / "a"), Cache(tmp_path / "a"), Cache(tmp_path / "b")
    assert one.pseudonym("user 1") == same.pseudonym("user 1")
    assert len({one.pseudonym("user 1"), one.pseudonym("user 2"), other.pseudonym("user 1")}) == 3
    assert stat.S_IMODE(os.stat(tmp_path / "a" / "pseudonyms.key").st_mode) == 0o600


def test_a_run_is_found_by_id_folder_record_and_as_the_latest() -> None:
    first = begin(AuditConfig(model="one"), "run one")
    second = begin(AuditConfig(model="two"), "run two")
    apart = begin(AuditConfig(model="three", out=Path("apart")), "run three")
    assert find_run().path == second.path
    assert find_run(first.path.name).path == first.path
    assert find_run(str(first.path)).path == first.path
    assert find_run("apart").path == apart.path == Path("apart")
    assert AuditConfig.model_validate(apart.about["config"]).model == "three"


def test_a_folder_that_holds_a_run_is_not_written_over() -> None:
    config = AuditConfig(model="one", out=Path("here"))
    begin(config, "")
    with pytest.raises(UsageError, match="already holds a run"):
        begin(config, "")


def test_missing_and_foreign_records_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no run in"):
        load_record()
    folder = begin(AuditConfig(model="one"), "")
    with pytest.raises(UsageError, match="did you mean"):
        load_record(folder.path.name[:-1])
    with pytest.raises(UsageError, match="record.json cannot be read"):
        load_record()
    for text, sentence in (
        ("[]", "is no audit record"),
        ("{", "is no audit record"),
        (json.dumps({"schema_version": 99}), "schema version 99; this release reads"),
        (json.dumps({"schema_version": 1}), "is no valid audit record"),
    ):
        Path("some.json").write_text(text)
        with pytest.raises(UsageError, match=sentence):
            load_record("some.json")
