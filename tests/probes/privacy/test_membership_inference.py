"""Membership inference must catch a model that memorises, clear one that does not, and know its limits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest
from recaudit.models.base import Recommender, Request, Slate
from recaudit.models.data import Catalog, Example, FloatArray, InteractionLog
from recaudit.models.datasets.world import WorldSettings, build_world
from recaudit.models.planted.yes_no import Dials, PlantedYesNo
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable, State
from recaudit.probes.privacy.membership_inference import MembershipInference
from recaudit.probes.stats.auc import auc
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.testing import planted_auditee

PROBE = MembershipInference(n_users=900, per_user=1, n_control=60)
ALPHA = 0.05


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    """Few people: enough to see gross things."""
    return world(450)


@pytest.fixture(scope="module")
def crowd() -> InteractionLog:
    """Enough people for every check to come to a verdict."""
    return world(3000)


def world(users: int) -> InteractionLog:
    settings = WorldSettings(users=users, items=150, per_user=13)
    return build_world(settings, name="w", rng=np.random.default_rng(1))


def auditee(log: InteractionLog, *, memory: float = 0.0) -> Auditee:
    return planted_auditee(log, dials=Dials(memory=memory), rng=np.random.default_rng(2))


def asked(who: Auditee, **settings: int) -> Evidence:
    return replace(PROBE, **settings).ask(who, np.random.default_rng(3))


def measured(evidence: Evidence, alpha: float = ALPHA) -> list[Measurement]:
    return PROBE.estimate(evidence, np.random.default_rng(0), alpha)


def states(rows: Sequence[Measurement]) -> dict[str, State]:
    verdicts = [judge(criterion, rows) for criterion in PROBE.criteria()]
    found: dict[str, State] = {v.criterion.measurement: v.state for v in verdicts}
    return found | {"overall": overall(verdicts)}


def row(rows: Sequence[Measurement], name: str, group: str = "overall") -> Measurement:
    (found,) = [row for row in rows if row.name == name and row.group == group]
    return found


def values(found: Measurement) -> tuple[float, float, float]:
    assert found.value is not None and found.low is not None and found.high is not None
    return found.value, found.low, found.high


# A model that memorises, and one that does not


def test_a_model_that_memorises_fails_by_exactly_what_it_memorised(crowd: InteractionLog) -> None:
    honest, leaky = asked(auditee(crowd)), asked(auditee(crowd, memory=0.6))
    assert set(states(measured(honest)).values()) == {"pass"}
    people = honest.columns["set"] == "audit"
    member = honest.columns["member"][people].astype(bool)
    plain, raised = (e.columns["score_loss"][people].astype(float) for e in (honest, leaky))
    assert raised - plain == pytest.approx(0.6 * member, abs=1e-9)
    rows = measured(leaky)
    value, low, high = values(row(rows, "attack_auc", "loss"))
    normal = NormalDist().cdf(0.6 / (2**0.5 * float(plain.std())))
    assert value == pytest.approx(auc(plain[member] + 0.6, plain[~member]), abs=1e-5)
    assert value == pytest.approx(normal, abs=0.04) and low < value < high
    assert row(rows, "attack_auc", "calibrated").value == 1.0
    assert states(rows)["attack_auc"] == states(rows)["overall"] == "fail"


def test_a_persons_score_is_the_mean_of_the_persons_rows(log: InteractionLog) -> None:
    evidence = asked(auditee(log), per_user=3)
    people, rows = (evidence.where(evidence.columns["set"] == part) for part in ("audit", "rows"))
    user = people.columns["cluster"][5]
    of_user = rows.columns["score_loss"][rows.columns["cluster"] == user].astype(float)
    assert len(of_user) == people.columns["examples"][5] == 3
    assert of_user.mean() == pytest.approx(float(people.columns["score_loss"][5]))
    auc_row = row(measured(evidence), "attack_auc", "loss")
    assert (auc_row.n, auc_row.clusters) == (len(rows), len(people))


def test_the_more_it_memorises_the_more_is_found_and_honesty_never_fails(log: InteractionLog) -> None:
    rows = [measured(asked(auditee(log, memory=dial))) for dial in (0, 0.3, 1)]
    found = [values(row(each, "attack_auc", "loss"))[0] for each in rows]
    assert found == sorted(found) and found[-1] > 0.7
    assert states(rows[0])["attack_auc"] in ("pass", "inconclusive")


# When the answer must not count


def test_sides_that_differ_in_activity_are_invalid(log: InteractionLog) -> None:
    who = auditee(log, memory=1.0)
    place = np.arange(len(log)) - log.starts[log.user]
    busy = ~np.isin(log.user, who.population.held_out) | (place < 11)
    found = states(measured(asked(replace(who, log=log.take(np.flatnonzero(busy))))))
    assert found["blind_auc"] == found["overall"] == "invalid"


def test_sides_that_met_other_items_are_invalid(log: InteractionLog) -> None:
    who = auditee(log)
    unlike = np.isin(log.user, who.population.held_out)
    rarest_first = np.argsort(np.argsort(log.item_counts))
    moved = replace(log, item=np.where(unlike, rarest_first[log.item] // 2, log.item))
    found = states(measured(asked(replace(who, log=moved))))
    assert found["blind_auc"] == found["overall"] == "invalid"


@dataclass(frozen=True, kw_only=True)
class SeenBefore(PlantedYesNo):
    """Its base was pre-trained on the members."""

    def untuned(self) -> PlantedYesNo:
        return replace(self, dials=Dials(memory=2.0))


def test_a_base_that_saw_the_data_is_invalid(log: InteractionLog) -> None:
    who = auditee(log, memory=2.0)
    assert isinstance(who.model, PlantedYesNo)
    knowing = SeenBefore(catalog=log.catalog, dials=who.model.dials, remembered=who.model.remembered)
    found = states(measured(asked(replace(who, model=knowing))))
    assert found["base_auc"] == found["overall"] == "invalid"


def test_a_copy_that_shows_nothing_makes_the_attack_invalid(log: InteractionLog) -> None:
    who = auditee(log, memory=1.0)

    def stubborn(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        return PlantedYesNo(catalog=who.catalog)

    found = states(measured(asked(replace(who, fit=stubborn))))
    assert found["control_auc"] == found["overall"] == "invalid"


def untrainable(
    users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
) -> Recommender:
    raise NotApplicable("recorded answers cannot be trained")


@pytest.mark.parametrize(("memory", "outcome"), [(0.0, "inconclusive"), (1.0, "fail")])
def test_without_copies_a_leak_still_counts_but_its_absence_proves_nothing(
    crowd: InteractionLog, memory: float, outcome: State
) -> None:
    evidence = asked(replace(auditee(crowd, memory=memory), fit=untrainable))
    rows = measured(evidence)
    assert "control_auc" not in {row.name for row in rows}
    assert states(rows)["overall"] == outcome
    assert "recorded answers cannot be trained" in str(evidence.facts["caveats"])


@dataclass(frozen=True)
class NoBase:
    """A model that was never tuned from anything."""

    inner: PlantedYesNo

    @property
    def catalog(self) -> Catalog:
        return self.inner.catalog

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        return self.inner.recommend(requests, k)

    def log_likelihood(self, examples: Sequence[Example]) -> FloatArray:
        return self.inner.log_likelihood(examples)


def test_without_a_base_a_copy_tuned_on_others_calibrates(log: InteractionLog) -> None:
    who = auditee(log, memory=0.5)
    assert isinstance(who.model, PlantedYesNo)
    labels = []

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        labels.append((label, len(np.asarray(users)), effort))
        return who.fit(users, label=label, log=log, effort=effort)

    alone = replace(who, model=NoBase(who.model), fit=fit)
    rows = measured(asked(alone))
    assert row(rows, "attack_auc", "calibrated").value == 1.0
    assert "base_auc" not in {row.name for row in rows}
    assert labels == [("reference", len(who.population.reference), 1.0), ("control:overfit", 60, 12.0)]
    lonely = replace(alone, population=replace(who.population, reference=np.zeros(0, dtype=np.int64)))
    tried = {row.group for row in measured(asked(lonely)) if row.name == "attack_auc"}
    assert tried == {"loss"}


class Broken(PlantedYesNo):
    def log_likelihood(self, examples: Sequence[Example]) -> FloatArray:
        return np.full(len(examples), np.nan)


def test_a_model_that_answers_no_number_cannot_be_asked(log: InteractionLog) -> None:
    with pytest.raises(NotApplicable, match="the model gave no number"):
        asked(replace(auditee(log), model=Broken(catalog=log.catalog)))


# What is kept and told


def test_nothing_that_may_be_shared_says_who_is_a_member(log: InteractionLog) -> None:
    evidence = asked(auditee(log))
    assert evidence.exhibits == ()
    assert all(isinstance(fact, int | str | list) for fact in evidence.facts.values())
    assert not any(user in str(evidence.facts) for user in log.user_ids)
    assert evidence.facts["unit"] == "user" and evidence.facts["near_duplicates_dropped"] == 0


def test_the_same_seed_gives_the_same_evidence_and_row_order_is_nothing(log: InteractionLog) -> None:
    first, second = asked(auditee(log, memory=0.4)), asked(auditee(log, memory=0.4))
    for name, column in first.columns.items():
        assert np.array_equal(column, second.columns[name], equal_nan=name.startswith("score"))
    mixed = first.where(np.ones(len(first), dtype=bool))
    order = np.random.default_rng(5).permutation(len(first))
    mixed = replace(mixed, columns={name: column[order] for name, column in mixed.columns.items()})
    for before, after in zip(measured(first), measured(mixed), strict=True):
        assert (before.name, before.group, before.n, before.clusters) == (
            after.name,
            after.group,
            after.n,
            after.clusters,
        )
        assert before.value == pytest.approx(after.value) and before.low == pytest.approx(after.low)


def test_the_calls_announced_cover_the_calls_made(log: InteractionLog) -> None:
    made = []

    class Counting(PlantedYesNo):
        def log_likelihood(self, examples: Sequence[Example]) -> FloatArray:
            made.append(len(examples))
            return super().log_likelihood(examples)

    who = auditee(log)
    evidence = asked(
        replace(who, model=Counting(catalog=log.catalog), fit=lambda *_, **__: Counting(catalog=log.catalog))
    )
    assert 0 < sum(made) <= PROBE.calls() and len(evidence) > 0
