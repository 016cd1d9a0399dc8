"""Opens an audit: the data are read, the users dealt out, the model's recipe and the questions fixed."""

from __future__ import annotations

from dataclasses import dataclass

from ..models.capabilities import Recorded, lacking
from ..models.data import DataError, InteractionLog
from ..models.splits import Population, split_around, split_population
from ..probes.base import Criterion
from ..reports.record import Family
from . import plugins
from .cache import Cache, cache_folder
from .config import AuditConfig
from .gate import Policy, read_policy
from .keys import stream
from .progress import Listener, told
from .recipe import Recipe, recipe_of
from .suite import Question, suite_of


@dataclass(frozen=True, kw_only=True)
class Session:
    """Everything an audit rests on before anything is trained or asked."""

    config: AuditConfig
    recipe: Recipe
    log: InteractionLog
    population: Population
    questions: tuple[Question, ...]
    policy: Policy | None
    cache: Cache

    def criteria(self, question: Question) -> tuple[Criterion, ...]:
        """The bounds a question is judged by: the policy's where it sets some, else the probe's own."""
        own = question.probe.criteria()
        return own if self.policy is None else self.policy.criteria_for(question.name, own)

    def family(self, capabilities: frozenset[str]) -> Family:
        """The checks that share the error budget: every bound of every question this model can be asked.

        It is fixed by what the model can do, before any question is asked.
        """
        checks = tuple(
            check
            for question in self.questions
            if not lacking(question.plugin.needs, capabilities)
            for check in checks_of(question.name, self.criteria(question))
        )
        alpha = Policy().alpha if self.policy is None else self.policy.alpha
        return Family(alpha=alpha, checks=checks, alpha_each=alpha / max(1, len(checks)))


def open_session(config: AuditConfig, listener: Listener) -> Session:
    """Read the data and fix everything else.

    Raises
    ------
    UsageError, DataError
        If a name does not exist, or the data cannot be used.
    """
    recipe, questions = recipe_of(config), suite_of(config)
    policy = read_policy(config.policy, config.probes) if config.policy else None
    with told("read the data", listener):
        log = read_data(config)
    population = _dealt_out(log, recipe, config.seed)
    return Session(
        config=config,
        recipe=recipe,
        log=log,
        population=population,
        questions=questions,
        policy=policy,
        cache=Cache(cache_folder()),
    )


def read_data(config: AuditConfig) -> InteractionLog:
    """Load the data set that a configuration names."""
    module = plugins.load(plugins.find("data", config.data))
    log: InteractionLog = module.load(
        config.data,
        where=config.data_path.expanduser() if config.data_path else None,
        rng=stream(config.seed, "data"),
        options=config.data_options,
    )
    if not len(log.catalog) or not len(log):
        raise DataError(
            f"data {config.data} has {len(log.catalog)} items and {len(log)} interactions;"
            " an audit needs some of both"
        )
    return log


def _dealt_out(log: InteractionLog, recipe: Recipe, seed: int) -> Population:
    rng, needed = stream(seed, "population"), recipe.smallest_history(log)
    recorded = recipe.build(log) if recipe.trained_here else None
    if isinstance(recorded, Recorded):
        population = split_around(log, recorded.recorded_users(), rng=rng)
    else:
        population = split_population(log, rng=rng, smallest_history=needed)
    empty = [name for name in ("members", "held_out") if not len(getattr(population, name))]
    if empty:
        raise DataError(
            f"data {log.name} leaves no user for {' and '.join(empty)}: of {log.n_users} users, only those"
            f" with at least {needed} interactions can be audited; bring more users or longer histories"
        )
    return population


def checks_of(probe: str, criteria: tuple[Criterion, ...]) -> tuple[str, ...]:
    """Name the bounds that can fail a probe, for the declared family."""
    gates = [criterion for criterion in criteria if criterion.role == "gate"]
    if len(gates) == 1:
        return (probe,)
    return tuple(f"{probe}: {gate.measurement}" for gate in gates)
