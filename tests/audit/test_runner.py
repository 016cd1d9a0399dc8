import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recaudit
from recaudit.audit._evidence import read_evidence
from recaudit.audit.config import AuditConfig
from recaudit.audit.errors import Interrupted, UsageError
from recaudit.audit.progress import Event
from recaudit.audit.runner import conduct, planned, run
from recaudit.audit.session import open_session
from recaudit.audit.store import find_run, load_record
from recaudit.audit.workshop import own_randomness, workshop_of
from recaudit.models.base import ModelError
from recaudit.models.data import DataError
from recaudit.reports.record import AuditRecord, to_json

Own = Callable[[str], str]
Config = Callable[..., AuditConfig]


@pytest.fixture
def config(own: Own) -> Config:
    def config(*probes: str, model: str = "Lean", **changes: Any) -> AuditConfig:
        named = tuple(own(probe) if probe[0].isupper() else probe for probe in probes)
        settings = {"model": own(model), "data": "world-tiny", "probes": named} | changes
        return AuditConfig.model_validate(settings)

    return config


class Heard:
    """Listens to a run."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def ended(self, state: str) -> list[str]:
        return [event.job for event in self.events if event.state == state]


def untimed(record: AuditRecord) -> dict[str, Any]:
    """A record as plain data without what only says when."""
    plain: dict[str, Any] = json.loads(to_json(record))
    plain["model"]["fit"].pop("seconds", None)
    for part in ("seconds", "id", "created"):
        plain.pop(part)
    return plain


def test_an_audit_ends_in_a_complete_record_and_a_report(config: Config) -> None:
    folder = conduct(
        config("MeanOne", "Copying", "Writer", model_settings={"rate": "0.1"}), command="audit run"
    )
    record = folder.read_record()
    assert record.status == "complete"
    assert [finding.verdict for finding in record.findings] == ["pass", "pass", "not_applicable"]
    assert record.findings[2].not_asked.startswith("this needs a model that answers in free text")
    assert record.findings[0].caveats == ("small",)
    assert record.family.checks == ("mean_one", "copying")
    assert record.family.alpha_each == 0.025
    assert record.findings[0].measurements[0].level == pytest.approx(0.95)
    assert record.model.settings["rate"] == 0.1
    assert record.model.title == "A lean model"
    assert record.model.fit["epochs"] == 2 and len(record.model.fit["losses"]) == 2
    assert "can be trained again from its own recipe" in record.model.capabilities
    assert "answers in free text" in record.model.lacks
    assert record.data.split_counts["held_out"] > 0 and record.environment["numpy"] == np.__version__
    assert "<html" in (folder.path / "report.html").read_text()[:500]


def test_real_probes_find_the_fault_that_was_planted(config: Config) -> None:
    record = run(config("order_bias", model="biased"))
    assert record.findings[0].verdict == "fail"
    assert run(config("order_bias", model="honest")).findings[0].verdict != "fail"


def test_evidence_names_no_user(config: Config) -> None:
    folder = conduct(config("MeanOne"), command="")
    record = folder.read_record()
    file = folder.path / record.findings[0].evidence_file
    assert len(read_evidence(file)) == record.findings[0].evidence_rows == 40
    assert b"u000" not in file.read_bytes() and not record.shows_users
    shown = conduct(config("MeanOne", show_users=True), command="")
    assert b"u000" in (shown.path / "evidence" / "mean_one.parquet").read_bytes()
    assert shown.read_record().shows_users


def test_a_second_run_repeats_no_work(config: Config) -> None:
    first, second = Heard(), Heard()
    one = run(config("MeanOne", "Copying"), listener=first)
    two = run(config("MeanOne", "Copying"), listener=second)
    assert "train the audited model" in first.ended("done")
    assert set(second.ended("reused")) == {
        "train the audited model",
        *(f"{work} {probe}" for work in ("ask", "estimate") for probe in ("mean_one", "copying")),
    }
    assert second.ended("done") == ["read the data"]
    assert one.id != two.id
    assert untimed(one) == untimed(two)


def test_results_do_not_depend_on_order_or_company(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECAUDIT_CACHE", str(tmp_path / "one"))
    forwards = run(config("MeanOne", "Copying", "MeanTwo"))
    monkeypatch.setenv("RECAUDIT_CACHE", str(tmp_path / "two"))
    backwards = run(config("MeanTwo", "Copying", "MeanOne"))
    for finding in forwards.findings:
        (same,) = [other for other in backwards.findings if other.probe == finding.probe]
        assert replace(same, evidence_sha256="") == replace(finding, evidence_sha256="")


def test_results_do_not_depend_on_whether_pytorch_is_loaded() -> None:
    pytest.importorskip("torch")
    with_it, without = (np.random.default_rng(3) for _ in range(2))
    with own_randomness(with_it, torch=True):
        pass
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch", None)
        with own_randomness(without):
            pass
    assert with_it.random() == without.random()


def test_another_seed_gives_other_answers(config: Config) -> None:
    values = [run(config("MeanOne", seed=seed)).findings[0].measurements[0].value for seed in (0, 1)]
    assert values[0] != values[1]


def test_a_broken_probe_stops_no_other_and_keeps_its_traceback(config: Config) -> None:
    folder = conduct(config("Broken", "MeanOne"), command="")
    record = folder.read_record()
    assert [finding.verdict for finding in record.findings] == ["error", "pass"]
    assert record.status == "partial"
    assert "ZeroDivisionError: one by none" in record.findings[0].error
    assert "Traceback" in (folder.path / "error.log").read_text()


def test_ctrl_c_keeps_what_was_found(config: Config) -> None:
    with pytest.raises(Interrupted, match="--resume"):
        run(config("MeanOne", "Stopped", "MeanTwo"))
    record = load_record()
    assert record.status == "partial"
    assert [finding.probe for finding in record.findings] == ["mean_one"]


def test_a_failing_model_keeps_its_traceback(config: Config) -> None:
    Path("mine.py").write_text('"""M."""\ndef make(log):\n    raise RuntimeError("no luck")\n')
    with pytest.raises(ModelError, match=r"RuntimeError: no luck.*error\.log"):
        run(config("MeanOne").model_copy(update={"model": "mine.py:make"}))
    assert "no luck" in (find_run().path / "error.log").read_text()


@pytest.mark.parametrize(
    "body", ["return None", "return object()", "return type('M', (), {'recommend': print})()"]
)
def test_what_is_no_recommender_is_refused_in_words(config: Config, body: str) -> None:
    Path("mine.py").write_text(f'"""M."""\ndef make(log):\n    {body}\n')
    with pytest.raises(ModelError, match="is no recommender: it needs a method recommend"):
        run(config("MeanOne").model_copy(update={"model": "mine.py:make"}))


def test_a_model_that_is_not_trained_here_is_shown_no_held_out_row(config: Config) -> None:
    session = open_session(config("MeanOne", model="nosy"), lambda event: None)
    model = workshop_of(session, "run", lambda event: None).audited().model
    seen = {user for user, _ in model.remembered}  # type: ignore[attr-defined]
    assert seen == {*session.population.base.tolist(), *session.population.members.tolist()}


def test_short_histories_are_kept_out_by_the_model_that_needs_long_ones(config: Config) -> None:
    options = {"users": "60", "items": "30", "per_user": "4"}
    with pytest.raises(DataError, match="at least 5 interactions"):
        run(config("MeanOne", data_options=options))


def test_a_dry_run_tells_what_is_done_and_trains_nothing(config: Config) -> None:
    before = planned(config("MeanOne", "Copying"))
    assert [job.kind for job in before] == ["prepare", "train", "ask", "ask"]
    assert [job.fits for job in before] == [0, 1, 0, 2]
    assert before[2].calls == 120
    assert not any(job.stored for job in before)
    assert not Path("audits").exists()
    run(config("MeanOne"))
    assert [job.stored for job in planned(config("MeanOne", "Copying"))] == [True, True, True, False]


def test_every_call_of_a_probe_is_told(config: Config) -> None:
    heard = Heard()
    run(config("MeanOne"), listener=heard)
    told = [event for event in heard.events if event.job == "ask mean_one" and event.state == "advanced"]
    assert (told[-1].done, told[-1].total) == (120, 120)


def test_a_policy_sets_bounds_and_the_error_budget(config: Config) -> None:
    Path("policy.toml").write_text(
        'alpha = 0.1\n[[criteria]]\nprobe = "mean_one"\nmeasurement = "mean_answer"\nbound = 0.001\n'
    )
    record = run(config("MeanOne", policy="policy.toml"))
    assert record.findings[0].verdict == "fail"
    assert record.family.alpha_each == 0.1
    assert record.policy["criteria"][0]["bound"] == 0.001


def test_the_public_face_offers_the_nouns_and_nothing_else() -> None:
    for name in ("run", "load_record", "AuditConfig", "Probe", "Recommender", "Catalog", "AuditRecord"):
        assert name in dir(recaudit) and getattr(recaudit, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        recaudit.walk  # noqa: B018


def test_unknown_names_are_refused_without_a_command_line(own: Own) -> None:
    with pytest.raises(UsageError, match="no model is called 'nobody'"):
        run(AuditConfig(model="nobody"))
