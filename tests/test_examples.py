"""The examples do what their pages say, from a copy of the folder, as a user would have it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[1]
START = "import sys; from recaudit.audit.cli import main; sys.argv[0] = 'audit'; main()"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "examples" / "ci_gate", tmp_path / "ci_gate"))


def audit(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    own = {**os.environ, "RECAUDIT_CACHE": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, "-c", START, *words],
        cwd=folder,
        env=own,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_the_gate_passes_the_honest_and_fails_the_careless(folder: Path) -> None:
    assert audit(folder, "check-policy", "policy.toml").returncode == 0
    good = audit(folder, "run", "--out", "run")
    assert good.returncode == 0, good.stdout + good.stderr
    bad = audit(folder, "run", "--out", "bad", "--model", "recommend.py:build_careless")
    assert bad.returncode == 1, bad.stdout + bad.stderr
    assert audit(folder, "report", "bad", "--to", "md,junit,sarif").returncode == 0
    comment = (folder / "bad" / "report.md").read_text()
    assert "things that do not exist" in comment and "beyond the bound" in comment
    assert audit(folder, "verify", "bad").returncode == 0
    held = audit(folder, "gate", "bad", "--baseline", "run")
    assert held.returncode == 1 and "worse" in held.stdout


def test_the_gate_works_inside_a_test_suite(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_recommender.py"],
        cwd=folder,
        env={**os.environ, "RECAUDIT_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_an_expired_waiver_and_a_wrong_name_are_told_before_any_run(folder: Path) -> None:
    waiver = '\n[[waivers]]\nprobe = "out_of_catalog"\nreason = "r"\nowner = "o"\nexpires = 2020-01-01\n'
    (folder / "late.toml").write_text((folder / "policy.toml").read_text() + waiver)
    late = audit(folder, "check-policy", "late.toml")
    assert late.returncode == 1 and "expired on 2020-01-01" in late.stdout
    (folder / "wrong.toml").write_text('required = ["out_of_katalog"]\n')
    wrong = audit(folder, "check-policy", "policy.toml", "wrong.toml")
    assert wrong.returncode == 2 and "did you mean out_of_catalog" in wrong.stderr


@pytest.mark.parametrize(
    "name", ["action.yml", ".pre-commit-hooks.yaml", "examples/ci_gate/.github/workflows/audit.yml"]
)
def test_the_files_of_ci_systems_name_options_that_exist(name: str) -> None:
    text = (ROOT / name).read_text()
    assert yaml.safe_load(text)
    helps = {
        word: subprocess.run(
            [sys.executable, "-c", START, word, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "300"},
        ).stdout
        for word in ("run", "gate", "report")
        if f"audit {word} " in text
    }
    for word, said in helps.items():
        for line in (line for line in text.splitlines() if f"audit {word} " in line):
            options = [part.split("}")[0] for part in line.split() if part.startswith("--")]
            assert all(option in said for option in options), (word, line)
