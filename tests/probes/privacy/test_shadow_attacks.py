"""Attacks by copies come to what closed forms, brute force and an oracle say."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.models.data import BoolArray, FloatArray
from recaudit.probes.privacy._shadow_attacks import (
    Spread,
    attack_r,
    balanced_coins,
    bavaria,
    fitted_prior,
    gain,
    lira,
    log_above,
    log_ratio,
    predictive,
    rmia,
)
from recaudit.probes.stats.auc import auc

PHI = NormalDist().cdf
SHIFT, EASE = 0.954, 0.851
"""By these a person's own difficulty (variance EASE) hides a shift of SHIFT standard deviations."""


def world(
    n: int, copies: int, *, shift: float, seed: int = 0, coins: BoolArray | None = None
) -> tuple[FloatArray, FloatArray, BoolArray, BoolArray]:
    """Signal of the target, of the copies, who trained which copy, and who trained the target."""
    rng = np.random.default_rng(seed)
    member = np.arange(n) < n // 2
    trained = balanced_coins(copies, n, rng) if coins is None else coins
    heard = rng.normal(0, EASE**0.5, n) + rng.normal(0, 1, (copies + 1, n))
    heard += shift * np.vstack([member, trained])
    return heard[0], heard[1:], trained, member


def told_apart(scores: FloatArray, member: BoolArray) -> float:
    value = auc(scores[member], scores[~member])
    assert value is not None
    return value


def test_one_sided_beats_no_calibration_which_beats_two_sided() -> None:
    nobody = np.zeros((200, 40000), dtype=np.bool_)
    target, shadows, trained, member = world(40000, 200, shift=SHIFT, coins=nobody)
    sharp = PHI(SHIFT / 2**0.5)
    assert told_apart(lira(target, shadows, trained), member) == pytest.approx(sharp, abs=0.008)
    assert sharp == pytest.approx(0.750, abs=5e-4)
    plain = PHI(SHIFT / (2 * (1 + EASE)) ** 0.5)
    assert told_apart(target, member) == pytest.approx(plain, abs=0.008)
    assert plain == pytest.approx(0.690, abs=2e-3)
    out = Spread.of(shadows, ~trained)
    two_sided = np.abs(target - out.mean) / np.sqrt(out.squares / (out.count - 1))
    outlying = sharp**2 + (1 - sharp) ** 2
    assert told_apart(two_sided, member) == pytest.approx(outlying, abs=0.008)
    assert outlying == pytest.approx(0.626, abs=2e-3)


def test_scores_a_standard_deviation_apart_have_the_textbook_auc() -> None:
    rng = np.random.default_rng(0)
    negative, positive = rng.normal(0, 1, 200_000), rng.normal(1, 1, 200_000)
    assert auc(positive, negative) == pytest.approx(PHI(0.5**0.5), abs=3e-3)
    assert np.mean(positive > np.quantile(negative, 0.999)) == pytest.approx(0.0183, abs=2e-3)


@pytest.mark.parametrize("attack", [lira, bavaria, attack_r])
@pytest.mark.parametrize("online", [True, False])
def test_without_a_shift_nothing_is_found(attack: object, online: bool) -> None:
    coins = None if online else np.zeros((16, 4000), dtype=np.bool_)
    target, shadows, trained, member = world(4000, 16, shift=0.0, coins=coins)
    # Standard error .009 at 2000 a side.
    assert told_apart(attack(target, shadows, trained), member) == pytest.approx(0.5, abs=0.03)  # type: ignore[operator]


def test_with_few_copies_knowing_what_is_unknown_helps() -> None:
    target, shadows, trained, member = world(20000, 8, shift=0.5)
    found = {attack: told_apart(attack(target, shadows, trained), member) for attack in (bavaria, lira)}
    assert found[bavaria] > found[lira] + 0.03
    # The best anyone could do, with the person's ease and the shift known exactly.
    assert found[bavaria] < PHI(0.5 / 2**0.5) + 0.01
    z = np.zeros(100), np.zeros((8, 100)), np.zeros((8, 100), dtype=np.bool_)
    assert rmia(log_ratio(target, shadows, trained), log_ratio(*z)).shape == target.shape


def test_enough_copies_give_each_person_a_spread_of_its_own() -> None:
    target, shadows, trained, _ = world(50, 128, shift=0.5)
    from scipy import stats

    kinds = [[shadows[coin == side, i] for i, coin in enumerate(trained.T)] for side in (True, False)]
    own = [
        [stats.norm.logpdf(target[i], copies.mean(), copies.std(ddof=1)) for i, copies in enumerate(kind)]
        for kind in kinds
    ]
    assert lira(target, shadows, trained) == pytest.approx(np.array(own[0]) - np.array(own[1]))


def test_the_posterior_is_the_textbooks() -> None:
    """By integrating the normal over mean and variance under the prior, on a fine grid."""
    from scipy import integrate, stats

    rng = np.random.default_rng(0)
    shadows = rng.normal(0, 2, 30) + rng.normal(0, 1, (4, 30)) * rng.gamma(4, 0.3, 30)
    spread = Spread.of(shadows, np.ones((4, 30), dtype=np.bool_))
    m, kappa, a, b = fitted_prior(spread)
    degrees, centre, scale = predictive(spread)
    own, new = shadows[:, 0], float(centre[0] + scale[0])

    def joint(values: FloatArray) -> float:
        def density(log_s2: float) -> float:
            s2 = np.exp(log_s2)
            covariance = s2 * (np.eye(len(values)) + 1 / kappa)
            likelihood = stats.multivariate_normal.pdf(values, np.full(len(values), m), covariance)
            return float(likelihood * stats.invgamma.pdf(s2, a, scale=b) * s2)

        return float(integrate.quad(density, -12, 12, limit=400)[0])

    exact = joint(np.append(own, new)) / joint(own)
    assert stats.t.pdf(new, degrees[0], centre[0], scale[0]) == pytest.approx(exact, rel=1e-5)


