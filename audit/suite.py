"""Which questions an audit asks: the probes that were chosen, with their settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ..probes.base import Criterion, Probe
from . import plugins
from ._settings import typed
from .config import AuditConfig
from .errors import UsageError, unknown


@dataclass(frozen=True, kw_only=True)
class Question:
    """One probe, ready to be asked."""

    plugin: plugins.Plugin
    probe: Probe

    @property
    def name(self) -> str:
        """The probe's name."""
        return self.plugin.name

    @property
    def settings(self) -> Mapping[str, object]:
        """The probe's settings."""
        return asdict(self.probe)  # type: ignore[call-overload, no-any-return]

    @property
    def calls(self) -> int | None:
        """An upper estimate of the model calls it takes; ``None`` where the probe gives none."""
        estimate = getattr(self.probe, "calls", None)
        return int(estimate()) if callable(estimate) else None

    @property
    def gates(self) -> tuple[Criterion, ...]:
        """The bounds that can fail it."""
        return tuple(criterion for criterion in self.probe.criteria() if criterion.role == "gate")


def suite_of(config: AuditConfig) -> tuple[Question, ...]:
    """The questions of a configuration: the named probes or all, less those to skip.

    Raises
    ------
    UsageError
        For probes that cannot be loaded or set up as wanted, and if none is left.
    """
    names = config.probes or tuple(
        name for name, plugin in plugins.discover("probe").items() if plugin.built_in
    )
    chosen = [name for name in dict.fromkeys(names) if name not in config.skip]
    questions: list[Question] = []
    problems: list[str] = []
    for name in chosen:
        try:
            questions.append(_question(name, config))
        except UsageError as problem:
            problems += problem.problems
    asked = {question.name for question in questions}
    if not problems:
        strange = [name for name in config.probe_settings if name not in asked]
        problems += [unknown("probe to run", name, asked) for name in strange]
    if not questions and not problems:
        problems.append("no probe is left to run; name one with --probe or skip fewer")
    if problems:
        raise UsageError(*problems)
    return tuple(questions)


def _question(name: str, config: AuditConfig) -> Question:
    plugin = plugins.find("probe", name)
    own = plugins.load(plugin)
    if not (isinstance(own, type) and issubclass(own, Probe)):
        raise UsageError(f"{name} is no probe; derive a class from recaudit.probes.base.Probe")
    settings = config.probe_settings.get(plugin.name, {})
    return Question(plugin=plugin, probe=typed(own, settings, of=plugin.name))
