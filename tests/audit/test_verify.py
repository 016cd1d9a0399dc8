"""A record is believed only where its evidence gives every number of it again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Own = Callable[[str], str]
Command = Callable[..., Any]
Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def run(command: Command, own: Own) -> Path:
    words = ["run", "--model", own("honest"), "--data", "world-tiny", "--out", "here"]
    words += ["--probe", own("MeanOne"), "--probe", "order_bias", "--set", "order_bias.n_users=60"]
    assert command(*words).returncode == 0
    return Path("here")


def test_an_untouched_run_is_verified(run: Path, command: Command) -> None:
    done = command("verify", str(run))
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("verified") == 2 and "exit code 0" in done.stdout


def first_row(finding: dict[str, Any]) -> dict[str, Any]:
    return next(row for row in finding["measurements"] if row["value"] is not None)


CHANGES: list[tuple[str, Change, str]] = [
    ("a value", lambda own: first_row(own).update(value=0.123), "value is"),
    ("an end", lambda own: first_row(own).update(high=9.0), "high is"),
    ("a count", lambda own: first_row(own).update(clusters=9_999), "clusters is"),
    ("a row left out", lambda own: own["measurements"].pop(), "its rows are not those"),
    ("a verdict", lambda own: own.update(verdict="inconclusive"), "recorded is inconclusive"),
    ("a bound", lambda own: own["verdicts"][0]["criterion"].update(bound=99.0), "its bounds are not"),
    ("a gate left out", lambda own: own["verdicts"].pop(), "its bounds are not"),
    ("an example", lambda own: own.update(exhibits=own["exhibits"][1:]), "its examples are not"),
    ("the evidence", lambda own: own.update(evidence_file=""), "names no evidence"),
    ("the hash", lambda own: own.update(evidence_sha256="0" * 64), "is not the file"),
]


@pytest.mark.parametrize(
    ("change", "said"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES]
)
def test_what_was_tampered_with_is_named(run: Path, command: Command, change: Change, said: str) -> None:
    record = json.loads((run / "record.json").read_text())
    change(next(own for own in record["findings"] if own["probe"] == "order_bias"))
    (run / "record.json").write_text(json.dumps(record))
    done = command("verify", str(run))
    assert done.returncode == 1
    assert said in " ".join(done.stdout.split()) and "order_bias" in done.stdout


def test_evidence_that_is_gone_or_changed_is_named(run: Path, command: Command) -> None:
    file = run / "evidence" / "order_bias.parquet"
    file.write_bytes(file.read_bytes() + b" ")
    assert command("verify", str(run)).returncode == 1
    file.unlink()
    done = command("verify", str(run))
    assert done.returncode == 1 and "is not beside the record" in " ".join(done.stdout.split())


def test_the_error_budget_is_checked(run: Path, command: Command) -> None:
    record = json.loads((run / "record.json").read_text())
    record["family"]["alpha_each"] = 0.05
    (run / "record.json").write_text(json.dumps(record))
    done = command("verify", str(run))
    assert done.returncode == 1 and "of the error budget" in " ".join(done.stdout.split())


def test_a_run_without_evidence_verifies_nothing(command: Command, own: Own) -> None:
    words = ["run", "--model", own("honest"), "--data", "world-tiny", "--out", "here"]
    command(*words, "--probe", own("Impossible"))
    assert command("verify", "here").returncode == 5
