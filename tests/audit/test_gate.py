from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from recaudit.audit.errors import UsageError
from recaudit.audit.gate import GateOutcome, Policy, completion, gate, judged, read_policy
from recaudit.probes.base import Criterion, Measurement
from recaudit.reports.record import (
    AuditedData,
    AuditedModel,
    AuditRecord,
    Family,
    FindingRecord,
    ProbeText,
    from_json,
    to_json,
)

TODAY = date(2026, 6, 1)
PASS, FAIL, OPEN = (0.00, 0.02), (0.20, 0.30), (0.05, 0.15)
GATE = Criterion(measurement="gap", bound=0.1, direction="at_most")


def measured(ends: tuple[float, float], name: str = "gap") -> Measurement:
    low, high = ends
    return Measurement(
        name=name,
        value=(low + high) / 2,
        low=low,
        high=high,
        level=0.95,
        method="made up",
        n=100,
        clusters=100,
        unit="share",
        better="lower",
    )


def finding(probe: str, ends: tuple[float, float] = PASS, **changes: Any) -> FindingRecord:
    text = ProbeText(title=probe, question="Is it?", method="so", area="fairness")
    rows = (measured(ends), measured(PASS, "other"))
    verdicts, state = judged([GATE], rows, family=2)
    made = FindingRecord(probe=probe, verdict=state, text=text, measurements=rows, verdicts=verdicts)
    return replace(made, **changes)


def invalid(probe: str) -> FindingRecord:
    criteria = [GATE, Criterion(measurement="other", bound=0.1, direction="at_most", role="validity")]
    rows = (measured(PASS), measured(FAIL, "other"))
    verdicts, state = judged(criteria, rows, family=2)
    return finding(probe, measurements=rows, verdicts=verdicts, verdict=state)


def unasked(probe: str) -> FindingRecord:
    made = finding(probe, verdict="not_applicable", measurements=(), verdicts=())
    return replace(made, not_asked="it needs a model that writes text")


def errored(probe: str) -> FindingRecord:
    return finding(probe, verdict="error", measurements=(), verdicts=(), error="it broke")


def record(*findings: FindingRecord, **changes: Any) -> AuditRecord:
    model = AuditedModel(
        name="m", title="", base="", settings={}, sha256="", prompt_sha256="", capabilities=(), lacks=()
    )
    data = AuditedData(
        name="d",
        sha256="",
        users=1,
        items=1,
        interactions=1,
        attributes={},
        split_counts={},
        split_sha256={},
        synthetic=True,
    )
    made = AuditRecord(
        schema_version=1,
        id="run",
        created="2026-01-01T00:00:00+00:00",
        status="complete",
        command="",
        seed=0,
        config={},
        model=model,
        data=data,
        family=Family(alpha=0.05, checks=("group_gap", "calibration"), alpha_each=0.025),
        findings=findings,
        environment={},
        seconds={},
    )
    return from_json(to_json(replace(made, **changes)))


def at_gate(what: AuditRecord, policy: Policy | None = None, folder: Path | None = None) -> GateOutcome:
    return gate(what, policy, evidence=folder or Path(), today=TODAY)


def policy(**settings: Any) -> Policy:
    return Policy.model_validate(settings)


def waiver(probe: str, expires: str) -> dict[str, str]:
    return {"probe": probe, "reason": "known", "owner": "us", "expires": expires}


def bound(probe: str, value: float, **more: Any) -> dict[str, Any]:
    return {"probe": probe, "measurement": "gap", "bound": value, **more}


@pytest.mark.parametrize(
    ("findings", "settings", "code"),
    [
        ([finding("group_gap")], {}, 0),
        ([finding("group_gap", FAIL)], {}, 1),
        ([finding("group_gap", OPEN)], {}, 4),
        ([finding("group_gap", OPEN)], {"inconclusive": "warn"}, 0),
        ([finding("group_gap", OPEN)], {"inconclusive": "pass"}, 0),
        ([finding("group_gap", OPEN), finding("calibration", FAIL)], {}, 1),
        ([finding("group_gap"), unasked("calibration")], {}, 0),
        ([finding("group_gap"), unasked("calibration")], {"required": ["calibration"]}, 1),
        ([finding("group_gap")], {"required": ["calibration"]}, 1),
        ([finding("group_gap")], {"criteria": [bound("calibration", 1)]}, 1),
        ([finding("group_gap", FAIL)], {"criteria": [bound("group_gap", 0.5)]}, 0),
        ([finding("group_gap", FAIL)], {"criteria": [bound("group_gap", 0.5, direction="at_least")]}, 1),
        ([finding("group_gap")], {"criteria": [bound("group_gap", 0.01)]}, 4),
        ([finding("group_gap", FAIL)], {"waivers": [waiver("group_gap", "2026-06-01")]}, 0),
        ([finding("group_gap", FAIL)], {"waivers": [waiver("group_gap", "2026-05-31")]}, 1),
        ([finding("group_gap")], {"waivers": [waiver("group_gap", "2026-05-31")]}, 1),
        ([finding("group_gap", OPEN)], {"waivers": [waiver("group_gap", "2027-01-01")]}, 0),
        ([finding("group_gap", FAIL)], {"waivers": [waiver("calibration", "2027-01-01")]}, 1),
        ([unasked("group_gap")], {}, 5),
        ([unasked("group_gap")], {"required": ["group_gap"]}, 5),
        ([], {}, 5),
        ([errored("group_gap"), finding("calibration", FAIL)], {}, 3),
        ([errored("group_gap")], {"waivers": [waiver("group_gap", "2027-01-01")]}, 3),
    ],
)
def test_exit_codes_and_their_precedence(
    findings: list[FindingRecord], settings: dict[str, Any], code: int
) -> None:
    assert at_gate(record(*findings), policy(**settings)).exit_code == code


