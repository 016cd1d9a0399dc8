"""What every audited recommender can do, and what some can do besides; a model is what its methods say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np

from .data import Catalog, History, IntArray, InteractionLog

if TYPE_CHECKING:
    import torch


class ModelError(Exception):
    """A model that cannot be built, loaded or asked as wanted; the message says what to do about it."""


class Unanswerable(ModelError):
    """A request that this model has no answer to, such as one that was never recorded; says which and why."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One question to a recommender: this history, these stated attributes, this candidate set.

    Parameters
    ----------
    candidates : items to choose from or to score; empty means the whole catalogue.
    attributes : what the request states of the user, as (name, value) in the order it is written.
    wording : which of the model's own phrasings to use; 0 is its default.
    titles : item texts that replace the catalogue's, as (item, text).
    layout : how the history is written: "as_trained", or "swapped" where a model can put
        its dislikes before its likes.
    demonstrations : other users' examples shown in the request, as text.
    condition : what this request is for, in the evidence ("neutral", "gender=woman" ...).
    """

    history: History
    candidates: tuple[int, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    wording: int = 0
    titles: tuple[tuple[int, str], ...] = ()
    layout: str = "as_trained"
    demonstrations: tuple[str, ...] = ()
    condition: str = "neutral"

    def stating(self, name: str, value: str) -> tuple[tuple[str, str], ...]:
        """The attributes with one of them changed, the others and their order kept."""
        if name not in dict(self.attributes):
            return (*self.attributes, (name, value))
        return tuple((key, value if key == name else old) for key, old in self.attributes)


@dataclass(frozen=True)
class Recommendation:
    """One entry of a slate: the item (None where what was said is no item), its score, the raw words."""

    item: int | None
    score: float | None = None
    raw: str | None = None


@dataclass(frozen=True)
class Slate:
    """What a recommender answered to one request, best first."""

    request: Request
    entries: tuple[Recommendation, ...]
    raw: str | None = None


@runtime_checkable
class Recommender(Protocol):
    """The one thing every model has: an ordered answer to a request."""

    @property
    def catalog(self) -> Catalog:
        """Return the items it may recommend."""
        ...

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return at most ``k`` entries per request, best first, one slate per request in order."""
        ...


@dataclass
class TrainingTask:
    """All that a trainer needs to know of a model: what to change, on which rows, by which loss.

    Parameters
    ----------
    module : the network; only parameters with ``requires_grad`` are trained.
    row_users : the user who owns each training row, shape ``(n_rows,)``: the unit of privacy; -1: nobody.
    batch : row indices to whatever ``loss`` takes.
    loss : a batch to one loss per row, shape ``(n_rows_in_batch,)``; nats unless the model says otherwise.
    decay : of the weights, AdamW's.
    schedule : the learning rate falls to zero over all steps ("linear") or stays ("constant").
    """

    module: torch.nn.Module
    row_users: IntArray
    batch: Callable[[IntArray], Any]
    loss: Callable[[Any], torch.Tensor]
    epochs: int
    batch_size: int
    learning_rate: float
    decay: float = 0.01
    schedule: Literal["linear", "constant"] = "linear"


@dataclass(frozen=True, kw_only=True)
class FitReport:
    """What a trainer did: how long, on what, and how far the loss came down."""

    trainer: str
    rows: int
    users: int
    epochs: int
    losses: tuple[float, ...]
    seconds: float
    privacy: Mapping[str, float | str] = field(default_factory=dict)


@runtime_checkable
class Trainable(Protocol):
    """Can be trained again from its own recipe: shadow, reference, control and erased copies."""

    def prepare(self, log: InteractionLog, base_users: IntArray, rng: np.random.Generator) -> None:
        """Build what does not depend on who is a member: vocabulary, base model."""
        ...

    def twin(self) -> Trainable:
        """Return an untuned copy that shares the prepared base."""
        ...

    def task(self, log: InteractionLog, users: IntArray, rng: np.random.Generator) -> TrainingTask:
        """Return the training task on these users' rows."""
        ...

    def save(self, folder: Path) -> None:
        """Write everything needed to load the model again."""
        ...

    def load(self, folder: Path, log: InteractionLog) -> None:
        """Read what ``save`` wrote."""
        ...
