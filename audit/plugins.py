"""Finds models, probes, data sets and reports by name, and describes them without importing any."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from ..reports.record import ProbeText
from ._source import Source, read_source
from .errors import MissingLibrary, UsageError, unknown

Kind = Literal["model", "probe", "data", "trainer", "report"]

PRODUCT = Path(__file__).parents[1]
PACKAGE = (__package__ or "recaudit.audit").rpartition(".")[0]
MODEL_FAMILIES = ("llm", "semid", "diffusion", "planted", ".")
NO_AREAS = ("stats", "trials")
SUITES = ("quick", "standard", "full")
"""Sets of probes, from a check at every change of code to all there is; each holds the one before it."""

GROUPS: Mapping[str, Kind] = {
    "recaudit.models": "model",
    "recaudit.probes": "probe",
    "recaudit.datasets": "data",
}


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """One thing that can be named on the command line.

    Parameters
    ----------
    module : dotted name, or the path of a user's own file.
    attribute : the class or function in it; "" where the module itself is the plug-in.
    area : the folder it lies in; for outside ones, where it comes from.
    version : of the installed package it comes from.
    says : its literal constants (``needs``, ``fits``, ``title`` ...).
    """

    kind: Kind
    name: str
    module: str
    attribute: str
    area: str
    doc: str
    says: Mapping[str, object] = field(default_factory=dict)
    path: Path | None = None
    version: str = ""
    built_in: bool = True

    @property
    def line(self) -> str:
        """What it is, in one line."""
        return " ".join(self.doc.partition("\n\n")[0].split())

    @property
    def title(self) -> str:
        """A short name for people."""
        return str(self.says.get("title") or self.name.replace("_", " ").capitalize())

    @property
    def needs(self) -> tuple[str, ...]:
        """The capabilities that a probe needs."""
        needs = self.says.get("needs", ())
        return tuple(str(need) for need in needs) if isinstance(needs, tuple | list) else ()

    @property
    def fits(self) -> int:
        """How many models a probe trains."""
        fits = self.says.get("fits", 0)
        return fits if isinstance(fits, int) else 0

    @property
    def suite(self) -> str:
        """The smallest suite that a probe is in: the one it names, else by how many models it trains."""
        named = self.says.get("suite")
        return str(named) if named in SUITES else "full" if self.fits > 1 else "standard"

    @property
    def text(self) -> ProbeText:
        """A probe's docstring as a report shows it: the question, then the method."""
        _, _, method = self.doc.partition("\n\n")
        return ProbeText(
            title=self.title,
            question=self.line,
            method=method.strip(),
            area=self.area,
            shows=str(self.says.get("shows", "")),
        )


def discover(kind: Kind) -> dict[str, Plugin]:
    """Every plug-in of a kind by name: built in first, then those of installed packages."""
    found = {plugin.name: plugin for plugin in _BUILT_IN[kind]()}
    for plugin in _installed(kind):
        found.setdefault(plugin.name, plugin)
    return found


def find(kind: Kind, name: str) -> Plugin:
    """The plug-in of this name, or a user's own as ``module:attribute`` or ``path/file.py:attribute``.

    Raises
    ------
    UsageError
        If there is none; the message names the nearest.
    """
    if ":" in name:
        return _own(kind, name)
    known = discover(kind)
    if name not in known:
        raise UsageError(unknown(kind if kind != "data" else "data set", name, known))
    return known[name]


def name_of(name: str) -> str:
    """What a plug-in is called in records: ``file.py:MyProbe`` is ``my_probe``, others by their own name."""
    attribute = name.rpartition(":")[2]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", attribute).lower() if ":" in name else name


def load(plugin: Plugin) -> Any:
    """Import one plug-in: the class, function or module that it names.

    Raises
    ------
    UsageError
        If it cannot be imported, or lacks the attribute.
    """
    module = _imported(plugin)
    if not plugin.attribute:
        return module
    if not hasattr(module, plugin.attribute):
        raise UsageError(unknown(f"part of {plugin.module}", plugin.attribute, _public(module)))
    return getattr(module, plugin.attribute)


def _models() -> Iterator[Plugin]:
    for area in MODEL_FAMILIES:
        for name, path, source in _modules(PRODUCT / "models" / area):
            own = source.class_like(name)
            if own and f"{own}Config" in source.classes:
                yield _built_in(
                    "model", name, path, own, source, says={**source.constants, **source.classes[own]}
                )


