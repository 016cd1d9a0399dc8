"""LC-Rec: a language model that learns codes of items like words, by putting titles into codes and back.

Every item gets a tuple of codes, made from its title so that no two items share one as long as the last
place has codes left. One small causal language model reads words and codes and is trained on six tasks at
once: the next item after a history; a title to its codes; codes to their title; the next item where history
and answer are written in different ways; an item that fits a wish and a history; and what a history says of
its person's preferences. It recommends by the first task: the likeliest tuples, searched with beams along a
tree of the catalogue's tuples. Reference: Zheng et al. 2024, Adapting Large Language Models by Integrating
Collaborative Semantics for Recommendation (ICDE).

Simplified: a two-layer Transformer trained here from scratch stands in for LLaMA-7B, and whole words of
titles and genres for its tokens; a task is told by one token instead of an instruction; wishes and
preferences are an item's genres and the history's commonest ones, where the paper had them written by a
large model from reviews; codes come from k-means on what each level leaves over, on TF-IDF vectors, with
the last level dealt out by least cost, where the paper trains an autoencoder and uses Sinkhorn's algorithm;
words and each place of a tuple have an output layer each, so a word is never written for a code; each person
gets a row of two of the four tasks that are not the plain next item nor about items alone, after five items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal, cast

import numpy as np

from .._seeding import seeded
from ..base import ModelError, TrainingTask
from ..data import IntArray, InteractionLog
from ._asking import Reading, device
from ._codebook import Codebook, residual_kmeans
from ._generator import GeneratorConfig
from ._item_vectors import item_vectors
from ._speaker import END, NEXT, TITLE_WORDS, Speaker, Texts, Words
from ._text_coded import TextCoded
from ._windows import Rows, of_sequences, positives

if TYPE_CHECKING:
    import torch

NOBODY = -1
"""Whose the rows are that are about items alone."""

Said = tuple[str, list[int], list[int]]
"""A task, its prompt, its answer."""


@dataclass(frozen=True, kw_only=True)
class LcrecConfig(GeneratorConfig):
    """Settings of an LC-Rec.

    Parameters
    ----------
    tasks : "all" six, "items" for titles and codes of items alone, "next" for the next item alone.
    recent : how many of a history's last items the tasks show that are not the next item alone.
    readings : how often an epoch shows each item's title and codes, each way.
    dealt : how many of the other four tasks each person gets a row of, drawn anew for each.
    """

    dropout: float = 0.0
    epochs: int = 12

    tasks: Literal["all", "items", "next"] = "all"
    recent: int = 5
    readings: int = 6
    dealt: int = 2


class Lcrec(TextCoded[LcrecConfig]):
    """A generator of codes that can say what they mean."""

    title: ClassVar[str] = "LC-Rec"

    def made_ids(self, log: InteractionLog, base_users: IntArray, rng: np.random.Generator) -> Codebook:
        """Quantise the items' vectors, the last level dealt out so that items do not share a tuple."""
        own = self.config
        vectors, said, reader = item_vectors(self.catalog, own.vectors, rng=rng, log=log, users=base_users)
        book = residual_kmeans(vectors, (own.codes,) * own.levels, rng, spread_last=True)
        return replace(book, how=f"{book.how}; {said}", reader=reader)

    def task(self, log: InteractionLog, users: IntArray, rng: np.random.Generator) -> TrainingTask:
        """Start a fresh network and deal out the rows of all tasks.

        Sequences weigh as in other generators; the answer of any other task weighs about as much as its
        number of codes and words does.
        """
        config, codes = self.config, self._ids().codes
        rows = of_sequences(log, users, codes, length=config.history)
        told = self._told(log, users, rng)
        texts = Texts.of([said for said, _ in told], self._words)
        with seeded(rng):
            network = self._fresh()
        self._network = network
        first = len(rows.users) if config.tasks != "items" else 0
        a_row = float(rows.counted.sum() / len(rows.users)) * codes.shape[1]
        an_answer = max(1.0, float((texts.learnt >= 0).sum(axis=1).mean())) if told else 1.0

        def batch(places: IntArray) -> tuple[Rows, Texts, IntArray]:
            later = places >= first
            order = np.argsort(np.concatenate([np.flatnonzero(~later), np.flatnonzero(later)]))
            return rows.picked(places[~later]), texts.picked(places[later] - first), order

        def loss(dealt: tuple[Rows, Texts, IntArray]) -> torch.Tensor:
            import torch

            parts, (own, other, order) = [], dealt
            if len(own.users):
                parts.append(network.losses(own) / a_row)
            if len(other.starts):
                parts.append(network.text_losses(other) / an_answer)
            return torch.cat(parts)[torch.from_numpy(order).to(parts[0].device)]

        return TrainingTask(
            module=network.network,
            row_users=np.concatenate([rows.users[:first], [user for _, user in told]]).astype(np.int64),
            batch=batch,
            loss=loss,
            epochs=config.epochs,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
        )

    def codes_of_titles(self, titles: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the likeliest item's codes for each title, along the tree of the catalogue's tuples."""
        import torch

        texts = Texts.of([("title to codes", self._words.read(title), [0]) for title in titles], self._words)
        network, found = self._speaker(), list[tuple[int, ...]]()
        for start in range(0, len(titles), 256):
            part = texts.picked(np.arange(start, min(len(titles), start + 256)))
            with torch.no_grad():
                reading = Reading(network, network.read_texts(part))
                best, _ = reading.likeliest(self._trie, self.config.beams)
            found += [tuple(own) for own in best[:, 0].tolist()]
        return found

    def titles_of_codes(self, codes: IntArray) -> list[str]:
        """Return what it says each tuple, shape ``(n, L)``, is called: the likeliest word at each step."""
        import torch

        words, network = self._words, self._speaker()
        written: list[list[int]] = [[] for _ in codes]
        for _ in range(TITLE_WORDS + 1):
            said: list[Said] = [
                ("codes to title", words.codes(own), [*so_far, words.own(END)])
                for own, so_far in zip(codes, written, strict=True)
            ]
            with torch.no_grad():
                following = network.next_words(Texts.of(said, words))
            for so_far, word in zip(written, following, strict=True):
                if not so_far or so_far[-1] != words.own(END):
                    so_far.append(words.first + word)
        return [words.text([word for word in own if word != words.own(END)]) for own in written]

    def _told(self, log: InteractionLog, users: IntArray, rng: np.random.Generator) -> list[tuple[Said, int]]:
        """All rows but the plain sequences, and whose they are."""
        if self.config.tasks == "next":
            return []
        told = [(said, NOBODY) for said in self._about_items() for _ in range(self.config.readings)]
        if self.config.tasks == "all":
            told += [(said, user) for user in users.tolist() for said in self._about_person(log, user, rng)]
        return told

    def _about_items(self) -> list[Said]:
        words, codes = self._words, self._ids().codes
        both = [
            (words.read(title), words.codes(own))
            for title, own in zip(self.catalog.titles, codes, strict=True)
        ]
        there: list[Said] = [("title to codes", title, own) for title, own in both]
        return [*there, *(("codes to title", own, [*title, words.own(END)]) for title, own in both)]

    def _about_person(self, log: InteractionLog, user: int, rng: np.random.Generator) -> list[Said]:
        """One row each of some tasks about people, at a random place of this one's sequence."""
        items = positives(log.history(user))
        if len(items) < 2:
            return []
        words, codes, config = self._words, self._ids().codes, self.config
        end = int(rng.integers(1, len(items)))
        before, item = list(items[max(0, end - config.recent) : end]), items[end]
        listed, answer = words.codes(codes[before]), words.codes(codes[item])
        titles = [word for one in before for word in [words.own(NEXT), *words.read(self.catalog.titles[one])]]
        told: list[Said] = [
            ("titles to codes", titles, answer),
            ("codes to next title", listed, [*words.read(self.catalog.titles[item]), words.own(END)]),
        ]
        if wish := self._read_genres(self.catalog.genres[item]):
            told.append(("search", [*wish, words.own(NEXT), *listed], answer))
        if liked := self._read_genres(self._commonest(before)):
            told.append(("preference", listed, [*liked, words.own(END)]))
        return [told[place] for place in rng.permutation(len(told))[: config.dealt]]

    def _commonest(self, items: Sequence[int]) -> list[str]:
        """The two commonest genres of these items."""
        counts = Counter(genre for item in items for genre in self.catalog.genres[item])
        return sorted(counts, key=lambda genre: (-counts[genre], genre))[:2]

    def _read_genres(self, genres: Sequence[str]) -> list[int]:
        return [word for genre in genres for word in self._words.read(genre)]

    @cached_property
    def _words(self) -> Words:
        return Words.of(self.catalog, self._ids().sizes)

    def use_ids(self, codebook: Codebook) -> None:
        """Let the items have these codes, in the catalogue's order, instead of prepared ones.

        Raises
        ------
        ModelError
            If there is not one tuple an item.
        """
        super().use_ids(codebook)
        self.__dict__.pop("_words", None)

    def _fresh(self) -> Speaker:
        if self.config.architecture != "decoder":
            raise ModelError(f"LC-Rec is a decoder; it has no architecture {self.config.architecture!r}")
        made = Speaker.knowing(self._words, self.config.shape())
        made.network.to(device())
        return made

    def _speaker(self) -> Speaker:
        return cast(Speaker, self._trained())
