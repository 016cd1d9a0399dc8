"""Vectors of items: by words, by who met them, and by a sentence encoder from a folder."""

from pathlib import Path

import numpy as np
import pytest
from recaudit.models.base import ModelError
from recaudit.models.data import Catalog, InteractionLog
from recaudit.models.semid._item_vectors import item_vectors, texts_of

CATALOG = Catalog(
    ids=tuple("abcd"),
    titles=("Red Harbour", "Red Harbour Two", "Quiet Comet", "Quiet Comet Again"),
    years=np.zeros(4, dtype=int),
    genres=(("Drama",), ("Drama",), ("Space",), ("Space",)),
    providers=("North", "", "South", ""),
)
LOG = InteractionLog.build(
    name="x",
    catalog=CATALOG,
    user_ids=tuple("uvwxyz"),
    user=[0, 0, 1, 1, 2, 2, 3, 3, 4, 5],
    item=[0, 1, 0, 1, 2, 3, 2, 3, 0, 2],
    liked=[True] * 8 + [False, True],
)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_texts_name_title_genres_and_provider() -> None:
    assert texts_of(CATALOG)[:2] == ["Red Harbour. Drama. North", "Red Harbour Two. Drama"]


@pytest.mark.parametrize("how", ["text", "collaborative"])
def test_what_belongs_together_lies_together(how: str) -> None:
    vectors, said, _ = item_vectors(CATALOG, how, rng=np.random.default_rng(0), log=LOG, users=range(6))
    assert len(vectors) == 4 and np.isfinite(vectors).all()
    assert cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2]) + 0.3
    assert ("TF-IDF" if how == "text" else "who met what among 6 users") in said


def test_only_the_given_users_are_looked_at() -> None:
    vectors, said, _ = item_vectors(
        CATALOG, "collaborative", rng=np.random.default_rng(0), log=LOG, users=[0, 1, 4]
    )
    assert not vectors[2:].any() and "2 items that none met" in said


def test_a_sentence_encoder_is_read_from_a_folder(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "Red", "Harbour", "Quiet", "Comet", "Drama", "Space"]
    tokenizer = Tokenizer(
        models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")
    fast.save_pretrained(tmp_path)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(words), **shape)).save_pretrained(tmp_path)
    vectors, said, _ = item_vectors(CATALOG, str(tmp_path), rng=np.random.default_rng(0))
    assert vectors.shape == (4, 16) and "sentence encoder" in said
    alone, _, _ = item_vectors(
        Catalog(ids=("a",), titles=CATALOG.titles[:1], years=np.zeros(1, dtype=int), genres=(("Drama",),),
                providers=("North",)),
        str(tmp_path),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    np.testing.assert_allclose(alone[0], vectors[0], atol=1e-5)


def test_what_cannot_be_followed_is_refused() -> None:
    with pytest.raises(ModelError, match="need a log and the users"):
        item_vectors(CATALOG, "collaborative", rng=np.random.default_rng(0))
    with pytest.raises(ModelError, match="'text', 'collaborative' or the folder or hub name"):
        item_vectors(CATALOG, "no/such-folder-here", rng=np.random.default_rng(0))
    wordless = Catalog(ids=("a",), titles=("...",), years=np.zeros(1, dtype=int), genres=((),))
    with pytest.raises(ModelError, match="no title or genre holds a word"):
        item_vectors(wordless, "text", rng=np.random.default_rng(0))
