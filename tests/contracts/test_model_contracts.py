"""Every shipped recommender keeps the promises of the conformance suite; a new file must be here too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recaudit.models import baselines
from recaudit.models.base import Recommender, Request
from recaudit.models.data import InteractionLog
from recaudit.models.diffusion.diffrec import Diffrec, DiffrecConfig
from recaudit.models.diffusion.diffris import Diffris, DiffrisConfig
from recaudit.models.diffusion.dreamrec import Dreamrec, DreamrecConfig
from recaudit.models.diffusion.ldiffrec import Ldiffrec, LdiffrecConfig
from recaudit.models.diffusion.mcdrec import Mcdrec, McdrecConfig
from recaudit.models.diffusion.tdiffrec import Tdiffrec, TdiffrecConfig
from recaudit.models.llm.tallrec import Tallrec, TallrecConfig
from recaudit.models.planted.coder import CoderDials, PlantedCoder
from recaudit.models.planted.denoiser import PlantedDenoiser
from recaudit.models.planted.discloser import DiscloserDials, PlantedDiscloser
from recaudit.models.planted.echo import EchoDials, PlantedEcho
from recaudit.models.planted.gatekeeper import PlantedGatekeeper
from recaudit.models.planted.lister import ListerDials, PlantedLister
from recaudit.models.planted.pointer import PlantedPointer, PointerDials
from recaudit.models.planted.ranker import PlantedRanker
from recaudit.models.planted.recaller import PlantedRecaller
from recaudit.models.planted.reciter import PlantedReciter
from recaudit.models.planted.shortlister import PlantedShortlister
from recaudit.models.planted.swayed import PlantedLists, SwayedDials
from recaudit.models.planted.timekeeper import PlantedTimekeeper
from recaudit.models.planted.writer import PlantedWriter
from recaudit.models.planted.yes_no import PlantedYesNo
from recaudit.models.semid.gptrec import Gptrec, GptrecConfig
from recaudit.models.semid.lcrec import Lcrec, LcrecConfig
from recaudit.models.semid.letter import Letter, LetterConfig
from recaudit.models.semid.lightlm import Lightlm, LightlmConfig
from recaudit.models.semid.tiger import Tiger, TigerConfig
from recaudit.models.splits import split_population
from recaudit.models.testing import RecommenderContract, sample_requests
from recaudit.models.trainers.plain import fit

FAMILIES = ("llm", "semid", "diffusion", "planted", "baselines")
NO_RECOMMENDERS = {"planted/faults"}


def trained(model: Any, log: InteractionLog) -> Recommender:
    """Prepared on base users and trained on members, by its own recipe."""
    rng = np.random.default_rng(0)
    population = split_population(log, rng=rng)
    model.prepare(log, population.base, rng)
    fit(model.task(log, population.members, rng), rng)
    return model


def tallrec(log: InteractionLog) -> Recommender:
    config = TallrecConfig(base_epochs=1, epochs=1, rows_per_user=1)
    return trained(Tallrec(log.catalog, config), log)


def yes_no(log: InteractionLog) -> Recommender:
    return PlantedYesNo(catalog=log.catalog, reads={"gender": ("man", "woman")})


def denoiser(log: InteractionLog) -> Recommender:
    return PlantedDenoiser.of(log, range(150), memory=0.5).remembering(log, range(150, log.n_users))


def coder(log: InteractionLog) -> Recommender:
    return PlantedCoder(catalog=log.catalog, dials=CoderDials(stray=0.2, collisions=0.1))


def pointer(log: InteractionLog) -> Recommender:
    return PlantedPointer(catalog=log.catalog, dials=PointerDials(miss=0.5, restless=0.5))


def swayed(log: InteractionLog) -> Recommender:
    dials = SwayedDials(sway={("gender", "woman"): 0.3}, insertion=0.2, noise=0.2)
    return PlantedLists(catalog=log.catalog, dials=dials, reads={"gender": ("man", "woman")})


def writer(log: InteractionLog) -> Recommender:
    return PlantedWriter(catalog=log.catalog)


MAKERS: dict[str, Callable[[InteractionLog], Recommender]] = {
    "diffusion/diffrec": lambda log: trained(Diffrec(log.catalog, DiffrecConfig(epochs=2)), log),
    "diffusion/diffris": lambda log: trained(Diffris(log.catalog, DiffrisConfig(epochs=2)), log),
    "diffusion/dreamrec": lambda log: trained(Dreamrec(log.catalog, DreamrecConfig(epochs=2)), log),
    "diffusion/ldiffrec": lambda log: trained(Ldiffrec(log.catalog, LdiffrecConfig(epochs=2)), log),
    "diffusion/mcdrec": lambda log: trained(Mcdrec(log.catalog, McdrecConfig(epochs=2)), log),
    "diffusion/tdiffrec": lambda log: trained(Tdiffrec(log.catalog, TdiffrecConfig(epochs=2)), log),
    "llm/tallrec": tallrec,
    "semid/gptrec": lambda log: trained(
        Gptrec(log.catalog, GptrecConfig(imitation_epochs=2, reward_epochs=2)), log
    ),
    "semid/lcrec": lambda log: trained(Lcrec(log.catalog, LcrecConfig(epochs=1, codes=8)), log),
    "semid/lightlm": lambda log: trained(Lightlm(log.catalog, LightlmConfig(epochs=2)), log),
    "planted/coder": coder,
    "planted/lister": lambda log: PlantedLister(catalog=log.catalog, dials=ListerDials(personal=0.5)),
    "planted/yes_no": yes_no,
    "planted/swayed": swayed,
    "planted/writer": writer,
    "planted/denoiser": denoiser,
    "planted/pointer": pointer,
    "planted/echo": lambda log: PlantedEcho(catalog=log.catalog, dials=EchoDials(brittle=0.5)),
    "planted/discloser": lambda log: PlantedDiscloser(
        catalog=log.catalog, group=log.attributes["gender"], dials=DiscloserDials(told=0.5)
    ),
    "planted/recaller": lambda log: PlantedRecaller(
        catalog=log.catalog, log=log, shares=(1 + log.item_counts) / (1 + log.item_counts).sum()
    ),
    "planted/gatekeeper": lambda log: PlantedGatekeeper(catalog=log.catalog, counts=log.item_counts),
    "planted/shortlister": lambda log: PlantedShortlister(judge=PlantedYesNo(catalog=log.catalog)),
    "planted/reciter": lambda log: PlantedReciter(catalog=log.catalog, log=log, items=0.5, users=0.5),
    "planted/timekeeper": lambda log: PlantedTimekeeper(
        catalog=log.catalog, log=log, out_from=np.full(len(log.catalog), 1.6e9), foresight=0.3
    ),
    "planted/ranker": lambda log: PlantedRanker(catalog=log.catalog, log=log, counts=log.item_counts),
    "semid/letter": lambda log: trained(
        Letter(log.catalog, LetterConfig(epochs=2, id_epochs=20, levels=3, codes=16)), log
    ),
    "semid/tiger": lambda log: trained(Tiger(log.catalog, TigerConfig(epochs=2)), log),
    "baselines/ease": lambda log: baselines.Ease.fitted(log, range(log.n_users)),
    "baselines/item_knn": lambda log: baselines.ItemKNN.fitted(log, range(log.n_users)),
    "baselines/item_transition": lambda log: baselines.ItemTransition.fitted(log, range(log.n_users)),
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
