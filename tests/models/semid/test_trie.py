"""The tree of tuples allows exactly what some allowed item goes on with, and refuses all else."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recaudit.models.base import ModelError
from recaudit.models.semid._trie import Trie

SIZES = (3, 4, 2)
tuples = st.lists(st.tuples(*(st.integers(0, size - 1) for size in SIZES)), min_size=1, max_size=25)


def drawn(n_items: int, sizes: tuple[int, ...], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(0, size, n_items) for size in sizes], axis=1)


def state_of(trie: Trie, beginning: tuple[int, ...]) -> torch.Tensor:
    state = torch.zeros(1, dtype=torch.long)
    for level, code in enumerate(beginning):
        state = trie.advance(level, state, torch.tensor([code]))
    return state


def test_masks_are_those_of_the_library_on_a_thousand_beginnings() -> None:
    from transformers.generation.logits_process import PrefixConstrainedLogitsProcessor

    sizes = (32, 32, 32, 32)
    codes = drawn(2000, sizes)
    trie = Trie.of(codes, sizes)
    follow: dict[tuple[int, ...], set[int]] = {}
    for row in codes.tolist():
        for level, code in enumerate(row):
            follow.setdefault(tuple(row[:level]), set()).add(code)
    processor = PrefixConstrainedLogitsProcessor(lambda _, sent: sorted(follow[tuple(sent.tolist())]), 1)
    rng = np.random.default_rng(1)
    for level in range(4):
        beginnings = torch.from_numpy(codes[rng.integers(0, len(codes), 250), :level])
        scores = torch.from_numpy(rng.normal(size=(250, 32)))
        states = torch.zeros(250, dtype=torch.long)
        for place in range(level):
            states = trie.advance(place, states, beginnings[:, place])
        ours = torch.where(trie.legal(level, states), scores, -torch.inf)
        assert torch.equal(ours, processor(beginnings, scores))


@given(tuples)
def test_a_beginning_is_followed_by_what_some_item_goes_on_with(items: list[tuple[int, ...]]) -> None:
    trie = Trie.of(np.array(items), SIZES)
    assert len(trie) == len(set(items))
    for level, size in enumerate(SIZES):
        for rank, beginning in enumerate(sorted({item[:level] for item in items})):
            state = state_of(trie, beginning)
            assert state.tolist() == [rank]
            follows = {item[level] for item in items if item[:level] == beginning}
            assert trie.legal(level, state)[0].tolist() == [code in follows for code in range(size)]
            codes, below, real = trie.children(level, state)
            assert codes[real].tolist() == sorted(follows)
            assert set(codes[0].tolist()) == follows
            assert [trie.advance(level, state, code[None]).item() for code in codes[0]] == below[0].tolist()


@given(tuples)
def test_a_tuple_holds_all_its_items_and_no_other(items: list[tuple[int, ...]]) -> None:
    trie = Trie.of(np.array(items), SIZES)
    leaves = trie.states(torch.tensor(items)).tolist()
    for item, held in zip(items, trie.items(leaves), strict=True):
        assert held == tuple(place for place, other in enumerate(items) if other == item)


@given(tuples, st.data())
def test_a_list_leaves_the_tree_of_the_items_on_it(items: list[tuple[int, ...]], data: st.DataObject) -> None:
    drawn_list = st.lists(st.booleans(), min_size=len(items), max_size=len(items)).filter(any)
    allowed = np.array(data.draw(drawn_list))
    codes = np.array(items)
    narrowed, afresh = Trie.of(codes, SIZES).only(allowed), Trie.of(codes, SIZES, allowed=allowed)
    kept = sorted({item for item, may in zip(items, allowed, strict=True) if may})
    leaves = range(len(kept))
    assert len(narrowed) == len(afresh) == len(kept)
    assert narrowed.items(leaves) == afresh.items(leaves)
    assert (
        sorted(item for held in narrowed.items(leaves) for item in held) == np.flatnonzero(allowed).tolist()
    )
    assert narrowed.states(torch.tensor(kept)).tolist() == list(leaves)
    for gone in set(items) - set(kept):
        with pytest.raises(ModelError, match="no allowed item begins so"):
            narrowed.states(torch.tensor([gone]))


def test_lists_add_up() -> None:
    codes = np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0]])
    trie = Trie.of(codes, SIZES).only(np.array([True, True, False]))
    trie = trie.only(np.array([False, True, True]))
    assert trie.items(range(len(trie))) == [(1,)]


def test_a_tree_without_an_item_is_refused() -> None:
    codes, none = drawn(5, SIZES), np.zeros(5, dtype=np.bool_)
    with pytest.raises(ModelError, match="no item is allowed"):
        Trie.of(codes, SIZES, allowed=none)
    with pytest.raises(ModelError, match="no item is allowed"):
        Trie.of(codes, SIZES).only(none)
    with pytest.raises(ModelError, match="no item is allowed"):
        Trie.of(codes[:0], SIZES)


@given(st.integers(0, 2), st.sampled_from([-1, 10**6]), st.booleans())
def test_a_state_that_is_none_has_no_mask(level: int, state: int, tabled: bool) -> None:
    trie = Trie.of(drawn(20, SIZES), SIZES)
    trie = trie if tabled else replace(trie, tables=())
    for ask in (trie.legal, trie.children):
        with pytest.raises(ModelError, match="has no children"):
            ask(level, torch.tensor([0, state]))


def test_a_code_that_does_not_follow_is_refused() -> None:
    trie = Trie.of(np.array([[0, 1, 1], [2, 3, 0]]), SIZES)
    with pytest.raises(ModelError, match="code 1 does not follow at place 0 of row 1"):
        trie.advance(0, torch.zeros(2, dtype=torch.long), torch.tensor([2, 1]))


def test_tables_and_gathers_give_the_same_masks() -> None:
    sizes = (16, 8, 300)
    trie = Trie.of(drawn(3000, sizes), sizes)
    bare = replace(trie, tables=())
    assert len(trie.tables) > 0
    for level, starts in enumerate(trie.starts):
        states = torch.randint(0, len(starts) - 1, (50,), generator=torch.Generator().manual_seed(level))
        assert torch.equal(trie.legal(level, states), bare.legal(level, states))


def test_large_levels_have_no_table() -> None:
    sizes = (256, 256, 256)
    assert len(Trie.of(drawn(2000, sizes), sizes).tables) == 2


def test_a_tree_moves_as_a_whole() -> None:
    trie = Trie.of(drawn(20, SIZES), SIZES)
    moved = trie.to("meta")
    for before, after in zip(
        (trie.starts, trie.tokens, trie.tables), (moved.starts, moved.tokens, moved.tables), strict=True
    ):
        assert [array.shape for array in after] == [array.shape for array in before]
        assert {array.device.type for array in after} == {"meta"}


@pytest.mark.parametrize(
    ("codes", "allowed", "says"),
    [
        (np.array([[0, 1, 1], [0, 4, 0]]), None, r"item 1 has the codes \[0, 4, 0\]"),
        (np.array([[0, -1, 1]]), None, "item 0 has the codes"),
        (np.array([[0, 1]]), None, r"shape \(1, 2\) do not fit 3 places"),
        (np.array([0, 1, 1]), None, r"give \(n_items, L\)"),
        (np.array([[0, 1, 1]]), np.array([True, True]), "each of the 1 items"),
        (np.array([[0, 1, 1]]), np.array([1]), "yes or no"),
    ],
)
def test_what_does_not_fit_is_explained(codes, allowed, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        Trie.of(codes, SIZES, allowed=allowed)
