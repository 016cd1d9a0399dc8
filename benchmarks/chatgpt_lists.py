"""What ChatGPT recommended to 80 MovieLens users, audited from its recorded lists.

    python benchmarks/chatgpt_lists.py [--data FOLDER] [--sample random] [--style zero-shot] ...
    python benchmarks/chatgpt_lists.py --write TABLE.csv [--counterfactual] ...

Reads the lists of three films published for 80 users of MovieLens 1M (the file's name says ml100k), one
column a prompt, and audits each kind of prompt by itself: how the shown films were chosen (``sample``), and
how many examples came first (``style``). A prompt states nothing of the user, the gender, the age group, or
both; with ``--counterfactual`` what is stated is the opposite of what is true. Those prompts were run anew,
so lists are compared only among themselves. Intervals hold at the printed level and count users.

The second form leaves the table of one kind of prompt for
``audit run --recorded TABLE.csv --data ml-1m --set attributes=gender,age_group``.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from recaudit.audit.config import AuditConfig
from recaudit.audit.runner import run
from recaudit.models.grounding import read_list
from recaudit.reports.record import AuditRecord

FILE = Path(
    "llm_outputs/chatgpt_80users/results/RecLLM_parsed_df_ml100k_fullInteraction_80users_nTrack10_lContext5_top3.csv"
)
SAMPLES = ("random", "frequent", "recent-frequent")
STYLES = ("zero-shot", "ICL-Few-shot-1", "ICL-Few-shot-2")
STATED = {
    "no_info": (),
    "gender": ("gender",),
    "age-group": ("age_group",),
    "intersectional": ("gender", "age_group"),
}
VALUES = {
    "gender": {"Male": "man", "Female": "woman"},
    "age_group": {"Early Adult (≤32 yrs)": "32 or younger", "Mid Adult (>32 yrs)": "over 32"},
}
PROBES = ("out_of_catalog", "popularity_amplification", "list_similarity")
NO_TITLE = re.compile(r"recommend(ed|ations?)\b.*:|^\W*genre\(s\):", re.IGNORECASE)
MARKER = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
K = 3


@dataclass(frozen=True)
class Prompt:
    """One kind of prompt; its four columns differ only in what they state of the user."""

    sample: str
    style: str
    counterfactual: bool

    def column(self, stated: str) -> str:
        """The published column in which this prompt states ``stated``."""
        start = f"recommendation_for_prompt_counterfact-{self.counterfactual}_sample-{self.sample}"
        return f"{start}_userDemo-{stated}_interact-{self.style}"


def titles_of(answer: str) -> list[str]:
    """The titles of one answer in the words it has them in; genres stand behind the last dash of a line."""
    lines = [line.replace("Movie title: ", "") for line in answer.splitlines() if not NO_TITLE.search(line)]
    return read_list("\n".join(_entry(line) for line in lines))


def _entry(line: str) -> str:
    title, genres, _ = line.rpartition(" - ")
    return f"- {MARKER.sub('', title)}" if genres else line


def entries(published: Path, prompt: Prompt) -> Iterator[dict[str, object]]:
    """One row an entry; an answer without titles is one row without one."""
    with published.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for stated, names in STATED.items():
                answer = row.get(prompt.column(stated))
                if answer is None:
                    continue
                told = {name: _told(name, row, prompt) for name in names}
                for rank, title in enumerate(titles_of(answer) or [""], 1):
                    yield {"user": row["userId"], "rank": rank, "title": title, **told}


def _told(name: str, row: Mapping[str, str], prompt: Prompt) -> str:
    """What the prompt says of the user: the truth, or the other value if it is counterfactual."""
    true = VALUES[name][row[name]]
    return next(value for value in VALUES[name].values() if (value != true) == prompt.counterfactual)


def write_table(published: Path, prompt: Prompt, path: Path) -> int:
    """Write the lists of one kind of prompt as a table of recorded lists; return its rows."""
    rows = list(entries(published, prompt))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["user", "gender", "age_group", "rank", "title"], restval="")
        table.writeheader()
        table.writerows(rows)
    return len(rows)


def audited(table: Path, out: Path, data: Path | None) -> AuditRecord:
    settings = {"path": str(table), "attributes": "gender,age_group"}
    return run(
        AuditConfig(
            model="recorded_lists",
            model_settings=settings,
            data="ml-1m",
            data_path=data,
            probes=PROBES,
            probe_settings={"out_of_catalog": {"k": str(K)}, "list_similarity": {"k": str(K)}},
            out=out,
        )
    )


def show(record: AuditRecord) -> None:
    for finding in record.findings:
        if not finding.measurements:
            print(f"  {finding.probe}: {finding.not_asked or finding.error}")
        for row in finding.measurements:
            if row.value is None or row.low is None or row.high is None:
                continue
            group = "" if row.group == "overall" else f" [{row.group}]"
            ends = f"{row.low:.3f} to {row.high:.3f}, {row.level:.1%}"
            print(f"  {row.name + group:48s} {row.value:7.3f} ({ends}) {row.unit}, {row.clusters} users")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("RECAUDIT_DATA"), help="folder of the data"
    )
    parser.add_argument("--write", type=Path, help="only write the table of the first kind of prompt")
    parser.add_argument("--sample", choices=SAMPLES, help="only this choice of films shown")
    parser.add_argument("--style", choices=STYLES, help="only this number of examples")
    parser.add_argument("--counterfactual", action="store_true", help="the prompts that state the opposite")
    asked = parser.parse_args()
    if asked.data is None:
        parser.error("say where the data lie: --data FOLDER, or RECAUDIT_DATA")
    prompts = [
        Prompt(sample, style, asked.counterfactual)
        for sample in SAMPLES
        for style in STYLES
        if asked.sample in (None, sample) and asked.style in (None, style)
    ]
    if asked.write:
        print(f"{prompts[0]}: {write_table(Path(asked.data) / FILE, prompts[0], asked.write)} rows")
        return
    for prompt in prompts:
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "lists.csv"
            rows = write_table(Path(asked.data) / FILE, prompt, table)
            print(f"{prompt.sample}, {prompt.style}, counterfactual {prompt.counterfactual}: {rows} rows")
            show(audited(table, Path(folder) / "run", Path(asked.data) / "ml-1m"))


if __name__ == "__main__":
    main()
