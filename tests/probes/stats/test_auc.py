"""AUCs against counting pairs, the DeLong paper's definition, scikit-learn, and simulated coverage."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from recaudit.probes.stats.auc import (
    auc,
    auc_shares,
    delong,
    joint_alpha,
    paired_delong,
    user_auc,
    user_bootstrap_auc,
    user_bootstrap_auc_difference,
)
from recaudit.probes.stats.bootstrap import multinomial_counts
from recaudit.probes.stats.verdicts import implied_p
from scipy import stats
from sklearn.metrics import roc_auc_score

scores = st.lists(st.integers(-4, 4).map(float), min_size=2, max_size=15).map(np.array)
rows = st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.integers(0, 5)), min_size=6, max_size=40).map(
    lambda items: tuple(np.array(column) for column in zip(*items, strict=True))
)


def kernel(positive, negative):
    """The DeLong paper's psi: 1 if the positive scores higher, 1/2 on a tie."""
    return np.array([[(x > y) + (x == y) / 2 for y in negative] for x in positive])


@settings(max_examples=50)
@given(scores, scores)
def test_auc_counts_pairs(positive, negative):
    labels = np.repeat([1, 0], [len(positive), len(negative)])
    assert auc(positive, negative) == pytest.approx(kernel(positive, negative).mean())
    assert auc(positive, negative) == pytest.approx(
        roc_auc_score(labels, np.concatenate([positive, negative]))
    )


@settings(max_examples=50)
@given(scores, scores, st.floats(0.1, 5), st.floats(-9, 9))
def test_auc_knows_order_alone(positive, negative, scale, shift):
    value = auc(positive, negative)
    assert auc(np.exp(scale * positive + shift), np.exp(scale * negative + shift)) == value
    assert auc(negative, positive) == pytest.approx(1 - value)
    assert auc(positive[::-1], np.sort(negative)) == pytest.approx(value)


@settings(max_examples=50)
@given(scores, scores)
def test_shares_of_rows_have_the_auc_as_mean_and_delongs_spread(positive, negative):
    both, labels = (
        np.concatenate([positive, negative]),
        np.repeat([True, False], [len(positive), len(negative)]),
    )
    order = np.random.default_rng(0).permutation(len(both))
    shares = auc_shares(both[order], labels[order])
    assert shares.mean() == pytest.approx(auc(positive, negative))
    n, above = len(both), kernel(positive, negative)
    spread = [
        np.square(above.mean(axis=axis) - above.mean()).sum() / above.shape[1 - axis] ** 2 for axis in (1, 0)
    ]
    assert np.square(shares - shares.mean()).sum() / n**2 == pytest.approx(sum(spread))
    assert auc_shares(positive, np.ones(len(positive), dtype=bool)) is None


@settings(max_examples=50)
@given(scores, scores)
def test_delong_spread_is_the_papers(positive, negative):
    psi = kernel(positive, negative)
    variance = psi.mean(axis=1).var(ddof=1) / len(positive) + psi.mean(axis=0).var(ddof=1) / len(negative)
    interval = delong(positive, negative, alpha=0.05)
    assert interval.se == pytest.approx(variance**0.5, abs=1e-7)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
    assert interval.low < interval.high


@settings(max_examples=50)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 2**31))
def test_paired_delong_is_the_papers(n_pos, n_neg, seed):
    draw = np.random.default_rng(seed)
    pos_a, pos_b = draw.integers(-3, 4, (2, n_pos)).astype(float)
    neg_a, neg_b = draw.integers(-3, 4, (2, n_neg)).astype(float)
    psi = kernel(pos_a, neg_a) - kernel(pos_b, neg_b)
    variance = psi.mean(axis=1).var(ddof=1) / n_pos + psi.mean(axis=0).var(ddof=1) / n_neg
    interval = paired_delong(pos_a, neg_a, pos_b, neg_b, alpha=0.05)
    assert interval.value == pytest.approx(psi.mean(), abs=1e-9)
    assert interval.se == pytest.approx(variance**0.5, abs=1e-7)
    same = paired_delong(pos_a, neg_a, np.exp(pos_a), np.exp(neg_a), alpha=0.05)
    assert same.low == same.value == same.high == 0


