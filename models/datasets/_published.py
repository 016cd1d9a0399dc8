"""TALLRec's published questions as rows of ids and as prompts, and the way from each to the other."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..data import Catalog, DataError, Example, History, InteractionLog
from ..tallrec_text import book_text, input_text, instruction, kind_of, output_text, parse_input


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """One published question in the owner's ids; ``user`` is "" and ``timestamp`` None where unsaid."""

    user: str
    history: tuple[str, ...]
    likes: tuple[bool, ...]
    target: str
    liked: bool
    timestamp: int | None = None


@dataclass(frozen=True)
class Prompt:
    """One published question as text, in TALLRec's own three fields."""

    instruction: str
    input: str
    output: str


def rows_to_prompts(rows: Sequence[PublishedRow], catalog: Catalog, *, kind: str = "movie") -> list[Prompt]:
    """Write rows of ids as the published prompts, letter by letter.

    Raises
    ------
    DataError
        If an id is not in the catalogue (the ids of the published book rows have no titles anywhere).
    """
    return [_prompt(row, catalog, kind) for row in rows]


def prompts_to_rows(prompts: Sequence[Prompt], catalog: Catalog) -> list[PublishedRow]:
    """Read prompts back into ids; the rows write the same prompts again.

    A prompt names no user and no time and lists likes before dislikes, so the order between the two is
    lost. Of items that share a title (18 pairs in ML-100K) the first is taken.

    Raises
    ------
    DataError
        If a prompt is not in TALLRec's form, or names a title that the catalogue lacks.
    """
    known: dict[str, dict[str, str]] = {"movie": {}, "book": {item: item for item in catalog.ids}}
    for item, title in zip(catalog.ids, catalog.titles, strict=True):
        known["movie"].setdefault(title, item)
    return [_row_of(prompt, known, number) for number, prompt in enumerate(prompts, start=1)]


def to_examples(rows: Sequence[PublishedRow], log: InteractionLog) -> list[Example]:
    """The same questions in the positions of ``log``, as models and probes read them.

    Raises
    ------
    DataError
        If the log lacks a user or an item.
    """
    users = {user: position for position, user in enumerate(log.user_ids)}
    items = log.catalog.position
    found: list[Example] = []
    for row in rows:
        if row.user not in users or not {*row.history, row.target} <= items.keys():
            raise DataError(
                f"data {log.name!r} lacks the user or an item of {row}: load the data of these rows"
            )
        history = History(users[row.user], tuple(items[item] for item in row.history), row.likes)
        found.append(Example(history, items[row.target], row.liked))
    return found


def as_json(prompts: Sequence[Prompt]) -> str:
    """Prompts as the text of a file in TALLRec's own form."""
    return json.dumps([asdict(prompt) for prompt in prompts], indent=4)


def read_rows(path: Path) -> list[PublishedRow]:
    """A published csv of ids, movies or books.

    Raises
    ------
    DataError
        Naming the line that cannot be read.
    """
    with path.open(newline="", encoding="utf-8") as lines:
        table = csv.reader(lines)
        header = ",".join(next(table, []))
        try:
            return [_row(fields) for fields in table]
        except (ValueError, TypeError):
            place = f"{path}, line {table.line_num}"
            raise DataError(f"{place}: expected {header or 'a header'}; get the file anew") from None


def read_prompts(path: Path) -> list[Prompt]:
    """A published json file of prompts.

    Raises
    ------
    DataError
        If it is no such file.
    """
    try:
        rows = json.loads(path.read_text("utf-8"))
        return [Prompt(row["instruction"], row["input"], row["output"]) for row in rows]
    except (ValueError, TypeError, KeyError) as problem:
        raise DataError(f"{path} is not a list of TALLRec prompts ({problem!r}); get the file anew") from None


def _row(fields: Sequence[str]) -> PublishedRow:
    user, history, likes, target, liked = fields[:5]
    row = PublishedRow(
        user=str(int(user)),
        history=tuple(str(int(item)) for item in json.loads(history.replace("'", '"'))),
        likes=tuple(bool(int(like)) for like in json.loads(likes)),
        target=str(int(target)),
        liked=bool(int(liked)),
        timestamp=int(fields[5]) if len(fields) == 6 else None,
    )
    if len(row.likes) != len(row.history):
        raise ValueError("a history needs one like or dislike per item")
    return row


def _row_of(prompt: Prompt, known: dict[str, dict[str, str]], number: int) -> PublishedRow:
    liked, disliked, target = parse_input(prompt.input)
    ids = known[kind_of(prompt.input)]
    texts = (*liked, *disliked, target)
    if unknown := [text for text in texts if text not in ids]:
        raise DataError(f"prompt {number} names {unknown[0]!r}, which is not in this catalogue")
    if prompt.output not in ("Yes.", "No."):
        raise DataError(f"prompt {number} answers {prompt.output[:20]!r}; expected Yes. or No.")
    *history, asked = (ids[text] for text in texts)
    return PublishedRow(
        user="",
        history=tuple(history),
        likes=(True,) * len(liked) + (False,) * len(disliked),
        target=asked,
        liked=prompt.output == "Yes.",
    )


def _prompt(row: PublishedRow, catalog: Catalog, kind: str) -> Prompt:
    if unknown := [item for item in (*row.history, row.target) if item not in catalog.position]:
        raise DataError(f"the catalogue has no item {unknown[0]!r}, so its title cannot be written")
    history = [_item_text(catalog, item, kind) for item in row.history]
    liked = [text for text, like in zip(history, row.likes, strict=True) if like]
    disliked = [text for text, like in zip(history, row.likes, strict=True) if not like]
    question = input_text(liked, disliked, _item_text(catalog, row.target, kind), kind=kind)
    return Prompt(instruction(kind=kind), question, output_text(row.liked))


def _item_text(catalog: Catalog, item_id: str, kind: str) -> str:
    item = catalog.position[item_id]
    if kind != "book":
        return catalog.titles[item]
    if not catalog.providers:
        raise DataError("prompts about books name the author: the catalogue needs one provider per item")
    return book_text(catalog.titles[item], catalog.providers[item])
