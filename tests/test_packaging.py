"""What leaves the repository is what stands in it: packages, data files, versions and the tested set."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
FOLDERS = ("audit", "models", "probes", "reports")


def shipped_files() -> set[str]:
    """Every file of the product, as the wheel must hold it."""
    found = {"recaudit/__init__.py", "recaudit/py.typed"}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found.add(f"recaudit/{path.relative_to(ROOT).as_posix()}")
    return found


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def test_packages_are_the_folders_on_disk() -> None:
    on_disk = {"recaudit"}
    for folder in FOLDERS:
        for init in (ROOT / folder).rglob("__init__.py"):
            on_disk.add(".".join(["recaudit", *init.parent.relative_to(ROOT).parts]))
    assert sorted(PYPROJECT["tool"]["setuptools"]["packages"]) == sorted(on_disk)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """A wheel of this checkout, built beside it so that no stale build folder has a say."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in (*FOLDERS, "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    loose = [path.name for path in ROOT.glob("*.py")]
    for name in ("pyproject.toml", "README.md", "LICENSE", "py.typed", *loose):
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(out)]
    built = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr + built.stdout
    with zipfile.ZipFile(next(out.glob("*.whl"))) as archive:
        yield archive


def test_the_wheel_holds_every_product_file_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert inside == shipped_files()


def test_the_wheel_carries_licence_and_command(wheel: zipfile.ZipFile) -> None:
    meta = {name.rpartition("/")[2]: name for name in wheel.namelist() if ".dist-info/" in name}
    assert wheel.read(meta["LICENSE"]) == (ROOT / "LICENSE").read_bytes()
    assert "audit = recaudit.audit.cli:main" in wheel.read(meta["entry_points.txt"]).decode()
    assert "License-Expression: Apache-2.0" in wheel.read(meta["METADATA"]).decode()


def test_the_command_exists() -> None:
    command = EntryPoint("audit", PROJECT["scripts"]["audit"], "console_scripts")
    assert callable(command.load())


@pytest.mark.parametrize("text", [*PROJECT["dependencies"], *(r for e in EXTRAS.values() for r in e)])
def test_the_tested_set_lies_within_the_declared_ranges(text: str) -> None:
    requirement = Requirement(text)
    name = canonicalize_name(requirement.name)
    assert name in pins(), f"constraints.txt does not pin {name}"
    assert requirement.specifier.contains(pins()[name], prereleases=True)


def test_the_tested_set_is_the_same_for_cpu_and_gpu() -> None:
    for name, version in pins().items():
        assert Version(version).local is None, f"{name}=={version} names one build of it"
    assert not [name for name in pins() if name.startswith(("nvidia-", "cuda-", "triton"))]


def test_the_light_set_is_a_part_of_the_dependencies() -> None:
    lines = (ROOT / "requirements" / "gate.txt").read_text(encoding="utf-8").splitlines()
    light = [line for line in lines if line and not line.startswith("#")]
    assert light
    assert set(light) <= set(PROJECT["dependencies"])


def test_every_python_named_is_allowed_and_the_floor_is_named() -> None:
    named = {c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)}
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert named
    assert all(allowed.contains(version) for version in named)
    assert min(named, key=Version) == PROJECT["requires-python"].removeprefix(">=")


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("__init__.py", r'^__version__ = "([^"]+)"$'),
        ("CITATION.cff", r'^version: "?([^"\n]+)"?$'),
        ("CHANGELOG.md", r"^## \[?(\d[^\] ]*)"),
    ],
)
def test_one_version_everywhere(file: str, pattern: str) -> None:
    found = re.search(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    assert found[1] == PROJECT["version"]
