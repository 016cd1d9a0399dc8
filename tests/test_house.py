"""Holds the house together: which way imports run, where they cross, and what no file may contain."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ORDER = ("models", "probes", "reports", "audit")
"""Each package may import those before it; the root ``__init__`` shows what all of them offer."""

DOORS = {
    "models.data",
    "models.base",
    "models.capabilities",
    "models.splits",
    "models.split_audit",
    "models.grounding",
    "models.tallrec_text",
    "models.testing",
    "models.baselines",
    "models.planted.faults",
    "probes.base",
    "probes.paired",
    "probes.testing",
    "probes.stats",
    "reports.record",
}
BORDERS = (DOORS - {"probes.stats"}) | {"probes.stats.verdicts"}
"""Doors open to the other packages: of the statistics only the judging of verdicts is."""

KITS = {"probes.testing", "probes.trials"}
"""Test kits build worlds with planted faults for a probe: they may reach the planted models, and probes."""

HEAVY = {"torch", "transformers", "tokenizers", "safetensors", "peft", "opacus", "flwr", "ray"}
HEAVY |= {"pandas", "pyarrow", "scipy", "statsmodels", "sklearn", "fairlearn"}
BOUNDARIES = ("audit/runner.py", "audit/executors/", "audit/cli.py", "audit/check_model.py")
"""Where any error is caught: around a job, around the whole command, and around a stranger's model."""

LONGEST_FUNCTION, LONGEST_FILE = 60, 350
SKIPPED = {"audits", "build", "dist", "node_modules"}


def python_files(*folders: str) -> list[str]:
    return sorted(
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "__pycache__" not in path.parts
    )


PRODUCT = ["__init__.py", *python_files(*ORDER)]
SHOWN = [*PRODUCT, *python_files("benchmarks", "examples")]
ALL_PYTHON = [*SHOWN, *python_files("tests")]


def text_files() -> list[str]:
    found = [".ci/run"]
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") or part.endswith(".egg-info") for part in parts[:-1])
        if path.is_file() and not hidden and not SKIPPED & set(parts) and "__pycache__" not in parts:
            found.append(path.relative_to(ROOT).as_posix())
    return found


