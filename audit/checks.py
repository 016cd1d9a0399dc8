"""Reads a configuration and checks everything it names, before anything is started."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from . import plugins
from .config import AuditConfig, merged_config
from .errors import DESCRIBED, UsageError
from .gate import read_policy
from .recipe import recipe_of
from .suite import suite_of


def read_config(
    flags: Mapping[str, object],
    settings: Sequence[str] = (),
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> AuditConfig:
    """Return the configuration that all sources make together (see ``merged_config``).

    Raises
    ------
    UsageError
        Holding every problem found, not only the first.
    """
    config, problems = merged_config(flags, settings, file=file, environment=environment)
    problems += [*_name_problems(config), *_content_problems(config)]
    if problems:
        raise UsageError(*dict.fromkeys(problems))
    return config


def _name_problems(config: AuditConfig) -> Iterator[str]:
    if not config.model:
        names = ", ".join(plugins.discover("model")) or "module:attribute"
        yield f"which model should be audited? give --model NAME ({names})"
    else:
        yield from _problems(plugins.find, "model", config.model)
    yield from _problems(plugins.find, "data", config.data)
    for name in (*config.probes, *config.skip):
        yield from _problems(plugins.find, "probe", name)


def _content_problems(config: AuditConfig) -> Iterator[str]:
    """What can only be seen by opening what the configuration names."""
    if config.model:
        yield from _problems(recipe_of, config)
    yield from _problems(suite_of, config)
    if config.data_path is not None and not config.data_path.expanduser().exists():
        yield f"there is no file or folder {config.data_path} (data_path)"
    if config.policy is not None:
        yield from _problems(read_policy, config.policy, config.probes)


def _problems(check: Callable[..., object], *given: object) -> list[str]:
    try:
        check(*given)
    except UsageError as problem:
        return list(problem.problems)
    except DESCRIBED as problem:
        return [str(problem)]
    return []
