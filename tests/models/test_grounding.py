"""Written titles against a catalogue: what they mean, and what they must never be taken for."""

import csv
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.models.data import Catalog, DataError
from recaudit.models.datasets.world import load
from recaudit.models.grounding import Grounder, choose_threshold, misspell, read_list

TITLES = (
    "Toy Story (1995)",
    "Toy Story 2 (1999)",
    "Matrix, The (1999)",
    "Sabrina (1954)",
    "Sabrina (1995)",
    "Rocky II (1979)",
    "Godfather: Part II, The (1974)",
    "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
    "Seven (a.k.a. Se7en) (1995)",
    "Beauty & the Beast",
    "Blade Runner 2049 (2017)",
    "Island, The (2005)",
    "Quiet Harbour (1990)",
    "Quiet Harbours (1990)",
)


def catalog_of(titles: tuple[str, ...], years: tuple[int, ...] = ()) -> Catalog:
    n = len(titles)
    return Catalog(
        ids=tuple(map(str, range(n))),
        titles=titles,
        years=np.array(years or (0,) * n),
        genres=((),) * n,
    )


@pytest.fixture(scope="module")
def grounder() -> Grounder:
    return Grounder(catalog_of(TITLES))


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("toy story", "Toy Story (1995)"),
        ("TOY STORY (1995)", "Toy Story (1995)"),
        ("Toy Story 2", "Toy Story 2 (1999)"),
        ("The Matrix", "Matrix, The (1999)"),
        ("Matrix", "Matrix, The (1999)"),
        ("The Matrix (1999) - Action|Sci-Fi", "Matrix, The (1999)"),
        ("Sabrina (1954)", "Sabrina (1954)"),
        ("Rocky 2", "Rocky II (1979)"),
        ("The Godfather: Part Two", "Godfather: Part II, The (1974)"),
        ("La cite des enfants perdus", TITLES[7]),
        ("The City of Lost Children (1995)", TITLES[7]),
        ("Se7en", TITLES[8]),
        ("Beauty and the Beast", "Beauty & the Beast"),
        ("Beauty and the Beast (1991)", "Beauty & the Beast"),
        ("blade runner 2049", "Blade Runner 2049 (2017)"),
        (unicodedata.normalize("NFD", "Cité des enfants perdus, La"), TITLES[7]),
        ("Ｔｏｙ Ｓｔｏｒｙ", "Toy Story (1995)"),
    ],
)
def test_the_same_words_are_the_same_item(grounder: Grounder, text: str, title: str) -> None:
    (found,) = grounder.ground([text])
    assert (found.state, found.item) == ("exact", TITLES.index(title))


@pytest.mark.parametrize("text", ["Toy Stroy", "Tooy Story (1995)", "Toy Storry"])
def test_a_misspelt_title_is_grounded(grounder: Grounder, text: str) -> None:
    (found,) = grounder.ground([text])
    assert (found.state, found.item) == ("grounded", 0)
    assert found.runner_up < found.score < 1


@pytest.mark.parametrize(
    "text",
    [
        "Toy Story 7",
        "Toy Story 3 (2010)",
        "Toy Story (1996)",
        "The Matrix (2003)",
        "Rocky III",
        "Rocky",
        "Blade Runner",
        "The Godfather: Part III",
        "Toy Soldiers",
        "The Great Silence of Nobody",
        "Some Film That Nobody Made (Toy Story)",
    ],
)
def test_near_misses_are_no_item(grounder: Grounder, text: str) -> None:
    (found,) = grounder.ground([text])
    assert (found.state, found.item) == ("not_an_item", None)


def test_what_fits_two_items_is_ambiguous(grounder: Grounder) -> None:
    remake, near = grounder.ground(["Sabrina", "Quiet Harbourz"])
    assert remake.state == "ambiguous" and remake.item is None
    assert near.state == "ambiguous" and near.score - near.runner_up < grounder.margin


def test_without_words_nothing_is_parsed(grounder: Grounder) -> None:
    assert {found.state for found in grounder.ground(["", "  ", "?!", "\U000e0041\U000e0042"])} == {
        "unparsed"
    }


def test_a_year_of_the_catalogue_counts_where_the_title_has_none() -> None:
    grounder = Grounder(catalog_of(("Heat", "Heat"), (1972, 1995)))
    first, second, either = grounder.ground(["Heat (1972)", "Heat (1995)", "Heat"])
    assert (first.item, second.item, either.state) == (0, 1, "ambiguous")
    assert Grounder(catalog_of(("Heat",), (1995,)), year_slack=1).ground(["Heat (1996)"])[0].item == 0


def test_articles_tell_titles_apart_only_where_both_exist() -> None:
    grounder = Grounder(catalog_of(("Island, The", "Island")))
    assert [found.item for found in grounder.ground(["The Island", "Island", "An Island"])] == [0, 1, None]


words = st.text(alphabet="abcde ", min_size=4, max_size=12).filter(lambda text: len(text.split()) > 0)