@cache
def parsed(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def module_name(file: str) -> str:
    """``models/llm/tallrec.py`` is ``models.llm.tallrec``; the root ``__init__`` is the empty name."""
    return file.removesuffix(".py").removesuffix("__init__").rstrip("/").replace("/", ".")


MODULES = {module_name(file): file for file in PRODUCT}


@dataclass(frozen=True)
class Import:
    """One product module's import of another, at this line."""

    source: str
    target: str
    names: tuple[str, ...]
    line: int
    relative: bool = True

    def __str__(self) -> str:
        return f"{MODULES[self.source]}:{self.line} imports {self.target or 'the root'}"


def own_imports(source: str) -> Iterator[Import]:
    """Every import of recaudit's own modules, wherever in the file it stands."""
    for node in ast.walk(parsed(MODULES[source])):
        if isinstance(node, ast.Import):
            for name in (alias.name for alias in node.names):
                if name.split(".")[0] == "recaudit":
                    yield Import(source, name.removeprefix("recaudit").lstrip("."), (), node.lineno, False)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(source, node)
            if base is None:
                continue
            names = tuple(alias.name for alias in node.names)
            modules = [name for name in names if f"{base}.{name}".lstrip(".") in MODULES]
            for name in modules:
                yield Import(source, f"{base}.{name}".lstrip("."), (), node.lineno, node.level > 0)
            if rest := tuple(name for name in names if name not in modules):
                yield Import(source, base, rest, node.lineno, node.level > 0)


def absolute(source: str, node: ast.ImportFrom) -> str | None:
    """The name below recaudit that a ``from`` import means; ``None`` for other people's modules."""
    if node.level == 0:
        package, _, rest = (node.module or "").partition(".")
        return rest if package == "recaudit" else None
    is_package = MODULES[source].endswith("__init__.py")
    parts = source.split(".") if source else []
    up = node.level - 1 if is_package else node.level
    assert up <= len(parts), f"{MODULES[source]}:{node.lineno} climbs out of the package"
    kept = parts[: len(parts) - up]
    return ".".join([*kept, *(node.module.split(".") if node.module else [])])


def under(module: str, folders: set[str]) -> bool:
    return any(module == folder or module.startswith(f"{folder}.") for folder in folders)


def package(module: str) -> str:
    return module.split(".")[0]


def is_private(module: str) -> bool:
    return module.rpartition(".")[2].startswith("_")


def is_package(module: str) -> bool:
    return MODULES[module].endswith("__init__.py")


def asks_version_only(use: Import) -> bool:
    return use.target == "" and use.names == ("__version__",)


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_one_way(module: str) -> None:
    rank = {"": len(ORDER), **{name: place for place, name in enumerate(ORDER)}}
    back = [
        str(use)
        for use in own_imports(module)
        if rank[package(use.target)] > rank[package(module)] and not asks_version_only(use)
    ]
    assert not back, back


@pytest.mark.parametrize("module", MODULES)
def test_a_package_border_is_crossed_only_at_a_door(module: str) -> None:
    def allowed(use: Import) -> bool:
        same = package(use.target) == package(module)
        renders = (
            package(module) == "audit" and package(use.target) == "reports" and not is_private(use.target)
        )
        kit = under(module, KITS) and under(use.target, {"models.planted"})
        return same or renders or kit or module == "" or use.target == "" or under(use.target, BORDERS)

    smuggled = [str(use) for use in own_imports(module) if not allowed(use)]
    assert not smuggled, smuggled


@pytest.mark.parametrize("module", [name for name in MODULES if package(name) in ORDER[:3]])
def test_a_leaf_is_imported_by_no_neighbour(module: str) -> None:
    """Inside a package only doors, and private helpers of the same or an enclosing folder, are imported."""

    def allowed(use: Import) -> bool:
        helper = is_private(use.target) and module.startswith(use.target.rpartition(".")[0] + ".")
        tried = under(module, {"probes.trials"}) and not is_private(use.target)
        return under(use.target, DOORS) or helper or tried or package(use.target) != package(module)

    reached = [str(use) for use in own_imports(module) if not allowed(use)]
    assert not reached, reached


def test_no_import_circle() -> None:
    graph = {
        module: {use.target for use in own_imports(module) if use.target and use.target != module}
        for module in MODULES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("import circle: " + " <- ".join(error.args[1]))


@pytest.mark.parametrize("module", [name for name in MODULES if name != "audit.__main__"])
def test_own_modules_are_imported_relatively(module: str) -> None:
    absolute_ones = [str(use) for use in own_imports(module) if not use.relative]
    assert not absolute_ones, absolute_ones


def run_at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that importing a module executes: no function bodies, nothing for type checkers."""
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from run_at_import(node.orelse)
            continue
        for part in ("body", "orelse", "finalbody"):
            yield from run_at_import(getattr(node, part, []))
        for handler in getattr(node, "handlers", []):
            yield from run_at_import(handler.body)


@pytest.mark.parametrize("file", PRODUCT)
def test_heavy_libraries_are_imported_where_used(file: str) -> None:
    top: list[str] = []
    for node in run_at_import(parsed(file).body):
        if isinstance(node, ast.Import):
            top += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            top.append(node.module or "")
    heavy = sorted(name for name in top if name.split(".")[0] in HEAVY)
    assert not heavy, f"{file} imports {heavy} at its top"


@pytest.mark.parametrize("file", SHOWN)
def test_a_module_opens_with_a_sentence(file: str) -> None:
    docstring = ast.get_docstring(parsed(file)) or ""
    line = docstring.split("\n")[0]
    assert line.endswith((".", "?")) and len(line.split()) >= 4, f"{file} opens with {line!r}"


@pytest.mark.parametrize("file", ALL_PYTHON)
def test_functions_and_files_are_short(file: str) -> None:
    lines = (ROOT / file).read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_FILE, f"{file} has {lines} lines"
    functions = [n for n in ast.walk(parsed(file)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {f.name: n for f in functions if (n := (f.end_lineno or 0) - f.lineno + 1) > LONGEST_FUNCTION}
    assert not long, f"{file}: {long}"


@pytest.mark.parametrize("file", PRODUCT)
def test_no_keywords_are_passed_through_unnamed(file: str) -> None:
    passed = [
        f"{function.name}:{call.lineno}"
        for function in ast.walk(parsed(file))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.args.kwarg
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg is None and ast.unparse(keyword.value) == function.args.kwarg.arg
    ]
    assert not passed, f"{file}: {passed}"


def swallows(handler: ast.ExceptHandler) -> bool:
    """Whether it catches anything that may come and does not end by raising."""
    caught = (
        {n.id for n in ast.walk(handler.type) if isinstance(n, ast.Name)} if handler.type else {"Exception"}
    )
    return bool(caught & {"Exception", "BaseException"}) and not isinstance(handler.body[-1], ast.Raise)


@pytest.mark.parametrize("file", [file for file in SHOWN if not file.startswith(BOUNDARIES)])
def test_errors_are_caught_by_name(file: str) -> None:
    handlers = [node for node in ast.walk(parsed(file)) if isinstance(node, ast.ExceptHandler)]
    broad = [handler.lineno for handler in handlers if swallows(handler)]
    assert not broad, f"{file}: broad except in lines {broad}"


FORBIDDEN = {
    "unfinished business": r"\b(?:TODO|FIXME|XXX|HACK)\b",
    "a path of somebody's machine": r"(?<![\w.:/])/(?:home|root|Users|tmp|opt|mnt|srv|work)/\w",
    "an issue number": r"(?i)\bissue #?\d",
}


@pytest.mark.parametrize("file", text_files())
def test_a_file_speaks_of_the_product_alone(file: str) -> None:
    if ROOT / file == Path(__file__).resolve():
        return
    try:
        text = (ROOT / file).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    for what, pattern in FORBIDDEN.items():
        found = [
            f"{file}:{text.count(chr(10), 0, m.start()) + 1} {m[0]!r}" for m in re.finditer(pattern, text)
        ]
        assert not found, f"{what}: {found}"


BAD = [
    (test_imports_run_one_way, "models/x.py", "from ..probes import base"),
    (test_imports_run_one_way, "reports/x.py", "from ..audit.y import z"),
    (test_a_package_border_is_crossed_only_at_a_door, "probes/x.py", "from ..models.llm.tallrec import A"),
    (test_a_package_border_is_crossed_only_at_a_door, "audit/x.py", "from ..probes.stats import bootstrap"),
    (test_a_leaf_is_imported_by_no_neighbour, "probes/fairness/x.py", "from .y import z"),
    (test_a_leaf_is_imported_by_no_neighbour, "probes/fairness/x.py", "from ..privacy._y import z"),
    (test_own_modules_are_imported_relatively, "audit/x.py", "from recaudit.models import base"),
    (test_heavy_libraries_are_imported_where_used, "models/x.py", "try:\n import torch.nn\nfinally: 0"),
    (test_heavy_libraries_are_imported_where_used, "models/x.py", "class A:\n from scipy import stats"),
    (test_a_module_opens_with_a_sentence, "models/x.py", '"""Some helpers"""'),
    (test_functions_and_files_are_short, "models/x.py", "def f():\n" + "    0\n" * LONGEST_FUNCTION),
    (test_functions_and_files_are_short, "models/x.py", "\n" * (LONGEST_FILE + 1)),
    (test_no_keywords_are_passed_through_unnamed, "models/x.py", "def f(**a):\n    g(1, **a)"),
    (test_errors_are_caught_by_name, "audit/x.py", "try: 0\nexcept: 1"),
    (test_errors_are_caught_by_name, "audit/x.py", "try: 0\nexcept (A, Exception): 1"),
    (test_a_file_speaks_of_the_product_alone, "docs/x.md", "see /home/" + "me/notes"),
    (test_a_file_speaks_of_the_product_alone, "docs/x.md", "TO" + "DO: say why"),
]


def plant(files: dict[str, str], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the rules see these files and no others."""
    here = sys.modules[__name__]
    for file, text in files.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)
    monkeypatch.setattr(here, "ROOT", root)
    monkeypatch.setattr(here, "MODULES", {module_name(file): file for file in files})
    monkeypatch.setattr(here, "parsed", parsed.__wrapped__)


@pytest.mark.parametrize(("rule", "file", "text"), BAD)
def test_each_rule_can_fail(
    rule: Callable[[str], None], file: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant({file: text}, tmp_path, monkeypatch)
    subject = module_name(file) if "module" in inspect.signature(rule).parameters else file
    with pytest.raises(AssertionError):
        rule(subject)


def test_the_circle_rule_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant({"a.py": "from . import b", "b.py": "def f():\n from .a import g"}, tmp_path, monkeypatch)
    with pytest.raises(pytest.fail.Exception, match="import circle: [ab] <- [ab] <- [ab]"):
        test_no_import_circle()
