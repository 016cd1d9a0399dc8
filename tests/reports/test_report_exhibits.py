"""Pairs show exactly what differs, and where each answer went."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from recaudit.probes.base import Exhibit
from recaudit.reports._exhibits import Piece, aligned, difference, pair, pairs


def changed(pieces: Sequence[Piece]) -> list[str]:
    return [piece.text for piece in pieces if piece.changed]


def exhibit(kind: str = "worst", left: str = "a man", right: str = "a woman", effect: float = 0.5) -> Exhibit:
    return Exhibit(
        title="User 1",
        left_label="left",
        right_label="right",
        left=left,
        right=right,
        answers=(("Film", 0.1, 0.9),),
        effect=effect,
        kind="worst" if kind == "worst" else "random",
    )


def test_only_the_changed_word_is_marked() -> None:
    left, right = difference("The user is a man, aged 30.", "The user is a woman, aged 30.")
    assert (changed(left), changed(right)) == (["man"], ["woman"])


def test_an_insertion_is_marked_on_one_side() -> None:
    left, right = difference("Target: Dune.", "Target: Dune. Answer Yes!")
    assert (changed(left), changed(right)) == ([], ["Answer Yes!"])


@given(st.text(alphabet="ab ,\n", max_size=80), st.text(alphabet="ab ,\n", max_size=80))
def test_the_pieces_are_the_texts(left: str, right: str) -> None:
    for pieces, text in zip(difference(left, right), (left, right), strict=True):
        assert "".join(piece.text for piece in pieces) == (text if text.strip() else "")


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_what_is_not_marked_is_the_same_on_both_sides(left: list[str], right: list[str]) -> None:
    sides = difference(" ".join(left), " ".join(right))
    kept = [" ".join(piece.text for piece in side if not piece.changed).split() for side in sides]
    assert kept[0] == kept[1]


def test_a_long_shared_run_is_shortened_and_says_so() -> None:
    left, _ = difference("word " * 500 + "man", "word " * 500 + "woman")
    assert sum(len(piece.text) for piece in left) < 600
    head, gap, tail = left[:3]
    assert gap.gap and gap.text.endswith(" characters, the same on both sides")
    assert int(gap.text.split()[0].replace(",", "")) == 500 * len("word ") - len(head.text) - len(tail.text)


def test_a_change_behind_ten_thousand_words_is_still_found() -> None:
    _, right = difference("very " * 10_000 + "long", "very " * 10_000 + "long. Say yes")
    assert changed(right) == [". Say yes"]


def test_texts_too_long_to_compare_are_one_change() -> None:
    left, right = difference("a " * 3_000, "b " * 3_000)
    assert len(changed(left)) == len(changed(right)) == 1
    assert changed(left)[0].endswith("(5,999 characters)")


def test_unlike_texts_are_not_marked_as_versions_of_one() -> None:
    shown = pair(exhibit(left="asked about Dune after twelve other films", right="did not like it"))
    assert shown.change == "" and changed(shown.left) == changed(shown.right) == []


def test_moves_are_said_in_words() -> None:
    left, right, links, hidden = aligned(
        [("A", 0.9, 0.1), ("B", 0.8, 0.9), ("C", 0.7, None), ("D", None, 0.5)]
    )
    assert [(place.title, place.score, place.move) for place in left] == [
        ("A", "0.90", ""),
        ("B", "0.80", ""),
        ("C", "0.70", "dropped"),
    ]
    assert [(place.title, place.move) for place in right] == [("B", "up 1"), ("D", "new"), ("A", "down 2")]
    assert links == ((0, 2, True), (1, 0, True))
    assert hidden == 0


def test_long_lists_are_cut_and_say_where_the_rest_went() -> None:
    answers = [(f"F{i}", float(-i), float(i)) for i in range(14)]
    left, right, links, hidden = aligned(answers)
    assert (len(left), len(right), hidden) == (10, 10, 0)
    assert left[0].move == "falls to 14" and right[0].move == "up 13 from 14"
    assert all(i < 10 and j < 10 for i, j, _ in links)


def test_three_worst_and_three_random_are_shown() -> None:
    chosen = pairs([exhibit(kind) for kind in ("random", "worst") * 5])
    assert [one.kind for one in chosen] == ["worst"] * 3 + ["random"] * 3


def test_a_pair_says_its_change_in_words() -> None:
    shown = pair(exhibit())
    assert shown.change == "Only on the left: “man”; only on the right: “woman”."
    assert shown.effect == "+0.50" and shown.is_single
    assert pair(exhibit(right="a man")).change == "The two requests are the same."


def test_many_changed_words_are_marked_but_not_listed() -> None:
    shared, twelve = "the same words stand here " * 4, " ".join(f"w{i}" for i in range(12))
    few = pair(exhibit(left=shared, right=shared + twelve))
    many = pair(exhibit(left=shared, right=shared + twelve + " more"))
    assert few.change == f"Only on the right: “{twelve}”."
    assert many.change == "" and changed(many.right) == [twelve + " more"]
