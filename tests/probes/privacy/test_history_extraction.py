"""What people did last: drawn out where it is known by heart, no more than of strangers where it is not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from recaudit.models.base import Recommender, Request, Slate
from recaudit.models.baselines import ItemKNN
from recaudit.models.data import Catalog, InteractionLog
from recaudit.models.datasets.world import load
from recaudit.models.planted.recaller import PlantedRecaller
from recaudit.models.splits import split_population
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable
from recaudit.probes.privacy._held_back import hold_back
from recaudit.probes.privacy._sides import gap_row
from recaudit.probes.privacy.history_extraction import HistoryExtraction
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.trials.history_extraction import TRIAL, evidence

LOG = load("world-tiny")
WHO = split_population(LOG, rng=np.random.default_rng(0))
PUBLIC = np.concatenate([WHO.base, WHO.reference])
PROBE = HistoryExtraction(n_control=30, k=10)
DRAWS = "by 1,000 draws"


def auditee(*, memory: float) -> Auditee:
    public = PlantedRecaller.of(LOG, PUBLIC, memory=memory)

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        return replace(public.remembering(users), memory=1.0 if effort > 1 else memory)

    return Auditee(model=public.remembering(WHO.members), log=LOG, population=WHO, fit=fit)


def measured(who: Auditee, probe: HistoryExtraction = PROBE) -> dict[tuple[str, str], Measurement]:
    return rows_of(probe.ask(who, np.random.default_rng(1)), probe)


def rows_of(found: Evidence, probe: HistoryExtraction = PROBE) -> dict[tuple[str, str], Measurement]:
    rows = probe.estimate(found, np.random.default_rng(1), 0.05)
    return {(row.name, row.group): row for row in rows}


def state(found: dict[tuple[str, str], Measurement], probe: HistoryExtraction = PROBE) -> str:
    return overall([judge(criterion, list(found.values())) for criterion in probe.criteria()])


def gate(found: dict[tuple[str, str], Measurement]) -> str:
    return judge(PROBE.criteria()[0], list(found.values())).state


# What is held back


def test_the_last_new_likes_are_held_back_each_after_all_before_it() -> None:
    held = hold_back(
        LOG, (WHO.members, WHO.held_out), n_users=40, last=3, least=5, rng=np.random.default_rng(0)
    )
    assert held.member.sum() == len(held.member) / 2 == 40
    assert LOG.liked is not None
    for history, chain, items in zip(held.histories, held.chains, held.targets, strict=True):
        rows = LOG.rows(history.user)
        met, liked = LOG.item[rows], LOG.liked[rows]
        assert items.tolist() == met[liked][-3:].tolist()
        for one in chain:
            assert one.history.items == tuple(met[: len(one.history)].tolist())
            assert met[len(one.history)] == one.target and one.liked
        assert history == chain[0].history and len(history) >= 5


def test_what_was_met_before_is_not_held_back() -> None:
    item = LOG.item.copy()
    item[LOG.starts[1:] - 1] = item[LOG.starts[:-1]]
    again = replace(LOG, item=item)
    held = hold_back(
        again, (WHO.members, WHO.held_out), n_users=40, last=2, least=5, rng=np.random.default_rng(0)
    )
    for history, items in zip(held.histories, held.targets, strict=True):
        assert not set(items.tolist()) & set(history.items)


def test_too_few_people_are_refused_in_words() -> None:
    with pytest.raises(NotApplicable, match="smaller `last` or `least`"):
        HistoryExtraction(last=20).ask(auditee(memory=0.0), np.random.default_rng(0))
    with pytest.raises(ValueError, match="chance"):
        HistoryExtraction(chance=1.0)


# Known answers


@dataclass(frozen=True, kw_only=True)
class Uniform(PlantedRecaller):
    """Finds all items equally likely."""

    def log_likelihood(self, examples: Sequence[object]) -> npt.NDArray[np.float64]:  # type: ignore[override]
        return np.full(len(examples), -np.log(len(self.catalog)))


def test_a_uniform_model_needs_as_many_draws_as_there_are_sequences() -> None:
    model = Uniform(catalog=LOG.catalog, log=LOG, shares=np.full(len(LOG.catalog), 1 / len(LOG.catalog)))
    found = measured(replace(auditee(memory=0.0), model=model))
    wanted = np.log(0.5) / np.log1p(-((1 / 80) ** 3))
    assert found["attempts", "trained on"].value == pytest.approx(wanted, rel=1e-6)
    assert found["extraction_gap", DRAWS].value == 0 and found["log_p_gap", "overall"].value == pytest.approx(
        0
    )


def test_a_table_of_everybody_needs_one_draw_and_gives_all() -> None:
    found = measured(auditee(memory=1.0))
    assert found["attempts", "trained on"].value == pytest.approx(1.0)
    assert (
        found["extraction_gap", DRAWS].value == 1
        and found["extracted_share", f"trained on, {DRAWS}"].value == 1
    )
    assert found["extraction_gap", "by one list"].low > 0.4 and gate(found) == "fail"


def test_one_pass_tells_what_draws_would_bring() -> None:
    rng = np.random.default_rng(0)
    for p_z in (0.002, 0.03, 0.4):
        probe = HistoryExtraction(draws=20)
        came = (rng.random((4000, probe.draws)) < p_z).any(axis=1).mean()
        assert (came >= 0.5) == bool(probe._extractable(np.array([np.log(p_z)]))[0])


def test_an_honest_model_passes_and_memory_shows_as_it_is_turned_up() -> None:
    rows = [measured(auditee(memory=memory)) for memory in (0.0, 0.2, 0.5)]
    assert gate(rows[0]) in ("pass", "inconclusive")
    gaps = [found["extraction_gap", "by one list"].value or 0.0 for found in rows]
    assert gaps == sorted(gaps) and gate(rows[2]) == "fail"
    assert rows[2]["log_p_gap", "overall"].low > 0.5
    assert rows[0]["control_gap", "overall"].low > 0 > rows[0]["popular_gap", "overall"].low


def test_a_model_of_lists_alone_is_judged_by_lists_alone() -> None:
    class Listing:
        catalog: Catalog = LOG.catalog

        def __init__(self, users: npt.ArrayLike) -> None:
            self.inner = ItemKNN.fitted(LOG, users)

        def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
            return self.inner.recommend(requests, k)

    def fit(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        return Listing(users)

    found = measured(Auditee(model=Listing(WHO.members), log=LOG, population=WHO, fit=fit))
    assert {group for name, group in found if name == "extraction_gap"} == {"by one list"}
    assert ("attempts", "trained on") not in found and found["control_gap", "overall"].value > 0.05


def test_without_a_copy_no_pass_is_given() -> None:
    def unable(
        users: npt.ArrayLike, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> Recommender:
        raise NotApplicable("it cannot be trained again")

    asked = PROBE.ask(replace(auditee(memory=0.0), fit=unable), np.random.default_rng(1))
    assert "no pass can be given" in str(asked.facts["caveats"])
    assert state(rows_of(asked)) == "inconclusive"


def test_sides_of_unlike_popularity_are_invalid() -> None:
    asked = evidence(0.0, np.random.default_rng(0))
    popular = np.where(asked.columns["member"], 1.0, 0.0)
    uneven = replace(asked, columns={**asked.columns, "popular": popular})
    assert state(rows_of(uneven)) == "invalid"


# The gap between sides


def test_a_gap_is_welchs_and_never_without_width() -> None:
    from scipy import stats

    rng = np.random.default_rng(0)
    values, member = rng.random(60), np.arange(60) < 25
    found = gap_row("gap", values, member, alpha=0.05)
    welch = stats.ttest_ind(values[member], values[~member], equal_var=False).confidence_interval(0.9)
    assert found.low == pytest.approx(min(welch.low, found.value - (1 - 0.05 ** (1 / 25))))
    assert gap_row("gap", values, member, alpha=0.05, bounded=False).low == pytest.approx(welch.low)
    nothing = gap_row("gap", np.zeros(60), member, alpha=0.05)
    assert nothing.value == 0 and nothing.high == pytest.approx(1 - 0.05 ** (1 / 25))
    joint = gap_row("gap", values, member, alpha=0.05, jointly=2)
    assert joint.low < found.low and "Bonferroni over 2" in joint.method
    assert gap_row("gap", values[:1], member[:1], alpha=0.05).value is None


def test_the_order_of_people_means_nothing_and_the_same_seed_gives_the_same() -> None:
    one, two = (PROBE.ask(auditee(memory=0.3), np.random.default_rng(4)) for _ in range(2))
    assert rows_of(one) == rows_of(two)
    order = np.random.default_rng(0).permutation(len(one))
    turned = rows_of(replace(one, columns={name: column[order] for name, column in one.columns.items()}))
    for key, row in rows_of(one).items():
        assert turned[key].value == pytest.approx(row.value)


def test_curves_and_cases_are_shown() -> None:
    asked = PROBE.ask(auditee(memory=0.5), np.random.default_rng(1))
    (curve,) = PROBE.curves(asked, np.random.default_rng(0))
    assert curve.y[-1] == 1 and asked.exhibits[0].effect > 0.6
    real = replace(auditee(memory=0.5), log=replace(LOG, synthetic=False))
    assert PROBE.ask(real, np.random.default_rng(1)).exhibits == ()


def test_the_trial_is_silent_and_loud() -> None:
    for dial, wanted in ((0.0, {"pass", "inconclusive"}), (TRIAL.planted, {"fail"})):
        found = []
        for seed in range(20):
            rng = np.random.default_rng(seed)
            rows = TRIAL.probe.estimate(TRIAL.evidence(dial, rng), rng, 0.05)
            found.append(judge(TRIAL.probe.criteria()[0], rows).state in wanted)
        assert sum(found) >= 19
