"""Codes of items: what quantisers reach on vectors whose groups are known, and figures counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recaudit.models.base import ModelError
from recaudit.models.data import FloatArray, IntArray
from recaudit.models.semid._codebook import (
    Codebook,
    kmeans,
    nearest,
    product_quantised,
    residual_codes,
    residual_kmeans,
    spread,
    with_digit,
)
from recaudit.models.semid._diagnosis import diagnose, perplexity, prefix_popularity
from recaudit.models.semid._letter_losses import (
    alignment_loss,
    balanced_clusters,
    diversity_loss,
)
from recaudit.models.semid._rq_vae import PUBLISHED, RqVaeConfig, rq_vae
from recaudit.models.semid._sinkhorn import uniform_plan

SIZES = (16, 16, 16)


def mixture(seed: int = 0, *, items: int = 1000, groups: int = 32, spread_out: float = 1.0) -> FloatArray:
    """Items around random centres: what a quantiser is made for."""
    rng = np.random.default_rng(seed)
    centres = 2 * rng.normal(size=(groups, 24))
    found: FloatArray = centres[rng.integers(groups, size=items)] + spread_out * rng.normal(size=(items, 24))
    return found


def distinct(codes: IntArray) -> int:
    return len(np.unique(codes, axis=0))


@pytest.mark.parametrize("maker", ["residual_kmeans", "rq_vae", "product_quantised"])
def test_each_level_helps_codes_are_used_and_the_digit_tells_all_apart(maker: str) -> None:
    vectors, rng = mixture(), np.random.default_rng(1)
    if maker == "rq_vae":
        book = rq_vae(vectors, RqVaeConfig(sizes=SIZES, epochs=60), rng=rng)
    else:
        book = (residual_kmeans if maker == "residual_kmeans" else product_quantised)(vectors, SIZES, rng)
    assert book.errors[0] < 1 and all(np.diff(book.errors) < 0) and book.errors[-1] > 0
    assert min(level.utilisation for level in diagnose(book.codes, book.sizes).levels) >= 0.9
    assert distinct(book.codes) < len(vectors)
    told_apart = with_digit(book)
    assert distinct(told_apart.codes) == len(vectors) and "digit" in told_apart.how
    assert np.array_equal(told_apart.codes[:, :-1], book.codes)


def test_more_levels_than_vectors_need_leave_nothing() -> None:
    book = residual_kmeans(np.array([[0.0], [0.0], [3.0]]), (4, 4), np.random.default_rng(0))
    assert book.errors == (0.0, 0.0) and book.tables[0].shape == (4, 1)
    assert book.codes[0].tolist() == book.codes[1].tolist() != book.codes[2].tolist()


def test_the_share_left_is_that_of_the_variance() -> None:
    vectors = np.array([[-3.0], [-1.0], [1.0], [3.0]])
    codes, errors = residual_codes(vectors, [np.array([[-2.0], [2.0]]), np.array([[-1.0], [1.0]])])
    assert codes.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert errors == (4 / 20, 0.0)


def test_vectors_not_seen_before_get_the_codes_of_their_like() -> None:
    vectors = mixture(spread_out=0.01)
    book = residual_kmeans(vectors, (32, 8), np.random.default_rng(0))
    codes, _ = residual_codes(vectors + 1e-6, book.tables)
    assert (codes[:, 0] == book.codes[:, 0]).all()


def test_parts_of_a_product_are_quantised_each_on_its_own() -> None:
    # Columns 0 and 2 are one part, column 1 the other.
    vectors = np.array([[0.0, 5.0, 0.0], [0.0, 9.0, 0.0], [7.0, 5.0, 7.0], [7.0, 9.0, 7.0]])
    book = product_quantised(vectors, (2, 2), np.random.default_rng(0))
    assert distinct(book.codes) == 4 and book.errors[-1] == pytest.approx(0)
    assert book.codes[0, 0] == book.codes[1, 0] and book.codes[0, 1] == book.codes[2, 1]
    # What the second part leaves unexplained after the first: 4 x 2^2 of 4 x (2^2 + 2 x 3.5^2).
    assert book.errors[0] == pytest.approx(4 / (4 + 24.5))


def test_the_digit_counts_within_a_tuple_in_catalogue_order() -> None:
    book = with_digit(Codebook(np.array([[1, 0], [0, 1], [1, 0], [1, 0], [0, 0]]), (2, 2)))
    assert book.codes[:, 2].tolist() == [0, 0, 1, 2, 0] and book.sizes == (2, 2, 3)


def test_spreading_uses_all_codes_before_any_twice_and_moves_as_little_as_it_can() -> None:
    table = np.array([[0.0], [1.0], [10.0]])
    assert spread(np.array([[0.0], [0.1], [0.2]]), table).tolist() == [0, 1, 2]
    assert spread(np.array([[0.1], [0.2]]), table).tolist() == [0, 1]
    apart = np.array([[0], [1]])
    assert spread(np.array([[0.1], [0.2]]), table, apart).tolist() == [0, 0]
    assert np.bincount(spread(np.zeros((7, 1)), table)).tolist() in ([3, 2, 2], [3, 3, 1])


def test_sinkhorn_makes_fewer_items_collide_at_the_last_level() -> None:
    vectors = mixture()
    plain = RqVaeConfig(sizes=(16, 16, 32), epochs=40)
    books = [
        rq_vae(vectors, c, rng=np.random.default_rng(0)) for c in (plain, replace(plain, last="sinkhorn"))
    ]
    without, with_it = (diagnose(book.codes, book.sizes).prefixes for book in books)
    assert with_it[2].collision < without[2].collision / 2
    groups = np.unique(books[1].codes[:, :2], axis=0, return_counts=True)[1]
    assert with_it[2].distinct == np.minimum(groups, 32).sum()


def test_spread_residual_kmeans_is_as_free_of_collisions_as_codes_allow() -> None:
    vectors = mixture(items=300)
    book = residual_kmeans(vectors, (16, 16, 64), np.random.default_rng(0), spread_last=True)
    assert distinct(book.codes) == len(vectors)


def test_a_uniform_plan_gives_each_code_its_share() -> None:
    costs = np.random.default_rng(0).random((40, 8))
    plan = uniform_plan(costs, epsilon=0.1, rounds=200)
    assert plan.sum(axis=1) == pytest.approx(np.ones(40))
    assert plan.sum(axis=0) == pytest.approx(np.full(8, 5.0), rel=1e-3)
    assert np.isfinite(uniform_plan(np.zeros((3, 2)))).all()


def test_alignment_makes_codes_follow_who_meets_what() -> None:
    vectors, met, group = two_worlds()
    base = RqVaeConfig(sizes=SIZES, epochs=60, batch=200)
    shared = [
        same_start(rq_vae(vectors, c, rng=np.random.default_rng(1), collaborative=met).codes, group)
        for c in (base, replace(base, alpha=1.0))
    ]
    assert shared[1] > 1.3 * shared[0]


def two_worlds() -> tuple[FloatArray, FloatArray, IntArray]:
    """Vectors in which kinds are loud and what people share is faint, and vectors of what people share."""
    rng = np.random.default_rng(1)
    kind, group = rng.integers(12, size=(2, 600))
    loud, faint = rng.normal(size=(2, 12, 24))
    vectors = 2 * loud[kind] + 0.7 * faint[group] + 0.5 * rng.normal(size=(600, 24))
    met = rng.normal(size=(12, 16))[group] + 0.3 * rng.normal(size=(600, 16))
    return vectors, met / np.linalg.norm(met, axis=1, keepdims=True), group


def same_start(codes: IntArray, group: IntArray) -> float:
    """How often two items of one collaborative group begin with the same code."""
    neighbours = group[:, None] == group
    return float((codes[:, :1] == codes[:, 0])[neighbours].mean())


def test_diversity_makes_first_codes_more_even() -> None:
    entropies = []
    for beta in (0.0, 0.01):
        config = RqVaeConfig(
            sizes=(32, 32), epochs=60, batch=200, beta=beta, clusters=4, start="uniform", restart=False
        )
        books = [rq_vae(skewed(seed), config, rng=np.random.default_rng(1)) for seed in range(3)]
        entropies.append([np.log(diagnose(b.codes, b.sizes).levels[0].perplexity) for b in books])
    assert np.mean(entropies[1]) > np.mean(entropies[0]) + 0.05


def skewed(seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, 41)
    group = rng.choice(40, size=600, p=weights / weights.sum())
    found: FloatArray = 2 * rng.normal(size=(40, 24))[group] + 0.3 * rng.normal(size=(600, 24))
    return found


def test_losses_equal_their_formulas() -> None:
    import torch

    z, h = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    wanted = (np.log(1 + np.exp(-1)) + np.log(1 + np.exp(-2))) / 2
    assert float(alignment_loss(z, h)) == pytest.approx(wanted)
    unmet = torch.cat([h, torch.zeros(1, 2)])
    assert float(alignment_loss(torch.cat([z, 9 * z[:1]]), unmet)) == pytest.approx(wanted)
    assert float(alignment_loss(z, 0 * h)) == 0
    # Code 0 has code 1 as its only peer, with <e_0, e_1> = 1 among 1, 0 and 2 (itself left out).
    table = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [2.0, 0.0]])
    loss = diversity_loss(table, torch.tensor([0]), torch.tensor([0, 0, 1, 1]))
    assert float(loss) == pytest.approx(-np.log(np.e / (np.e + 1 + np.e**2)))


def test_balanced_clusters_are_balanced_and_keep_neighbours() -> None:
    table = np.array([[0.0], [0.1], [0.2], [9.0], [9.1], [0.3], [9.2]])
    cluster = balanced_clusters(table, 2, np.random.default_rng(0))
    assert sorted(np.bincount(cluster)) == [3, 4]
    assert len(set(cluster[[3, 4, 6]])) == 1 == len(set(cluster[[0, 1, 2, 5]]))
    with pytest.raises(ModelError, match="7 codes cannot be put into 4 clusters"):
        balanced_clusters(table, 4, np.random.default_rng(0))


def test_figures_of_a_toy_counted_by_hand() -> None:
    codes = np.array([[0, 0], [0, 0], [0, 1], [1, 1]])
    found = diagnose(codes, (4, 2), np.array([1, 0, 2, 5]))
    first, second = found.levels
    assert (first.used, first.size, first.utilisation, first.top) == (2, 4, 0.5, 0.75)
    assert first.perplexity == pytest.approx(np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25))))
    assert second.perplexity == pytest.approx(2.0)
    one, both = found.prefixes
    assert (one.length, one.items, one.distinct, one.sharing, one.largest) == (1, 4, 2, 3, 3)
    assert (one.collision, one.sharing_share) == (0.5, 0.75)
    assert (both.distinct, both.sharing, both.largest, both.collision) == (3, 2, 2, 0.25)
    assert (one.busiest, one.busiest_share, both.busiest) == ((1,), 5 / 8, (1, 1))
    assert one.popularity_perplexity == pytest.approx(
        np.exp(-(3 / 8 * np.log(3 / 8) + 5 / 8 * np.log(5 / 8)))
    )
    prefixes, shares = prefix_popularity(codes, 2, np.array([1, 0, 2, 5]))
    assert prefixes.tolist() == [[0, 0], [0, 1], [1, 1]] and shares.tolist() == [1 / 8, 2 / 8, 5 / 8]


def test_what_is_not_defined_is_left_out() -> None:
    codes = np.array([[0], [1]])
    for counts in (None, np.zeros(2, dtype=np.int64)):
        prefix = diagnose(codes, (2,), counts).prefixes[0]
        assert (prefix.busiest, prefix.busiest_share, prefix.popularity_perplexity) == (None, None, None)
    with pytest.raises(ModelError, match="nobody met any item"):
        prefix_popularity(codes, 1, np.zeros(2, dtype=np.int64))
    with pytest.raises(ModelError, match="one item or more"):
        diagnose(codes[:0], (2,))
    with pytest.raises(ModelError, match="one number per item"):
        diagnose(codes, (2,), np.ones(3, dtype=np.int64))
    assert perplexity(np.array([0.5, 0.5, 0.0])) == pytest.approx(2.0)


def test_the_same_stream_gives_the_same_codes() -> None:
    vectors, config = mixture(items=200), RqVaeConfig(sizes=(8, 8), epochs=3, beta=0.1, clusters=2)
    books = [rq_vae(vectors, config, rng=np.random.default_rng(seed)) for seed in (5, 5, 6)]
    assert np.array_equal(books[0].codes, books[1].codes)
    assert not np.array_equal(books[0].codes, books[2].codes)


def test_the_published_shape_trains_on_vectors_of_768_numbers() -> None:
    vectors = np.random.default_rng(0).normal(size=(300, 768))
    book = rq_vae(vectors, replace(PUBLISHED, epochs=1), rng=np.random.default_rng(0))
    assert book.sizes == (256, 256, 256) and [t.shape for t in book.tables] == [(256, 32)] * 3


def test_unused_codes_start_anew() -> None:
    vectors = mixture(items=400)
    config = RqVaeConfig(sizes=(32, 32), epochs=40, start="uniform", restart=False)
    used = [
        diagnose(rq_vae(vectors, c, rng=np.random.default_rng(0)).codes, (32, 32)).levels[0].used
        for c in (config, replace(config, restart=True))
    ]
    assert used[0] < 25 < 28 <= used[1]


def test_what_cannot_be_quantised_is_refused_with_every_reason() -> None:
    rng, vectors = np.random.default_rng(0), mixture(items=50)
    with pytest.raises(ModelError, match=r"alpha needs .*\(50, 16\), got none.*") as refused:
        rq_vae(vectors, RqVaeConfig(alpha=0.1, beta=0.1, clusters=20), rng=rng)
    assert "20 clusters" in str(refused.value)
    with pytest.raises(ModelError, match="one level or more"):
        residual_kmeans(vectors, (), rng)
    with pytest.raises(ModelError, match="finite"):
        residual_kmeans(np.full((3, 2), np.nan), (2,), rng)
    with pytest.raises(ModelError, match="30 levels need 30 columns"):
        product_quantised(vectors, (2,) * 30, rng)
    with pytest.raises(ModelError, match="do not fit 2 levels"):
        Codebook(np.zeros((3, 1), dtype=np.int64), (2, 2))
    with pytest.raises(ModelError, match=r"must lie in \[0, size\)"):
        Codebook(np.array([[2]]), (2,))


def test_small_batches_find_what_whole_sets_find(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = mixture(spread_out=0.01, groups=8)
    whole = kmeans(vectors, 8, np.random.default_rng(0))
    monkeypatch.setattr("recaudit.models.semid._codebook.MOST_FOR_WHOLE_SETS", 0)
    batches = kmeans(vectors, 8, np.random.default_rng(0))
    assert len(set(nearest(whole, batches))) == 8
