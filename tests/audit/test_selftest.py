"""The self-test itself: what it counts, which bars it holds up, what it writes, and how it ends."""

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recaudit.audit import _trials, plugins, selftest
from recaudit.audit._trials import Batch, Tally, batches, count, rejects
from recaudit.audit._trials_power import grid, picture, table, write_power
from recaudit.audit.errors import AuditError, UsageError
from recaudit.audit.executors import local
from recaudit.audit.selftest import Rate, Row, Selftest, row_of
from recaudit.probes.base import Criterion, Evidence, Measurement, Probe
from recaudit.probes.stats.intervals import clopper_pearson
from recaudit.probes.testing import Trial
from recaudit.probes.trials import out_of_catalog as tried

REAL = "out_of_catalog"


class Mean(Probe):
    """Is the mean answer small?"""

    def criteria(self) -> tuple[Criterion, ...]:
        return (Criterion(measurement="mean", bound=0.5, direction="at_most"),)

    def ask(self, auditee: Any, rng: np.random.Generator) -> Evidence:
        return Evidence(columns={"cluster": np.arange(5), "answer": rng.normal(size=5)})

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        value = float(evidence.columns["answer"].mean())
        ends = {"low": value - 0.1, "high": value + 0.1}
        about = {"level": 1 - 2 * alpha, "method": "m", "n": 5, "clusters": 5, "unit": "u", "better": "lower"}
        return [Measurement(name="mean", value=value, **ends, **about)]


def exactly(dial: float, rng: np.random.Generator) -> Evidence:
    return Evidence(columns={"cluster": np.arange(5), "answer": np.full(5, dial)})


def asking(dial: float, rng: np.random.Generator) -> Evidence:
    return Mean().ask(None, rng)


TRIAL = Trial(probe=Mean(), gate="mean", dial="answer", bound=0.5, planted=1.0, evidence=exactly)


def tallies(**rejected: tuple[float, int, int]) -> list[Tally]:
    return [
        Tally(
            batch=Batch(probe="p", dial=dial, worlds=(0, worlds)), rejected=number, asked=False, seconds=1.0
        )
        for dial, number, worlds in rejected.values()
    ]


def test_a_rejection_is_a_failed_gate() -> None:
    rng = np.random.default_rng(0)
    assert rejects(TRIAL, 1.0, rng)
    assert not rejects(TRIAL, 0.5, rng) and not rejects(TRIAL, 0.0, rng)


@pytest.mark.parametrize(("made", "asked"), [(exactly, False), (asking, True)])
def test_asking_is_seen(made: Callable[..., Evidence], asked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_trials, "trial_of", lambda probe: replace(TRIAL, evidence=made))
    assert count(Batch(probe="p", dial=0.0, worlds=(0, 3))).asked is asked


def test_batches_cover_every_world_once() -> None:
    for worlds in (1, 20, 45):
        jobs = list(batches("p", (0.0, 1.0, 0.0), worlds))
        for dial in (0.0, 1.0):
            seen = [world for job in jobs if job.dial == dial for world in range(*job.worlds)]
            assert seen == list(range(worlds))


@pytest.mark.parametrize(("rejected", "worlds"), [(0, 200), (9, 200), (17, 17), (3, 40)])
def test_rates_have_the_interval_of_the_product(rejected: int, worlds: int) -> None:
    rate, exact = Rate.of(0.0, rejected, worlds), clopper_pearson(rejected, worlds, alpha=0.05)
    assert exact is not None
    assert (rate.share, rate.low, rate.high) == pytest.approx((exact.value, exact.low, exact.high))


@pytest.mark.parametrize(
    ("alarms", "bound", "found", "worlds", "standing"),
    [
        (0, 10, 200, 200, "holds"),
        (9, 18, 180, 200, "holds"),
        (0, 0, 200, 200, "holds"),
        (10, 10, 200, 200, "misses"),
        (0, 19, 200, 200, "misses"),
        (0, 10, 179, 200, "misses"),
        (0, 0, 10, 10, "undecided"),
        (10, 0, 10, 10, "misses"),
    ],
)
def test_bars(alarms: int, bound: int, found: int, worlds: int, standing: str) -> None:
    own = tallies(zero=(0.0, alarms, worlds), bound=(0.5, bound, worlds), planted=(1.0, found, worlds))
    row = row_of("p", TRIAL, own, "")
    assert row.standing == standing and bool(row.why) == (standing != "holds")
    assert row.alarms.rejected == alarms and row.found.rejected == found


def result_of(*standings: selftest.Standing) -> Selftest:
    rows = tuple(Row(probe=f"p{place}", standing=own) for place, own in enumerate(standings))
    return Selftest(rows=rows, not_run=(), seeds=1, seconds=0.0)


