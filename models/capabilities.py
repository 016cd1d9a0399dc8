"""What some recommenders can do besides recommending; a model is what its methods say."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from .base import Recommender, Request, Trainable
from .data import BoolArray, Example, FloatArray, History, IntArray


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
class RestoresRows(Protocol):
    """Shows what it makes of any noised row of numbers, where a person is such a row."""

    def rows_of(self, histories: Sequence[History]) -> FloatArray:
        """Return the row that each history is to the model, 0 where unknown, ``(n_histories, width)``."""
        ...

    def signal_kept(self) -> FloatArray:
        """Return the share of a row's variance that each noise level leaves, falling, shape ``(T,)``."""
        ...

    def restore(self, noised: FloatArray, step: int) -> FloatArray:
        """Return the model's guess of the clean rows behind rows noised to one level, same shape."""
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
class GivesTokenLikelihoods(Protocol):
    """Tells how likely it finds each token of a text that it may have been trained on."""

    def example_texts(self, examples: Sequence[Example]) -> list[str]:
        """Return each example as the text the model is trained on, its answer included."""
        ...

    def token_likelihoods(self, texts: Sequence[str]) -> list[FloatArray]:
        """Return, for each token of each text but its first, three numbers in nats.

        Shape ``(n_tokens - 1, 3)``: the log-probability of the token; the mean of log-probability under
        the model's own prediction at that place (minus its entropy); the standard deviation of the same.
        """
        ...


@runtime_checkable
class CompletesText(Protocol):
    """Goes on writing where a text stops, as language models do."""

    def complete(self, texts: Sequence[str], *, n_tokens: int) -> list[str]:
        """Return the likeliest continuation of each text, at most ``n_tokens`` long, without the text."""
        ...


@runtime_checkable
class ExposesRepresentations(Protocol):
    """Shows the numbers by which it stands for a person inside."""

    def representations(self, histories: Sequence[History]) -> FloatArray:
        """Return one vector a history, shape ``(n_histories, dim)``."""
        ...


@runtime_checkable
class EncodesText(Protocol):
    """Gives a new or changed item its semantic id from the words that describe it."""

    def item_texts(self) -> Sequence[str]:
        """Return the words of each item of the catalogue; empty where its codes come from elsewhere."""
        ...

    def text_vectors(self, texts: Sequence[str]) -> FloatArray:
        """Return where each text lies before it is coded, shape ``(n_texts, dim)``."""
        ...

    def codes_of(self, vectors: FloatArray) -> IntArray:
        """Return each vector's codes, shape ``(n_vectors, length)``, without the digit that parts twins."""
        ...

    def first_code_vectors(self) -> FloatArray:
        """Return where the codes of the first place lie, shape ``(n_codes, dim)``.

        A vector gets the first code that lies nearest.
        """
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


@runtime_checkable
class Recorded(Protocol):
    """Repeats what a system once answered; asked anything else, it raises ``Unanswerable``."""

    def recorded_users(self) -> IntArray:
        """Return the users of the data whose lists it holds, ascending."""
        ...

    def recorded_profile(self, user: int) -> tuple[tuple[str, str], ...]:
        """Return what the request of this user stated that stated least; empty if one stated nothing."""
        ...

    def holds(self, requests: Sequence[Request]) -> BoolArray:
        """Return which of the requests it has an answer to, shape ``(n_requests,)``."""
        ...

    def unrecorded(self) -> frozenset[str]:
        """Return the capabilities that its methods promise and its recordings do not hold."""
        ...


CAPABILITIES: Mapping[str, tuple[type, str]] = {
    "scores": (Scores, "scores the items put before it"),
    "judges": (Judges, "gives the probability of a like"),
    "reads_attributes": (ReadsAttributes, "reads attributes stated in a request"),
    "gives_likelihoods": (GivesLikelihoods, "gives the likelihood of known answers"),
    "denoises": (Denoises, "restores noised histories"),
    "restores_rows": (RestoresRows, "shows what it makes of any noised row"),
    "draws": (Draws, "draws its answers at random"),
    "decodes_semantic_ids": (DecodesSemanticIds, "writes items as tuples of codes"),
    "generates_vectors": (GeneratesVectors, "makes points in the space of items"),
    "gives_token_likelihoods": (GivesTokenLikelihoods, "gives the likelihood of each token of a text"),
    "completes_text": (CompletesText, "goes on with a text"),
    "exposes_representations": (ExposesRepresentations, "shows its vector for a person"),
    "encodes_text": (EncodesText, "gives items their codes from their words"),
    "has_base": (HasBase, "can be asked as it was before tuning"),
    "writes_text": (WritesText, "answers in free text"),
    "reads_titles": (ReadsTitles, "reads the words of titles"),
    "reads_order": (ReadsOrder, "writes histories as ordered lists"),
    "trainable": (Trainable, "can be trained again from its own recipe"),
}


UNNAMED: dict[str, str] = {
    "ranks": "answers requests",
    "retrieves": "searches the whole catalogue",
    "recorded": "repeats recorded lists",
}
"""Capabilities without a protocol of their own."""


def capabilities(model: Recommender) -> frozenset[str]:
    """Name what a model can do, by its methods.

    An attribute reader that reads none is not one, nor does a model encode text whose codes come from
    elsewhere. A model searches the whole catalogue unless it judges items one by one: that is asked about
    items put before it, and its lists would cost a call an item. What repeats recorded lists searches
    nothing: a probe that it can answer says so in its needs.
    """
    found = {name for name, (protocol, _) in CAPABILITIES.items() if isinstance(model, protocol)}
    if isinstance(model, ReadsAttributes) and not model.readable_attributes():
        found.discard("reads_attributes")
    if isinstance(model, EncodesText) and not model.item_texts():
        found.discard("encodes_text")
    if isinstance(model, Recorded):
        found = (found | {"recorded"}) - model.unrecorded()
    elif "judges" not in found:
        found.add("retrieves")
    return frozenset(found | {"ranks"})


def lacking(needs: Sequence[str], can: Collection[str]) -> list[str]:
    """The needs that these capabilities do not meet; "a|b" is met by either."""
    return [need for need in needs if not set(need.split("|")) & set(can)]
