"""The same gate inside the test suite."""

from collections.abc import Mapping

import pytest
from recaudit.audit.pytest_plugin import assert_verdict
from recaudit.reports.record import FindingRecord


@pytest.mark.audit(model="recommend.py:build", data="world-tiny", probes="out_of_catalog")
def test_titles_exist(findings: Mapping[str, FindingRecord]) -> None:
    """What it writes can be had."""
    assert_verdict(findings["out_of_catalog"])
