"""LETTER's codes follow who meets what, and its temperature sharpens what it says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recaudit.models.base import ModelError, Request
from recaudit.models.capabilities import capabilities
from recaudit.models.data import Catalog, FloatArray, IntArray, InteractionLog
from recaudit.models.semid.letter import PRESETS, Letter, LetterConfig
from recaudit.models.trainers.plain import fit

torch = pytest.importorskip("torch")

KINDS, SIZE, USERS, LENGTH = 5, 12, 300, 8
N = KINDS * SIZE
SMALL = LetterConfig(
    levels=3,
    codes=10,
    clusters=5,
    latent=8,
    id_epochs=60,
    id_batch=32,
    width=32,
    heads=2,
    inner=64,
    layers=1,
    epochs=20,
    batch_size=16,
    beams=10,
)


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    """People meet items of one kind; titles say nothing of kinds."""
    rng = np.random.default_rng(0)
    drawn = rng.permuted(np.tile(np.arange(SIZE), (USERS, 1)), axis=1)[:, :LENGTH]
    names = tuple(f"i{item}" for item in range(N))
    titles = tuple(" ".join(f"w{word}" for word in rng.integers(30, size=4)) for _ in range(N))
    return InteractionLog.build(
        name="kinds",
        catalog=Catalog(ids=names, titles=titles, years=np.zeros(N, dtype=np.int64), genres=((),) * N),
        user_ids=tuple(map(str, range(USERS))),
        user=np.repeat(np.arange(USERS), LENGTH),
        item=(drawn + SIZE * (np.arange(USERS) % KINDS)[:, None]).ravel(),
    )


@pytest.fixture(scope="module")
def model(log: InteractionLog) -> Letter:
    made = Letter(log.catalog, SMALL)
    made.prepare(log, np.arange(100), np.random.default_rng(1))
    fit(made.task(log, np.arange(100, 250), np.random.default_rng(2)), np.random.default_rng(3))
    return made


def agreement(codes: IntArray) -> float:
    """Of pairs of items with one first code, the share of one kind."""
    same: FloatArray = (codes[:, None, 0] == codes[None, :, 0]) & ~np.eye(N, dtype=np.bool_)
    kind = np.arange(N) // SIZE
    return float((same & (kind[:, None] == kind)).sum() / max(1, same.sum()))


def test_alignment_puts_items_of_the_same_people_under_one_code(log: InteractionLog) -> None:
    found = []
    for alpha in (0.0, 1.0):
        made = Letter(log.catalog, replace(SMALL, alpha=alpha))
        made.prepare(log, np.arange(100), np.random.default_rng(1))
        found.append(agreement(made.semantic_ids()))
    assert found[0] < 0.4 and found[1] > found[0] + 0.2


def test_it_recommends_what_people_of_one_kind_meet(model: Letter, log: InteractionLog) -> None:
    requests = [Request(history=log.history(user).reordered(range(5))) for user in range(250, USERS)]
    entries = [slate.entries[0].item for slate in model.recommend(requests, 3)]
    hit = [item // SIZE == one.history.items[0] // SIZE for item, one in zip(entries, requests, strict=True)]
    assert np.mean(hit) > 0.6


def test_it_can_what_tiger_can_and_few_items_share_codes(model: Letter) -> None:
    assert capabilities(model) == frozenset(
        (
            "ranks",
            "retrieves",
            "scores",
            "gives_likelihoods",
            "decodes_semantic_ids",
            "encodes_text",
            "exposes_representations",
            "trainable",
        )
    )
    assert model.code_sizes() == (10, 10, 10)
    assert len(np.unique(model.semantic_ids(), axis=0)) >= 0.97 * N


def test_answers_are_read_at_the_temperature(model: Letter, log: InteractionLog, tmp_path: Path) -> None:
    model.save(tmp_path)
    found = []
    for temperature in (SMALL.temperature, 100.0):
        other = Letter(log.catalog, replace(SMALL, temperature=temperature))
        other.load(tmp_path, log)
        found.append(other.score([Request(history=log.history(260))])[0])
    assert found[0].std() > 20 * found[1].std()
    np.testing.assert_allclose(found[1], -3 * np.log(10), atol=0.5)
    with pytest.raises(ModelError, match="temperature must be over 0, got 0"):
        Letter(log.catalog, replace(SMALL, temperature=0.0))


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_settings(preset: str) -> None:
    config = LetterConfig(**PRESETS[preset])  # type: ignore[arg-type]
    assert config.levels == 4 and config.codes == 256
