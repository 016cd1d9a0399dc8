"""Reads what a plug-in says of itself from its source text, without running it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Source:
    """A module's docstring, its literal constants, and those of its classes; ``functions`` are top-level."""

    doc: str
    constants: Mapping[str, object]
    classes: Mapping[str, Mapping[str, object]]
    functions: frozenset[str]

    def class_like(self, name: str) -> str | None:
        """The class that a module of this name is about: ``GroupGap`` for ``group_gap``."""
        plain = name.replace("_", "").lower()
        return next((own for own in self.classes if own.lower() == plain), None)


@cache
def read_source(path: Path) -> Source:
    """Parse a module.

    Raises
    ------
    OSError, SyntaxError
        If there is no such file, or it is no Python.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return Source(
        doc=ast.get_docstring(tree) or "",
        constants=_literals(tree.body),
        classes={node.name: _described(node) for node in tree.body if isinstance(node, ast.ClassDef)},
        functions=frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef)),
    )


def _described(node: ast.ClassDef) -> dict[str, object]:
    return {"doc": ast.get_docstring(node) or "", **_literals(node.body)}


def _literals(body: list[ast.stmt]) -> dict[str, object]:
    found: dict[str, object] = {}
    for node in body:
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            name: ast.expr = node.target
            value = node.value
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            name, value = node.targets[0], node.value
        else:
            continue
        if isinstance(name, ast.Name):
            try:
                found[name.id] = ast.literal_eval(value)
            except ValueError:
                continue
    return found
