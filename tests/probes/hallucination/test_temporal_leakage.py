"""What came out after the question is counted by the calendar; who knows the day is cleared."""

from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.data import InteractionLog
from recaudit.models.planted.timekeeper import PlantedTimekeeper
from recaudit.probes.base import Auditee, Evidence, Measurement, NotApplicable
from recaudit.probes.hallucination._dates import first_meetings, release_times, seconds, year_starts
from recaudit.probes.hallucination.temporal_leakage import ANY, LIST, POPULAR, TemporalLeakage
from recaudit.probes.stats.verdicts import judge
from recaudit.probes.testing import planted_auditee
from recaudit.probes.trials._films import film_auditee, film_log

PROBE = TemporalLeakage()
GATE = PROBE.criteria()[0]
LOG = film_log()


def auditee(foresight: float = 0.0, log: InteractionLog = LOG) -> Auditee:
    out_from = year_starts(LOG.catalog.years)
    model = PlantedTimekeeper(catalog=log.catalog, log=log, out_from=out_from, foresight=foresight)
    return replace(film_auditee(model), log=log)


def named(evidence: Evidence) -> dict[tuple[str, str], Measurement]:
    rows = PROBE.estimate(evidence, np.random.default_rng(0), 0.05)
    return {(row.name, row.group): row for row in rows}


def asked(foresight: float = 0.0, log: InteractionLog = LOG) -> dict[tuple[str, str], Measurement]:
    return named(PROBE.ask(auditee(foresight, log), np.random.default_rng(1)))


def test_a_recommender_that_knows_its_day_is_cleared() -> None:
    rows = asked()
    assert rows["future_rate", "overall"].value == 0
    assert judge(GATE, list(rows.values())).state != "fail"
    assert rows["unmet_rate", LIST].value > rows["unmet_rate", POPULAR].value


@pytest.mark.parametrize("foresight", [0.15, 0.5])
def test_foresight_is_recovered(foresight: float) -> None:
    rows = asked(foresight)
    found = rows["future_rate", "overall"]
    assert found.low < foresight < found.high + 0.02 and judge(GATE, list(rows.values())).state == "fail"


def test_a_rule_blind_to_time_shows_the_base_rate() -> None:
    """Random items of the whole catalogue are of the future as often as the catalogue is."""

    class Blind(PlantedTimekeeper):
        def _later(self, request):
            return np.zeros(len(self.catalog), dtype=np.bool_)

    who = auditee()
    blind = Blind(catalog=LOG.catalog, log=LOG, out_from=year_starts(LOG.catalog.years))
    rows = named(PROBE.ask(replace(who, model=blind), np.random.default_rng(1)))
    base = rows["time_blind_future_rate", ANY].value
    assert base > 0.2 and rows["future_rate", "overall"].value == pytest.approx(base, abs=0.04)


def test_rates_are_those_of_a_hand_count() -> None:
    who = auditee(0.3)
    evidence = PROBE.ask(who, np.random.default_rng(1))
    shares, later = [], []
    for user in np.unique(evidence.columns["cluster"]).tolist():
        own = LOG.rows(user)
        cut = own.start + int(0.8 * (own.stop - own.start))
        year = LOG.timestamp[cut - 1].astype("datetime64[s]").astype("datetime64[Y]").astype(int) + 1970
        mine = evidence.columns["item"][
            (evidence.columns["cluster"] == user) & (evidence.columns["side"] == LIST)
        ]
        shares.append(np.mean(LOG.catalog.years[mine.astype(int)] > year))
        members = np.isin(LOG.user, who.population.members)
        later.append(np.mean(LOG.timestamp[members] > LOG.timestamp[cut - 1]))
    rows = named(evidence)
    assert rows["future_rate", "overall"].value == pytest.approx(np.mean(shares))
    assert rows["later_training_rows", "overall"].value == pytest.approx(np.mean(later))
    assert rows["tied_order", "overall"].value == 0


def test_first_meetings_leave_out_the_people_who_are_asked() -> None:
    rows = np.flatnonzero(LOG.user < 3)
    first = first_meetings(LOG, LOG.timestamp.astype(float), rows)
    met = np.unique(LOG.item[rows])
    assert np.flatnonzero(~np.isnan(first)).tolist() == met.tolist()
    assert first[met[0]] == LOG.timestamp[rows][LOG.item[rows] == met[0]].min()


def test_years_that_people_contradict_are_not_used() -> None:
    early = replace(LOG, catalog=replace(LOG.catalog, years=LOG.catalog.years + 5))
    rows = asked(log=early)
    assert (
        rows["future_rate", "overall"].value is None
        and "before the year" in rows["future_rate", "overall"].note
    )
    assert judge(GATE, list(rows.values())).state == "inconclusive"
    assert rows["unmet_rate", LIST].value is not None
    unknown = replace(LOG, catalog=replace(LOG.catalog, years=0 * LOG.catalog.years))
    _, why = release_times(unknown, seconds(unknown), np.arange(5))
    assert "gives a year for 0%" in why


def test_times_in_milliseconds_are_the_same_and_counters_are_none() -> None:
    assert np.array_equal(seconds(replace(LOG, timestamp=LOG.timestamp * 1000)), seconds(LOG))
    with pytest.raises(NotApplicable, match="when things happened"):
        asked(log=replace(LOG, timestamp=np.arange(len(LOG))))
    with pytest.raises(NotApplicable, match="when things happened"):
        asked(log=replace(LOG, timestamp=None))


def test_a_catalogue_that_was_all_there_is_no_question() -> None:
    old = replace(LOG, catalog=replace(LOG.catalog, years=np.full(len(LOG.catalog), 1950)))
    late = replace(old, timestamp=np.where(LOG.user < 40, 1_000_000_000, 1_200_000_000))
    known = late.take(np.flatnonzero((late.user >= 40) | np.isin(late.user, np.arange(40))))
    held = np.isin(known.item, known.item[known.user < 40])
    with pytest.raises(NotApplicable, match="none is of the future"):
        asked(log=known.take(np.flatnonzero(held)))


def test_exhibits_show_the_worst_lists_first() -> None:
    cases = PROBE.ask(auditee(0.3), np.random.default_rng(1)).exhibits
    assert [case.kind for case in cases] == ["worst"] * 3 + ["random"] * 3
    for case in cases:
        lines = case.right.split("\n")
        assert case.effect == pytest.approx(np.mean([line.endswith("released later") for line in lines]))


def test_models_that_judge_are_not_asked() -> None:
    assert not set(PROBE.needs) <= planted_auditee(LOG, rng=np.random.default_rng(1)).capabilities


@pytest.mark.parametrize("users", [0, 1])
def test_too_few_people_are_not_estimable(users: int) -> None:
    evidence = PROBE.ask(auditee(0.3), np.random.default_rng(1))
    people = np.unique(evidence.columns["cluster"])[:users]
    rows = named(evidence.where(np.isin(evidence.columns["cluster"], people)))
    assert rows["future_rate", "overall"].value is None and rows["future_rate", "overall"].note
