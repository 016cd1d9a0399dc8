"""Audits inside a test suite: a marker that says what to audit, and an assertion that says why it failed.

::

    @pytest.mark.audit(model="shop/recommend.py:build", data="table", data_path="likes.csv")
    def test_order(findings):
        assert_verdict(findings["order_bias"])

The audit of a marker is done once a session, however many tests bear it; under pytest-xdist with
``--dist loadgroup`` they all go to one worker. The evidence and the report lie in pytest's own folder for
temporary files and are named where an assertion fails.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..probes.base import State
    from ..reports.record import AuditRecord, FindingRecord

MARKER = "audit"
ARGUMENTS = ("model", "data", "data_path", "probes", "skip", "suite", "seed", "settings", "policy")
Audit = Callable[..., "AuditRecord"]


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker."""
    said = f"{MARKER}({', '.join(ARGUMENTS)}): audit a recommender; its findings are the fixture `findings`"
    config.addinivalue_line("markers", said)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of one audit share a worker where pytest-xdist groups tests."""
    for item in items:
        marker = item.get_closest_marker(MARKER)
        if marker is not None and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(f"recaudit {_key(marker.kwargs)}"))


@pytest.fixture(scope="session")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """Return a function that audits a recommender and gives the record; the same audit is done once.

    Its arguments are those of the marker: ``model`` (a name, ``module:attribute``, ``file.py:attribute``,
    or a function that takes the interactions and returns a recommender), ``data``, ``data_path``,
    ``probes``, ``skip``, ``suite``, ``seed``, ``settings`` (as ``--set``: ``{"order_bias.n_users": 50}``)
    and ``policy``.
    """
    done: dict[str, AuditRecord] = {}

    def run(
        *,
        model: str | Callable[..., object],
        data: str | None = None,
        data_path: str | Path | None = None,
        probes: str | Sequence[str] = (),
        skip: str | Sequence[str] = (),
        suite: str | None = None,
        seed: int | None = None,
        settings: Mapping[str, object] | None = None,
        policy: str | Path | None = None,
    ) -> AuditRecord:
        flags: dict[str, Any] = {
            "model": model if isinstance(model, str) else _place_of(model),
            "data": data,
            "data_path": data_path,
            "probes": probes,
            "skip": skip,
            "suite": suite,
            "seed": seed,
            "policy": policy,
        }
        key = _key({**flags, "settings": settings})
        if key not in done:
            folder = tmp_path_factory.mktemp("audit", numbered=True) / "run"
            done[key] = _audited({**flags, "out": folder}, settings or {})
        return done[key]

    return run


@pytest.fixture
def findings(request: pytest.FixtureRequest, audit: Audit) -> Mapping[str, FindingRecord]:
    """Return the findings of the test's ``audit`` marker, by probe."""
    marker = request.node.get_closest_marker(MARKER)
    if marker is None or marker.args:
        pytest.fail(f"`findings` needs @pytest.mark.audit(...) with {', '.join(ARGUMENTS)}", pytrace=False)
    record = audit(**marker.kwargs)
    return {finding.probe: finding for finding in record.findings}


def assert_verdict(finding: FindingRecord, *allowed: State) -> None:
    """Fail the test unless the finding's verdict is one of these; "pass" where none is named.

    The message gives every judged row with its estimate, interval and bound.
    """
    __tracebackhide__ = True
    wanted = allowed or ("pass",)
    if finding.verdict not in wanted:
        pytest.fail(explained(finding, wanted), pytrace=False)


def explained(finding: FindingRecord, wanted: Sequence[str]) -> str:
    """Why a finding is not what was wanted, row by row."""
    lines = [f"{finding.probe}: {finding.verdict}, wanted {' or '.join(wanted)}", finding.text.question]
    for verdict in finding.verdicts:
        own = verdict.criterion
        sign = {"at_most": "at most ", "at_least": "at least ", "within": "within ±"}[own.direction]
        for row in finding.measurements:
            if row.name == own.measurement and own.group in ("each", row.group):
                where = row.name if row.group == "overall" else f"{row.name} ({row.group})"
                lines.append(
                    f"  {where}: {_estimate(row)}; {own.role} {sign}{own.bound:g}, {row.clusters} users"
                )
        lines.append(f"  -> {verdict.state} ({verdict.group}): {verdict.reason}")
    lines += [text for text in (finding.not_asked, finding.error) if text]
    return "\n".join(lines)


def _estimate(row: Any) -> str:
    if row.value is None or row.low is None:
        return "not estimable"
    if row.high is None:
        return f"{row.value:.4g} ({row.low:.4g} or more) {row.unit}"
    return f"{row.value:.4g} ({row.low:.4g} to {row.high:.4g}) {row.unit}"


def _audited(flags: Mapping[str, Any], settings: Mapping[str, object]) -> AuditRecord:
    from .checks import read_config
    from .errors import DESCRIBED
    from .runner import conduct

    pairs = [f"{name}={value}" for name, value in settings.items()]
    try:
        config = read_config(flags, pairs, environment={})
        folder = conduct(config, command="pytest")
    except DESCRIBED as problem:
        pytest.fail(f"the audit cannot be done: {problem}", pytrace=False)
    record = folder.read_record()
    print(f"audit report: {folder.path / 'report.html'}")
    return record


def _place_of(model: Callable[..., object]) -> str:
    """Where a function is defined, as a name that can be imported again."""
    name = getattr(model, "__qualname__", "")
    if not name.isidentifier():
        pytest.fail("model must be a function or class at the top of a module, or its name", pytrace=False)
    return f"{inspect.getfile(model)}:{name}"


def _key(arguments: Mapping[str, Any]) -> str:
    return json.dumps(dict(arguments), sort_keys=True, default=_named)


def _named(value: object) -> str:
    return str(getattr(value, "__qualname__", value))
