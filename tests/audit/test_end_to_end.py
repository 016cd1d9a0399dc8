"""The main job with real training: what is planted is found with its sign, and an honest world is left alone.

These runs train a model each, so they show direction and firing only; the rates of every probe's estimate
are held by its own tests over hundreds of seeds.
"""

from pathlib import Path

import pytest
from recaudit.audit.config import AuditConfig
from recaudit.audit.runner import run
from recaudit.reports.record import AuditRecord, FindingRecord

PLANTED, HONEST = "world", "world-honest"


def audited(data: str, seed: int, out: Path, *, probes: tuple[str, ...]) -> AuditRecord:
    settings = {"users": "2500"}
    return run(
        AuditConfig(model="tallrec", data=data, data_options=settings, seed=seed, probes=probes, out=out)
    )


def shift(record: AuditRecord) -> tuple[FindingRecord, float]:
    (finding,) = [one for one in record.findings if one.probe == "counterfactual_shift"]
    (row,) = [row for row in finding.measurements if row.name == "shift" and row.group.startswith("gender")]
    assert row.value is not None
    return finding, row.value if row.group == "gender: woman vs man" else -row.value


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECAUDIT_CACHE", str(tmp_path / "cache"))


def test_a_planted_attribute_effect_is_found(tmp_path: Path) -> None:
    record = audited(PLANTED, 0, tmp_path / "run", probes=("counterfactual_shift", "out_of_catalog"))
    finding, size = shift(record)
    assert finding.verdict == "fail" and size > 0.1
    assert record.findings[-1].verdict == "not_applicable" and "cannot name" in record.findings[-1].not_asked
    page = (tmp_path / "run" / "report.html").read_text()
    assert "gender: woman vs man" in page and "attribute effect" in page


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_paired_worlds_are_told_apart(seed: int, tmp_path: Path) -> None:
    probes = ("counterfactual_shift", "group_gap")
    planted, honest = (audited(data, seed, tmp_path / data, probes=probes) for data in (PLANTED, HONEST))
    (finding, size), (silent, none) = shift(planted), shift(honest)
    assert finding.verdict == "fail" and silent.verdict != "fail"
    assert size > abs(none)
    assert honest.findings[-1].verdict != "fail"
