"""Every shipped recommender keeps the promises of the conformance suite; a new file must be here too."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from recaudit.models import baselines
from recaudit.models.base import Recommender, Request
from recaudit.models.data import InteractionLog
from recaudit.models.llm.tallrec import Tallrec, TallrecConfig
from recaudit.models.planted.writer import PlantedWriter
from recaudit.models.planted.yes_no import PlantedYesNo
from recaudit.models.splits import split_population
from recaudit.models.testing import RecommenderContract, sample_requests
from recaudit.models.trainers.plain import fit

FAMILIES = ("llm", "semid", "diffusion", "planted", "baselines")
NO_RECOMMENDERS = {"planted/faults"}


def tallrec(log: InteractionLog) -> Recommender:
    rng = np.random.default_rng(0)
    population = split_population(log, rng=rng)
    model = Tallrec(log.catalog, TallrecConfig(base_epochs=1, epochs=1, rows_per_user=1))
    model.prepare(log, population.base, rng)
    fit(model.task(log, population.members, rng), rng)
    return model


def yes_no(log: InteractionLog) -> Recommender:
    return PlantedYesNo(catalog=log.catalog, reads={"gender": ("man", "woman")})


def writer(log: InteractionLog) -> Recommender:
    return PlantedWriter(catalog=log.catalog)


MAKERS: dict[str, Callable[[InteractionLog], Recommender]] = {
    "llm/tallrec": tallrec,
    "planted/yes_no": yes_no,
    "planted/writer": writer,
    "baselines/popularity": lambda log: baselines.Popularity.fitted(log, range(log.n_users)),
    "baselines/count_ratio": lambda log: baselines.CountRatio.fitted(log, range(log.n_users)),
    "baselines/item_mean": lambda log: baselines.ItemMean.fitted(log, range(log.n_users)),
    "baselines/count_ratio_item_mean": lambda log: baselines.CountRatioItemMean.fitted(
        log, range(log.n_users)
    ),
}


def test_every_recommender_is_enrolled() -> None:
    root = Path(baselines.__file__).parents[1]
    files = {f"{family}/{path.stem}" for family in FAMILIES for path in (root / family).glob("[!_]*.py")}
    assert files - NO_RECOMMENDERS == set(MAKERS)


@pytest.mark.parametrize("name", MAKERS, scope="class")
class TestContract(RecommenderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def recommender(cls, name: str, tiny_world: InteractionLog) -> Recommender:
        return MAKERS[name](tiny_world)

    @pytest.fixture(scope="class")
    @classmethod
    def requests(cls, tiny_world: InteractionLog) -> list[Request]:
        return sample_requests(tiny_world.catalog, users=4, rng=np.random.default_rng(1))
