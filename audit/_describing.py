"""Describes model, data and machine as a record keeps them."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from .. import __version__
from ..models.base import Recommender
from ..models.capabilities import CAPABILITIES, UNNAMED, capabilities
from ..reports.record import AuditedData, AuditedModel
from .recipe import Recipe
from .session import Session
from .workshop import Made

LIBRARIES = (
    "numpy",
    "torch",
    "transformers",
    "tokenizers",
    "peft",
    "opacus",
    "fairlearn",
    "scikit-learn",
    "scipy",
    "statsmodels",
    "pandas",
    "pyarrow",
)


def describe_model(recipe: Recipe, made: Made | None) -> AuditedModel:
    """The audited model; ``made`` is ``None`` while it is still being built."""
    said = _said(made.model) if made else {}
    known = capabilities(made.model) if made else frozenset()
    told = {name: sentence for name, (_, sentence) in CAPABILITIES.items()}
    source = "recorded" if "recorded" in known else "retrieves"
    told[source] = UNNAMED[source]
    fit = made.fit if made else None
    settings = said.get("settings")
    return AuditedModel(
        name=recipe.plugin.name,
        title=str(said.get("title") or recipe.plugin.line or recipe.plugin.name),
        base=str(said.get("base") or recipe.settings.get("base") or ""),
        settings=settings if isinstance(settings, Mapping) else recipe.settings,
        sha256=made.sha256 if made else "",
        prompt_sha256=str(said.get("prompt_sha256") or ""),
        capabilities=tuple(sentence for name, sentence in told.items() if name in known),
        lacks=tuple(sentence for name, sentence in told.items() if made and name not in known),
        simplified=str(said.get("simplified") or _simplified(recipe.plugin.doc)),
        fit=vars(fit) if fit else {},
    )


def describe_data(session: Session) -> AuditedData:
    """The audited data and how their users were dealt out."""
    log, population = session.log, session.population
    return AuditedData(
        name=log.name,
        sha256=log.digest,
        users=log.n_users,
        items=len(log.catalog),
        interactions=len(log),
        attributes={name: _counted(values) for name, values in log.attributes.items()},
        split_counts=population.counts(),
        split_sha256=population.digests(),
        synthetic=log.synthetic,
        planted=log.planted,
    )


@cache
def environment() -> dict[str, str]:
    """What the audit runs on: versions and platform."""
    found = {"recaudit": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _said(model: Recommender) -> Mapping[str, object]:
    describe = getattr(model, "describe", None)
    return describe() if callable(describe) else {}


def _simplified(doc: str) -> str:
    """The paragraph of a model's docstring that says what is simpler than in its paper."""
    paragraphs = (" ".join(paragraph.split()) for paragraph in doc.split("\n\n"))
    found = next((own for own in paragraphs if own.startswith("Simplified")), "")
    return found.partition(":")[2].strip()


def _counted(values: tuple[str, ...]) -> dict[str, int]:
    return {value or "unknown": count for value, count in sorted(Counter(values).items())}
