"""One small world for all contract tests, and one TALLRec trained on it."""

import numpy as np
import pytest
from recaudit.models.data import InteractionLog
from recaudit.models.datasets.world import load


@pytest.fixture(scope="session")
def tiny_world() -> InteractionLog:
    return load("world-tiny", rng=np.random.default_rng(0))
