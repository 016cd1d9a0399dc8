"""Checks that a recommender keeps its promises, and says which further methods would unlock which probes."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..models.base import Recommender, Request
from ..models.capabilities import CAPABILITIES, capabilities, lacking
from ..models.testing import RecommenderContract, sample_requests
from . import plugins
from .config import AuditConfig
from .keys import stream
from .progress import Listener, silent
from .session import open_session
from .workshop import workshop_of

USERS = 6


@dataclass(frozen=True, kw_only=True)
class Promise:
    """One promise of the contract, and what broke it; nothing if it holds."""

    sentence: str
    broken: str = ""


@dataclass(frozen=True, kw_only=True)
class Unlocked:
    """A capability that the model has not, its methods, and the probes that wait for it alone."""

    name: str
    what: str
    methods: tuple[str, ...]
    probes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ModelCheck:
    """What a model keeps, what it can do, what it can be asked, and what would let it be asked more."""

    promises: tuple[Promise, ...]
    able: tuple[str, ...]
    askable: tuple[str, ...]
    locked: tuple[Unlocked, ...]

    @property
    def holds(self) -> bool:
        """Whether every promise is kept."""
        return not any(promise.broken for promise in self.promises)


def check_model(config: AuditConfig, *, listener: Listener = silent) -> ModelCheck:
    """Build the model as an audit would, put a few requests to it, and see what it keeps.

    Raises
    ------
    UsageError, DataError, ModelError
        If the model or the data cannot be had as asked.
    """
    session = open_session(config, listener)
    model = workshop_of(session, "check-model", listener).audited().model
    rng = stream(config.seed, "check-model")
    requests = sample_requests(model.catalog, users=USERS, rng=rng)
    can = capabilities(model)
    probes = {name: own for name, own in plugins.discover("probe").items() if own.built_in}
    askable = tuple(name for name, own in probes.items() if not lacking(own.needs, can))
    return ModelCheck(
        promises=tuple(_promises(model, requests)),
        able=tuple(sentence for name, (_, sentence) in CAPABILITIES.items() if name in can),
        askable=askable,
        locked=tuple(
            Unlocked(name=name, what=sentence, methods=_methods(protocol), probes=unlocked)
            for name, (protocol, sentence) in CAPABILITIES.items()
            if name not in can
            and (
                unlocked := tuple(
                    probe
                    for probe, own in probes.items()
                    if probe not in askable and not lacking(own.needs, can | {name})
                )
            )
        ),
    )


def _promises(model: Recommender, requests: list[Request]) -> Iterator[Promise]:
    contract = RecommenderContract()
    for name in (name for name in dir(contract) if name.startswith("test_")):
        test = getattr(contract, name)
        if not isinstance(model, getattr(test, "capability", object)):
            continue
        given = {"recommender": model, "requests": requests}
        sentence = " ".join((inspect.getdoc(test) or name).split())
        try:
            test(*(given[part] for part in inspect.signature(test).parameters))
        except AssertionError as broken:
            yield Promise(sentence=sentence, broken=_short(broken) or "it does not")
        except Exception as problem:  # a user's model may raise anything; it is told and the next is tried
            where = traceback.extract_tb(problem.__traceback__)[-1]
            said = f"{type(problem).__name__}: {_short(problem)}"
            yield Promise(
                sentence=sentence, broken=f"{said} ({Path(where.filename).name}, line {where.lineno})"
            )
        else:
            yield Promise(sentence=sentence)


def _methods(protocol: type) -> tuple[str, ...]:
    return tuple(name for name, own in vars(protocol).items() if callable(own) and not name.startswith("_"))


def _short(problem: BaseException) -> str:
    return " ".join(str(problem).split())[:200]
