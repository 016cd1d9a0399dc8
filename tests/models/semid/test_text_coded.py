"""Words to codes: an item's own text gives its own codes, new texts get codes, and both survive saving."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recaudit.models.base import ModelError
from recaudit.models.capabilities import capabilities
from recaudit.models.data import InteractionLog
from recaudit.models.datasets.world import load
from recaudit.models.semid._codebook import Codebook
from recaudit.models.semid.lcrec import Lcrec, LcrecConfig
from recaudit.models.semid.letter import Letter, LetterConfig
from recaudit.models.semid.lightlm import Lightlm, LightlmConfig
from recaudit.models.semid.tiger import Tiger, TigerConfig

MAKERS = {
    "tiger": lambda log: Tiger(log.catalog, TigerConfig()),
    "letter": lambda log: Letter(log.catalog, LetterConfig(id_epochs=20, levels=3, codes=16)),
    "lcrec": lambda log: Lcrec(log.catalog, LcrecConfig(codes=8)),
}


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    return load("world-tiny")


def prepared(model: Any, log: InteractionLog) -> Any:
    model.prepare(log, np.arange(100), np.random.default_rng(0))
    return model


@pytest.mark.parametrize("name", MAKERS)
def test_the_catalogues_texts_give_the_catalogues_codes(name: str, log: InteractionLog) -> None:
    model = prepared(MAKERS[name](log), log)
    codes = model.codes_of(model.text_vectors(model.item_texts()))
    ids = model.semantic_ids()
    # Digits that part twins, and last codes that were dealt out, are not a text's.
    level = codes.shape[1] if name == "tiger" else codes.shape[1] - 1
    np.testing.assert_array_equal(codes[:, :level], ids[:, :level])
    assert "encodes_text" in capabilities(model)


@pytest.mark.parametrize("name", MAKERS)
def test_what_gives_codes_is_saved_and_loaded_and_shared_with_twins(
    name: str, log: InteractionLog, tmp_path: Path
) -> None:
    model, again = prepared(MAKERS[name](log), log), MAKERS[name](log)
    model.save(tmp_path)
    again.load(tmp_path, log)
    texts = ["Quiet Comet. Drama", "no such words at all", ""]
    for copy in (again, model.twin()):
        np.testing.assert_allclose(copy.text_vectors(texts), model.text_vectors(texts))
        np.testing.assert_array_equal(
            copy.codes_of(copy.text_vectors(texts)), model.codes_of(model.text_vectors(texts))
        )
        np.testing.assert_array_equal(copy.first_code_vectors(), model.first_code_vectors())


def test_codes_that_do_not_come_from_words_are_no_capability(log: InteractionLog) -> None:
    untold = Tiger(log.catalog, TigerConfig(vectors="collaborative"))
    assert "encodes_text" not in capabilities(untold)
    assert "encodes_text" not in capabilities(prepared(untold, log))
    assert "encodes_text" not in capabilities(Lightlm(log.catalog, LightlmConfig()))
    table = Tiger(log.catalog, TigerConfig(ids="table.json"))
    assert "encodes_text" not in capabilities(table)
    table.use_ids(Codebook(np.arange(len(log.catalog))[:, None], (len(log.catalog),)))
    assert table.item_texts() == ()
    with pytest.raises(ModelError, match="not made from words"):
        table.text_vectors(["a"])


def test_a_model_says_that_it_reads_words_before_it_is_prepared(log: InteractionLog) -> None:
    assert "encodes_text" in capabilities(Tiger(log.catalog, TigerConfig()))
