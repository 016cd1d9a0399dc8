"""Planted recommenders meet every probe: what must fire fires, and what has nothing to say keeps silent."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from recaudit.audit import plugins
from recaudit.audit._trials_matrix import WORLDS, World
from recaudit.audit.suite import Question
from recaudit.models.data import InteractionLog
from recaudit.models.datasets.world import load
from recaudit.models.planted.coder import CoderDials
from recaudit.models.planted.faults import answered_by
from recaudit.models.planted.pointer import PlantedPointer, PointerDials
from recaudit.models.planted.ranker import RankerDials
from recaudit.models.planted.writer import PlantedWriter, WriterDials
from recaudit.models.planted.yes_no import Dials, PlantedYesNo
from recaudit.probes.base import Auditee, NotApplicable
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.testing import coding_auditee, denoising_auditee, planted_auditee, ranking_auditee

PROBES = {name: plugin for name, plugin in plugins.discover("probe").items() if plugin.built_in}
READS = {"gender": ("man", "woman")}


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    return load(
        "world-honest",
        options={"users": "3000", "items": "80", "per_user": "20"},
        rng=np.random.default_rng(3),
    )


def yes_no(log: InteractionLog, dials: dict[str, Any]) -> Auditee:
    """Likes are drawn from the honest model's own probabilities, so that it alone is right."""
    rng = np.random.default_rng(2)
    answered = answered_by(PlantedYesNo(catalog=log.catalog), log, length=10, rng=rng)
    for (name, value), share in dials.pop("thrown_answers", {}).items():
        theirs = np.array([own == value for own in log.attributes[name]])[log.user]
        thrown = theirs & (rng.random(len(log)) < share)
        answered = replace(answered, liked=np.where(thrown, rng.random(len(log)) < 0.5, answered.liked))
    return planted_auditee(answered, dials=Dials(**dials), reads=READS, rng=rng)


def ranker(log: InteractionLog, dials: dict[str, Any]) -> Auditee:
    return ranking_auditee(log, dials=RankerDials(**dials), rng=np.random.default_rng(0))


def untrained(log: InteractionLog, model: Any) -> Auditee:
    """A model that learns nothing: its copies are itself."""
    around = coding_auditee(log, rng=np.random.default_rng(0))
    return replace(around, model=model, fit=lambda users, *, label, log=None, effort=1.0: model)


BUILT: dict[str, Callable[[InteractionLog, dict[str, Any]], Auditee]] = {
    "yes_no": yes_no,
    "ranker": ranker,
    "writer": lambda log, dials: untrained(
        log, PlantedWriter(catalog=log.catalog, dials=WriterDials(**dials), explains="reasons")
    ),
    "coder": lambda log, dials: coding_auditee(log, dials=CoderDials(**dials), rng=np.random.default_rng(0)),
    "denoiser": lambda log, dials: denoising_auditee(log, **dials, rng=np.random.default_rng(0)),
    "pointer": lambda log, dials: untrained(
        log, PlantedPointer(catalog=log.catalog, dials=PointerDials(**dials))
    ),
}


def verdict(auditee: Auditee, name: str) -> str:
    """The verdict of a probe as it comes, alone in its family."""
    question = Question(plugin=PROBES[name], probe=plugins.load(PROBES[name])())
    if question.refusal(auditee.capabilities):
        return "not_applicable"
    rng = np.random.default_rng(1)
    try:
        evidence = question.probe.ask(replace(auditee, memo={}), rng)
    except NotApplicable:
        return "not_applicable"
    rows = question.probe.estimate(evidence, rng, 0.05)
    return overall([judge(criterion, rows) for criterion in question.probe.criteria()])


def test_the_matrix_names_probes_that_exist_and_settles_each() -> None:
    for world in WORLDS:
        assert not world.must & world.may
        assert (world.must | world.may) <= set(PROBES), world.fault
        assert bool(world.must) == (world.fault != "nothing")
        assert bool(world.may) == bool(world.because)
    assert {world.family for world in WORLDS if world.fault == "nothing"} == set(BUILT)


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS, ids=lambda world: f"{world.family}: {world.fault}")
def test_each_fault_is_found_by_its_probes_alone(world: World, log: InteractionLog) -> None:
    auditee = BUILT[world.family](log, dict(world.dials))
    found = {name: verdict(auditee, name) for name in PROBES}
    wrong = {
        name: (state, world.expected(name))
        for name, state in found.items()
        if (state == "fail" and world.expected(name) == "must be silent")
        or (state != "fail" and world.expected(name) == "must fire")
    }
    assert not wrong
