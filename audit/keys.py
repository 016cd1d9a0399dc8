"""Names every piece of work by its content, so that equal work is found again and different work never is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from .. import __version__
from .plugins import PRODUCT, Plugin


def content_key(kind: str, /, **parts: object) -> str:
    """Sha256 of a kind of work and all it depends on, as canonical JSON."""
    text = json.dumps([kind, parts], sort_keys=True, separators=(",", ":"), default=_as_json)
    return sha256(text.encode()).hexdigest()


@cache
def code_digest(*folders: str) -> str:
    """Sha256 of the release and of the product's own source files in these folders."""
    seen = sha256(__version__.encode())
    for folder in sorted(folders):
        for path in sorted((PRODUCT / folder).rglob("*.py")):
            seen.update(path.relative_to(PRODUCT).as_posix().encode() + b"\0" + path.read_bytes())
    return seen.hexdigest()


def outside_digest(plugin: Plugin) -> str:
    """What is known of a plug-in's code that is not the product's own.

    For a user's file that is it and every Python file beside it, for a package its version.
    """
    if plugin.built_in or plugin.path is None:
        return plugin.version
    beside = sorted(plugin.path.resolve().parent.glob("*.py"))
    return content_key("files", files={path.name: file_digest(path) for path in beside})


def file_digest(path: Path) -> str:
    """Sha256 of a file's bytes."""
    with path.open("rb") as file:
        seen = sha256()
        while block := file.read(1 << 20):
            seen.update(block)
    return seen.hexdigest()


def folder_digest(folder: Path) -> str:
    """Sha256 of every file in a folder, names included."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return content_key("folder", files={str(path.relative_to(folder)): file_digest(path) for path in files})


def looks(value: object) -> object:
    """What a setting stands for: for one that names a file or folder, its files' sizes and times too."""
    if isinstance(value, Mapping):
        return {str(key): looks(own) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return [looks(own) for own in value]
    if isinstance(value, str | Path) and str(value) and Path(value).exists():
        root = Path(value)
        files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
        return [str(value), [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in files]]
    return value


def stream(seed: int, *names: str) -> np.random.Generator:
    """The random stream of one job: fixed by the run's seed and the job's name, whatever ran before it."""
    name = sha256("\0".join(names).encode()).digest()
    return np.random.default_rng(
        np.random.SeedSequence([*_words(seed), *np.frombuffer(name, "<u4").tolist()])
    )


def _words(seed: int) -> list[int]:
    return [int(seed < 0), abs(seed)]


def _as_json(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a content key cannot hold {type(value).__name__}")