def test_an_invalid_check_fails() -> None:
    assert at_gate(record(invalid("group_gap"))).exit_code == 1


def test_validity_stays_when_a_policy_sets_the_bound() -> None:
    outcome = at_gate(record(invalid("group_gap")), policy(criteria=[bound("group_gap", 9)]))
    assert outcome.exit_code == 1
    assert [line.state for line in outcome.lines] == ["invalid"]


def test_a_partial_run_is_unfinished_whatever_it_found() -> None:
    made = record(finding("group_gap", FAIL), status="partial")
    assert at_gate(made).exit_code == 3
    assert completion(made) == 3


def test_without_a_policy_a_completed_audit_is_done() -> None:
    assert completion(record(finding("group_gap", FAIL))) == 0
    assert completion(record(unasked("group_gap"))) == 5


def test_the_records_own_policy_is_the_default() -> None:
    own = policy(criteria=[bound("group_gap", 0.5)]).model_dump(mode="json")
    verdicts, state = judged([replace(GATE, bound=0.5)], (measured(FAIL),), family=2)
    made = finding("group_gap", FAIL, verdicts=verdicts, verdict=state, measurements=(measured(FAIL),))
    assert at_gate(record(made, policy=own)).exit_code == 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"alpha": 0.01}, "alpha is 0.01, but this audit was run with 0.05"),
        ({"criteria": [bound("group_gap", 1) | {"measurement": "gp"}]}, "did you mean gap"),
        (
            {
                "criteria": [
                    bound("group_gap", 1, group=group) | {"measurement": name}
                    for name in ("gap", "other")
                    for group in ("each", "overall")
                ]
            },
            "makes 4 bounds, but this audit's intervals were widened for 2",
        ),
    ],
)
def test_a_policy_that_does_not_fit_the_record_is_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        at_gate(record(finding("group_gap")), policy(**settings))


def test_changed_evidence_is_named(tmp_path: Path) -> None:
    file = tmp_path / "evidence.parquet"
    file.write_bytes(b"one")
    kept = finding("group_gap", evidence_file=file.name, evidence_sha256=sha256(b"one").hexdigest())
    assert at_gate(record(kept), folder=tmp_path).exit_code == 0
    file.write_bytes(b"two")
    outcome = at_gate(record(kept), folder=tmp_path)
    assert outcome.exit_code == 1
    assert [line.about for line in outcome.lines if line.state == "tampered"] == ["group_gap"]
    file.unlink()
    assert at_gate(record(kept), folder=tmp_path).exit_code == 0


def test_a_verdict_that_does_not_follow_is_named() -> None:
    painted = finding("group_gap", FAIL, verdict="pass")
    outcome = at_gate(record(painted), policy(criteria=[bound("group_gap", 9)]))
    assert [line.state for line in outcome.lines if line.code] == ["tampered"]


def test_a_line_says_why() -> None:
    lines = at_gate(record(finding("group_gap", FAIL), unasked("calibration"))).lines
    assert lines[0].text == "gap (overall): the whole interval is beyond the bound"
    assert lines[1].text == "it needs a model that writes text"


def test_every_problem_of_a_policy_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(
        'alpha = "x"\ncolour = 1\n[[criteria]]\nprobe = "group_gap"\nbound = nan\n'
        '[[waivers]]\nprobe = "group_gap"\nreason = ""\nowner = "us"\nexpires = "soon"\n'
    )
    with pytest.raises(UsageError) as raised:
        read_policy(path)
    told = "\n".join(raised.value.problems)
    for words in ("alpha: input", "colour: there is no", "criteria 1 measurement: field required"):
        assert words in told
    for words in ("criteria 1 bound", "waivers 1 reason", "waivers 1 expires"):
        assert words in told


def test_unknown_probes_and_double_bounds_are_told(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    one = '[[criteria]]\nprobe = "group_gap"\nmeasurement = "gap"\nbound = 1\n'
    path.write_text(f'required = ["grup_gap", "mine"]\n{one}{one}')
    with pytest.raises(UsageError) as raised:
        read_policy(path, ["mine"])
    assert [problem.rpartition(": ")[2] for problem in raised.value.problems] == [
        "no probe is called 'grup_gap'; did you mean group_gap or ranking_gap?",
        "group_gap gap (each) is bounded twice",
    ]


def test_a_good_policy_is_read_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(
        'inconclusive = "warn"\nrequired = ["calibration"]\n[[criteria]]\nprobe = "group_gap"\n'
        'measurement = "gap"\nbound = 0.2\n[[waivers]]\nprobe = "calibration"\nreason = "r"\nowner = "o"\n'
        "expires = 2027-01-01\n"
    )
    read = read_policy(path)
    assert read.demanded == ("calibration", "group_gap")
    (criterion,) = read.criteria_for("group_gap", [replace(GATE, floor="noise", direction="within")])
    assert (criterion.bound, criterion.direction, criterion.floor) == (0.2, "within", "noise")
    assert read.criteria_for("other", [GATE]) == (GATE,)
