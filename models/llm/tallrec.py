"""TALLRec: a language model tuned with LoRA to answer whether a user will like an item.

Reads a user's liked and disliked titles and a target title, answers "Yes." or "No."; a score is the log-odds
of Yes from the first answer token's raw logits, a ranking sorts a stated candidate set by it. Reference:
Bao et al. 2023, TALLRec: An Effective and Efficient Tuning Framework to Align Large Language Model with
Recommendation (RecSys).

Simplified: without `base`, a two-layer Llama pre-trained here on base users' histories stands in for
LLaMA-7B with its Alpaca adapter; the loss is the cross-entropy between the two answers instead of over the
whole answer text; the preset `attributes`, which is the default, adds one line to the published prompt that
states the user's attributes and trains those words' embeddings; the preset `published` does neither.
"""

from __future__ import annotations

import copy
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .._seeding import seeded
from ..base import ModelError, Recommendation, Request, Slate, TrainingTask
from ..data import Catalog, Example, FloatArray, History, IntArray, InteractionLog, examples
from ._continuation import continued
from ._network import load_network, tune, tuned_network, write_network
from ._prompting import PLACEBO, PROFILE_STARTS, prompt, prompt_digest
from ._reader import YesNoReader, answer_logits, answer_tokens, right_padded, states_of
from ._tiny_base import TinySettings, build_tokenizer, documents, pretrain
from ._token_likelihoods import token_likelihoods

if TYPE_CHECKING:
    import torch

PRESETS: dict[str, dict[str, object]] = {
    "attributes": {"states": "gender,age,occupation"},
    "published": {"states": ""},
}

ROWS_WANTED = 4500


@dataclass(frozen=True, kw_only=True)
class TallrecConfig:
    """Settings of a TALLRec.

    Parameters
    ----------
    base : "tiny" builds a base model here; else a local path or hub name of a causal language model.
    states : the attributes that the prompt states, separated by commas, as far as the data has them.
    kind : what the items are called in the prompt, "movie" or "book".
    history : how many interactions a prompt shows.
    rows_per_user : latest rows of each user to tune on; 0: so many that a third of the data's users,
        about an audit's members, give some 4,500.
    shots : rows to tune on in all; 0: no limit.
    rank, scaling, dropout : of the LoRA adapters on the query and value projections.
    epochs, batch_size, learning_rate : of the tuning; the published run on LLaMA-7B used 1e-4.
    base_epochs : of the tiny base's pre-training; 0: so many that it reads some 800,000 tokens.
    """

    base: str = "tiny"
    states: str = "gender,age,occupation"
    kind: str = "movie"
    history: int = 10
    rows_per_user: int = 0
    shots: int = 0
    rank: int = 8
    scaling: int = 16
    dropout: float = 0.05
    epochs: int = 3
    batch_size: int = 32
    learning_rate: float = 3e-3
    base_epochs: int = 0


