"""How the audited model is made: which class or function, with which settings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from ..models.base import Recommender
from ..models.data import InteractionLog
from . import plugins
from ._settings import typed
from .config import AuditConfig
from .errors import UsageError, unknown
from .keys import code_digest, looks, outside_digest


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What makes the audited model.

    Parameters
    ----------
    build : a log to a model.
    settings : every setting as plain values, defaults included.
    trained_here : a class with settings, which learns nothing before it is told; a function of a log
        may learn at once from all that the log holds.
    smallest_history : interactions that a user needs to be in the audit.
    """

    plugin: plugins.Plugin
    build: Callable[[InteractionLog], Recommender]
    settings: Mapping[str, Any]
    trained_here: bool
    smallest_history: Callable[[InteractionLog], int]

    def identity(self) -> dict[str, object]:
        """Everything that decides what ``build`` makes, as far as it can be seen."""
        return {
            "code": code_digest("models"),
            "model": f"{self.plugin.module}:{self.plugin.attribute}",
            "outside": outside_digest(self.plugin),
            "settings": looks(self.settings),
        }


def recipe_of(config: AuditConfig) -> Recipe:
    """The recipe that a configuration asks for.

    Raises
    ------
    UsageError
        If the model cannot be imported, or has no such preset or settings.
    """
    plugin = plugins.find("model", config.model)
    made = plugins.load(plugin)
    settings = (
        getattr(sys.modules[made.__module__], f"{made.__name__}Config", None) if callable(made) else None
    )
    if settings is None:
        return _from_function(config, plugin, made)
    own = typed(settings, _wanted(config, plugin, settings), of=f"model {plugin.name}")
    build = partial(_built, made, own)
    return Recipe(
        plugin=plugin,
        build=build,
        settings=_plain(settings, own),
        trained_here=True,
        smallest_history=lambda log: int(getattr(build(log), "smallest_history", 1)),
    )


def _built(made: Any, settings: object, log: InteractionLog) -> Recommender:
    """What learns nothing by itself and yet needs to know whose answers it holds says so by ``of_log``."""
    built: Recommender = (
        made.of_log(log, settings) if hasattr(made, "of_log") else made(log.catalog, settings)
    )
    return built


def _wanted(config: AuditConfig, plugin: plugins.Plugin, settings: type) -> dict[str, object]:
    """The preset's settings, then ``--base``, then ``--set``."""
    known = {part.name for part in fields(settings)}
    presets = plugin.says.get("PRESETS", {})
    presets = presets if isinstance(presets, dict) else {}
    wanted: dict[str, object] = {}
    if config.preset is not None:
        if config.preset not in presets:
            raise UsageError(unknown(f"preset of model {plugin.name}", config.preset, presets))
        wanted |= presets[config.preset] | ({"preset": config.preset} if "preset" in known else {})
    if config.base is not None:
        if "base" not in known:
            raise UsageError(f"model {plugin.name} is not tuned from a base; leave --base out")
        wanted["base"] = config.base
    return wanted | dict(config.model_settings)


def _plain(settings: type[Any], own: object) -> dict[str, Any]:
    from pydantic import TypeAdapter

    plain: dict[str, Any] = TypeAdapter[Any](settings).dump_python(own, mode="json")
    return plain


def _from_function(config: AuditConfig, plugin: plugins.Plugin, made: Any) -> Recipe:
    """A user's own function of a log; the log holds no row of a user whom the model must not see."""
    if not callable(made):
        raise UsageError(
            f"{config.model} is no function; write one that takes a log and returns a recommender"
        )
    if config.base is not None or config.preset is not None or config.model_settings:
        raise UsageError(
            f"{config.model} takes no settings; for settings, name a class with a dataclass"
            f" {plugin.attribute}Config beside it"
        )
    return Recipe(
        plugin=plugin,
        build=made,
        settings={},
        trained_here=False,
        smallest_history=lambda log: int(getattr(made, "smallest_history", 1)),
    )
