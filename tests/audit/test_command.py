import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recaudit.audit import plugins

Own = Callable[[str], str]
Command = Callable[..., Any]

LEARNING = {"torch", "transformers", "opacus", "flwr", "ray"}
HEAVY = LEARNING | {"pandas", "pyarrow", "scipy", "statsmodels", "sklearn", "fairlearn"}
ASKED = '"probe": "mean_one"'


def refused(done: Any, *sentences: str) -> None:
    """One sentence a problem on standard error, exit code 2, nothing else."""
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    problems = [line for line in lines if line.startswith("error: ")]
    assert len(problems) == len(sentences), done.stderr
    for sentence in sentences:
        assert any(sentence in problem for problem in problems), (sentence, problems)


def small(own: Own, *probes: str, model: str = "honest") -> list[str]:
    words = ["run", "--model", own(model), "--data", "world-tiny", "--out", "here"]
    return words + [word for probe in probes for word in ("--probe", own(probe))]


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["list"], ["data"]])
def test_looking_around_imports_nothing_heavy(process: Command, words: list[str]) -> None:
    before = f"import atexit; atexit.register(lambda: print('HEAVY', {HEAVY} & sys.modules.keys()))"
    done = process(*words, before=before)
    assert done.returncode == 0, done.stderr
    assert "HEAVY set()" in done.stdout


def test_lists_name_every_probe_with_its_question_and_needs(command: Command) -> None:
    done = command("list")
    for words in (
        "calibration",
        "needs: gives_likelihoods or denoises; trains: 2",
        "world-tiny",
        "html",
        "markdown",
    ):
        assert words in done.stdout
    refused(command("list", "prbes"), "no list is called 'prbes'; did you mean probes")


def test_versions_are_told(command: Command) -> None:
    assert command("--version").stdout == "recaudit 0.1.0\n"


def test_a_run_prints_its_answer_and_where_the_report_is(command: Command, own: Own) -> None:
    done = command(*small(own, "MeanOne", "MeanTwo"), "--set", "mean_two.bound=0.0001")
    assert done.returncode == 0, done.stderr
    assert "1 of 2 judged checks fails: “Is the second mean answer small?”." in done.stdout
    assert done.stdout.splitlines()[-1] == "Report: here/report.html"
    assert Path("here/report.html").is_file()
    assert "ask mean_one done in" in done.stderr

    gated = command("gate", "here")
    assert gated.returncode == 1 and "mean_two" in gated.stdout
    Path("policy.toml").write_text(
        '[[waivers]]\nprobe = "mean_two"\nreason = "known"\nowner = "us"\nexpires = 2999-01-01\n'
    )
    assert command("gate", "here", "--policy", "policy.toml").returncode == 0
    Path("here/evidence/mean_one.parquet").write_bytes(b"changed")
    assert "is not the file" in command("gate", "here", "--policy", "policy.toml").stdout

    written = command("report", "here/record.json", "--to", "html,md")
    assert written.stdout.splitlines() == ["Report: here/report.html", "Report: here/report.md"]
    refused(command("report", "here", "--to", "htm"), "no report is called 'htm'; did you mean html")
    refused(command(*small(own, "MeanOne")), "here already holds a run; continue it with --resume")


