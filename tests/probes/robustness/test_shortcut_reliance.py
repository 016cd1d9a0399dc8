"""The figures beside a model's accuracy must tell a rule from a model that knows taste."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pytest
from recaudit.models.base import Recommender, Request, Slate
from recaudit.models.baselines import Baseline, CountRatioItemMean, ItemMean
from recaudit.models.data import Catalog, FloatArray, InteractionLog
from recaudit.models.datasets.world import WorldSettings, build_world
from recaudit.models.planted.faults import answered_by
from recaudit.models.planted.yes_no import PlantedYesNo
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable
from recaudit.probes.robustness.shortcut_reliance import RULES, ShortcutReliance
from recaudit.probes.stats.verdicts import overall
from recaudit.probes.testing import planted_auditee

PROBE = ShortcutReliance(n_users=120, per_user=14)
SETTINGS = WorldSettings(users=400, items=80, per_user=24)


@dataclass(frozen=True)
class Rule:
    """A counting rule that is audited as if it were a model."""

    rule: Baseline

    @property
    def catalog(self) -> Catalog:
        return self.rule.catalog

    @cached_property
    def asked(self) -> list[int]:
        return []

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        return self.rule.recommend(requests, k)

    def log_odds(self, requests: Sequence[Request]) -> list[FloatArray]:
        self.asked.append(len(requests))
        return self.rule.score(requests)


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    return build_world(SETTINGS, name="w", rng=np.random.default_rng(1))


def knower(log: InteractionLog) -> Auditee:
    """A model that knows each user's taste, in a world that answers as the model says."""
    honest = PlantedYesNo(catalog=log.catalog)
    answered = answered_by(honest, log, length=10, rng=np.random.default_rng(2))
    return planted_auditee(answered, rng=np.random.default_rng(2))


@pytest.fixture(scope="module")
def known(log: InteractionLog) -> Evidence:
    return asked(knower(log))


@pytest.fixture(scope="module")
def rows_of_known(known: Evidence) -> list[Measurement]:
    return measured(known)


def ruler(log: InteractionLog, rule: type[Baseline]) -> Auditee:
    """A rule that is fitted on the members, and again by ``fit``."""
    who = planted_auditee(log, rng=np.random.default_rng(2))

    def fit(
        users: npt.ArrayLike,
        *,
        label: str,
        log: InteractionLog | None = None,
        effort: float = 1.0,
    ) -> Recommender:
        assert label == "control:shuffled" and log is not None
        return Rule(rule.fitted(log, users))

    return replace(who, model=Rule(rule.fitted(log, who.population.members)), fit=fit)


def asked(who: Auditee) -> Evidence:
    return PROBE.ask(who, np.random.default_rng(3))


def measured(evidence: Evidence, alpha: float = 0.05) -> list[Measurement]:
    return PROBE.estimate(evidence, np.random.default_rng(0), alpha)


def ends(rows: Sequence[Measurement], name: str, group: str = "overall") -> tuple[float, float, float]:
    (found,) = [row for row in rows if row.name == name and row.group == group]
    assert found.value is not None and found.low is not None and found.high is not None
    return found.value, found.low, found.high


def test_a_model_that_knows_taste_beats_every_rule(rows_of_known: list[Measurement]) -> None:
    rows = rows_of_known
    for rule in RULES:
        assert ends(rows, "shortcut_gap", rule)[1] > 0
    assert ends(rows, "balanced_auc", "model")[1] > 0.5
    assert PROBE.criteria() == () and overall([]) == "reported"


@pytest.mark.parametrize("name", list(RULES))
def test_a_rule_adds_nothing_to_itself(log: InteractionLog, name: str) -> None:
    rows = measured(asked(ruler(log, RULES[name])))
    assert ends(rows, "shortcut_gap", name) == (0.0, 0.0, 0.0)
    assert ends(rows, "model_auc") == ends(rows, "rule_auc", name)


def test_where_likes_equal_dislikes_the_count_ratio_says_nothing(
    known: Evidence, rows_of_known: list[Measurement]
) -> None:
    rows = rows_of_known
    assert ends(rows, "balanced_auc", "count_ratio")[0] == 0.5
    (row,) = [row for row in rows if row.name == "balanced_auc" and row.group == "model"]
    assert 0 < row.n == int(np.sum(known.columns["balanced"])) < len(known)
    both = ends(rows, "balanced_auc", "count_ratio_item_mean")[0]
    assert both == pytest.approx(ends(rows, "balanced_auc", "item_mean")[0])


