"""Lists that ChatGPT really wrote, from the published table to judged findings."""

import csv
import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
REAL = os.environ.get("RECAUDIT_DATA")
real_data = pytest.mark.skipif(not REAL, reason="RECAUDIT_DATA names no folder with the real data")


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """The benchmark script as a module."""
    spec = importlib.util.spec_from_file_location("chatgpt_lists", ROOT / "benchmarks" / "chatgpt_lists.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    # Its dataclass looks itself up by name while it is being made.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "chatgpt_lists", module)
        spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("answer", "titles"),
    [
        (
            '- "Inception" - Action|Sci-Fi\n- Star Wars: Episode IV - A New Hope - Sci-Fi',
            ["Inception", "Star Wars: Episode IV - A New Hope"],
        ),
        ('"Zodiac (2007)" - Crime|Drama  ', ["Zodiac (2007)"]),
        ("Zodiac (2007) - Crime|Drama", ["Zodiac (2007)"]),
        (
            "- **Movie Recommendations:**\n1. Die Hard (1988) - Action\n2. Her - Drama",
            ["Die Hard (1988)", "Her"],
        ),
        ("- Movie title: Meet the Parents\n  Genre(s): Comedy", ["Meet the Parents"]),
        ("I am sorry, I cannot do that.", []),
    ],
)
def test_titles_are_told_from_genres_and_headings(
    benchmark: ModuleType, answer: str, titles: list[str]
) -> None:
    assert benchmark.titles_of(answer) == titles


def test_a_prompt_states_the_truth_or_its_opposite(benchmark: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    kinds = [benchmark.Prompt("random", "zero-shot", flag) for flag in (False, True)]
    row = {"userId": "7", "gender": "Male", "age_group": "Mid Adult (>32 yrs)"}
    for kind in kinds:
        row |= {
            kind.column(stated): f'- "Film {stated} {kind.counterfactual}" - X' for stated in benchmark.STATED
        }
    del row[kinds[0].column("no_info")]
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, row)
        table.writeheader()
        table.writerow(row)
    true, opposite = (list(benchmark.entries(path, kind)) for kind in kinds)
    assert [one["title"] for one in true] == [
        f"Film {stated} False" for stated in ("gender", "age-group", "intersectional")
    ]
    assert (true[-1]["gender"], true[-1]["age_group"]) == ("man", "over 32")
    assert len(opposite) == 4 and "gender" not in opposite[0]
    assert (opposite[-1]["gender"], opposite[-1]["age_group"]) == ("woman", "32 or younger")


@real_data
def test_films_that_came_after_the_catalogue_are_found(benchmark: ModuleType, tmp_path: Path) -> None:
    assert REAL is not None
    published = Path(REAL) / benchmark.FILE
    if not published.is_file():
        pytest.skip("RECAUDIT_DATA holds no llm_outputs/chatgpt_80users")
    prompt = benchmark.Prompt("recent-frequent", "zero-shot", False)
    assert benchmark.write_table(published, prompt, tmp_path / "lists.csv") > 900
    record = benchmark.audited(tmp_path / "lists.csv", tmp_path / "run", Path(REAL) / "ml-1m")
    assert record.model.settings["users_in_the_data"] == 80 and record.data.split_counts["held_out"] == 80
    found = {finding.probe: finding for finding in record.findings}
    assert found["out_of_catalog"].verdict == "fail"
    (rate,) = [row for row in found["out_of_catalog"].measurements if row.name == "out_of_catalog_rate"]
    assert rate.low is not None and rate.low > 0.05 and rate.clusters == 80
    assert found["popularity_amplification"].measurements
    similar = [row for row in found["list_similarity"].measurements if row.name == "jaccard"]
    assert {row.group: row.clusters for row in similar if "gender" in row.group} == {
        "gender: man": 59,
        "gender: woman": 21,
    }
