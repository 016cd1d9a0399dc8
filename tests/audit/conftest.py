import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from recaudit.audit.cli import main

STANDINS = Path(__file__).with_name("standins.py")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test works in an empty folder with an empty cache, and sees no configuration of the tester's."""
    for name in [name for name in os.environ if name.startswith("RECAUDIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RECAUDIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    yield


@pytest.fixture
def own() -> Callable[[str], str]:
    """Name a stand-in as a user names something of their own."""
    return lambda name: f"{STANDINS}:{name}"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run the command in this process."""

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["audit", *words])
        with pytest.raises(SystemExit) as left:
            main()
        told = capsys.readouterr()
        return Done(int(left.value.code or 0), told.out, told.err)

    return run


@pytest.fixture
def process() -> Callable[..., Done]:
    """Run the command as a user does, in a process of its own; ``before`` is Python to run first."""

    def run(*words: str, before: str = "") -> Done:
        start = f"import sys; {before}\nfrom recaudit.audit.cli import main; sys.argv[0] = 'audit'; main()"
        ran = subprocess.run(
            [sys.executable, "-c", start, *words], capture_output=True, text=True, timeout=120, check=False
        )
        return Done(ran.returncode, ran.stdout, ran.stderr)

    return run
