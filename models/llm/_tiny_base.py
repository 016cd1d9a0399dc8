"""A small language model of our own, pre-trained from scratch on base users' histories, then frozen.

It stands in for a downloaded LLaMA where there is none: trained on yes/no prompts alone, a model of this
size stays at chance, so it first learns, as a next-token model, which titles are liked and disliked
together. Its documents are base users' diaries, prompts without their answers, and questions about genres
and about stated attributes, so that the words of a prompt mean something before tuning starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base import Request
from ..data import History, IntArray, InteractionLog
from ..tallrec_text import INSTRUCTION, alpaca_prompt
from ._prompting import PROFILE_LINKS, PROFILE_STARTS, profile_line, prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LONGEST_TITLE = 120
BPE_SIZE = 640
TOKENS_WANTED = 800_000
FEWEST_EPOCHS, MOST_EPOCHS = 3, 16
END = "<|end|>"
PAD = "<|pad|>"
LIKED, DISLIKED = '" liked, "', '" disliked, "'
GENRE_QUESTION, PROFILE_QUESTION, ANSWER = "Is the genre of ", "Is it true: ", "? Answer: "


@dataclass(frozen=True, kw_only=True)
class TinySettings:
    """Shape and training of the tiny base; 0 epochs are as many as read ``TOKENS_WANTED``."""

    hidden: int = 96
    layers: int = 2
    heads: int = 4
    block: int = 256
    batch: int = 16
    epochs: int = 0
    learning_rate: float = 3e-3


def build_tokenizer(
    catalog_titles: Sequence[str], attributes: Mapping[str, tuple[str, ...]]
) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer in which a title, a fixed phrase and an attribute's value are one token.

    Any other text still works: it falls apart into learned word pieces and, at worst, bytes.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    words = ["Yes", "No", *dict.fromkeys(value for options in attributes.values() for value in options)]
    named = [f"{comma}{name}{link}" for name in attributes for link in PROFILE_LINKS for comma in ("", ", ")]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=BPE_SIZE, special_tokens=[PAD, END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([*catalog_titles, *_phrases(), *words], trainer)
    whole = [title for title in map(_stem, dict.fromkeys(catalog_titles)) if title]
    added = [AddedToken(text, single_word=True, normalized=False) for text in (*words, *whole)]
    added += [AddedToken(text, normalized=False) for text in (*_phrases(), *named)]
    tokenizer.add_tokens(added)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, eos_token=END)


def _stem(title: str) -> str:
    """The part of a title that is one token: up to its year; what follows it stays words of its own."""
    stem = re.sub(r"(\(\d{4}\)).*$", r"\1", title)
    return stem if stem.isprintable() and len(stem) < LONGEST_TITLE else ""


def _phrases() -> list[str]:
    before, _, after = alpaca_prompt(INSTRUCTION, "\n|\n").partition("\n|\n")
    blocks = [f"{start}User {block}: " for start in ("", "\n") for block in ("Preference", "Unpreference")]
    questions = [f".\nWhether the user will like the target {kind} " for kind in ("movie", "book")]
    return [
        before,
        after,
        *blocks,
        *questions,
        *(question[1:] for question in questions),
        *(f"\n{start}" for start in PROFILE_STARTS),
        LIKED,
        DISLIKED,
        '", "',
        GENRE_QUESTION,
        PROFILE_QUESTION,
        ANSWER,
    ]


def documents(
    log: InteractionLog,
    users: IntArray,
    *,
    states: Sequence[str],
    placebo: Mapping[str, tuple[str, ...]],
    length: int,
    kind: str,
    rng: np.random.Generator,
) -> list[str]:
    """Write the pre-training documents of these users; ``states`` are the attributes a prompt will state."""
    texts = []
    values = {name: tuple(sorted(set(log.attributes[name]))) for name in states} | dict(placebo)
    for user in users.tolist():
        history = log.history(user)
        own = {name: log.attributes[name][user] for name in states}
        profile = tuple((name, own.get(name) or str(rng.choice(options))) for name, options in values.items())
        texts.append(_diary(history, log.catalog.titles, profile, rng))
        if rng.random() < 0.5:
            texts.append(_unanswered(history, log.catalog.titles, profile, length, kind, rng))
        texts.append(_about_profile(profile, values, rng))
    texts += [_about_genre(log, item, rng) for item in range(len(log.catalog)) for _ in range(2)]
    return texts


def _diary(
    history: History, titles: Sequence[str], profile: tuple[tuple[str, str], ...], rng: np.random.Generator
) -> str:
    likes = history.liked or (True,) * len(history)
    lines = "".join(
        f"{titles[item]}{LIKED if like else DISLIKED}"
        for item, like in zip(history.items, likes, strict=True)
    )
    return f'{_profile(profile, rng)}"{lines}'


def _unanswered(
    history: History,
    titles: Sequence[str],
    profile: tuple[tuple[str, str], ...],
    length: int,
    kind: str,
    rng: np.random.Generator,
) -> str:
    end = int(rng.integers(min(length, len(history) - 1), len(history)))
    window = history.reordered(range(max(0, end - length), end))
    request = Request(history=window, attributes=profile, wording=int(rng.integers(2)))
    return prompt(request, titles, history.items[end], kind=kind)


def _about_profile(
    profile: tuple[tuple[str, str], ...], values: Mapping[str, tuple[str, ...]], rng: np.random.Generator
) -> str:
    if not profile:
        return ""
    shown = tuple((name, str(rng.choice(values[name]))) for name, _ in profile)
    name, value = shown[int(rng.integers(len(shown)))]
    asked = value if rng.random() < 0.5 else str(rng.choice(values[name]))
    truth = "Yes" if asked == value else "No"
    return f"{_profile(shown, rng)}{PROFILE_QUESTION}{name} {asked}{ANSWER}{truth}."


def _about_genre(log: InteractionLog, item: int, rng: np.random.Generator) -> str:
    genres = log.catalog.genres[item]
    others = sorted({genre for own in log.catalog.genres for genre in own} - set(genres))
    true = bool(genres) and (not others or rng.random() < 0.5)
    if not genres and not others:
        return ""
    genre = str(rng.choice(genres if true else others))
    return f'{GENRE_QUESTION}"{log.catalog.titles[item]}": {genre}{ANSWER}{"Yes" if true else "No"}.'


def _profile(profile: tuple[tuple[str, str], ...], rng: np.random.Generator) -> str:
    return "\n" + profile_line(profile, int(rng.integers(2))) if profile else ""


def pretrain(
    tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], settings: TinySettings, rng: np.random.Generator
) -> Any:
    """Train a Llama of this shape from scratch to continue these documents; returns it frozen.

    The documents are dealt anew into blocks each epoch; the learning rate falls linearly to zero.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=settings.hidden,
            intermediate_size=settings.hidden * 8 // 3 // 8 * 8,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            max_position_embeddings=2048,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )
    encoded = [
        ids + [tokenizer.eos_token_id] for ids in tokenizer([text for text in texts if text])["input_ids"]
    ]
    length = sum(map(len, encoded))
    epochs = settings.epochs or min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(TOKENS_WANTED / length)))
    steps = epochs * (length // settings.block // settings.batch + 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=0.01)
    decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / steps))
    model.train()
    for _ in range(epochs):
        for block in _blocks(encoded, settings, rng):
            loss = model(input_ids=torch.from_numpy(block), labels=torch.from_numpy(block)).loss
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            decay.step()
    return model.eval().requires_grad_(False)


def _blocks(encoded: list[list[int]], settings: TinySettings, rng: np.random.Generator) -> list[IntArray]:
    stream = np.concatenate([np.asarray(encoded[place]) for place in rng.permutation(len(encoded))])
    rows = stream[: len(stream) // settings.block * settings.block].reshape(-1, settings.block)
    return [rows[start : start + settings.batch] for start in range(0, len(rows), settings.batch)]
