"""The published JSON Schema is the one that records have, and holds for a real record."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
from recaudit.reports.record import AuditRecord, from_json, json_schema, to_json

PUBLISHED = files("recaudit.reports") / "record.schema.json"


def test_the_published_schema_is_up_to_date() -> None:
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == json_schema()


def test_a_record_satisfies_the_published_schema(record: AuditRecord) -> None:
    schema = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(to_json(record)), schema)


def test_the_schema_refuses_an_unknown_verdict(record: AuditRecord) -> None:
    broken = json.loads(to_json(record))
    broken["findings"][0]["verdict"] = "certified"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, json_schema())


def test_a_record_survives_its_file(record: AuditRecord) -> None:
    assert to_json(from_json(to_json(record))) == to_json(record)
