"""How much of its accuracy does a simple counting rule already reach?

A recommender that says yes or no can score well by two shortcuts that know nothing of taste: some people
like most of what they meet, and some items are liked by most. The model and four rules are asked about
the same known answers of people the model has not seen, and compared by AUC: the probability that a liked
example scores above a disliked one, 0.5 being chance.

The rules, fitted on the same people as the model: count_ratio, the likes / (likes + dislikes) of the
history; item_mean, the item's share of likes, damped towards the overall share by 5 interactions;
count_ratio_item_mean, the sum of the two as log-odds, in equal parts; popularity, the item's number of
interactions. shortcut_gap is AUC(model) - AUC(rule) on the same rows. balanced_auc is the AUC on rows whose
history holds as many likes as dislikes, where the count ratio says nothing. shuffled_auc is that of a copy
trained on likes and dislikes dealt out anew at random: what its recipe reaches with nothing to learn.

Nothing here passes or fails: a model that only knows leniency and quality is weak, not untrustworthy. But
an accuracy without these figures beside it says little about personalisation.

Limits: rows of one person are alike, so all intervals count people, and under about 40 people those of
the gaps are too narrow. One shuffled training may lie on either side of 0.5, since the direction in which
it reads the count ratio is random; judge it by several. The gap says what the model adds on top of a rule
over the same examples, not over the items it would choose itself.

References: Bao et al. 2023 (RecSys), TALLRec, whose published movie AUC the count ratio alone exceeds;
Obuchowski 1997, AUC of clustered rows; Field and Welsh 2007, bootstrap of clusters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from ...models.base import Request
from ...models.baselines import Baseline, CountRatio, CountRatioItemMean, ItemMean, Popularity
from ...models.capabilities import Judges, capabilities
from ...models.data import FloatArray
from ...models.planted.faults import shuffle_labels
from .._people import as_requests, held_out_examples
from .._rows import row
from ..base import Auditee, Better, Criterion, Evidence, Measurement, NotApplicable, Probe
from ..stats.auc import user_auc, user_bootstrap_auc_difference

RULES: Mapping[str, type[Baseline]] = {
    "count_ratio": CountRatio,
    "item_mean": ItemMean,
    "count_ratio_item_mean": CountRatioItemMean,
    "popularity": Popularity,
}
FEW_USERS = 40


@dataclass(frozen=True, kw_only=True)
class ShortcutReliance(Probe):
    """Sets the model's accuracy beside that of counting rules on the same examples.

    Parameters
    ----------
    n_users : held-out people asked about, at most.
    per_user : examples per person.
    window : history items of an example; an even number, or no history can be balanced.
    """

    n_users: int = 500
    per_user: int = 8
    window: int = 10

    title: ClassVar[str] = "Reliance on shortcuts"
    needs: ClassVar[tuple[str, ...]] = ("judges",)
    fits: ClassVar[int] = 1
    shows: ClassVar[str] = "a counting rule explains most of the model's accuracy"

    def calls(self) -> int:
        """The model and its copy with shuffled labels, once per example."""
        return 2 * self.n_users * self.per_user

    def criteria(self) -> tuple[Criterion, ...]:
        """None: reported only."""
        return ()

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        """Score the same examples by the model, the rules and a copy with shuffled labels."""
        drawn = held_out_examples(
            auditee, n_users=self.n_users, per_user=self.per_user, length=self.window, rng=rng
        )
        requests = as_requests(auditee, drawn, rng)
        columns = {
            "cluster": np.array([example.history.user for example in drawn], dtype=np.int64),
            "liked": np.array([example.liked for example in drawn]),
            "balanced": np.array([2 * sum(e.history.liked) == len(e.history) for e in drawn]),
            "model": np.concatenate(auditee.log_odds(requests)),
            "shuffled": np.full(len(drawn), np.nan),
        }
        for name, rule in RULES.items():
            fitted = rule.fitted(auditee.log, auditee.population.members)
            columns[name] = np.concatenate(fitted.score(requests))
        caveats = []
        try:
            columns["shuffled"] = _ask_shuffled(auditee, requests, rng)
        except NotApplicable as reason:
            caveats.append(f"No copy with shuffled labels was tried ({reason}).")
        facts = {"examples": len(drawn), "liked": int(columns["liked"].sum()), "caveats": caveats}
        return Evidence(columns=columns, facts=facts)

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        """AUCs of model and rules, their gaps, and both where the count ratio says nothing."""
        even = evidence.where(evidence.columns["balanced"].astype(np.bool_))
        found = [_auc("model_auc", "model", evidence, alpha, group="overall")]
        found += [_auc("rule_auc", rule, evidence, alpha) for rule in RULES]
        found += [_gap(rule, evidence, alpha, rng) for rule in RULES]
        found += [_auc("balanced_auc", source, even, alpha) for source in ("model", *RULES)]
        if len(evidence) and not np.isnan(evidence.columns["shuffled"].astype(float)).any():
            found.append(_auc("shuffled_auc", "shuffled", evidence, alpha, group="overall", better="none"))
        return found


def _ask_shuffled(auditee: Auditee, requests: Sequence[Request], rng: np.random.Generator) -> FloatArray:
    shuffled = shuffle_labels(auditee.log, rng=rng)
    copy = auditee.fit(auditee.population.members, label="control:shuffled", log=shuffled, effort=0.5)
    if "judges" not in capabilities(copy):
        raise NotApplicable("the copy gives no probability of a like")
    return np.concatenate(cast(Judges, copy).log_odds(requests))


def _auc(
    name: str, source: str, evidence: Evidence, alpha: float, *, group: str = "", better: Better = "higher"
) -> Measurement:
    column = evidence.columns
    interval = user_auc(column[source].astype(float), column["liked"], column["cluster"], alpha=alpha)
    return row(name, interval, alpha=alpha, unit="AUC", better=better, n=len(evidence), group=group or source)


def _gap(rule: str, evidence: Evidence, alpha: float, rng: np.random.Generator) -> Measurement:
    column = evidence.columns
    interval = user_bootstrap_auc_difference(
        column["model"].astype(float),
        column[rule].astype(float),
        column["liked"],
        column["cluster"],
        alpha=alpha,
        rng=rng,
    )
    users = len(np.unique(column["cluster"]))
    few = f"{users} users are too few for this interval to hold its level" if users < FEW_USERS else ""
    return row(
        "shortcut_gap",
        interval,
        alpha=alpha,
        unit="AUC difference",
        better="higher",
        n=len(evidence),
        group=rule,
        note=few,
    )