def test_perfect_separation_is_as_wide_as_its_pairs_allow():
    for sign, end in ((1, "low"), (-1, "high")):
        interval = delong(sign * np.arange(10, 30.0), sign * np.arange(-5, 5.0), alpha=0.05)
        unseen = 1 - 0.05 ** (1 / 10)
        expected = 1 - unseen if sign == 1 else unseen
        assert getattr(interval, end) == pytest.approx(expected)
    tied = delong(np.ones(10), np.ones(10), alpha=0.05)
    assert (tied.low, tied.value, tied.high) == pytest.approx((0.5 * 0.05**0.1, 0.5, 1 - 0.5 * 0.05**0.1))


@pytest.mark.parametrize(("shift", "n"), [(0.0, 20), (2.5, 20), (1.0, 100)])
def test_delong_covers(rng, shift, n):
    truth, low, high = stats.norm.cdf(shift / 2**0.5), 0, 0
    for _ in range(800):
        interval = delong(rng.normal(shift, 1, n), rng.normal(0, 1, n), alpha=0.05)
        low, high = low + (interval.low > truth), high + (interval.high < truth)
    assert max(low, high) <= stats.binom.ppf(0.995, 800, 0.06)
    assert low + high >= stats.binom.ppf(0.005, 800, 0.07)


def test_p_values_at_chance_are_uniform(rng, plausible):
    p = []
    for _ in range(1000):
        interval = delong(rng.normal(size=60), rng.normal(size=90), alpha=0.05)
        p.append(implied_p(interval.value - 0.5, interval.value - interval.low, alpha=0.05))
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert plausible(np.count_nonzero(np.array(p) < 0.05), 1000, 0.05)


def test_spread_at_chance_is_the_closed_form(rng):
    n1, n0 = 3000, 2000
    interval = delong(rng.normal(size=n1), rng.normal(size=n0), alpha=0.05)
    assert interval.se == pytest.approx(((n1 + n0 + 1) / (12 * n1 * n0)) ** 0.5, rel=0.03)


@settings(max_examples=40)
@given(rows, st.integers(0, 2**31))
def test_user_bootstrap_is_pasting_users_together(data, seed):
    score, positive, user = data
    assume(0 < positive.sum() < len(positive) and len(np.unique(user)) > 1)
    users = np.unique(user)
    draws = []
    for row in multinomial_counts(len(users), 60, np.random.default_rng(seed)):
        drawn = np.concatenate(
            [np.flatnonzero(user == u) for u, k in zip(users, row, strict=True) for _ in range(k)]
        )
        draws.append(auc(score[drawn][positive[drawn]], score[drawn][~positive[drawn]]))
    interval = user_bootstrap_auc(
        score, positive, user, alpha=0.05, rng=np.random.default_rng(seed), n_boot=60
    )
    known = np.sort([draw for draw in draws if draw is not None])
    if len(known) < 57:
        assert interval is None
        return
    value = auc(score[positive], score[~positive])
    assert interval.value == pytest.approx(value)
    if known[0] < known[-1]:
        assert interval.se == pytest.approx(np.std(known, ddof=1))
    if interval.se > 0:
        outside = int(0.05 * (len(known) + 1)) - 1
        expected = min(known[outside], value), max(known[-1 - outside], value)
        if expected[0] < expected[1]:
            assert (interval.low, interval.high) == pytest.approx(expected)


def clustered(rng, n_users, shift, rows_each=20):
    user = np.repeat(np.arange(n_users), rows_each)
    level, share = rng.normal(0, 0.5, n_users), np.clip(rng.normal(0.5, 0.25, n_users), 0.05, 0.95)
    positive = rng.random(len(user)) < share[user]
    return shift * positive + level[user] + rng.normal(size=len(user)), positive, user


def test_user_spread_is_that_of_leaving_users_out(rng):
    score, positive, user = clustered(rng, 60, 0.7)
    left_out = [auc(score[(user != u) & positive], score[(user != u) & ~positive]) for u in np.unique(user)]
    jackknife = np.sqrt(59 / 60 * np.square(np.array(left_out) - np.mean(left_out)).sum())
    assert user_auc(score, positive, user, alpha=0.05).se == pytest.approx(jackknife, rel=0.06)
    boot = user_bootstrap_auc(score, positive, user, alpha=0.05, rng=rng, n_boot=2000)
    assert boot.se == pytest.approx(jackknife, rel=0.08)