def _probes() -> Iterator[Plugin]:
    for folder in sorted((PRODUCT / "probes").iterdir()):
        if folder.name in NO_AREAS or not (folder / "__init__.py").exists():
            continue
        for name, path, source in _modules(folder):
            own = source.class_like(name)
            if own:
                yield _built_in("probe", name, path, own, source, says=source.classes[own])


def _datasets() -> Iterator[Plugin]:
    for _, path, source in _modules(PRODUCT / "models" / "datasets"):
        for name, line in _serves(source).items():
            yield _built_in("data", name, path, "", source, doc=line, says=source.constants)


def _trainers() -> Iterator[Plugin]:
    for name, path, source in _modules(PRODUCT / "models" / "trainers"):
        if "fit" in source.functions:
            yield _built_in("trainer", name, path, "", source, says=source.constants)


def _reports() -> Iterator[Plugin]:
    for name, path, source in _modules(PRODUCT / "reports"):
        if "render" in source.functions and "SUFFIX" in source.constants:
            yield _built_in("report", name, path, "", source, says=source.constants)


_BUILT_IN = {
    "model": _models,
    "probe": _probes,
    "data": _datasets,
    "trainer": _trainers,
    "report": _reports,
}


def _built_in(
    kind: Kind,
    name: str,
    path: Path,
    attribute: str,
    source: Source,
    *,
    says: Mapping[str, object],
    doc: str | None = None,
) -> Plugin:
    dotted = ".".join((PACKAGE, *path.relative_to(PRODUCT).with_suffix("").parts))
    return Plugin(
        kind=kind,
        name=name,
        module=dotted,
        attribute=attribute,
        area=path.parent.name,
        doc=source.doc if doc is None else doc,
        says=says,
        path=path,
    )


def _modules(folder: Path) -> Iterator[tuple[str, Path, Source]]:
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith("_"):
            yield path.stem, path, read_source(path)


def _serves(source: Source) -> Mapping[str, str]:
    serves = source.constants.get("SERVES", {})
    return serves if isinstance(serves, dict) else {}


def _installed(kind: Kind) -> Iterator[Plugin]:
    for group in (group for group, own in GROUPS.items() if own == kind):
        for entry in entry_points(group=group):
            origin = entry.dist.name if entry.dist else "an installed package"
            yield Plugin(
                kind=kind,
                name=entry.name,
                module=entry.module,
                attribute=entry.attr,
                area=origin,
                doc=f"from the package {origin}",
                version=entry.dist.version if entry.dist else "",
                built_in=False,
            )


def _own(kind: Kind, name: str) -> Plugin:
    module, _, attribute = name.rpartition(":")
    path = _path_of(module, kind, name)
    try:
        source = read_source(path.resolve())
    except (OSError, SyntaxError) as problem:
        raise UsageError(f"{path} cannot be read as Python: {problem}") from None
    says = source.classes.get(attribute, {})
    return Plugin(
        kind=kind,
        name=name_of(name),
        module=module,
        attribute=attribute,
        area="your own",
        doc=str(says.get("doc") or source.doc) if kind == "probe" else source.doc,
        says={**source.constants, **says},
        path=path,
        built_in=False,
    )


def _path_of(module: str, kind: Kind, name: str) -> Path:
    if module.endswith(".py"):
        if not Path(module).is_file():
            raise UsageError(f"{kind} {name!r}: there is no file {module}")
        return Path(module)
    try:
        spec = importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):
        spec = None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise UsageError(
            f"{kind} {name!r}: there is no module {module!r}; give module:attribute or file.py:attribute"
        )
    return Path(spec.origin)


def _imported(plugin: Plugin) -> ModuleType:
    try:
        if plugin.module.endswith(".py"):
            return _from_file(Path(plugin.module).resolve())
        return importlib.import_module(plugin.module)
    except ModuleNotFoundError as missing:
        raise MissingLibrary(missing) from missing
    except Exception as problem:  # the module of a user may raise anything while it is imported
        if plugin.built_in:
            raise
        raise UsageError(
            f"{plugin.module} cannot be imported: {type(problem).__name__}: {problem}"
        ) from problem


def _from_file(path: Path) -> ModuleType:
    name = f"_{path.stem}_{sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _public(module: ModuleType) -> list[str]:
    own = vars(module).items()
    return [name for name, value in own if getattr(value, "__module__", "") == module.__name__]