def test_with_shuffled_labels_nothing_is_learnt(log: InteractionLog) -> None:
    rows = measured(asked(ruler(log, ItemMean)))
    assert ends(rows, "model_auc")[1] > 0.53
    _, low, high = ends(rows, "shuffled_auc")
    # One shuffle leaves the items some luck, shared by all users; the interval counts users alone.
    assert low - 0.03 < 0.5 < high + 0.03


def test_figures_are_those_of_scikit_learn(known: Evidence, rows_of_known: list[Measurement]) -> None:
    from sklearn.metrics import roc_auc_score

    rows, liked = rows_of_known, known.columns["liked"]
    model = roc_auc_score(liked, known.columns["model"])
    assert ends(rows, "model_auc")[0] == pytest.approx(model)
    for rule in RULES:
        own = roc_auc_score(liked, known.columns[rule])
        assert ends(rows, "rule_auc", rule)[0] == pytest.approx(own)
        assert ends(rows, "shortcut_gap", rule)[0] == pytest.approx(model - own)


def test_rules_learn_from_the_members_and_are_asked_of_others(log: InteractionLog) -> None:
    who = ruler(log, CountRatioItemMean)
    evidence = asked(who)
    assert set(evidence.columns["cluster"].tolist()) <= set(who.population.held_out.tolist())
    own = CountRatioItemMean.fitted(log, who.population.members)
    assert isinstance(who.model, Rule)
    assert np.array_equal(evidence.columns["count_ratio_item_mean"], evidence.columns["model"])
    assert np.array_equal(own.quality.odds, getattr(who.model.rule, "quality").odds)  # noqa: B009
    assert len(evidence) == evidence.facts["examples"] == sum(who.model.asked) <= PROBE.calls() / 2


def test_without_copies_the_rest_is_still_told(log: InteractionLog) -> None:
    def untrainable(
        users: npt.ArrayLike,
        *,
        label: str,
        log: InteractionLog | None = None,
        effort: float = 1.0,
    ) -> Recommender:
        raise NotApplicable("recorded answers cannot be trained")

    evidence = asked(replace(ruler(log, ItemMean), fit=untrainable))
    rows = measured(evidence)
    assert "shuffled_auc" not in {row.name for row in rows} and ends(rows, "model_auc")[0] > 0.5
    assert "recorded answers cannot be trained" in str(evidence.facts["caveats"])


def test_data_without_likes_cannot_be_asked(log: InteractionLog) -> None:
    with pytest.raises(NotApplicable, match="likes and dislikes"):
        asked(replace(ruler(log, ItemMean), log=replace(log, liked=None)))


def test_the_same_seed_gives_the_same_and_row_order_is_nothing(
    log: InteractionLog, known: Evidence, rows_of_known: list[Measurement]
) -> None:
    first, second = known, asked(knower(log))
    assert all(np.array_equal(first.columns[name], second.columns[name]) for name in first.columns)
    order = np.random.default_rng(5).permutation(len(first))
    mixed = replace(first, columns={name: column[order] for name, column in first.columns.items()})
    for before, after in zip(rows_of_known, measured(mixed), strict=True):
        assert before.value == pytest.approx(after.value)
        assert before.low == pytest.approx(after.low)


def test_few_users_are_named_as_few(known: Evidence) -> None:
    few = np.isin(known.columns["cluster"], np.unique(known.columns["cluster"])[:16])
    gaps = [row for row in measured(known.where(few)) if row.name == "shortcut_gap"]
    assert all("16 users are too few" in row.note and row.clusters == 16 for row in gaps)


@pytest.mark.parametrize("users", [0, 1])
def test_almost_nothing_gives_no_numbers(known: Evidence, users: int) -> None:
    kept = np.isin(known.columns["cluster"], np.unique(known.columns["cluster"])[:users])
    rows = measured(known.where(kept))
    assert rows and all(row.value is None and row.low is None and row.note for row in rows)


def test_the_gaps_interval_holds_its_level() -> None:
    """Two noisy readings of one truth: the true gap is 0, so each end may err in 5 % of worlds."""
    from scipy.stats import binom

    above = below = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        user = np.repeat(np.arange(60), 3)
        truth = rng.normal(0, 1, 60)[user] + rng.normal(0, 1, len(user))
        rules = {name: truth + rng.normal(0, 1, len(user)) for name in ("model", *RULES, "shuffled")}
        columns = {"cluster": user, "liked": truth + rng.logistic(size=len(user)) > 0}
        evidence = Evidence(columns=columns | rules | {"balanced": np.ones(len(user), dtype=bool)})
        _, low, high = ends(measured(evidence), "shortcut_gap", "popularity")
        above, below = above + (low > 0), below + (high < 0)
    assert max(above, below) <= binom.ppf(0.995, 40, 0.05)
