"""Beam search finds what trying out every tuple finds, and never leaves the tree."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recaudit.models.base import ModelError
from recaudit.models.semid._beam import Normalise, beam_search, legal_mass
from recaudit.models.semid._trie import Trie
from torch import nn

SIZES = (3, 4, 2)
USERS = 2
EVERY = list(product(*map(range, SIZES)))
catalogues = st.lists(st.sampled_from(EVERY), min_size=1, max_size=25)
Ranked = list[tuple[tuple[int, ...], float]]


@dataclass
class Table:
    """A network whose logits after each beginning are drawn for each user, or given for each place."""

    seed: int = 0
    given: tuple[list[int], ...] = ()
    asked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        drawn = torch.Generator().manual_seed(self.seed)
        self.rows = {
            beginning: torch.tensor([self.given[level]] * USERS).float()
            if self.given
            else torch.randn(USERS, size, generator=drawn)
            for level, size in enumerate(SIZES)
            for beginning in product(*map(range, SIZES[:level]))
        }

    @property
    def start(self) -> torch.Tensor:
        return self.rows[()]

    def step(self, level: int, tokens: torch.Tensor, parents: torch.Tensor) -> torch.Tensor:
        self.asked.append(len(tokens))
        width = len(tokens) // USERS
        return torch.stack([self.rows[tuple(own)][row // width] for row, own in enumerate(tokens.tolist())])

    def search(self, trie: Trie | None, beams: int, normalise: Normalise = "all") -> list[Ranked]:
        codes, scores = beam_search(
            self.start, self.step, trie, beams=beams, sizes=SIZES, normalise=normalise
        )
        return [
            list(zip(map(tuple, own), row, strict=True))
            for own, row in zip(codes.tolist(), scores.tolist(), strict=True)
        ]

    def plainly(
        self, user: int, tuples: list[tuple[int, ...]], beams: int, normalise: Normalise = "all"
    ) -> Ranked:
        """Sort all that goes on, keep the best, smaller codes first."""
        kept: Ranked = [((), 0.0)]
        for level in range(len(SIZES)):
            ahead: Ranked = []
            for beginning, score in kept:
                follows = sorted({one[level] for one in tuples if one[:level] == beginning})
                row = self.rows[beginning][user].double()
                norm = (row[follows] if normalise == "legal" else row).logsumexp(0)
                ahead += [((*beginning, code), score + float(row[code] - norm)) for code in follows]
            kept = sorted(ahead, key=lambda one: (-one[1], one[0]))[:beams]
        return kept


def assert_same(found: Ranked, expected: Ranked) -> None:
    assert [own for own, _ in found] == [own for own, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-5)


@given(catalogues, st.integers(0, 10**6), st.sampled_from(["all", "legal"]), st.integers(0, 30))
def test_beams_that_cover_the_catalogue_rank_it_as_trying_all_does(
    catalogue: list[tuple[int, ...]], seed: int, normalise: Normalise, spare: int
) -> None:
    table, distinct = Table(seed), sorted(set(catalogue))
    found = table.search(Trie.of(np.array(catalogue), SIZES), len(distinct) + spare, normalise)
    for user, own in enumerate(found):
        assert len(own) == len(distinct)
        assert_same(own, table.plainly(user, distinct, len(distinct), normalise))
        if normalise == "legal":
            assert sum(np.exp(score) for _, score in own) == pytest.approx(1, abs=1e-5)


@given(catalogues, st.integers(0, 10**6), st.sampled_from(["all", "legal"]), st.integers(1, 8))
def test_few_beams_keep_what_a_plain_search_keeps(
    catalogue: list[tuple[int, ...]], seed: int, normalise: Normalise, beams: int
) -> None:
    table = Table(seed)
    found = table.search(Trie.of(np.array(catalogue), SIZES), beams, normalise)
    for user, own in enumerate(found):
        assert {codes for codes, _ in own} <= set(catalogue)
        assert len({codes for codes, _ in own}) == len(own) == min(beams, len(set(catalogue)))
        assert_same(own, table.plainly(user, catalogue, beams, normalise))


@given(st.integers(0, 10**6), st.integers(1, 40))
def test_free_decoding_may_write_any_tuple(seed: int, beams: int) -> None:
    table = Table(seed)
    for user, own in enumerate(table.search(None, beams)):
        assert_same(own, table.plainly(user, EVERY, beams))
        if beams >= len(EVERY):
            assert sum(np.exp(score) for _, score in own) == pytest.approx(1, abs=1e-5)


@given(catalogues, st.integers(1, 30))
def test_of_equally_likely_tuples_the_smaller_codes_go_first(
    catalogue: list[tuple[int, ...]], beams: int
) -> None:
    table = Table(given=tuple([0] * size for size in SIZES))
    for own in table.search(Trie.of(np.array(catalogue), SIZES), beams):
        assert [codes for codes, _ in own] == sorted(set(catalogue))[:beams]


@given(catalogues, st.integers(1, 30))
def test_ties_among_other_tuples_are_broken_the_same_way(
    catalogue: list[tuple[int, ...]], beams: int
) -> None:
    table = Table(given=([0, 5, 0], [1, 0, 1, 0], [2, 2]))
    for user, own in enumerate(table.search(Trie.of(np.array(catalogue), SIZES), beams)):
        assert_same(own, table.plainly(user, catalogue, beams))


@given(catalogues, st.integers(0, 10**6), st.data())
def test_withdrawn_items_are_never_written(
    catalogue: list[tuple[int, ...]], seed: int, data: st.DataObject
) -> None:
    marks = st.lists(st.booleans(), min_size=len(catalogue), max_size=len(catalogue))
    withdrawn = np.array(data.draw(marks.filter(lambda marks: not all(marks))))
    trie = Trie.of(np.array(catalogue), SIZES).only(~withdrawn)
    for own in Table(seed).search(trie, 5):
        leaves = trie.states(torch.tensor([codes for codes, _ in own])).tolist()
        written = {item for items in trie.items(leaves) for item in items}
        assert written
        assert not written & set(np.flatnonzero(withdrawn).tolist())


def test_items_that_share_a_tuple_are_written_once() -> None:
    trie = Trie.of(np.array([[1, 1, 1], [0, 0, 0], [1, 1, 1]]), SIZES)
    codes, _ = beam_search(Table().start, Table().step, trie, beams=9, sizes=SIZES)
    assert [sorted(trie.items(trie.states(own).tolist())) for own in codes] == [[(0, 2), (1,)]] * USERS


class Recurrent(nn.Module):
    """A small network that remembers what it wrote, so that beams mixed up would show."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(6, 6)
        self.says = nn.ModuleList(nn.Linear(6, size) for size in SIZES)
        self.codes = nn.ModuleList(nn.Embedding(size, 6) for size in SIZES)
        self.kept = torch.zeros(0)

    def start(self, people: torch.Tensor) -> torch.Tensor:
        self.kept = people
        return self.says[0](people)

    def step(self, level: int, tokens: torch.Tensor, parents: torch.Tensor) -> torch.Tensor:
        self.kept = self.cell(self.codes[level - 1](tokens[:, -1]), self.kept.index_select(0, parents))
        return self.says[level](self.kept)

    def log_prob(self, person: torch.Tensor, codes: tuple[int, ...]) -> float:
        """Log p of one tuple, read alone."""
        state, total = person, 0.0
        for level, code in enumerate(codes):
            total += float(self.says[level](state).log_softmax(0)[code])
            state = self.cell(self.codes[level](torch.tensor(code)), state)
        return total


