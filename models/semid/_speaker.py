"""One small Transformer for codes of items and for words, so that titles can be put into codes and back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..data import Catalog, IntArray
from ._decoder import PARTS, Decoder, Memory, Shape
from ._windows import Rows

if TYPE_CHECKING:
    import torch

MOST_WORDS, TITLE_WORDS = 20_000, 16
ANSWER, NEXT, END, UNKNOWN = range(4)
"""Words of our own: here the answer begins, here the next title begins, here it ends, a word not known."""
STARTS = (
    "next item",
    "title to codes",
    "codes to title",
    "titles to codes",
    "codes to next title",
    "search",
    "preference",
)
"""The tasks; each has a start token of its own."""


@dataclass(frozen=True, eq=False)
class Words:
    """The words that can be read and written, each a number; codes of items come first.

    Parameters
    ----------
    sizes : how many codes there are at each place.
    known : the words in the order of their numbers, our own first.
    """

    sizes: tuple[int, ...]
    known: tuple[str, ...]

    @classmethod
    def of(cls, catalog: Catalog, sizes: tuple[int, ...]) -> Words:
        """The commonest words of titles and genres."""
        texts = [*catalog.titles, *(genre for own in catalog.genres for genre in own)]
        counts = Counter(word for text in texts for word in split(text))
        common = sorted(counts, key=lambda word: (-counts[word], word))[:MOST_WORDS]
        return cls(sizes, ("<answer>", "<next>", "<end>", "<unknown>", *common))

    @property
    def first(self) -> int:
        """The number of the first word: as many as there are codes."""
        return sum(self.sizes)

    def read(self, text: str) -> list[int]:
        """The numbers of the first words of a text."""
        return [self.first + self._places.get(word, UNKNOWN) for word in split(text)[:TITLE_WORDS]]

    def own(self, word: int) -> int:
        """The number of a word of our own."""
        return self.first + word

    def codes(self, codes: IntArray) -> list[int]:
        """The numbers of tuples of codes, shape ``(..., L)``, in a row."""
        offsets = np.cumsum([0, *self.sizes[:-1]])
        return [int(number) for number in (codes + offsets).reshape(-1)]

    def text(self, numbers: Sequence[int]) -> str:
        """The words behind these numbers."""
        return " ".join(self.known[number - self.first] for number in numbers)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.known)}


def split(text: str) -> list[str]:
    """The words of a text in small letters, without marks."""
    return re.findall(r"\w+", text.lower())


@dataclass(frozen=True, eq=False)
class Texts:
    """Prompts and answers, filled up on the right.

    Parameters
    ----------
    numbers : of codes and words, shape ``(n, T)``.
    learnt : the output layer that is to learn a number: a code's place, or the number of places for a word;
        -1 where nothing is to be learnt; shape ``(n, T)``.
    starts : which task it is, as a place in ``STARTS``, shape ``(n,)``.
    """

    numbers: IntArray
    learnt: IntArray
    starts: IntArray

    @classmethod
    def of(cls, said: Sequence[tuple[str, list[int], list[int]]], words: Words) -> Texts:
        """Fill up rows of (task, prompt, answer); an answer in codes is one tuple, any other ends in END."""
        length = max((len(prompt) + len(answer) + 1 for _, prompt, answer in said), default=0)
        numbers, learnt = (np.full((len(said), length), fill, dtype=np.int64) for fill in (0, -1))
        for row, (_, prompt, answer) in enumerate(said):
            whole = [*prompt, words.own(ANSWER), *answer]
            numbers[row, : len(whole)] = whole
            in_codes = bool(answer) and answer[0] < words.first
            places = np.arange(len(answer)) if in_codes else len(words.sizes)
            learnt[row, len(prompt) + 1 : len(whole)] = places
        return cls(numbers, learnt, np.array([STARTS.index(task) for task, _, _ in said], dtype=np.int64))

    def picked(self, places: IntArray) -> Texts:
        """The rows at these places, no wider than the longest of them."""
        width = int(self.lengths[places].max(initial=1))
        return Texts(self.numbers[places, :width], self.learnt[places, :width], self.starts[places])

    @property
    def lengths(self) -> IntArray:
        """Numbers of each row, shape ``(n,)``: every answer ends in one that is learnt."""
        ends: IntArray = ((self.learnt >= 0) * np.arange(1, self.learnt.shape[1] + 1)).max(axis=1, initial=0)
        return ends


@dataclass(frozen=True, eq=False)
class Speaker(Decoder):
    """A decoder of codes that also reads and writes words; its start token says which task it is."""

    @classmethod
    def knowing(cls, words: Words, shape: Shape) -> Speaker:
        """Build it untrained."""
        from torch import nn

        plain = Decoder.fresh(words.sizes, replace(shape, user_tokens=len(STARTS)))
        n_words = len(words.known)
        plain.network["codes"] = nn.Embedding(words.first + n_words, shape.width)
        plain.network["heads"].append(nn.Linear(shape.width, n_words))  # type: ignore[operator, union-attr]
        for part in (plain.network["codes"], plain.network["heads"][-1]):  # type: ignore[index]
            nn.init.normal_(part.weight, std=0.02)
        return cls(plain.network, plain.sizes, plain.shape)

    def text_losses(self, texts: Texts) -> torch.Tensor:
        """Return minus the log-probability of each row's answer, nats, ``(n,)``."""
        import torch

        order = np.argsort(texts.lengths, kind="stable")
        parts = [part for part in np.array_split(order, PARTS) if len(part)]
        found = torch.cat([self._text_losses(texts.picked(part)) for part in parts])
        return found[torch.from_numpy(np.argsort(order)).to(found.device)]

    def _text_losses(self, texts: Texts) -> torch.Tensor:
        import torch

        x = self._opened(texts)[:, :-1]
        states, _ = self._through(x, torch.arange(x.shape[1], device=x.device))
        numbers, learnt = (torch.from_numpy(part).to(x.device) for part in (texts.numbers, texts.learnt))
        offsets, total = np.cumsum([0, *self.sizes]), torch.zeros(len(x), device=x.device)
        for layer, offset in enumerate(offsets.tolist()):
            wanted = learnt == layer
            lost = torch.nn.functional.cross_entropy(
                self.logits(states[wanted], layer), numbers[wanted] - offset, reduction="none"
            )
            total = total.index_add(0, wanted.nonzero()[:, 0], lost)
        return total

    def next_words(self, texts: Texts) -> list[int]:
        """Return the likeliest word in the place of each row's last one, as a place among the words."""
        import torch

        x = self._opened(texts)
        states, _ = self._through(x, torch.arange(x.shape[1], device=x.device))
        last = texts.learnt.shape[1] - 1 - (texts.learnt[:, ::-1] >= 0).argmax(axis=1)
        said = states[torch.arange(len(x), device=x.device), torch.from_numpy(last).to(x.device)]
        found: list[int] = self.logits(said, len(self.sizes)).argmax(dim=1).tolist()
        return found

    def read_texts(self, texts: Texts) -> Memory:
        """Read prompts, as far as their answers begin."""
        import torch

        x = self._opened(texts)
        states, kept = self._through(x, torch.arange(x.shape[1], device=x.device))
        ends = torch.from_numpy((texts.learnt >= 0).argmax(axis=1)).to(x.device)
        return Memory(kept, states[torch.arange(len(x), device=x.device), ends], ends + 1)

    def _opened(self, texts: Texts) -> torch.Tensor:
        """The start tokens and the numbers, shape ``(n, 1 + T, width)``."""
        import torch

        device = self.network["codes"].weight.device
        numbers, starts = (torch.from_numpy(part).to(device) for part in (texts.numbers, texts.starts))
        start = self.network["start"](starts)[:, None]
        return torch.cat([start, self.network["codes"](numbers)], dim=1)  # type: ignore[arg-type]

    def _entries(self, rows: Rows) -> torch.Tensor:
        """As a decoder's, with the start token of the task instead of a user's."""
        return super()._entries(replace(rows, users=np.zeros_like(rows.users)))
