"""TIGER finds the next item where the last one tells it, steadily, and speaks of items alone when held to."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recaudit.models.base import ModelError, Request
from recaudit.models.capabilities import capabilities
from recaudit.models.data import BoolArray, Catalog, Example, History, IntArray, InteractionLog
from recaudit.models.semid._codebook import Codebook
from recaudit.models.semid._decoder import Decoder, Shape
from recaudit.models.semid._windows import Rows, of_histories, of_next_items, of_sequences
from recaudit.models.semid.tiger import PRESETS, Tiger, TigerConfig
from recaudit.models.trainers.plain import fit

torch = pytest.importorskip("torch")

GROUPS, SIZE, USERS, LENGTH = 6, 4, 300, 9
SMALL = TigerConfig(width=32, heads=2, inner=64, layers=1, history=5, beams=8, epochs=12, dropout=0.0)
CHANCE = 0.6


def follows(rng: np.random.Generator) -> IntArray:
    """Sequences in which the next group comes with probability .6, and in it the same member with .6."""
    items = np.empty((USERS, LENGTH), dtype=np.int64)
    group, member = rng.integers(GROUPS, size=USERS), rng.integers(SIZE, size=USERS)
    for place in range(LENGTH):
        steady = rng.random(USERS) < CHANCE
        group = np.where(steady, (group + 1) % GROUPS, rng.integers(GROUPS, size=USERS))
        same = rng.random(USERS) < CHANCE
        member = np.where(same, member, rng.integers(SIZE, size=USERS))
        items[:, place] = group * SIZE + member
    return items


def log_of(items: IntArray, n: int = GROUPS * SIZE) -> InteractionLog:
    names = tuple(f"i{item}" for item in range(n))
    titles = tuple(f"group{item // SIZE} member{item % SIZE}" for item in range(n))
    catalog = Catalog(ids=names, titles=titles, years=np.zeros(n, dtype=np.int64), genres=((),) * n)
    return InteractionLog.build(
        name="chain",
        catalog=catalog,
        user_ids=tuple(map(str, range(len(items)))),
        user=np.repeat(np.arange(len(items)), items.shape[1]),
        item=items.ravel(),
    )


def ids(*, shared: bool = False) -> Codebook:
    """Group and member as codes; with ``shared``, members 2 and 3 of a group have one tuple."""
    item = np.arange(GROUPS * SIZE)
    member = np.minimum(item % SIZE, 2) if shared else item % SIZE
    return Codebook(np.column_stack([item // SIZE, member]), (GROUPS + 1, SIZE + 1), how="by hand")


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    return log_of(follows(np.random.default_rng(0)))


def trained(log: InteractionLog, config: TigerConfig, codebook: Codebook) -> Tiger:
    made = Tiger(log.catalog, config)
    made.use_ids(codebook)
    fit(made.task(log, np.arange(200), np.random.default_rng(2)), np.random.default_rng(3))
    return made


@pytest.fixture(scope="module", params=["decoder", "encoder-decoder"])
def model(log: InteractionLog, request: pytest.FixtureRequest) -> Tiger:
    # Its answers look at the history without places, and take long to learn which item is the last.
    slow = {"history": 2, "epochs": 20} if request.param == "encoder-decoder" else {}
    return trained(log, replace(SMALL, architecture=request.param, **slow), ids())


@pytest.fixture(scope="module")
def examples(log: InteractionLog) -> list[Example]:
    histories = [log.history(user) for user in range(200, USERS)]
    return [Example(one.reordered(range(LENGTH - 1)), one.items[-1], True) for one in histories]


@pytest.fixture(scope="module")
def requests(examples: list[Example]) -> list[Request]:
    """Of different lengths, so that some are filled up among others."""
    kept = [one.history.reordered(range(8 - place % 8, 8)) for place, one in enumerate(examples)]
    return [Request(history=history) for history in kept]


def everything(model: Tiger, requests: list[Request]) -> np.ndarray:
    return np.array(model.score([replace(one, candidates=()) for one in requests]))


def bayes() -> np.ndarray:
    """The true probability of each item after each, shape ``(n, n)``."""
    group = CHANCE * np.roll(np.eye(GROUPS), 1, axis=1) + (1 - CHANCE) / GROUPS
    return np.kron(group, CHANCE * np.eye(SIZE) + (1 - CHANCE) / SIZE)


def test_it_comes_near_the_best_that_can_be_known(model: Tiger, examples: list[Example]) -> None:
    last = np.array([one.history.items[-1] for one in examples])
    found = everything(model, [Request(history=one.history) for one in examples]).argmax(axis=1)
    truth = bayes()[last]
    # The expected hits of its first items, not the chance hits of one draw.
    assert truth[np.arange(len(last)), found].mean() > 0.9 * truth.max(axis=1).mean()


def test_shuffled_codes_are_no_help() -> None:
    """Many items, few people: an item's neighbours have to tell what it is followed by."""
    rng = np.random.default_rng(5)
    group = np.cumsum(rng.random((USERS, LENGTH)) < 0.9, axis=1) + rng.integers(GROUPS, size=(USERS, 1))
    n = GROUPS * 50
    items = group % GROUPS * 50 + rng.integers(50, size=group.shape)
    log, hits = log_of(items, n), []
    for item in (np.arange(n), rng.permutation(n)):
        codes = np.column_stack([item // 50, item % 50 // 10, item % 10])
        made = trained(log, replace(SMALL, batch_size=16), Codebook(codes, (GROUPS, 5, 10)))
        asked = [Request(history=log.history(user).reordered(range(8))) for user in range(200, USERS)]
        first = np.array([slate.entries[0].item for slate in made.recommend(asked, 1)])
        hits.append((first // 50 == items[200:, 8] // 50).mean())
    assert hits[0] > 0.7 and hits[1] < 0.8 * hits[0]


def test_it_can_what_it_says(model: Tiger) -> None:
    assert capabilities(model) == frozenset(
        (
            "ranks",
            "retrieves",
            "scores",
            "gives_likelihoods",
            "decodes_semantic_ids",
            "exposes_representations",
            "trainable",
        )
    )


def test_company_does_not_matter(model: Tiger, requests: list[Request], examples: list[Example]) -> None:
    asked = [*requests[:9], Request(history=History(3, ()))]
    np.testing.assert_allclose(
        everything(model, asked), np.concatenate([everything(model, [one]) for one in asked]), atol=1e-4
    )
    alone = [model.recommend([one], 3)[0] for one in asked]
    for one, other in zip(model.recommend(asked, 3), alone, strict=True):
        assert [entry.item for entry in one.entries] == [entry.item for entry in other.entries]
    apart = np.concatenate([model.log_likelihood([one]) for one in examples[:5]])
    np.testing.assert_allclose(model.log_likelihood(examples[:5]), apart, atol=1e-4)


def test_only_the_last_items_are_read(model: Tiger, examples: list[Example]) -> None:
    whole, kept = examples[0].history, range(8 - model.config.history, 8)
    short, older = whole.reordered(kept), whole.reordered((2, 1, *kept))
    np.testing.assert_allclose(
        everything(model, [Request(history=older)]), everything(model, [Request(history=short)]), atol=1e-5
    )
    turned = whole.reordered((*kept[:-2], 7, 6))
    away = everything(model, [Request(history=turned)]) - everything(model, [Request(history=short)])
    assert np.abs(away).max() > 0.1


def test_a_searched_list_is_the_scored_catalogue_less_the_history(
    model: Tiger, requests: list[Request]
) -> None:
    for request, scores in zip(requests[:20], everything(model, requests[:20]), strict=True):
        known = set(request.history.items)
        best = [item for item in np.argsort(-scores, kind="stable").tolist() if item not in known]
        (slate,) = model.recommend([request], 24)
        assert {entry.item for entry in slate.entries} == set(best)
        np.testing.assert_allclose([entry.score for entry in slate.entries], scores[best], atol=1e-4)
        entry = slate.entries[0]
        assert entry.raw == "".join(f"<{code}>" for code in model.semantic_ids()[entry.item])


def test_stated_candidates_are_ranked_by_their_scores(model: Tiger, requests: list[Request]) -> None:
    stated = replace(requests[0], candidates=(*requests[0].history.items[:2], 7, 20))
    (slate,), (scores,) = model.recommend([stated], 3), model.score([stated])
    best = np.argsort(-scores)[:3]
    assert [entry.item for entry in slate.entries] == [stated.candidates[place] for place in best]
    np.testing.assert_allclose(scores, everything(model, [stated])[0][list(stated.candidates)], atol=1e-4)


def test_likelihoods_add_up_to_one_over_the_catalogue(model: Tiger, examples: list[Example]) -> None:
    n = GROUPS * SIZE
    own = [Example(examples[0].history, item, True) for item in range(n)]
    found = model.log_likelihood(own)
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-4)
    (scores,) = everything(model, [Request(history=examples[0].history)])
    assert (found >= scores - 1e-4).all() and np.exp(scores).sum() < 1


def test_items_that_share_a_tuple_share_its_place_and_its_likelihood(
    log: InteractionLog, examples: list[Example]
) -> None:
    model = trained(log, replace(SMALL, epochs=2), ids(shared=True))
    own = [Example(examples[0].history, item, True) for item in range(GROUPS * SIZE)]
    found = model.log_likelihood(own)
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-4) and found[2] == found[3]
    (slate,) = model.recommend([Request(history=History(0, (0,)))], 23)
    items = [entry.item for entry in slate.entries]
    for item in range(6, GROUPS * SIZE, SIZE):
        place = items.index(item)
        assert items[place + 1] == item + 1
        assert slate.entries[place].score == slate.entries[place + 1].score


def test_untrained_it_writes_what_is_no_item_unless_held_to(
    log: InteractionLog, requests: list[Request]
) -> None:
    model = Tiger(log.catalog, SMALL)
    model.use_ids(ids())
    model.task(log, np.arange(200), np.random.default_rng(2))
    free = model.decode_freely(requests[:10], 30)
    known = set(map(tuple, model.semantic_ids().tolist()))
    assert [len(own) for own in free] == [30] * 10 and not all(set(own) <= known for own in free)
    uniform = [GROUPS / (GROUPS + 1), SIZE / (SIZE + 1)]
    np.testing.assert_allclose(model.legal_mass(requests[:10]), [uniform] * 10, atol=0.05)


def test_trained_it_hardly_ever_writes_what_is_no_item(model: Tiger, requests: list[Request]) -> None:
    mass = model.legal_mass(requests)
    assert mass.shape == (len(requests), 2) and (mass <= 1 + 1e-6).all() and mass.mean() > 0.95
    assert model.legal_mass([]).shape == (0, 2) and model.decode_freely([], 3) == []


def test_it_comes_back_from_disk(
    model: Tiger, log: InteractionLog, requests: list[Request], tmp_path: Path
) -> None:
    model.save(tmp_path)
    other = Tiger(log.catalog, model.config)
    with pytest.raises(ModelError, match="no codes yet"):
        other.recommend(requests, 3)
    other.use_ids(ids())
    with pytest.raises(ModelError, match="not trained yet"):
        other.recommend(requests, 3)
    other.load(tmp_path, log)
    np.testing.assert_array_equal(everything(other, requests[:5]), everything(model, requests[:5]))


def test_a_twin_has_the_codes_and_nothing_learnt(model: Tiger, log: InteractionLog) -> None:
    twin = model.twin()
    np.testing.assert_array_equal(twin.semantic_ids(), model.semantic_ids())
    task = twin.task(log, np.arange(50), np.random.default_rng(2))
    assert set(task.row_users.tolist()) == set(range(50))
    with pytest.raises(ModelError, match="10 tuples of codes do not fit a catalogue of 24"):
        twin.use_ids(Codebook(np.zeros((10, 1), dtype=np.int64), (1,)))


def test_a_published_table_gives_the_codes(log: InteractionLog, tmp_path: Path) -> None:
    table = tmp_path / "index.json"
    rows = (f'"i{item}": ["<a_{item // 4}>", "<b_{item % 4}>"]' for item in range(24))
    table.write_text("{" + ", ".join(rows) + "}", encoding="utf-8")
    model = Tiger(log.catalog, replace(SMALL, ids=str(table)))
    model.prepare(log, np.arange(50), np.random.default_rng(0))
    np.testing.assert_array_equal(model.semantic_ids(), ids().codes)
    assert model.code_sizes() == (GROUPS, SIZE)


def test_made_codes_are_unique_and_begin_alike_for_items_alike(log: InteractionLog) -> None:
    model = Tiger(log.catalog, replace(SMALL, levels=2, codes=6))
    model.prepare(log, np.arange(50), np.random.default_rng(0))
    codes = model.semantic_ids()
    assert len(np.unique(codes, axis=0)) == GROUPS * SIZE and codes.shape[1] == 3
    assert model.code_sizes()[:2] == (6, 6)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_settings(preset: str) -> None:
    config = TigerConfig(**PRESETS[preset])  # type: ignore[arg-type]
    assert config.codes == 256 and config.history == 20


def test_users_tokens_tell_users_apart(log: InteractionLog) -> None:
    for kind in ("decoder", "encoder-decoder"):
        config = replace(SMALL, architecture=kind, user_tokens=50, epochs=1)
        model: Any = trained(log, config, ids())
        one, other = (everything(model, [Request(history=History(user, (1, 2)))]) for user in (1, 2))
        assert np.abs(one - other).max() > 1e-4


def counted(rows: Rows) -> list[list[int]]:
    return [
        row[:length][keep[:length]].tolist()
        for row, length, keep in zip(rows.codes[:, :, 0], rows.lengths, rows.counted, strict=True)
    ]


def test_every_positive_item_is_learnt_once(log: InteractionLog) -> None:
    likes: BoolArray = np.ones(len(log), dtype=np.bool_)
    likes[[0, 4]] = False
    some, codes = replace(log, liked=likes), np.arange(24)[:, None]
    liked = [item for place, item in enumerate(log.history(0).items) if place not in (0, 4)]
    rows = of_sequences(some, np.array([0, 1]), codes, length=3)
    assert counted(rows)[:2] == [liked[4:], liked[:4]] and rows.users[:2].tolist() == [0, 0]
    each = of_next_items(some, np.array([0]), codes, length=3)
    assert counted(each) == [[item] for item in liked[1:]]
    assert of_histories([History(7, (1, 2, 3), (True, False, True))], codes, length=5).lengths.tolist() == [2]
    with pytest.raises(ModelError, match="no next item to learn"):
        of_sequences(log.take(np.arange(1)), np.arange(3), codes, length=3)


def test_a_code_sees_what_stands_before_it_alone() -> None:
    shape = Shape(width=16, heads=2, head_width=8, inner=16, layers=2, dropout=0.0, user_tokens=0)
    decoder = Decoder.fresh((5, 5), shape)
    codes = np.random.default_rng(1).integers(5, size=(1, 4, 2))
    first, user = np.array([2]), np.array([0])
    before = decoder.read(Rows(codes[:, :2], np.array([2]), first, user))
    third = torch.from_numpy(codes[:, 2])
    states = decoder.follow(before, third[:, None, :1])[:, 0]
    told = [decoder.logits(states[:, level], level).log_softmax(1)[0, third[0, level]] for level in (0, 1)]
    # What one pass over the whole sequence says of the third item is what two steps say, and no later.
    alone = decoder.losses(Rows(codes, np.array([3]), first, user)).item()
    assert alone == pytest.approx(-sum(told).item(), abs=1e-5)
    changed = codes.copy()
    changed[0, 3] = (changed[0, 3] + 1) % 5
    assert decoder.losses(Rows(changed, np.array([3]), first, user)).item() == pytest.approx(alone, abs=1e-6)
    assert decoder.losses(Rows(codes, np.array([4]), first, user)).item() > alone
    with pytest.raises(ModelError, match="twice heads, got 16 and 3"):
        Decoder.fresh((5, 5), replace(shape, heads=3))