@settings(max_examples=60, deadline=None)
@given(st.lists(words, min_size=1, max_size=8, unique_by=lambda text: " ".join(text.split())), words)
def test_scores_equal_brute_force(titles: list[str], text: str) -> None:
    (found,) = Grounder(catalog_of(tuple(titles))).ground([text])
    own, others = " ".join(text.split()), [" ".join(title.split()) for title in titles]
    scores = sorted((1 - _osa(own, other) / max(len(own), len(other)) for other in others), reverse=True)
    if found.state == "exact":
        assert own in others or own.removeprefix("a ") in [other.removeprefix("a ") for other in others]
    elif (found.state != "ambiguous" or found.score < 1) and abs(scores[0] - 0.6) > 1e-9:
        assert found.score == pytest.approx(scores[0] if scores[0] > 0.6 else 0)


def _osa(a: str, b: str) -> int:
    """Optimal string alignment by its recursion."""
    d = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    d[:, 0], d[0] = range(len(a) + 1), range(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            cost = int(a[i - 1] != b[j - 1])
            d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + cost)
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                d[i, j] = min(d[i, j], d[i - 2, j - 2] + 1)
    return int(d[-1, -1])


def test_order_and_repetition_change_nothing(grounder: Grounder) -> None:
    texts = ["Toy Stroy", "Sabrina", "Toy Story 7", "Rocky 2", "Toy Stroy"]
    found = grounder.ground(texts)
    assert grounder.ground(texts[::-1]) == found[::-1]
    assert [grounder.ground([text])[0] for text in texts] == found


@pytest.mark.parametrize("world", ["world-tiny", "world"])
def test_typos_are_known_and_made_up_titles_are_not(world: str) -> None:
    catalog, rng = load(world).catalog, np.random.default_rng(5)
    tuning = choose_threshold(catalog, rng=rng, false_ground_rate=0.01)
    assert tuning.false_grounds <= 0.01 and tuning.typos_grounded >= 0.95
    grounder = Grounder(catalog, threshold=tuning.threshold)
    typos = grounder.ground([misspell(title, rng=rng) for title in catalog.titles])
    right = [found.item == item for item, found in enumerate(typos)]
    assert np.mean(right) >= 0.95
    sequels = [f"{title.split(' (')[0]} 7" for title in catalog.titles]
    remakes = [f"{title.split(' (')[0]} (1925)" for title in catalog.titles]
    assert {found.state for found in grounder.ground(sequels + remakes)} == {"not_an_item"}


def test_a_stricter_rate_raises_the_threshold() -> None:
    catalog = load("world").catalog
    low, high = (
        choose_threshold(catalog, rng=np.random.default_rng(1), false_ground_rate=rate)
        for rate in (0.1, 0.002)
    )
    assert low.threshold < high.threshold and low.false_grounds > high.false_grounds
    again = choose_threshold(catalog, rng=np.random.default_rng(1), false_ground_rate=0.1)
    assert again == low


def test_bad_settings_are_refused() -> None:
    with pytest.raises(DataError, match="threshold"):
        Grounder(catalog_of(TITLES), threshold=0.5)
    with pytest.raises(DataError, match="20 items"):
        choose_threshold(catalog_of(TITLES), rng=np.random.default_rng(0))


def test_misspelling_spares_numbers_and_brackets() -> None:
    rng = np.random.default_rng(3)
    for _ in range(100):
        text = misspell("Toy Story 2 (1999)", rng=rng)
        assert text.endswith(" 2 (1999)") and 14 < len(text) < 22
    assert misspell("9 (2009)", rng=rng) == "9 (2009)"


@pytest.mark.parametrize(
    ("answer", "titles"),
    [
        ("1. Heat (1995)\n2. 12 Monkeys (1995)", ["Heat (1995)", "12 Monkeys (1995)"]),
        ("Sure! Here are some:\n- Heat\n- Alien", ["Heat", "Alien"]),
        ('- "Heat" - Crime|Drama\n- "Alien (1979)" - Horror', ["Heat", "Alien (1979)"]),
        ('1. **"Heat"** (1995): a duel', ["Heat (1995)"]),
        ("1) Heat (1995) - a duel between two men", ["Heat (1995)"]),
        ("[1. Heat], \n[2. Alien].", ["Heat", "Alien"]),
        ("Heat\nAlien", ["Heat", "Alien"]),
        ("300: Rise of an Empire\n12 Monkeys", ["300: Rise of an Empire", "12 Monkeys"]),
        ("I am sorry, but I cannot help with that.", []),
        ("", []),
    ],
)
def test_lists_are_read(answer: str, titles: list[str]) -> None:
    assert read_list(answer) == titles


def test_a_real_catalogue_is_its_own_oracle() -> None:
    root = Path(os.environ.get("RECAUDIT_DATA", "")) / "ml-latest-small" / "movies.csv"
    if "RECAUDIT_DATA" not in os.environ or not root.exists():
        pytest.skip("RECAUDIT_DATA with ml-latest-small is not set")
    with root.open(encoding="utf-8", newline="") as lines:
        titles = tuple(row["title"] for row in csv.DictReader(lines))
    grounder = Grounder(catalog_of(titles))
    found = grounder.ground(titles)
    assert {answer.state for answer in found} <= {"exact", "ambiguous"}
    exact = [answer.item == item for item, answer in enumerate(found) if answer.state == "exact"]
    assert all(exact) and len(exact) > 0.995 * len(titles)
    tuning = choose_threshold(grounder.catalog, rng=np.random.default_rng(0), false_ground_rate=0.02)
    assert tuning.false_grounds <= 0.02 and tuning.typos_grounded > 0.75
