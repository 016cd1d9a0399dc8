"""Nothing that may be passed on names a person, says who was trained on, or shows what somebody did."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recaudit.audit import plugins
from recaudit.models.datasets.world import load

Own = Callable[[str], str]
Command = Callable[..., Any]
FORMATS = ",".join(sorted(plugins.discover("report")))


@pytest.fixture
def table() -> tuple[Path, dict[str, set[str]]]:
    """The small world as somebody's own data, with names nobody could overlook, and each one's titles."""
    log, path = load("world-tiny"), Path("likes.csv")
    titles: dict[str, set[str]] = {}
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["user", "item", "title", "genres", "timestamp", "liked", "gender"])
        for user, item, at, liked in zip(log.user, log.item, log.timestamp, log.liked, strict=True):  # type: ignore[arg-type]
            name = f"Person-{user:05d}-Secret"
            title = log.catalog.titles[item]
            titles.setdefault(name, set()).add(title)
            genres = "|".join(log.catalog.genres[item])
            lines.writerow(
                [name, f"sku{item}", title, genres, int(at), int(liked), log.attributes["gender"][user]]
            )
    return path, titles


PROBES = (
    "order_bias",
    "counterfactual_shift",
    "calibration",
    "group_gap",
    "title_injection",
    "list_similarity",
)


def run(command: Command, own: Own, path: Path, *more: str) -> Path:
    words = ["run", "--model", own("honest"), "--data", "table", "--data-path", str(path), "--out", "here"]
    words += ["--set", "data.attributes=gender", *more]
    words += [word for probe in (*PROBES, own("MeanOne")) for word in ("--probe", probe)]
    done = command(*words)
    assert done.returncode == 0, done.stderr
    assert command("report", "here", "--to", FORMATS).returncode == 0
    return Path("here")


def shared(folder: Path) -> dict[str, str]:
    """Everything beside the evidence folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and "evidence" not in path.parts]
    return {path.name: path.read_text(encoding="utf-8") for path in files}


def test_no_shareable_file_names_a_person(
    command: Command, own: Own, table: tuple[Path, dict[str, set[str]]]
) -> None:
    path, titles = table
    files = shared(run(command, own, path))
    assert {"record.json", "report.html", "report.md", "report.csv", "report.sarif"} <= files.keys()
    for name, text in files.items():
        assert "Secret" not in text and "Person-" not in text, name


def test_no_example_shows_what_somebody_did(
    command: Command, own: Own, table: tuple[Path, dict[str, set[str]]]
) -> None:
    path, titles = table
    record = json.loads((run(command, own, path) / "record.json").read_text())
    exhibits = [exhibit for finding in record["findings"] for exhibit in finding["exhibits"]]
    assert exhibits
    for exhibit in exhibits:
        for side in ("left", "right"):
            shown = {title for own in titles.values() for title in own if title in exhibit[side]}
            for person in titles.values():
                assert len(shown & person) < 3, exhibit


def test_who_was_trained_on_is_in_no_shareable_file(
    command: Command, own: Own, table: tuple[Path, dict[str, set[str]]]
) -> None:
    files = shared(run(command, own, table[0]))
    record = json.loads(files["record.json"])
    coin = {"member", "members", "held_out", "pseudonym"}

    def lists(value: object, name: str = "") -> list[tuple[str, int]]:
        if isinstance(value, dict):
            return [found for key, own in value.items() for found in lists(own, key)]
        if isinstance(value, list):
            return [(name, len(value)), *(found for own in value for found in lists(own, name))]
        return []

    assert not [found for found in lists(record) if found[0] in coin]
    longest = max(length for _, length in lists(record))
    assert longest < 112, "no list is as long as the people are many"


def test_the_first_page_says_so_where_users_are_shown(
    command: Command, own: Own, table: tuple[Path, dict[str, set[str]]]
) -> None:
    files = shared(run(command, own, table[0], "--show-users"))
    head = files["report.html"].split("<h2", 1)[0]
    assert "Shows users" in head and "do not pass the page on" in head


def test_pseudonyms_cannot_be_guessed_from_the_names(
    command: Command, own: Own, table: tuple[Path, dict[str, set[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hashlib import sha256

    from pyarrow import parquet

    folder = run(command, own, table[0])
    users = parquet.read_table(folder / "evidence" / "order_bias.parquet")["cluster"].to_numpy().astype(str)
    guessed = {sha256(name.encode()).hexdigest() for name in table[1]}
    assert not [user for user in np.unique(users) if any(guess.startswith(user) for guess in guessed)]
