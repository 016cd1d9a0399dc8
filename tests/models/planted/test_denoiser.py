"""The planted denoiser restores what its formulas say, one loop at a time."""

import numpy as np
import pytest
from recaudit.models.base import Request
from recaudit.models.capabilities import Denoises
from recaudit.models.data import Catalog, History
from recaudit.models.planted.denoiser import PlantedDenoiser

RNG = np.random.default_rng(0)
N_ITEMS = 12
CATALOG = Catalog(
    ids=tuple(f"i{item}" for item in range(N_ITEMS)),
    titles=tuple(f"Item {item}" for item in range(N_ITEMS)),
    years=np.zeros(N_ITEMS, dtype=np.int64),
    genres=((),) * N_ITEMS,
)
ROWS = (RNG.random((6, N_ITEMS)) < 0.4).astype(float)
SHARES = RNG.uniform(0.2, 0.6, N_ITEMS)
PEOPLE = [History(user, tuple(np.flatnonzero(row).tolist())) for user, row in enumerate(ROWS)]


def planted(memory: float) -> PlantedDenoiser:
    return PlantedDenoiser(catalog=CATALOG, shares=SHARES, remembered=ROWS[:4], memory=memory)


def noised(row: np.ndarray, a: float) -> np.ndarray:
    """The row with the noise that the first level asked about meets under seed 7."""
    return a**0.5 * row + (1 - a) ** 0.5 * np.random.default_rng(7).normal(size=N_ITEMS)


def errors(memory: float, step: int, people: list[History] = PEOPLE) -> np.ndarray:
    return planted(memory).denoising_errors(people, [step], rng=np.random.default_rng(7))[:, 0]


@pytest.mark.parametrize("step", [0, 1, 2])
def test_the_honest_guess_is_the_conditional_mean_of_a_normal(step: int) -> None:
    a = planted(0).signal[step]
    for row, found in zip(ROWS, errors(0, step), strict=True):
        seen, missed = noised(row, a), []
        for item in np.flatnonzero(row):
            spread = SHARES[item] * (1 - SHARES[item])
            covariance = np.array([[spread, a**0.5 * spread], [a**0.5 * spread, a * spread + 1 - a]])
            surprise = seen[item] - a**0.5 * SHARES[item]
            missed.append(row[item] - SHARES[item] - covariance[0, 1] / covariance[1, 1] * surprise)
        assert found == pytest.approx(np.mean(np.square(missed)))


@pytest.mark.parametrize("step", [0, 1, 2])
def test_the_memorising_guess_is_the_posterior_mean_over_its_rows(step: int) -> None:
    a = planted(1).signal[step]
    for row, found in zip(ROWS, errors(1, step), strict=True):
        seen = noised(row, a)
        weights = np.array(
            [np.exp(-np.square(seen - a**0.5 * own).sum() / (2 * (1 - a))) for own in ROWS[:4]]
        )
        guess = weights @ ROWS[:4] / weights.sum()
        assert found == pytest.approx(np.square(row - guess)[row > 0].mean(), abs=1e-12)


def test_everyone_meets_the_same_noise_alone_or_in_company() -> None:
    together = planted(0.5).denoising_errors(PEOPLE, [0, 2], rng=np.random.default_rng(7))
    alone = planted(0.5).denoising_errors(PEOPLE[3:4], [0, 2], rng=np.random.default_rng(7))
    assert alone[0] == pytest.approx(together[3])


def test_who_likes_nothing_has_no_error_and_dislikes_are_no_entries() -> None:
    half = History(0, (1, 2, 3), (True, False, True))
    nothing = History(1, (1, 2), (False, False))
    found = errors(0, 1, [half, nothing, History(2, (1, 3))])
    assert np.isnan(found).tolist() == [False, True, False] and found[0] == found[2]


def test_memory_shows_in_its_lists() -> None:
    assert isinstance(planted(0), Denoises) and planted(0).noise_steps() == 3
    own = PEOPLE[0].items
    (slate,) = planted(1).recommend([Request(history=History(0, own[:-1]))], 3)
    assert slate.entries[0].item == own[-1]
    assert not {entry.item for entry in slate.entries} & set(own[:-1])
    (stated,) = planted(1).recommend([Request(history=PEOPLE[0], candidates=own[:2])], 3)
    assert {entry.item for entry in stated.entries} == set(own[:2])