def test_moments_find_the_prior_behind_many_people() -> None:
    rng = np.random.default_rng(1)
    a, b, kappa, m = 4.0, 6.0, 0.5, 3.0
    variance = b / rng.gamma(a, 1, 60000)
    mean = m + rng.normal(0, 1, 60000) * np.sqrt(variance / kappa)
    shadows = mean + rng.normal(0, 1, (12, 60000)) * np.sqrt(variance)
    found = fitted_prior(Spread.of(shadows, np.ones_like(shadows, dtype=np.bool_)))
    assert found == pytest.approx((m, kappa, a, b), rel=0.25)


def test_the_gain_is_drawn_to_its_mean_where_chance_explains_it() -> None:
    _, shadows, trained, _ = world(20000, 8, shift=0.7)
    drawn = gain(shadows, trained)
    own = Spread.of(shadows, trained).mean - Spread.of(shadows, ~trained).mean
    assert drawn.mean() == pytest.approx(0.7, abs=0.03) and drawn.std() < 0.1 * own.std()
    assert (gain(-shadows, trained) > 0).all()


# RMIA


def pairwise(ratio: FloatArray, population: FloatArray, gamma: float) -> FloatArray:
    return np.asarray(((ratio - np.log(gamma))[:, None] >= population[None]).mean(axis=1))


@given(
    st.lists(st.floats(-5, 5), max_size=30),
    st.lists(st.floats(-5, 5), min_size=1, max_size=30),
    st.sampled_from([1.0, 2.0, 0.5]),
)
@settings(max_examples=100, deadline=None)
def test_sorting_gives_exactly_what_all_pairs_give(
    ratio: list[float], population: list[float], gamma: float
) -> None:
    ratios, strangers = np.round(ratio, 1), np.round(population, 1)
    assert np.array_equal(rmia(ratios, strangers, gamma=gamma), pairwise(ratios, strangers, gamma))


def test_rmia_does_not_care_for_a_common_factor_and_is_even_on_its_own_population() -> None:
    target, shadows, trained, _ = world(400, 8, shift=0.5)
    strangers = world(300, 8, shift=0.5, seed=1, coins=np.zeros((8, 300), dtype=np.bool_))[:3]
    ratio, population = log_ratio(target, shadows, trained), log_ratio(*strangers)
    scaled = log_ratio(target + 3.0, shadows, trained), log_ratio(strangers[0] + 3.0, *strangers[1:])
    assert rmia(*scaled) == pytest.approx(rmia(ratio, population), abs=1 / 300)
    assert np.sort(rmia(population, population)) == pytest.approx(np.arange(1, 301) / 300)


def test_the_usual_p_is_the_mean_of_both_kinds_or_of_the_one_there_is() -> None:
    p = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.9]])
    trained = np.array([[True, False], [False, False], [True, False]])
    usual = [((0.1 + 0.5) / 2 + 0.3) / 2, (0.2 + 0.4 + 0.9) / 3]
    found = log_ratio(np.log([0.6, 0.6]), np.log(p), trained)
    assert found == pytest.approx(np.log(0.6 / np.array(usual)))


def test_the_share_of_copies_that_know_as_well() -> None:
    shadows = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    trained = np.array([[False, False], [False, False], [True, False]])
    assert attack_r(np.array([1.5, 5.0]), shadows, trained) == pytest.approx([-2 / 3, -1.0])


@pytest.mark.parametrize("copies", [4, 5, 16])
def test_everyone_is_in_half_of_the_copies_and_copies_differ(copies: int) -> None:
    coins = balanced_coins(copies, 1000, np.random.default_rng(0))
    assert (coins.sum(axis=0) == copies // 2).all()
    share = coins.mean(axis=1)
    assert share == pytest.approx(copies // 2 / copies, abs=0.06)
    assert np.array_equal(coins, balanced_coins(copies, 1000, np.random.default_rng(0)))


@pytest.mark.parametrize("degrees", [5.0, 12.0, 200.0])
def test_the_tail_is_students_and_ends_nowhere(degrees: float) -> None:
    from scipy import stats

    t = np.linspace(-8, 8, 81)
    exact = stats.norm.isf(stats.t.sf(t, degrees))
    assert stats.norm.isf(np.exp(log_above(t, np.array(degrees)))) == pytest.approx(exact, abs=0.04)
    far = log_above(np.array([-1e12, 1e6, 1e12]), np.array(degrees))
    assert np.isfinite(far).all() and far[0] == pytest.approx(0) and far[2] < far[1] < -30


def test_who_stands_out_more_is_never_the_less_sure_member() -> None:
    """A ratio of t densities would turn back: far out, both curves are equally unlikely."""
    _, shadows, trained, _ = world(500, 8, shift=0.7)
    ladder = [bavaria(np.full(500, level), shadows, trained) for level in np.linspace(-20, 60, 41)]
    assert (np.diff(ladder, axis=0) > 0).all() and np.isfinite(ladder).all()
