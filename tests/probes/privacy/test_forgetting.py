"""Erased people: gone where training is done again, found where nothing was forgotten, or too much."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest
from recaudit.models.base import Recommender
from recaudit.models.data import Example, FloatArray, InteractionLog
from recaudit.models.datasets.world import WorldSettings, build_world
from recaudit.models.planted.recaller import PlantedRecaller
from recaudit.models.planted.yes_no import Dials
from recaudit.models.splits import split_population
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable
from recaudit.probes.privacy.forgetting import RETRAINED, Forgetting
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.testing import denoising_auditee, planted_auditee
from recaudit.probes.trials.forgetting import TRIAL

LOG = build_world(WorldSettings(users=2400, items=120, per_user=14), name="w", rng=np.random.default_rng(0))
PROBE = Forgetting()


@dataclass(frozen=True, kw_only=True)
class Doubtful(PlantedRecaller):
    """Its copies differ a little, each in its own way, as trained ones do."""

    copy: int = 0

    def log_likelihood(self, examples: Sequence[Example]) -> FloatArray:
        own = [np.random.default_rng([self.copy, one.history.user]).normal() for one in examples]
        return super().log_likelihood(examples) + 0.3 * np.array(own)


def auditee(*, memory: float, log: InteractionLog = LOG) -> Auditee:
    who = split_population(LOG, rng=np.random.default_rng(0))
    shares = PlantedRecaller.of(LOG, who.base).shares
    public = Doubtful(catalog=LOG.catalog, log=LOG, shares=shares, memory=memory)
    members = frozenset(who.members.tolist())

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        return replace(public, remembered=frozenset(np.asarray(users).tolist()), copy=len(label))

    return Auditee(model=replace(public, remembered=members), log=log, population=who, fit=fit)


def lacks(model: Recommender, log: InteractionLog, users: npt.NDArray[np.int64]) -> Recommender:
    assert isinstance(model, PlantedRecaller)
    return replace(model, remembered=model.remembered - frozenset(users.tolist()))


@dataclass(frozen=True, kw_only=True)
class Overdone(Doubtful):
    """Finds whatever erased people did impossible."""

    erased: frozenset[int] = frozenset()

    def log_likelihood(self, examples: Sequence[Example]) -> FloatArray:
        gone = np.array([one.history.user in self.erased for one in examples])
        return super().log_likelihood(examples) - 3.0 * gone


@pytest.fixture(autouse=True)
def unlearners(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's module of ways to unlearn."""
    module = ModuleType("own_unlearning")
    module.honest = lacks  # type: ignore[attr-defined]
    module.nothing = lambda model, log, users: model  # type: ignore[attr-defined]
    module.too_much = lambda model, log, users: Overdone(  # type: ignore[attr-defined]
        **{**vars(lacks(model, log, users)), "erased": frozenset(users.tolist())}
    )
    module.number = 3  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "own_unlearning", module)


def measured(evidence: Evidence) -> dict[tuple[str, str], Measurement]:
    rows = PROBE.estimate(evidence, np.random.default_rng(0), 0.05)
    return {(row.name, row.group): row for row in rows}


def asked(who: Auditee, unlearn: str = "") -> Evidence:
    return replace(PROBE, unlearn=unlearn).ask(who, np.random.default_rng(2))


def state(found: dict[tuple[str, str], Measurement]) -> str:
    return overall([judge(criterion, list(found.values())) for criterion in PROBE.criteria()])


def test_training_again_forgets_and_the_model_as_it_is_does_not() -> None:
    evidence = asked(auditee(memory=0.3))
    found = measured(evidence)
    assert evidence.facts["claim"] == RETRAINED and evidence.facts["scale"] == "nats"
    assert found["trace_auc", "overall"].low > 0.7 and state(found) in ("pass", "inconclusive")
    assert abs((found["residual_auc", "overall"].value or 0.0) - 0.5) < 0.07
    assert found["knowledge_gap", "as it is"].low > 0.3 > found["knowledge_gap", "claimed"].high


def test_half_of_the_members_at_most_are_erased_and_strangers_are_held_out() -> None:
    who, evidence = auditee(memory=0.0), asked(auditee(memory=0.0))
    erased = evidence.columns["member"].astype(bool)
    users = evidence.columns["cluster"]
    assert erased.sum() <= len(who.population.members) / 2 and erased.sum() > 300
    assert np.isin(users[erased], who.population.members).all()
    assert np.isin(users[~erased], who.population.held_out).all()


@pytest.mark.parametrize(
    ("name", "wanted"), [("nothing", "fail"), ("too_much", "fail"), ("honest", "inconclusive or pass")]
)
def test_claims_are_tested(name: str, wanted: str) -> None:
    found = measured(asked(auditee(memory=0.3), f"own_unlearning:{name}"))
    assert state(found) in wanted
    if name == "too_much":
        assert found["residual_auc", "overall"].high < 0.2


def test_a_claim_that_is_no_function_is_refused_in_words() -> None:
    for name in ("own_unlearning:number", "own_unlearning", "own_unlearning:missing", "no_such_module:f"):
        with pytest.raises(NotApplicable, match=name):
            asked(auditee(memory=0.0), name)


def test_models_of_lists_and_of_noise_can_be_asked() -> None:
    class Lists:
        def __init__(self, inner: PlantedRecaller) -> None:
            self.catalog, self.recommend = inner.catalog, inner.recommend

    who = auditee(memory=0.8)
    lists = replace(who, model=Lists(who.model), fit=lambda users, label: Lists(who.fit(users, label=label)))  # type: ignore[arg-type, call-arg, misc]
    evidence = asked(lists)
    assert evidence.facts["scale"] == "share named" and measured(evidence)["trace_auc", "overall"].low > 0.6
    noise = asked(denoising_auditee(LOG, memory=0.5, rng=np.random.default_rng(1)))
    assert noise.facts["scale"] == "log error" and measured(noise)["trace_auc", "overall"].low > 0.6


def test_a_judge_can_be_asked_and_nothing_remembered_is_nothing_to_forget() -> None:
    found = measured(asked(planted_auditee(LOG, dials=Dials(memory=1.0), rng=np.random.default_rng(1))))
    assert found["trace_auc", "overall"].low > 0.9
    # Two planted copies that know the same differ in nothing, so that all people tie.
    assert found["residual_auc", "overall"].value == 0.5
    honest = measured(asked(auditee(memory=0.0)))
    assert abs((honest["trace_auc", "overall"].value or 0.0) - 0.5) < 0.07


def test_the_order_of_people_means_nothing() -> None:
    one = asked(auditee(memory=0.3))
    order = np.random.default_rng(0).permutation(len(one))
    turned = replace(one, columns={name: column[order] for name, column in one.columns.items()})
    for key, row in measured(one).items():
        assert measured(turned)[key].value == pytest.approx(row.value)
    assert len(PROBE.curves(one, np.random.default_rng(0))) == 2


def test_the_trial_is_silent_and_loud() -> None:
    for dial, wanted in ((0.0, {"pass", "inconclusive"}), (TRIAL.planted, {"fail"})):
        found = []
        for seed in range(20):
            rng = np.random.default_rng(seed)
            rows = TRIAL.probe.estimate(TRIAL.evidence(dial, rng), rng, 0.05)
            found.append(judge(TRIAL.probe.criteria()[0], rows).state in wanted)
        assert sum(found) >= 19
