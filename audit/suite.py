"""Which questions an audit asks: the probes that were chosen, with their settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass

from ..models.capabilities import CAPABILITIES, UNNAMED, lacking
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

    def refusal(self, can: Collection[str]) -> str:
        """Why it is not put to a model that can do this: the probe's own sentence, or what is missing."""
        missing, own = lacking(self.plugin.needs, can), self.plugin.says.get("otherwise")
        if not missing:
            return ""
        if own and "recorded" not in can:
            return f"the audited model {own}"
        known = {name: sentence for name, (_, sentence) in CAPABILITIES.items()} | UNNAMED
        named = [" or ".join(known.get(name, name) for name in need.split("|")) for need in missing]
        recorded = "recorded" in can
        ending = "recorded lists only repeat what was said" if recorded else "the audited one does not"
        return f"this needs a model that {' and '.join(named)}; {ending}"


def suite_of(config: AuditConfig) -> tuple[Question, ...]:
    """The questions of a configuration: the named probes or those of its suite, less those to skip.

    Raises
    ------
    UsageError
        For probes that cannot be loaded or set up as wanted, and if none is left.
    """
    names = config.probes or _members(config.suite)
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


def _members(suite: str) -> tuple[str, ...]:
    """The built-in probes of a suite; those of the smaller suites are in it too."""
    wanted = plugins.SUITES[: plugins.SUITES.index(suite) + 1]
    known = plugins.discover("probe").items()
    return tuple(name for name, plugin in known if plugin.built_in and plugin.suite in wanted)


def _question(name: str, config: AuditConfig) -> Question:
    plugin = plugins.find("probe", name)
    own = plugins.load(plugin)
    if not (isinstance(own, type) and issubclass(own, Probe)):
        raise UsageError(f"{name} is no probe; derive a class from recaudit.probes.base.Probe")
    settings = config.probe_settings.get(plugin.name, {})
    return Question(plugin=plugin, probe=typed(own, settings, of=plugin.name))