@settings(max_examples=50)
@given(rows)
def test_user_spread_is_obuchowskis(data):
    score, positive, user = data
    users = np.unique(user)
    assume(0 < positive.sum() < len(positive) and len(users) > 1)
    psi = kernel(score[positive], score[~positive])
    parts = [
        (psi.mean(axis=1) - psi.mean())[user[positive] == u].sum() / positive.sum()
        + (psi.mean(axis=0) - psi.mean())[user[~positive] == u].sum() / (~positive).sum()
        for u in users
    ]
    expected = (len(users) / (len(users) - 1) * np.square(parts).sum()) ** 0.5
    assert user_auc(score, positive, user, alpha=0.05).se == pytest.approx(expected, abs=1e-7)


def test_single_row_users_give_delong(rng):
    positive, negative = rng.normal(0.7, 1, 300), rng.normal(0, 1, 300)
    plain = delong(positive, negative, alpha=0.05)
    score, label = np.concatenate([positive, negative]), np.repeat([True, False], 300)
    by_user = user_auc(score, label, np.arange(600), alpha=0.05)
    boot = user_bootstrap_auc(score, label, np.arange(600), alpha=0.05, rng=rng, n_boot=3000)
    assert (by_user.low, by_user.high) == pytest.approx((plain.low, plain.high), abs=1e-3)
    assert (boot.low, boot.high) == pytest.approx((plain.low, plain.high), abs=0.006)


@pytest.mark.parametrize("n_users", [16, 60])
def test_user_intervals_cover_where_row_intervals_do_not(rng, n_users):
    """Scores that hang together within users, no difference between classes: AUC .5."""
    users_miss = rows_miss = 0
    for _ in range(400):
        level, positive = rng.normal(size=n_users), np.arange(n_users) % 2 == 0
        user = np.repeat(np.arange(n_users), 10)
        score, mask = level[user] + rng.normal(size=len(user)), positive[user]
        by_user = user_auc(score, mask, user, alpha=0.05)
        by_row = delong(score[mask], score[~mask], alpha=0.05)
        users_miss += not by_user.low <= 0.5 <= by_user.high
        rows_miss += not by_row.low <= 0.5 <= by_row.high
    assert users_miss <= stats.binom.ppf(0.995, 400, 0.11)
    assert rows_miss > 0.3 * 400


def test_difference_of_two_scores_shares_its_users(rng):
    score, positive, user = clustered(rng, 80, 0.7)
    other = score + rng.normal(size=len(score))
    difference = user_bootstrap_auc_difference(score, other, positive, user, alpha=0.05, rng=rng)
    one, two = (user_auc(x, positive, user, alpha=0.05) for x in (score, other))
    assert difference.value == pytest.approx(one.value - two.value)
    assert difference.se < 0.8 * np.hypot(one.se, two.se)
    left_out = []
    for u in np.unique(user):
        rest = user != u
        left_out.append(
            auc(score[rest & positive], score[rest & ~positive])
            - auc(other[rest & positive], other[rest & ~positive])
        )
    assert difference.se == pytest.approx(np.std(left_out) * 79**0.5, rel=0.12)
    same = user_bootstrap_auc_difference(score, 3 * score, positive, user, alpha=0.05, rng=rng)
    assert same.low == same.high == 0


@settings(max_examples=40)
@given(rows)
def test_user_labels_and_row_order_do_not_matter(data):
    score, positive, user = data
    names = np.array(["f", "b", "c", "a", "e", "d"])[user]
    order = np.argsort(np.sin(np.arange(len(score))))
    plain = user_auc(score, positive, user, alpha=0.05)
    moved = user_auc(score[order], positive[order].astype(int), names[order], alpha=0.05)
    assert (plain is None) == (moved is None)
    if plain is not None:
        assert (plain.low, plain.value, plain.high, plain.se) == pytest.approx(
            (moved.low, moved.value, moved.high, moved.se), abs=1e-7
        )


