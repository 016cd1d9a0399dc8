"""A first policy holds the probes' own bounds, can be read back, and never replaces one that is there."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Own = Callable[[str], str]
Command = Callable[..., Any]


@pytest.fixture
def run(command: Command, own: Own) -> str:
    words = ["run", "--model", own("biased"), "--data", "world-tiny", "--out", "here"]
    assert command(*words, "--probe", "order_bias", "--set", "order_bias.n_users=100").returncode == 0
    return "here"


def test_a_first_policy_judges_as_the_probes_do(run: str, command: Command) -> None:
    assert "Policy: policy.toml" in command("gate", run, "--init").stdout
    policy = tomllib.loads(Path("policy.toml").read_text())
    assert policy["required"] == ["order_bias"]
    assert {own["measurement"]: own["bound"] for own in policy["criteria"]} == {
        "swap_shift": 0.2,
        "alike_first_shift": 0.2,
        "flip_rate": 0.1,
    }
    assert command("gate", run, "--policy", "policy.toml").returncode == 1
    record = json.loads(Path("here/record.json").read_text())
    shift = next(row for row in record["findings"][0]["measurements"] if row["name"] == "swap_shift")
    assert str(shift["value"]) not in Path("policy.toml").read_text()


def test_a_policy_that_is_there_stays(run: str, command: Command) -> None:
    Path("policy.toml").write_text("alpha = 0.01\n")
    done = command("gate", run, "--init")
    assert done.returncode == 2 and "is there already" in done.stderr
    assert Path("policy.toml").read_text() == "alpha = 0.01\n"
    assert command("gate", run, "--init", "--policy", "other.toml").returncode == 0


def test_a_run_that_judged_nothing_has_no_policy(command: Command, own: Own) -> None:
    words = ["run", "--model", own("honest"), "--data", "world-tiny", "--out", "here"]
    command(*words, "--probe", own("Impossible"))
    done = command("gate", "here", "--init")
    assert done.returncode == 2 and "no bound to write down" in done.stderr


def test_explain_says_how_each_row_stands(run: str, command: Command) -> None:
    done = command("gate", run, "--explain")
    words = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert "swap_shift is 1 (" in words and "bound within ±0.2" in words
    assert "it meets any bound above" in words