class Tallrec:
    """A yes/no recommender on a causal language model."""

    smallest_history: ClassVar[int] = 12

    def __init__(self, catalog: Catalog, config: TallrecConfig) -> None:
        self.catalog = catalog
        self.config = config
        self._profiles: dict[str, tuple[str, ...]] = {}
        self._user_ids: tuple[str, ...] = ()
        self._tokenizer: Any = None
        self._base: Any = None
        self._network: Any = None
        self._reader: YesNoReader | None = None

    def prepare(self, log: InteractionLog, base_users: IntArray, rng: np.random.Generator) -> None:
        """Build the tiny base on base users' histories, or load the named one."""
        self._know_users(log)
        if self.config.base != "tiny":
            self._tokenizer, self._base = load_network(self.config.base)
            return
        values = {**self.readable_attributes(), **self.placebo_attributes()}
        self._tokenizer = build_tokenizer(self.catalog.titles, values)
        texts = documents(
            log,
            base_users,
            states=tuple(self._profiles),
            placebo=self.placebo_attributes(),
            length=self.config.history,
            kind=self.config.kind,
            rng=rng,
        )
        settings = TinySettings(epochs=self.config.base_epochs)
        with seeded(rng):
            self._base = pretrain(self._tokenizer, texts, settings, rng)

    def twin(self) -> Tallrec:
        """Return an untuned copy on the same base."""
        twin = Tallrec(self.catalog, self.config)
        twin._profiles, twin._user_ids = self._profiles, self._user_ids
        twin._tokenizer, twin._base = self._tokenizer, self._base
        return twin

    def untuned(self) -> Tallrec:
        """Return the base model, asked with the same prompt."""
        return self.twin()

    def task(self, log: InteractionLog, users: IntArray, rng: np.random.Generator) -> TrainingTask:
        """Put adapters on a copy of the base and deal out the training rows."""
        self._know_users(log)
        config = self.config
        per_user = config.rows_per_user or max(1, round(3 * ROWS_WANTED / log.n_users))
        rows = examples(log, users, per_user=per_user, length=config.history, rng=None)
        if config.shots and len(rows) > config.shots:
            rows = [rows[place] for place in np.sort(rng.choice(len(rows), config.shots, replace=False))]
        if not rows:
            raise ModelError(
                f"no user to tune on has more than {config.history} interactions; lower history or add data"
            )
        return self.task_on(rows, rng)

    def task_on(self, rows: Sequence[Example], rng: np.random.Generator) -> TrainingTask:
        """Put adapters on a copy of the base, to be tuned on these very rows (a published split's)."""
        config = self.config
        wordings = rng.integers(self.wordings(), size=len(rows))
        texts = [
            self._text(replace(_about(row), wording=int(w))) for row, w in zip(rows, wordings, strict=True)
        ]
        tokens: list[list[int]] = self._tokenizer(texts)["input_ids"]
        labels = np.array([float(row.liked) for row in rows], dtype=np.float32)
        with seeded(rng):
            self._network = tuned_network(
                copy.deepcopy(self._base),
                rank=config.rank,
                scaling=config.scaling,
                dropout=config.dropout,
                words=self._stated_tokens(),
            )
        self._reader = None
        return TrainingTask(
            module=self._network,
            row_users=np.array([row.history.user for row in rows]),
            batch=lambda places: (*right_padded([tokens[place] for place in places]), labels[places]),
            loss=partial(self._loss, answer_tokens(self._tokenizer)),
            epochs=config.epochs,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
        )

    def _loss(
        self, answers: tuple[int, int], batch: tuple[np.ndarray, np.ndarray, np.ndarray]
    ) -> torch.Tensor:
        import torch

        tokens, last, labels = (torch.from_numpy(part) for part in batch)
        states = states_of(self._network, tokens)[torch.arange(len(last)), last]
        odds = answer_logits(self._network, states, answers)
        return torch.nn.functional.binary_cross_entropy_with_logits(odds, labels, reduction="none")

    def log_odds(self, requests: Sequence[Request]) -> list[FloatArray]:
        """Return log p(Yes) - log p(No) per candidate, nats."""
        texts = [
            self._text(request, item)
            for request in requests
            for item in request.candidates or self._everything()
        ]
        odds = self._read().read(texts)
        ends = np.cumsum([len(request.candidates or self.catalog.ids) for request in requests])
        return np.split(odds, ends[:-1]) if requests else []

    def score(self, requests: Sequence[Request]) -> list[FloatArray]:
        """Return the log-odds of Yes as scores."""
        return self.log_odds(requests)

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        """Return the ``k`` candidates with the highest log-odds of Yes."""
        slates = []
        for request, odds in zip(requests, self.log_odds(requests), strict=True):
            items = request.candidates or tuple(self._everything())
            best = np.argsort(-odds, kind="stable")[:k].tolist()
            slates.append(Slate(request, tuple(Recommendation(items[i], float(odds[i])) for i in best)))
        return slates

    def log_likelihood(self, examples: Sequence[Example]) -> FloatArray:
        """Return log p(true answer) against the other answer, nats, shape ``(n_examples,)``."""
        odds = self._read().read([self._text(_about(example)) for example in examples])
        sign = np.array([1.0 if example.liked else -1.0 for example in examples])
        likelihood: FloatArray = -np.logaddexp(0, -sign * odds)
        return likelihood

    def example_texts(self, examples: Sequence[Example]) -> list[str]:
        """Return each example's prompt with its answer."""
        return [self._text(_about(example)) + ("Yes." if example.liked else "No.") for example in examples]

    def token_likelihoods(self, texts: Sequence[str]) -> list[FloatArray]:
        """Return log p(x_t), and mean and deviation of log p there, for each token but the first; nats."""
        return token_likelihoods(self._read().network, self._tokenizer, texts)

    def representations(self, histories: Sequence[History]) -> FloatArray:
        """Return the last hidden state where the answer about the first item begins, ``(n, hidden)``.

        Everybody is asked about the same item; the prompt states what the system knows of the user.
        """
        texts = [self._text(Request(history=one, candidates=(0,))) for one in histories]
        return self._read().states(texts)

    def complete(self, texts: Sequence[str], *, n_tokens: int) -> list[str]:
        """Return the likeliest continuation of each text, at most ``n_tokens`` tokens long."""
        return continued(self._read().network, self._tokenizer, texts, n_tokens=n_tokens)

    def readable_attributes(self) -> Mapping[str, tuple[str, ...]]:
        """Return the stated attributes with the values seen in the data."""
        return {name: tuple(sorted(set(values) - {""})) for name, values in self._profiles.items()}

    def placebo_attributes(self) -> Mapping[str, tuple[str, ...]]:
        """Return the meaningless attribute that every stated profile ends with."""
        return PLACEBO if self._profiles else {}

    def wordings(self) -> int:
        """Return how many wordings of the profile line it was tuned on."""
        return len(PROFILE_STARTS) if self._profiles else 1

    def layouts(self) -> tuple[str, ...]:
        """Return the orders in which it can be shown likes and dislikes."""
        return ("as_trained", "swapped")

    def render(self, request: Request) -> str:
        """Return the prompt about the request's first candidate."""
        return self._text(request)

    def describe(self) -> Mapping[str, object]:
        """Return what a record says of this model."""
        tiny = self.config.base == "tiny"
        return {
            "title": "TALLRec",
            "base": "from scratch: a two-layer Llama pre-trained on base users" if tiny else self.config.base,
            "prompt_sha256": prompt_digest(),
            "settings": asdict(self.config),
        }

    def save(self, folder: Path) -> None:
        """Write the tokenizer, the base (if it was made here), the adapters and what is known of users."""
        self._tokenizer.save_pretrained(folder / "tokenizer")
        if self.config.base == "tiny":
            write_network(self._base, folder / "base")
        if self._network is not None:
            write_network(self._network, folder / "adapter")
        (folder / "tallrec.json").write_text(json.dumps(asdict(self.config)))

    def load(self, folder: Path, log: InteractionLog) -> None:
        """Read what ``save`` wrote."""
        self._know_users(log)
        source = str(folder / "base") if self.config.base == "tiny" else self.config.base
        self._tokenizer, self._base = load_network(source, tokenizer=str(folder / "tokenizer"))
        if (folder / "adapter").exists():
            self._network = tune(copy.deepcopy(self._base), folder / "adapter")

    def _know_users(self, log: InteractionLog) -> None:
        wanted = [name.strip() for name in self.config.states.split(",") if name.strip()]
        self._profiles = {name: tuple(log.attributes[name]) for name in wanted if name in log.attributes}
        self._user_ids = log.user_ids

    def _everything(self) -> range:
        return range(len(self.catalog))

    def _read(self) -> YesNoReader:
        if self._reader is None:
            if self._base is None:
                raise ModelError("this TALLRec has no base model yet; call prepare or load first")
            self._reader = YesNoReader(self._asked(), self._tokenizer)
        return self._reader

    def _asked(self) -> Any:
        """The network that answers; a tiny one with its adapters merged in, which is quicker to ask."""
        if self._network is None:
            return self._base
        if self.config.base != "tiny":
            return self._network
        return copy.deepcopy(self._network).merge_and_unload()

    def _text(self, request: Request, item: int | None = None) -> str:
        if not request.attributes and self._profiles:
            request = replace(request, attributes=self._own(request.history.user))
        item = request.candidates[0] if item is None else item
        return prompt(request, self.catalog.titles, item, kind=self.config.kind)

    def _own(self, user: int) -> tuple[tuple[str, str], ...]:
        """What the system knows of a user; the placebo's value is a fixed coin per user."""
        coin = zlib.crc32(f"placebo:{self._user_ids[user]}".encode())
        known = [(name, values[user]) for name, values in self._profiles.items()]
        return (*known, *((name, values[coin % len(values)]) for name, values in PLACEBO.items()))

    def _stated_tokens(self) -> tuple[int, ...]:
        """The tokens of attribute values: a frozen base that never needed them would hide any effect."""
        values = {**self.readable_attributes(), **self.placebo_attributes()}
        words = [word for options in values.values() for word in options]
        return (
            tuple(sorted({token for ids in self._tokenizer(words)["input_ids"] for token in ids}))
            if words
            else ()
        )


def _about(example: Example) -> Request:
    return Request(history=example.history, candidates=(example.target,))
