"""A baseline holds: no worse passes, worse fails, and what is not comparable is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Own = Callable[[str], str]
Command = Callable[..., Any]


@pytest.fixture
def run(command: Command, own: Own) -> Callable[..., str]:
    def audit(out: str, model: str, *probes: str, seed: int = 0) -> str:
        words = ["run", "--model", own(model), "--data", "world-tiny", "--out", out, "--seed", str(seed)]
        words += [word for probe in probes for word in ("--probe", probe)]
        small = ["--set", "order_bias.n_users=100"] if "order_bias" in probes else []
        assert command(*words, *small).returncode == 0
        return out

    return audit


def test_the_same_again_is_no_worse(run: Callable[..., str], command: Command) -> None:
    done = command(
        "gate", run("new", "honest", "order_bias"), "--baseline", run("old", "honest", "order_bias")
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("no worse") == 4 and "same people" in done.stdout


def test_what_became_worse_fails_even_where_it_is_inside_no_bound(
    run: Callable[..., str], command: Command
) -> None:
    done = command(
        "gate", run("new", "biased", "order_bias"), "--baseline", run("old", "honest", "order_bias")
    )
    words = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert "swap_shift: worse by 1 (" in words and "allowed 0.04" in words


def test_what_became_better_is_no_worse(run: Callable[..., str], command: Command) -> None:
    done = command(
        "gate", run("new", "honest", "order_bias"), "--baseline", run("old", "biased", "order_bias")
    )
    assert done.returncode == 0 and "worse by -1 (" in " ".join(done.stdout.split())


def test_the_allowed_margin_is_the_policys(run: Callable[..., str], command: Command) -> None:
    Path("loose.toml").write_text("baseline_margin = 9.0\n")
    new, old = run("new", "biased", "order_bias"), run("old", "honest", "order_bias")
    done = command("gate", new, "--baseline", old, "--policy", "loose.toml")
    assert done.returncode == 1, "the probe's own bound still fails it"
    assert "worse by 1 (" in " ".join(done.stdout.split()) and "allowed 1.8" in done.stdout
    assert done.stdout.count("no worse") == 4


def test_a_probe_that_the_baseline_had_may_not_go_missing(
    run: Callable[..., str], command: Command, own: Own
) -> None:
    old = run("old", "honest", "order_bias", own("MeanOne"))
    done = command("gate", run("new", "honest", "order_bias"), "--baseline", old)
    assert done.returncode == 1 and "missing" in done.stdout


def test_runs_with_nothing_in_common_are_refused(run: Callable[..., str], command: Command, own: Own) -> None:
    done = command(
        "gate", run("new", "honest", "order_bias"), "--baseline", run("old", "honest", own("MeanOne"))
    )
    assert done.returncode == 2 and "has no bounded measurement with evidence in common" in done.stderr