def test_separated_users_keep_a_width(rng):
    score, label, user = np.arange(40.0), np.arange(40) >= 20, np.arange(40) // 2
    for interval in (
        user_auc(score, label, user, alpha=0.05),
        user_bootstrap_auc(score, label, user, alpha=0.05, rng=rng, n_boot=200),
    ):
        assert (interval.value, interval.high) == (1, 1)
        assert interval.low == pytest.approx(0.05 ** (1 / 10))
    both_classes = user_auc(score, label, np.arange(40) % 20, alpha=0.05)
    assert both_classes.low == pytest.approx(0.05 ** (1 / 10))


def test_too_little_is_not_estimable(rng):
    one, two, nan = np.ones(1), np.arange(2.0), np.array([1.0, np.nan])
    assert auc(np.array([]), two) is None and auc(two, nan) is None
    assert delong(one, two, alpha=0.05) is None and delong(two, nan, alpha=0.05) is None
    assert paired_delong(two, one, two, one, alpha=0.05) is None
    assert paired_delong(two, two, two, nan, alpha=0.05) is None
    for labels, users in (([1, 1], [0, 1]), ([0, 1], [0, 0])):
        assert user_auc(two, labels, users, alpha=0.05) is None
        assert user_bootstrap_auc(two, labels, users, alpha=0.05, rng=rng) is None
    assert user_auc(nan, [0, 1], [0, 1], alpha=0.05) is None
    assert user_bootstrap_auc_difference(two, nan, [0, 1], [0, 1], alpha=0.05, rng=rng) is None
    assert user_auc(np.array([]), [], [], alpha=0.05) is None


def test_rows_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="same rows"):
        user_auc(np.arange(3.0), [0, 1], [0, 1, 2], alpha=0.05)
    with pytest.raises(ValueError, match="same rows in one order"):
        paired_delong(np.ones(2), np.ones(2), np.ones(3), np.ones(2), alpha=0.05)


def shifted(
    rng: np.random.Generator, n: int, shared: float, shift: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Members' and others' scores of three attacks that have this much of their noise in common."""
    common, own = rng.normal(0, 1, (2 * n, 1)), rng.normal(0, 1, (2 * n, 3))
    scores = shared**0.5 * common + (1 - shared) ** 0.5 * own
    return scores[:n] + shift, scores[n:]


def test_joint_error_lies_between_bonferronis_and_one_scores_own():
    rng = np.random.default_rng(0)
    positive, negative = shifted(rng, 400, 0.8)
    found = joint_alpha(positive, negative, alpha=0.05, rng=rng)
    assert 0.05 / 3 < found < 0.05
    order = rng.permutation(400)
    again = [
        joint_alpha(own, negative, alpha=0.05, rng=np.random.default_rng(1))
        for own in (positive, positive[order])
    ]
    assert again[0] == again[1]
    twice = np.repeat(positive[:, :1], 2, axis=1), np.repeat(negative[:, :1], 2, axis=1)
    assert joint_alpha(*twice, alpha=0.05, rng=rng) == pytest.approx(0.05, abs=0.006)
    apart = joint_alpha(*shifted(rng, 400, 0.0), alpha=0.05, rng=rng)
    assert apart == pytest.approx(1 - 0.95 ** (1 / 3), abs=0.003)


def test_a_score_that_tells_nothing_apart_leaves_bonferroni():
    rng = np.random.default_rng(0)
    positive, negative = shifted(rng, 50, 0.0)
    flat = np.column_stack([positive, np.zeros(50)]), np.column_stack([negative, np.zeros(50)])
    assert joint_alpha(*flat, alpha=0.05, rng=rng) == 0.05 / 4
    positive[0, 0] = np.nan
    assert joint_alpha(positive, negative, alpha=0.05, rng=rng) == 0.05 / 3
    assert joint_alpha(positive[:1], negative[:1], alpha=0.05, rng=rng) == 0.05 / 3


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_some_lower_end_lies_above_its_auc_as_rarely_as_said(shared):
    worlds, missed = 400, 0
    for seed in range(worlds):
        rng = np.random.default_rng(seed)
        positive, negative = shifted(rng, 120, shared)
        each = joint_alpha(positive, negative, alpha=0.05, rng=rng)
        intervals = [delong(positive[:, i], negative[:, i], alpha=each) for i in range(3)]
        missed += any(interval.low > 0.5 for interval in intervals)
    low, high = stats.binom.interval(0.99, worlds, 0.05)
    assert low <= missed <= high
