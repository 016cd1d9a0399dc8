"""GPTRec: writes a whole list item by item, each in view of those before it, and learns what a list is worth.

A small GPT over items reads a person's last liked items (all items where the data know no likes) and writes
the list (Next-K): no item of the history, none twice. It is trained twice. First it imitates: a rule's list
for what the person had met by then, or the items met next. Then it draws lists of its own and is moved by
PPO towards those that are worth more: NDCG against the items met next, plus ``weight`` times the list's mean
genre distance, or minus ``weight`` times the mean popularity of its items, a rank in [0, 1]. Reference:
Petrov and Macdonald 2023, Generative Sequential Recommendation with GPTRec (Gen-IR@SIGIR); 2024, Aligning
GPTRec with Beyond-Accuracy Goals with Reinforcement Learning (WWW workshop).

Both stages are one training task: its last ``reward_epochs`` epochs' loss is PPO's. A row's list is drawn
when the row comes up and used for ``reuse`` epochs, so that the clipped ratio is between the network now and
as it was when it drew. Advantages are not standardised over a batch, so nobody's loss hangs on who shares
it; the teacher's lists and the popularity ranks do come from everyone trained on. The value's loss trains
the value alone. A share ``guidance`` of the imitation loss stays. An audit's cheaper copies with fewer
epochs lose the second stage first.

Simplified: the teacher is EASE, a rule of counting fitted on the same people, instead of BERT4Rec; the
learning rate falls to zero through both stages instead of being set anew; the value head shares the network.
A list longer than ``slate`` goes on with the likeliest items of its last place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from .._seeding import seeded
from ..base import ModelError, Recommendation, Request, Slate, TrainingTask
from ..baselines import Ease
from ..data import Catalog, Example, FloatArray, History, IntArray, InteractionLog
from ._slate_training import SlateTraining, barred_items, met_items, slate_rows, windows_of
from ._slates_rl import Policy, diversity_shares, likeliest, writer

if TYPE_CHECKING:
    import torch

ASKED_AT_ONCE = 256

PRESETS: dict[str, dict[str, object]] = {
    "imitation": {"reward_epochs": 0},
    "published": {
        "history": 200,
        "dim": 256,
        "heads": 4,
        "blocks": 3,
        "rows_per_user": 8,
        "imitation_epochs": 30,
        "reward_epochs": 11,
        "guidance": 0.2,
        "batch_size": 8,
        "learning_rate": 1e-4,
    },
}


@dataclass(frozen=True, kw_only=True)
class GptrecConfig:
    """Settings of a GPTRec.

    Parameters
    ----------
    history : how many of the last positive items it reads.
    slate : K, the items it writes one by one.
    teacher : what it imitates first: "ease", the rule's list, or "met", the items met next.
    aim : what a list is worth beside NDCG: "diversity" or "unpopular" items.
    weight : lambda, how much that counts; 0: NDCG alone. Distances of lists differ little, so a diversity
        that shows needs some 4 to 12; unpopularity less than 1, or nothing else counts.
    rows_per_user : places at which a user's items are cut into what was met and what comes next.
    imitation_epochs, reward_epochs : of the two stages.
    reuse : epochs that a drawn list is used for.
    clip, discount, trace : epsilon, gamma and lambda of PPO.
    guidance : share of the imitation loss in the second stage.
    """

    history: int = 20
    slate: int = 10
    dim: int = 64
    heads: int = 2
    blocks: int = 2
    dropout: float = 0.1
    teacher: Literal["ease", "met"] = "ease"
    aim: Literal["diversity", "unpopular"] = "diversity"
    weight: float = 4.0
    rows_per_user: int = 2
    imitation_epochs: int = 8
    reward_epochs: int = 8
    reuse: int = 2
    clip: float = 0.2
    discount: float = 0.1
    trace: float = 0.1
    guidance: float = 0.3
    batch_size: int = 64
    learning_rate: float = 1e-3


class Gptrec:
    """A writer of lists."""

    smallest_history: ClassVar[int] = 5
    title: ClassVar[str] = "GPTRec"

    def __init__(self, catalog: Catalog, config: GptrecConfig) -> None:
        self.catalog = catalog
        self.config = config
        self._network: Any = None

    def prepare(self, log: InteractionLog, base_users: IntArray, rng: np.random.Generator) -> None:
        """Check the settings; nothing is learnt before it is known who is a member."""
        own = self.config
        if own.slate < 1 or own.history < 1 or own.rows_per_user < 1 or own.reuse < 1:
            raise ModelError("history, slate, rows_per_user and reuse must be at least 1")
        if own.aim == "diversity" and own.weight and own.reward_epochs and not any(self.catalog.genres):
            raise ModelError(
                "a reward for diversity needs items with genres and these have none;"
                " set weight=0 or aim=unpopular"
            )

    def twin(self) -> Gptrec:
        """Return an untrained copy."""
        return Gptrec(self.catalog, self.config)

    def task(self, log: InteractionLog, users: IntArray, rng: np.random.Generator) -> TrainingTask:
        """Build a fresh network, cut these users' histories, and fit the teacher on them."""
        own = self.config
        rows = slate_rows(
            log,
            users,
            slate=own.slate,
            per_user=own.rows_per_user,
            teacher=self._teacher(log, users) if own.teacher == "ease" else None,
        )
        with seeded(rng):
            self._network = self._fresh()
        training = SlateTraining(
            policy=self._policy(),
            rows=rows,
            worth=self._worth(log, users),
            imitation_epochs=own.imitation_epochs,
            reuse=own.reuse,
            clip=own.clip,
            discount=own.discount,
            trace=own.trace,
            guidance=own.guidance,
            dropout=own.dropout,
        )
        return TrainingTask(
            module=self._network,
            row_users=rows.owners,
            batch=lambda places: places,
            loss=training.loss,
            epochs=own.imitation_epochs + own.reward_epochs,
            batch_size=own.batch_size,
            learning_rate=own.learning_rate,
        )

    def _teacher(
        self, log: InteractionLog, users: IntArray
    ) -> Callable[[Sequence[History]], list[list[int]]]:
        rule, slate = Ease.fitted(log, users), self.config.slate

        def lists(histories: Sequence[History]) -> list[list[int]]:
            slates = rule.recommend([Request(history=history) for history in histories], slate)
            return [[entry.item for entry in own.entries if entry.item is not None] for own in slates]

        return lists

    def _worth(self, log: InteractionLog, users: IntArray) -> Callable[[torch.Tensor], torch.Tensor]:
        """What each place of lists is worth beside NDCG, ``weight`` included."""
        import torch

        weight = self.config.weight
        if self.config.aim == "diversity":
            names = sorted({genre for genres in self.catalog.genres for genre in genres})
            table = [[float(name in genres) for name in names] for genres in self.catalog.genres]
            genres = torch.tensor(table).reshape(len(self.catalog), len(names))
            return lambda lists: weight * diversity_shares(lists, genres)
        counts = log.only(users).item_counts
        below = np.searchsorted(np.sort(counts), counts, side="left")
        rank = torch.from_numpy(below / max(1, len(counts) - 1)).float()
        return lambda lists: -weight * rank[lists] / lists.shape[1]

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Write ``k`` items, each the likeliest after those before it; a score is that log-probability.

        Of the stated candidates, or of the catalogue less the history.
        """
        import torch

        found: list[Slate] = []
        for run in _runs(requests):
            windows, barred = self._windows(run), self._barred(run)
            with torch.no_grad():
                steps = min(k, self.config.slate, len(self.catalog))
                written = self._policy().write(windows, barred, steps, likeliest)
                rest = written.last.scatter(1, written.items, -torch.inf).topk(
                    min(k, len(self.catalog)) - steps, dim=1
                )
            items = torch.cat([written.items, rest.indices], dim=1).tolist()
            scores = torch.cat([written.log_probs, rest.values], dim=1).tolist()
            found += [_slate(*row) for row in zip(run, items, scores, strict=True)]
        return found

    def score(self, requests: Sequence[Request]) -> list[FloatArray]:
        """Return the logits of the list's first item, one a candidate, or an item where none is stated."""
        found: list[FloatArray] = []
        for run in _runs(requests):
            for request, row in zip(run, self._first(run).double().numpy(), strict=True):
                found.append(row[list(request.candidates)] if request.candidates else row)
        return found

    def log_likelihood(self, examples: Sequence[Example]) -> FloatArray:
        """Return the log-probability of the true next item as first of a list, over all items, nats."""
        found = [np.zeros(0)]
        for run in _runs([Request(history=one.history, candidates=(one.target,)) for one in examples]):
            chances = self._first(run).double().log_softmax(dim=1).numpy()
            found.append(chances[np.arange(len(run)), [request.candidates[0] for request in run]])
        return np.concatenate(found)

    def describe(self) -> Mapping[str, object]:
        """Return what a record says of this model."""
        return {"title": self.title, "settings": asdict(self.config)}

    def save(self, folder: Path) -> None:
        """Write the settings, and the network once it is trained."""
        from safetensors.torch import save_file

        (folder / "settings.json").write_text(json.dumps(asdict(self.config)), encoding="utf-8")
        if self._network is not None:
            save_file(self._network.state_dict(), folder / "network.safetensors")

    def load(self, folder: Path, log: InteractionLog) -> None:
        """Read what ``save`` wrote."""
        from safetensors.torch import load_file

        if (folder / "network.safetensors").exists():
            self._network = self._fresh().eval()
            self._network.load_state_dict(load_file(folder / "network.safetensors"))

    def _fresh(self) -> Any:
        own = self.config
        return writer(
            len(self.catalog),
            history=own.history,
            slate=own.slate,
            dim=own.dim,
            blocks=own.blocks,
            heads=own.heads,
        )

    def _policy(self) -> Policy:
        if self._network is None:
            raise ModelError("this GPTRec is not trained yet; train it or load one that is")
        return Policy(self._network, len(self.catalog), self.config.history)

    def _first(self, requests: Sequence[Request]) -> torch.Tensor:
        import torch

        with torch.no_grad():
            return self._policy().first(self._windows(requests))

    def _windows(self, requests: Sequence[Request]) -> torch.Tensor:
        known = [met_items(request.history) for request in requests]
        return windows_of(known, self.config.history, len(self.catalog) + 1)

    def _barred(self, requests: Sequence[Request]) -> torch.Tensor:
        """Whatever is in the history; where candidates are stated, whatever is none."""
        import torch

        told = torch.tensor([bool(request.candidates) for request in requests])
        marked = barred_items(
            [request.candidates or request.history.items for request in requests], len(self.catalog)
        )
        return marked ^ told[:, None]


def _runs(requests: Sequence[Request]) -> list[Sequence[Request]]:
    return [requests[start : start + ASKED_AT_ONCE] for start in range(0, len(requests), ASKED_AT_ONCE)]


def _slate(request: Request, items: Sequence[int], scores: Sequence[float]) -> Slate:
    entries = (
        Recommendation(item, score) for item, score in zip(items, scores, strict=True) if score > -np.inf
    )
    return Slate(request, tuple(entries))
