"""Two runs on one page: the same people are matched, and what differs is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

Own = Callable[[str], str]
Command = Callable[..., Any]


def test_two_runs_of_one_world_are_compared_by_person(command: Command, own: Own) -> None:
    for name, model in (("old", "honest"), ("new", "biased")):
        words = ["run", "--model", own(model), "--data", "world-tiny", "--out", name, "--probe", "order_bias"]
        assert command(*words, "--set", "order_bias.n_users=100").returncode == 0
    done = command("compare", "old", "new")
    assert done.returncode == 0 and "Comparison: new/comparison.html" in done.stdout
    assert "are worse" in done.stdout and "swap shift" in done.stdout
    page = Path("new/comparison.html").read_text()
    assert page.count(">the same<") == 4
    assert "Pass" in page and "Fail" in page
    assert command("compare", "new", "old", "--out", "back.html").stdout.startswith("Of 4 bounded figures")
    assert "Better" in Path("back.html").read_text()


def test_a_run_that_is_not_there_is_refused(command: Command) -> None:
    done = command("compare", "nowhere", "elsewhere")
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_a_folder_of_runs_has_one_page(command: Command, own: Own) -> None:
    for name in ("one", "two"):
        command(
            "run",
            "--model",
            own("honest"),
            "--data",
            "world-tiny",
            "--out",
            f"runs/{name}",
            "--probe",
            own("MeanOne"),
        )
    done = command("report", "--index", "runs")
    page = Path("runs/index.html").read_text()
    assert done.stdout == "History: runs/index.html\n"
    assert 'href="one/report.html"' in page and 'href="two/report.html"' in page and 'class="trend"' in page
    assert command("report", "--index", "nowhere").returncode == 2
