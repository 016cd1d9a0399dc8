"""Attributes read off answers: all of them where the answer holds them, none beyond the history where not."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from recaudit.models.base import Recommender, Request
from recaudit.models.baselines import ItemKNN
from recaudit.models.capabilities import capabilities
from recaudit.models.data import InteractionLog
from recaudit.models.datasets.world import WorldSettings, build_world
from recaudit.models.planted.discloser import DiscloserDials, PlantedDiscloser
from recaudit.models.planted.yes_no import Dials
from recaudit.models.splits import split_population
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable
from recaudit.probes.privacy._attackers import Table, cross_read, dealt
from recaudit.probes.privacy._targets import Targets, draw_targets
from recaudit.probes.privacy.attribute_inference import AttributeInference
from recaudit.probes.stats.auc import auc
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.testing import planted_auditee
from recaudit.probes.trials.attribute_inference import TRIAL

SETTINGS = WorldSettings(users=700, items=120, per_user=20, taste_gap=0.3)
LOG = build_world(SETTINGS, name="w", rng=np.random.default_rng(0))
WHO = split_population(LOG, rng=np.random.default_rng(1))
PROBE = AttributeInference(attributes="gender", n_users=400, k=10)


def auditee(model: Recommender, log: InteractionLog = LOG) -> Auditee:
    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        raise NotApplicable("nothing is trained")

    return Auditee(model=model, log=log, population=WHO, fit=fit)


def discloser(**dials: float) -> Auditee:
    group = LOG.attributes["gender"]
    return auditee(PlantedDiscloser(catalog=LOG.catalog, dials=DiscloserDials(**dials), group=group))


def measured(who: Auditee, probe: AttributeInference = PROBE) -> dict[tuple[str, str], Measurement]:
    return rows_of(probe.ask(who, np.random.default_rng(2)))


def rows_of(evidence: Evidence) -> dict[tuple[str, str], Measurement]:
    rows = PROBE.estimate(evidence, np.random.default_rng(3), 0.05)
    return {(row.name, row.group): row for row in rows}


def states(found: dict[tuple[str, str], Measurement]) -> dict[str, str]:
    verdicts = [judge(criterion, list(found.values())) for criterion in PROBE.criteria()]
    return {v.criterion.measurement: v.state for v in verdicts} | {"overall": overall(verdicts)}


# The attacker


def some(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    has = np.arange(n) % 2 == 1
    return has, rng.normal(size=(n, 6)), rng.normal(size=(n, 6))


def read(history: np.ndarray, view: np.ndarray, has: np.ndarray) -> tuple[float, float, float]:
    fold = dealt(has.astype(str).tolist(), folds=5, rng=np.random.default_rng(0))
    grams = {"view": Table(view, counts=False).gram}
    base, reads = cross_read(Table(history, counts=False).gram, grams, has[:, None], fold)
    scores = (reads["view"].alone, reads["view"].joined, base)
    alone, joined, known = (auc(one[has, 0], one[~has, 0]) for one in scores)
    assert alone is not None and joined is not None and known is not None
    return alone, joined, known


def test_noise_and_the_attribute_is_read_off_without_a_mistake() -> None:
    has, history, view = some(200, np.random.default_rng(0))
    view[:, -1] = has
    alone, joined, known = read(history, view, has)
    assert alone == joined == 1.0 and known < 0.65


def test_a_vector_that_owes_nothing_to_the_attribute_gives_a_guess() -> None:
    drawn = [some(150, np.random.default_rng(seed)) for seed in range(30)]
    found = np.array([read(history, view, has) for has, history, view in drawn])
    assert np.abs(found.mean(axis=0) - 0.5).max() < 0.03


def test_what_is_worked_out_from_the_history_adds_nothing() -> None:
    has, history, _ = some(300, np.random.default_rng(1))
    history[:, 0] += 2 * has
    alone, joined, known = read(history, np.tanh(history @ np.ones((6, 2)) + history[:, :2]), has)
    assert alone > 0.65 and known > 0.85 and joined - known < 0.02


def test_the_attacker_is_the_ridge_of_scikit_learn_at_its_penalty() -> None:
    from recaudit.probes.privacy import _attackers
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(40, 5)), rng.random((40, 1)) < 0.5
    fit, new = np.arange(30), np.arange(30, 40)
    found = _attackers._learnt(x @ x.T, fit, new, y[fit].astype(float))
    centred = x[fit] - x[fit].mean(axis=0)
    tried = []
    for penalty in _attackers.PENALTIES * np.square(centred).sum() / 30:
        ridges = [Ridge(penalty).fit(np.delete(x[fit], i, 0), np.delete(y[fit, 0], i)) for i in range(30)]
        left_out = np.array([ridge.predict(x[[i]])[0] for i, ridge in enumerate(ridges)])
        means = np.array([np.delete(y[fit, 0], i).mean() for i in range(30)])
        whole = Ridge(penalty).fit(x[fit], y[fit, 0])
        tried.append(
            (
                np.square(y[fit, 0] - left_out).sum(),
                left_out - means,
                whole.predict(x[new]) - whole.intercept_,
            )
        )
    _, own, scores = min(tried, key=lambda one: one[0])
    np.testing.assert_allclose(found.own[:, 0], own, atol=1e-9)
    np.testing.assert_allclose(found.new[:, 0] - found.new[0, 0], scores - scores[0], atol=1e-9)


def test_folds_hold_as_many_of_every_value() -> None:
    fold = dealt(["a"] * 50 + ["b"] * 30, folds=5, rng=np.random.default_rng(0))
    assert np.bincount(fold[:50]).tolist() == [10] * 5 and np.bincount(fold[50:]).tolist() == [6] * 5


# Whose attributes


def test_of_two_values_one_is_read_and_unknown_people_are_left_out() -> None:
    gender = ("", "", *LOG.attributes["gender"][2:])
    log = replace(LOG, attributes={"gender": gender, "age": LOG.attributes["age"]})
    who = replace(discloser(), log=log)
    rng = np.random.default_rng(0)
    targets = draw_targets(who, "", n_users=600, least=30, most_values=3, rng=rng)
    assert len(targets.read["gender"]) == 1 and len(targets.read["age"]) == 3
    sizes = {name: len(places) for places, names, _ in targets.groups() for name in names}
    unknown = sum(user in (0, 1) for user in targets.people)
    assert max(sizes.values()) == len(targets.people)
    assert min(sizes.values()) == len(targets.people) - unknown
    assert targets.caveats() == ["Values that too few people have are not read: 1 of age."]


def test_data_without_the_attribute_or_the_people_are_refused() -> None:
    for probe, words in (
        (AttributeInference(attributes="shoe size"), "no attribute 'shoe size'; it has gender, age"),
        (AttributeInference(least=5000), "smaller `least`"),
    ):
        with pytest.raises(NotApplicable, match=words):
            probe.ask(discloser(), np.random.default_rng(0))
    with pytest.raises(NotApplicable):
        PROBE.ask(replace(discloser(), log=replace(LOG, attributes={})), np.random.default_rng(0))


# The probe


def test_lists_from_a_group_of_ones_own_fail_and_honest_ones_add_nothing() -> None:
    honest, leaky = measured(discloser()), measured(discloser(shelf=0.6))
    (lists,) = [group for name, group in honest if name == "added_auc" and group.startswith("lists")]
    assert honest["exposure_auc", lists].value > 0.55 and honest["added_auc", lists].high < 0.05
    assert states(honest)["added_auc"] in ("pass", "inconclusive") and states(honest)["placebo_auc"] == "pass"
    assert states(honest)["planted_auc"] == "pass"
    assert leaky["exposure_auc", lists].value > 0.9 and leaky["added_auc", lists].low > 0.1
    assert states(leaky)["overall"] == "fail"


def test_a_vector_that_holds_the_group_fails_and_its_lists_do_not() -> None:
    found = measured(discloser(told=3.0))
    inside, lists = (
        next(row for (name, group), row in found.items() if name == "added_auc" and group.startswith(view))
        for view in ("representations", "lists")
    )
    assert inside.low > 0.1 and lists.high < 0.05
    assert "to" in inside.note and states(found)["overall"] == "fail"


def test_a_judge_who_is_told_the_gender_passes_it_on() -> None:
    reads = {"gender": ("man", "woman")}
    dials = Dials(attribute_shift={("gender", "woman"): 0.8})
    told = planted_auditee(LOG, dials=dials, reads=reads, rng=np.random.default_rng(1))
    evidence = PROBE.ask(told, np.random.default_rng(2))
    found = rows_of(evidence)
    assert states(found)["overall"] == "fail"
    assert evidence.facts["views"] == ["scores"] and "gender" in str(evidence.facts["caveats"])
    honest = measured(planted_auditee(LOG, rng=np.random.default_rng(1)))
    assert states(honest)["added_auc"] != "fail"


def test_a_model_of_lists_alone_can_be_asked() -> None:
    class Lists:
        catalog = LOG.catalog

        def recommend(self, requests: list[Request], k: int) -> list[object]:
            return ItemKNN.fitted(LOG, WHO.members).recommend(requests, k)  # type: ignore[return-value]

    model = Lists()
    assert capabilities(model) == {"ranks", "retrieves"}  # type: ignore[arg-type]
    found = measured(auditee(model))  # type: ignore[arg-type]
    assert {group.split(",")[0] for name, group in found if name == "added_auc"} == {"lists"}
    assert states(found)["added_auc"] != "fail"


def test_an_auc_is_that_of_its_scores_and_its_spread_is_doubled() -> None:
    evidence = PROBE.ask(discloser(told=1.0), np.random.default_rng(2))
    column = evidence.columns
    own = (column["set"] == "audit") & (column["view"] == "representations")
    has, scores = column["has"][own].astype(bool), column["alone"][own].astype(float)
    found = rows_of(evidence)
    (row,) = [r for (name, g), r in found.items() if name == "exposure_auc" and g.startswith("repr")]
    assert row.value == pytest.approx(auc(scores[has], scores[~has]))
    assert row.clusters == own.sum() == 400 and "doubled" in row.method


def test_the_order_of_evidence_means_nothing_and_the_same_seed_gives_the_same() -> None:
    one, two = (PROBE.ask(discloser(shelf=0.3), np.random.default_rng(5)) for _ in range(2))
    assert rows_of(one) == rows_of(two)
    order = np.random.default_rng(0).permutation(len(one))
    turned = rows_of(replace(one, columns={name: column[order] for name, column in one.columns.items()}))
    for key, row in rows_of(one).items():
        assert turned[key].value == pytest.approx(row.value)


def test_curves_and_items_are_shown() -> None:
    evidence = PROBE.ask(discloser(shelf=1.0), np.random.default_rng(2))
    curves = PROBE.curves(evidence, np.random.default_rng(0))
    assert {curve.kind for curve in curves} == {"roc"} and "lists" in curves[0].label
    (case,) = evidence.exhibits
    assert case.effect > 0.15 and "gender" in case.title


def test_targets_keep_their_people_apart() -> None:
    targets = Targets(
        np.array([3, 5, 9]), {"a": ["x", "", "y"], "b": ["u", "v", "u"]}, {"a": ["x"], "b": ["u"]}
    )
    found = {tuple(names): (places.tolist(), has.T.tolist()) for places, names, has in targets.groups()}
    assert found["a: x",] == ([0, 2], [[True, False]])
    assert found["b: u",] == ([0, 1, 2], [[True, False, True]])


def test_the_trial_is_silent_and_loud() -> None:
    for dial, wanted in ((0.0, {"pass", "inconclusive"}), (TRIAL.planted, {"fail"})):
        found = []
        for seed in range(10):
            rng = np.random.default_rng(seed)
            rows = TRIAL.probe.estimate(TRIAL.evidence(dial, rng), rng, 0.05)
            found.append(judge(TRIAL.probe.criteria()[0], rows).state in wanted)
        assert sum(found) >= 9
