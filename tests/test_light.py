"""Where torch is absent, reports are rendered and gates judged all the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from recaudit.audit.gate import judged
from recaudit.probes.base import Criterion, Measurement
from recaudit.reports import record as door

ROOT = Path(__file__).resolve().parents[1]
IMPORT_NAMES = {"scikit-learn": "sklearn"}

WITHOUT = """
import sys
from importlib.machinery import PathFinder

absent = set(sys.argv.pop(1).split(","))


class Absent:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return None if name.partition(".")[0] in absent else PathFinder.find_spec(name, path, target)


sys.meta_path = [Absent if finder is PathFinder else finder for finder in sys.meta_path]
"""
COMMAND = WITHOUT + "from recaudit.audit.cli import main\nsys.exit(main())\n"
IMPORT = (
    WITHOUT
    + """
import importlib
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as missing:
        print(missing.name)
"""
)


def heavy() -> set[str]:
    """The import names of every dependency that the light set does not have, and of the extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    light = (ROOT / "requirements" / "gate.txt").read_text(encoding="utf-8").splitlines()
    extras = project["optional-dependencies"]
    rest = [*set(project["dependencies"]) - set(light), *extras["federated"], *extras["ray"]]
    names = {Requirement(text).name for text in rest}
    return {IMPORT_NAMES.get(name, name) for name in names}


def light(*arguments: str, code: str = COMMAND, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", code, ",".join(sorted(heavy())), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=cwd)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder as an audit of one passing check leaves it."""
    row = Measurement(
        name="gap", value=0.025, low=0.01, high=0.04, level=0.95, method="cluster bootstrap",
        n=400, clusters=200, unit="probability points", better="zero",
    )  # fmt: skip
    verdicts, state = judged([Criterion(measurement="gap", bound=0.05, direction="within")], [row], family=1)
    text = door.ProbeText(
        title="Group gap", question="Is one group served worse?", method="m", area="fairness"
    )
    finding = door.FindingRecord(
        probe="group_gap", verdict=state, text=text, measurements=(row,), verdicts=verdicts
    )
    model = door.AuditedModel(
        name="tallrec", title="TALLRec", base="tiny", settings={}, sha256="0", prompt_sha256="0",
        capabilities=("ranks",), lacks=(),
    )  # fmt: skip
    data = door.AuditedData(
        name="world", sha256="0", users=200, items=50, interactions=4000, attributes={},
        split_counts={}, split_sha256={}, synthetic=True,
    )  # fmt: skip
    record = door.AuditRecord(
        schema_version=door.SCHEMA_VERSION, id="one", created="2025-01-01T00:00:00+00:00", status="complete",
        command="run --model tallrec", seed=0, config={}, model=model, data=data,
        family=door.Family(alpha=0.05, checks=("group_gap",), alpha_each=0.05), findings=(finding,),
        environment={}, seconds={},
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("run")
    (folder / "record.json").write_text(door.to_json(record), encoding="utf-8")
    return folder


def test_the_heavy_set_is_the_heavy_set() -> None:
    assert {"torch", "transformers", "opacus", "flwr", "ray", "pandas", "pyarrow"} <= heavy()
    assert {"scipy", "statsmodels", "sklearn", "fairlearn"} <= heavy()
    assert not {"numpy", "typer", "rich", "pydantic", "jinja2"} & heavy()


def test_the_heavy_set_is_really_absent() -> None:
    tried = light(*sorted(heavy()), code=IMPORT)
    assert set(tried.stdout.split()) == heavy(), tried.stderr


@pytest.mark.parametrize(
    "module", ["reports.record", "reports.html", "audit.gate", "audit.plugins", "audit.cli"]
)
def test_a_module_needs_only_the_light_set(module: str) -> None:
    tried = light("recaudit", f"recaudit.{module}", code=IMPORT)
    assert (tried.returncode, tried.stdout, tried.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--help"], "gate"),
        (["list"], "tallrec"),
        (["list", "models"], "tallrec"),
        (["list", "probes"], "group_gap"),
        (["list", "data"], "ml-100k"),
        (["list", "reports"], "html"),
    ],
)
def test_the_command_answers_without_torch(arguments: list[str], said: str, tmp_path: Path) -> None:
    answer = light(*arguments, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert said in answer.stdout


def test_a_gate_passes_and_fails_without_torch(run_folder: Path, tmp_path: Path) -> None:
    passed = light("gate", str(run_folder), cwd=tmp_path)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    (tmp_path / "policy.toml").write_text(
        '[[criteria]]\nprobe = "group_gap"\nmeasurement = "gap"\nbound = 0.005\ndirection = "at_most"\n'
    )
    failed = light("gate", str(run_folder), "--policy", "policy.toml", cwd=tmp_path)
    assert failed.returncode == 1, failed.stdout + failed.stderr


def test_a_report_is_rendered_without_torch(run_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run_folder, tmp_path / "run")
    answer = light("report", str(folder), cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "Is one group served worse?" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_missing_library_is_one_sentence_with_its_remedy(tmp_path: Path) -> None:
    answer = light("run", "--model", "tallrec", "--data", "world-tiny", "--out", "run", cwd=tmp_path)
    assert answer.returncode == 2, answer.stdout + answer.stderr
    errors = [line for line in answer.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, answer.stderr
    assert "pip install" in errors[0]
    assert "Traceback" not in answer.stderr


@pytest.mark.slow
def test_the_light_set_installs_and_works(run_folder: Path, tmp_path: Path) -> None:
    """A real environment that has requirements/gate.txt and nothing else."""
    source = tmp_path / "source"
    shutil.copytree(
        ROOT, source, ignore=shutil.ignore_patterns(".*", "build", "audits", "*.egg-info", "tests")
    )
    subprocess.run([sys.executable, "-m", "venv", "env"], check=True, cwd=tmp_path)
    pip = [str(tmp_path / "env/bin/python"), "-m", "pip", "install", "-qq"]
    gate = ["-c", str(ROOT / "constraints.txt"), "-r", str(ROOT / "requirements/gate.txt")]
    subprocess.run([*pip, *gate], check=True, cwd=tmp_path)
    subprocess.run([*pip, "--no-deps", str(source)], check=True, cwd=tmp_path)
    for arguments in (["--help"], ["list"], ["gate", str(run_folder)], ["report", str(run_folder)]):
        audit = [str(tmp_path / "env/bin/audit"), *arguments]
        answer = subprocess.run(audit, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert answer.returncode == 0, answer.stdout + answer.stderr
