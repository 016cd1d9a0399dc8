"""How much faster the statistics are than the usual library loops, with the same answers.

Run ``python benchmarks/statistics_speed.py``; factors are ratios within one run on one machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from recaudit.probes.stats.auc import delong, user_bootstrap_auc
from recaudit.probes.stats.bootstrap import bootstrap_ratio
from recaudit.probes.stats.permutation import sign_flip_test
from recaudit.probes.stats.simultaneous import simultaneous_means
from scipy import stats
from sklearn.metrics import roc_auc_score

Row = tuple[str, str, float, float, str]


def seconds(run: Callable[[], float], repeats: int) -> tuple[float, float]:
    """The fastest of some runs, and what it came to."""
    times, result = [], 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - start)
    return min(times), result


def compare(step: str, usual: str, theirs: Callable[[], float], ours: Callable[[], float], what: str) -> Row:
    slow, expected = seconds(theirs, 2)
    fast, found = seconds(ours, 2)
    return step, usual, slow, fast, f"{what} {expected:.4f} / {found:.4f}"


def auc_bootstrap(rng: np.random.Generator) -> Row:
    label, user = np.arange(4000) % 2 == 0, np.arange(4000)
    score = rng.normal(size=4000) + label

    def loop() -> float:
        drawn = rng.integers(0, 4000, (1000, 4000))
        return float(np.std([roc_auc_score(label[rows], score[rows]) for rows in drawn]))

    def ours() -> float:
        interval = user_bootstrap_auc(score, label, user, alpha=0.05, rng=rng, n_boot=1000)
        return (interval and interval.se) or float("nan")

    exact = delong(score[label], score[~label], alpha=0.05)
    what = f"sd (DeLong {exact.se:.4f})" if exact else "sd"
    return compare("AUC bootstrap, 4000 rows x 1000", "sklearn per resample", loop, ours, what)


def sign_flips(rng: np.random.Generator) -> Row:
    effects = rng.normal(0.08, 1, 500)

    def library() -> float:
        result = stats.permutation_test(
            (effects,),
            lambda x, axis: x.mean(axis=axis),
            permutation_type="samples",
            n_resamples=9999,
            vectorized=True,
            rng=rng,
        )
        return float(result.pvalue)

    def ours() -> float:
        return float(sign_flip_test(effects[:, None], rng=rng, n_flips=9999)[0][0])

    return compare("sign flips, 500 users x 9999", "scipy permutation_test", library, ours, "p")


def joint_intervals(rng: np.random.Generator) -> Row:
    effects = 0.3 + rng.normal(size=(500, 20)) + rng.normal(size=(500, 1))

    def loop() -> float:
        centred = effects - effects.mean(axis=0)
        largest = []
        for _ in range(4999):
            flipped = centred * rng.choice([-1, 1], 500)[:, None]
            largest.append(np.max(stats.ttest_1samp(flipped, 0.0).statistic))
        return float(np.quantile(largest, 0.95))

    def ours() -> float:
        row = simultaneous_means(effects, alpha=0.05, rng=rng)[0]
        return (row.high - row.value) / row.se if row and row.se else float("nan")

    return compare("max-T, 500 users x 20 rows x 4999", "scipy ttest_1samp per flip", loop, ours, "critical")


def user_bootstrap(rng: np.random.Generator) -> tuple[Row, Row]:
    sizes = rng.integers(20, 60, 300)
    rows = [rng.normal(1, 1, size) for size in sizes]
    sums = np.array([values.sum() for values in rows])

    def pasted() -> float:
        drawn = rng.integers(0, 300, (2000, 300))
        return float(np.std([np.concatenate([rows[user] for user in users]).mean() for users in drawn]))

    def library() -> float:
        result = stats.bootstrap(
            (sums, sizes),
            lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis),
            paired=True,
            vectorized=True,
            method="percentile",
            n_resamples=2000,
            rng=rng,
        )
        return float(result.standard_error)

    def ours() -> float:
        interval = bootstrap_ratio(sums, sizes, alpha=0.05, rng=rng, n_boot=2000)
        return (interval and interval.se) or float("nan")

    step = "user bootstrap of a ratio, 300 users x 2000"
    return (
        compare(step, "rows pasted per resample", pasted, ours, "sd"),
        compare(step, "scipy bootstrap", library, ours, "sd"),
    )


def main() -> None:
    rng = np.random.default_rng(0)
    table = [auc_bootstrap(rng), sign_flips(rng), joint_intervals(rng), *user_bootstrap(rng)]
    print(f"{'step':45} {'usual':28} {'usual s':>8} {'ours s':>8} {'factor':>7}  same answer (usual / ours)")
    for step, usual, slow, fast, check in table:
        print(f"{step:45} {usual:28} {slow:8.3f} {fast:8.4f} {slow / fast:6.0f}x  {check}")


if __name__ == "__main__":
    main()