@pytest.mark.parametrize(
    ("probes", "words", "code"),
    [
        (["Impossible"], [], 5),
        (["Broken", "MeanOne"], [], 3),
        (["MeanOne"], ["--policy", "policy.toml"], 4),
        (["MeanOne", "Stopped"], [], 130),
    ],
)
def test_exit_codes_of_a_run(
    process: Command, own: Own, probes: list[str], words: list[str], code: int
) -> None:
    Path("policy.toml").write_text(
        '[[criteria]]\nprobe = "mean_one"\nmeasurement = "mean_answer"\nbound = 0.4\n'
    )
    done = process(*small(own, *probes), *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_what_fails_inside_is_one_sentence_and_a_log(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "discover", lambda kind: 1 / 0)
    done = command("list")
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: something inside failed (ZeroDivisionError); the traceback is in ")
    assert "Traceback" in Path(line.rpartition(" in ")[2]).read_text()


def test_bad_names_and_files_are_all_told_at_once(command: Command) -> None:
    Path("policy.toml").write_text('inconclusive = "maybe"\nbanana = 1\n')
    refused(
        command(
            *("run", "--model", "talrec.py:x", "--data", "ml-100", "--probe", "calibratoin"),
            *("--policy", "policy.toml", "--data-path", "gone.csv", "--set", "oops", "--seed", "one"),
        ),
        "there is no file talrec.py",
        "no data set is called 'ml-100'; did you mean ml-100k",
        "no probe is called 'calibratoin'; did you mean calibration",
        "policy policy.toml: inconclusive: input should be 'fail', 'warn' or 'pass', got 'maybe'",
        "policy policy.toml: banana: there is no such setting",
        "there is no file or folder gone.csv",
        "--set oops: write KEY=VALUE",
        "setting seed: input should be a valid integer",
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("user,item,liked\n", "mine.csv holds no rows; its columns are user, item, liked"),
        ("", "mine.csv holds no rows; its columns are none"),
        ("user;item\n1;2\n", "give separator=;"),
        ("user,item,liked\n1,2\n", "expected 3 fields as in the header, got 2"),
        ("user,item,liked\n1,2,perhaps\n", "got 'perhaps'"),
        ("user,item,liked\n1,2,1\n", "bring more users or longer histories"),
    ],
)
def test_bad_tables_are_one_sentence(command: Command, own: Own, text: str, sentence: str) -> None:
    Path("mine.csv").write_text(text)
    words = ["run", "--model", own("honest"), "--data", "table", "--data-path", "mine.csv"]
    refused(command(*words, "--probe", own("MeanOne")), sentence)
    assert not Path("audits").exists()


def test_a_run_that_is_not_there_is_one_sentence(command: Command) -> None:
    refused(command("gate"), "there is no run in")
    refused(command("report", "nowhere"), "no run is called 'nowhere'")
    refused(command("run", "--resume"), "there is no run in")
    refused(command("run", "lost"), "takes no argument 'lost'")


def test_records_and_gates_work_without_any_heavy_library(
    command: Command, process: Command, own: Own
) -> None:
    assert command(*small(own, "MeanOne")).returncode == 0
    blocked = f"sys.modules.update(dict.fromkeys({HEAVY | {'pooch', 'platformdirs'}}))"
    assert process("gate", "here", before=blocked).returncode == 0
    assert process("report", "here", "--to", "html,markdown", before=blocked).returncode == 0
    failed = process("run", "--resume", "here", before=blocked)
    assert failed.returncode == 3 and "Traceback" not in failed.stderr
    assert "this needs pyarrow, which is not installed; run `pip install pyarrow`" in failed.stdout


def resumed(words: list[str], watch: Callable[[], bool], slow: str) -> str:
    """Start a run that dawdles, kill it when ``watch`` says so, and let it go on."""
    start = [sys.executable, "-m", "recaudit.audit"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*start, *words], env={**os.environ, "STANDIN_SLOW": slow}, **quiet)  # type: ignore[call-overload]
    limit = time.monotonic() + 60
    while not watch():
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = subprocess.run(
        [*start, "run", "--resume", "--out", "here"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def without_times(path: Path) -> Any:
    plain = json.loads(path.read_text())
    for part in ("id", "created", "seconds", "command"):
        plain.pop(part)
    plain["config"].pop("out")
    plain["model"]["fit"].pop("seconds", None)
    return plain


@pytest.mark.parametrize("model", ["honest", pytest.param("Lean", marks=pytest.mark.slow)])
def test_a_killed_run_goes_on_and_ends_as_if_never_stopped(
    command: Command, own: Own, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    copying = ["Copying"] if model == "Lean" else []
    words = small(own, "MeanOne", *copying, "MeanTwo", model=model)
    assert command(*(word if word != "here" else "whole" for word in words)).returncode == 0
    secret = (tmp_path / "cache" / "pseudonyms.key").read_bytes()

    other = tmp_path / "another"
    other.mkdir()
    (other / "pseudonyms.key").write_bytes(secret)
    monkeypatch.setenv("RECAUDIT_CACHE", str(other))
    record = Path("here/record.json")
    told = resumed(words, lambda: record.exists() and ASKED in record.read_text(), slow="1")
    assert "ask mean_one taken from the cache" in told
    assert "ask mean_two done" in told
    assert ("train the audited model taken from the cache" in told) == (model == "Lean")
    assert without_times(record) == without_times(Path("whole/record.json"))


def test_a_resumed_run_keeps_its_configuration(command: Command, own: Own) -> None:
    assert command(*small(own, "MeanOne")).returncode == 0
    refused(
        command("run", "--resume", "here", "--seed", "3", "--data", "world"),
        "a resumed run keeps its configuration, so data, seed cannot change",
    )
    assert command("run", "--resume", "here", "--data", "world-tiny").returncode == 0
