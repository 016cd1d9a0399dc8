"""The sample record, loaded by path, as the tests' folders are no packages."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from recaudit.reports.record import AuditRecord


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    name = "reports_sample"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("sample.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def record(sample: ModuleType) -> AuditRecord:
    made: AuditRecord = sample.sample_record()
    return made