@pytest.fixture(scope="module", autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("free", [False, True])
def test_what_a_network_keeps_follows_its_beam(seed: int, free: bool) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network, people = Recurrent(), 3 * torch.randn(4, 6)
        catalogue = [EVERY[place] for place in torch.randperm(len(EVERY))[:15]]
    trie = None if free else Trie.of(np.array(catalogue), SIZES)
    codes, scores = beam_search(network.start(people), network.step, trie, beams=len(EVERY), sizes=SIZES)
    for person, own, row in zip(people, codes.tolist(), scores.tolist(), strict=True):
        alone = {one: network.log_prob(person, one) for one in (EVERY if free else catalogue)}
        assert list(map(tuple, own)) == sorted(alone, key=lambda one: -alone[one])
        assert row == pytest.approx(sorted(alone.values(), reverse=True), abs=1e-5)


def test_the_network_is_asked_no_more_than_once_a_place_and_beam() -> None:
    table = Table()
    table.search(Trie.of(np.array(EVERY), SIZES), 5)
    assert table.asked == [USERS * 3, USERS * 5]


def test_nobody_asks_nothing() -> None:
    trie = Trie.of(np.array(EVERY), SIZES)
    for tree in (trie, None):
        codes, scores = beam_search(
            torch.zeros(0, 3), lambda level, *_: torch.zeros(0, SIZES[level]), tree, beams=5, sizes=SIZES
        )
        assert codes.shape == (0, 5, 3)
        assert scores.shape == (0, 5)


@given(catalogues, st.integers(0, 10**6))
def test_legal_mass_adds_up_the_codes_that_go_on(catalogue: list[tuple[int, ...]], seed: int) -> None:
    table, one = Table(seed), catalogue[0]
    logits = [table.rows[one[:level]] for level in range(3)]
    mass = legal_mass(logits, Trie.of(np.array(catalogue), SIZES), torch.tensor([one] * USERS))
    for level in range(3):
        follows = sorted({other[level] for other in catalogue if other[:level] == one[:level]})
        assert torch.allclose(mass[:, level], logits[level].softmax(1)[:, follows].sum(1))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_logits_that_are_no_numbers_are_refused(bad: float) -> None:
    table = Table()
    table.rows[(1, 2)][0, 1] = bad
    with pytest.raises(ModelError, match="place 2 are not all finite"):
        table.search(Trie.of(np.array(EVERY), SIZES), 30)


@pytest.mark.parametrize(
    ("beams", "sizes", "width", "says"),
    [
        (0, SIZES, 4, "0 beams"),
        (5, (3, 4, 3), 4, "the tree's own sizes"),
        (5, SIZES, 5, r"place 1 have shape \(6, 5\); needed is \(6, 4\)"),
    ],
)
def test_what_does_not_fit_is_explained(beams: int, sizes: tuple[int, ...], width: int, says: str) -> None:
    trie = Trie.of(np.array(EVERY), SIZES)
    with pytest.raises(ModelError, match=says):
        beam_search(
            torch.zeros(USERS, 3),
            lambda level, tokens, parents: torch.zeros(len(tokens), width),
            trie,
            beams=beams,
            sizes=sizes,
        )
