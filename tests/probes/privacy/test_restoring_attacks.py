"""PIA and SecMI find people that a denoiser knows by heart, not those of a prior."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from recaudit.models.data import Catalog, FloatArray, History, InteractionLog
from recaudit.models.datasets.world import WorldSettings, build_world
from recaudit.models.planted.denoiser import PlantedDenoiser
from recaudit.probes.privacy._restoring_attacks import NORMAL_SIZE, RESTORING_ATTACKS, restoring_scores
from recaudit.probes.stats.auc import auc


@pytest.fixture(scope="module")
def log() -> InteractionLog:
    settings = WorldSettings(users=400, items=200, per_user=30)
    made = build_world(settings, name="w", rng=np.random.default_rng(3))
    return replace(made, liked=None)


def found(log: InteractionLog, *, memory: float) -> dict[str, float]:
    model = PlantedDenoiser.of(log, np.arange(300, 400), memory=memory).remembering(log, np.arange(150))
    scores = restoring_scores(model, [log.history(user) for user in range(300)])
    values = {name: auc(own[:150], own[150:]) for name, own in scores.items()}
    return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class GaussianPrior:
    """Knows only that entries are standard normal: x0 = sqrt(a_t) x_t."""

    catalog: Catalog
    signal: tuple[float, ...] = (0.99, 0.9, 0.5)

    def rows_of(self, histories: list[History]) -> FloatArray:
        return np.array([history.items for history in histories], dtype=np.float64) / 1000

    def signal_kept(self) -> FloatArray:
        return np.array(self.signal)

    def restore(self, noised: FloatArray, step: int) -> FloatArray:
        return np.asarray(np.sqrt(self.signal[step]) * noised)


@dataclass(frozen=True)
class ByHeart(GaussianPrior):
    """The best guess of someone to whom these rows are all there is."""

    remembered: tuple[tuple[float, ...], ...] = ()

    def restore(self, noised: FloatArray, step: int) -> FloatArray:
        a, rows = self.signal[step], np.array(self.remembered)
        apart = np.square(noised[:, None] - np.sqrt(a) * rows[None]).sum(axis=2) / (2 * (1 - a))
        weights = np.exp(apart.min(axis=1, keepdims=True) - apart)
        return np.asarray(weights @ rows / weights.sum(axis=1, keepdims=True))


def normal_histories(n: int) -> list[History]:
    rows = np.random.default_rng(0).normal(0, 1000, (n, 16)).round().astype(int)
    return [History(user, tuple(row)) for user, row in enumerate(rows.tolist())]


def test_a_memory_of_the_training_set_gives_everyone_away_and_a_gaussian_prior_no_one(
    log: InteractionLog,
) -> None:
    people = normal_histories(400)
    prior = GaussianPrior(log.catalog)
    rows = prior.rows_of(people)
    heart = ByHeart(log.catalog, remembered=tuple(map(tuple, rows[:200].tolist())))
    for model, wanted, off in ((heart, 1.0, 5e-4), (prior, 0.5, 0.07)):
        for scores in restoring_scores(model, people).values():
            assert auc(scores[:200], scores[200:]) == pytest.approx(wanted, abs=off)


def test_a_denoiser_over_histories_gives_away_what_it_memorised(log: InteractionLog) -> None:
    assert found(log, memory=1.0) == pytest.approx(dict.fromkeys(RESTORING_ATTACKS, 1.0), abs=0.01)
    honest, some = found(log, memory=0.0), found(log, memory=0.2)
    for attack in RESTORING_ATTACKS:
        assert honest[attack] == pytest.approx(0.5, abs=0.1) and some[attack] > honest[attack] + 0.1


def test_errors_in_rows_are_multiples_of_the_papers_errors_in_noise(log: InteractionLog) -> None:
    """So that at one pair of levels people are ordered as by the papers' own figures."""
    model = PlantedDenoiser.of(log, np.arange(300, 400), memory=0.2).remembering(log, np.arange(150))
    model = replace(model, signal=(0.9, 0.5))
    histories = [log.history(user) for user in range(300)]
    rows, (a, b) = model.rows_of(histories), model.signal
    own = rows != 0

    def noise_in(x: FloatArray, step: int) -> FloatArray:
        kept = model.signal[step]
        return np.asarray((x - np.sqrt(kept) * model.restore(x, step)) / np.sqrt(1 - kept))

    first = noise_in(rows, 0)
    first = first / np.abs(first).mean(axis=1, keepdims=True) * NORMAL_SIZE
    pia = first - noise_in(np.sqrt(b) * rows + np.sqrt(1 - b) * first, 1)
    pia_error = (np.where(own, np.abs(pia) ** 4, 0).sum(axis=1) / own.sum(axis=1)) ** 0.25
    start = np.sqrt(a) * model.restore(rows, 0) + np.sqrt(1 - a) * first
    up = np.sqrt(b) * model.restore(rows, 0) + np.sqrt(1 - b) * first
    back = np.sqrt(a) * model.restore(up, 1) + np.sqrt(1 - a) * noise_in(up, 1)
    secmi_error = np.sqrt(np.where(own, (back - start) ** 2, 0).sum(axis=1) / own.sum(axis=1))
    scores = restoring_scores(model, histories)
    for attack, error in (("pia", pia_error), ("secmi", secmi_error)):
        off = scores[attack] + np.log(error)
        assert off == pytest.approx(off[0], abs=1e-9)


def test_a_single_noise_level_or_no_entry_tells_nothing(log: InteractionLog) -> None:
    model = PlantedDenoiser.of(log, np.arange(300, 400))
    alone = restoring_scores(replace(model, signal=(0.9,)), [log.history(0)])
    assert all(np.isnan(scores).all() for scores in alone.values())
    scores = restoring_scores(model, [log.history(0), History(1, ())])
    assert all(np.isfinite(own[0]) and np.isnan(own[1]) for own in scores.values())
