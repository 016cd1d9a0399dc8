"""The plan of an audit: which suite asks what, what is not asked and why, and how long it will take."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recaudit.audit import plugins
from recaudit.audit.checks import read_config
from recaudit.audit.config import AuditConfig
from recaudit.audit.errors import UsageError
from recaudit.audit.paces import Pace, Paces, Stopwatch, typical
from recaudit.audit.plan import Job
from recaudit.audit.progress import Event
from recaudit.audit.runner import planned, run
from recaudit.audit.suite import suite_of

Own = Callable[[str], str]


def config(own: Own, *probes: str, model: str = "Lean", **changes: Any) -> AuditConfig:
    named = tuple(own(probe) if probe[0].isupper() else probe for probe in probes)
    settings = {"model": own(model), "data": "world-tiny", "probes": named} | changes
    return AuditConfig.model_validate(settings)


def by_name(jobs: tuple[Job, ...]) -> dict[str, Job]:
    return {job.name: job for job in jobs}


def test_each_suite_holds_the_one_before_it(own: Own) -> None:
    sets = [{question.name for question in suite_of(config(own, suite=suite))} for suite in plugins.SUITES]
    assert sets[0] < sets[1] <= sets[2] == {n for n, p in plugins.discover("probe").items() if p.built_in}
    assert {question.name for question in suite_of(config(own))} == sets[1]
    assert all(plugins.find("probe", name).fits == 0 for name in sets[0])
    assert "membership_inference" in sets[1] - sets[0]


def test_named_probes_are_asked_whatever_the_suite(own: Own) -> None:
    asked = suite_of(config(own, "membership_inference", "MeanOne", suite="quick"))
    assert [question.name for question in asked] == ["membership_inference", "mean_one"]
    left = suite_of(config(own, suite="quick", skip=("group_gap",)))
    assert left and "group_gap" not in {question.name for question in left}


@pytest.mark.parametrize(
    ("says", "suite"),
    [({}, "standard"), ({"fits": 1}, "standard"), ({"fits": 2}, "full")]
    + [
        ({"fits": 2, "suite": "standard"}, "standard"),
        ({"suite": "quick"}, "quick"),
        ({"suite": "x"}, "standard"),
    ],
)
def test_a_suite_follows_from_what_a_probe_says(says: dict[str, object], suite: str) -> None:
    plugin = plugins.Plugin(
        kind="probe", name="p", module="m", attribute="P", area="a", doc="Is it?", says=says
    )
    assert plugin.suite == suite


def test_an_unknown_suite_is_one_sentence(own: Own) -> None:
    with pytest.raises(UsageError, match="setting suite: input should be 'quick', 'standard' or 'full'"):
        read_config({"model": own("honest"), "suite": "fast"}, environment={})


def test_a_first_run_says_that_it_does_not_know(own: Own) -> None:
    jobs = planned(config(own, "MeanOne", "Copying"))
    assert {job.basis for job in jobs} == {"unknown: first run"}
    assert all(job.seconds is None for job in jobs)


def test_what_cannot_be_asked_is_told_before_training(own: Own) -> None:
    jobs = by_name(planned(config(own, "Writer", "order_bias", "MeanOne")))
    assert jobs["ask writer"].refusal.startswith("this needs a model that answers in free text")
    assert jobs["ask order_bias"].refusal and not jobs["ask mean_one"].refusal
    unseen = by_name(planned(config(own, "Writer", model="honest")))
    assert not unseen["ask writer"].refusal, "a user's function is not called for a plan"


def test_a_later_plan_knows_what_was_measured(own: Own) -> None:
    run(config(own, "MeanOne", "Copying"))
    again = by_name(planned(config(own, "MeanOne", "Copying", "MeanTwo", seed=1)))
    assert {again[name].basis for name in ("prepare the model", "ask mean_one", "ask copying")} == {
        "measured before"
    }
    assert again["ask mean_two"].basis == "at most, by its calls"
    assert all(job.seconds > 0 for job in again.values())
    same = by_name(planned(config(own, "MeanOne", "Copying")))
    assert {job.basis for job in same.values()} == {"nothing to do"}
    other = planned(config(own, "MeanOne", model_settings={"rate": "0.5"}))
    assert {job.basis for job in other} == {"unknown: first run"}


def told(paces: Paces, *events: Event) -> dict[str, Pace]:
    watch = Stopwatch(paces)
    for event in events:
        watch(event)
    return paces.read()


def test_training_inside_a_question_is_kept_apart(tmp_path: Path) -> None:
    paces = Paces(tmp_path / "paces" / "key.json")
    asked = (
        Event(job="ask x", state="started", total=100),
        Event(job="train the copy", state="started"),
        Event(job="train the copy", state="done", seconds=7.0),
        Event(job="ask x", state="done", seconds=9.0),
    )
    known = told(paces, Event(job="train the audited model", state="done", seconds=8.0), *asked)
    assert known["ask x"] == Pace(seconds=2.0, calls=100, fits=1, training=7.0)
    assert known["ask x"].expected(200) == 2.0 * 2 + 7.0
    assert set(known) == {"train the audited model", "ask x"}
    again = told(paces, asked[0], Event(job="ask x", state="done", seconds=3.0))
    assert again["ask x"] == Pace(seconds=3.0, calls=100, fits=1, training=7.0)
    reused = told(paces, asked[0], Event(job="ask x", state="reused", seconds=0.0))
    assert reused == again
    assert typical(again) == 0.03 and typical({}) is None


def test_a_damaged_file_is_no_measurement(tmp_path: Path) -> None:
    paces = Paces(tmp_path / "key.json")
    for text in ("", "[]", "{}{", json.dumps({"ask x": {"second": 1}})):
        paces.path.write_text(text)
        assert paces.read() == {}


def test_the_command_prints_time_and_reasons(command: Callable[..., Any], own: Own) -> None:
    words = ["run", "--model", own("Lean"), "--data", "world-tiny", "--probe", own("MeanOne")]
    first = command(*words, "--probe", own("Writer"), "--dry-run")
    assert first.returncode == 0, first.stderr
    assert "unknown: first run" in first.stdout and "not asked" in first.stdout
    assert "At least 0 s; a first run" in first.stdout
    assert command(*words).returncode == 0
    second = command(*words, "--seed", "1", "--dry-run")
    assert "measured before" in second.stdout
    assert second.stdout.splitlines()[-1].endswith("in all, as measured here before.")
    third = command(*words, "--probe", own("MeanTwo"), "--seed", "1", "--dry-run")
    assert third.stdout.splitlines()[-1].startswith("Between ")
