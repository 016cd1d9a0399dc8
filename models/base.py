"""What every audited recommender can do, and what some can do besides; a model is what its methods say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np

from .data import Catalog, Example, FloatArray, History, IntArray, InteractionLog

if TYPE_CHECKING:
    import torch


class ModelError(Exception):
    """A model that cannot be built, loaded or asked as wanted; the message says what to do about it."""


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


@runtime_checkable
class Scores(Protocol):
    """Scores any item that is put before it."""

    def score(self, requests: Sequence[Request]) -> list[FloatArray]:
        """Return one score per candidate of each request; higher is better, the scale is the model's own."""
        ...


@runtime_checkable
class Judges(Protocol):
    """Says how likely it is that the user likes an item; its scores are log-odds of "yes"."""

    def log_odds(self, requests: Sequence[Request]) -> list[FloatArray]:
        """Return log p(yes) - log p(no) in nats per candidate of each request."""
        ...


@runtime_checkable
class Denoises(Protocol):
    """Restores what a person did from a copy of it with noise put on, as diffusion models do."""

    def noise_steps(self) -> int:
        """Return the number of noise levels T; level 0 is the least."""
        ...

    def denoising_errors(
        self, histories: Sequence[History], steps: Sequence[int], *, rng: np.random.Generator
    ) -> FloatArray:
        """Return how far each history's own entries are from their restored selves.

        Squared error, mean over the entries; where a model writes probabilities, minus their log. Shape
        ``(n_histories, n_steps)``, NaN for a history without entries. Every history meets the same noise
        at a level, so that two of them are compared alike.
        """
        ...


@runtime_checkable
class Draws(Protocol):
    """Draws its answers at random; one draw is fixed, so that the same question gets the same answer."""

    def redrawn(self, draw: int) -> Recommender:
        """Return the same model with other random numbers; draw 0 is the one it answers by itself."""
        ...


@runtime_checkable
class GeneratesVectors(Protocol):
    """Makes a point in the space of items and recommends what lies near it."""

    def item_vectors(self) -> FloatArray:
        """Return where each item lies, shape ``(n_items, dim)``."""
        ...

    def generate(self, requests: Sequence[Request]) -> FloatArray:
        """Return the point made for each request, shape ``(n_requests, dim)``."""
        ...

    def restored(self, examples: Sequence[Example], *, rng: np.random.Generator) -> FloatArray:
        """Return each true next item after little noise and its removal, shape ``(n_examples, dim)``."""
        ...


@runtime_checkable
class DecodesSemanticIds(Protocol):
    """Writes an item as a tuple of codes, one after another, and looks up which item that is."""

    def semantic_ids(self) -> IntArray:
        """Return the codes of each item, shape ``(n_items, length)``; items may share a tuple."""
        ...

    def code_sizes(self) -> tuple[int, ...]:
        """Return how many codes there are at each place of a tuple."""
        ...

    def decode_freely(self, requests: Sequence[Request], k: int) -> list[list[tuple[int, ...]]]:
        """Return the ``k`` likeliest tuples of each request with none forbidden, best first."""
        ...

    def legal_mass(self, requests: Sequence[Request]) -> FloatArray:
        """Return the probability put on codes that go on to some item, shape ``(n_requests, length)``.

        At each place, given the codes before it of the best legal tuple.
        """
        ...


@runtime_checkable
class ReadsAttributes(Protocol):
    """Reads what a request states of the user."""

    def readable_attributes(self) -> Mapping[str, tuple[str, ...]]:
        """Return attribute name to the values the model was trained to read; empty if it reads none."""
        ...

    def placebo_attributes(self) -> Mapping[str, tuple[str, ...]]:
        """Return attributes that are written like the others and mean nothing, for the noise floor."""
        ...

    def wordings(self) -> int:
        """Return how many phrasings of one request the model was trained on; at least 1."""
        ...


@runtime_checkable
class GivesLikelihoods(Protocol):
    """Tells how likely it finds an answer that the data knows."""

    def log_likelihood(self, examples: Sequence[Example]) -> FloatArray:
        """Return log p(answer | request) in nats, shape ``(n_examples,)``."""
        ...


@runtime_checkable
class HasBase(Protocol):
    """Was tuned from a base model that can be asked as well."""

    def untuned(self) -> Recommender:
        """Return the same recommender before tuning."""
        ...


@runtime_checkable
class WritesText(Protocol):
    """Answers in free text that must be parsed and grounded."""

    def write(self, requests: Sequence[Request]) -> list[str]:
        """Return the raw answer to each request."""
        ...


@runtime_checkable
class ReadsTitles(Protocol):
    """Reads the words of an item's title, so that the words can sway it."""

    def render(self, request: Request) -> str:
        """Return the text of a request with one candidate exactly as the model is given it."""
        ...


@runtime_checkable
class ReadsOrder(Protocol):
    """Writes the history down in blocks or lists whose order carries no meaning."""

    def layouts(self) -> tuple[str, ...]:
        """Return the names of the layouts it can write, its default first."""
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


CAPABILITIES: Mapping[str, tuple[type, str]] = {
    "scores": (Scores, "scores the items put before it"),
    "judges": (Judges, "gives the probability of a like"),
    "reads_attributes": (ReadsAttributes, "reads attributes stated in a request"),
    "gives_likelihoods": (GivesLikelihoods, "gives the likelihood of known answers"),
    "denoises": (Denoises, "restores noised histories"),
    "draws": (Draws, "draws its answers at random"),
    "decodes_semantic_ids": (DecodesSemanticIds, "writes items as tuples of codes"),
    "generates_vectors": (GeneratesVectors, "makes points in the space of items"),
    "has_base": (HasBase, "can be asked as it was before tuning"),
    "writes_text": (WritesText, "answers in free text"),
    "reads_titles": (ReadsTitles, "reads the words of titles"),
    "reads_order": (ReadsOrder, "writes histories as ordered lists"),
    "trainable": (Trainable, "can be trained again from its own recipe"),
}


UNNAMED: dict[str, str] = {
    "ranks": "answers requests",
    "retrieves": "searches the whole catalogue",
}
"""Capabilities without a protocol of their own."""


def capabilities(model: Recommender) -> frozenset[str]:
    """Name what a model can do, by its methods.

    An attribute reader that reads none is not one. A model searches the whole catalogue unless it judges
    items one by one: that is asked about items put before it, and its lists would cost a call an item.
    """
    found = {name for name, (protocol, _) in CAPABILITIES.items() if isinstance(model, protocol)}
    if isinstance(model, ReadsAttributes) and not model.readable_attributes():
        found.discard("reads_attributes")
    if "judges" not in found:
        found.add("retrieves")
    return frozenset(found | {"ranks"})


def lacking(needs: Sequence[str], can: Collection[str]) -> list[str]:
    """The needs that these capabilities do not meet; "a|b" is met by either."""
    return [need for need in needs if not set(need.split("|")) & set(can)]
