"""Turns settings written as words into a model's or a probe's own typed settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar, get_origin, get_type_hints

from .errors import UsageError, unknown

T = TypeVar("T")


def typed(settings: type[T], values: Mapping[str, object], *, of: str) -> T:
    """Build a settings dataclass from words, each read as its field's type.

    Raises
    ------
    UsageError
        Naming every unknown setting and every value that does not fit.
    """
    from pydantic import TypeAdapter, ValidationError

    known = {part.name: part for part in fields(settings) if part.init}  # type: ignore[arg-type]
    problems = [unknown(f"setting of {of}", name, known) for name in values if name not in known]
    problems += [
        f"{of} needs the setting {name}: --set {name}=VALUE"
        for name, part in known.items()
        if part.default is MISSING and part.default_factory is MISSING and name not in values
    ]
    if problems:
        raise UsageError(*problems)
    hints = get_type_hints(settings)
    try:
        return TypeAdapter(settings).validate_python(
            {name: _split(hints[name], value) for name, value in values.items()}
        )
    except ValidationError as invalid:
        raise UsageError(*(described(error, f"setting of {of}") for error in invalid.errors())) from None


def described(error: Any, where: str) -> str:
    """One sentence for one of pydantic's complaints."""
    name = " ".join(str(part + 1 if isinstance(part, int) else part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{where} {name}: there is no such setting"
    message = error["msg"].removeprefix("Value error, ")
    given = "" if error["type"] in ("missing", "value_error") else f", got {error['input']!r}"
    return f"{where} {name}: {message[:1].lower()}{message[1:]}{given}"


def _split(hint: object, value: object) -> object:
    """A comma between words makes a list where a list is wanted."""
    if isinstance(value, str) and get_origin(hint) in (tuple, list, frozenset):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value
