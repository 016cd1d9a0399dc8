"""Recorded lists from file to report: no model is needed, and nothing is asked that was not recorded."""

import csv
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recaudit.audit.keys import stream
from recaudit.models.base import Request
from recaudit.models.datasets.world import load
from recaudit.models.planted.writer import PlantedWriter, WriterDials

Command = Callable[..., Any]
WORLD = "world-tiny"


def recorded(path: Path, *, invented: float, users: int, repeats: int = 1, stated: str = "") -> Path:
    """Write down what a planted writer says to the first users of the world."""
    log = load(WORLD, rng=stream(0, "data"))
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("person", "sex", "rank", "title", "repeat"))
        for repeat in range(repeats):
            writer = PlantedWriter(catalog=log.catalog, dials=WriterDials(invented=invented), seed=repeat)
            slates = writer.recommend([Request(history=log.history(user)) for user in range(users)], 10)
            for slate in slates:
                for rank, entry in enumerate(slate.entries, 1):
                    name = log.user_ids[slate.request.history.user]
                    table.writerow((name, stated, rank, entry.raw, repeat))
    return path


def run(
    command: Command, path: Path, *words: str, out: str = "here"
) -> tuple[dict[str, Any], dict[str, Any]]:
    done = command(
        *("run", "--recorded", str(path), "--data", WORLD, "--out", out),
        *("--set", "user=person", "--set", "attributes=sex", *words),
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(Path(out, "record.json").read_text())
    return record, {finding["probe"]: finding for finding in record["findings"]}


@pytest.mark.parametrize(("invented", "verdict"), [(0.0, "pass"), (0.3, "fail")])
def test_recorded_titles_are_judged_without_a_model(
    invented: float, verdict: str, command: Command, tmp_path: Path
) -> None:
    path = recorded(tmp_path / "lists.csv", invented=invented, users=150)
    record, found = run(command, path, "--probe", "out_of_catalog", "--probe", "ranking_gap")
    told = record["model"]["settings"]
    assert told["file_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (told["rows"], told["lists"], told["users"], told["stated"]) == (1500, 150, 150, ["nothing"])
    assert record["data"]["split_counts"]["held_out"] == 150
    assert found["out_of_catalog"]["verdict"] == verdict
    (rate,) = [row for row in found["out_of_catalog"]["measurements"] if row["name"] == "out_of_catalog_rate"]
    assert rate["clusters"] == 150 and rate["low"] <= invented <= rate["high"]
    assert "recorded lists only repeat what was said" in found["ranking_gap"]["not_asked"]
    assert "repeats recorded lists" in record["model"]["capabilities"]


def test_what_the_file_does_not_hold_is_not_asked(command: Command, tmp_path: Path) -> None:
    path = recorded(tmp_path / "lists.csv", invented=0.2, users=60, repeats=2, stated="woman")
    _, found = run(command, path, "--probe", "seed_variance", "--probe", "popularity_amplification")
    assert found["seed_variance"]["verdict"] == "not_applicable"
    assert "repeat 3 was asked for and 2 recorded" in found["seed_variance"]["not_asked"]
    assert found["popularity_amplification"]["measurements"]
    _, found = run(command, path, "--probe", "seed_variance", "--set", "seed_variance.n_draws=2", out="there")
    assert found["seed_variance"]["measurements"][0]["clusters"] > 30


def test_mistakes_are_told_in_one_sentence(command: Command, tmp_path: Path) -> None:
    path = recorded(tmp_path / "lists.csv", invented=0.0, users=5)
    both = command("run", "--recorded", str(path), "--model", "tallrec")
    assert both.returncode == 2 and "give --model or --recorded, not both" in both.stderr
    unnamed = command("run", "--recorded", str(path), "--data", WORLD)
    assert unnamed.returncode == 2 and "no column 'user' for user" in unnamed.stderr
    gone = command("run", "--recorded", "nowhere.csv", "--data", WORLD)
    assert gone.returncode == 2 and "there is no file nowhere.csv" in gone.stderr


def test_a_dry_run_needs_no_training(command: Command, tmp_path: Path) -> None:
    path = recorded(tmp_path / "lists.csv", invented=0.0, users=5)
    done = command("run", "--recorded", str(path), "--data", WORLD, "--set", "user=person", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "train the audited model" not in done.stdout and "ask out_of_catalog" in done.stdout


def test_the_example_finds_what_was_put_into_it(command: Command, tmp_path: Path) -> None:
    folder = Path(__file__).resolve().parents[2] / "examples" / "recorded_lists"
    (written,) = re.findall(r"```\n(audit run .*?)```", (folder / "README.md").read_text(), re.DOTALL)
    words = [
        str(folder / word) if word.endswith(".csv") else word for word in written.replace("\\", "").split()
    ]
    done = command(*words[1:], "--out", "here")
    assert done.returncode == 0, done.stderr
    found = {
        one["probe"]: one["verdict"] for one in json.loads(Path("here/record.json").read_text())["findings"]
    }
    assert found == {
        "out_of_catalog": "fail",
        "list_similarity": "fail",
        "popularity_amplification": "pass",
    }
