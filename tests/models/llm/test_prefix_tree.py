"""Trees of prompts hold every prompt, and have one node for each distinct beginning."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recaudit.models.llm._prefix_tree import PromptTree, grow_trees

prompts_of_few_words = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=30)


def path_to(tree: PromptTree, leaf: int) -> list[int]:
    seen = np.flatnonzero(tree.sees[leaf])
    return tree.tokens[seen[np.argsort(tree.depths[seen])]].tolist()


@given(prompts_of_few_words, st.integers(8, 60))
def test_each_prompt_is_read_back_from_its_leaf(prompts: list[list[int]], most: int) -> None:
    found = {}
    for tree in grow_trees(prompts, most_nodes=most):
        for prompt, leaf in zip(tree.prompts.tolist(), tree.leaves.tolist(), strict=True):
            found[prompt] = path_to(tree, leaf)
    assert found == dict(enumerate(prompts))


@given(prompts_of_few_words)
def test_a_tree_has_one_node_for_each_distinct_beginning(prompts: list[list[int]]) -> None:
    for tree in grow_trees(prompts, most_nodes=10_000):
        own = [prompts[prompt] for prompt in tree.prompts]
        beginnings = {tuple(prompt[: end + 1]) for prompt in own for end in range(len(prompt))}
        assert len(tree) == len(beginnings)


def test_prompts_that_share_little_are_kept_apart() -> None:
    trees = list(grow_trees([[1, 2, 3, 4], [1, 5, 6, 7], [1, 2, 3, 9]], most_nodes=100))
    assert sorted(sorted(tree.prompts.tolist()) for tree in trees) == [[0, 2], [1]]


@given(prompts_of_few_words, st.integers(8, 40))
def test_trees_keep_to_their_size(prompts: list[list[int]], most: int) -> None:
    assert all(len(tree) <= most for tree in grow_trees(prompts, most_nodes=most))


def test_variants_of_one_request_stay_in_one_tree() -> None:
    requests = [[first, *range(10, 20), last] for first in range(6) for last in (30, 31, 32)]
    for tree in grow_trees(requests, most_nodes=50):
        firsts = [requests[prompt][0] for prompt in tree.prompts]
        assert all(firsts.count(first) == 3 for first in firsts)


def test_no_prompts_no_trees() -> None:
    assert list(grow_trees([], most_nodes=10)) == []


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(ValueError, match="no last token"):
        list(grow_trees([[1], []], most_nodes=10))
