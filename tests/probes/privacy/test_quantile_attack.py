"""The quantile attack accuses strangers as often as it says, whoever they are."""

import numpy as np
import pytest
from recaudit.models.data import FloatArray
from recaudit.probes.privacy._quantile_attack import QuantileAttack
from recaudit.probes.stats.auc import auc


def strangers(n: int, rng: np.random.Generator, *, shift: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """A signal whose level and spread grow with a feature: l = x + x * noise."""
    x = rng.uniform(0.5, 4, n)
    return np.column_stack([x, rng.normal(0, 1, n)]), x + x * (rng.normal(0, 1, n) + shift)


def test_fresh_strangers_are_accused_as_rarely_as_said_at_every_difficulty() -> None:
    rates, by_bin, plain = [], [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        attack = QuantileAttack.fit(*strangers(1500, rng), rng=rng)
        features, signal = strangers(3000, rng)
        accused = attack.accuses(attack.scores(features, signal), 0.05)
        rates.append(accused.mean())
        bins = [features[:, 0] < 1.7, features[:, 0] > 2.8]
        by_bin.append([accused[own].mean() for own in bins])
        over = signal > np.quantile(signal, 0.95)
        plain.append([over[own].mean() for own in bins])
    # Calibration on 750 people moves a rate by .008, so the mean of 12 by .0023 (and the fresh .001).
    assert np.mean(rates) == pytest.approx(0.05, abs=0.009)
    assert np.mean(by_bin, axis=0) == pytest.approx([0.05, 0.05], abs=0.02)
    assert np.mean(plain, axis=0)[1] > 0.1 and np.mean(plain, axis=0)[0] < 0.01


@pytest.mark.parametrize("n", [60, 75])
def test_few_strangers_keep_the_rate_too(n: int) -> None:
    rates = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        attack = QuantileAttack.fit(*strangers(n, rng), rng=rng)
        rates.append(attack.accuses(attack.scores(*strangers(200, rng)), 0.05).mean())
    assert 0.0 < np.mean(rates) <= 0.05 + 0.02


def test_it_beats_the_plain_attack_where_people_differ_and_finds_nothing_where_there_is_nothing() -> None:
    rng = np.random.default_rng(0)
    attack = QuantileAttack.fit(*strangers(3000, rng), rng=rng)
    others, members, same = (strangers(3000, rng, shift=shift) for shift in (0.0, 1.0, 0.0))
    scores = [attack.scores(*side) for side in (members, others, same)]
    found, plain = auc(scores[0], scores[1]), auc(members[1], others[1])
    assert found is not None and plain is not None and found > plain + 0.03
    assert auc(scores[2], scores[1]) == pytest.approx(0.5, abs=0.03)


def test_too_few_are_refused_and_no_one_is_accused_at_a_rate_that_cannot_be_held() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="59 people are too few"):
        QuantileAttack.fit(*strangers(59, rng), rng=rng)
    attack = QuantileAttack.fit(*strangers(60, rng), rng=rng)
    assert not attack.accuses(np.array([1e9]), 0.01).any()
