"""What machines read of an audit: each verdict lands where its format puts it, and nothing passes unseen."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
from recaudit.reports import junit, model_card, sarif, table
from recaudit.reports._reading import in_order
from recaudit.reports.record import AuditRecord

FORMATS: list[Any] = [junit, sarif, table, model_card]
SHAPES = {"fail": "failure", "invalid": "failure", "error": "error", "pass": None}


@pytest.fixture(scope="module")
def every_state(record: AuditRecord) -> AuditRecord:
    """The sample with a broken and an invalid check besides."""
    first = record.findings[0]
    broken = replace(
        first, probe="broken", verdict="error", error="no such file", measurements=(), verdicts=()
    )
    return replace(record, findings=(*record.findings, broken), status="partial")


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_record_gives_the_same_bytes(format: Any, every_state: AuditRecord) -> None:
    text = format.render(every_state)
    assert text == format.render(every_state) and text.endswith("\n")


@pytest.mark.parametrize("format", FORMATS)
def test_hostile_text_stays_text(format: Any, every_state: AuditRecord, sample: ModuleType) -> None:
    text = format.render(every_state)
    for hidden in ("\u202e", "\x00", "\x1b", "\x07"):
        assert hidden not in text
    assert sample.ENDLESS not in text


def test_junit_counts_what_a_reader_would(every_state: AuditRecord) -> None:
    root = ElementTree.fromstring(junit.render(every_state))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert len(cases) == len(every_state.findings) == int(root.get("tests", 0))
    for check in in_order(every_state):
        kinds = {child.tag for child in cases[check.finding.probe]} - {"system-out"}
        assert kinds == {SHAPES.get(check.state, "skipped")} - {None}, check.state
    states = [check.state for check in in_order(every_state)]
    assert int(root.get("failures", 0)) == states.count("fail") + states.count("invalid")
    assert int(root.get("errors", 0)) == 1


def test_junit_fails_the_inconclusive_where_the_policy_does(record: AuditRecord) -> None:
    undecided = sum(finding.verdict == "inconclusive" for finding in record.findings)
    assert undecided

    def failures(policy: dict[str, Any]) -> int:
        root = ElementTree.fromstring(junit.render(replace(record, policy=policy)))
        return int(root.get("failures", 0))

    lenient = failures({"alpha": 0.05, "inconclusive": "warn"})
    assert failures({"alpha": 0.05}) == lenient + undecided == failures({}) + undecided


def test_sarif_keeps_to_the_rules_of_kind_and_level(every_state: AuditRecord) -> None:
    run = json.loads(sarif.render(every_state))["runs"][0]
    states = {check.finding.probe: check.state for check in in_order(every_state)}
    assert {result["ruleId"] for result in run["results"]} == states.keys() - {"broken"}
    for result in run["results"]:
        kind, level = result["kind"], result["level"]
        assert level == "none" or kind == "fail"
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        if states[result["ruleId"]] == "inconclusive":
            assert (kind, level) == ("open", "none")
    (invocation,) = run["invocations"]
    assert not invocation["executionSuccessful"]
    assert "no such file" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_sarif_prints_are_those_of_the_check_and_not_of_the_run(record: AuditRecord) -> None:
    def prints(of: AuditRecord) -> list[str]:
        results = json.loads(sarif.render(of))["runs"][0]["results"]
        return [result["partialFingerprints"]["recauditCheck/v1"] for result in results]

    assert prints(record) == prints(replace(record, id="another", seed=7))
    assert len(set(prints(record))) == len(prints(record))
    assert set(map(len, prints(record))) == {len(hashlib.sha256().hexdigest())}


def test_sarif_is_valid_by_its_models(every_state: AuditRecord) -> None:
    from sarif_pydantic import Sarif  # type: ignore[import-untyped]

    assert len(Sarif.model_validate_json(sarif.render(every_state)).runs) == 1


def test_sarif_is_valid_by_the_official_schema(every_state: AuditRecord) -> None:
    import jsonschema

    path = os.environ.get("SARIF_SCHEMA")
    if not path:
        pytest.skip("SARIF_SCHEMA names no copy of the official sarif-schema-2.1.0.json")
    schema = json.loads(Path(path).read_text(encoding="utf-8"))
    jsonschema.validators.validator_for(schema)(schema).validate(json.loads(sarif.render(every_state)))


def test_the_table_holds_every_row_in_full(record: AuditRecord) -> None:
    lines = list(csv.DictReader(io.StringIO(table.render(record))))
    rows = {
        (finding.probe, row.name, row.group): row
        for finding in record.findings
        for row in finding.measurements
    }
    measured = [line for line in lines if line["measurement"]]
    assert len(measured) == len(rows) and len(lines) > len(measured), "what was not asked has a line too"
    for line in lines:
        assert not any(cell.startswith(("=", "@")) for cell in line.values())
    values = [float(line["value"]) for line in measured if line["value"]]
    assert sorted(values) == sorted(row.value for row in rows.values() if row.value is not None)
    assert all(line["note"] for line in lines if not line["measurement"])


def test_the_card_has_readable_metadata_and_the_verdicts(record: AuditRecord) -> None:
    from huggingface_hub import ModelCard

    card = ModelCard(model_card.render(record))
    found = sorted(result.metric_value for result in card.data.eval_results or ())
    assert found == sorted(
        check.row.value for check in in_order(record) if check.row and check.row.value is not None
    )
    assert card.data.model_name == record.model.name
    assert "## Trustworthiness audit" in card.text and "Limits" in card.text
