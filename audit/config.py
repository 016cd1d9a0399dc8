"""What an audit is asked to do: defaults, then audit.toml, then the environment, then the command line."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ._settings import described
from .errors import unknown

FILE = "audit.toml"
PREFIX = "RECAUDIT_"
ENVIRONMENT = {"data": "RECAUDIT_DATASET"}
NOT_OURS = ("RECAUDIT_DATA", "RECAUDIT_CACHE")


def _words(value: object) -> object:
    """Commas or several options make several names."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_words)]
Settings = Mapping[str, Any]


class AuditConfig(BaseModel):
    """Everything that decides what an audit does; frozen before anything heavy is imported."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    model: str = Field(
        "", description="a model's name, or your own: module:attribute, path/file.py:attribute"
    )
    base: str | None = Field(default=None, description="what the model is tuned from: a path or a hub name")
    preset: str | None = Field(default=None, description="one of the model's presets")
    model_settings: Settings = Field(default_factory=dict, description="further settings of the model")
    data: str = Field(default="world", description="a data set's name")
    data_path: Path | None = Field(default=None, description="where the data lie")
    data_options: Mapping[str, str] = Field(default_factory=dict, description="options of the data set")
    suite: Literal["quick", "standard", "full"] = Field(
        default="standard", description="which set of probes to run where none is named"
    )
    probes: Names = Field(default=(), description="the probes to run, whatever the suite")
    skip: Names = Field(default=(), description="probes to leave out")
    probe_settings: Mapping[str, Settings] = Field(default_factory=dict, description="settings, by probe")
    seed: int = Field(default=0, ge=0, description="decides every random choice but privacy noise")
    policy: Path | None = Field(default=None, description="the organisation's bounds, TOML")
    out: Path | None = Field(default=None, description="folder for the results instead of audits/<id>")
    show_users: bool = Field(default=False, description="write the owner's user ids instead of pseudonyms")


def merged_config(
    flags: Mapping[str, object],
    settings: Sequence[str] = (),
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[AuditConfig, list[str]]:
    """Merge all sources into one configuration; what does not fit is left out and told as a problem.

    Parameters
    ----------
    flags : field to value; ``None`` and empty ones are not given.
    settings : KEY=VALUE for the model, data.KEY=VALUE for the data, PROBE.KEY=VALUE for a probe.
    file : instead of ``audit.toml`` in the current folder.
    """
    problems: list[str] = []
    layers = [
        _from_file(file, problems),
        _from_environment(os.environ if environment is None else environment, problems),
        {name: value for name, value in flags.items() if value not in (None, (), [], {})},
        split_settings(settings, problems),
    ]
    return _validated(_merged(layers), problems), problems


def split_settings(pairs: Sequence[str], problems: list[str]) -> dict[str, dict[str, Any]]:
    """Sort ``--set`` options by what they set: the model, the data, or a probe."""
    found: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        owner, dot, key = name.rpartition(".")
        if not equals:
            problems.append(f"--set {pair}: write KEY=VALUE")
        elif not dot:
            found.setdefault("model_settings", {})[name] = value
        elif owner == "data":
            found.setdefault("data_options", {})[key] = value
        else:
            found.setdefault("probe_settings", {}).setdefault(owner, {})[key] = value
    return found


def _from_file(file: Path | None, problems: list[str]) -> dict[str, Any]:
    path = file or Path(FILE)
    if file is None and not path.exists():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        problems.append(f"the configuration {path} cannot be read: {problem.strerror}")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        problems.append(f"the configuration {path} is no valid TOML: {problem}")
        return {}
    known = AuditConfig.model_fields
    problems += [f"{path}: {unknown('setting', name, known)}" for name in values if name not in known]
    return {name: value for name, value in values.items() if name in known}


def _from_environment(environment: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    names = {ENVIRONMENT.get(field, f"{PREFIX}{field.upper()}"): field for field in AuditConfig.model_fields}
    given = [name for name in environment if name.startswith(PREFIX) and name not in NOT_OURS]
    problems += [unknown("environment variable", name, names) for name in given if name not in names]
    return {names[name]: environment[name] for name in given if environment[name] and name in names}


def _merged(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Later layers win; tables of settings are merged key by key."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            old = merged.get(name)
            both = isinstance(old, Mapping) and isinstance(value, Mapping)
            merged[name] = _merged([old, value]) if both else value  # type: ignore[list-item]
    return merged


def _validated(values: Mapping[str, Any], problems: list[str]) -> AuditConfig:
    """The configuration; without the settings that do not fit, which become problems."""
    try:
        return AuditConfig.model_validate(values)
    except ValidationError as invalid:
        wrong = {error["loc"][0] for error in invalid.errors()}
        problems += [described(error, "setting") for error in invalid.errors()]
        return AuditConfig.model_validate({name: own for name, own in values.items() if name not in wrong})
