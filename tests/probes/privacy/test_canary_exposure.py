"""Canary exposure must be silent where nothing is remembered and loud where single people are."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from recaudit.models.base import Recommender
from recaudit.models.data import History, InteractionLog
from recaudit.models.datasets.world import WorldSettings, build_world
from recaudit.models.planted.yes_no import Dials, PlantedYesNo
from recaudit.probes._invented import with_invented
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable, State
from recaudit.probes.privacy.canary_exposure import KINDS, CanaryExposure
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.testing import denoising_auditee, planted_auditee
from recaudit.probes.trials.canary_exposure import ONE_BIT
from recaudit.probes.trials.canary_exposure import evidence as normal_scores

PROBE = CanaryExposure(n_references=99)
ALPHA = 0.05


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    settings = WorldSettings(users=700, items=120, per_user=13)
    return build_world(settings, name="w", rng=np.random.default_rng(1))


@pytest.fixture(scope="module")
def crowd() -> InteractionLog:
    """Enough people to put canaries among for a pass."""
    settings = WorldSettings(users=1500, items=120, per_user=13)
    return build_world(settings, name="w", rng=np.random.default_rng(1))


def recalling(log: InteractionLog, memory: float = 0.0) -> Auditee:
    return planted_auditee(log, dials=Dials(memory=memory), rng=np.random.default_rng(2))


def restoring(log: InteractionLog, memory: float = 0.0) -> Auditee:
    return denoising_auditee(log, memory=memory, rng=np.random.default_rng(2))


def asked(who: Auditee, probe: CanaryExposure = PROBE) -> Evidence:
    return probe.ask(who, np.random.default_rng(3))


def measured(evidence: Evidence, probe: CanaryExposure = PROBE) -> list[Measurement]:
    return probe.estimate(evidence, np.random.default_rng(0), ALPHA)


def states(rows: Sequence[Measurement], probe: CanaryExposure = PROBE) -> dict[str, State]:
    verdicts = [judge(criterion, rows) for criterion in probe.criteria()]
    found: dict[str, State] = {v.criterion.measurement: v.state for v in verdicts}
    return found | {"overall": overall(verdicts)}


def named(rows: Sequence[Measurement], name: str) -> dict[str, Measurement]:
    return {row.group: row for row in rows if row.name == name}


@pytest.mark.parametrize("world", [recalling, restoring])
def test_a_model_that_remembers_nobody_passes(crowd: InteractionLog, world) -> None:  # type: ignore[no-untyped-def]
    rows = measured(asked(world(crowd)))
    assert states(rows) == {"excess_exposure": "pass", "control_exposure": "pass", "overall": "pass"}
    assert [row.value for row in named(rows, "excess_exposure").values()] == pytest.approx([0.0, 0.0])


@pytest.mark.parametrize("world", [recalling, restoring])
def test_a_model_that_has_people_by_heart_fails(log: InteractionLog, world) -> None:  # type: ignore[no-untyped-def]
    rows = measured(asked(world(log, 0.5)))
    assert states(rows)["overall"] == "fail"
    for row in named(rows, "excess_exposure").values():
        assert row.low is not None and row.low > 3
        assert "of at most 6.64 bits" in row.note and row.unit == "bits"


def test_a_control_that_shows_nothing_makes_it_invalid(log: InteractionLog) -> None:
    who = recalling(log, 1.0)

    def stubborn(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        return PlantedYesNo(catalog=who.catalog)

    assert states(measured(asked(replace(who, fit=stubborn))))["overall"] == "invalid"


def test_counted_by_hand() -> None:
    """Two canaries among three references: one above all, one above the lowest only."""
    evidence = Evidence(
        columns={
            "cluster": np.arange(10),
            "member": np.tile([True, True, False, False, False], 2),
            "examples": np.ones(10, dtype=np.int64),
            "set": np.repeat(KINDS, 5),
            "copies": np.tile([1, 1, 0, 0, 0], 2),
            "score": np.tile([9.0, 1.5, 1.0, 2.0, 3.0], 2),
            "score_control": np.tile([9.0, 8.0, 1.0, 2.0, 3.0], 2),
        }
    )
    rows = measured(evidence, CanaryExposure(copies=(1,)))
    chance = (2 + 1 + np.log2(4 / 3)) / 4
    for row in named(rows, "excess_exposure").values():
        assert row.value == pytest.approx((2 + np.log2(4 / 3)) / 2 - chance)
    assert set(named(rows, "control_exposure")) == set(KINDS)


def test_canaries_put_in_more_often_are_told_apart() -> None:
    rng = np.random.default_rng(4)
    evidence = normal_scores(0.0, rng)
    often = evidence.columns["copies"].astype(np.int64) * np.tile(np.where(np.arange(239) % 2, 3, 1), 2)
    column = {**evidence.columns, "copies": often, "score": evidence.columns["score"].astype(float) + often}
    rows = measured(Evidence(columns=column))
    assert set(named(rows, "repeated_exposure")) == {f"{kind}, 3 copies" for kind in KINDS}
    for row in named(rows, "rising_with_copies").values():
        assert row.low is not None and row.low > 0.5 and row.note == "0.5 by chance"


def test_curves_show_canaries_put_in_once() -> None:
    evidence = normal_scores(1.0, np.random.default_rng(4))
    curves = PROBE.curves(evidence, np.random.default_rng(0))
    assert [curve.label for curve in curves] == list(KINDS)
    assert all(curve.kind == "roc" and curve.y[-1] == 1 for curve in curves)


@pytest.mark.slow
@pytest.mark.parametrize(("dial", "most"), [(0.0, 3), (ONE_BIT, 17)])
def test_false_alarms_are_as_rare_as_they_say(dial: float, most: int) -> None:
    probe = CanaryExposure(copies=(1,))
    failed = sum(
        states(measured(normal_scores(dial, np.random.default_rng(seed)), probe), probe)["overall"] == "fail"
        for seed in range(200)
    )
    assert failed <= most


# Who is invented, and who is trained on


def test_only_canaries_are_trained_on_and_each_as_often_as_said(log: InteractionLog) -> None:
    who, fits = recalling(log), []

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        assert log is not None
        fits.append((np.asarray(users), label, log, effort))
        return who.fit(users, label=label, log=log, effort=effort)

    evidence = asked(replace(who, fit=fit), replace(PROBE, copies=(1, 4)))
    (clean, first, longer, _), (copy, second, _, _), (control, _, _, effort) = fits
    assert first == second and effort > 1
    assert np.array_equal(clean, who.population.members)
    added = np.setdiff1d(copy, clean)
    assert (added >= log.n_users).all() and len(added) <= 0.5 * len(clean)
    histories = [longer.history(user).items for user in added.tolist()]
    column, cluster = evidence.columns["copies"], evidence.columns["cluster"]
    for user, times in zip(cluster.tolist(), column.tolist(), strict=True):
        assert histories.count(longer.history(user).items) == times
    assert set(control) == set(cluster[column > 0])
    for kind in KINDS:
        assert (column[evidence.columns["set"] == kind] == 0).sum() == 99


def test_kinds_differ_in_how_popular_their_items_are(log: InteractionLog) -> None:
    logs = []

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        assert log is not None
        logs.append(log)
        return who.fit(users, label=label, log=log, effort=effort)

    who = restoring(log)
    evidence = asked(replace(who, fit=fit))
    counts = log.only(who.population.members).item_counts
    met = {
        kind: np.mean([counts[list(logs[0].history(int(user)).items)].mean() for user in users])
        for kind in KINDS
        for users in (evidence.columns["cluster"][evidence.columns["set"] == kind],)
    }
    assert met["popularity-matched"] > 1.2 * met["random"] == pytest.approx(1.2 * counts.mean(), rel=0.05)


def test_too_few_people_or_items(log: InteractionLog) -> None:
    with pytest.raises(NotApplicable, match="8 are needed"):
        asked(recalling(log), replace(PROBE, share=0.1))
    with pytest.raises(NotApplicable, match="a canary needs 132 items"):
        asked(recalling(log), replace(PROBE, window=130))
    with pytest.raises(NotApplicable, match="no likes"):
        asked(recalling(replace(log, liked=None)))


@pytest.mark.parametrize(
    "settings", [{"copies": ()}, {"copies": (0,)}, {"copies": (2, 2)}, {"n_references": 1}, {"share": 0.0}]
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="got"):
        replace(PROBE, **settings)  # type: ignore[arg-type]


def test_invented_people_leave_real_ones_as_they_were(log: InteractionLog) -> None:
    rated = replace(log, rating=np.where(log.liked, 5.0, 2.0), timestamp=np.arange(len(log)))
    items, likes = np.array([[3, 1, 2], [7, 8, 9]]), np.array([[True, False, True], [True, True, False]])
    longer, invented = with_invented(rated, np.arange(50), items, likes, rng=np.random.default_rng(0))
    assert invented.tolist() == [log.n_users, log.n_users + 1]
    assert len(longer) == len(rated) + 6 and longer.user_ids[: log.n_users] == log.user_ids
    assert np.array_equal(longer.item[: len(rated)], rated.item)
    assert longer.history(log.n_users) == History(log.n_users, (3, 1, 2), (True, False, True))
    assert longer.rating is not None and longer.rating[-3:].tolist() == [5.0, 5.0, 2.0]
    assert longer.timestamp is not None and (np.diff(longer.timestamp[-3:]) >= 0).all()
    assert {len(values) for values in longer.attributes.values()} <= {log.n_users + 2}