@pytest.mark.parametrize(
    ("standings", "code"),
    [
        (["holds"], 0),
        (["holds", "undecided"], 4),
        (["undecided", "misses"], 1),
        (["holds", "no known-answer world"], 1),
        (["misses", "broken"], 3),
        (["no known-answer world"], 5),
        ([], 5),
    ],
)
def test_exit_codes(standings: list[selftest.Standing], code: int) -> None:
    assert result_of(*standings).exit_code == code


def test_results_do_not_depend_on_the_number_of_processes() -> None:
    one, two = (selftest.selftest([REAL], seeds=23, processes=processes) for processes in (1, 2))
    (first,), (second,) = one.rows, two.rows
    assert replace(first, seconds=0.0, asked=False) == replace(second, seconds=0.0, asked=False)
    assert first.found.worlds == 23 and REAL not in one.not_run and one.not_run


def test_a_broken_world_breaks_its_own_row_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(dial: float, rng: np.random.Generator) -> Evidence:
        raise ZeroDivisionError("one by none")

    worlds = {REAL: TRIAL, "calibration": replace(TRIAL, evidence=broken)}
    monkeypatch.setattr(_trials, "trial_of", worlds.__getitem__)
    monkeypatch.setattr(selftest, "trial_of", worlds.__getitem__)
    monkeypatch.setattr(selftest, "has_trial", worlds.__contains__)
    result = selftest.selftest([REAL, "calibration", "order_bias"], seeds=60, processes=1)
    assert [row.standing for row in result.rows] == ["holds", "broken", "no known-answer world"]
    assert result.rows[1].why == "ZeroDivisionError: one by none"
    assert result.exit_code == 3


def test_a_world_of_another_probe_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tried, "TRIAL", TRIAL)
    with pytest.raises(AuditError, match="tries Mean, which is another probe"):
        _trials.trial_of(REAL)
    real = plugins.load(plugins.find("probe", REAL))()
    monkeypatch.setattr(tried, "TRIAL", replace(TRIAL, probe=real))
    with pytest.raises(AuditError, match="no criterion of its probe is called 'mean'"):
        _trials.trial_of(REAL)
    monkeypatch.delattr(tried, "TRIAL")
    with pytest.raises(AuditError, match="holds no TRIAL"):
        _trials.trial_of(REAL)


def test_unknown_probes_are_refused_in_words() -> None:
    with pytest.raises(UsageError, match="no built-in probe is called 'out_of_catalogue'; did you mean"):
        selftest.selftest(["out_of_catalogue"])


def test_what_breaks_in_a_process_is_an_outcome() -> None:
    found = list(local.map(_half, [2, 3], processes=2))
    assert sorted(found, key=str) == [1, local.Broken(3, "ValueError: 3 is odd")]


def _halved(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def _half(number: int) -> object:
    return local.attempt(_halved, number)


def curved() -> Row:
    curve = tuple(Rate.of(dial, int(20 * dial), 20) for dial in (0.0, 0.25, 0.5, 1.0))
    return Row(
        probe="p<1>",
        standing="holds",
        gate="mean",
        dial="share & more",
        alarms=curve[0],
        at_bound=curve[2],
        found=curve[3],
        curve=curve,
    )


def test_a_curve_holds_every_dial_and_survives_hostile_names() -> None:
    assert set(grid(TRIAL)) >= {0.0, 0.5, 1.0} and list(grid(TRIAL)) == sorted(grid(TRIAL))
    assert max(grid(replace(TRIAL, bound=None, planted=0.3))) == 0.3
    drawn = ElementTree.fromstring(picture(curved()))
    (line,) = drawn.findall("{http://www.w3.org/2000/svg}polyline")
    heights = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
    assert heights == sorted(heights, reverse=True) and len(heights) == 4
    assert "5/20" in drawn.find("{http://www.w3.org/2000/svg}desc").text


def test_what_is_written_says_what_was_not_run(tmp_path: Path) -> None:
    result = Selftest(rows=(curved(),), not_run=("order_bias",), seeds=20, seconds=3.0)
    written = write_power(result, tmp_path)
    assert {path.name for path in written} == {"selftest.json", "selftest.md", "p<1>.svg"}
    assert json.loads((tmp_path / "selftest.json").read_text())["rows"][0]["curve"][1]["rejected"] == 5
    text = table(result)
    assert "Not tried: order_bias." in text and "20 worlds a dial" in text
    assert "| must fire |" in text


def test_the_command_prints_its_rows_and_ends_with_its_code(
    command: Callable[..., Any], tmp_path: Path
) -> None:
    done = command("selftest", "--probe", REAL, "--seeds", "5", "--jobs", "1", "--out", "found.json")
    assert done.returncode == 4, done.stderr
    assert "undecided" in done.stdout and "Not tried: " in done.stdout
    assert done.stdout.splitlines()[-1] == "selftest: exit code 4"
    assert json.loads(Path("found.json").read_text())["exit_code"] == 4
