"""How much better does it rank than rules of counting?

A generative recommender that does not beat a rule of counting has learnt little, and published comparisons
often leave tuned rules out. A held-out user's earlier interactions (the first 80 %, in the order of time)
are the history; the model and four rules, fitted on the same people as the model, are each asked for twenty
items of the whole catalogue, and checked on what the user liked later and had not met before (all later
items where the data has no likes).

recall@k is hits / |targets| over the first k places; ndcg@10 the sum over hits at place r <= 10 of
1 / log2(1 + r), over that of a list with all its min(10, |targets|) hits first. The rules: popularity, the
number of interactions; item_knn, cosine similarity with shrinkage to the liked items; item_transition, how
often an item came soon after those liked last; ease, a linear model in closed form. Each figure is a mean
over users, and "_gap" is the model's less the rule's on the same users; intervals hold jointly over the
rules.

Nothing here passes or fails: a weak model is no untrustworthy one, but what it is trusted with should not
rest on being strong. Who is affected: owners who pay for a model where a rule would do, and users who get
the worse of both.

Limits: the rules have their default settings and are not tuned to this data, so a gap above 0 may shrink
with tuning; one below 0 will not vanish. Items that a user never met count as misses. With more than k
targets recall cannot reach 1. A model that makes its lists of ten otherwise than those of twenty is judged
by the first ten of twenty.

References: Ferrari Dacrema et al. 2019 (are we really making progress); Benigni et al. 2025 (diffusion
recommenders against tuned rules); Deshpande and Karypis 2004 (ItemKNN); Ludewig and Jannach 2018 (rules of
sequences); Steck 2019 (EASE).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...models.data import FloatArray
from .._retrieval import RIVALS, Asked, Lists, fitted_rivals, held_out_lists, ndcg, recall
from .._rows import joint_rows
from ..base import Auditee, Criterion, Evidence, Measurement, Probe

K = 20
FIGURES = {"ndcg@10": "NDCG", "recall@10": "share", "recall@20": "share"}


@dataclass(frozen=True, kw_only=True)
class BaselineGap(Probe):
    """Sets the model's ranking beside that of rules of counting, for the same people.

    Parameters
    ----------
    earlier : share of a user's interactions that is the history, in (0, 1).
    """

    n_users: int = 2000
    earlier: float = 0.8

    title: ClassVar[str] = "Gain over rules of counting"
    needs: ClassVar[tuple[str, ...]] = ("retrieves",)
    fits: ClassVar[int] = 0
    shows: ClassVar[str] = "a rule of counting ranks as well as the model"
    otherwise: ClassVar[str] = (
        "judges items that are put before it, and is not asked to search the whole catalogue"
    )

    def calls(self) -> int:
        """Lists at most: one a user."""
        return self.n_users

    def criteria(self) -> tuple[Criterion, ...]:
        """None: reported only."""
        return ()

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Ask the model and the rules for the same lists, and check them."""
        asked = held_out_lists(auditee, n_users=self.n_users, earlier=self.earlier, rng=rng)
        rivals, caveats = fitted_rivals(auditee)
        own = Lists.of(auditee.recommend(asked.requests, K), K)
        columns = {"cluster": asked.users, **_figures("model", own, asked)}
        for name, rival in rivals.items():
            columns |= _figures(name, Lists.of(rival.recommend(asked.requests, K), K), asked)
        columns["targets"] = np.array([len(wanted) for wanted in asked.targets], dtype=np.int64)
        facts = {"wasted": dict(own.wasted), "caveats": caveats + own.caveats()}
        return Evidence(columns=columns, facts=facts)

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """The figures of model and rules, and the model's less each rule's."""
        cluster, rows = evidence.columns["cluster"], list[Measurement]()
        for figure, unit in FIGURES.items():
            values = {
                name: evidence.columns[f"{figure} {name}"].astype(np.float64)
                for name in ("model", *RIVALS)
                if f"{figure} {name}" in evidence.columns
            }
            totals = {name: float(np.nansum(own)) for name, own in values.items()}
            rivals = sorted((name for name in RIVALS if name in values), key=lambda name: -totals[name])
            gaps = {name: values["model"] - values[name] for name in rivals}
            rows += joint_rows(
                f"{figure}_gap",
                gaps,
                cluster,
                alpha=alpha,
                rng=rng,
                unit=f"{unit} difference",
                better="higher",
            )
            rows += joint_rows(figure, values, cluster, alpha=alpha, rng=rng, unit=unit, better="higher")
        return rows


def _figures(name: str, lists: Lists, asked: Asked) -> dict[str, FloatArray]:
    """Per user, in [0, 1]."""
    ten, twenty = lists.items[:, :10], lists.items
    return {
        f"recall@10 {name}": recall(ten, asked.targets),
        f"ndcg@10 {name}": ndcg(ten, asked.targets),
        f"recall@20 {name}": recall(twenty, asked.targets),
    }
