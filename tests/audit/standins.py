"""Small models and probes that stand in for real ones where a test needs to see inside."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from recaudit.models.base import Recommendation, Request, Slate, TrainingTask
from recaudit.models.data import Catalog, InteractionLog
from recaudit.models.planted.yes_no import Dials, PlantedYesNo
from recaudit.probes.base import Auditee, Criterion, Evidence, Measurement, NotApplicable, Probe
from recaudit.probes.stats.intervals import mean_of_clusters


def honest(log: InteractionLog) -> PlantedYesNo:
    return PlantedYesNo(catalog=log.catalog)


def biased(log: InteractionLog) -> PlantedYesNo:
    return PlantedYesNo(catalog=log.catalog, dials=Dials(swapped_shift=1.0))


def nosy(log: InteractionLog) -> PlantedYesNo:
    """Remembers every user whose rows it is shown."""
    seen = frozenset((user, 0) for user in np.unique(log.user).tolist())
    return PlantedYesNo(catalog=log.catalog, remembered=seen)


@dataclass(frozen=True)
class LeanConfig:
    """Settings of the small trainable model."""

    rate: float = 0.05
    epochs: int = 2
    base: str = "none"
    names: tuple[str, ...] = ()


PRESETS: dict[str, dict[str, object]] = {"long": {"epochs": 5}}


class Lean:
    """One logit per item, learnt by gradient steps: the smallest model that can be trained again."""

    smallest_history: ClassVar[int] = 5

    def __init__(self, catalog: Catalog, config: LeanConfig) -> None:
        self.catalog, self.config = catalog, config
        self.weights: Any = None

    def prepare(self, log: InteractionLog, base_users: Any, rng: np.random.Generator) -> None:
        import torch

        time.sleep(float(os.environ.get("STANDIN_SLOW", "0")))
        self.weights = torch.nn.Embedding(len(self.catalog), 1)
        torch.nn.init.normal_(self.weights.weight)

    def twin(self) -> "Lean":
        import copy

        twin = Lean(self.catalog, self.config)
        twin.weights = copy.deepcopy(self.weights)
        return twin

    def task(self, log: InteractionLog, users: Any, rng: np.random.Generator) -> TrainingTask:
        import torch

        rows = log.only(users)
        assert rows.liked is not None
        items, likes = torch.from_numpy(rows.item), torch.from_numpy(rows.liked).float()

        def loss(batch: Any) -> Any:
            odds = self.weights(items[batch])[:, 0]
            return torch.nn.functional.binary_cross_entropy_with_logits(odds, likes[batch], reduction="none")

        return TrainingTask(
            module=self.weights,
            row_users=rows.user,
            batch=torch.from_numpy,
            loss=loss,
            epochs=self.config.epochs,
            batch_size=256,
            learning_rate=self.config.rate,
        )

    def save(self, folder: Path) -> None:
        np.save(folder / "weights.npy", self.weights.weight.detach().numpy())

    def load(self, folder: Path, log: InteractionLog) -> None:
        import torch

        self.weights = torch.nn.Embedding.from_pretrained(
            torch.from_numpy(np.load(folder / "weights.npy")), freeze=False
        )

    def log_odds(self, requests: Sequence[Request]) -> list[Any]:
        odds = self.weights.weight.detach().numpy()[:, 0].astype(float)
        return [odds[list(request.candidates)] for request in requests]

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        best = np.argsort(-self.weights.weight.detach().numpy()[:, 0])[:k].tolist()
        return [Slate(request, tuple(Recommendation(item) for item in best)) for request in requests]

    def describe(self) -> Mapping[str, object]:
        return {"title": "A lean model", "simplified": "almost everything"}


@dataclass(frozen=True, kw_only=True)
class _Mean(Probe):
    """Is the mean answer small?

    The mean log-odds of some items over held-out users.
    """

    n_users: int = 40
    bound: float = 3.0
    seconds: float = 0.0

    needs: ClassVar[tuple[str, ...]] = ("judges",)

    def calls(self) -> int:
        return 3 * self.n_users

    def criteria(self) -> tuple[Criterion, ...]:
        return (Criterion(measurement="mean_answer", bound=self.bound, direction="within"),)

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        time.sleep(self.seconds or float(os.environ.get("STANDIN_SLOW", "0")))
        users = np.sort(rng.choice(auditee.population.held_out, self.n_users, replace=False))
        requests = [
            Request(history=auditee.log.history(user, last=5), candidates=(0, 1, 2)) for user in users
        ]
        answers = [float(row.mean()) for row in auditee.log_odds(requests)]
        return Evidence(columns={"cluster": users, "answer": np.array(answers)}, facts={"caveats": ["small"]})

    def estimate(self, evidence: Evidence, rng: np.random.Generator, alpha: float) -> list[Measurement]:
        found = mean_of_clusters(evidence.columns["answer"].astype(float) + rng.normal(0, 1e-3), alpha=alpha)
        assert found is not None
        return [
            Measurement(
                name="mean_answer",
                value=found.value,
                low=found.low,
                high=found.high,
                level=1 - 2 * alpha,
                method=found.method,
                n=len(evidence),
                clusters=found.clusters,
                unit="log-odds",
                better="zero",
            )
        ]


class MeanOne(_Mean):
    """Is the first mean answer small?"""


class MeanTwo(_Mean):
    """Is the second mean answer small?"""


class MeanThree(_Mean):
    """Is the third mean answer small?"""


class Copying(_Mean):
    """Do two copies, trained alike but for chance, agree?"""

    fits: ClassVar[int] = 2

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        users = auditee.population.members
        copies = [auditee.fit(users, label=f"copy {place}") for place in range(2)]
        request = Request(history=auditee.log.history(int(users[0])), candidates=tuple(range(10)))
        first, second = (copy.log_odds([request])[0] for copy in copies)  # type: ignore[attr-defined]
        return Evidence(columns={"cluster": np.arange(10), "answer": first - second})


class Broken(_Mean):
    """Does a probe that breaks stop the others?"""

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        raise ZeroDivisionError("one by none")


class Impossible(_Mean):
    """Can a question that cannot be put be asked?"""

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        raise NotApplicable("nobody can be asked this")


class Stopped(_Mean):
    """Does a person who presses Ctrl-C keep what was done?"""

    def ask(self, auditee: Auditee, rng: np.random.Generator) -> Evidence:
        raise KeyboardInterrupt


class Writer(_Mean):
    """Does it write well?"""

    needs: ClassVar[tuple[str, ...]] = ("writes_text",)
