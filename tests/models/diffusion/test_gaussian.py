"""Every closed form of the diffusion core against its definition, brute force, or simulation."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recaudit.models.base import ModelError
from recaudit.models.diffusion._gaussian import (
    LevelDraw,
    Schedule,
    guided,
    level_features,
    noise_in,
    noised,
    reverse,
    schedule,
    without,
)

PLANS = {
    "linear": schedule("linear", 20, low=1e-4, high=0.02),
    "linear-var": schedule("linear-var", 40, low=2.5e-5, high=5e-5),
    "exp": schedule("exp", 30, low=0.1, high=10),
    "cosine": schedule("cosine", 50),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
class TestSchedules:
    def test_noise_only_grows(self, plan: Schedule) -> None:
        assert ((plan.betas > 0) & (plan.betas < 1)).all()
        assert (np.diff(plan.alpha_bar) < 0).all() and (np.diff(plan.snr) < 0).all()

    def test_the_posterior_is_that_of_bayes(self, plan: Schedule) -> None:
        """x_{t-1} given x_t and x_0 by conditioning the joint normal of (x_{t-1}, x_t) given x_0."""
        for t in (1, len(plan) // 2, len(plan) - 1):
            before, beta = plan.alpha_bar_before[t], plan.betas[t]
            mean = np.array([before**0.5, plan.alpha_bar[t] ** 0.5])
            covariance = (1 - beta) ** 0.5 * (1 - before)
            gain = covariance / (1 - plan.alpha_bar[t])
            assert plan.xt_weight[t] == pytest.approx(gain)
            assert plan.x0_weight[t] == pytest.approx(mean[0] - gain * mean[1], rel=1e-4)
            assert plan.variance[t] == pytest.approx((1 - before) - gain * covariance, rel=1e-4)

    def test_the_lowest_level_is_the_estimate_itself(self, plan: Schedule) -> None:
        assert (plan.x0_weight[0], plan.xt_weight[0]) == (pytest.approx(1), 0) and plan.variance[0] == 0

    def test_loss_weights_are_the_steps_of_the_signal_to_noise_ratio(self, plan: Schedule) -> None:
        assert plan.snr_loss_weight[0] == 1 and (plan.snr_loss_weight > 0).all()
        assert plan.snr_loss_weight[1:].sum() == pytest.approx(plan.snr[0] - plan.snr[-1])


def test_schedules_are_the_published_ones() -> None:
    variance = PLANS["linear-var"]
    assert variance.betas[0] == 1e-5
    # From the second level on, 1 - abar rises evenly, but for the first beta that was set.
    kept = variance.alpha_bar / (1 - 1e-5)
    np.testing.assert_allclose(1 - kept * (1 - 2.5e-5), np.linspace(2.5e-5, 5e-5, 40), rtol=1e-6, atol=0)
    assert PLANS["linear"].betas[[0, -1]].tolist() == [1e-4, 0.02]
    middle = 1 - np.exp(-0.1 / 30 - 9.9 * (2 * 14 + 1) / (2 * 900))
    assert PLANS["exp"].betas[14] == pytest.approx(middle)
    whole = np.cos((10 / 50 + 0.008) / 1.008 * np.pi / 2) ** 2 / np.cos(0.008 / 1.008 * np.pi / 2) ** 2
    assert PLANS["cosine"].alpha_bar[9] == pytest.approx(whole)
    assert PLANS["exp"].alpha_bar[-1] < 0.01 and PLANS["cosine"].alpha_bar[-1] < 0.001


def test_marginals_are_those_of_adding_noise_step_by_step() -> None:
    plan, rng = PLANS["exp"], np.random.default_rng(0)
    x = np.full(200_000, 2.0)
    for beta in plan.betas[:8]:
        x = np.sqrt(1 - beta) * x + np.sqrt(beta) * rng.standard_normal(len(x))
    assert x.mean() == pytest.approx(2 * plan.alpha_bar[7] ** 0.5, abs=4 * (1 / len(x)) ** 0.5)
    assert x.var() == pytest.approx(1 - plan.alpha_bar[7], rel=0.02)


@given(level=st.integers(0, 29), seed=st.integers(0, 100))
def test_noise_and_signal_are_told_apart(level: int, seed: int) -> None:
    generator, plan = torch.Generator().manual_seed(seed), PLANS["exp"]
    x0, noise = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    t = torch.full((5,), level)
    xt = noised(x0, t, noise, plan)
    torch.testing.assert_close(noise_in(xt, x0, t, plan), noise)
    torch.testing.assert_close(without(xt, noise, t, plan), x0)


def test_levels_are_looked_up_row_by_row() -> None:
    plan = PLANS["exp"]
    found = noised(torch.ones(2, 3), torch.tensor([0, 29]), torch.zeros(2, 3), plan)
    np.testing.assert_allclose(found[:, 0], plan.alpha_bar[[0, 29]] ** 0.5, rtol=1e-6)


class TestReverse:
    def test_an_oracle_is_believed(self) -> None:
        truth = torch.randn(4, 6)
        for sampler in ("mean", "ancestral", "ddim"):
            found = reverse(
                torch.randn(4, 6),
                lambda x, t: truth,
                PLANS["exp"],
                sampler=sampler,
                noise=lambda t: truth * 0,
            )
            torch.testing.assert_close(found, truth)

    def test_visits_every_level_downwards(self) -> None:
        seen = list[int]()

        def watched(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            seen.append(int(t[0]))
            return x

        reverse(torch.zeros(1, 1), watched, PLANS["exp"])
        assert seen == list(range(29, -1, -1))
        seen.clear()
        reverse(torch.zeros(1, 1), watched, PLANS["exp"], sampler="ddim", levels=(0, 9, 29))
        assert seen == [29, 9, 0]

    @pytest.mark.parametrize("sampler", ["ancestral", "ddim"])
    def test_the_best_denoiser_of_a_normal_law_gives_that_law_back(self, sampler: str) -> None:
        """For x_0 ~ N(m, s^2) the best estimate of x_0 is linear in x_t; sampling must end at N(m, s^2)."""
        plan, mean, spread = schedule("exp", 200, low=0.1, high=10), 1.5, 0.5
        torch.manual_seed(0)

        def best(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            kept = float(plan.alpha_bar[int(t[0])])
            gain = kept**0.5 * spread**2 / (kept * spread**2 + 1 - kept)
            return mean + gain * (x - kept**0.5 * mean)

        kept = float(plan.alpha_bar[-1])
        start = kept**0.5 * (mean + spread * torch.randn(40_000, 1))
        start += (1 - kept) ** 0.5 * torch.randn(40_000, 1)
        found = reverse(start, best, plan, sampler=sampler, noise=lambda t: torch.randn(40_000, 1))
        assert float(found.mean()) == pytest.approx(mean, abs=0.02)
        assert float(found.std()) == pytest.approx(spread, rel=0.06)

    def test_the_mean_sampler_is_the_recursion_written_out(self) -> None:
        plan, x = PLANS["linear-var"], torch.tensor([[1.0, -2.0]], dtype=torch.float64)
        found = reverse(x, lambda x, t: 0.9 * x, plan)
        by_hand = x.numpy()
        for t in range(39, 0, -1):
            by_hand = plan.x0_weight[t] * 0.9 * by_hand + plan.xt_weight[t] * by_hand
        np.testing.assert_allclose(found, 0.9 * by_hand)

    def test_ancestral_sampling_asks_for_noise(self) -> None:
        with pytest.raises(ModelError, match="needs noise"):
            reverse(torch.zeros(1, 1), lambda x, t: x, PLANS["exp"], sampler="ancestral")


def test_guidance_leans_away_from_the_unconditional() -> None:
    with_it, without_it = torch.tensor([3.0]), torch.tensor([1.0])
    assert guided(with_it, without_it, 0).item() == 3 and guided(with_it, without_it, 2).item() == 7


class TestLevelDraw:
    def test_uniform_until_every_level_has_its_losses(self) -> None:
        draw = LevelDraw(3, importance=True, remembered=2)
        draw.remember(torch.tensor([0, 0, 1, 1, 2]), torch.tensor([1.0, 1, 2, 2, 9]))
        np.testing.assert_allclose(draw.chances(), 1 / 3)

    def test_then_in_proportion_to_the_root_mean_square_of_the_last(self) -> None:
        draw = LevelDraw(3, importance=True, remembered=2, floor=0.1)
        draw.remember(torch.tensor([2, 0, 0, 0, 1, 1, 2]), torch.tensor([4.0, 99, 3, 4, 0, 0, 3]))
        size = np.sqrt([12.5, 0, 12.5])
        np.testing.assert_allclose(draw.chances(), 0.9 * size / size.sum() + 0.1 / 3)

    def test_equals_a_loop_over_rows(self) -> None:
        rng, draw = np.random.default_rng(0), LevelDraw(4, importance=True, remembered=3)
        kept: list[list[float]] = [[] for _ in range(4)]
        for _ in range(30):
            levels, losses = rng.integers(0, 4, 7), rng.random(7)
            draw.remember(torch.from_numpy(levels), torch.from_numpy(losses))
            for level, loss in zip(levels, losses, strict=True):
                kept[level] = [*kept[level], loss][-3:]
        size = np.array([np.sqrt(np.mean(np.square(own))) for own in kept])
        np.testing.assert_allclose(draw.chances(), size / size.sum() * 0.999 + 0.001 / 4)

    def test_weights_keep_the_mean_loss_what_it_was(self) -> None:
        draw, losses = LevelDraw(3, importance=True, remembered=1), torch.tensor([1.0, 2, 6])
        draw.remember(torch.arange(3), losses)
        torch.manual_seed(0)
        level, correction = draw.draw(200_000)
        assert float((losses[level] * correction).mean()) == pytest.approx(3, rel=0.01)
        assert float((level == 2).float().mean()) == pytest.approx(6 / 9, abs=0.01)

    def test_even_draws_forget_everything(self) -> None:
        draw = LevelDraw(2, importance=False, remembered=1)
        draw.remember(torch.tensor([0, 1]), torch.tensor([1.0, 5.0]))
        level, correction = draw.draw(10)
        assert draw.chances().tolist() == [0.5, 0.5] and (correction == 1).all()


def test_level_features_are_cosines_and_sines() -> None:
    found = level_features(torch.tensor([0, 3]), 5)
    assert found.shape == (2, 5)
    assert found[0].tolist() == [1, 1, 0, 0, 0]
    assert found[1, 0] == pytest.approx(np.cos(3)) and found[1, 3] == pytest.approx(np.sin(0.03))


@pytest.mark.parametrize("wrong", [("linear", 0, 0.1, 0.2), ("linear", 3, 0.5, 1.5), ("linear", 2, -1, 0.1)])
def test_impossible_schedules_are_refused(wrong: tuple[str, int, float, float]) -> None:
    kind, steps, low, high = wrong
    with pytest.raises(ModelError, match="step"):
        schedule(kind, steps, low=low, high=high)
