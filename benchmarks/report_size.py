"""How long a report takes, how large it is and how much memory it needs, by rows of evidence.

    python benchmarks/report_size.py 10000 100000 1000000

Each size is a run in a process of its own, whose probe keeps so many answers: evidence is written, read,
estimated, judged, and rendered in every format. Times are wall seconds on this machine; peak memory is of
the whole process.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from recaudit.models.planted.yes_no import PlantedYesNo
from recaudit.probes.base import Auditee, Criterion, Evidence, Exhibit, Measurement, Probe
from recaudit.probes.stats.intervals import mean_of_clusters


def model(log: object) -> PlantedYesNo:
    """Return an honest model; the probe below asks it nothing."""
    return PlantedYesNo(catalog=log.catalog)  # type: ignore[attr-defined]


@dataclass(frozen=True, kw_only=True)
class ManyAnswers(Probe):
    """Is the mean of very many answers small?"""

    rows: int = 1000
    groups: int = 200

    title: ClassVar[str] = "Many answers"

    def criteria(self) -> tuple[Criterion, ...]:
        """Every group's mean is small."""
        return (Criterion(measurement="mean", bound=0.5, direction="within"),)

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Make the answers up."""
        case = Exhibit(
            title="a case",
            left_label="before",
            right_label="after",
            left="x " * 500,
            right="y " * 500,
            answers=tuple((f"Item {item}", 0.1, 0.2) for item in range(10)),
            effect=0.1,
            kind="worst",
        )
        columns = {
            "cluster": np.sort(rng.integers(0, auditee.log.n_users, self.rows)),
            "group": np.array([f"group {number}" for number in range(self.groups)])[
                rng.integers(0, self.groups, self.rows)
            ],
            "answer": rng.normal(size=self.rows),
        }
        return Evidence(columns=columns, exhibits=(case,) * 6)

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """The mean of each group, over users."""
        rows = []
        for group in np.unique(evidence.columns["group"]):
            here = evidence.columns["group"] == group
            users, place = np.unique(evidence.columns["cluster"][here], return_inverse=True)
            means = np.bincount(place, evidence.columns["answer"][here]) / np.bincount(place)
            found = mean_of_clusters(means, alpha=alpha / self.groups)
            assert found is not None
            rows.append(
                Measurement(
                    name="mean",
                    value=found.value,
                    low=found.low,
                    high=found.high,
                    level=1 - 2 * alpha,
                    method=found.method,
                    n=int(here.sum()),
                    clusters=len(users),
                    unit="points",
                    better="zero",
                    group=str(group),
                )
            )
        return rows


def measure(rows: int, folder: Path) -> dict[str, float]:
    """Run one audit of that size and render it; seconds, megabytes."""
    from recaudit.audit.checks import read_config
    from recaudit.audit.runner import conduct, write_reports
    from recaudit.audit.verify import verify

    here = f"{__file__}:"
    flags = {"model": f"{here}model", "data": "world-tiny", "probes": [f"{here}ManyAnswers"]}
    settings = [f"many_answers.rows={rows}"]
    started = time.perf_counter()
    run = conduct(read_config({**flags, "out": folder / "run"}, settings, environment={}), command="bench")
    audited = time.perf_counter()
    record = run.read_record()
    paths = write_reports(run, record, ("html",))
    rendered = time.perf_counter()
    write_reports(run, record, ("markdown", "junit", "sarif", "table", "model_card"))
    others = time.perf_counter()
    assert verify(record, evidence=run.path).exit_code == 0
    return {
        "audit and first report, s": audited - started,
        "html again, s": rendered - audited,
        "other formats, s": others - rendered,
        "verify, s": time.perf_counter() - others,
        "html, MB": Path(paths["html"]).stat().st_size / 1e6,
        "record, MB": run.record_path.stat().st_size / 1e6,
        "evidence, MB": next((run.path / "evidence").iterdir()).stat().st_size / 1e6,
        "peak memory, GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def main(sizes: list[int]) -> None:
    """Print one line a size."""
    for size in sizes:
        with tempfile.TemporaryDirectory() as scratch:
            words = [sys.executable, __file__, "--one", str(size), scratch]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        print(f"{size:>10,} rows: " + ", ".join(f"{name} {value:.3g}" for name, value in found.items()))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        import os

        os.environ["RECAUDIT_CACHE"] = sys.argv[3] + "/cache"
        print(json.dumps(measure(int(sys.argv[2]), Path(sys.argv[3]))))
    else:
        main([int(word) for word in sys.argv[1:]] or [10_000, 1_000_000])
