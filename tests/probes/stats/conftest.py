"""How far a simulated rate may be from the rate it should have."""

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)


@pytest.fixture
def plausible() -> Callable[..., bool]:
    """Whether so many events in so many trials are inside the exact binomial band of a rate."""

    def check(events: int, trials: int, rate: float, *, band: float = 0.99) -> bool:
        from scipy.stats import binom

        low, high = binom.interval(band, trials, rate)
        return bool(low <= events <= high)

    return check
